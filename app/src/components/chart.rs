//! A chart of values over time: a canvas that is sharp at any size and in any colour scheme, a cursor that mouse,
//! finger and keyboard move, and the same as a table for those who can't see it.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlCanvasElement, ResizeObserver};

use crate::browser::{screen, use_ui};
use crate::plot::draw::{Look, MARGINS, draw};
use crate::plot::{Plot, ticks};
use crate::text::text;

/// How a chart says its values.
#[derive(Clone, Copy)]
pub(crate) struct Values {
    /// On the axis, short.
    pub(crate) axis: Callback<f64, String>,
    /// In the readout and the table, with the unit.
    pub(crate) full: Callback<f64, String>,
}

/// A chart of `plot`.
#[component]
pub(crate) fn Chart(
    /// What it shows, for the eye and the ear.
    title: &'static str,
    /// What to draw; nothing yet while `None`.
    #[prop(into)]
    plot: Signal<Option<Plot>>,
    /// How it says its values.
    values: Values,
    /// What to say while there is nothing to draw.
    #[prop(into)]
    placeholder: Signal<&'static str>,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let size = observed_size(canvas);
    redraw_on_change(canvas, size, plot, values);
    let cursor = RwSignal::new(None::<usize>);
    let ready = Memo::new(move |_| plot.with(Option::is_some));
    view! {
        <figure class="chart">
            <figcaption class="chart-head">
                <h3>{title}</h3>
                <Legend plot/>
            </figcaption>
            <div class="chart-body">
                <canvas node_ref=canvas class="chart-canvas" aria-hidden="true"></canvas>
                <Show when=move || ready.get() fallback=move || view! { <p class="chart-empty">{placeholder}</p> }>
                    <Cursor title plot size cursor values/>
                </Show>
            </div>
            <DataTable plot values/>
        </figure>
    }
}

/// The canvas's size in CSS pixels, as it is laid out.
fn observed_size(canvas: NodeRef<html::Canvas>) -> RwSignal<(f64, f64)> {
    let size = RwSignal::new((0.0, 0.0));
    let kept = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    Effect::new(move || {
        let Some(canvas) = canvas.get() else { return };
        let measured = canvas.clone();
        let on_resize = Closure::<dyn FnMut()>::new(move || {
            let next = (f64::from(measured.client_width()), f64::from(measured.client_height()));
            if size.try_get_untracked().is_some_and(|old| old != next) {
                size.set(next);
            }
        });
        let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) else {
            return;
        };
        observer.observe(&canvas);
        kept.set_value(Some((observer, on_resize)));
    });
    on_cleanup(move || {
        kept.try_update_value(|kept| {
            if let Some((observer, _)) = kept {
                observer.disconnect();
            }
        });
    });
    size
}

fn redraw_on_change(
    canvas: NodeRef<html::Canvas>,
    size: RwSignal<(f64, f64)>,
    plot: Signal<Option<Plot>>,
    values: Values,
) {
    let ui = use_ui();
    Effect::new(move || {
        ui.look.track();
        let (width, height) = size.get();
        let Some(canvas) = canvas.get() else { return };
        let ratio = screen::pixel_ratio();
        fit(&canvas, width * ratio, height * ratio);
        let zone = ui.zone();
        plot.with(|plot| {
            let look = Look {
                ratio,
                colour: &|property| screen::colour(&canvas, property),
                value: &|value| values.axis.run(value),
                hour: &|ms| zone.hour(ms),
                minute_of_day: &|ms| zone.minute_of_day(ms),
            };
            plot.as_ref().and_then(|plot| draw(&canvas, plot, &look))
        });
    });
}

fn fit(canvas: &HtmlCanvasElement, width: f64, height: f64) {
    let (width, height) = (width.round() as u32, height.round() as u32);
    if (canvas.width(), canvas.height()) != (width, height) {
        canvas.set_width(width);
        canvas.set_height(height);
    }
}

