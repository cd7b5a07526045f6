//! English.

use super::{Language, Show, Words};
use crate::types::settings::{HYSTERESIS_RANGE_F, MIXING_VALVE_ABOVE_F, TARGET_RANGE_F};
use crate::types::status::{Circuit, Demo, Reason, Status, Trigger, TriggerId, Trip, Validity};
use crate::units::{trimmed, watts};

/// English.
pub static ENGLISH: Language = Language {
    tag: "en",
    words: WORDS,
    headline,
    why,
    circuit_state,
    trip,
    trip_advice,
    warning,
    sensor,
    relay,
    validity,
    span,
    demo,
    age,
    window,
    regulation_error,
    circuit,
    tank,
    coverage,
    plot_summary,
    forced,
};

const WORDS: Words = Words {
    // Around every page.
    skip: "Skip to the content",
    navigation: "Pages",
    dashboard: "Dashboard",
    control: "Control",
    log_in: "Log in",
    log_out: "Log out",
    unit: "Temperature unit",
    demo_hint: "The whole plant is simulated.",
    plant_time: "Plant time:",
    connecting: "Connecting",
    live: "Live",
    offline: "Offline",
    lost_showing: "Connection lost, trying again. What you see is from",
    lost_nothing: "Connection lost, trying again.",
    loading: "Loading …",
    time: "Time",
    cancel: "Cancel",
    try_again: "Try again",
    no_answer: "Suntank does not answer. Check the connection and try again.",
    please_log_in: "Your session has ended. Please log in again.",

    // All-off and trips.
    all_off: "All off",
    all_off_failed: "All off: try again",
    all_is_off: "All is off",
    all_off_stays: "Nothing heats until someone resumes.",
    all_off_hint: "Opens all relays at once and keeps them open until someone resumes.",
    resume: "Resume",
    trip_title: "Stopped for safety",
    trip_critical: "Danger: use the DC disconnect",
    to_control: "Go to Control",
    clear_trip: "Clear the trip",
    self_test: "Self-test",
    self_test_question: "The circuit closes for a moment, until 1 A has flowed, so that its contacts and its element prove themselves. The trip can be cleared once they have.",
    clear_trip_question: "The circuits may heat again after this. Clear the trip only if its cause has been found and mended.",

    // Dashboard.
    no_picture: "No connection to Suntank.",
    last_24h: "Last 24 hours",
    now: "Now",
    of_the_sun: "into the water",
    target: "target",
    inside: "inside",
    outside: "outside",
    inside_relay: "Inside relay",
    outside_relay: "Outside relay",
    closed: "closed",
    suspect: "suspect",
    open: "open",
    not_fitted: "not fitted",
    by_hand: "by hand",
    volts: "Volts",
    amperes: "Amperes",
    watts: "Watts",
    ohms: "Ohms",
    power_plot: "Power",
    temperature_plot: "Tank temperatures",
    plot_failed: "The history can't be read right now. Trying again.",
    chart_keys: "Arrow keys move through the day.",
    as_table: "As a table",

    // Logging in.
    name: "Name",
    password: "Password",
    show: "Show",
    hide: "Hide",
    logging_in: "Logging in …",
    name_missing: "Enter your name.",
    password_missing: "Enter your password.",
    wrong_login: "Name or password is wrong.",
    log_in_first: "Log in to control Suntank.",

    // Control.
    whole_plant: "Everything",
    by_hand_title: "By hand",
    by_hand_hint: "Goes before thermostat and night window for a while, then gives way. The watchdog stays on.",
    single_relays: "Single relays",
    single_relays_hint: "For checking the installation. A circuit heats only while all its relays are closed.",
    automatic: "Auto",
    on: "On",
    off: "Off",
    for_time: "for",
    done_off: "All relays are open.",
    done_resumed: "Resumed.",
    done_cleared: "The trip is cleared.",
    done_self_test: "The self-test waits for a minute of rest and for sun. Its end is in the log.",

    // Targets.
    targets: "Targets",
    target_label: "Target",
    hysteresis_label: "Start again this far below",
    mixing_valve: "A mixing valve is fitted, so that nobody is scalded",
    window: "Day and night",
    after_sunrise: "Start after sunrise",
    before_sunset: "Stop before sunset",
    minutes: "min",
    agreeing_samples: "Samples that must agree",
    save: "Save",
    saved: "Saved.",
    unsaved: "Not saved yet",
    mend_fields: "Not saved: please look at the marked fields.",
    not_a_number: "Enter a number.",
    changed_meanwhile: "Someone else changed these settings meanwhile. Reload to see them; what you typed is lost then.",
    reload: "Reload",
    not_two_circuits: "The settings are not those of two circuits.",

    // No such page.
    not_found: "No such page",
    not_found_detail: "The address may be mistyped, or the page has moved.",
    to_dashboard: "To the dashboard",
};

