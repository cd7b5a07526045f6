//! What anyone may see: is there hot water, what is it doing, is it safe?

use leptos::prelude::*;

use super::set_title;
use crate::browser::day::{Day, DayState};
use crate::browser::live::Link;
use crate::browser::use_ui;
use crate::components::chart::{Chart, Values};
use crate::components::circuit_card::{CircuitCard, valid};
use crate::components::tank::TankShape;
use crate::plot::{Band, Line, Plot, span};
use crate::text::{Show, text};
use crate::types::series::{Series, SeriesQuantity};
use crate::types::status::{Circuit, Status};
use crate::units::{TemperatureUnit, fixed, trimmed, watts};

const DAY_MS: i64 = 24 * 3_600_000;

/// Headline, big numbers, both circuits, both plots.
#[component]
pub(crate) fn Dashboard() -> impl IntoView {
    set_title(text().words.dashboard);
    let ui = use_ui();
    view! {
        <Hero/>
        <div class="cards">
            <CircuitCard index=0/>
            <CircuitCard index=1/>
        </div>
        <Plots day=Day::start(ui)/>
    }
}

#[component]
fn Hero() -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let headline = Memo::new(move |_| {
        let reader = ui.reader();
        let link = ui.live.link.get();
        ui.live.status.with(|status| match (status, link) {
            (Some(status), _) => (t.headline)(status, &reader),
            (None, Link::Lost) => t.words.no_picture.into(),
            (None, _) => t.words.loading.into(),
        })
    });
    let of_status = move |read: fn(&Status) -> String| {
        Memo::new(move |_| ui.live.status.with(|status| status.as_ref().map_or_else(|| "–".into(), read)))
    };
    let power = of_status(|status| total_power(status).map_or_else(|| "–".into(), watts));
    let energy = of_status(|status| fixed(status.energy_24h.total_wh / 1000.0, 1));
    let coverage = of_status(|status| (text().coverage)(status.energy_24h.coverage));
    let covered = move || coverage.get().replace('–', "");
    let by_circuit = move || ui.live.status.with(|status| status.as_ref().map_or_else(String::new, split));
    view! {
        <h1 class="headline">{headline}</h1>
        <div class="stats">
            <div class="stat">
                <span class="stat-label">{t.words.last_24h}</span>
                <span class="stat-value">{energy}<small>" kWh"</small></span>
                <span class="stat-note">{by_circuit}</span>
                <span class="stat-note warn">{covered}</span>
            </div>
            <div class="stat">
                <span class="stat-label">{t.words.now}</span>
                <span class="stat-value">
                    {move || number(&power.get())}<small>{move || unit(&power.get())}</small>
                </span>
                <span class="stat-note">{t.words.of_the_sun}</span>
            </div>
            <TankStat index=0/>
            <TankStat index=1/>
        </div>
    }
}

/// "2.67" of "2.67 kW".
fn number(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().into()
}

/// " kW" of "2.67 kW".
fn unit(text: &str) -> String {
    text.split_once(' ').map_or_else(String::new, |(_, unit)| format!(" {unit}"))
}

/// The energy of each circuit: "10.2 + 8.1".
fn split(status: &Status) -> String {
    let each = status.energy_24h.circuits_wh.iter();
    each.map(|wh| fixed(wh / 1000.0, 1)).collect::<Vec<_>>().join(" + ")
}

/// Watts of both circuits, so far as they are known.
fn total_power(status: &Status) -> Option<f64> {
    status.circuits.iter().filter_map(|circuit| circuit.power_w).reduce(|a, b| a + b)
}

#[component]
fn TankStat(index: usize) -> impl IntoView {
    let ui = use_ui();
    let t = text();
    let of_circuit = move |read: fn(&Circuit) -> Option<f64>| {
        Memo::new(move |_| ui.live.status.with(|s| s.as_ref()?.circuits.get(index).and_then(read)))
    };
    let temperature = of_circuit(|c| valid(&c.tank_temp_f));
    let target = of_circuit(|c| Some(c.target_f));
    let wrong = Memo::new(move |_| {
        ui.live.status.with(|s| {
            let circuit = s.as_ref()?.circuits.get(index)?;
            Some((t.validity)(circuit.tank_temp_f.validity))
        })
    });
    let number = move || {
        let unit = ui.unit.get();
        temperature.get().map_or_else(|| "–".into(), |f| fixed(unit.of_f(f), 1))
    };
    let note = move || match (wrong.get(), target.get()) {
        (Some(wrong), _) if !wrong.is_empty() => wrong.into(),
        (_, Some(target_f)) => {
            format!("{} {}", t.words.target, ui.reader().temperature(target_f))
        }
        _ => String::new(),
    };
    view! {
        <div class="stat tank">
            <svg class="stat-tank" viewBox="0 0 66 120" aria-hidden="true">
                <TankShape key=format!("stat-{index}") temperature_f=temperature target_f=target/>
            </svg>
            <span class="stat-label">{move || (t.tank)(u8::try_from(index + 1).unwrap_or(0))}</span>
            <span class="stat-value">{number}<small>{move || ui.unit.get().symbol()}</small></span>
            <span class="stat-note" class:warn=move || wrong.get().is_some_and(|w| !w.is_empty())>{note}</span>
        </div>
    }
}

