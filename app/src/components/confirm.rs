//! The one way to ask twice: a dialog that says what will happen, with the harmless way out focused.

use leptos::html;
use leptos::prelude::*;

use crate::text::text;

/// A button that asks before it acts.
#[component]
pub(crate) fn ConfirmButton(
    /// The button, and what the dialog's own button says.
    label: &'static str,
    /// What will happen.
    question: &'static str,
    /// The button is being obeyed.
    #[prop(into)]
    busy: Signal<bool>,
    /// Do it.
    on_yes: Callback<()>,
) -> impl IntoView {
    let words = &text().words;
    let dialog = NodeRef::<html::Dialog>::new();
    let ask = move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            // It fails only if it is open already.
            let _already_open = dialog.show_modal();
        }
    };
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    view! {
        <button type="button" class="button danger" disabled=busy on:click=ask>{label}</button>
        <dialog node_ref=dialog class="dialog" aria-label=label>
            <p>{question}</p>
            <div class="row end">
                <button type="button" class="button" autofocus on:click=move |_| close()>{words.cancel}</button>
                <button type="button" class="button danger" on:click=move |_| {
                    close();
                    on_yes.run(());
                }>{label}</button>
            </div>
        </dialog>
    }
}
