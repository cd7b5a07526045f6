//! Mounts the app in the browser, in the place of the skeleton that stood there until now.

fn main() {
    console_error_panic_hook::set_once();
    if let Some(skeleton) = leptos::prelude::document().get_element_by_id("skeleton") {
        skeleton.remove();
    }
    leptos::mount::mount_to_body(app::root::App);
}
