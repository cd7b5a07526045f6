//! A stratified hot-water tank of twelve layers.
//!
//! Promises: energy is conserved to the last bits: what went in is stored, lost, drawn or vented. Hot water is
//! never below colder water after a step.

/// Layers, bottom first.
pub const NODES: usize = 12;
/// Litres in a US gallon.
pub const LITRES_PER_GALLON: f64 = 3.785_411_784;
/// Heat a litre of water takes, J/K: 50 US gal take 1.22 kWh per 10 °F.
const WATER_J_PER_L_K: f64 = 4186.0;
/// Where a second source, such as a boiler's coil, gives its heat: below any sensible sensor.
const SECOND_SOURCE_HEIGHT: f64 = 0.2;
/// The relief valve opens at 210 °F and lets hotter water go, °C.
const RELIEF_C: f64 = 98.9;

/// A tank's build.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TankConfig {
    /// US gallons, 5 to 500.
    pub gallons: f64,
    /// Heat lost through the insulation, W/K, over the whole tank.
    pub loss_w_per_k: f64,
    /// Heat led through wall and water between neighbouring layers, W/K.
    pub conduction_w_per_k: f64,
    /// The element's height, 0 (bottom) to 1 (top).
    pub element_height: f64,
    /// The temperature sensor's height, 0 to 1.
    pub sensor_height: f64,
    /// The sensor's time constant on the tank's wall, s (30 to 300).
    pub sensor_lag_s: f64,
    /// The water's temperature at the start, °C.
    pub start_c: f64,
    /// The hardware cut-out in the relays' coil circuit, if there is one.
    pub cut_out: Option<CutOut>,
}

impl Default for TankConfig {
    /// A 50-gallon tank.
    fn default() -> Self {
        Self {
            gallons: 50.0,
            loss_w_per_k: 2.9,
            conduction_w_per_k: 2.5,
            element_height: 0.2,
            sensor_height: 0.55,
            sensor_lag_s: 60.0,
            start_c: 40.0,
            cut_out: None,
        }
    }
}

/// A thermostat in the coil circuit that no program can overrule. It feels the top layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CutOut {
    /// Opens at this temperature, °C (170–180 °F are usual).
    pub opens_c: f64,
    /// Closes again below this one, °C.
    pub closes_c: f64,
}

/// Where a tank's energy came from and went, J since the start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ledger {
    /// From the element and any second source.
    pub heated_j: f64,
    /// Through the insulation (negative when the room is warmer).
    pub lost_j: f64,
    /// With the water drawn, above the inlet's temperature.
    pub drawn_j: f64,
    /// Through the relief valve.
    pub vented_j: f64,
}

/// What surrounds and feeds a tank during one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TankStep {
    /// Length, s. Up to a few seconds.
    pub dt_s: f64,
    /// Heat from the element, J.
    pub heat_j: f64,
    /// Heat from a second source (a coil in the lower quarter), J.
    pub second_heat_j: f64,
    /// Hot water drawn from the top and replaced at the bottom, litres; less than one layer.
    pub drawn_l: f64,
    /// Air around the tank, °C.
    pub room_c: f64,
    /// Cold water, °C.
    pub inlet_c: f64,
}

/// A tank.
#[derive(Debug, Clone, PartialEq)]
pub struct Tank {
    config: TankConfig,
    nodes_c: [f64; NODES],
    node_l: f64,
    node_j_per_k: f64,
    ledger: Ledger,
    sensor_c: f64,
}

impl Tank {
    /// An evenly warm tank.
    pub fn new(config: TankConfig) -> Self {
        let node_l = config.gallons * LITRES_PER_GALLON / NODES as f64;
        Self {
            config,
            nodes_c: [config.start_c; NODES],
            node_l,
            node_j_per_k: node_l * WATER_J_PER_L_K,
            ledger: Ledger::default(),
            sensor_c: config.start_c,
        }
    }

    /// Moves heat and water for one step.
    pub fn step(&mut self, step: &TankStep) {
        self.draw(step.drawn_l.min(self.node_l), step.inlet_c);
        self.conduct(step.dt_s);
        self.lose(step.dt_s, step.room_c);
        self.heat(node_at(self.config.element_height), step.heat_j);
        self.heat(node_at(SECOND_SOURCE_HEIGHT), step.second_heat_j);
        self.rise();
        self.vent();
        self.feel(step.dt_s);
    }

    /// The layers' temperatures, °C, bottom first.
    pub fn nodes_c(&self) -> &[f64; NODES] {
        &self.nodes_c
    }