/// With less than this, watts, the sun is not doing anything worth telling.
const WORTH_TELLING_W: f64 = 20.0;

fn headline(status: &Status, show: &dyn Show) -> String {
    match &status.trip {
        Some(trip) if trip.trigger == TriggerId::UnexpectedCurrent => {
            return "Danger: use the DC disconnect.".into();
        }
        Some(_) => return "Stopped for safety.".into(),
        None => {}
    }
    if status.all_off {
        return "Everything is switched off until someone resumes.".into();
    }
    let heating: Vec<_> = status.circuits.iter().filter(|c| c.on).collect();
    if let Some(first) = heating.first() {
        return heating_headline(&heating, first);
    }
    for circuit in &status.circuits {
        if matches!(circuit.reason, Reason::SensorNotReady { .. }) {
            return format!("Circuit {} is waiting for a sensor.", circuit.id);
        }
    }
    let reasons = || status.circuits.iter().map(|c| &c.reason);
    if reasons().any(|r| matches!(r, Reason::NoClock)) {
        return "Waiting for the right time of day.".into();
    }
    for reason in reasons() {
        if let Reason::Night { until } = reason {
            return match until {
                Some(at) => format!("Resting for the night, until {}.", show.time(*at)),
                None => "Resting for the night.".into(),
            };
        }
    }
    if reasons().any(|r| matches!(r, Reason::NoVoltage)) {
        return "Ready to heat, waiting for the sun.".into();
    }
    if reasons().all(|r| matches!(r, Reason::AtTarget { .. })) && !status.circuits.is_empty() {
        return "Both tanks are hot.".into();
    }
    if reasons().any(|r| matches!(r, Reason::BootHold { .. })) {
        return "Just started, taking a first look.".into();
    }
    "Nothing to heat right now.".into()
}

fn heating_headline(heating: &[&Circuit], first: &Circuit) -> String {
    let tanks = match heating.len() {
        1 => format!("tank {}", first.id),
        _ => "both tanks".into(),
    };
    match heating.iter().map(|c| c.power_w).sum::<Option<f64>>() {
        Some(power_w) if power_w < WORTH_TELLING_W => {
            format!("Ready to heat {tanks}, waiting for the sun.")
        }
        Some(power_w) => format!("The sun is heating {tanks} with {}.", watts(power_w)),
        None => format!("Heating {tanks}."),
    }
}

