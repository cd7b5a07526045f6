//! Targets, hysteresis and the window: read whole, checked by the server's own rules, saved whole.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;

use crate::browser::{session, use_ui};
use crate::components::field::{Field, Tick};
use crate::components::notice::{Notice, Tone, plainly};
use crate::server_fns::{regulation, set_regulation};
use crate::text::{Show, text};
use crate::types::problem::{FieldError, Problem};
use crate::types::settings::{
    AGREEING_SAMPLES_RANGE, CircuitRegulation, HYSTERESIS_RANGE_F, MIXING_VALVE_ABOVE_F, RegulationSettings, Revised,
    TARGET_RANGE_F, WINDOW_OFFSET_RANGE_MIN,
};
use crate::units::{TemperatureUnit, trimmed};

/// Reads the section, then shows the form.
#[component]
pub(crate) fn RegulationForm() -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let loaded = RwSignal::new(None::<Result<Revised<RegulationSettings>, Problem>>);
    let load = move || {
        loaded.set(None);
        spawn_local(async move {
            let answer = regulation().await;
            if let Err(problem) = &answer {
                session::note(ui, problem);
            }
            loaded.try_set(Some(answer));
        });
    };
    load();
    let reload = Callback::new(move |()| load());
    view! {
        <section class="card">
            <h2>{words.targets}</h2>
            {move || match loaded.get() {
                None => view! { <p class="muted">{words.loading}</p> }.into_any(),
                Some(Ok(section)) => view! { <Form section reload/> }.into_any(),
                Some(Err(problem)) => view! {
                    <Notice tone=Tone::Bad>{plainly(&problem)}</Notice>
                    <button type="button" class="button" on:click=move |_| reload.run(())>{words.try_again}</button>
                }.into_any(),
            }}
        </section>
    }
}

/// What stands in the boxes, as typed.
#[derive(Clone, Copy)]
struct Draft {
    circuits: [CircuitDraft; 2],
    agreeing_samples: RwSignal<String>,
    before_sunset_min: RwSignal<String>,
    after_sunrise_min: RwSignal<String>,
}

#[derive(Clone, Copy)]
struct CircuitDraft {
    target: RwSignal<String>,
    hysteresis: RwSignal<String>,
    mixing_valve: RwSignal<bool>,
}

impl Draft {
    /// The section as it stands, in the reader's unit.
    fn of(section: &RegulationSettings, unit: TemperatureUnit) -> Option<Self> {
        let [one, two] = section.circuits.as_slice() else {
            return None;
        };
        let number = |n: u32| RwSignal::new(n.to_string());
        Some(Self {
            circuits: [CircuitDraft::of(one, unit), CircuitDraft::of(two, unit)],
            agreeing_samples: number(section.agreeing_samples),
            before_sunset_min: number(section.before_sunset_min),
            after_sunrise_min: number(section.after_sunrise_min),
        })
    }

    /// What was typed, as settings, and the fields that are no numbers, which stay what they were. A value nobody
    /// touched stays exactly what it was, whatever its rounding on the screen. Tracks every box.
    fn read(self, base: &RegulationSettings, unit: TemperatureUnit) -> (RegulationSettings, Vec<FieldError>) {
        let mut bad = Vec::new();
        let circuits = self.circuits.iter().zip(&base.circuits).enumerate();
        let circuits = circuits.map(|(index, (draft, base))| draft.read(index, base, unit, &mut bad)).collect();
        let read = RegulationSettings {
            circuits,
            agreeing_samples: whole("agreeing_samples", self.agreeing_samples, base.agreeing_samples, &mut bad),
            before_sunset_min: whole("before_sunset_min", self.before_sunset_min, base.before_sunset_min, &mut bad),
            after_sunrise_min: whole("after_sunrise_min", self.after_sunrise_min, base.after_sunrise_min, &mut bad),
        };
        (read, bad)
    }

    /// The reader changed the unit while typing.
    fn convert(self, from: TemperatureUnit, to: TemperatureUnit) {
        for circuit in self.circuits {
            circuit.target.update(|text| {
                if let Some(value) = parse(text) {
                    *text = trimmed(to.of_f(from.to_f(value)), 1);
                }
            });
            circuit.hysteresis.update(|text| {
                if let Some(value) = parse(text) {
                    *text = trimmed(to.of_step_f(from.to_step_f(value)), 1);
                }
            });
        }
    }
}

impl CircuitDraft {
    fn of(section: &CircuitRegulation, unit: TemperatureUnit) -> Self {
        Self {
            target: RwSignal::new(target_text(section, unit)),
            hysteresis: RwSignal::new(hysteresis_text(section, unit)),
            mixing_valve: RwSignal::new(section.mixing_valve_confirmed),
        }
    }

