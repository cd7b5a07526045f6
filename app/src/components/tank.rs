//! A tank, filled as high as its water is hot, with the target marked.

use leptos::prelude::*;

/// As cold as mains water gets, and hotter than any tank may be: the ends of the picture's scale, °F.
const COLDEST_F: f64 = 50.0;
const HOTTEST_F: f64 = 165.0;

/// Where the scale begins and ends in the drawing.
const TOP: f64 = 10.0;
const BOTTOM: f64 = 110.0;
/// The vessel's outline.
const LEFT: f64 = 4.0;
const WIDTH: f64 = 51.0;
const HEIGHT: f64 = 112.0;
const ROUND: f64 = 16.0;
/// Where along the scale the water's colours stand, from the top.
const HOT_AT: f64 = 0.1;
const WARM_AT: f64 = 0.5;
const COLD_AT: f64 = 1.0;

/// The height of a temperature in the drawing.
fn y_of(temperature_f: f64) -> f64 {
    let share = (temperature_f - COLDEST_F) / (HOTTEST_F - COLDEST_F);
    BOTTOM - (BOTTOM - TOP) * share.clamp(0.0, 1.0)
}

/// A tank 64 wide and 120 high, drawn into its parent. It says nothing to a screen reader: the numbers beside it do.
#[component]
pub(crate) fn TankShape(
    /// Tells the drawing's parts from those of other tanks on the page.
    key: String,
    /// The water, °F; empty while unknown.
    #[prop(into)]
    temperature_f: Signal<Option<f64>>,
    /// The target, °F.
    #[prop(into)]
    target_f: Signal<Option<f64>>,
) -> impl IntoView {
    let clip = format!("tank-clip-{key}");
    let gradient = format!("tank-water-{key}");
    let clip_url = format!("url(#{clip})");
    let gradient_url = format!("url(#{gradient})");
    let level = move || temperature_f.get().map_or(BOTTOM + 4.0, y_of);
    let target = move || {
        target_f.get().map(|target_f| {
            let y = y_of(target_f);
            view! {
                <g class="tank-target" transform=format!("translate(0 {y:.1})")>
                    <line x1="2" x2="57" y1="0" y2="0"/>
                    <path d="M64 -5 L57 0 L64 5 Z"/>
                </g>
            }
        })
    };
    // Leptos wraps an SVG element whose attributes are all literal in a `<g>`, which is not allowed in a clip path or
    // a gradient; that is why these are spelt with constants.
    view! {
        <defs>
            <clipPath id=clip><rect x=LEFT y=LEFT width=WIDTH height=HEIGHT rx=ROUND/></clipPath>
            <linearGradient id=gradient x1="0" y1=TOP y2=BOTTOM x2="0" gradientUnits="userSpaceOnUse">
                <stop class="water-hot" offset=HOT_AT/>
                <stop class="water-warm" offset=WARM_AT/>
                <stop class="water-cold" offset=COLD_AT/>
            </linearGradient>
        </defs>
        <g clip-path=clip_url>
            <rect class="tank-inside" x=LEFT y=LEFT width=WIDTH height=HEIGHT/>
            <rect x=LEFT y=level width=WIDTH height=HEIGHT fill=gradient_url/>
            <line class="tank-surface" x1=LEFT x2=LEFT + WIDTH y1=level y2=level/>
        </g>
        <rect class="tank-wall" x=LEFT y=LEFT width=WIDTH height=HEIGHT rx=ROUND/>
        {target}
    }
}
