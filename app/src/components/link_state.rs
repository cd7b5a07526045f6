//! Whether the picture on the screen is live, and if not, how old it is.

use leptos::prelude::*;

use crate::browser::live::Link;
use crate::browser::use_ui;
use crate::text::text;

/// A dot with a word; it never rests on colour alone.
#[component]
pub(crate) fn LinkState() -> impl IntoView {
    let live = use_ui().live;
    let t = text();
    let class = move || match live.link.get() {
        Link::Connecting => "link connecting",
        Link::Live => "link live",
        Link::Lost => "link lost",
    };
    let word = move || match live.link.get() {
        Link::Connecting => t.words.connecting,
        Link::Live => t.words.live,
        Link::Lost => t.words.offline,
    };
    view! { <span class=class role="status"><span class="link-dot" aria-hidden="true"></span>{word}</span> }
}

/// A strip that tells how old everything below is. Empty while all is live.
#[component]
pub(crate) fn StaleStrip() -> impl IntoView {
    let live = use_ui().live;
    let t = text();
    let seen = Memo::new(move |_| live.status.with(Option::is_some));
    move || {
        (live.link.get() == Link::Lost).then(|| {
            view! {
                <p class="stale-strip">
                    {move || if seen.get() {
                        format!("{} {}", t.words.lost_showing, (t.age)(live.age_s.get()))
                    } else {
                        t.words.lost_nothing.into()
                    }}
                </p>
            }
        })
    }
}