fn why(circuit: &Circuit, show: &dyn Show) -> String {
    match &circuit.reason {
        Reason::Tripped {
            trigger,
            circuit: tripped,
            ..
        } => {
            let advice = match trigger {
                TriggerId::UnexpectedCurrent => "Use the DC disconnect, then reset after a check.",
                _ => "Reset after a check.",
            };
            format!(
                "Stopped: {} in circuit {tripped}. {advice}",
                trigger_name(*trigger)
            )
        }
        Reason::SensorNotReady {
            sensor: id,
            validity: wrong,
        } => format!(
            "Off: {} {}. Back on by itself once it reads well.",
            sensor(id).to_lowercase(),
            validity_clause(*wrong)
        ),
        Reason::BootHold { remaining_ms } => format!(
            "Off: just started. Watching the sensors for {} more.",
            span(*remaining_ms)
        ),
        Reason::Unguarded => {
            "Off: the guard that opens the relays if this program fails is not running. It is started again by itself."
                .into()
        }
        Reason::RestartLockOut => {
            "Off: the program restarted too often. Look into the log, then resume.".into()
        }
        Reason::PanelUnknown { remaining_ms: Some(left) } => {
            format!("Off: the breaker panel is back. Watching it for {} more.", span(*left))
        }
        Reason::PanelUnknown { remaining_ms: None } => {
            "Off: the breaker panel does not answer. Check its power and the network.".into()
        }
        Reason::AllOff => "Off: everything is switched off until someone resumes.".into(),
        Reason::TestMode { remaining_ms } => {
            format!("Test mode for {} more: each relay moves only by hand.", span(*remaining_ms))
        }
        Reason::SelfTest => "Testing the contacts: off and on again once.".into(),
        Reason::MinimumOff { remaining_ms } => format!(
            "Off: the contacts rest between closings, {} more.",
            span(*remaining_ms)
        ),
        Reason::TooManyClosings { remaining_ms } => format!(
            "Off: the relays have switched often this hour. They rest for {}.",
            span(*remaining_ms)
        ),
        Reason::Switching { closing: true } => "Switching on: one relay after the other.".into(),
        Reason::Switching { closing: false } => "Switching off: one relay after the other.".into(),
        Reason::NoVoltage => {
            "Off: the outside relay is closed, but no volts arrive. It is dark, a breaker is off, or the contact did not close.".into()
        }
        Reason::Override { on, remaining_ms } => format!(
            "{} by hand for {} more, then automatic.",
            if *on { "On" } else { "Off" },
            span(*remaining_ms)
        ),
        Reason::OverrideTooHot {
            temperature_f,
            limit_f,
        } => format!(
            "Off: at {} the water is too near the limit of {}, whatever else is asked for.",
            show.temperature(*temperature_f),
            show.degrees(*limit_f)
        ),
        Reason::Night { until: Some(at) } => format!("Off until {}: night window.", show.time(*at)),
        Reason::Night { until: None } => "Off: night window.".into(),
        Reason::NoClock => {
            "Off: the clock is not set, so day and night can't be told apart.".into()
        }
        Reason::AtTarget {
            temperature_f,
            target_f,
            on_below_f,
        } => format!(
            "Off: the tank is at {}, target {}. Back on below {}.",
            show.temperature(*temperature_f),
            show.degrees(*target_f),
            show.degrees(*on_below_f)
        ),
        Reason::Heating {
            temperature_f,
            target_f,
        } => format!(
            "On: the tank is at {}, heating up to {}.",
            show.temperature(*temperature_f),
            show.degrees(*target_f)
        ),
    }
}

fn circuit_state(circuit: &Circuit) -> &'static str {
    match (&circuit.reason, circuit.on) {
        (Reason::Tripped { trigger: TriggerId::UnexpectedCurrent, circuit: tripped, .. }, _)
            if *tripped == circuit.id =>
        {
            "Danger"
        }
        (Reason::Tripped { .. }, _) => "Stopped",
        (Reason::Switching { .. }, _) => "Switching",
        (
            Reason::SensorNotReady { .. }
            | Reason::BootHold { .. }
            | Reason::NoClock
            | Reason::PanelUnknown { .. }
            | Reason::RestartLockOut,
            _,
        ) => "Waiting",
        (Reason::TestMode { .. } | Reason::SelfTest, _) => "Testing",
        (_, true) => "On",
        (_, false) => "Off",
    }
}

