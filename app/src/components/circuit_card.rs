//! One circuit: what it does, why, the live picture, and its numbers.

use leptos::prelude::*;

use super::circuit_picture::{CircuitPicture, Picture};
use super::contact::{ContactIcon, ContactState};
use crate::browser::use_ui;
use crate::text::{Show, text};
use crate::types::status::{Circuit, Reading, Reason, Relay, Status, TriggerId, Validity};
use crate::units::{fixed, watts, without_noise};

/// The card of the circuit with this place in the status (0 or 1).
#[component]
pub(crate) fn CircuitCard(index: usize) -> impl IntoView {
    let ui = use_ui();
    let circuit = Memo::new(move |_| ui.live.status.with(|s| s.as_ref()?.circuits.get(index).cloned()));
    let exists = Memo::new(move |_| circuit.with(Option::is_some));
    view! {
        <Show when=move || exists.get() fallback=|| view! { <div class="card skeleton-card" aria-hidden="true"></div> }>
            <Card index circuit/>
        </Show>
    }
}

#[component]
fn Card(index: usize, circuit: Memo<Option<Circuit>>) -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let heading_id = format!("circuit-{index}");
    let id = Memo::new(move |_| circuit.with(|c| c.as_ref().map_or(0, |c| c.id)));
    let state = Memo::new(move |_| circuit.with(|c| c.as_ref().map_or("", t.circuit_state)));
    let tone = Memo::new(move |_| circuit.with(|c| c.as_ref().map_or("", tone)));
    let why = Memo::new(move |_| {
        let reader = ui.reader();
        circuit.with(|c| c.as_ref().map(|c| (t.why)(c, &reader)))
    });
    let picture = Memo::new(move |_| {
        let reader = ui.reader();
        ui.live.status.with(|status| picture(status.as_ref(), index, &reader))
    });
    view! {
        <section class="card circuit" aria-labelledby=heading_id.clone()>
            <header class="card-head">
                <h2 id=heading_id.clone()>{move || (t.circuit)(id.get())}</h2>
                <span class=move || format!("pill {}", tone.get())>
                    <span class="pill-sign" aria-hidden="true"></span>{state}
                </span>
            </header>
            <p class="why">{why}</p>
            <CircuitPicture key=index.to_string() picture=picture/>
            <dl class="facts">
                <RelayFact circuit=index kind="outside" label=t.words.outside_relay/>
                <RelayFact circuit=index kind="inside" label=t.words.inside_relay/>
                <Fact label=t.words.volts value=Memo::new(move |_| circuit.with(|c| {
                    reading(c.as_ref().map(|c| &c.voltage_v), |v| format!("{} V", fixed(v, 1)))
                }))/>
                <Fact label=t.words.amperes value=Memo::new(move |_| circuit.with(|c| {
                    reading(c.as_ref().map(|c| &c.current_a), |a| format!("{} A", fixed(a, 2)))
                }))/>
                <Fact label=t.words.watts value=Memo::new(move |_| circuit.with(|c| {
                    known(c.as_ref().and_then(|c| c.power_w), |w| format!("{} W", fixed(without_noise(w), 0)))
                }))/>
                <Fact label=t.words.ohms value=Memo::new(move |_| circuit.with(|c| {
                    known(c.as_ref().and_then(|c| c.resistance_ohm), |r| format!("{} Ω", fixed(r, 1)))
                }))/>
            </dl>
        </section>
    }
}

