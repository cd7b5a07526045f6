//! One file a page. Pages put widgets together and know where their values come from.

// `#[component]` writes `pub` whatever the function says.
#![allow(unreachable_pub)]

pub(crate) mod control;
pub(crate) mod dashboard;
pub(crate) mod login;
pub(crate) mod not_found;
pub(crate) mod regulation_form;

/// Names the page in the browser's tab and for a screen reader.
fn set_title(page: &str) {
    leptos::prelude::document().set_title(&format!("{page} · Suntank"));
}