#[component]
fn Plots(day: Day) -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let power = Memo::new(move |_| day.series.with(|series| power_plot(series.as_ref()?)));
    let targets = Memo::new(move |_| {
        ui.live.status.with(|status| {
            let circuits = status.iter().flat_map(|s| &s.circuits);
            circuits.map(|c| (c.target_f, c.hysteresis_f)).collect::<Vec<_>>()
        })
    });
    let temperature = Memo::new(move |_| {
        let unit = ui.unit.get();
        let targets = targets.get();
        day.series.with(|series| temperature_plot(series.as_ref()?, &targets, unit))
    });
    let placeholder = Signal::derive(move || match day.state.get() {
        DayState::Failed => words.plot_failed,
        DayState::Loading | DayState::Ready => words.loading,
    });
    let power_values = Values { axis: Callback::new(watts_on_axis), full: Callback::new(watts) };
    let temperature_values = Values {
        axis: Callback::new(move |v| format!("{}°", trimmed(v, 0))),
        full: Callback::new(move |v| format!("{} {}", fixed(v, 1), ui.unit.get().symbol())),
    };
    view! {
        <section class="card">
            <Chart title=words.power_plot plot=power values=power_values placeholder/>
        </section>
        <section class="card">
            <Chart title=words.temperature_plot plot=temperature values=temperature_values placeholder/>
        </section>
    }
}

fn watts_on_axis(power_w: f64) -> String {
    match power_w {
        w if w >= 1000.0 => format!("{} kW", trimmed(w / 1000.0, 1)),
        w => format!("{} W", trimmed(w, 0)),
    }
}

fn power_plot(series: &Series) -> Option<Plot> {
    let lines =
        vec![line(series, SeriesQuantity::Power1W, 1, |w| w)?, line(series, SeriesQuantity::Power2W, 2, |w| w)?];
    let values = span(extremes(&lines), 0.0..500.0, 500.0);
    Some(plot(series, lines, Vec::new(), values))
}

/// Temperatures in the reader's unit, with the bands between "start again" and target.
fn temperature_plot(series: &Series, targets: &[(f64, f64)], unit: TemperatureUnit) -> Option<Plot> {
    let lines = vec![
        line(series, SeriesQuantity::T1F, 1, |f| unit.of_f(f))?,
        line(series, SeriesQuantity::T2F, 2, |f| unit.of_f(f))?,
    ];
    let mut bands: Vec<_> = targets
        .iter()
        .map(|(target_f, hysteresis_f)| Band {
            values: unit.of_f(target_f - hysteresis_f)..unit.of_f(*target_f),
            colour: "--plot-band",
        })
        .collect();
    bands.dedup();
    let edges = bands.iter().flat_map(|b| [b.values.start, b.values.end]);
    let first = unit.of_f(targets.first().map_or(120.0, |t| t.0));
    let values = span(extremes(&lines).chain(edges), first..first + 1.0, 10.0);
    Some(plot(series, lines, bands, values))
}

fn extremes(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines.iter().flat_map(|line| line.min.iter().chain(&line.max)).filter_map(|value| *value)
}

/// One circuit's line, each value made fit for the screen by `shown`.
fn line(series: &Series, quantity: SeriesQuantity, circuit: u8, shown: impl Fn(f64) -> f64) -> Option<Line> {
    let column = series.columns.iter().find(|c| c.quantity == quantity)?;
    let row = |row: &[Option<f64>]| row.iter().map(|value| value.map(&shown)).collect();
    let (mark, colour) = match circuit {
        1 => ("1", "--plot-1"),
        _ => ("2", "--plot-2"),
    };
    let name = match quantity {
        SeriesQuantity::T1F | SeriesQuantity::T2F => text().tank,
        _ => text().circuit,
    };
    Some(Line {
        label: name(circuit),
        mark,
        colour,
        mean: row(&column.mean),
        min: row(&column.min),
        max: row(&column.max),
    })
}

/// A plot of the 24 hours that end with the series' last bucket.
fn plot(series: &Series, lines: Vec<Line>, bands: Vec<Band>, values: std::ops::Range<f64>) -> Plot {
    let start_ms = series.from.timestamp_millis();
    let bucket_ms = series.bucket_ms.max(1);
    let buckets = lines.iter().map(|l| l.mean.len()).max().unwrap_or(0);
    let end_ms = start_ms + bucket_ms * i64::try_from(buckets).unwrap_or(0);
    Plot { time_ms: end_ms - DAY_MS..end_ms, values, start_ms, bucket_ms, lines, bands }
}
