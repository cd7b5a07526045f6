//! There is no such page.

use leptos::prelude::*;
use leptos_router::components::A;

use super::set_title;
use crate::text::text;

/// Says so, and shows the way back.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    set_title(text().words.not_found);
    let words = &text().words;
    view! {
        <section class="card narrow">
            <h1>{words.not_found}</h1>
            <p>{words.not_found_detail}</p>
            <p><A href="/" attr:class="button primary">{words.to_dashboard}</A></p>
        </section>
    }
}
