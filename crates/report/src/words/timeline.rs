//! The timeline of a run, as a Mermaid gantt that GitHub and GitLab draw.

use std::fmt::Write as _;

use jiff::Timestamp;

use faultgate_core::model::{ExperimentResult, State};
use faultgate_core::text;

/// Maximum length of a label in characters.
const MAX_LABEL_CHARS: usize = 40;

/// Length of the chart, in bytes, after which no more bars are drawn. Mermaid refuses a text of more than
/// 50,000 characters.
const MAX_CHART_BYTES: usize = 40_000;

/// Returns the chart of all experiments that have states, or `None` if nothing was launched.
pub(crate) fn gantt(experiments: &[ExperimentResult], until: Timestamp) -> Option<String> {
    let launched: Vec<_> =
        experiments.iter().filter(|experiment| !experiment.transitions.is_empty()).collect();
    if launched.is_empty() {
        return None;
    }
    let begin = launched.iter().flat_map(|experiment| &experiment.transitions).map(|step| step.at).min();
    let day = |at: Timestamp| at.strftime("%F").to_string();
    // Times of several days say nothing without their dates.
    let axis = if begin.is_none_or(|begin| day(begin) == day(until)) { "%H:%M:%S" } else { "%m-%d %H:%M" };
    let mut chart = format!(
        "```mermaid\ngantt\n    dateFormat YYYY-MM-DDTHH:mm:ss.SSS\n    axisFormat {axis}\n    todayMarker off\n"
    );
    for experiment in launched {
        if chart.len() > MAX_CHART_BYTES {
            break;
        }
        let _ = writeln!(
            chart,
            "    section {}",
            text::mermaid(&text::short(&experiment.name, MAX_LABEL_CHARS), MAX_LABEL_CHARS)
        );
        states(&mut chart, experiment, until);
        for change in &experiment.alarms {
            if chart.len() > MAX_CHART_BYTES {
                break;
            }
            let mark = if change.is_ok() { "milestone, " } else { "crit, milestone, " };
            let label = format!("alarm {} {}", change.alarm, change.state);
            bar(&mut chart, &label, mark, change.at, change.at);
        }
        for action in &experiment.actions {
            let (Some(start), Some(end)) = (action.started_at, action.ended_at) else {
                continue;
            };
            if chart.len() > MAX_CHART_BYTES {
                break;
            }
            bar(&mut chart, &format!("{} {}", action.name, action.state), "active, ", start, end);
        }
    }
    chart.push_str("```\n");
    Some(chart)
}

/// Draws a bar for each state of an experiment. A state that has not ended goes on until `until`.
fn states(chart: &mut String, experiment: &ExperimentResult, until: Timestamp) {
    let mut transitions = experiment.transitions.iter().peekable();
    let mut start = Timestamp::MIN;
    while let Some(transition) = transitions.next() {
        if chart.len() > MAX_CHART_BYTES {
            break;
        }
        // Events carry whole seconds, so one may seem to come before the state that it ended.
        start = start.max(transition.at);
        if transition.state.is_terminal() {
            let mark = if transition.state == State::Completed { "milestone, " } else { "crit, milestone, " };
            bar(chart, &transition.raw_state, mark, start, start);
            continue;
        }
        // A state ends when the next one begins; the last one goes on to the end that is known.
        let end = transitions.peek().map_or(experiment.ended_at.unwrap_or(until), |next| next.at);
        let mark = if transition.state == State::Stopping { "crit, " } else { "" };
        // A bar without a length would be a label without a bar.
        if end > start {
            bar(chart, &transition.raw_state, mark, start, end);
        }
    }
}

fn bar(chart: &mut String, label: &str, mark: &str, start: Timestamp, end: Timestamp) {
    let label = text::mermaid(label, MAX_LABEL_CHARS);
    let _ = writeln!(chart, "    {label} :{mark}{}, {}", digits(start), digits(end));
}

/// Writes the digits of a moment in UTC, without its zone. Mermaid takes them for the reader's own time and
/// shows them as that, so that everybody reads the time in UTC. A moment with its zone would be shown in the
/// reader's.
fn digits(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f")
}
