//! Settings: validated whole, stored, taken on by the loop at once, and written to the audit log.

use std::sync::{Arc, PoisonError};

use app::types::problem::{FieldError, Problem, ProblemKind};
use app::types::settings::{CircuitRegulation, RegulationSettings, Revised, SiteSettings};
use chrono_tz::Tz;
use engine::config::{Config, ConfigError, Place, Window};
use engine::units::Fahrenheit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use storage::{Category, Level, NewEvent, Storage, StorageError};

use super::{Person, Services, loop_problem, storage_problem};
use crate::loop_handle::Slot;

/// Section `regulation` in storage.
pub const REGULATION: &str = "regulation";
/// Section `site` in storage.
pub const SITE: &str = "site";

/// Where the default place ([`Config::default`]) is.
const DEFAULT_TIME_ZONE: Tz = chrono_tz::America::Denver;

/// All sections, as they are in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// When to heat.
    pub regulation: Revised<RegulationSettings>,
    /// Where it stands, how it records.
    pub site: Revised<SiteSettings>,
    /// The site's time zone, looked up.
    pub time_zone: Tz,
}

/// Reads all sections; what was never stored comes from `base`, at revision 0.
///
/// # Errors
/// Storage that fails or holds what can't be read.
pub async fn load_settings(storage: &dyn Storage, base: &Config) -> Result<Settings, StorageError> {
    let regulation = section(storage, REGULATION, || default_regulation(base)).await?;
    let site: Revised<SiteSettings> = section(storage, SITE, || default_site(base)).await?;
    let time_zone = site
        .value
        .time_zone
        .parse()
        .map_err(|_| StorageError::Corrupt(format!("there is no time zone {}", site.value.time_zone)))?;
    Ok(Settings { regulation, site, time_zone })
}

impl Settings {
    /// `base` with these settings put in: what the engine runs on.
    pub fn effective_config(&self, base: &Config) -> Config {
        effective_config(&self.regulation.value, &self.site.value, base)
    }

    /// The day/night window's margins.
    pub(super) const fn window(&self) -> Window {
        Window {
            before_sunset_min: self.regulation.value.before_sunset_min,
            after_sunrise_min: self.regulation.value.after_sunrise_min,
        }
    }
}

impl Services {
    pub(super) async fn change_regulation(
        &self,
        person: Person<'_>,
        change: Revised<RegulationSettings>,
    ) -> Result<Revised<RegulationSettings>, Problem> {
        let _alone = self.changing.lock().await;
        refuse(change.value.check())?;
        let old = self.settings_now();
        let mut new = Settings::clone(&old);
        new.regulation = change;
        let expected = new.regulation.revision;
        let (before, after) = (&old.regulation.value, &new.regulation.value);
        let (slot, config) = self.prepare(&new)?;
        new.regulation.revision = self.store(person, REGULATION, before, after, expected).await?;
        let answer = new.regulation.clone();
        self.put_in_force(new, slot, config).await?;
        Ok(answer)
    }

    pub(super) async fn change_site(
        &self,
        person: Person<'_>,
        change: Revised<SiteSettings>,
    ) -> Result<Revised<SiteSettings>, Problem> {
        let _alone = self.changing.lock().await;
        refuse(change.value.check())?;
        let old = self.settings_now();
        let mut new = Settings::clone(&old);
        new.time_zone = change.value.time_zone.parse().map_err(|_| {
            Problem::field("time_zone", "must be a name of the IANA time zone database, such as America/Denver")
        })?;
        new.site = change;
        let expected = new.site.revision;
        let (before, after) = (&old.site.value, &new.site.value);
        let (slot, config) = self.prepare(&new)?;
        new.site.revision = self.store(person, SITE, before, after, expected).await?;
        let answer = new.site.clone();
        self.put_in_force(new, slot, config).await?;
        Ok(answer)
    }

    /// What the loop will be told, and its ear: both before anything is stored, so that nothing is stored that
    /// the engine refuses or that the loop can't hear of.
    fn prepare(&self, new: &Settings) -> Result<(Slot<'_>, Config), Problem> {
        let config = new.effective_config(&self.base);
        config.check().map_err(|e| config_problem(&e))?;
        let slot = self.control.reserve().map_err(loop_problem)?;
        Ok((slot, config))
    }

    /// Stores a section if it still is at the expected revision, and gives the new one.
    async fn store<T: Serialize>(
        &self,
        person: Person<'_>,
        section: &str,
        old: &T,
        new: &T,
        expected: i64,
    ) -> Result<i64, Problem> {
        let json = serde_json::to_string(new).map_err(unreadable)?;
        let now_ms = self.now().0;
        let stored = self.storage.put_setting(section, &json, Some(expected), person.name, now_ms);
        let revision = stored.await.map_err(|error| match error {
            StorageError::Conflict(_) => Problem::new(
                ProblemKind::RevisionMismatch,
                "Someone changed these settings since you read them. Read them again.",
            ),
            other => storage_problem(other),
        })?;
        self.audit(person, section, old, new, revision)?;
        Ok(revision)
    }

