//! The configuration file: what must be known before the database is open. Everything else is a setting.
//!
//! ```toml
//! database = "mysql://suntank:secret@localhost/suntank"
//! [[circuits]]
//! element_ohm = 36.9
//! [drivers.relays.outside1]
//! driver = "absent"
//! [notify.ntfy]
//! url = "https://ntfy.sh/my-topic"
//! ```

use std::path::{Path, PathBuf};

use drivers::config::{DriversConfig, RelayDriver};
use engine::config::Config;
use engine::inputs::CircuitId;
use engine::units::{Amperes, Fahrenheit, Ohms, Volts};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::{Deserialize, Serialize};

use crate::gfci::config::GfciConfig;
use crate::notify::NotifyConfig;

/// The file, every entry optional. Environment variables named `SUNTANK_…` go before it (`SUNTANK_DATABASE`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// The database's URL; `sqlite:<state folder>/suntank.db` when absent.
    pub database: Option<String>,
    /// Which driver serves which sensor and relay.
    pub drivers: DriversConfig,
    /// What is wired to circuit 1 and circuit 2.
    pub circuits: Vec<Wiring>,
    /// The external breaker panel; there is none when absent.
    pub gfci: Option<GfciConfig>,
    /// Who is told when the watchdog trips, and how.
    pub notify: NotifyConfig,
    /// The hardware watchdog that resets the board when the control loop and its guard are both gone, usually
    /// `/dev/watchdog`; none when absent.
    pub hardware_watchdog: Option<PathBuf>,
}

/// One circuit's wiring. What is absent keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wiring {
    /// The element's rated resistance.
    pub element_ohm: Option<f64>,
    /// The string's open-circuit voltage at standard test conditions.
    pub string_voc_v: Option<f64>,
    /// The string's short-circuit current at standard test conditions.
    pub string_isc_a: Option<f64>,
    /// The absolute current limit of wiring and contacts.
    pub max_current_a: Option<f64>,
    /// The watchdog trips at this, °F.
    pub over_temperature_f: Option<f64>,
    /// The voltmeter's range.
    pub voltage_range_v: Option<f64>,
    /// The ammeter's range.
    pub current_range_a: Option<f64>,
}

impl FileConfig {
    /// Reads the file, if one is named, and the environment.
    ///
    /// # Errors
    /// A file that is missing, is no TOML, or has a field that is unknown or of the wrong type; the error names it.
    pub fn read(path: Option<&Path>) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::new();
        if let Some(path) = path {
            figment = figment.merge(Toml::file_exact(path));
        }
        figment.merge(Env::prefixed("SUNTANK_").only(&["database"])).extract().map_err(Box::new)
    }

    /// Which circuits' outside relays the panel moves: those that are in it, and in a demo the simulated ones too.
    ///
    /// # Errors
    /// A relay that is in a panel there is not.
    pub fn panel_moves(&self) -> Result<[bool; 2], String> {
        let drivers = CircuitId::ALL.map(|id| (id.outside(), self.drivers.relays.get(id.outside())));
        if self.gfci.is_none() {
            let lost = drivers.iter().find(|(_, driver)| **driver == RelayDriver::Gfci);
            return lost.map_or(Ok([false; 2]), |(id, _)| {
                Err(format!("drivers.relays.{} is in the panel, but [gfci] is missing", id.name()))
            });
        }
        Ok(drivers.map(|(_, driver)| matches!(driver, RelayDriver::Gfci | RelayDriver::Simulated)))
    }

    /// The engine's configuration before any setting: the defaults, the wiring and the relays there are.
    ///
    /// # Errors
    /// A sentence for each entry that can't be.
    pub fn engine_config(&self) -> Result<Config, String> {
        if self.circuits.len() > 2 {
            return Err("circuits: there are two at the most".into());
        }
        self.panel_moves()?;
        let mut config = Config { relays_present: self.drivers.relays_present(), ..Config::default() };
        for (circuit, wiring) in config.circuits.iter_mut().zip(&self.circuits) {
            let set = |value: &mut f64, wired: Option<f64>| *value = wired.unwrap_or(*value);
            let Ohms(element) = &mut circuit.element;
            set(element, wiring.element_ohm);
            let Volts(voc) = &mut circuit.string.voc;
            set(voc, wiring.string_voc_v);
            let Amperes(isc) = &mut circuit.string.isc;
            set(isc, wiring.string_isc_a);
            let Amperes(max_current) = &mut circuit.string.max_current;
            set(max_current, wiring.max_current_a);
            let Fahrenheit(over_temperature) = &mut circuit.over_temperature;
            set(over_temperature, wiring.over_temperature_f);
            let Volts(voltage_range) = &mut circuit.voltage_range;
            set(voltage_range, wiring.voltage_range_v);
            let Amperes(current_range) = &mut circuit.current_range;
            set(current_range, wiring.current_range_a);
        }
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<FileConfig, Box<figment::Error>> {
        Figment::from(Toml::string(text)).extract().map_err(Box::new)
    }

    #[test]
    fn an_empty_file_is_the_default_plant() {
        let file = parse("").unwrap();
        assert_eq!(file, FileConfig::default());
        assert_eq!(file.engine_config().unwrap(), Config::default());
    }

    #[test]
    fn wiring_and_absent_relays_reach_the_engine() {
        let file = parse("[[circuits]]\nelement_ohm = 30.0\n[drivers.relays.outside1]\ndriver = 'absent'").unwrap();
        let config = file.engine_config().unwrap();
        assert_eq!(config.circuits[0].element, Ohms(30.0));
        assert_eq!(config.circuits[1].element, Config::default().circuits[1].element);
        assert_eq!(config.relays_present, [true, false, true, true]);
    }

    #[test]
    fn the_panel_moves_the_relays_that_are_in_it() {
        let panel = "gfci = { protocol = 'json', address = '192.168.1.40', token = 'secret' }\n";
        let relay = "drivers.relays.outside2.driver = 'gfci'\ndrivers.relays.outside1.driver = 'absent'";
        let file = parse(&format!("{panel}{relay}")).unwrap();
        assert_eq!(file.panel_moves(), Ok([false, true]));
        assert!(!format!("{file:?}").contains("secret"));
        assert!(parse(relay).unwrap().engine_config().unwrap_err().contains("outside2"));
        assert_eq!(parse("").unwrap().panel_moves(), Ok([false; 2]));
        assert!(parse("gfci = { protocol = 'json', address = 'http://x/' }").is_err());
    }

    #[test]
    fn what_cant_be_is_refused_by_name() {
        assert!(parse("databse = 'x'").unwrap_err().to_string().contains("databse"));
        let too_low = parse("[[circuits]]\nelement_ohm = 0.1").unwrap().engine_config().unwrap_err();
        assert!(too_low.contains("element"), "{too_low}");
        assert!(parse("[[circuits]]\n[[circuits]]\n[[circuits]]").unwrap().engine_config().is_err());
    }
}