    fn read(
        self,
        index: usize,
        base: &CircuitRegulation,
        unit: TemperatureUnit,
        bad: &mut Vec<FieldError>,
    ) -> CircuitRegulation {
        let mut degrees = |field, box_: RwSignal<String>, untouched: String, base_f, in_f: &dyn Fn(f64) -> f64| {
            let typed = box_.get();
            match parse(&typed) {
                _ if typed == untouched => base_f,
                Some(value) => in_f(value),
                None => {
                    bad.push(not_a_number(&format!("circuits[{index}].{field}")));
                    base_f
                }
            }
        };
        CircuitRegulation {
            target_f: degrees("target_f", self.target, target_text(base, unit), base.target_f, &|value| {
                unit.to_f(value)
            }),
            hysteresis_f: degrees(
                "hysteresis_f",
                self.hysteresis,
                hysteresis_text(base, unit),
                base.hysteresis_f,
                &|value| unit.to_step_f(value),
            ),
            mixing_valve_confirmed: self.mixing_valve.get(),
        }
    }
}

fn target_text(section: &CircuitRegulation, unit: TemperatureUnit) -> String {
    trimmed(unit.of_f(section.target_f), 1)
}

fn hysteresis_text(section: &CircuitRegulation, unit: TemperatureUnit) -> String {
    trimmed(unit.of_step_f(section.hysteresis_f), 1)
}

/// A number as people type it: with a point or a comma.
fn parse(text: &str) -> Option<f64> {
    let number: f64 = text.trim().replace(',', ".").parse().ok()?;
    number.is_finite().then_some(number)
}

fn whole(field: &str, typed: RwSignal<String>, base: u32, bad: &mut Vec<FieldError>) -> u32 {
    typed.get().trim().parse().unwrap_or_else(|_| {
        bad.push(not_a_number(field));
        base
    })
}

fn not_a_number(field: &str) -> FieldError {
    FieldError { field: field.into(), message: text().words.not_a_number.into() }
}

#[component]
fn Form(section: Revised<RegulationSettings>, reload: Callback<()>) -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let base = RwSignal::new(section.clone());
    let Some(draft) = Draft::of(&section.value, ui.unit.get_untracked()) else {
        return view! { <Notice tone=Tone::Bad>{words.not_two_circuits}</Notice> }.into_any();
    };
    convert_with_unit(draft);
    let errors = RwSignal::new(Vec::<FieldError>::new());
    let outcome = RwSignal::new(None::<Result<(), Problem>>);
    let changed = Memo::new(move |_| {
        let unit = ui.unit.get();
        base.with(|base| {
            let (read, bad) = draft.read(&base.value, unit);
            read != base.value || !bad.is_empty()
        })
    });
    Effect::new(move || {
        if changed.get() {
            outcome.set(None);
        }
    });
    let save = Action::new_local(move |change: &Revised<RegulationSettings>| {
        let change = change.clone();
        async move {
            match set_regulation(change).await {
                Ok(saved) => {
                    base.set(saved);
                    outcome.set(Some(Ok(())));
                }
                Err(problem) => {
                    session::note(ui, &problem);
                    focus_first(&problem.errors);
                    errors.set(problem.errors.clone());
                    outcome.set(Some(Err(problem)));
                }
            }
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let base = base.get_untracked();
        let (value, mut wrong) = untrack(|| draft.read(&base.value, ui.unit.get()));
        wrong.extend(value.check());
        let good = wrong.is_empty();
        focus_first(&wrong);
        errors.set(wrong);
        if good {
            save.dispatch_local(Revised { revision: base.revision, value });
        }
    };
    let error = move |path: String| {
        Signal::derive(move || {
            let found = errors.with(|errors| errors.iter().find(|e| e.field == path).cloned());
            found.map(|found| in_readers_unit(found, &ui.reader()))
        })
    };
    let field = move |path: &'static str, label: &'static str, value, hint: String, unit: &'static str| {
        view! {
            <Field id=path.into() label=Signal::stored(label.to_string()) value inputmode="numeric"
                unit=Signal::stored(unit) hint=Signal::stored(hint) error=error(path.into())/>
        }
    };
    let minutes = || range_hint(WINDOW_OFFSET_RANGE_MIN.start(), WINDOW_OFFSET_RANGE_MIN.end());
    view! {
        <form class="stack" novalidate on:submit=submit>
            <div class="form-columns">
                {[0, 1].map(|index| view! { <CircuitFields index draft=draft.circuits[index] error/> }).collect_view()}
            </div>
            <h3>{words.window}</h3>
            <div class="form-columns three">
                {field("after_sunrise_min", words.after_sunrise, draft.after_sunrise_min, minutes(), words.minutes)}
                {field("before_sunset_min", words.before_sunset, draft.before_sunset_min, minutes(), words.minutes)}
                {field("agreeing_samples", words.agreeing_samples, draft.agreeing_samples,
                    range_hint(AGREEING_SAMPLES_RANGE.start(), AGREEING_SAMPLES_RANGE.end()), "")}
            </div>
            <SaveOutcome outcome reload errors/>
            <div class="row">
                <button type="submit" class="button primary"
                    disabled=move || save.pending().get() || !changed.get()>{words.save}</button>
                <span class="muted" role="status">{move || changed.get().then_some(words.unsaved)}</span>
            </div>
        </form>
    }
    .into_any()
}