    /// The top layer, °C: what comes out of the tap.
    pub fn top_c(&self) -> f64 {
        self.nodes_c[NODES - 1]
    }

    /// What the sensor's body has reached, °C.
    pub fn sensor_c(&self) -> f64 {
        self.sensor_c
    }

    /// Energy stored above 0 °C, J.
    pub fn stored_j(&self) -> f64 {
        self.nodes_c.iter().sum::<f64>() * self.node_j_per_k
    }

    /// The energy account.
    pub fn ledger(&self) -> Ledger {
        self.ledger
    }

    /// The build.
    pub fn config(&self) -> &TankConfig {
        &self.config
    }

    /// Plug flow: each layer takes what flows up from the one below.
    fn draw(&mut self, litres: f64, inlet_c: f64) {
        if litres <= 0.0 {
            return;
        }
        let share = litres / self.node_l;
        self.ledger.drawn_j += (self.top_c() - inlet_c) * share * self.node_j_per_k;
        let mut below_c = inlet_c;
        for node_c in &mut self.nodes_c {
            let was_c = *node_c;
            *node_c += (below_c - was_c) * share;
            below_c = was_c;
        }
    }

    fn conduct(&mut self, dt_s: f64) {
        let share = self.config.conduction_w_per_k * dt_s / self.node_j_per_k;
        let mut from_below = 0.0;
        for lower in 0..NODES - 1 {
            let flow = (self.nodes_c[lower] - self.nodes_c[lower + 1]) * share;
            self.nodes_c[lower] += from_below - flow;
            from_below = flow;
        }
        self.nodes_c[NODES - 1] += from_below;
    }

    fn lose(&mut self, dt_s: f64, room_c: f64) {
        let share = self.config.loss_w_per_k * dt_s / (NODES as f64 * self.node_j_per_k);
        let mut lost_k = 0.0;
        for node_c in &mut self.nodes_c {
            let loss = (*node_c - room_c) * share;
            *node_c -= loss;
            lost_k += loss;
        }
        self.ledger.lost_j += lost_k * self.node_j_per_k;
    }

    fn heat(&mut self, node: usize, joules: f64) {
        self.nodes_c[node] += joules / self.node_j_per_k;
        self.ledger.heated_j += joules;
    }

    /// Water that is warmer than the water above it rises and mixes with it, until none is: layers are pooled
    /// from the bottom up, each pool taking its mean.
    fn rise(&mut self) {
        if self.nodes_c.is_sorted() {
            return;
        }
        let mut pools = [(0.0_f64, 0_usize); NODES];
        let mut count = 0;
        for &node_c in &self.nodes_c {
            let mut pool = (node_c, 1);
            while count > 0 && pools[count - 1].0 > pool.0 {
                count -= 1;
                let (below_c, below) = pools[count];
                let layers = below + pool.1;
                pool = ((below_c * below as f64 + pool.0 * pool.1 as f64) / layers as f64, layers);
            }
            pools[count] = pool;
            count += 1;
        }
        let mixed = pools[..count].iter().flat_map(|&(mean_c, layers)| std::iter::repeat_n(mean_c, layers));
        for (node_c, mixed_c) in self.nodes_c.iter_mut().zip(mixed) {
            *node_c = mixed_c;
        }
    }

    fn vent(&mut self) {
        if self.top_c() <= RELIEF_C {
            return;
        }
        for node_c in &mut self.nodes_c {
            let excess = (*node_c - RELIEF_C).max(0.0);
            *node_c -= excess;
            self.ledger.vented_j += excess * self.node_j_per_k;
        }
    }

    fn feel(&mut self, dt_s: f64) {
        let water_c = self.nodes_c[node_at(self.config.sensor_height)];
        self.sensor_c += (water_c - self.sensor_c) * -(-dt_s / self.config.sensor_lag_s).exp_m1();
    }
}