/// A value with what is wrong with it, if something is.
type Shown = (String, &'static str);

#[component]
fn Fact(label: &'static str, value: Memo<Shown>) -> impl IntoView {
    view! {
        <div class="fact" class:bad=move || value.with(|v| !v.1.is_empty())>
            <dt>{label}</dt>
            <dd>{move || value.with(|v| v.0.clone())}<FactNote value/></dd>
        </div>
    }
}

#[component]
fn FactNote(value: Memo<Shown>) -> impl IntoView {
    let note = Memo::new(move |_| value.with(|v| v.1));
    move || {
        let note = note.get();
        (!note.is_empty()).then(|| view! { <small class="fact-note">{note}</small> })
    }
}

#[component]
fn RelayFact(circuit: usize, kind: &'static str, label: &'static str) -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let state = Memo::new(move |_| {
        let status = &ui.live.status;
        status.with(|s| s.as_ref().map_or(ContactState::Absent, |s| contact(s, circuit, kind)))
    });
    let by_hand = Memo::new(move |_| {
        let relay = |s: &Status| Some(relay_of(s, circuit, kind)?.forced.is_some());
        ui.live.status.with(|s| s.as_ref().and_then(relay)) == Some(true)
    });
    let word = move || state.get().word();
    let forced = move || by_hand.get().then_some(words.by_hand);
    view! {
        <div class="fact">
            <dt>{label}</dt>
            <dd><ContactIcon state/>{word}" "<small class="fact-note">{forced}</small></dd>
        </div>
    }
}

/// The relay of one kind (`inside`, `outside`) of a circuit.
fn relay_of<'a>(status: &'a Status, circuit: usize, kind: &str) -> Option<&'a Relay> {
    let id = status.circuits.get(circuit)?.id;
    let mut relays = status.relays.iter();
    relays.find(|relay| relay.circuit == id && relay.id.starts_with(kind))
}

/// The contact of one kind of a circuit. With current through open relays, an open contact is not believed.
fn contact(status: &Status, circuit: usize, kind: &str) -> ContactState {
    let Some(relay) = relay_of(status, circuit, kind).filter(|relay| relay.present) else {
        return ContactState::Absent;
    };
    let weld = status
        .trip
        .as_ref()
        .is_some_and(|trip| trip.trigger == TriggerId::UnexpectedCurrent && trip.circuit == relay.circuit);
    match (relay.closed, weld) {
        (true, _) => ContactState::Closed,
        (false, true) => ContactState::Suspect,
        (false, false) => ContactState::Open,
    }
}

/// The value of a reading, if it may be used.
pub(crate) fn valid(reading: &Reading) -> Option<f64> {
    reading.value.filter(|_| reading.validity == Validity::Valid)
}

fn reading(reading: Option<&Reading>, say: impl Fn(f64) -> String) -> Shown {
    match reading {
        Some(reading) => (valid(reading).map_or_else(|| "–".into(), say), (text().validity)(reading.validity)),
        None => ("–".into(), ""),
    }
}

fn known(value: Option<f64>, say: impl Fn(f64) -> String) -> Shown {
    (value.map_or_else(|| "–".into(), say), "")
}

/// How the state's pill looks; its words say the same.
fn tone(circuit: &Circuit) -> &'static str {
    match (&circuit.reason, circuit.on) {
        (Reason::Tripped { .. }, _) => "bad",
        (Reason::SensorNotReady { .. } | Reason::NoClock, _) => "warning",
        (_, true) => "on",
        (_, false) => "off",
    }
}

fn picture(status: Option<&Status>, index: usize, show: &dyn Show) -> Picture {
    let t = text();
    let circuit = status.and_then(|s| s.circuits.get(index));
    let relay = |kind| status.map_or(ContactState::Absent, |s| contact(s, index, kind));
    let (outside, inside) = (relay("outside"), relay("inside"));
    let voltage_v = circuit.and_then(|c| valid(&c.voltage_v));
    let power_w = circuit.and_then(|c| c.power_w);
    let tank_temp_f = circuit.and_then(|c| valid(&c.tank_temp_f));
    let in_words = [
        format!("{}: {}", t.words.outside_relay, outside.word()),
        format!("{}: {}", t.words.inside_relay, inside.word()),
        power_w.map(watts).unwrap_or_default(),
        tank_temp_f.map(|f| show.temperature(f)).unwrap_or_default(),
    ];
    Picture {
        id: circuit.map_or(0, |c| c.id),
        outside,
        inside,
        voltage: voltage_v.map_or_else(String::new, |v| format!("{} V", fixed(v, 0))),
        power_w,
        daylight: status.is_some_and(|s| s.daylight.open),
        tank_temp_f,
        target_f: circuit.map(|c| c.target_f),
        in_words: in_words.join(", "),
    }
}
