//! The drawing of a probe: a mark for each look, bands where looks failed, and the latency with its limit.
//!
//! Many samples are thinned into columns. A column has failed if one of its samples has, so no failure is
//! lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use super::scale::{LEFT, Scale, WIDTH, short};
use super::timeline::fault;
use super::words::{Detail, millis, plain};
use faultgate_core::model::{FaultWindow, Probe, Sample};

/// The y-coordinate of the lower end of the marks, in points like all lengths here.
const MARKS: f64 = 16.0;
/// The y-coordinates between which the latency is drawn.
const PLOT_TOP: f64 = 28.0;
const PLOT_BOTTOM: f64 = 108.0;
/// Height of the axis.
const AXIS: f64 = 16.0;
/// Number of shades of the error bands.
const SHADES: usize = 4;
/// A limit is drawn if it is at most so many times what was measured.
const NEAR: u64 = 3;
/// Maximum number of columns with which each sample has a dot on the line. More would run into one another.
const MAX_DOTTED_COLUMNS: usize = 130;

/// The samples that fall into one column of the plot, drawn as one.
#[derive(Default)]
struct Column {
    failures: usize,
    looks: usize,
    /// The highest latency in milliseconds.
    slowest: Option<u64>,
    /// The moment of the first sample.
    at: Option<Timestamp>,
}

impl Column {
    fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Returns the shade of its error band, or `None` if nothing failed.
    fn shade(&self) -> Option<usize> {
        (self.failures * SHADES).div_ceil(self.looks.max(1)).checked_sub(1)
    }
}

/// Sorts the samples into columns: one for each sample, or at most `most` if there are more samples.
fn columns(samples: &[Sample], scale: &Scale, most: usize) -> Vec<Column> {
    let mut columns: BTreeMap<i64, Column> = BTreeMap::new();
    // Few samples are never drawn as one, however close to each other they are.
    let is_thinned = samples.len() > most;
    for (place, sample) in samples.iter().enumerate() {
        let key = if is_thinned { scale.column(sample.at, most) } else { i64::try_from(place).unwrap_or(0) };
        let column = columns.entry(key).or_default();
        column.failures += usize::from(!sample.passed);
        column.looks += 1;
        column.slowest = column.slowest.max(sample.latency_ms);
        column.at = column.at.or(Some(sample.at));
    }
    columns.into_values().collect()
}

/// Renders the drawing. `window` is the fault window of the experiment.
pub(super) fn figure(
    id: &str,
    probe: &Probe,
    scale: &Scale,
    window: Option<FaultWindow>,
    detail: Detail,
) -> Markup {
    let columns = columns(&probe.samples, scale, detail.columns);
    let slowest = columns.iter().filter_map(|column| column.slowest).max();
    // A probe without latencies, such as an alarm, needs no room for their plot.
    let bottom = if slowest.is_some() { PLOT_BOTTOM } else { MARKS + 4.0 };
    html! {
        figure {
            div.scroll tabindex="0" role="group" aria-label={ "Looks of " (plain(&probe.name, 100)) } {
                svg role="img" viewBox={ "0 0 " (WIDTH) " " (short(bottom + AXIS)) }
                    aria-labelledby={ (id) "-title " (id) "-text" } {
                    title id={ (id) "-title" } { "Looks over time" }
                    desc id={ (id) "-text" } { (describe_drawing(probe, slowest)) }
                    (fault(window, scale, 0.0, bottom))
                    (bands(&columns, scale, bottom))
                    (scale.grid(0.0, bottom, Some(bottom + 12.0)))
                    text.name x=(short(LEFT - 10.0)) y="13" text-anchor="end" { "looks" }
                    path.pass d=(marks(&columns, scale, false)) {}
                    path.fail d=(marks(&columns, scale, true)) {}
                    @if let Some(slowest) = slowest {
                        (plot(probe, &columns, scale, slowest))
                    }
                }
            }
            @if probe.samples.len() > columns.len() {
                figcaption {
                    (probe.samples.len()) " looks are drawn in " (columns.len()) " columns, each as its slowest, and "
                    "as failed if one of it failed."
                }
            }
        }
    }
}

