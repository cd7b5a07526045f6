//! The configuration file: what must be known before the database is open. Everything else is a setting.
//!
//! ```toml
//! database = "mysql://suntank:secret@localhost/suntank"
//! [[circuits]]
//! element_ohm = 36.9
//! [drivers.relays.outside1]
//! driver = "absent"
//! ```

use std::path::Path;

use drivers::config::DriversConfig;
use engine::config::Config;
use engine::units::{Amperes, Fahrenheit, Ohms, Volts};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;

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
}

/// One circuit's wiring. What is absent keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
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

    /// The engine's configuration before any setting: the defaults, the wiring and the relays there are.
    ///
    /// # Errors
    /// A sentence for each entry that can't be.
    pub fn engine_config(&self) -> Result<Config, String> {
        if self.circuits.len() > 2 {
            return Err("circuits: there are two at the most".into());
        }
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
    fn what_cant_be_is_refused_by_name() {
        assert!(parse("databse = 'x'").unwrap_err().to_string().contains("databse"));
        let too_low = parse("[[circuits]]\nelement_ohm = 0.1").unwrap().engine_config().unwrap_err();
        assert!(too_low.contains("element"), "{too_low}");
        assert!(parse("[[circuits]]\n[[circuits]]\n[[circuits]]").unwrap().engine_config().is_err());
    }
}
