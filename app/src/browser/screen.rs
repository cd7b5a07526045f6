//! What a drawing needs to know of the screen: its pixel ratio, the colours in force, and when they change.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, MediaQueryList};

/// Counts up when the colour scheme or the window's size or zoom changes. For the app's root: it listens for ever.
pub(crate) fn changes_of_look() -> RwSignal<u32> {
    let count = RwSignal::new(0_u32);
    let bump = move || count.update(|n| *n = n.wrapping_add(1));
    let _listens_for_ever = window_event_listener_untyped("resize", move |_| bump());
    if let Some(scheme) = media("(prefers-color-scheme: dark)") {
        let on_change = Closure::<dyn FnMut()>::new(bump).into_js_value();
        scheme.set_onchange(Some(on_change.unchecked_ref()));
        // The browser drops a query that nobody holds, and its listener with it.
        std::mem::forget(scheme);
    }
    count
}

/// Canvas pixels in a CSS pixel.
pub(crate) fn pixel_ratio() -> f64 {
    window().device_pixel_ratio().clamp(0.5, 4.0)
}

/// The colour in a CSS custom property of this element. The property is registered as a colour (`@property` in
/// tokens.css), so that the browser answers `rgb(r, g, b)` for the scheme in force.
pub(crate) fn colour(element: &Element, property: &str) -> (u8, u8, u8) {
    let computed = window()
        .get_computed_style(element)
        .ok()
        .flatten()
        .and_then(|style| style.get_property_value(property).ok())
        .unwrap_or_default();
    let mut parts = computed
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .filter_map(|part| part.parse::<f64>().ok())
        .map(|part| part as u8);
    let mut next = || parts.next().unwrap_or(128);
    (next(), next(), next())
}

fn media(query: &str) -> Option<MediaQueryList> {
    window().match_media(query).ok().flatten()
}
