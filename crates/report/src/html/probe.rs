//! The section of a probe: its sums, and a drawing with a mark for each sample and the latency with its
//! limit. A table below has the samples in words.
//!
//! Many samples are thinned into columns. A column has failed if one of its samples has, so no failure is
//! lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use super::scale::{LEFT, Scale, WIDTH, short};
use super::timeline::fault;
use super::words::{Detail, MAX_CELL_CHARS, fold, millis, plain, rows, scrolling};
use crate::words::arithmetic::{of_phases, of_probe};
use faultgate_core::model::{FaultWindow, Probe, Sample};

/// The y-coordinate of the lower end of the marks, in points like all lengths here.
const MARKS: f64 = 16.0;
/// The y-coordinates between which the latency is drawn.
const PLOT_TOP: f64 = 28.0;
const PLOT_BOTTOM: f64 = 88.0;
/// Height of the axis.
const AXIS: f64 = 14.0;
/// The delay of an evaluation, in milliseconds, from which on it is worth telling.
const MIN_LATE_MS: u64 = 200;
/// Maximum number of columns with which each sample has a dot on the line. More would run into one another.
const MAX_DOTTED_COLUMNS: usize = 130;

/// Renders the section. `window` is the fault window of the experiment.
pub(super) fn section(
    id: &str,
    probe: &Probe,
    scale: Option<&Scale>,
    window: Option<FaultWindow>,
    detail: Detail,
) -> Markup {
    html! {
        section.probe {
            h4 id=(id) { (plain(&probe.name, MAX_CELL_CHARS)) " " span.kind { (plain(&probe.kind, 40)) } }
            p.sum { (sum(probe)) }
            @if probe.samples.is_empty() {
                p.note { "It has no samples." }
            } @else if let Some(scale) = scale {
                (figure(id, probe, scale, window, detail))
                (samples(probe, scale, detail))
            }
        }
    }
}

/// Writes the sums from the samples to the score, and the times that they tell about the fault.
fn sum(probe: &Probe) -> String {
    let mut text = format!("{}, weight {}.", of_probe(probe), probe.weight);
    let phases = of_phases(probe);
    if !phases.is_empty() {
        let _ = write!(text, " Looks that passed: {phases}.");
    }
    if probe.flaps {
        text += " The probe flaps: it failed, passed and failed again, so its last pass is no recovery.";
    }
    let facts = [
        (probe.detected_after_ms, "Time to detect"),
        (probe.recovered_after_ms, "Time to recover"),
        (probe.limit_ms, "Latency limit"),
    ];
    for (value, what) in facts {
        if let Some(value) = value {
            let _ = write!(text, " {what}: {}.", millis(value));
        }
    }
    if probe.late_ms >= MIN_LATE_MS {
        let _ = write!(text, " The latest look began {} after its time.", millis(probe.late_ms));
    }
    if probe.samples_left_out > 0 {
        let _ = write!(text, " {} samples are counted and not shown.", probe.samples_left_out);
    }
    text
}

/// The samples that fall into one column of the plot, drawn as one.
#[derive(Default)]
struct Column {
    failed: bool,
    /// The highest latency in milliseconds.
    slowest: Option<u64>,
    /// The moment of the first sample.
    at: Option<Timestamp>,
}

/// Sorts the samples into columns: one for each sample, or at most `most` if there are more samples.
fn columns(samples: &[Sample], scale: &Scale, most: usize) -> Vec<Column> {
    let mut columns: BTreeMap<i64, Column> = BTreeMap::new();
    // Few samples are never drawn as one, however close to each other they are.
    let is_thinned = samples.len() > most;
    for (place, sample) in samples.iter().enumerate() {
        let key = if is_thinned { scale.column(sample.at, most) } else { i64::try_from(place).unwrap_or(0) };
        let column = columns.entry(key).or_default();
        column.failed |= !sample.passed;
        column.slowest = column.slowest.max(sample.latency_ms);
        column.at = column.at.or(Some(sample.at));
    }
    columns.into_values().collect()
}

fn figure(id: &str, probe: &Probe, scale: &Scale, window: Option<FaultWindow>, detail: Detail) -> Markup {
    let columns = columns(&probe.samples, scale, detail.columns);
    let slowest = columns.iter().filter_map(|column| column.slowest).max();
    // A probe without latencies, such as an alarm, needs no room for their plot.
    let bottom = if slowest.is_some() { PLOT_BOTTOM } else { MARKS + 4.0 };
    html! {
        figure {
            div.scroll tabindex="0" role="group" aria-label={ "Samples of " (plain(&probe.name, 100)) } {
                svg role="img" viewBox={ "0 0 " (WIDTH) " " (short(bottom + AXIS)) }
                    aria-labelledby={ (id) "-title " (id) "-text" } {
                    title id={ (id) "-title" } { "Samples over time" }
                    desc id={ (id) "-text" } { (describe_drawing(probe, slowest)) }
                    (fault(window, scale, 0.0, bottom))
                    (scale.grid(0.0, bottom, Some(bottom + 12.0)))
                    text.name x=(short(LEFT - 10.0)) y="13" text-anchor="end" { "samples" }
                    path.pass d=(marks(&columns, scale, false)) {}
                    path.fail d=(marks(&columns, scale, true)) {}
                    @if let Some(slowest) = slowest {
                        (plot(probe, &columns, scale, slowest))
                    }
                }
            }
            @if probe.samples.len() > columns.len() {
                figcaption {
                    (probe.samples.len()) " samples are drawn in " (columns.len()) " columns, each as its slowest, and "
                    "as failed if one of it failed."
                }
            }
        }
    }
}

