//! Tables of the arithmetic: from samples to probes, from probes to the experiment, from experiments to the
//! run.

use maud::{Markup, html};

use super::words::{MAX_CELL_CHARS, badge, between, millis, number, plain, rows, score, scrolling};
use crate::words::arithmetic::score_of_probe;
use crate::words::write_state;
use faultgate_core::model::{ExperimentResult, Probe, RunResult, Score, ScoreSource};

/// Maximum number of experiments in the table.
const MAX_EXPERIMENTS: usize = 500;

/// Renders the table from the experiments, in this order, to the run. An experiment links to its section if
/// `is_there` is true of its index.
pub(super) fn of_run(result: &RunResult, order: &[usize], is_there: impl Fn(usize) -> bool) -> Markup {
    let experiments = &result.experiments;
    let sums = Sums::of(result.deciding().map(|experiment| (experiment.score, experiment.weight)));
    let gate = &result.gate;
    let table = html! {
        table.numbers {
            thead {
                tr {
                    th scope="col" { "Experiment" }
                    th scope="col" { "Verdict" }
                    th scope="col" { "State" }
                    th.n scope="col" { "Took" }
                    th.n scope="col" { "Floor" }
                    th.n scope="col" { "Score" }
                    th.n scope="col" { "× weight" }
                    th.n scope="col" { "= points" }
                }
            }
            tbody {
                @for place in order.iter().take(MAX_EXPERIMENTS) {
                    (row(*place, result, is_there(*place)))
                }
                // A call for no rows only says how many are left out.
                (rows(&order[order.len().min(MAX_EXPERIMENTS)..], 0, 8, |_| html! {}))
            }
            tfoot {
                tr {
                    th scope="row" colspan="5" { "Sum" }
                    td.n {}
                    td.n { (sums.weight) }
                    td.n { (sums.write_points()) }
                }
            }
        }
    };
    html! {
        section aria-labelledby="score" {
            h2 #score { "Score" }
            @if experiments.is_empty() {
                p { "There are no experiments, so nothing was shown." }
            } @else {
                (scrolling("Experiments and their scores", &table))
                p.sum {
                    (sums.division(gate.resilience_score)) ", expected at least "
                    (gate.expected_resilience_score) "."
                }
            }
        }
    }
}

fn row(place: usize, result: &RunResult, is_there: bool) -> Markup {
    let experiment = &result.experiments[place];
    let name = plain(&experiment.name, MAX_CELL_CHARS);
    html! {
        tr {
            th scope="row" {
                @if is_there { a href={ "#experiment-" (place + 1) } { (name) } } @else { (name) }
            }
            td { (badge(experiment.verdict)) }
            td { (plain(&write_state(result, experiment), 40)) }
            td.n { (between(experiment.started_at, experiment.ended_at)) }
            td.n { (score(experiment.expected_resilience_score)) }
            td.n { (score(experiment.score)) }
            td.n { (experiment.weight) }
            td.n { (points(experiment.score, experiment.weight)) }
        }
    }
}

/// Renders the table from the samples of the probes to the experiment, with at most `most` rows.
pub(super) fn of_experiment(experiment: &ExperimentResult, most: usize) -> Markup {
    html! {
        p.sum { (source(experiment)) }
        @if !experiment.probes.is_empty() {
            (scrolling("Probes and their scores", &probes(&experiment.probes, experiment, most)))
        }
    }
}

fn source(experiment: &ExperimentResult) -> String {
    let score = score(experiment.score);
    let floor = match experiment.expected_resilience_score {
        Some(floor) => format!(" Expected of it: at least {floor}."),
        None => String::new(),
    };
    let why = match experiment.score_source {
        _ if experiment.score.is_none() => "It has no score: too little is known of it.".to_owned(),
        Some(ScoreSource::Probes) => format!("Score {score}: the mean of its probes by weight."),
        Some(ScoreSource::Engine) => format!("Score {score}: the engine's own resilience score."),
        Some(ScoreSource::StopCondition) => format!("Score {score}: a stop condition stopped it."),
        Some(ScoreSource::Halt) => format!("Score {score}: a probe with aborts-after stopped it."),
        Some(ScoreSource::Completion) => {
            let probes = if experiment.probes.is_empty() {
                "it has no probes"
            } else {
                "no look of its probes counts"
            };
            format!("Score {score}: {probes}, it completed, and something was injected.")
        }
        None => format!("Score {score}."),
    };
    why + &floor
}

fn probes(probes: &[Probe], experiment: &ExperimentResult, most: usize) -> Markup {
    let score_of = |probe: &Probe| score_of_probe(probe, experiment);
    let sums = Sums::of(probes.iter().map(|probe| (score_of(probe), probe.weight)));
    // The weights of probes mean nothing if the score comes from elsewhere.
    let counts = experiment.score_source == Some(ScoreSource::Probes);
    html! {
        table.numbers {
            thead {
                tr {
                    th scope="col" { "Probe" }
                    th scope="col" { "Kind" }
                    th.n scope="col" { "Passed" }
                    th.n scope="col" { "of looks that count" }
                    th.n scope="col" { "of all looks" }
                    th.n scope="col" { "= score" }
                    th.n scope="col" { "× weight" }
                    th.n scope="col" { "= points" }
                }
            }
            tbody {
                (rows(probes, most, 8, |probe| html! {
                    tr {
                        th scope="row" { (plain(&probe.name, MAX_CELL_CHARS)) }
                        td { (plain(&probe.kind, 40)) }
                        @if let Some(time) = &probe.by_time {
                            td.n { (millis(time.ok_ms)) }
                            td.n { (millis(time.fault_ms)) ", by time" }
                        } @else {
                            td.n { (probe.passed_counted) }
                            td.n { (probe.counted) }
                        }
                        td.n { (probe.passed) " of " (probe.total) }
                        td.n { (score(score_of(probe))) }
                        td.n { (probe.weight) }
                        td.n { (points(score_of(probe), probe.weight)) }
                    }
                }))
            }
            tfoot {
                tr {
                    th scope="row" colspan="6" {
                        "Sum" @if counts { ": " (sums.division(experiment.score)) }
                    }
                    td.n { (sums.weight) }
                    td.n { (sums.write_points()) }
                }
            }
        }
    }
}

fn points(score: Option<Score>, weight: u32) -> String {
    score.map_or_else(|| "–".to_owned(), |score| number(score.get() * f64::from(weight)))
}

/// The sums of points and weights. A point is a score times its weight.
struct Sums {
    /// The sum of the points, or `None` if one of the scores is not known.
    points: Option<f64>,
    weight: u64,
}

impl Sums {
    fn of(scores: impl Iterator<Item = (Option<Score>, u32)>) -> Self {
        let mut sums = Self { points: Some(0.0), weight: 0 };
        for (score, weight) in scores {
            let more = score.map(|score| score.get() * f64::from(weight));
            sums.points = sums.points.zip(more).map(|(points, more)| points + more);
            sums.weight = sums.weight.saturating_add(u64::from(weight));
        }
        sums
    }

    fn write_points(&self) -> String {
        self.points.map_or_else(|| "–".to_owned(), number)
    }

    /// Writes the division of the points by the weight, with the result that the model has.
    fn division(&self, result: Option<Score>) -> String {
        match (self.points, result) {
            (Some(points), Some(result)) => format!("{} ÷ {} = {result}", number(points), self.weight),
            (Some(_), None) if self.weight == 0 => "not known: there is no weight".to_owned(),
            _ => "not known: one of the scores is not".to_owned(),
        }
    }
}
