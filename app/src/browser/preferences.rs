//! What the browser remembers between visits. Nothing secret; a browser that forgets loses comfort alone.

use leptos::prelude::window;
use web_sys::Storage;

use crate::units::TemperatureUnit;

const UNIT: &str = "suntank.unit";
const LOGGED_IN: &str = "suntank.logged_in";

/// The reader's temperature unit.
pub(crate) fn unit() -> TemperatureUnit {
    match get(UNIT).as_deref() {
        Some("c") => TemperatureUnit::Celsius,
        _ => TemperatureUnit::Fahrenheit,
    }
}

/// Remembers the reader's temperature unit.
pub(crate) fn set_unit(unit: TemperatureUnit) {
    match unit {
        TemperatureUnit::Celsius => set(UNIT, Some("c")),
        TemperatureUnit::Fahrenheit => set(UNIT, None),
    }
}

/// Whether someone logged in here and did not log out: then it is worth asking who. The session itself is in a cookie
/// that no script can read.
pub(crate) fn was_logged_in() -> bool {
    get(LOGGED_IN).is_some()
}

/// Remembers whether someone is logged in.
pub(crate) fn set_logged_in(logged_in: bool) {
    set(LOGGED_IN, logged_in.then_some("1"));
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// A full or forbidden storage is no fault of the reader's, so failures pass in silence.
fn set(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    let _forgotten = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}
