//! All that the app asks of the browser: the live feed, requests, times in the owner's zone, what it remembers.
//! Pages and components reach it through [`Ui`].

pub(crate) mod day;
pub(crate) mod live;
pub(crate) mod preferences;
pub(crate) mod rest;
pub(crate) mod screen;
pub(crate) mod session;
pub(crate) mod zone;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use leptos::prelude::*;

use crate::text::Show;
use crate::types::session::Session;
use crate::types::status::Status;
use crate::units::{TemperatureUnit, trimmed};
use live::Live;
use zone::Zone;

/// What every page shares.
#[derive(Clone, Copy)]
pub(crate) struct Ui {
    /// The newest picture of the plant and how fresh it is.
    pub(crate) live: Live,
    /// How the reader likes temperatures.
    pub(crate) unit: RwSignal<TemperatureUnit>,
    /// Who is logged in.
    pub(crate) session: RwSignal<Option<Session>>,
    /// It is not known yet whether someone is logged in.
    pub(crate) restoring: RwSignal<bool>,
    /// Counts up when colours or the pixel ratio may have changed, for what is drawn and not styled.
    pub(crate) look: RwSignal<u32>,
    zone: Memo<String>,
    minute: Memo<Option<DateTime<Utc>>>,
}

impl Ui {
    /// Starts the live feed and finds out who is logged in. Once, by the app's root.
    pub(crate) fn start() -> Self {
        let live = Live::start();
        let ui = Self {
            live,
            zone: Memo::new(move |_| live.status.with(|status| zone_of(status.as_ref()))),
            minute: Memo::new(move |_| live.status.with(|status| minute_of(status.as_ref()))),
            unit: RwSignal::new(preferences::unit()),
            session: RwSignal::new(None),
            restoring: RwSignal::new(false),
            look: screen::changes_of_look(),
        };
        Effect::new(move || preferences::set_unit(ui.unit.get()));
        session::restore(ui);
        provide_context(ui);
        ui
    }

    /// The owner's time zone.
    pub(crate) fn zone(self) -> Zone {
        self.zone.with(|name| Zone::named(name))
    }

    /// How this reader likes values; follows the unit, the zone and the plant's minute.
    pub(crate) fn reader(self) -> Reader {
        Reader { unit: self.unit.get(), zone: self.zone(), now: self.minute.get() }
    }
}

/// The zone of the plant's times; UTC until the first picture.
fn zone_of(status: Option<&Status>) -> String {
    status.map_or_else(|| "UTC".into(), |status| status.time_zone.clone())
}

/// The plant's time, to the minute.
fn minute_of(status: Option<&Status>) -> Option<DateTime<Utc>> {
    status?.now?.duration_trunc(TimeDelta::minutes(1)).ok()
}

/// What every page shares, from the context.
pub(crate) fn use_ui() -> Ui {
    // The root provides it before anything else is made.
    expect_context()
}

/// How one reader likes values, at one moment of the plant.
pub(crate) struct Reader {
    unit: TemperatureUnit,
    zone: Zone,
    now: Option<DateTime<Utc>>,
}

impl Show for Reader {
    fn temperature(&self, temperature_f: f64) -> String {
        format!("{}\u{a0}{}", self.degrees(temperature_f), self.unit.symbol())
    }

    fn degrees(&self, temperature_f: f64) -> String {
        trimmed(self.unit.of_f(temperature_f), 1)
    }

    fn step(&self, step_f: f64) -> String {
        let step = trimmed(self.unit.of_step_f(step_f), 1);
        format!("{step}\u{a0}{}", self.unit.symbol())
    }

    fn time(&self, at: DateTime<Utc>) -> String {
        let far = self.now.is_some_and(|now| (at - now).abs() > TimeDelta::hours(18));
        let ms = at.timestamp_millis();
        match far {
            true => self.zone.weekday_clock(ms),
            false => self.zone.clock(ms),
        }
    }
}