fn trip(trip: &Trip, show: &dyn Show) -> String {
    if trip.trigger == TriggerId::LatchUnreadable {
        return "At the last start it could not be read whether the watchdog had tripped. Both circuits are switched off.".into();
    }
    let when = match trip.at {
        Some(at) => format!(" at {}", show.time(at)),
        None => String::new(),
    };
    if trip.trigger == TriggerId::GfciTrip {
        return format!(
            "Circuit {}: ground-fault breaker tripped{when}. Both circuits are switched off.",
            trip.circuit
        );
    }
    // Nothing may be called off while current flows through open relays.
    let since = match trip.trigger {
        TriggerId::UnexpectedCurrent => "",
        _ => " Both circuits are switched off.",
    };
    format!(
        "Circuit {}: {}{when}. Measured {}, limit {}.{since}",
        trip.circuit,
        trigger_name(trip.trigger),
        in_unit_of(trip.trigger, trip.value, show),
        in_unit_of(trip.trigger, trip.limit, show),
    )
}

fn trip_advice(trigger: TriggerId) -> &'static str {
    match trigger {
        TriggerId::OverCurrent => {
            "More current flowed than the string can give. Have the wiring and the element checked."
        }
        TriggerId::OverTemperature => {
            "Let the water cool, draw from it with care, and check the sensor and the thermostat."
        }
        TriggerId::Impedance => {
            "Volts and amperes don't fit the element: a short, a broken element or a bad contact. Have it checked."
        }
        TriggerId::OpenElement => {
            "Volts arrive, but no current flows: a broken element, a loose wire or a contact that did not close. Have it checked."
        }
        TriggerId::LatchUnreadable => {
            "The power may have failed just when the watchdog tripped, or the memory card is failing. Look into the log, and reset when nothing is wrong."
        }
        TriggerId::OverVoltage => {
            "More volts than the string can give: the string is longer than configured, or the voltmeter is wrong. Have it checked."
        }
        TriggerId::ReverseVoltage => {
            "The volts are the wrong way round. Have the polarity of the string and of the voltmeter checked."
        }
        TriggerId::FastRise => {
            "The temperature rose faster than water can. Check that the tank's sensor sits firmly and its cable is whole."
        }
        TriggerId::NoRise => {
            "Heat went into the tank, but its sensor did not feel it. It has probably fallen off: put it back."
        }
        TriggerId::WarmsWhileOff => {
            "The water grew warmer with the relays open. Check the relays for a weld, and whether something else heats the tank."
        }
        TriggerId::FrozenSensor => {
            "The tank's sensor says the same whatever happens. Have the sensor and its cable replaced."
        }
        TriggerId::EqualSensors => {
            "Both tank sensors say exactly the same. Check that two sensors are connected, each with an address of its own."
        }
        TriggerId::SwappedSensors => {
            "The other tank's sensor follows this tank's heat. Swap the two sensors, or their settings."
        }
        TriggerId::WeldedInside => {
            "The inside relay was told to open, but its contact carries on. Use the DC disconnect and have the relay replaced."
        }
        TriggerId::WeldedOutside => {
            "Volts arrive though the outside relay is open: its contact is welded or does not obey. Use the DC disconnect and have the relay checked."
        }
        TriggerId::GfciTrip => {
            "The ground-fault breaker has tripped: current leaks to earth. Have the leak found, reset the breaker, then the watchdog."
        }
        TriggerId::GfciLost => "The breaker panel was lost again and again. Check its power and the network to it.",
        TriggerId::UnexpectedCurrent => {
            "Current flows with the relays open. Use the DC disconnect now, and touch nothing else."
        }
    }
}

fn warning(trigger: &Trigger, show: &dyn Show) -> String {
    let values = match (trigger.value, trigger.limit) {
        (Some(value), Some(limit)) => format!(
            ": {}, limit {}",
            in_unit_of(trigger.trigger, value, show),
            in_unit_of(trigger.trigger, limit, show)
        ),
        _ => String::new(),
    };
    format!("Circuit {} is close to a trip by {}{values}.", trigger.circuit, trigger_name(trigger.trigger))
}

