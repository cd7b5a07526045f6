//! The engine's types, said in the words of the wire and of the database. Free functions, no decisions.

use app::types::status as wire;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use engine::daylight::{self, DayWindow};
use engine::inputs::{CircuitId, RelayId, SensorFault, SensorId};
use engine::outputs::{
    CircuitSnapshot, Event, Override, Reading, Reason, Record, SelfTestResult, TriggerId, TriggerState, Trip,
    TripRecord, Validity,
};
use engine::units::{Fahrenheit, Now, Ohms, UtcMs, WattHours, Watts};
use serde_json::json;
use storage::{Category, Level, Measurement, NewEvent};

use crate::loop_handle::Picture;

/// What a status needs beside the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusContext {
    /// The owner's time zone.
    pub time_zone: Tz,
    /// Where the panels stand and how the day's edges are cut.
    pub place: engine::config::Place,
    /// The day/night window's margins.
    pub window: engine::config::Window,
    /// Simulated seconds per second, when the plant is simulated.
    pub demo_speed: Option<u32>,
    /// Energy of the last 24 hours.
    pub energy_24h: wire::Energy,
}

/// The live picture.
pub fn status(picture: &Picture, context: &StatusContext) -> wire::Status {
    let snapshot = &picture.snapshot;
    let now = snapshot.now;
    wire::Status {
        now: now.wall.and_then(time),
        time_zone: context.time_zone.name().to_owned(),
        sequence: picture.sequence,
        demo: context.demo_speed.map(|speed| wire::Demo { speed }),
        circuits: CircuitId::ALL
            .into_iter()
            .zip(&snapshot.circuits)
            .map(|(id, circuit)| self::circuit(id, circuit, now))
            .collect(),
        relays: RelayId::ALL
            .into_iter()
            .zip(&snapshot.relays)
            .map(|(id, relay)| wire::Relay {
                id: id.name().to_owned(),
                circuit: id.circuit().number(),
                present: relay.present,
                closed: relay.closed,
                forced: relay.forced.map(|forced| self::forced(forced, now)),
                closings: relay.closings,
            })
            .collect(),
        daylight: daylight(picture, context),
        all_off: snapshot.all_off,
        trip: snapshot.trip.map(trip),
        triggers: snapshot.triggers.iter().map(trigger).collect(),
        energy_24h: context.energy_24h.clone(),
    }
}

fn circuit(id: CircuitId, circuit: &CircuitSnapshot, now: Now) -> wire::Circuit {
    wire::Circuit {
        id: id.number(),
        on: circuit.on,
        demand: circuit.demand,
        voltage_v: reading(&circuit.voltage),
        current_a: reading(&circuit.current),
        tank_temp_f: reading(&circuit.temperature),
        power_w: circuit.power.map(|Watts(power)| power),
        resistance_ohm: circuit.resistance.map(|Ohms(resistance)| resistance),
        target_f: circuit.target.get(),
        hysteresis_f: circuit.hysteresis.get(),
        reason: reason(circuit.reason),
        forced: circuit.forced.map(|forced| self::forced(forced, now)),
    }
}

fn reading(reading: &Reading) -> wire::Reading {
    wire::Reading {
        value: reading.value,
        raw: reading.raw,
        age_ms: reading.age_ms,
        validity: validity(reading.validity),
        synthetic: reading.synthetic,
    }
}

const fn validity(validity: Validity) -> wire::Validity {
    match validity {
        Validity::Valid => wire::Validity::Valid,
        Validity::NeverSeen => wire::Validity::NeverSeen,
        Validity::Stale => wire::Validity::Stale,
        Validity::Implausible => wire::Validity::Implausible,
        Validity::Fault(SensorFault::Missing) => wire::Validity::Missing,
        Validity::Fault(SensorFault::Checksum) => wire::Validity::Checksum,
        Validity::Fault(SensorFault::Rail) => wire::Validity::Rail,
        Validity::Fault(SensorFault::Bus) => wire::Validity::Bus,
    }
}

const fn forced(forced: Override, now: Now) -> wire::Override {
    wire::Override { on: forced.on, remaining_ms: forced.until_mono_ms.saturating_sub(now.mono_ms) }
}

