//! The live picture.

use app::types::status::Status;
use engine::config::Place;

use super::Services;
use crate::convert::{self, StatusContext};

impl Services {
    /// The latest picture, as the wire says it.
    pub(crate) async fn live_picture(&self) -> Status {
        let picture = self.control.picture();
        let settings = self.settings_now();
        let site = &settings.site.value;
        let context = StatusContext {
            time_zone: settings.time_zone,
            place: Place { latitude: site.latitude, longitude: site.longitude },
            window: settings.window(),
            demo_speed: self.demo_speed,
            energy_24h: self.energy.last_24_h(self.now()).await,
        };
        convert::status(&picture, &context)
    }
}
