//! The one way to do a form field: label, unit, hint, and its error where it belongs.

use leptos::prelude::*;

/// A text or number field.
#[component]
pub(crate) fn Field(
    /// Unique on the page.
    id: String,
    #[prop(into)] label: Signal<String>,
    /// What is in it.
    value: RwSignal<String>,
    /// Behind the box, as °F.
    #[prop(into, optional)]
    unit: Signal<&'static str>,
    /// Below the box.
    #[prop(into, optional)]
    hint: Signal<String>,
    /// What is wrong with it.
    #[prop(into, optional)]
    error: Signal<Option<String>>,
    /// The input's `type`.
    #[prop(into, default = Signal::stored("text"))]
    kind: Signal<&'static str>,
    /// Which keys a phone shows: `decimal`, `numeric` or `text`.
    #[prop(default = "text")]
    inputmode: &'static str,
    /// What a password manager may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// A button inside the box's end.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    let error_id = format!("{id}-error");
    let described = format!("{hint_id} {error_id}");
    let wrong = Memo::new(move |_| error.with(Option::is_some));
    view! {
        <div class="field" class:wrong=wrong>
            <label for=id.clone()>{label}</label>
            <div class="field-box">
                <input
                    id=id
                    type=kind
                    inputmode=inputmode
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    aria-describedby=described
                    aria-invalid=move || if wrong.get() { "true" } else { "false" }
                    prop:value=value
                    on:input:target=move |event| value.set(event.target().value())
                />
                <span class="field-unit">{unit}</span>
                {children.map(|children| children())}
            </div>
            <p class="field-hint" id=hint_id>{hint}</p>
            <p class="field-error" id=error_id role="alert">{move || error.get()}</p>
        </div>
    }
}

/// A box to tick.
#[component]
pub(crate) fn Tick(
    /// Unique on the page.
    id: String,
    label: &'static str,
    /// Whether it is ticked.
    value: RwSignal<bool>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
) -> impl IntoView {
    let error_id = format!("{id}-error");
    let wrong = Memo::new(move |_| error.with(Option::is_some));
    view! {
        <div class="field tick" class:wrong=wrong>
            <label>
                <input
                    id=id
                    type="checkbox"
                    aria-describedby=error_id.clone()
                    aria-invalid=move || if wrong.get() { "true" } else { "false" }
                    prop:checked=value
                    on:change:target=move |event| value.set(event.target().checked())
                />
                <span>{label}</span>
            </label>
            <p class="field-error" id=error_id role="alert">{move || error.get()}</p>
        </div>
    }
}