/// The window of the owner's civil day, and when it changes next.
fn daylight(picture: &Picture, context: &StatusContext) -> wire::Daylight {
    let now = picture.snapshot.now;
    let today = now.wall.and_then(time).map(|utc| utc.with_timezone(&context.time_zone).date_naive());
    let window = today.map(|date| daylight::window(context.place, date, context.window));
    let (opens, closes) = match window {
        Some(DayWindow::Open { from, to }) => (Some(from), Some(to)),
        _ => (None, None),
    };
    wire::Daylight {
        open: picture.snapshot.daylight.open,
        changes_at: picture.snapshot.daylight.changes_at.and_then(time),
        opens_today: opens.and_then(time),
        closes_today: closes.and_then(time),
    }
}

/// A trip, as it goes to people.
pub(crate) fn trip(trip: Trip) -> wire::Trip {
    wire::Trip {
        trigger: trigger_id(trip.trigger),
        circuit: trip.circuit.number(),
        value: trip.value,
        limit: trip.limit,
        at: trip.at.and_then(time),
    }
}

const fn trigger(state: &TriggerState) -> wire::Trigger {
    wire::Trigger {
        trigger: trigger_id(state.trigger),
        circuit: state.circuit.number(),
        value: state.value,
        limit: state.limit,
        warning: state.warning,
        enabled: state.enabled,
        margin: state.margin,
    }
}

const fn trigger_id(id: TriggerId) -> wire::TriggerId {
    match id {
        TriggerId::OverCurrent => wire::TriggerId::OverCurrent,
        TriggerId::OverTemperature => wire::TriggerId::OverTemperature,
        TriggerId::Impedance => wire::TriggerId::Impedance,
        TriggerId::UnexpectedCurrent => wire::TriggerId::UnexpectedCurrent,
        TriggerId::OpenElement => wire::TriggerId::OpenElement,
        TriggerId::LatchUnreadable => wire::TriggerId::LatchUnreadable,
        TriggerId::OverVoltage => wire::TriggerId::OverVoltage,
        TriggerId::ReverseVoltage => wire::TriggerId::ReverseVoltage,
        TriggerId::FastRise => wire::TriggerId::FastRise,
        TriggerId::NoRise => wire::TriggerId::NoRise,
        TriggerId::WarmsWhileOff => wire::TriggerId::WarmsWhileOff,
        TriggerId::FrozenSensor => wire::TriggerId::FrozenSensor,
        TriggerId::EqualSensors => wire::TriggerId::EqualSensors,
        TriggerId::SwappedSensors => wire::TriggerId::SwappedSensors,
        TriggerId::WeldedInside => wire::TriggerId::WeldedInside,
        TriggerId::WeldedOutside => wire::TriggerId::WeldedOutside,
        TriggerId::GfciTrip => wire::TriggerId::GfciTrip,
        TriggerId::GfciLost => wire::TriggerId::GfciLost,
    }
}

/// Why a circuit does what it does.
pub fn reason(reason: Reason) -> wire::Reason {
    match reason {
        Reason::Tripped(trip) => wire::Reason::Tripped {
            trigger: trigger_id(trip.trigger),
            circuit: trip.circuit.number(),
            value: trip.value,
            limit: trip.limit,
        },
        Reason::SensorNotReady { sensor, validity } => {
            wire::Reason::SensorNotReady { sensor: sensor.name().to_owned(), validity: self::validity(validity) }
        }
        Reason::BootHold { remaining_ms } => wire::Reason::BootHold { remaining_ms },
        Reason::Unguarded => wire::Reason::Unguarded,
        Reason::RestartLockOut => wire::Reason::RestartLockOut,
        Reason::PanelUnknown { remaining_ms } => wire::Reason::PanelUnknown { remaining_ms },
        Reason::AllOff => wire::Reason::AllOff,
        Reason::TestMode { remaining_ms } => wire::Reason::TestMode { remaining_ms },
        Reason::SelfTest => wire::Reason::SelfTest,
        Reason::MinimumOff { remaining_ms } => wire::Reason::MinimumOff { remaining_ms },
        Reason::TooManyClosings { remaining_ms } => wire::Reason::TooManyClosings { remaining_ms },
        Reason::Switching { closing } => wire::Reason::Switching { closing },
        Reason::NoVoltage => wire::Reason::NoVoltage,
        Reason::Override { on, remaining_ms } => wire::Reason::Override { on, remaining_ms },
        Reason::OverrideTooHot { temperature: Fahrenheit(temperature_f), limit: Fahrenheit(limit_f) } => {
            wire::Reason::OverrideTooHot { temperature_f, limit_f }
        }
        Reason::Night { until } => wire::Reason::Night { until: until.and_then(time) },
        Reason::NoClock => wire::Reason::NoClock,
        Reason::AtTarget {
            temperature: Fahrenheit(temperature_f),
            target: Fahrenheit(target_f),
            on_below: Fahrenheit(on_below_f),
        } => wire::Reason::AtTarget { temperature_f, target_f, on_below_f },
        Reason::Heating { temperature: Fahrenheit(temperature_f), target: Fahrenheit(target_f) } => {
            wire::Reason::Heating { temperature_f, target_f }
        }
    }
}