fn trigger_name(trigger: TriggerId) -> &'static str {
    match trigger {
        TriggerId::OverCurrent => "too much current",
        TriggerId::OverTemperature => "water too hot",
        TriggerId::Impedance => "resistance out of bounds",
        TriggerId::OpenElement => "no current through closed relays",
        TriggerId::UnexpectedCurrent => "current with relays open",
        TriggerId::LatchUnreadable => "state unknown at the start",
        TriggerId::OverVoltage => "too many volts",
        TriggerId::ReverseVoltage => "volts the wrong way round",
        TriggerId::FastRise => "temperature rising too fast",
        TriggerId::NoRise => "heat that the tank sensor does not feel",
        TriggerId::WarmsWhileOff => "water warming with relays open",
        TriggerId::FrozenSensor => "tank sensor stuck",
        TriggerId::EqualSensors => "two tank sensors that are one",
        TriggerId::SwappedSensors => "tank sensors swapped",
        TriggerId::WeldedInside => "inside relay welded",
        TriggerId::WeldedOutside => "outside relay welded",
        TriggerId::GfciTrip => "ground-fault breaker tripped",
        TriggerId::GfciLost => "breaker panel lost",
    }
}

fn in_unit_of(trigger: TriggerId, value: f64, show: &dyn Show) -> String {
    match trigger {
        TriggerId::OverCurrent | TriggerId::UnexpectedCurrent => {
            format!("{} A", trimmed(value, 2))
        }
        TriggerId::OverTemperature => show.temperature(value),
        TriggerId::Impedance | TriggerId::OpenElement => format!("{} Ω", trimmed(value, 1)),
        TriggerId::LatchUnreadable | TriggerId::GfciTrip | TriggerId::GfciLost => trimmed(value, 1),
        TriggerId::OverVoltage | TriggerId::ReverseVoltage | TriggerId::WeldedInside | TriggerId::WeldedOutside => {
            format!("{} V", trimmed(value, 0))
        }
        TriggerId::NoRise | TriggerId::FrozenSensor | TriggerId::EqualSensors => {
            format!("{} kWh", trimmed(value, 2))
        }
        TriggerId::FastRise | TriggerId::WarmsWhileOff | TriggerId::SwappedSensors => show.step(value),
    }
}

fn sensor(id: &str) -> String {
    let (kind, circuit) = id.split_at(id.len().min(1));
    let kind = match kind {
        "v" => "Voltmeter",
        "i" => "Ammeter",
        "t" => "Tank sensor",
        _ => return format!("Sensor {id}"),
    };
    format!("{kind} {circuit}")
}

fn relay(id: &str) -> String {
    match id.strip_prefix("inside") {
        Some(circuit) => format!("Inside relay {circuit}"),
        None => match id.strip_prefix("outside") {
            Some(circuit) => format!("Outside relay {circuit}"),
            None => format!("Relay {id}"),
        },
    }
}

fn validity(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "",
        Validity::NeverSeen => "no reading yet",
        Validity::Stale => "reading too old",
        Validity::Implausible => "not believable",
        Validity::Missing => "does not answer",
        Validity::Checksum => "garbled reading",
        Validity::Rail => "at the end of its range",
        Validity::Bus => "bus fault",
    }
}

/// The same as the rest of a sentence that begins with the sensor.
fn validity_clause(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "is settling",
        Validity::NeverSeen => "has not been read yet",
        Validity::Stale => "has gone silent",
        Validity::Implausible => "reads what can't be",
        Validity::Missing => "does not answer",
        Validity::Checksum => "sends garbled readings",
        Validity::Rail => "stands at the end of its range",
        Validity::Bus => "can't be reached over its bus",
    }
}

fn span(ms: u64) -> String {
    let s = ms.div_ceil(1000);
    match s {
        0..60 => format!("{s} s"),
        60..600 => format!("{} min {:02} s", s / 60, s % 60),
        600..3600 => format!("{} min", s.div_ceil(60)),
        _ => {
            let minutes = s.div_ceil(60);
            match minutes % 60 {
                0 => format!("{} h", minutes / 60),
                rest => format!("{} h {rest:02} min", minutes / 60),
            }
        }
    }
}

fn demo(demo: Demo) -> String {
    match demo.speed {
        0 | 1 => "Demo".into(),
        speed => format!("Demo {speed}×"),
    }
}

