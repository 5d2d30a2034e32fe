//! The section of a probe: its sums, what it saw before, during and after the fault, its drawing, and a table
//! with its looks in words.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::plot;
use super::scale::Scale;
use super::words::{Detail, MAX_CELL_CHARS, MAX_SENTENCE_CHARS, millis, plain, rows, scrolling};
use crate::words::arithmetic::{availability, of_intervals, of_probe};
use faultgate_core::model::{ExperimentResult, Phase, Probe, Sample};

/// The delay of an evaluation, in milliseconds, from which on it is worth telling.
const MIN_LATE_MS: u64 = 200;

/// Renders the section of a probe of this experiment.
pub(super) fn section(
    id: &str,
    probe: &Probe,
    experiment: &ExperimentResult,
    scale: Option<&Scale>,
    detail: Detail,
) -> Markup {
    html! {
        section.probe {
            h4 id=(id) { (plain(&probe.name, MAX_CELL_CHARS)) " " span.kind { (plain(&probe.kind, 40)) } }
            p.sum { (sum(probe, experiment)) }
            (phases(probe))
            @for told in of_intervals(probe) { p.note { (plain(&told, MAX_SENTENCE_CHARS)) } }
            @if probe.samples.is_empty() {
                p.note { "None of its looks is kept." }
            } @else if let Some(scale) = scale {
                (plot::figure(id, probe, scale, experiment.fault, detail))
                (samples(probe, scale, detail))
            }
        }
    }
}

/// Writes the sums from the looks to the score, and the times that they tell about the fault.
fn sum(probe: &Probe, experiment: &ExperimentResult) -> String {
    let mut text =
        format!("{}, weight {}.", plain(&of_probe(probe, experiment), MAX_SENTENCE_CHARS), probe.weight);
    if probe.flaps {
        text += " The probe flaps: it failed, passed and failed again, so its last pass is no recovery.";
    }
    let recovered = probe.recovered_after_ms.filter(|_| !probe.flaps);
    let facts = [(probe.detected_after_ms, "Time to detect"), (recovered, "Time to recover")];
    for (value, what) in facts {
        if let Some(value) = value {
            let _ = write!(text, " {what}: {}.", millis(value));
        }
    }
    if probe.late_ms >= MIN_LATE_MS {
        let _ = write!(text, " The latest look began {} after its time.", millis(probe.late_ms));
    }
    if probe.samples_left_out > 0 {
        let _ = write!(text, " {} looks are counted and not shown.", probe.samples_left_out);
    }
    text
}

/// Renders what the probe saw before, during and after the fault, or nothing if it never looked.
fn phases(probe: &Probe) -> Markup {
    let seen = Phase::ALL.map(|phase| (phase, probe.phases.get(phase)));
    let seen: Vec<_> = seen.into_iter().filter(|(_, looks)| looks.total > 0).collect();
    if seen.is_empty() {
        return html! {};
    }
    let is_timed = seen.iter().any(|(_, looks)| looks.max_ms.is_some());
    let in_ms = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), millis);
    let table = html! {
        table.numbers.phases {
            thead {
                tr {
                    th scope="col" { "Phase" }
                    th.n scope="col" { "Availability" }
                    th.n scope="col" { "Looks passed" }
                    @if is_timed {
                        th.n scope="col" { "p50" }
                        th.n scope="col" { "p95" }
                        th.n scope="col" { "Maximum" }
                    }
                }
            }
            tbody {
                @for (phase, looks) in &seen {
                    tr {
                        th scope="row" { (phase.as_str()) }
                        td class=(if looks.passed < looks.total { "n bad" } else { "n" }) { (availability(*looks)) }
                        td.n { (looks.passed) " of " (looks.total) }
                        @if is_timed {
                            td.n { (in_ms(looks.p50_ms)) }
                            td.n { (in_ms(looks.p95_ms)) }
                            td.n { (in_ms(looks.max_ms)) }
                        }
                    }
                }
            }
        }
    };
    scrolling("Availability and latency", &table)
}

/// A stretch of neighbouring samples that say the same, which is one row of the table.
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
                    th.n scope="col" { "Looks" }
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
                        td.t { (plain(stretch.first.reason.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) }
                    }
                }))
            }
        }
    };
    html! {
        details.looks { summary { "Looks in a table" } (scrolling("Looks in a table", &table)) }
    }
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
    fn neighbours_that_tell_the_same_are_one_row() {
        let result = results::measured();
        let probe = &result.experiments[0].probes[0];
        let stretches = stretches(&probe.samples);
        assert_eq!(stretches.iter().map(|stretch| stretch.count).sum::<usize>(), probe.samples.len());
        assert!(stretches.len() < probe.samples.len());
    }
}