    /// Stored settings are the ones in force, even if the loop should answer late. On the disk they are before the
    /// loop hears of them.
    async fn put_in_force(&self, new: Settings, slot: Slot<'_>, config: Config) -> Result<(), Problem> {
        let (boot, regulation, site) = (Arc::clone(&self.boot), new.regulation.value.clone(), new.site.value.clone());
        let written = tokio::task::spawn_blocking(move || boot.settings(&regulation, &site)).await;
        if !matches!(written, Ok(Ok(()))) {
            // They are in the database; heating on old targets after a crash without one is no danger.
            tracing::error!(?written, "boot.json can't be written");
        }
        {
            let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
            *settings = Arc::new(new);
        }
        let taken = slot.configure(&self.control, config).await;
        taken.map_err(loop_problem)?.map_err(|e| config_problem(&e))
    }

    fn audit<T: Serialize>(
        &self,
        person: Person<'_>,
        section: &str,
        old: &T,
        new: &T,
        revision: i64,
    ) -> Result<(), Problem> {
        let data = json!({
            "user": person.name,
            "section": section,
            "revision": revision,
            "old": serde_json::to_value(old).map_err(unreadable)?,
            "new": serde_json::to_value(new).map_err(unreadable)?,
        });
        self.record(NewEvent {
            ts_ms: self.now().0,
            level: Level::Notice,
            category: Category::Audit,
            kind: "settings_changed".into(),
            message: format!("{} changed the settings {section}", person.name),
            data: Some(data.to_string()),
        });
        Ok(())
    }
}

async fn section<T: DeserializeOwned>(
    storage: &dyn Storage,
    name: &str,
    default: impl FnOnce() -> T,
) -> Result<Revised<T>, StorageError> {
    let Some(stored) = storage.setting(name).await? else {
        return Ok(Revised { revision: 0, value: default() });
    };
    let value = serde_json::from_str(&stored.json)
        .map_err(|e| StorageError::Corrupt(format!("the settings {name} can't be read: {e}")))?;
    Ok(Revised { revision: stored.revision, value })
}

fn effective_config(regulation: &RegulationSettings, site: &SiteSettings, base: &Config) -> Config {
    let mut config = base.clone();
    for (circuit, wanted) in config.circuits.iter_mut().zip(&regulation.circuits) {
        circuit.target = Fahrenheit(wanted.target_f);
        circuit.hysteresis = Fahrenheit(wanted.hysteresis_f);
    }
    config.agreeing_samples = regulation.agreeing_samples;
    config.window =
        Window { before_sunset_min: regulation.before_sunset_min, after_sunrise_min: regulation.after_sunrise_min };
    config.place = Place { latitude: site.latitude, longitude: site.longitude };
    config.polling_ms = u64::from(site.polling_s) * 1000;
    config
}

fn default_regulation(base: &Config) -> RegulationSettings {
    let circuit = |index: usize| CircuitRegulation {
        target_f: base.circuits[index].target.0,
        hysteresis_f: base.circuits[index].hysteresis.0,
        mixing_valve_confirmed: false,
    };
    RegulationSettings {
        circuits: vec![circuit(0), circuit(1)],
        agreeing_samples: base.agreeing_samples,
        before_sunset_min: base.window.before_sunset_min,
        after_sunrise_min: base.window.after_sunrise_min,
    }
}

fn default_site(base: &Config) -> SiteSettings {
    SiteSettings {
        latitude: base.place.latitude,
        longitude: base.place.longitude,
        time_zone: DEFAULT_TIME_ZONE.name().into(),
        polling_s: u32::try_from(base.polling_ms / 1000).unwrap_or(u32::MAX),
    }
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// The engine sees what no single section can: how the fields fit the wiring.
fn config_problem(error: &ConfigError) -> Problem {
    let fields = error
        .problems
        .iter()
        .map(|found| FieldError { field: found.field.clone(), message: found.problem.to_string() });
    Problem::invalid(fields.collect())
}

fn unreadable(error: serde_json::Error) -> Problem {
    Problem::new(ProblemKind::Internal, format!("The settings can't be written down: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_base_configuration_and_are_accepted() {
        let base = Config::default();
        let (regulation, site) = (default_regulation(&base), default_site(&base));
        assert_eq!(regulation.check(), []);
        assert_eq!(site.check(), []);
        assert_eq!(effective_config(&regulation, &site, &base), base);
    }

    #[test]
    fn every_setting_reaches_the_engine() {
        let base = Config::default();
        let (mut regulation, mut site) = (default_regulation(&base), default_site(&base));
        regulation.circuits[0].target_f = 131.0;
        regulation.circuits[1].hysteresis_f = 7.0;
        regulation.agreeing_samples = 9;
        regulation.before_sunset_min = 11;
        regulation.after_sunrise_min = 12;
        site.latitude = -33.0;
        site.longitude = 151.0;
        site.polling_s = 20;
        let config = effective_config(&regulation, &site, &base);
        assert_eq!(config.circuits[0].target, Fahrenheit(131.0));
        assert_eq!(config.circuits[0].hysteresis, base.circuits[0].hysteresis);
        assert_eq!(config.circuits[1].target, base.circuits[1].target);
        assert_eq!(config.circuits[1].hysteresis, Fahrenheit(7.0));
        assert_eq!(config.agreeing_samples, 9);
        assert_eq!(config.window.before_sunset_min, 11);
        assert_eq!(config.window.after_sunrise_min, 12);
        assert_eq!((config.place.latitude, config.place.longitude), (-33.0, 151.0));
        assert_eq!(config.polling_ms, 20_000);
    }
}
