//! What can't wait: a latched trip, all-off, warnings of the watchdog. Above everything else, on every page.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

use crate::browser::use_ui;
use crate::text::text;
use crate::types::status::TriggerId;

/// All banners there are reason for.
#[component]
pub(crate) fn Banners() -> impl IntoView {
    view! {
        <div class="banners">
            <TripBanner/>
            <AllOffBanner/>
            <Warnings/>
        </div>
    }
}

#[component]
fn TripBanner() -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let trip = Memo::new(move |_| ui.live.status.with(|s| s.as_ref()?.trip.clone()));
    let banner = move |trip: crate::types::status::Trip| {
        let critical = trip.trigger == TriggerId::UnexpectedCurrent;
        let title = if critical { t.words.trip_critical } else { t.words.trip_title };
        let advice = (t.trip_advice)(trip.trigger);
        let what = move || (t.trip)(&trip, &ui.reader());
        view! {
            <section class="banner trip" class:critical=critical role="alert">
                <svg class="banner-sign" viewBox="0 0 48 48" aria-hidden="true">
                    <path d="M24 5L45 42H3z"/><path class="ink" d="M24 18v12M24 35v1.5"/>
                </svg>
                <div>
                    <h2>{title}</h2>
                    <p>{what}</p>
                    <p><b>{advice}</b></p>
                    <ToControl/>
                </div>
            </section>
        }
    };
    move || trip.get().map(banner)
}

/// The way to the page where something can be done, for whoever is elsewhere.
#[component]
fn ToControl() -> impl IntoView {
    let path = use_location().pathname;
    let elsewhere = Memo::new(move |_| path.with(|path| path != "/control"));
    view! {
        <Show when=move || elsewhere.get()>
            <p><A href="/control">{text().words.to_control}</A></p>
        </Show>
    }
}

#[component]
fn AllOffBanner() -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let pressed = Memo::new(move |_| ui.live.status.with(|s| s.as_ref().is_some_and(|s| s.all_off)));
    move || {
        pressed.get().then(|| {
            view! {
                <section class="banner all-off-banner" role="status">
                    <svg class="banner-sign" viewBox="0 0 48 48" aria-hidden="true">
                        <circle cx="24" cy="24" r="20"/><path class="ink" d="M15 24h18"/>
                    </svg>
                    <div>
                        <p><b>{words.all_is_off}</b>". "{words.all_off_stays}</p>
                        <ToControl/>
                    </div>
                </section>
            }
        })
    }
}

#[component]
fn Warnings() -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let warnings = Memo::new(move |_| {
        let reader = ui.reader();
        ui.live.status.with(|status| {
            let triggers = status.iter().flat_map(|s| &s.triggers);
            let warning = triggers.filter(|trigger| trigger.warning);
            warning.map(|trigger| (t.warning)(trigger, &reader)).collect::<Vec<_>>()
        })
    });
    move || {
        let lines = warnings.get().into_iter().map(|line| view! { <p>{line}</p> });
        let lines = lines.collect_view();
        (!lines.is_empty()).then(|| {
            view! {
                <section class="banner warning" role="status">
                    <svg class="banner-sign" viewBox="0 0 48 48" aria-hidden="true">
                        <path d="M24 5L45 42H3z"/><path class="ink" d="M24 18v12M24 35v1.5"/>
                    </svg>
                    <div>{lines}</div>
                </section>
            }
        })
    }
}
