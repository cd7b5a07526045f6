//! Takes a circuit or a relay in hand: automatic, on, off, for a time that counts down.

use leptos::prelude::*;

use super::notice::Outcome;
use crate::browser::{session, use_ui};
use crate::server_fns::set_override;
use crate::text::text;
use crate::types::control::{OverrideOrder, OverrideRequest, OverrideTarget};
use crate::types::problem::Problem;
use crate::types::status::Override;

/// The times on offer, seconds.
const TIMES_S: [u32; 6] = [60, 15 * 60, 3600, 2 * 3600, 4 * 3600, 12 * 3600];
/// What is chosen at first.
const TIME_AT_FIRST_S: u32 = 3600;

/// Three buttons, a choice of times, and the countdown.
#[component]
pub(crate) fn OverrideControl(
    /// What is taken in hand.
    target: OverrideTarget,
    /// What it is called.
    #[prop(into)]
    name: Signal<String>,
    /// What it does at present, in words.
    #[prop(into)]
    now: Signal<String>,
    /// The override in force.
    #[prop(into)]
    forced: Signal<Option<Override>>,
) -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let words = &t.words;
    let time_s = RwSignal::new(TIME_AT_FIRST_S);
    let outcome = RwSignal::new(None::<Result<&'static str, Problem>>);
    let order = Action::new_local(move |wish: &Option<bool>| {
        let order = OverrideOrder {
            target: target.clone(),
            forced: wish.map(|on| OverrideRequest { on, for_s: time_s.get_untracked() }),
        };
        async move {
            match set_override(order).await {
                Ok(status) => {
                    outcome.set(None);
                    ui.live.take(status);
                }
                Err(problem) => {
                    session::note(ui, &problem);
                    outcome.set(Some(Err(problem)));
                }
            }
        }
    });
    let choice = move |wish: Option<bool>, label: &'static str| {
        let pressed = move || forced.get().map(|forced| forced.on) == wish;
        view! {
            <button type="button" class="choice" disabled=order.pending()
                aria-pressed=move || if pressed() { "true" } else { "false" }
                on:click=move |_| { order.dispatch_local(wish); }>
                {label}
            </button>
        }
    };
    let times = TIMES_S.map(|s| {
        let chosen = move || time_s.get() == s;
        view! { <option value=s selected=chosen>{(t.span)(u64::from(s) * 1000)}</option> }
    });
    let countdown = move || forced.get().map(|forced| (t.forced)(forced.on, forced.remaining_ms));
    view! {
        <fieldset class="override" class:forced=move || forced.with(Option::is_some)>
            <legend>{name}</legend>
            <p class="override-now">{move || countdown().unwrap_or_else(|| now.get())}</p>
            <div class="row">
                <div class="choices">
                    {choice(None, words.automatic)}
                    {choice(Some(true), words.on)}
                    {choice(Some(false), words.off)}
                </div>
                <label class="for-time">
                    <span>{words.for_time}</span>
                    <select on:change:target=move |event| {
                        if let Ok(s) = event.target().value().parse() {
                            time_s.set(s);
                        }
                    }>{times.collect_view()}</select>
                </label>
            </div>
            <Outcome outcome/>
        </fieldset>
    }
}
