//! One file a widget. Widgets know how to show and ask; what they show comes from the pages.

// `#[component]` writes `pub` whatever the function says.
#![allow(unreachable_pub)]

pub(crate) mod all_off;
pub(crate) mod banners;
pub(crate) mod chart;
pub(crate) mod circuit_card;
pub(crate) mod circuit_picture;
pub(crate) mod confirm;
pub(crate) mod contact;
pub(crate) mod field;
pub(crate) mod link_state;
pub(crate) mod notice;
pub(crate) mod override_control;
pub(crate) mod shell;
pub(crate) mod tank;
