//! One circuit: string, outside relay, voltmeter, inside relay, ammeter, element, tank.
//!
//! Promises: the energy the element takes is exactly the energy the tank gets. Electricity is worked out at each
//! step, heat about once a second.

use engine::inputs::{CircuitId, RelayId};
use engine::units::{Amperes, Fahrenheit, UtcMs, Volts, WattHours, Watts};

use crate::config::{PlantConfig, PlantError};
use crate::draws::{self, Draws};
use crate::element::Element;
use crate::noise::{self, Purpose};
use crate::plant::{CircuitTruth, Moment, Surroundings};
use crate::pv::{HeatedString, PvString};
use crate::relay::Contact;
use crate::tank::{LITRES_PER_GALLON, Tank, TankStep};
use crate::weather::Site;

/// The voltmeter's divider, Ω.
const METER_OHM: f64 = 1e6;
/// Heat moves in steps of at least this, ms.
const THERMAL_MS: u64 = 1000;
/// How long a module's cells take to follow light and air, s: some five minutes behind glass.
const CELL_LAG_S: f64 = 300.0;
const J_PER_WH: f64 = 3600.0;

#[derive(Debug, Clone)]
pub(crate) struct Circuit {
    string: PvString,
    heated_string: HeatedString,
    cell_c: Option<f64>,
    /// What the inside and the outside relay were told.
    orders: [bool; 2],
    inside: Contact,
    outside: Option<Contact>,
    element: Element,
    tank: Tank,
    draws: Draws,
    mixed_c: f64,
    pub(crate) second_heat_w: f64,
    cut_out_open: bool,
    /// Between the relays, and through the element.
    volts: f64,
    amps: f64,
    watts: f64,
    /// How much the current grew over the last step, A/ms, unless a contact moved.
    amps_per_ms: f64,
    pending: Pending,
    mixed_l: f64,
    hot_l: f64,
    mixed_l_per_s: f64,
}

/// What has happened since the last thermal step.
#[derive(Debug, Clone, Copy, Default)]
struct Pending {
    ms: u64,
    heat_j: f64,
}

impl Circuit {
    pub(crate) fn new(config: &PlantConfig, id: CircuitId, site: Site, seed: u64) -> Result<Self, PlantError> {
        let own = &config.circuits[id.index()];
        let string = PvString::new(&own.module, own.modules)
            .map_err(|source| PlantError::String { circuit: id.number(), source })?;
        let contact =
            |relay: RelayId| Contact::new(config.relay, noise::stream(seed, Purpose::Contacts, relay.index() as i64));
        let litres_a_day = config.gallons_a_day * LITRES_PER_GALLON * own.draw_share;
        Ok(Self {
            string,
            heated_string: string.at(crate::pv::STC_CELL_C),
            cell_c: None,
            orders: [false; 2],
            inside: contact(id.inside()),
            outside: own.has_outside_relay.then(|| contact(id.outside())),
            element: Element::new(own.element_ohm),
            tank: Tank::new(own.tank),
            draws: Draws::new(site, litres_a_day, seed, id.index()),
            mixed_c: config.mixed_c,
            second_heat_w: 0.0,
            cut_out_open: false,
            volts: 0.0,
            amps: 0.0,
            watts: 0.0,
            amps_per_ms: 0.0,
            pending: Pending::default(),
            mixed_l: 0.0,
            hot_l: 0.0,
            mixed_l_per_s: 0.0,
        })
    }

    /// Tells the inside and the outside relay what to do from now on.
    pub(crate) fn command(&mut self, orders: [bool; 2]) {
        self.orders = orders;
    }

    /// Moves to `to`, `slice_ms` after the last call.
    pub(crate) fn advance(&mut self, to: Moment, slice_ms: u64, irradiance: f64, air_c: f64, around: &Surroundings) {
        if self.cell_c.is_none() {
            self.set_cells(self.string.steady_cell_c(air_c, irradiance));
        }
        let (amps, contacts) = (self.amps, self.contacts());
        self.switch(to.mono_ms, slice_ms);
        self.solve(irradiance);
        let is_steady = slice_ms > 0 && contacts == self.contacts();
        self.amps_per_ms = if is_steady { (self.amps - amps) / slice_ms as f64 } else { 0.0 };
        self.pending.ms += slice_ms;
        self.pending.heat_j += self.watts * slice_ms as f64 / 1000.0;
        if self.pending.ms >= THERMAL_MS {
            self.move_heat(to.utc, irradiance, air_c, around);
        }
    }

    /// Volts between the relays now, and amperes through the element `skew_ms` earlier.
    pub(crate) fn measured(&self, skew_ms: f64) -> (f64, f64) {
        (self.volts, self.amps - self.amps_per_ms * skew_ms)
    }

    pub(crate) fn contact(&self, id: RelayId) -> Option<&Contact> {
        if id.is_inside() { Some(&self.inside) } else { self.outside.as_ref() }
    }

    pub(crate) fn contact_mut(&mut self, id: RelayId) -> Option<&mut Contact> {
        if id.is_inside() { Some(&mut self.inside) } else { self.outside.as_mut() }
    }

    pub(crate) fn element(&self) -> &Element {
        &self.element
    }

    pub(crate) fn element_mut(&mut self) -> &mut Element {
        &mut self.element
    }

