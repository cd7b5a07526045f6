//! Draws a [`Plot`] on a canvas with plotters, in the canvas's own pixels: sharp on any screen.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters_canvas::CanvasBackend;
use web_sys::HtmlCanvasElement;

use super::{Line, Plot, runs, ticks};

/// The room around the lines, in CSS pixels.
pub(crate) struct Margins {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// Values stand at the left, hours below, the lines' marks at the right.
pub(crate) const MARGINS: Margins = Margins { left: 50.0, right: 20.0, top: 10.0, bottom: 26.0 };

/// How a chart is to look on one particular screen.
pub(crate) struct Look<'a> {
    /// Canvas pixels in a CSS pixel.
    pub(crate) ratio: f64,
    /// The colour in a CSS custom property.
    pub(crate) colour: &'a dyn Fn(&str) -> (u8, u8, u8),
    /// A value as its axis says it.
    pub(crate) value: &'a dyn Fn(f64) -> String,
    /// A moment as its axis says it.
    pub(crate) hour: &'a dyn Fn(i64) -> String,
    /// A moment's minute on the owner's clock.
    pub(crate) minute_of_day: &'a dyn Fn(i64) -> u32,
}

/// A canvas smaller than this has no room for anything between the margins.
const LEAST_PIXELS: u32 = 80;

type Area = DrawingArea<CanvasBackend, Shift>;
type Chart<'a> = ChartContext<'a, CanvasBackend, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<<CanvasBackend as DrawingBackend>::ErrorType>>;

/// Draws it all anew. `None` if the canvas has no size or takes no drawing.
pub(crate) fn draw(canvas: &HtmlCanvasElement, plot: &Plot, look: &Look<'_>) -> Option<()> {
    let smallest = canvas.width().min(canvas.height());
    if plot.time_ms.is_empty() || plot.values.is_empty() || smallest < LEAST_PIXELS {
        return None;
    }
    let area = CanvasBackend::with_canvas_object(canvas.clone())?.into_drawing_area();
    clear(canvas);
    draw_on(&area, plot, look).ok()
}

/// Makes every pixel transparent: setting its width empties a canvas.
fn clear(canvas: &HtmlCanvasElement) {
    canvas.set_width(canvas.width());
}

fn draw_on(area: &Area, plot: &Plot, look: &Look<'_>) -> Drawn {
    let px = |css: f64| (css * look.ratio).round() as u32;
    let mut chart = ChartBuilder::on(area)
        .margin_left(px(MARGINS.left))
        .margin_right(px(MARGINS.right))
        .margin_top(px(MARGINS.top))
        .margin_bottom(px(MARGINS.bottom))
        .build_cartesian_2d(axis(&plot.time_ms), plot.values.clone())?;
    bands(&mut chart, plot, look)?;
    axes(area, &mut chart, plot, look)?;
    for line in &plot.lines {
        envelope(&mut chart, plot, line, look)?;
    }
    for line in &plot.lines {
        line_itself(&mut chart, plot, line, look)?;
    }
    marks(area, &chart, plot, look)?;
    area.present()
}

fn axis(time_ms: &Range<i64>) -> Range<f64> {
    time_ms.start as f64..time_ms.end as f64
}

fn bands(chart: &mut Chart<'_>, plot: &Plot, look: &Look<'_>) -> Drawn {
    let (from, to) = (plot.time_ms.start as f64, plot.time_ms.end as f64);
    chart.draw_series(plot.bands.iter().map(|band| {
        let corners = [(from, band.values.start), (to, band.values.end)];
        Rectangle::new(corners, rgb(look, band.colour).mix(0.35).filled())
    }))?;
    Ok(())
}