/// The moment as chrono knows it; `None` beyond the years that it knows.
pub const fn time(UtcMs(ms): UtcMs) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms)
}

/// The row that a record becomes.
pub fn measurement(record: &Record) -> Measurement {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Measurement {
        ts_ms: record.at.0,
        dt_ms: signed(record.dt_ms),
        measured_ms: record.measured_ms.map(signed),
        raw: record.raw,
        calibrated: record.calibrated,
        power_w: record.power.map(|power| power.map(|Watts(power)| power)),
        energy_wh: record.energy.map(|WattHours(energy)| energy),
        relays: record.relays,
        on: record.on,
    }
}

/// The log entry that an event becomes: a sentence for people, the details for programs. Without a believable
/// clock it is dated 1970, so that it stands out.
pub fn event(now: Now, event: &Event) -> NewEvent {
    let (level, category, kind, message, data) = match *event {
        Event::RelayChanged { relay, closed, reason } => (
            Level::Info,
            Category::OutputChange,
            if closed { "relay_closed" } else { "relay_opened" },
            format!("Relay {} {}.", relay.name(), if closed { "closed" } else { "opened" }),
            json!({ "relay": relay.name(), "closed": closed, "reason": self::reason(reason) }),
        ),
        Event::ReasonChanged { circuit, reason } => {
            let reason = self::reason(reason);
            let data = json!({ "circuit": circuit.number(), "reason": reason });
            let word = data["reason"]["kind"].as_str().unwrap_or_default().replace('_', " ");
            let message = format!("Circuit {}: {word}.", circuit.number());
            (Level::Info, Category::Regulation, "reason_changed", message, data)
        }
        Event::Tripped(trip) => {
            (Level::Critical, Category::Watchdog, trip.trigger.name(), trip_sentence(&trip), json!(self::trip(trip)))
        }
        Event::Cleared(trip) => (
            Level::Notice,
            Category::Watchdog,
            "trip_cleared",
            format!("The {} trip of circuit {} was cleared.", words(trip.trigger), trip.circuit.number()),
            json!(self::trip(trip)),
        ),
        Event::Warning { state } => (
            if state.warning { Level::Warning } else { Level::Info },
            Category::Watchdog,
            if state.warning { "warning_began" } else { "warning_ended" },
            format!(
                "Circuit {}: the {} warning {}.",
                state.circuit.number(),
                words(state.trigger),
                if state.warning { "began" } else { "ended" }
            ),
            json!(trigger(&state)),
        ),
        Event::SensorChanged { sensor, validity } => {
            let valid = validity == Validity::Valid;
            let validity = self::validity(validity);
            let data = json!({ "sensor": sensor.name(), "validity": validity });
            let word = data["validity"].as_str().unwrap_or_default().replace('_', " ");
            (
                if valid { Level::Info } else { Level::Warning },
                Category::Driver,
                if valid { "sensor_valid" } else { "sensor_invalid" },
                format!("Sensor {}: {word}.", sensor.name()),
                data,
            )
        }
        Event::TestMode { on } => (
            Level::Notice,
            Category::Regulation,
            if on { "test_mode_began" } else { "test_mode_ended" },
            format!("Test mode {}.", if on { "began" } else { "ended" }),
            json!({}),
        ),
        Event::SelfTestEnded { circuit, result } => {
            let (level, word) = match result {
                SelfTestResult::Passed => (Level::Info, "passed"),
                SelfTestResult::Inconclusive => (Level::Info, "inconclusive"),
                SelfTestResult::Failed => (Level::Error, "failed"),
            };
            let message = format!("Circuit {}: self-test {word}.", circuit.number());
            (level, Category::Watchdog, "self_test", message, json!({ "circuit": circuit.number(), "result": word }))
        }
        Event::PanelChanged { known } => (
            if known { Level::Info } else { Level::Warning },
            Category::Gfci,
            if known { "panel_known" } else { "panel_unknown" },
            format!("The breaker panel {}.", if known { "answers" } else { "does not answer" }),
            json!({}),
        ),
        Event::OverrideEnded { relay, circuit } => {
            let output =
                relay.map_or_else(|| format!("circuit {}", circuit.number()), |id| format!("relay {}", id.name()));
            (
                Level::Info,
                Category::Regulation,
                "override_ended",
                format!("The override of {output} ran out."),
                json!({ "circuit": circuit.number(), "relay": relay.map(RelayId::name) }),
            )
        }
    };
    NewEvent {
        ts_ms: now.wall.map_or(0, |UtcMs(ms)| ms),
        level,
        category,
        kind: kind.to_owned(),
        message,
        data: Some(data.to_string()),
    }
}