/// Renders the error bands: from each column with failures to the next column, the darker the more of its
/// looks failed.
fn bands(columns: &[Column], scale: &Scale, bottom: f64) -> Markup {
    let mut paths = [const { String::new() }; SHADES];
    let mut place = 0;
    while let Some(column) = columns.get(place) {
        let Some(shade) = column.shade() else {
            place += 1;
            continue;
        };
        // Neighbours of the same shade are one band.
        let alike = columns[place..].iter().take_while(|next| next.shade() == Some(shade)).count();
        let next = columns.get(place + alike);
        place += alike;
        let Some(from) = column.at.map(|at| scale.x(at)) else { continue };
        let to = next.and_then(|next| next.at).map_or(from, |at| scale.x(at));
        let (from, width) = (short(from), short((to - from).max(1.5)));
        let _ = write!(paths[shade], "M{from} 0h{width}V{}h-{width}z", short(bottom));
    }
    html! {
        @for (shade, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            path class={ "band s" (shade + 1) } d=(path) {}
        }
    }
}

/// Draws the marks of the columns that failed, or of those that passed. Marks of failures are taller, so that
/// the colour does not stand alone.
fn marks(columns: &[Column], scale: &Scale, failed: bool) -> String {
    let mut path = String::new();
    for column in columns.iter().filter(|column| column.has_failed() == failed) {
        let Some(at) = column.at else { continue };
        let top = if failed { 1.0 } else { MARKS - 7.0 };
        let _ = write!(path, "M{} {}V{}", short(scale.x(at)), short(top), short(MARKS));
    }
    path
}

/// Renders the latency on a scale of what was measured. A limit far above it would press the line to the
/// ground, so it is only written.
fn plot(probe: &Probe, columns: &[Column], scale: &Scale, slowest: u64) -> Markup {
    let limit = probe.limit_ms.filter(|limit| *limit <= slowest.saturating_mul(NEAR));
    let far = probe.limit_ms.filter(|_| limit.is_none());
    let top = round_up(slowest.max(limit.unwrap_or_default()));
    html! {
        @for (value, y) in [(top, PLOT_TOP), (top / 2, f64::midpoint(PLOT_TOP, PLOT_BOTTOM)), (0, PLOT_BOTTOM)] {
            path.grid d={ "M" (short(LEFT)) " " (short(y)) "H944" } {}
            @if value > 0 || y >= PLOT_BOTTOM {
                text.tick x=(short(LEFT - 10.0)) y=(short(y + 4.0)) text-anchor="end" { (millis(value)) }
            }
        }
        @if let Some(limit) = limit {
            @let y = height(limit, top);
            path.limit d={ "M" (short(LEFT)) " " (short(y)) "H944" } {}
            text.tick x="942" y=(short(y + 11.0)) text-anchor="end" { "limit " (millis(limit)) }
        }
        @if let Some(limit) = far {
            text.tick x="942" y=(short(PLOT_TOP + 11.0)) text-anchor="end" { "↑ limit " (millis(limit)) }
        }
        path.latency d=(line(columns, scale, top)) {}
        @if columns.len() <= MAX_DOTTED_COLUMNS { path.dot d=(dots(columns, scale, top)) {} }
        path.cross d=(crosses(columns, scale, top)) {}
    }
}

/// Returns the next value that people count in, and of which half is whole.
fn round_up(value: u64) -> u64 {
    let steps = (0..19).flat_map(|power| [2, 4, 6, 8, 10].map(|step| step * 10_u64.pow(power)));
    steps.into_iter().find(|step| *step >= value).unwrap_or(value)
}

#[expect(clippy::cast_precision_loss, reason = "the drawing is a hundred points high")]
fn height(value: u64, top: u64) -> f64 {
    PLOT_BOTTOM - (value as f64 / top as f64).clamp(0.0, 1.0) * (PLOT_BOTTOM - PLOT_TOP)
}

