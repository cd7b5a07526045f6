//! All words that people read, one file a language. A new language is one more [`Language`]; the compiler sees to it
//! that nothing is missing.

pub mod en;

use chrono::{DateTime, Utc};

use crate::types::status::{Circuit, Demo, Status, Trigger, TriggerId, Trip, Validity};

/// How the reader likes temperatures and times.
pub trait Show {
    /// A temperature given in °F, with its unit: "121.3 °F".
    fn temperature(&self, temperature_f: f64) -> String;
    /// The same without unit and idle zeros: "120".
    fn degrees(&self, temperature_f: f64) -> String;
    /// A difference given in °F, with its unit: "2 °F".
    fn step(&self, step_f: f64) -> String;
    /// A moment in the owner's time zone, with the weekday when it is far: "7:12 AM".
    fn time(&self, at: DateTime<Utc>) -> String;
}

/// The language in use.
pub fn text() -> &'static Language {
    &en::ENGLISH
}

/// One language, whole.
pub struct Language {
    /// The language's tag, for `<html lang>`.
    pub tag: &'static str,
    /// Fixed words.
    pub words: Words,
    /// One sentence for the whole plant.
    pub headline: fn(&Status, &dyn Show) -> String,
    /// Why a circuit does what it does, and what happens next.
    pub why: fn(&Circuit, &dyn Show) -> String,
    /// On, off, or what else a circuit is, in a word or two.
    pub circuit_state: fn(&Circuit) -> &'static str,
    /// What tripped, with value and limit.
    pub trip: fn(&Trip, &dyn Show) -> String,
    /// What a person does about a trip.
    pub trip_advice: fn(TriggerId) -> &'static str,
    /// A watchdog trigger's warning, in a sentence.
    pub warning: fn(&Trigger, &dyn Show) -> String,
    /// A sensor's name, from its id (`v1` … `t2`).
    pub sensor: fn(&str) -> String,
    /// A relay's name, from its id (`inside1` … `outside2`).
    pub relay: fn(&str) -> String,
    /// What is wrong with a reading; empty for a valid one.
    pub validity: fn(Validity) -> &'static str,
    /// A span in milliseconds, to the precision that matters: "1 h 05 min", "12 s".
    pub span: fn(u64) -> String,
    /// The demo badge.
    pub demo: fn(Demo) -> String,
    /// How old the picture on the screen is, in seconds.
    pub age: fn(u64) -> String,
    /// The day/night window, in a sentence.
    pub window: fn(&Status, &dyn Show) -> String,
    /// What is wrong with a field of the regulation form, by its path, in the reader's unit; `None` where
    /// the server's own words will do.
    pub regulation_error: fn(&str, &dyn Show) -> Option<String>,
    /// "Circuit 1".
    pub circuit: fn(u8) -> String,
    /// "Tank 1".
    pub tank: fn(u8) -> String,
    /// Share of the last day that was measured, when it was not all of it.
    pub coverage: fn(f64) -> String,
    /// What a plot shows at most and least, for those who can't see it.
    pub plot_summary: fn(&str, &str, &str) -> String,
    /// "Forced on for 12 min more".
    pub forced: fn(bool, u64) -> String,
}

/// Words that stay the same whatever is measured. Each is documented by its English in `en.rs`.
#[allow(missing_docs)]
pub struct Words {
    // Around every page.
    pub skip: &'static str,
    pub navigation: &'static str,
    pub dashboard: &'static str,
    pub control: &'static str,
    pub log_in: &'static str,
    pub log_out: &'static str,
    pub unit: &'static str,
    pub demo_hint: &'static str,
    pub plant_time: &'static str,
    pub connecting: &'static str,
    pub live: &'static str,
    pub offline: &'static str,
    pub lost_showing: &'static str,
    pub lost_nothing: &'static str,
    pub loading: &'static str,
    pub time: &'static str,
    pub cancel: &'static str,
    pub try_again: &'static str,
    pub no_answer: &'static str,
    pub please_log_in: &'static str,

    // All-off and trips.
    pub all_off: &'static str,
    pub all_off_failed: &'static str,
    pub all_is_off: &'static str,
    pub all_off_stays: &'static str,
    pub all_off_hint: &'static str,
    pub resume: &'static str,
    pub trip_title: &'static str,
    pub trip_critical: &'static str,
    pub to_control: &'static str,
    pub clear_trip: &'static str,
    pub clear_trip_question: &'static str,
    pub self_test: &'static str,
    pub self_test_question: &'static str,

    // Dashboard.
    pub no_picture: &'static str,
    pub last_24h: &'static str,
    pub now: &'static str,
    pub of_the_sun: &'static str,
    pub target: &'static str,
    pub inside: &'static str,
    pub outside: &'static str,
    pub inside_relay: &'static str,
    pub outside_relay: &'static str,
    pub closed: &'static str,
    pub suspect: &'static str,
    pub open: &'static str,
    pub not_fitted: &'static str,
    pub by_hand: &'static str,
    pub volts: &'static str,
    pub amperes: &'static str,
    pub watts: &'static str,
    pub ohms: &'static str,
    pub power_plot: &'static str,
    pub temperature_plot: &'static str,
    pub plot_failed: &'static str,
    pub chart_keys: &'static str,
    pub as_table: &'static str,

    // Logging in.
    pub name: &'static str,
    pub password: &'static str,
    pub show: &'static str,
    pub hide: &'static str,
    pub logging_in: &'static str,
    pub name_missing: &'static str,
    pub password_missing: &'static str,
    pub wrong_login: &'static str,
    pub log_in_first: &'static str,

    // Control.
    pub whole_plant: &'static str,
    pub by_hand_title: &'static str,
    pub by_hand_hint: &'static str,
    pub single_relays: &'static str,
    pub single_relays_hint: &'static str,
    pub automatic: &'static str,
    pub on: &'static str,
    pub off: &'static str,
    pub for_time: &'static str,
    pub done_off: &'static str,
    pub done_resumed: &'static str,
    pub done_cleared: &'static str,
    pub done_self_test: &'static str,

    // Targets.
    pub targets: &'static str,
    pub target_label: &'static str,
    pub hysteresis_label: &'static str,
    pub mixing_valve: &'static str,
    pub window: &'static str,
    pub after_sunrise: &'static str,
    pub before_sunset: &'static str,
    pub minutes: &'static str,
    pub agreeing_samples: &'static str,
    pub save: &'static str,
    pub saved: &'static str,
    pub unsaved: &'static str,
    pub mend_fields: &'static str,
    pub not_a_number: &'static str,
    pub changed_meanwhile: &'static str,
    pub reload: &'static str,
    pub not_two_circuits: &'static str,

    // No such page.
    pub not_found: &'static str,
    pub not_found_detail: &'static str,
    pub to_dashboard: &'static str,
}