#[component]
fn Legend(plot: Signal<Option<Plot>>) -> impl IntoView {
    let entries = Memo::new(move |_| {
        plot.with(|plot| {
            let lines = plot.iter().flat_map(|plot| &plot.lines);
            lines.map(|line| (line.label.clone(), line.mark, line.colour)).collect::<Vec<_>>()
        })
    });
    let entry = |(label, mark, colour): (String, &'static str, &'static str)| {
        view! { <li><Swatch mark colour/>{label}</li> }
    };
    view! { <ul class="legend">{move || entries.get().into_iter().map(entry).collect_view()}</ul> }
}

/// A line's mark in its colour.
#[component]
fn Swatch(mark: &'static str, colour: &'static str) -> impl IntoView {
    let class = format!("swatch swatch{colour}");
    view! { <span class=class aria-hidden="true">{mark}</span> }
}

/// The cursor over the canvas: a slider along the time axis.
#[component]
fn Cursor(
    title: &'static str,
    plot: Signal<Option<Plot>>,
    size: RwSignal<(f64, f64)>,
    cursor: RwSignal<Option<usize>>,
    values: Values,
) -> impl IntoView {
    let ui = use_ui();
    let words = &text().words;
    let buckets = move || plot.with(|plot| plot.as_ref().map_or(0, Plot::buckets));
    let readout =
        Memo::new(move |_| plot.with(|plot| Some(Readout::at(plot.as_ref()?, cursor.get()?, size.get(), ui, values))));
    let on_pointer = move |event: PointerEvent| {
        let (width, _) = size.get_untracked();
        let x = f64::from(event.offset_x());
        plot.with_untracked(|plot| {
            if let Some(plot) = plot {
                cursor.set(plot.bucket_at(time_at(plot, x, width)));
            }
        });
    };
    let on_key = move |event: KeyboardEvent| {
        let last = buckets().saturating_sub(1);
        let now = cursor.get_untracked().unwrap_or(last);
        let next = match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" => Some(now.saturating_sub(1)),
            "ArrowRight" | "ArrowUp" => Some((now + 1).min(last)),
            "PageDown" => Some(now.saturating_sub(last / 24)),
            "PageUp" => Some((now + last / 24).min(last)),
            "Home" => Some(0),
            "End" => Some(last),
            "Escape" => None,
            _ => return,
        };
        event.prevent_default();
        cursor.set(next);
    };
    let on_leave = move |event: PointerEvent| {
        if event.pointer_type() == "mouse" {
            cursor.set(None);
        }
    };
    let spoken = move || match readout.get() {
        Some(Some(readout)) => readout.spoken(),
        _ => words.chart_keys.into(),
    };
    view! {
        <div
            class="chart-cursor"
            role="slider"
            tabindex="0"
            aria-label=title
            aria-orientation="horizontal"
            aria-valuemin="0"
            aria-valuemax=move || buckets().saturating_sub(1)
            aria-valuenow=move || cursor.get().unwrap_or_else(|| buckets().saturating_sub(1))
            aria-valuetext=spoken
            on:pointermove=on_pointer
            on:pointerdown=on_pointer
            on:pointerleave=on_leave
            on:blur=move |_| cursor.set(None)
            on:keydown=on_key
        >
            {move || readout.get().flatten().map(|readout| readout.view())}
        </div>
    }
}

fn time_at(plot: &Plot, x: f64, width: f64) -> i64 {
    let inner = (width - MARGINS.left - MARGINS.right).max(1.0);
    let span = (plot.time_ms.end - plot.time_ms.start) as f64;
    plot.time_ms.start + ((x - MARGINS.left) / inner * span) as i64
}

/// What the cursor says, and where.
#[derive(Debug, Clone, PartialEq)]
struct Readout {
    time: String,
    x: f64,
    right_half: bool,
    rows: Vec<ReadoutRow>,
}

#[derive(Debug, Clone, PartialEq)]
struct ReadoutRow {
    label: String,
    mark: &'static str,
    colour: &'static str,
    value: String,
    y: Option<f64>,
}