    pub(crate) fn tank(&self) -> &Tank {
        &self.tank
    }

    pub(crate) fn truth(&self, irradiance_w_m2: f64, clear_index: f64) -> CircuitTruth {
        let ledger = self.tank.ledger();
        let wh = |joules: f64| WattHours(joules / J_PER_WH);
        CircuitTruth {
            irradiance_w_m2,
            clear_index,
            cells: Fahrenheit::from_celsius(self.cell_c.unwrap_or_default()),
            string: Volts(self.string_volts(irradiance_w_m2)),
            voltage: Volts(self.volts),
            current: Amperes(self.amps),
            power: Watts(self.watts),
            tank: self.tank.nodes_c().map(Fahrenheit::from_celsius),
            sensor: Fahrenheit::from_celsius(self.tank.sensor_c()),
            mixed_gal_per_min: self.mixed_l_per_s * 60.0 / LITRES_PER_GALLON,
            hot_drawn_gal: self.hot_l / LITRES_PER_GALLON,
            mixed_drawn_gal: self.mixed_l / LITRES_PER_GALLON,
            heated: wh(ledger.heated_j + self.pending.heat_j),
            lost: wh(ledger.lost_j),
            drawn: wh(ledger.drawn_j),
            vented: wh(ledger.vented_j),
            closings: [self.inside.closings(), self.outside.as_ref().map_or(0, Contact::closings)],
            cut_out_open: self.cut_out_open,
        }
    }

    /// Moves the contacts; the cut-out in their coils' circuit has the last word.
    fn switch(&mut self, at_ms: u64, slice_ms: u64) {
        let told_ms = at_ms.saturating_sub(slice_ms);
        let [inside, outside] = self.orders.map(|closed| closed && !self.cut_out_open);
        self.inside.command(inside, told_ms);
        self.inside.settle(at_ms, self.amps);
        if let Some(contact) = &mut self.outside {
            contact.command(outside, told_ms);
            contact.settle(at_ms, self.amps);
        }
    }

    /// Finds the operating point: the string drives the outside contact and, behind it, the voltmeter beside the
    /// inside contact with the element.
    fn solve(&mut self, irradiance: f64) {
        let outside_ohm = self.outside_ohms();
        if outside_ohm.is_infinite() || irradiance <= 0.0 {
            (self.volts, self.amps, self.watts) = (0.0, 0.0, 0.0);
            return;
        }
        let element_ohm = self.element.ohms();
        let branch_ohm = self.inside.ohms() + element_ohm;
        let load_ohm = 1.0 / (1.0 / branch_ohm + 1.0 / METER_OHM);
        let drive = self.heated_string.lit(irradiance).on_load(outside_ohm + load_ohm);
        self.volts = drive.amps * load_ohm;
        self.amps = self.volts / branch_ohm;
        self.watts = if self.amps > 0.0 { self.amps * self.amps * element_ohm } else { 0.0 };
    }

    fn contacts(&self) -> [bool; 2] {
        [self.inside.is_closed(), self.outside.as_ref().is_none_or(Contact::is_closed)]
    }

    fn outside_ohms(&self) -> f64 {
        self.outside.as_ref().map_or(0.0, Contact::ohms)
    }

    fn string_volts(&self, irradiance: f64) -> f64 {
        let outside_ohm = self.outside_ohms();
        if outside_ohm.is_finite() {
            let meter_a = self.volts / METER_OHM;
            return self.volts + (self.amps + meter_a) * outside_ohm;
        }
        self.heated_string.lit(irradiance).on_load(f64::INFINITY).volts
    }

    fn move_heat(&mut self, utc: UtcMs, irradiance: f64, air_c: f64, around: &Surroundings) {
        let Pending { ms, heat_j } = std::mem::take(&mut self.pending);
        let dt_s = ms as f64 / 1000.0;
        let mixed_l = self.draws.litres(UtcMs(utc.0 - ms as i64), utc);
        let hot_l = mixed_l * draws::hot_share(self.mixed_c, self.tank.top_c(), around.inlet_c);
        self.mixed_l_per_s = mixed_l / dt_s;
        self.mixed_l += mixed_l;
        self.hot_l += hot_l;
        self.tank.step(&TankStep {
            dt_s,
            heat_j,
            second_heat_j: self.second_heat_w * dt_s,
            drawn_l: hot_l,
            room_c: around.room_c,
            inlet_c: around.inlet_c,
        });
        self.element.warm(dt_s, self.watts);
        self.watch_cut_out();
        self.warm_cells(dt_s, self.string.steady_cell_c(air_c, irradiance));
    }

    fn watch_cut_out(&mut self) {
        if let Some(cut_out) = self.tank.config().cut_out {
            let limit_c = if self.cut_out_open { cut_out.closes_c } else { cut_out.opens_c };
            self.cut_out_open = self.tank.top_c() >= limit_c;
        }
    }

    fn warm_cells(&mut self, dt_s: f64, steady_c: f64) {
        let cell_c = self.cell_c.unwrap_or(steady_c);
        self.set_cells(cell_c + (steady_c - cell_c) * (dt_s / CELL_LAG_S).min(1.0));
    }

    fn set_cells(&mut self, cell_c: f64) {
        self.cell_c = Some(cell_c);
        self.heated_string = self.string.at(cell_c);
    }
}