fn age(s: u64) -> String {
    match s {
        0..60 => format!("{s} s ago"),
        60..3600 => format!("{} min ago", s / 60),
        _ => format!("{} h {:02} min ago", s / 3600, s / 60 % 60),
    }
}

fn window(status: &Status, show: &dyn Show) -> String {
    let daylight = &status.daylight;
    match (daylight.opens_today, daylight.closes_today) {
        (Some(opens), Some(closes)) => {
            let change = match (daylight.open, daylight.changes_at) {
                (true, Some(at)) => format!(", open until {}", show.time(at)),
                (false, Some(at)) => format!(", opens at {}", show.time(at)),
                (_, None) => String::new(),
            };
            format!("Heating window today {} to {}{change}.", show.time(opens), show.time(closes))
        }
        _ if status.now.is_none() => "Heating window unknown: the clock is not set.".into(),
        _ if daylight.open => "The heating window is open all day.".into(),
        _ => "The heating window is closed all day.".into(),
    }
}

fn regulation_error(path: &str, show: &dyn Show) -> Option<String> {
    match path.rsplit('.').next()? {
        "target_f" => Some(format!(
            "Choose {} to {}.",
            show.degrees(*TARGET_RANGE_F.start()),
            show.temperature(*TARGET_RANGE_F.end())
        )),
        "hysteresis_f" => Some(format!(
            "Choose {} to {}.",
            show.step(*HYSTERESIS_RANGE_F.start()),
            show.step(*HYSTERESIS_RANGE_F.end())
        )),
        "mixing_valve_confirmed" => Some(format!(
            "Needed above {}: hotter water scalds within minutes.",
            show.temperature(MIXING_VALVE_ABOVE_F)
        )),
        _ => None,
    }
}

fn circuit(id: u8) -> String {
    format!("Circuit {id}")
}

fn tank(id: u8) -> String {
    format!("Tank {id}")
}

fn coverage(share: f64) -> String {
    match share {
        s if s >= 0.995 => String::new(),
        s => format!("{} % of the day measured", trimmed(s * 100.0, 0)),
    }
}

fn plot_summary(label: &str, least: &str, most: &str) -> String {
    format!("{label}: from {least} to {most}")
}