/// Grid lines with their values and hours.
fn axes(area: &Area, chart: &mut Chart<'_>, plot: &Plot, look: &Look<'_>) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let css_width = f64::from(width) / look.ratio;
    let css_height = f64::from(height) / look.ratio;
    let gap = (6.0 * look.ratio) as i32;
    let grid = rgb(look, "--plot-grid").stroke_width(look.ratio.round().max(1.0) as u32);

    for value in ticks::round(plot.values.clone(), ((css_height / 44.0) as usize).max(2)) {
        let ends = [(plot.time_ms.start as f64, value), (plot.time_ms.end as f64, value)];
        let (x, y) = chart.backend_coord(&ends[0]);
        chart.draw_series([PathElement::new(ends, grid)])?;
        let style = text(look, HPos::Right, VPos::Center, "--plot-text");
        area.draw_text(&(look.value)(value), &style, (x - gap, y))?;
    }

    let most = ((css_width / 62.0) as usize).max(2);
    for moment in ticks::hours(plot.time_ms.clone(), most, look.minute_of_day) {
        let ends = [(moment as f64, plot.values.start), (moment as f64, plot.values.end)];
        let (x, y) = chart.backend_coord(&ends[0]);
        chart.draw_series([PathElement::new(ends, grid)])?;
        let style = text(look, HPos::Center, VPos::Top, "--plot-text");
        area.draw_text(&(look.hour)(moment), &style, (x, y + gap))?;
    }
    Ok(())
}

/// From the smallest to the largest value of each bucket.
fn envelope(chart: &mut Chart<'_>, plot: &Plot, line: &Line, look: &Look<'_>) -> Drawn {
    let colour = rgb(look, line.colour).mix(0.2);
    let edge = |row: &[Option<f64>], run: &Range<usize>| -> Vec<(f64, f64)> {
        run.clone().filter_map(|n| Some((plot.bucket_middle_ms(n) as f64, row.get(n).copied()??))).collect()
    };
    chart.draw_series(runs(&line.max).iter().map(|run| {
        let mut outline = edge(&line.max, run);
        outline.extend(edge(&line.min, run).into_iter().rev());
        Polygon::new(outline, colour)
    }))?;
    Ok(())
}

/// The means, broken at gaps; a lone bucket between gaps becomes a dot.
fn line_itself(chart: &mut Chart<'_>, plot: &Plot, line: &Line, look: &Look<'_>) -> Drawn {
    let width = (1.75 * look.ratio).round().max(1.0) as u32;
    let colour = rgb(look, line.colour);
    for run in runs(&line.mean) {
        let lone = run.len() == 1;
        let points: Vec<_> = run
            .filter_map(|n| {
                let value = line.mean.get(n).copied()??;
                Some((plot.bucket_middle_ms(n) as f64, value))
            })
            .collect();
        if lone {
            chart.draw_series(points.into_iter().map(|point| Circle::new(point, width, colour.filled())))?;
        } else {
            chart.draw_series([PathElement::new(points, colour.stroke_width(width))])?;
        }
    }
    Ok(())
}

/// Each line's mark at its newest value, pushed apart where they would cover each other.
fn marks(area: &Area, chart: &Chart<'_>, plot: &Plot, look: &Look<'_>) -> Drawn {
    let newest = |line: &Line| line.mean.iter().rev().copied().find_map(|v| v);
    let mut marks: Vec<_> = plot
        .lines
        .iter()
        .filter_map(|line| {
            let end = (plot.time_ms.end as f64, newest(line)?);
            Some((chart.backend_coord(&end), line))
        })
        .collect();
    marks.sort_by_key(|((_, y), _)| *y);
    let apart = (13.0 * look.ratio) as i32;
    let mut above = i32::MIN / 2;
    for ((x, y), line) in marks {
        let y = y.max(above + apart);
        above = y;
        let style = text(look, HPos::Left, VPos::Center, line.colour);
        area.draw_text(line.mark, &style, (x + (5.0 * look.ratio) as i32, y))?;
    }
    Ok(())
}

fn rgb(look: &Look<'_>, property: &str) -> RGBColor {
    let (r, g, b) = (look.colour)(property);
    RGBColor(r, g, b)
}

fn text<'a>(look: &Look<'_>, h: HPos, v: VPos, colour: &str) -> TextStyle<'a> {
    let family = FontFamily::Name("system-ui, sans-serif");
    TextStyle {
        font: FontDesc::new(family, 12.0 * look.ratio, FontStyle::Normal),
        color: rgb(look, colour).to_backend_color(),
        pos: Pos::new(h, v),
    }
}
