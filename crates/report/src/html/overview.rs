//! The picture of the run: a lane for each experiment on one axis of time, with its fault window and with the
//! times at which its probes failed.

use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use super::scale::{LEFT, RIGHT, Scale, WIDTH, short};
use super::words::{MAX_CELL_CHARS, between, moment, plain, score, short_name, tone};
use crate::words::culprits::stretches;
use faultgate_core::model::{ExperimentResult, RunResult};

/// Maximum number of lanes. The page begins with what did not pass, and so do they.
const MAX_LANES: usize = 60;
/// Maximum number of stretches that are drawn in a lane.
const MAX_STRETCHES: usize = 200;
/// Height of the axis, in points like all lengths here.
const AXIS: f64 = 18.0;
/// Height of a lane.
const LANE: f64 = 24.0;
/// Maximum length of a lane's name in characters.
const NAME_CHARS: usize = 18;
/// Width of a letter, rather too wide: the fonts of readers differ.
const LETTER_WIDTH: f64 = 6.9;

/// Renders the section, with the experiments in this order. An experiment links to its section if `is_there`
/// is true of its index. Nothing is drawn if nothing was launched.
pub(super) fn section(result: &RunResult, order: &[usize], is_there: impl Fn(usize) -> bool) -> Markup {
    let Some(scale) = Scale::of_all(&result.experiments, result.ended_at) else { return html! {} };
    let lanes: Vec<_> =
        order.iter().take(MAX_LANES).map(|place| (*place, &result.experiments[*place])).collect();
    let bottom = AXIS + LANE * height(lanes.len());
    html! {
        section aria-labelledby="overview" {
            h2 #overview { "Timeline" }
            figure {
                div.scroll tabindex="0" role="group" aria-label="Timeline of all experiments" {
                    svg role="group" viewBox={ "0 0 " (WIDTH) " " (short(bottom + 4.0)) }
                        aria-labelledby="overview-title overview-text" {
                        title #overview-title { "All experiments over time, with their faults" }
                        desc #overview-text { (describe_drawing(&lanes, &scale)) }
                        (scale.grid(AXIS, bottom, Some(AXIS - 6.0)))
                        @for (number, (place, experiment)) in lanes.iter().enumerate() {
                            (lane(*place, experiment, AXIS + LANE * height(number), &scale, result.ended_at,
                                is_there(*place)))
                        }
                    }
                }
                figcaption {
                    "Begins at " (moment(scale.from)) ". "
                    @if order.len() > lanes.len() {
                        (order.len() - lanes.len()) " more experiments are not drawn."
                    }
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are few lanes")]
fn height(lanes: usize) -> f64 {
    lanes as f64
}

fn lane(
    place: usize,
    experiment: &ExperimentResult,
    top: f64,
    scale: &Scale,
    until: Timestamp,
    is_there: bool,
) -> Markup {
    let name = html! {
        text.name x=(short(LEFT - 10.0)) y=(short(top + 16.0)) text-anchor="end" {
            title { (plain(&experiment.name, MAX_CELL_CHARS)) }
            (short_name(&experiment.name, NAME_CHARS))
        }
    };
    let word = match experiment.score {
        Some(_) => format!("{} {}", experiment.verdict, score(experiment.score)),
        None => experiment.verdict.as_str().to_owned(),
    };
    let tone = tone(experiment.verdict);
    html! {
        @if is_there { a href={ "#experiment-" (place + 1) } { (name) } } @else { (name) }
        @if let Some(start) = experiment.started_at {
            @let (from, to) = (scale.x(start), scale.x(experiment.ended_at.unwrap_or(until)));
            rect class={ "bar " (tone) } x=(short(from)) y=(short(top + 4.0)) width=(short((to - from).max(1.5)))
                height="16" rx="2" {}
            @if let Some(fault) = experiment.fault {
                @let from = scale.x(fault.started_at);
                // A fault whose end is not known goes on to the end of the axis.
                @let to = fault.ended_at.map_or(RIGHT, |at| scale.x(at));
                rect class=(if fault.ended_at.is_some() { "fault-bar" } else { "fault-bar open" }) x=(short(from)) y=(short(top + 4.0)) width=(short((to - from).max(1.5))) height="16" {}
            }
            path.outage d=(outages(experiment, scale, top + 17.0)) {}
            (beside(from, to, top, &word))
        } @else {
            text.word x=(short(LEFT + 6.0)) y=(short(top + 16.0)) { (word) ", not launched" }
        }
    }
}

/// Renders a word after a bar, before it, or on its beginning where there is no room on either side.
fn beside(from: f64, to: f64, top: f64, word: &str) -> Markup {
    let length = height(word.chars().count()) * LETTER_WIDTH + 8.0;
    let (x, anchor) = match () {
        () if to + length < WIDTH => (to + 6.0, "start"),
        () if from - length > LEFT => (from - 6.0, "end"),
        () => (from + 5.0, "start"),
    };
    html! { text.word x=(short(x)) y=(short(top + 16.0)) text-anchor=(anchor) { (word) } }
}

/// Draws the times at which a probe of the experiment failed.
fn outages(experiment: &ExperimentResult, scale: &Scale, y: f64) -> String {
    let mut path = String::new();
    let all = experiment.probes.iter().filter_map(stretches).flatten();
    for (from, to) in all.take(MAX_STRETCHES) {
        let (from, to) = (scale.x(from), scale.x(to));
        let _ = write!(path, "M{} {}H{}", short(from), short(y), short(to.max(from + 1.5)));
    }
    path
}

/// Tells the drawing in words.
fn describe_drawing(lanes: &[(usize, &ExperimentResult)], scale: &Scale) -> String {
    const MAX_TOLD: usize = 10;
    let mut parts: Vec<String> = Vec::new();
    for (_, experiment) in lanes.iter().take(MAX_TOLD) {
        let name = plain(&experiment.name, MAX_CELL_CHARS);
        parts.push(match (experiment.started_at, experiment.fault) {
            (None, _) => format!("{name} was not launched"),
            (Some(start), None) => format!("{name} began at {}", scale.offset(start)),
            (Some(start), Some(fault)) => format!(
                "{name} began at {} and had its fault in from {} {}",
                scale.offset(start),
                scale.offset(fault.started_at),
                match fault.ended_at {
                    None => "to an unknown end".to_owned(),
                    end => format!("for {}", between(Some(fault.started_at), end)),
                },
            ),
        });
    }
    if lanes.len() > MAX_TOLD {
        parts.push(format!("{} more experiments", lanes.len() - MAX_TOLD));
    }
    parts.join("; ") + "."
}
