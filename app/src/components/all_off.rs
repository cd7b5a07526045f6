//! All-off: in reach on every page for whoever is logged in. Off is one tap; on again is another page, so that a
//! second tap by mistake does no harm.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::browser::{session, use_ui};
use crate::server_fns::all_off;
use crate::text::text;

/// The button in the page's head.
#[component]
pub(crate) fn AllOffButton() -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let pressed = Memo::new(move |_| ui.live.status.with(|s| s.as_ref().is_some_and(|s| s.all_off)));
    let failed = RwSignal::new(false);
    let order = Action::new_local(move |(): &()| async move {
        match all_off().await {
            Ok(status) => {
                failed.set(false);
                ui.live.take(status);
            }
            Err(problem) => {
                failed.set(true);
                session::note(ui, &problem);
            }
        }
    });
    let button = move || {
        let label = if failed.get() { words.all_off_failed } else { words.all_off };
        view! {
            <button type="button" class="all-off" disabled=order.pending()
                on:click=move |_| { order.dispatch_local(()); }>
                <PowerSign/>{label}
            </button>
        }
    };
    let is_off = move || view! { <A href="/control" attr:class="all-off pressed"><PowerSign/>{words.all_is_off}</A> };
    move || {
        ui.session.with(Option::is_some).then(|| match pressed.get() {
            true => is_off().into_any(),
            false => button().into_any(),
        })
    }
}

#[component]
fn PowerSign() -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 3v9M7 6.2a8 8 0 1 0 10 0"/>
        </svg>
    }
}
