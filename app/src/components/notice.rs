//! A line that says how something went, and a screen reader says it too.

use leptos::prelude::*;

use crate::text::text;
use crate::types::problem::Problem;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It worked.
    Good,
    /// Look at this.
    Warning,
    /// It did not work, or worse.
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "notice good",
            Self::Warning => "notice warning",
            Self::Bad => "notice bad",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Good => "M5 12.5l4.5 4.5L19 7.5",
            Self::Warning | Self::Bad => "M12 6v7M12 17v.5",
        }
    }
}

/// A notice with its sign.
#[component]
pub(crate) fn Notice(tone: Tone, children: Children) -> impl IntoView {
    view! {
        <div class=tone.class()>
            <svg class="notice-sign" viewBox="0 0 24 24" aria-hidden="true"><path d=tone.sign()/></svg>
            <div>{children()}</div>
        </div>
    }
}

/// How the last order went, where a screen reader hears it.
#[component]
pub(crate) fn Outcome(
    /// Nothing yet, a word of success, or the problem.
    #[prop(into)]
    outcome: Signal<Option<Result<&'static str, Problem>>>,
) -> impl IntoView {
    view! {
        <div role="status" class="outcome">
            {move || outcome.get().map(|outcome| match outcome {
                Ok(good) => view! { <Notice tone=Tone::Good>{good}</Notice> }.into_any(),
                Err(problem) => view! { <Notice tone=Tone::Bad>{plainly(&problem)}</Notice> }.into_any(),
            })}
        </div>
    }
}

/// A problem in words for a person.
pub(crate) fn plainly(problem: &Problem) -> String {
    let words = &text().words;
    match problem.status {
        503 => words.no_answer.into(),
        401 => words.please_log_in.into(),
        _ => format!("{}. {}", problem.title, problem.detail),
    }
}