/// Draws the line of the latency. It is interrupted at columns without a latency.
fn line(columns: &[Column], scale: &Scale, top: u64) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    for column in columns {
        let (Some(at), Some(slowest)) = (column.at, column.slowest) else {
            // The pen is lifted, so that no line is drawn over the gap.
            pen = 'M';
            continue;
        };
        let _ = write!(path, "{pen}{} {}", short(scale.x(at)), short(height(slowest, top)));
        pen = 'L';
    }
    path
}

fn dots(columns: &[Column], scale: &Scale, top: u64) -> String {
    points(columns, false, |path, column, slowest, at| {
        let _ = write!(path, "M{} {}h0", short(scale.x(at)), short(height(slowest, top)));
        debug_assert!(!column.has_failed());
    })
}

fn crosses(columns: &[Column], scale: &Scale, top: u64) -> String {
    points(columns, true, |path, _, slowest, at| {
        let (x, y) = (scale.x(at), height(slowest, top));
        let _ = write!(path, "M{} {}l6 6m0 -6l-6 6", short(x - 3.0), short(y - 3.0));
    })
}

fn points(columns: &[Column], failed: bool, draw: impl Fn(&mut String, &Column, u64, Timestamp)) -> String {
    let mut path = String::new();
    for column in columns.iter().filter(|column| column.has_failed() == failed) {
        if let (Some(slowest), Some(at)) = (column.slowest, column.at) {
            draw(&mut path, column, slowest, at);
        }
    }
    path
}

/// Tells the drawing in words.
fn describe_drawing(probe: &Probe, slowest: Option<u64>) -> String {
    let mut text =
        format!("{} looks passed, {} failed", probe.passed, probe.total.saturating_sub(probe.passed));
    if let Some(slowest) = slowest {
        let _ = write!(text, "; the slowest took {}", millis(slowest));
    }
    if let Some(limit) = probe.limit_ms {
        let _ = write!(text, "; the limit is {}", millis(limit));
    }
    text + ". The table has them all."
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_testkit::results;

    #[test]
    fn many_samples_are_thinned_and_no_failure_is_lost() {
        let mut result = results::measured();
        let experiment = &mut result.experiments[0];
        let probe = &mut experiment.probes[0];
        let start = probe.samples[0].clone();
        probe.samples = (0..10_000)
            .map(|n| Sample {
                at: start.at + jiff::SignedDuration::from_millis(n),
                passed: n != 5_000,
                latency_ms: Some(u64::from(n == 7_000) * 900),
                ..start.clone()
            })
            .collect();
        let samples = probe.samples.clone();
        let scale = Scale::of(experiment, result.ended_at).unwrap();
        let columns = columns(&samples, &scale, 100);
        assert!(columns.len() <= 100);
        assert_eq!(columns.iter().filter(|column| column.has_failed()).count(), 1);
        assert_eq!(columns.iter().filter_map(|column| column.slowest).max(), Some(900));
    }

    #[test]
    fn a_limit_is_drawn_where_it_is_near_and_written_where_it_is_not() {
        let mut result = results::measured();
        let scale = Scale::of(&result.experiments[0], result.ended_at).unwrap();
        let probe = &mut result.experiments[0].probes[0];
        for (limit, is_drawn) in [(500, true), (2_000, true), (30_000, false)] {
            probe.limit_ms = Some(limit);
            let columns = columns(&probe.samples, &scale, 400);
            let drawing = plot(probe, &columns, &scale, 820).0;
            assert_eq!(drawing.contains("class=\"limit\""), is_drawn, "{limit}");
            assert!(drawing.contains(&format!("limit {}", millis(limit))), "{drawing}");
        }
    }

    #[test]
    fn scales_end_at_round_values() {
        for (value, top) in [(0, 2), (3, 4), (20, 20), (21, 40), (829, 1_000), (1_001, 2_000)] {
            assert_eq!(round_up(value), top);
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn bands_are_as_dark_as_their_share_of_failures() {
        let column = |failures, looks| Column { failures, looks, ..Column::default() };
        let shades =
            [(0, 9), (1, 9), (4, 8), (5, 8), (9, 9)].map(|(failures, looks)| column(failures, looks).shade());
        assert_eq!(shades, [None, Some(0), Some(1), Some(2), Some(3)]);
    }
}
