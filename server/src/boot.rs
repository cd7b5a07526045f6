//! `boot.json`: what must be known to open the relays when nothing else can be read, neither the configuration
//! file nor the database. It is on the disk before drivers or settings that it tells of are used.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use app::types::settings::{RegulationSettings, SiteSettings};
use drivers::config::DriversConfig;
use drivers::mirror::Writer;
use serde::{Deserialize, Serialize};

use crate::config::Wiring;
use crate::sealed::{self, Unreadable};

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// Which driver serves which sensor and relay, with its pins.
    pub drivers: DriversConfig,
    /// What is wired, with its limits.
    pub circuits: Vec<Wiring>,
    /// When to heat, as last put in force; absent before the first time.
    pub regulation: Option<RegulationSettings>,
    /// Where it stands, as last put in force.
    pub site: Option<SiteSettings>,
}

/// The file, for who changes it.
#[derive(Debug)]
pub struct BootFile {
    path: PathBuf,
    content: Mutex<Boot>,
}

impl BootFile {
    /// Puts drivers and wiring on the disk; settings stay as an earlier run left them. Call it before any driver
    /// is opened.
    ///
    /// # Errors
    /// The file system's.
    pub fn begin(state: &Path, drivers: &DriversConfig, circuits: &[Wiring]) -> std::io::Result<Self> {
        let path = path_in(state);
        // A damaged file is replaced: it told of a process that is gone.
        let old: Option<Boot> = sealed::read_present(&path).ok();
        let mut content = old.clone().unwrap_or_default();
        content.drivers = drivers.clone();
        if let Some(mirror) = &mut content.drivers.mirror {
            *mirror = std::path::absolute(&*mirror)?;
        }
        content.circuits = circuits.to_vec();
        if old.as_ref() != Some(&content) {
            sealed::write(&path, &content)?;
        }
        Ok(Self { path, content: Mutex::new(content) })
    }

    /// Puts settings on the disk. Call it before they are applied.
    ///
    /// # Errors
    /// The file system's; nothing has changed then.
    pub fn settings(&self, regulation: &RegulationSettings, site: &SiteSettings) -> std::io::Result<()> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Boot { regulation: Some(regulation.clone()), site: Some(site.clone()), ..content.clone() };
        if new != *content {
            sealed::write(&self.path, &new)?;
            *content = new;
        }
        Ok(())
    }
}

/// Reads the file.
///
/// # Errors
/// [`Unreadable`].
pub fn read(state: &Path) -> Result<Boot, Unreadable> {
    sealed::read_present(&path_in(state))
}

/// Whether Suntank has ever run on this folder.
pub fn exists(state: &Path) -> bool {
    path_in(state).exists()
}

/// `suntank relays-off`: opens every output that `boot.json` names. It takes no lock, so that it works beside a
/// running or hanging copy.
///
/// # Errors
/// A file that can't be read, or outputs that could not be opened, in words.
pub fn relays_off(state: &Path) -> anyhow::Result<()> {
    let boot = read(state).context("Which outputs there are is not known")?;
    let Err(errors) = drivers::open_all(&boot.drivers, Writer::RelaysOff) else {
        return Ok(());
    };
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    bail!("Not every output could be opened: {}", errors.join("; "))
}

fn path_in(state: &Path) -> PathBuf {
    state.join("boot.json")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_holds_drivers_limits_and_the_settings_last_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let drivers = DriversConfig { mirror: Some("/run/mirror".into()), ..DriversConfig::default() };
        let circuits = [Wiring { over_temperature_f: Some(160.0), ..Wiring::default() }];
        let site = SiteSettings { latitude: 40.0, longitude: -105.0, time_zone: "America/Denver".into(), polling_s: 1 };
        let regulation = RegulationSettings {
            circuits: Vec::new(),
            agreeing_samples: 3,
            before_sunset_min: 0,
            after_sunrise_min: 0,
        };
        let file = BootFile::begin(folder.path(), &drivers, &circuits).unwrap();
        file.settings(&regulation, &site).unwrap();
        let expected = Boot { drivers, circuits: circuits.to_vec(), regulation: Some(regulation), site: Some(site) };
        assert_eq!(read(folder.path()).unwrap(), expected);

        BootFile::begin(folder.path(), &DriversConfig::default(), &circuits).unwrap();
        let after = Boot { drivers: DriversConfig::default(), ..expected };
        assert_eq!(read(folder.path()).unwrap(), after);
    }

    #[test]
    fn relays_off_opens_what_the_file_names_and_fails_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let error = relays_off(folder.path()).unwrap_err();
        assert!(format!("{error:#}").contains("boot.json is missing"), "{error:#}");

        let mirror = folder.path().join("mirror");
        std::fs::write(&mirror, [1; drivers::mirror::LENGTH]).unwrap();
        let drivers = DriversConfig { mirror: Some(mirror.clone()), ..DriversConfig::default() };
        BootFile::begin(folder.path(), &drivers, &[]).unwrap();
        relays_off(folder.path()).unwrap();
        assert_eq!(std::fs::read(&mirror).unwrap()[..5], [0, 0, 0, 0, Writer::RelaysOff as u8]);
    }
}
