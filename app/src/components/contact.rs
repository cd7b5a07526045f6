//! A relay's contact as the trade draws it: a blade that is seen to be open or closed.

use leptos::prelude::*;

use crate::text::text;

/// What a contact is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContactState {
    /// Commanded closed.
    Closed,
    /// Commanded open.
    Open,
    /// Commanded open, but current flows: it may be welded.
    Suspect,
    /// There is no such relay.
    Absent,
}

impl ContactState {
    /// The state in a word.
    pub(crate) fn word(self) -> &'static str {
        let words = &text().words;
        match self {
            Self::Closed => words.closed,
            Self::Open => words.open,
            Self::Suspect => words.suspect,
            Self::Absent => words.not_fitted,
        }
    }
}

/// A contact around the origin of its parent drawing, 28 wide: terminals at −11 and 11 on the wire.
#[component]
pub(crate) fn Contact(#[prop(into)] state: Signal<ContactState>) -> impl IntoView {
    let absent = move || state.get() == ContactState::Absent;
    let suspect = move || state.get() == ContactState::Suspect;
    let closed = move || state.get() != ContactState::Open;
    view! {
        <g class="contact" class:closed=closed class:absent=absent class:suspect=suspect>
            <line class="contact-blade" x1="-11" y1="0" x2="11" y2="0"/>
            <circle class="contact-terminal" cx="-11" cy="0" r="3"/>
            <circle class="contact-terminal" cx="11" cy="0" r="3"/>
        </g>
    }
}

/// The same as a small picture in a line of text.
#[component]
pub(crate) fn ContactIcon(#[prop(into)] state: Signal<ContactState>) -> impl IntoView {
    view! {
        <svg class="contact-icon" viewBox="-18 -14 36 20" aria-hidden="true">
            <line class="contact-lead" x1="-18" y1="0" x2="-11" y2="0"/>
            <line class="contact-lead" x1="11" y1="0" x2="18" y2="0"/>
            <Contact state/>
        </svg>
    }
}
