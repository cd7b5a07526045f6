//! Measures the store on this machine: `cargo run --release -p storage --example throughput [URL]`.
//!
//! Fills a database (a temporary SQLite file without a URL) with 30 days at one row a second, then
//! prints rows appended a second, bytes a row, and how long typical questions take.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use storage::{Column, Measurement, SeriesQuery};

const DAY_MS: i64 = 86_400_000;
const DAYS: i64 = 30;
/// 2026-11-01T00:00:00Z.
const T0: i64 = 1_793_491_200_000;

/// Plausible values that do not repeat: a sine of the day with a ripple.
fn row(second: i64) -> Measurement {
    let sun = (second as f64 / 86_400.0 * std::f64::consts::TAU).sin().max(0.0);
    let ripple = ((second * 7919) % 1000) as f64 / 1000.0;
    let volts = 290.0 * sun + ripple;
    let amperes = 7.9 * sun + ripple / 50.0;
    let temperature = 110.0 + 20.0 * sun + ripple / 10.0;
    let sensors = [volts, amperes, temperature, volts * 0.4, amperes, temperature - 5.0];
    let power = [volts * amperes, volts * 0.4 * amperes];
    Measurement {
        ts_ms: T0 + second * 1000,
        dt_ms: 1000,
        measured_ms: [1000, 1000],
        raw: sensors.map(Some),
        calibrated: sensors.map(|value| Some(value * 1.01 + 0.5)),
        power_w: power.map(Some),
        energy_wh: power.map(|watts| watts / 3600.0),
        relays: [sun > 0.0; 4],
        on: [sun > 0.0; 2],
    }
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("throughput.db");
    let url = std::env::args().nth(1).unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let store = storage::open(&url).await.unwrap();

    for batch in [10, 10_000] {
        let mut second = store.last_measurement_ms().await.unwrap().map_or(0, |last| (last - T0) / 1000 + 1);
        let first = second;
        let end = if batch == 10 { 5000 } else { DAYS * 86_400 };
        let mut spent = std::time::Duration::ZERO;
        while second < end {
            let rows: Vec<_> = (second..end.min(second + batch)).map(row).collect();
            let began = Instant::now();
            store.append_measurements(&rows).await.unwrap();
            spent += began.elapsed();
            second += rows.len() as i64;
        }
        let rate = (end - first) as f64 / spent.as_secs_f64();
        println!("append, {batch} rows a batch: {rate:.0} rows/s");
    }

    let end_ms = T0 + DAYS * DAY_MS;
    for (name, days) in [("24 h", 1), ("7 d", 7), ("30 d", 30)] {
        let query = SeriesQuery {
            columns: Column::ALL[..6].to_vec(),
            from_ms: end_ms - days * DAY_MS,
            to_ms: end_ms,
            points: 1000,
        };
        let mut times: Vec<_> = Vec::new();
        for _ in 0..7 {
            let began = Instant::now();
            store.series(query.clone()).await.unwrap();
            times.push(began.elapsed());
        }
        times.sort();
        println!("series, six quantities, {name}: median {:?}, worst {:?}", times[3], times[6]);
    }
    let began = Instant::now();
    store.energy_wh(end_ms - DAY_MS, end_ms).await.unwrap();
    println!("energy, 24 h: {:?}", began.elapsed());

    store.close().await;
    if let Ok(metadata) = std::fs::metadata(&file) {
        let bytes = metadata.len() as f64 / (DAYS * 86_400) as f64;
        println!("size: {bytes:.1} bytes a row");
    }
}