/// The log entry that holds the samples around a trip: for each step the milliseconds from the trip, the raw value
/// of each sensor and whether each relay was closed, in the order of `sensors` and `relays`.
pub fn trip_record(now: Now, record: &TripRecord) -> NewEvent {
    let steps: Vec<_> = record
        .steps
        .iter()
        .map(|step| {
            let from_trip_ms = step.mono_ms as i64 - record.trip.at_mono_ms as i64;
            json!([from_trip_ms, step.raw, step.closed])
        })
        .collect();
    let data = json!({
        "trip": self::trip(record.trip),
        "sensors": SensorId::ALL.map(SensorId::name),
        "relays": RelayId::ALL.map(RelayId::name),
        "steps": steps,
    });
    NewEvent {
        ts_ms: now.wall.map_or(0, |UtcMs(ms)| ms),
        level: Level::Info,
        category: Category::Watchdog,
        kind: "trip_record".to_owned(),
        message: format!("What the sensors said around the {} trip.", words(record.trip.trigger)),
        data: Some(data.to_string()),
    }
}

fn trip_sentence(trip: &Trip) -> String {
    if trip.trigger == TriggerId::LatchUnreadable {
        return "At the start it could not be read whether a trip was latched. Both circuits are off.".into();
    }
    format!(
        "Circuit {} tripped: {} at {:.2} {unit}, limit {:.2} {unit}. Both circuits are off.",
        trip.circuit.number(),
        words(trip.trigger),
        trip.value,
        trip.limit,
        unit = trip.trigger.unit(),
    )
}

fn words(trigger: TriggerId) -> String {
    trigger.name().replace('_', " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use engine::outputs::Trace;

    use super::*;

    #[test]
    fn the_wire_knows_which_trips_ask_for_a_self_test() {
        for id in TriggerId::ALL {
            assert_eq!(trigger_id(id).needs_self_test(), id.needs_self_test(), "{}", id.name());
        }
    }

    #[test]
    fn the_samples_around_a_trip_fit_into_an_event() {
        let trip = Trip {
            trigger: TriggerId::OverCurrent,
            circuit: CircuitId::Two,
            value: 18.5,
            limit: 18.0,
            at: Some(UtcMs(1_687_374_000_000)),
            at_mono_ms: 20_000,
        };
        let step = |mono_ms| Trace { mono_ms, raw: [Some(-123.456_789_012_345); 6], closed: [true; 4] };
        let record = TripRecord { trip, steps: (10_000..25_000).step_by(100).map(step).collect() };
        let event = trip_record(Now { mono_ms: 25_000, wall: trip.at }, &record);
        event.validate().unwrap();
        let data: serde_json::Value = serde_json::from_str(event.data.as_deref().unwrap()).unwrap();
        let steps = data["steps"].as_array().unwrap();
        assert_eq!((steps.len(), &steps[0][0], &steps[149][0]), (150, &json!(-10_000), &json!(4_900)));
    }
}
