//! What an operator may do: all-off and resume, clear a trip, take outputs in hand, set targets.

use leptos::prelude::*;

use super::login::LoginForm;
use super::regulation_form::RegulationForm;
use super::set_title;
use crate::browser::{session, use_ui};
use crate::components::confirm::ConfirmButton;
use crate::components::notice::Outcome;
use crate::components::override_control::OverrideControl;
use crate::server_fns::{all_off, reset_watchdog, resume, self_test};
use crate::text::text;
use crate::types::control::OverrideTarget;
use crate::types::problem::Problem;
use crate::types::status::{Circuit, Relay, Status};

/// The page, for whoever is logged in; the login form for everyone else.
#[component]
pub(crate) fn Control() -> impl IntoView {
    set_title(text().words.control);
    let ui = use_ui();
    let words = &text().words;
    let logged_in = Memo::new(move |_| ui.session.with(Option::is_some));
    view! {
        <h1 class="page-title">{words.control}</h1>
        {move || if ui.restoring.get() {
            view! { <p class="muted">{words.loading}</p> }.into_any()
        } else if logged_in.get() {
            view! { <Everything/> <Outputs/> <RegulationForm/> }.into_any()
        } else {
            view! {
                <section class="card narrow">
                    <p>{words.log_in_first}</p>
                    <LoginForm on_done=Callback::new(|()| ())/>
                </section>
            }.into_any()
        }}
    }
}

/// What concerns the whole plant.
#[component]
fn Everything() -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let outcome = RwSignal::new(None::<Result<&'static str, Problem>>);
    let report = move |answer: Result<Status, Problem>, done: &'static str| match answer {
        Ok(status) => {
            ui.live.take(status);
            outcome.set(Some(Ok(done)));
        }
        Err(problem) => {
            session::note(ui, &problem);
            outcome.set(Some(Err(problem)));
        }
    };
    let off = Action::new_local(move |(): &()| async move { report(all_off().await, words.done_off) });
    let on = Action::new_local(move |(): &()| async move { report(resume().await, words.done_resumed) });
    let clear = Action::new_local(move |(): &()| async move { report(reset_watchdog().await, words.done_cleared) });
    let to_prove = Memo::new(move |_| {
        ui.live.status.with(|s| Some(s.as_ref()?.trip.as_ref().filter(|t| t.trigger.needs_self_test())?.circuit))
    });
    let prove = Action::new_local(move |(): &()| async move {
        if let Some(circuit) = to_prove.get_untracked() {
            report(self_test(circuit).await, words.done_self_test);
        }
    });
    let is_off = Memo::new(move |_| ui.live.status.with(|s| s.as_ref().is_some_and(|s| s.all_off)));
    let tripped = Memo::new(move |_| ui.live.status.with(|s| s.as_ref().is_some_and(|s| s.trip.is_some())));
    view! {
        <section class="card">
            <h2>{words.whole_plant}</h2>
            <p class="muted">{move || if is_off.get() { words.all_off_stays } else { words.all_off_hint }}</p>
            <div class="row">
                {move || if is_off.get() {
                    view! {
                        <button type="button" class="button primary" disabled=on.pending()
                            on:click=move |_| { on.dispatch_local(()); }>{words.resume}</button>
                    }.into_any()
                } else {
                    view! {
                        <button type="button" class="button danger" disabled=off.pending()
                            on:click=move |_| { off.dispatch_local(()); }>{words.all_off}</button>
                    }.into_any()
                }}
                <Show when=move || to_prove.get().is_some()>
                    <ConfirmButton label=words.self_test question=words.self_test_question busy=prove.pending()
                        on_yes=Callback::new(move |()| { prove.dispatch_local(()); })/>
                </Show>
                <Show when=move || tripped.get()>
                    <ConfirmButton label=words.clear_trip question=words.clear_trip_question busy=clear.pending()
                        on_yes=Callback::new(move |()| { clear.dispatch_local(()); })/>
                </Show>
            </div>
            <Outcome outcome/>
        </section>
    }
}

/// Circuits and relays by hand.
#[component]
fn Outputs() -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let words = &t.words;
    let circuit_ids = Memo::new(move |_| {
        ui.live.status.with(|s| s.iter().flat_map(|s| &s.circuits).map(|c| c.id).collect::<Vec<_>>())
    });
    let relay_ids = Memo::new(move |_| {
        ui.live.status.with(|s| {
            let relays = s.iter().flat_map(|s| &s.relays).filter(|r| r.present);
            relays.map(|r| r.id.clone()).collect::<Vec<_>>()
        })
    });
    view! {
        <section class="card">
            <h2>{words.by_hand_title}</h2>
            <p class="muted">{words.by_hand_hint}</p>
            <div class="overrides">
                {move || circuit_ids.get().into_iter().map(|id| view! { <CircuitByHand id/> }).collect_view()}
            </div>
            <details class="more">
                <summary>{words.single_relays}</summary>
                <p class="muted">{words.single_relays_hint}</p>
                <div class="overrides">
                    {move || relay_ids.get().into_iter().map(|id| view! { <RelayByHand id/> }).collect_view()}
                </div>
            </details>
        </section>
    }
}

#[component]
fn CircuitByHand(id: u8) -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let find = move |status: &Option<Status>| -> Option<Circuit> {
        status.as_ref()?.circuits.iter().find(|c| c.id == id).cloned()
    };
    let circuit = Memo::new(move |_| ui.live.status.with(find));
    let now = Signal::derive(move || {
        let reader = ui.reader();
        circuit.with(|c| c.as_ref().map(|c| (t.why)(c, &reader))).unwrap_or_default()
    });
    let forced = Signal::derive(move || circuit.with(|c| c.as_ref()?.forced));
    view! {
        <OverrideControl target=OverrideTarget::Circuit(id) name=Signal::stored((t.circuit)(id)) now forced/>
    }
}

#[component]
fn RelayByHand(id: String) -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let name = Signal::stored((t.relay)(&id));
    let target = OverrideTarget::Relay(id.clone());
    let relay = Memo::new(move |_| {
        ui.live.status.with(|s| -> Option<Relay> { s.as_ref()?.relays.iter().find(|r| r.id == id).cloned() })
    });
    let now = Signal::derive(move || {
        let closed = relay.with(|r| r.as_ref().is_some_and(|r| r.closed));
        if closed { t.words.closed } else { t.words.open }.to_string()
    });
    let forced = Signal::derive(move || relay.with(|r| r.as_ref()?.forced));
    view! { <OverrideControl target name now forced/> }
}