fn forced(on: bool, remaining_ms: u64) -> String {
    format!("{} by hand, {} more", if on { "On" } else { "Off" }, span(remaining_ms))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::{DateTime, Utc};

    use super::*;
    use crate::types::status::{Daylight, Energy, Reading};

    /// °F, and times as they are in UTC.
    struct Plain;

    impl Show for Plain {
        fn temperature(&self, temperature_f: f64) -> String {
            format!("{} °F", trimmed(temperature_f, 1))
        }
        fn degrees(&self, temperature_f: f64) -> String {
            trimmed(temperature_f, 1)
        }
        fn step(&self, step_f: f64) -> String {
            format!("{} °F", trimmed(step_f, 1))
        }
        fn time(&self, at: DateTime<Utc>) -> String {
            at.format("%-H:%M").to_string()
        }
    }

    fn at(hour: i64, minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(hour * 60 + minute)
    }

    fn reading() -> Reading {
        Reading { value: None, raw: None, age_ms: None, validity: Validity::NeverSeen, synthetic: false }
    }

    fn circuit_with(id: u8, on: bool, power_w: Option<f64>, reason: Reason) -> Circuit {
        Circuit {
            id,
            on,
            demand: on,
            voltage_v: reading(),
            current_a: reading(),
            tank_temp_f: reading(),
            power_w,
            resistance_ohm: None,
            target_f: 120.0,
            hysteresis_f: 2.0,
            reason,
            forced: None,
        }
    }

    fn status(one: Circuit, two: Circuit) -> Status {
        Status {
            now: Some(at(12, 0)),
            time_zone: "UTC".into(),
            sequence: 1,
            demo: None,
            circuits: vec![one, two],
            relays: vec![],
            daylight: Daylight {
                open: true,
                changes_at: Some(at(18, 30)),
                opens_today: Some(at(7, 12)),
                closes_today: Some(at(18, 30)),
            },
            all_off: false,
            trip: None,
            triggers: vec![],
            energy_24h: Energy { total_wh: 0.0, circuits_wh: vec![0.0, 0.0], coverage: 1.0 },
        }
    }

    fn at_target() -> Reason {
        Reason::AtTarget { temperature_f: 121.3, target_f: 120.0, on_below_f: 118.0 }
    }

    fn heating() -> Reason {
        Reason::Heating { temperature_f: 101.25, target_f: 120.0 }
    }

    #[track_caller]
    fn check_why(reason: Reason, sentence: &str) {
        assert_eq!(why(&circuit_with(1, false, None, reason), &Plain), sentence);
    }

    #[test]
    fn each_reason_has_its_sentence() {
        check_why(at_target(), "Off: the tank is at 121.3 °F, target 120. Back on below 118.");
        check_why(Reason::Night { until: Some(at(7, 12)) }, "Off until 7:12: night window.");
        check_why(Reason::Night { until: None }, "Off: night window.");
        check_why(heating(), "On: the tank is at 101.2 °F, heating up to 120.");
        check_why(
            Reason::Tripped { trigger: TriggerId::UnexpectedCurrent, circuit: 2, value: 1.8, limit: 0.4 },
            "Stopped: current with relays open in circuit 2. Use the DC disconnect, then reset after a check.",
        );
        check_why(
            Reason::SensorNotReady { sensor: "t2".into(), validity: Validity::Missing },
            "Off: tank sensor 2 does not answer. Back on by itself once it reads well.",
        );
        check_why(Reason::BootHold { remaining_ms: 1 }, "Off: just started. Watching the sensors for 1 s more.");
        check_why(Reason::Override { on: true, remaining_ms: 3_600_000 }, "On by hand for 1 h more, then automatic.");
    }

    #[track_caller]
    fn check_headline(spoil: impl Fn(&mut Status), sentence: &str) {
        let mut status =
            status(circuit_with(1, false, Some(0.0), at_target()), circuit_with(2, false, Some(0.0), at_target()));
        spoil(&mut status);
        assert_eq!(headline(&status, &Plain), sentence);
    }

    #[test]
    fn the_headline_says_what_matters_most() {
        check_headline(|s| s.circuits[0].reason = Reason::NoVoltage, "Ready to heat, waiting for the sun.");
        check_headline(|_| (), "Both tanks are hot.");
        check_headline(
            |s| s.circuits[1] = circuit_with(2, true, Some(1800.0), heating()),
            "The sun is heating tank 2 with 1.80 kW.",
        );
        check_headline(
            |s| {
                s.circuits[0] = circuit_with(1, true, Some(900.0), heating());
                s.circuits[1] = circuit_with(2, true, Some(1800.0), heating());
            },
            "The sun is heating both tanks with 2.70 kW.",
        );
        check_headline(
            |s| s.circuits[0] = circuit_with(1, true, Some(3.0), heating()),
            "Ready to heat tank 1, waiting for the sun.",
        );
        check_headline(|s| s.circuits[0] = circuit_with(1, true, None, heating()), "Heating tank 1.");
        check_headline(
            |s| {
                s.circuits[0].reason = Reason::Night { until: Some(at(7, 12)) };
            },
            "Resting for the night, until 7:12.",
        );
        check_headline(
            |s| {
                s.circuits[1].reason = Reason::SensorNotReady { sensor: "v2".into(), validity: Validity::Stale };
            },
            "Circuit 2 is waiting for a sensor.",
        );
        check_headline(|s| s.all_off = true, "Everything is switched off until someone resumes.");
        check_headline(
            |s| {
                s.all_off = true;
                s.trip = Some(Trip {
                    trigger: TriggerId::OverTemperature,
                    circuit: 1,
                    value: 166.2,
                    limit: 165.0,
                    at: None,
                });
            },
            "Stopped for safety.",
        );
    }

    /// While current flows through open relays, nothing on the screen may sound like "off".
    #[test]
    fn a_weld_is_never_called_off() {
        let mut status = status(
            circuit_with(
                1,
                false,
                None,
                Reason::Tripped { trigger: TriggerId::UnexpectedCurrent, circuit: 1, value: 1.8, limit: 0.4 },
            ),
            circuit_with(2, false, None, at_target()),
        );
        status.trip =
            Some(Trip { trigger: TriggerId::UnexpectedCurrent, circuit: 1, value: 1.8, limit: 0.4, at: None });
        assert_eq!(circuit_state(&status.circuits[0]), "Danger");
        let said = [
            headline(&status, &Plain),
            why(&status.circuits[0], &Plain),
            trip(status.trip.as_ref().unwrap(), &Plain),
            trip_advice(TriggerId::UnexpectedCurrent).into(),
        ];
        for sentence in said {
            let words: Vec<_> = sentence.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase).collect();
            assert!(!words.contains(&"off".into()), "{sentence}");
        }
    }

    #[test]
    fn a_trip_is_told_with_value_limit_and_time() {
        let over =
            Trip { trigger: TriggerId::OverTemperature, circuit: 1, value: 166.2, limit: 165.0, at: Some(at(13, 5)) };
        assert_eq!(
            trip(&over, &Plain),
            "Circuit 1: water too hot at 13:05. Measured 166.2 °F, limit 165 °F. Both circuits are switched off."
        );
        let weld = Trip { trigger: TriggerId::UnexpectedCurrent, value: 1.837, limit: 0.4, at: None, ..over };
        assert_eq!(trip(&weld, &Plain), "Circuit 1: current with relays open. Measured 1.84 A, limit 0.4 A.");
    }

    #[test]
    fn spans_are_as_precise_as_matters() {
        let cases = [
            (0, "0 s"),
            (1, "1 s"),
            (59_001, "1 min 00 s"),
            (245_000, "4 min 05 s"),
            (601_000, "11 min"),
            (3_600_000, "1 h"),
            (3_600_001, "1 h 01 min"),
            (86_400_000, "24 h"),
        ];
        for (ms, said) in cases {
            assert_eq!(span(ms), said, "{ms} ms");
        }
    }

    #[test]
    fn the_window_is_told_by_its_next_change() {
        let mut status = status(circuit_with(1, false, None, at_target()), circuit_with(2, false, None, at_target()));
        assert_eq!(window(&status, &Plain), "Heating window today 7:12 to 18:30, open until 18:30.");
        status.daylight.open = false;
        status.daylight.changes_at = Some(at(31, 11));
        assert_eq!(window(&status, &Plain), "Heating window today 7:12 to 18:30, opens at 7:11.");
        status.daylight.opens_today = None;
        assert_eq!(window(&status, &Plain), "The heating window is closed all day.");
        status.now = None;
        assert!(window(&status, &Plain).contains("clock is not set"));
    }

    #[test]
    fn field_errors_speak_the_readers_unit() {
        let say = |path| regulation_error(path, &Plain);
        assert_eq!(say("circuits[0].target_f").as_deref(), Some("Choose 60 to 155 °F."));
        assert_eq!(say("circuits[1].hysteresis_f").as_deref(), Some("Choose 0.5 °F to 20 °F."));
        assert_eq!(say("agreeing_samples"), None);
    }

    #[test]
    fn names_come_from_ids() {
        assert_eq!(sensor("t1"), "Tank sensor 1");
        assert_eq!(sensor("x"), "Sensor x");
        assert_eq!(relay("outside2"), "Outside relay 2");
        assert_eq!(relay("pump"), "Relay pump");
        assert_eq!(demo(Demo { speed: 1 }), "Demo");
        assert_eq!(demo(Demo { speed: 60 }), "Demo 60×");
        assert_eq!(coverage(1.0), "");
        assert_eq!(coverage(0.934), "93 % of the day measured");
    }
}
