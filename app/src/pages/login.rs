//! Logging in.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::set_title;
use crate::browser::{rest, session, use_ui};
use crate::components::field::Field;
use crate::components::notice::Outcome;
use crate::text::text;
use crate::types::problem::Problem;
use crate::types::session::Login;

/// Name and password; then to the control page.
#[component]
pub(crate) fn LoginPage() -> impl IntoView {
    set_title(text().words.log_in);
    let navigate = use_navigate();
    let on_done = Callback::new(move |()| navigate("/control", Default::default()));
    view! {
        <section class="card narrow">
            <h1>{text().words.log_in}</h1>
            <LoginForm on_done/>
        </section>
    }
}

/// The form itself, for wherever someone has to log in first.
#[component]
pub(crate) fn LoginForm(
    /// What then.
    on_done: Callback<()>,
) -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let name = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let seen = RwSignal::new(false);
    let missing = RwSignal::new((false, false));
    let problem = RwSignal::new(None::<Problem>);
    let enter = Action::new_local(move |login: &Login| {
        let login = login.clone();
        async move {
            match rest::log_in(&login).await {
                Ok(new) => {
                    session::begin(ui, new);
                    on_done.run(());
                }
                Err(refused) => problem.set(Some(refused)),
            }
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let login = Login { name: name.get_untracked().trim().into(), password: password.get_untracked() };
        let empty = (login.name.is_empty(), login.password.is_empty());
        missing.set(empty);
        problem.set(None);
        if empty == (false, false) {
            enter.dispatch_local(login);
        }
    };
    let field_error = move |field: &'static str| {
        problem.with(|problem| {
            let mut errors = problem.iter().flat_map(|problem| &problem.errors);
            errors.find(|e| e.field == field).map(|e| e.message.clone())
        })
    };
    let name_error = move || {
        let empty = missing.get().0.then(|| words.name_missing.to_string());
        empty.or_else(|| field_error("name"))
    };
    let wrong =
        move || problem.with(|p| p.as_ref().is_some_and(|p| p.status == 401)).then(|| words.wrong_login.to_string());
    let password_error = move || {
        let empty = missing.get().1.then(|| words.password_missing.to_string());
        empty.or_else(|| field_error("password")).or_else(wrong)
    };
    // What stands at a field is not said twice.
    let elsewhere = move || problem.get().filter(|p| p.status != 401 && p.errors.is_empty()).map(Err);
    view! {
        <form class="stack" novalidate on:submit=submit>
            <Field id="name".into() label=Signal::stored(words.name.to_string()) value=name
                autocomplete="username" error=Signal::derive(name_error)/>
            <Field id="password".into() label=Signal::stored(words.password.to_string()) value=password
                kind=Signal::derive(move || if seen.get() { "text" } else { "password" })
                autocomplete="current-password" error=Signal::derive(password_error)>
                <button type="button" class="field-button"
                    aria-pressed=move || if seen.get() { "true" } else { "false" }
                    on:click=move |_| seen.update(|seen| *seen = !*seen)>
                    {move || if seen.get() { words.hide } else { words.show }}
                </button>
            </Field>
            <Outcome outcome=Signal::derive(elsewhere)/>
            <button type="submit" class="button primary" disabled=enter.pending()>
                {move || if enter.pending().get() { words.logging_in } else { words.log_in }}
            </button>
        </form>
    }
}