fn node_at(height: f64) -> usize {
    ((height * NODES as f64) as usize).min(NODES - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDLE: TankStep =
        TankStep { dt_s: 1.0, heat_j: 0.0, second_heat_j: 0.0, drawn_l: 0.0, room_c: 20.0, inlet_c: 12.0 };

    fn run(tank: &mut Tank, seconds: u32, step: TankStep) {
        for _ in 0..seconds {
            tank.step(&step);
        }
    }

    #[test]
    fn fifty_gallons_take_their_energy_per_degree() {
        let mut tank = Tank::new(TankConfig { loss_w_per_k: 0.0, element_height: 0.0, ..TankConfig::default() });
        run(&mut tank, 3600, TankStep { heat_j: 1220.0, ..IDLE });
        for node_c in tank.nodes_c() {
            assert!((node_c - 40.0 - 10.0 / 1.8).abs() < 0.02, "{:?}", tank.nodes_c());
        }
    }

    #[test]
    fn energy_in_is_stored_lost_or_drawn() {
        let mut tank = Tank::new(TankConfig::default());
        let before = tank.stored_j();
        for second in 0..86_400_u32 {
            let sunny = (30_000..60_000).contains(&second);
            let drawing = second % 7200 < 300;
            tank.step(&TankStep {
                heat_j: if sunny { 2500.0 } else { 0.0 },
                drawn_l: if drawing { 0.15 } else { 0.0 },
                ..IDLE
            });
        }
        let Ledger { heated_j, lost_j, drawn_j, vented_j } = tank.ledger();
        let error = heated_j - lost_j - drawn_j - vented_j - (tank.stored_j() - before);
        assert!(heated_j > 7e7 && lost_j > 1e6 && drawn_j > 1e7, "{:?}", tank.ledger());
        assert!(error.abs() < 1e-6 * heated_j, "{error} J of {heated_j} J");
    }

    #[test]
    fn heat_rises_above_the_element_and_not_below() {
        let mut tank = Tank::new(TankConfig { element_height: 0.5, ..TankConfig::default() });
        run(&mut tank, 3600, TankStep { heat_j: 2500.0, ..IDLE });
        let nodes = tank.nodes_c();
        assert!(nodes.is_sorted());
        assert!(nodes[11] > 58.0 && (nodes[11] - nodes[6]).abs() < 0.1, "{nodes:?}");
        assert!(nodes[0] < 41.0, "{nodes:?}");
    }

    #[test]
    fn a_draw_leaves_the_top_hot_and_the_bottom_cold() {
        let mut tank = Tank::new(TankConfig { start_c: 50.0, ..TankConfig::default() });
        run(&mut tank, 600, TankStep { drawn_l: 0.126, ..IDLE });
        let nodes = tank.nodes_c();
        assert!(nodes[0] < 16.0 && nodes[11] > 49.0 && nodes.is_sorted(), "{nodes:?}");
    }

    #[test]
    fn a_standing_tank_loses_heat_by_its_conductance() {
        let mut tank = Tank::new(TankConfig { start_c: 50.0, ..TankConfig::default() });
        run(&mut tank, 3600, IDLE);
        let expected_j = 2.9 * 30.0 * 3600.0;
        assert!((tank.ledger().lost_j / expected_j - 1.0).abs() < 0.01, "{:?}", tank.ledger());
    }

    #[test]
    fn the_sensor_lags() {
        let mut tank = Tank::new(TankConfig { sensor_lag_s: 100.0, ..TankConfig::default() });
        tank.nodes_c = [60.0; NODES];
        run(&mut tank, 100, TankStep { room_c: 60.0, ..IDLE });
        let reached = (tank.sensor_c() - 40.0) / 20.0;
        assert!((reached - (1.0 - (-1.0_f64).exp())).abs() < 0.001, "{reached}");
    }

    #[test]
    fn the_relief_valve_ends_the_rise() {
        let mut tank = Tank::new(TankConfig { start_c: 95.0, ..TankConfig::default() });
        run(&mut tank, 3600, TankStep { heat_j: 4500.0, ..IDLE });
        assert!((tank.top_c() - RELIEF_C).abs() < 0.1 && tank.ledger().vented_j > 1e6);
    }

    proptest! {
        #[test]
        fn stays_between_cold_and_relief_and_in_order(
            steps in proptest::collection::vec((0.0..6000.0_f64, 0.0..0.3_f64, 1.0..2.0_f64), 1..400),
            start_c in 10.0..90.0_f64, element_height in 0.0..1.0_f64,
        ) {
            let mut tank = Tank::new(TankConfig { start_c, element_height, ..TankConfig::default() });
            let before = tank.stored_j();
            for (heat_j, drawn_l, dt_s) in steps {
                tank.step(&TankStep { heat_j, drawn_l, dt_s, inlet_c: 8.0, ..IDLE });
            }
            let nodes = tank.nodes_c();
            prop_assert!(nodes.is_sorted());
            prop_assert!(nodes[0] >= 8.0 && nodes[NODES - 1] <= RELIEF_C + 1e-9, "{nodes:?}");
            let l = tank.ledger();
            let error = l.heated_j - l.lost_j - l.drawn_j - l.vented_j - (tank.stored_j() - before);
            prop_assert!(error.abs() < 1e-3, "{error} J");
        }
    }
}