impl Readout {
    fn at(
        plot: &Plot,
        bucket: usize,
        (width, height): (f64, f64),
        ui: crate::browser::Ui,
        values: Values,
    ) -> Option<Self> {
        let ms = plot.bucket_middle_ms(bucket);
        let across = (ms - plot.time_ms.start) as f64 / (plot.time_ms.end - plot.time_ms.start).max(1) as f64;
        let inner_width = width - MARGINS.left - MARGINS.right;
        let inner_height = height - MARGINS.top - MARGINS.bottom;
        let y_of = |value: f64| {
            let up = (value - plot.values.start) / (plot.values.end - plot.values.start);
            MARGINS.top + inner_height * (1.0 - up)
        };
        let rows = plot.lines.iter().map(|line| {
            let value = line.mean.get(bucket).copied().flatten();
            ReadoutRow {
                label: line.label.clone(),
                mark: line.mark,
                colour: line.colour,
                value: value.map_or_else(|| "–".into(), |value| values.full.run(value)),
                y: value.map(y_of),
            }
        });
        (0.0..=1.0).contains(&across).then(|| Self {
            time: ui.zone().clock(ms),
            x: MARGINS.left + inner_width * across,
            right_half: across > 0.5,
            rows: rows.collect(),
        })
    }

    fn spoken(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|row| format!("{} {}", row.label, row.value)).collect();
        format!("{}: {}", self.time, rows.join(", "))
    }

    fn view(self) -> impl IntoView + use<> {
        let x = format!("{:.1}px", self.x);
        let dots = self.rows.iter().filter_map(|row| {
            let y = format!("{:.1}px", row.y?);
            let class = format!("chart-dot swatch{}", row.colour);
            Some(view! { <span class=class style:left=x.clone() style:top=y></span> })
        });
        let dots = dots.collect_view();
        let rows = self.rows.into_iter().map(|row| {
            view! {
                <span class="readout-row">
                    <Swatch mark=row.mark colour=row.colour/>
                    <span>{row.label}</span>
                    <b>{row.value}</b>
                </span>
            }
        });
        view! {
            <span class="chart-rule" style:left=x.clone()></span>
            {dots}
            <span class="readout" class:flip=self.right_half style:left=x>
                <b class="readout-time">{self.time}</b>
                {rows.collect_view()}
            </span>
        }
    }
}

/// The same by the hour. Made only while it is open.
#[component]
fn DataTable(plot: Signal<Option<Plot>>, values: Values) -> impl IntoView {
    let ui = use_ui();
    let open = RwSignal::new(false);
    let words = &text().words;
    let rows = move || {
        let zone = ui.zone();
        plot.with(|plot| {
            let Some(plot) = plot else { return Vec::new() };
            let hours = ticks::hours(plot.time_ms.clone(), 25, |ms| zone.minute_of_day(ms));
            let row = |ms: i64| {
                let bucket = plot.bucket_at(ms);
                let cells = plot.lines.iter().map(|line| {
                    let value = bucket.and_then(|n| line.mean.get(n).copied().flatten());
                    value.map_or_else(|| "–".into(), |value| values.full.run(value))
                });
                (zone.clock(ms), cells.collect::<Vec<String>>())
            };
            hours.into_iter().map(row).collect()
        })
    };
    let labels = move || {
        plot.with(|plot| {
            let lines = plot.iter().flat_map(|plot| &plot.lines);
            lines.map(|line| line.label.clone()).collect::<Vec<_>>()
        })
    };
    let table = move || {
        let heads = labels().into_iter().map(|l| view! { <th scope="col">{l}</th> });
        let body = rows().into_iter().map(|(time, cells)| {
            let cells = cells.into_iter().map(|cell| view! { <td>{cell}</td> });
            view! { <tr><th scope="row">{time}</th>{cells.collect_view()}</tr> }
        });
        view! {
            <div class="table-scroll" tabindex="0" role="region" aria-label=words.as_table>
                <table>
                    <thead><tr><th scope="col">{words.time}</th>{heads.collect_view()}</tr></thead>
                    <tbody>{body.collect_view()}</tbody>
                </table>
            </div>
        }
    };
    let on_toggle = move |event: web_sys::Event| {
        let details = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
        open.set(details.is_some_and(|d| d.has_attribute("open")));
    };
    view! {
        <details class="data-table" on:toggle=on_toggle>
            <summary>{words.as_table}</summary>
            {move || open.get().then(table)}
        </details>
    }
}