/// Draws the marks of the columns that failed, or of those that passed. Marks of failures are taller, so that
/// the colour does not stand alone.
fn marks(columns: &[Column], scale: &Scale, failed: bool) -> String {
    let mut path = String::new();
    for column in columns.iter().filter(|column| column.failed == failed) {
        let Some(at) = column.at else { continue };
        let top = if failed { 1.0 } else { MARKS - 7.0 };
        let _ = write!(path, "M{} {}V{}", short(scale.x(at)), short(top), short(MARKS));
    }
    path
}

fn plot(probe: &Probe, columns: &[Column], scale: &Scale, slowest: u64) -> Markup {
    // The limit is always in sight, with some room above it.
    let top = slowest.max(probe.limit_ms.map_or(0, |limit| limit.saturating_add(limit / 8))).max(1);
    let limit = probe.limit_ms.map(|limit| (height(limit, top), limit));
    html! {
        path.grid d={ "M" (short(LEFT)) " " (short(PLOT_BOTTOM)) "H944" } {}
        text.tick x=(short(LEFT - 10.0)) y=(short(PLOT_TOP + 4.0)) text-anchor="end" { (millis(top)) }
        text.tick x=(short(LEFT - 10.0)) y=(short(PLOT_BOTTOM)) text-anchor="end" { "0" }
        @if let Some((y, limit)) = limit {
            path.limit d={ "M" (short(LEFT)) " " (short(y)) "H944" } {}
            text.tick x="942" y=(short(y + 11.0)) text-anchor="end" { "limit " (millis(limit)) }
        }
        path.latency d=(line(columns, scale, top)) {}
        @if columns.len() <= MAX_DOTTED_COLUMNS { path.dot d=(dots(columns, scale, top)) {} }
        path.cross d=(crosses(columns, scale, top)) {}
    }
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
        debug_assert!(!column.failed);
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
    for column in columns.iter().filter(|column| column.failed == failed) {
        if let (Some(slowest), Some(at)) = (column.slowest, column.at) {
            draw(&mut path, column, slowest, at);
        }
    }
    path
}

/// Tells the drawing in words.
fn describe_drawing(probe: &Probe, slowest: Option<u64>) -> String {
    let mut text =
        format!("{} samples passed, {} failed", probe.passed, probe.total.saturating_sub(probe.passed));
    if let Some(slowest) = slowest {
        let _ = write!(text, "; the slowest took {}", millis(slowest));
    }
    if let Some(limit) = probe.limit_ms {
        let _ = write!(text, "; the limit is {}", millis(limit));
    }
    text + ". The table has them all."
}

/// A stretch of neighbouring samples that tell the same, which is one row of the table.
struct Stretch<'a> {
    first: &'a Sample,
    last: &'a Sample,
    count: usize,
    /// The lowest and the highest latency in milliseconds.
    latency: Option<(u64, u64)>,
}

fn stretches(samples: &[Sample]) -> Vec<Stretch<'_>> {
    let mut all: Vec<Stretch<'_>> = Vec::new();
    for sample in samples {
        let latency = sample.latency_ms.map(|latency| (latency, latency));
        match all.last_mut().filter(|stretch| is_alike(stretch.first, sample)) {
            Some(stretch) => {
                stretch.last = sample;
                stretch.count += 1;
                stretch.latency = match (stretch.latency, latency) {
                    (Some((low, high)), Some((more, _))) => Some((low.min(more), high.max(more))),
                    (known, more) => known.or(more),
                };
            }
            None => all.push(Stretch { first: sample, last: sample, count: 1, latency }),
        }
    }
    all
}

fn is_alike(one: &Sample, other: &Sample) -> bool {
    (one.phase, one.passed, &one.reason) == (other.phase, other.passed, &other.reason)
}

fn samples(probe: &Probe, scale: &Scale, detail: Detail) -> Markup {
    let stretches = stretches(&probe.samples);
    let table = html! {
        table.numbers {
            thead {
                tr {
                    th scope="col" { "From" }
                    th scope="col" { "To" }
                    th scope="col" { "Phase" }
                    th.n scope="col" { "Samples" }
                    th scope="col" { "Result" }
                    th.n scope="col" { "Latency" }
                    th scope="col" { "Why" }
                }
            }
            tbody {
                (rows(&stretches, detail.rows, 7, |stretch| html! {
                    tr {
                        td { (scale.offset(stretch.first.at)) }
                        td { (scale.offset(stretch.last.at)) }
                        td { (stretch.first.phase.as_str()) }
                        td.n { (stretch.count) }
                        td class=(if stretch.first.passed { "good" } else { "bad" }) {
                            (if stretch.first.passed { "passed" } else { "failed" })
                        }
                        td.n { (range(stretch.latency)) }
                        td { (plain(stretch.first.reason.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) }
                    }
                }))
            }
        }
    };
    fold("Samples in a table", &scrolling("Samples", &table))
}

fn range(latency: Option<(u64, u64)>) -> String {
    match latency {
        None => "–".to_owned(),
        Some((low, high)) if low == high => millis(low),
        Some((low, high)) => format!("{} to {}", millis(low), millis(high)),
    }
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
        assert_eq!(columns.iter().filter(|column| column.failed).count(), 1);
        assert_eq!(columns.iter().filter_map(|column| column.slowest).max(), Some(900));
    }

    #[test]
    fn neighbours_that_tell_the_same_are_one_row() {
        let result = results::measured();
        let probe = &result.experiments[0].probes[0];
        let stretches = stretches(&probe.samples);
        assert_eq!(stretches.iter().map(|stretch| stretch.count).sum::<usize>(), probe.samples.len());
        assert!(stretches.len() < probe.samples.len());
    }
}
