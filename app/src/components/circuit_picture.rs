//! One circuit, live: sun and string, outside relay, inside relay, tank. What flows moves, the faster the more.

use leptos::prelude::*;

use super::contact::{Contact, ContactState};
use super::tank::TankShape;
use crate::text::text;

/// Less than this, watts, is no flow worth drawing.
const FLOW_FROM_W: f64 = 20.0;

/// What the picture shows; all of it from one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) id: u8,
    pub(crate) outside: ContactState,
    pub(crate) inside: ContactState,
    pub(crate) voltage: String,
    pub(crate) power_w: Option<f64>,
    pub(crate) daylight: bool,
    pub(crate) tank_temp_f: Option<f64>,
    pub(crate) target_f: Option<f64>,
    /// All of it in words, for a screen reader.
    pub(crate) in_words: String,
}

impl Picture {
    /// 0 for no flow to 5 for a strong one: few steps, so that the movement does not stutter with each sample.
    fn flow(&self) -> u8 {
        match self.power_w {
            Some(w) if w >= 2000.0 => 5,
            Some(w) if w >= 1200.0 => 4,
            Some(w) if w >= 600.0 => 3,
            Some(w) if w >= 200.0 => 2,
            Some(w) if w >= FLOW_FROM_W => 1,
            _ => 0,
        }
    }
}

/// The live picture of one circuit.
#[component]
pub(crate) fn CircuitPicture(key: String, #[prop(into)] picture: Signal<Picture>) -> impl IntoView {
    let words = &text().words;
    let outside = Memo::new(move |_| picture.with(|p| p.outside));
    let inside = Memo::new(move |_| picture.with(|p| p.inside));
    let flow = Memo::new(move |_| picture.with(Picture::flow));
    let temperature = Memo::new(move |_| picture.with(|p| p.tank_temp_f));
    let target = Memo::new(move |_| picture.with(|p| p.target_f));
    let class = move || format!("picture flow-{}", flow.get());
    let joined = move || outside.get() != ContactState::Open && inside.get() != ContactState::Open;
    view! {
        <svg class=class viewBox="0 0 336 128" role="img" aria-label=move || picture.with(|p| p.in_words.clone())>
            <g class="sun" class:down=move || picture.with(|p| !p.daylight)>
                <circle cx="24" cy="24" r="11"/>
                <path d="M24 4v5M24 39v5M4 24h5M39 24h5M9.9 9.9l3.5 3.5M34.6 34.6l3.5 3.5M9.9 38.1l3.5-3.5M34.6 13.4l3.5-3.5"/>
            </g>
            <g class="panel">
                <path class="panel-face" d="M18 62h46l-9 40h-46z"/>
                <path d="M14 75.3h47M11 88.6h47M33.3 62l-9 40M48.6 62l-9 40"/>
            </g>
            <path class="wire live" d="M60 82H97"/>
            <path class="wire" class:live=move || outside.get() != ContactState::Open d="M119 82H177"/>
            <path class="wire" class:live=joined d="M199 82H262"/>
            <path class="flow" d="M60 82H262"/>
            <g transform="translate(108 82)"><Contact state=outside/></g>
            <g transform="translate(188 82)"><Contact state=inside/></g>
            <circle class="probe" cx="148" cy="82" r="2.5"/>
            <text class="picture-value" x="148" y="62">{move || picture.with(|p| p.voltage.clone())}</text>
            <text class="picture-label" x="108" y="108">{words.outside}</text>
            <text class="picture-label" x="188" y="108">{words.inside}</text>
            <g transform="translate(262 4)">
                <TankShape key temperature_f=temperature target_f=target/>
                <path class="element" class:hot=move || flow.get().gt(&0)
                    d="M0 78h12l3-6 6 12 6-12 6 12 6-12 3 6"/>
            </g>
        </svg>
    }
}