#[component]
fn CircuitFields<E>(index: usize, draft: CircuitDraft, error: E) -> impl IntoView
where
    E: Fn(String) -> Signal<Option<String>> + Copy + 'static,
{
    let ui = use_ui();
    let t = text();
    let path = move |field: &str| format!("circuits[{index}].{field}");
    let symbol = Signal::derive(move || ui.unit.get().symbol());
    let target_hint = Signal::derive(move || {
        let reader = ui.reader();
        range_hint(reader.degrees(*TARGET_RANGE_F.start()), reader.temperature(*TARGET_RANGE_F.end()))
    });
    let hysteresis_hint = Signal::derive(move || {
        let reader = ui.reader();
        range_hint(reader.step(*HYSTERESIS_RANGE_F.start()), reader.step(*HYSTERESIS_RANGE_F.end()))
    });
    let hot = Memo::new(move |_| {
        let unit = ui.unit.get();
        let target_f = draft.target.with(|text| parse(text).map(|value| unit.to_f(value)));
        target_f.is_some_and(|f| f > MIXING_VALVE_ABOVE_F + 0.05) || draft.mixing_valve.get()
    });
    let valve_error = error(path("mixing_valve_confirmed"));
    let valve_shown = move || hot.get() || valve_error.with(Option::is_some);
    view! {
        <fieldset class="plain">
            <legend>{(t.tank)(u8::try_from(index + 1).unwrap_or(0))}</legend>
            <Field id=path("target_f") label=Signal::stored(t.words.target_label.to_string()) value=draft.target
                inputmode="decimal" unit=symbol hint=target_hint error=error(path("target_f"))/>
            <Field id=path("hysteresis_f") label=Signal::stored(t.words.hysteresis_label.to_string())
                value=draft.hysteresis inputmode="decimal" unit=symbol hint=hysteresis_hint
                error=error(path("hysteresis_f"))/>
            <Show when=valve_shown>
                <Tick id=path("mixing_valve_confirmed") label=t.words.mixing_valve value=draft.mixing_valve
                    error=valve_error/>
            </Show>
        </fieldset>
    }
}

/// How saving went; a change by someone else can be read in, at the price of one's own.
#[component]
fn SaveOutcome(
    outcome: RwSignal<Option<Result<(), Problem>>>,
    reload: Callback<()>,
    errors: RwSignal<Vec<FieldError>>,
) -> impl IntoView {
    let words = &text().words;
    view! {
        <div role="status" class="outcome">
            {move || match outcome.get() {
                None => errors.with(|e| !e.is_empty())
                    .then(|| view! { <Notice tone=Tone::Bad>{words.mend_fields}</Notice> }.into_any()),
                Some(Ok(())) => Some(view! { <Notice tone=Tone::Good>{words.saved}</Notice> }.into_any()),
                Some(Err(problem)) if problem.status == 412 => Some(view! {
                    <Notice tone=Tone::Warning>
                        <p>{words.changed_meanwhile}</p>
                        <button type="button" class="button" on:click=move |_| reload.run(())>{words.reload}</button>
                    </Notice>
                }.into_any()),
                Some(Err(problem)) => {
                    let said = if problem.errors.is_empty() { plainly(&problem) } else { words.mend_fields.into() };
                    Some(view! { <Notice tone=Tone::Bad>{said}</Notice> }.into_any())
                }
            }}
        </div>
    }
}

/// The server and the shared rules speak °F; the reader may not.
fn in_readers_unit(error: FieldError, show: &dyn Show) -> String {
    let t = text();
    match error.message == t.words.not_a_number {
        true => error.message,
        false => (t.regulation_error)(&error.field, show).unwrap_or(error.message),
    }
}

/// Takes the reader to the first field that can't be taken; fields are ids by their path.
fn focus_first(errors: &[FieldError]) {
    let first = errors.iter().find_map(|error| document().get_element_by_id(&error.field)?.dyn_into().ok());
    if let Some(first) = first {
        let first: web_sys::HtmlElement = first;
        let _focused = first.focus();
    }
}

fn convert_with_unit(draft: Draft) {
    let ui = use_ui();
    Effect::new(move |before: Option<TemperatureUnit>| {
        let unit = ui.unit.get();
        if let Some(before) = before.filter(|before| *before != unit) {
            draft.convert(before, unit);
        }
        unit
    });
}

fn range_hint(low: impl std::fmt::Display, high: impl std::fmt::Display) -> String {
    format!("{low} – {high}")
}
