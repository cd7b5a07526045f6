//! What is around every page: name, navigation, the feed's state, all-off, the unit switch, log out.

use leptos::prelude::*;
use leptos_router::components::A;

use super::all_off::AllOffButton;
use super::banners::Banners;
use super::link_state::{LinkState, StaleStrip};
use crate::browser::live::Link;
use crate::browser::{rest, session, use_ui};
use crate::text::text;
use crate::units::TemperatureUnit;

/// A page in its surroundings.
#[component]
pub(crate) fn Shell(children: Children) -> impl IntoView {
    let live = use_ui().live;
    let stale = move || live.link.get() == Link::Lost;
    let words = &text().words;
    view! {
        <a class="skip" href="#main">{words.skip}</a>
        <header class="top">
            <div class="top-inner">
                <A href="/" attr:class="brand"><BrandSign/><span class="brand-name">"Suntank"</span></A>
                <DemoBadge/>
                <LinkState/>
                <span class="spacer"></span>
                <Navigation/>
                <UnitSwitch/>
                <AllOffButton/>
            </div>
        </header>
        <StaleStrip/>
        <main id="main" tabindex="-1" class:stale=stale>
            <Banners/>
            {children()}
        </main>
        <Footer/>
    }
}

#[component]
fn BrandSign() -> impl IntoView {
    view! { <svg class="brand-sign" viewBox="0 0 32 32" aria-hidden="true">
        <path class="brand-sun" d="M4 19a12 12 0 1 1 24 0z"/>
        <path class="brand-water" d="M4 19c4-3 8-3 12 0s8 3 12 0a12 12 0 0 1-24 0z"/>
    </svg> }
}

#[component]
fn DemoBadge() -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let demo = Memo::new(move |_| ui.live.status.with(|s| s.as_ref()?.demo));
    move || demo.get().map(|demo| view! { <span class="demo" title=t.words.demo_hint>{(t.demo)(demo)}</span> })
}

/// On a phone it stands at the bottom, under the thumb.
#[component]
fn Navigation() -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let logged_in = Memo::new(move |_| ui.session.with(Option::is_some));
    view! {
        <nav class="nav" aria-label=words.navigation>
            <A href="/" exact=true>
                <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 11.5L12 5l8 6.5M6 10v9h12v-9"/></svg>
                <span>{words.dashboard}</span>
            </A>
            <A href="/control">
                <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 8h9M19 8h1M4 16h1M11 16h9M16 5v6M8 13v6"/></svg>
                <span>{words.control}</span>
            </A>
            {move || if logged_in.get() {
                view! { <LogOut/> }.into_any()
            } else {
                view! {
                    <A href="/login">
                        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M14 4h5v16h-5M4 12h10M10 8l4 4-4 4"/></svg>
                        <span>{words.log_in}</span>
                    </A>
                }.into_any()
            }}
        </nav>
    }
}

#[component]
fn LogOut() -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let leave = Action::new_local(move |(): &()| async move {
        match rest::log_out().await {
            Ok(()) => session::end(ui),
            Err(problem) => session::note(ui, &problem),
        }
    });
    view! {
        <button type="button" disabled=leave.pending() on:click=move |_| { leave.dispatch_local(()); }>
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M10 4H5v16h5M9 12h11M16 8l4 4-4 4"/></svg>
            <span>{words.log_out}</span>
        </button>
    }
}

#[component]
fn UnitSwitch() -> impl IntoView {
    let unit = use_ui().unit;
    let words = &text().words;
    let choice = move |own: TemperatureUnit, name: &'static str| {
        let pressed = move || unit.get() == own;
        view! {
            <button type="button" title=name
                aria-pressed=move || if pressed() { "true" } else { "false" }
                on:click=move |_| unit.set(own)>{own.symbol()}</button>
        }
    };
    view! {
        <div class="units" role="group" aria-label=words.unit>
            {choice(TemperatureUnit::Fahrenheit, "Fahrenheit")}
            {choice(TemperatureUnit::Celsius, "Celsius")}
        </div>
    }
}

/// The plant's own time and today's window.
#[component]
fn Footer() -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let window = Memo::new(move |_| {
        let reader = ui.reader();
        ui.live.status.with(|s| s.as_ref().map(|s| (t.window)(s, &reader)))
    });
    let time = Memo::new(move |_| {
        let zone = ui.zone();
        ui.live.status.with(|s| {
            let now = s.as_ref()?.now?;
            Some(zone.weekday_clock(now.timestamp_millis()))
        })
    });
    view! {
        <footer class="foot">
            <p>{window}</p>
            <p>{move || time.get().map(|time| format!("{} {time}", t.words.plant_time))}</p>
        </footer>
    }
}
