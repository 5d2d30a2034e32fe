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

/// A chart that is drawn.
struct Chart {
    text: String,
    /// The form in which moments are written: in UTC without a zone. Mermaid takes that for the reader's own
    /// time and shows it as such, so that everybody reads the time in UTC. A moment with its zone would be
    /// shown in the reader's.
    moment: &'static str,
}

/// The forms of the axis and of moments where all is of one day. Its date is not shown, so that another one
/// stands there, on which no zone changes its clocks: readers have no time in the hour that is left out.
const OF_ONE_DAY: (&str, &str) = ("%H:%M:%S", "2001-01-02T%H:%M:%S%.3f");
/// The same forms for several days, whose times say nothing without their dates.
const OF_DAYS: (&str, &str) = ("%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.3f");

/// Returns the chart of all experiments that have states, or `None` if nothing was launched.
pub(crate) fn gantt(experiments: &[ExperimentResult], until: Timestamp) -> Option<String> {
    let launched: Vec<_> =
        experiments.iter().filter(|experiment| !experiment.transitions.is_empty()).collect();
    let begin = launched.iter().flat_map(|experiment| &experiment.transitions).map(|step| step.at).min()?;
    let day = |at: Timestamp| at.strftime("%F").to_string();
    let (axis, moment) = if day(begin) == day(until) { OF_ONE_DAY } else { OF_DAYS };
    let text = format!(
        "```mermaid\ngantt\n    dateFormat YYYY-MM-DDTHH:mm:ss.SSS\n    axisFormat {axis}\n    todayMarker off\n"
    );
    let mut chart = Chart { text, moment };
    for experiment in launched {
        if chart.is_full() {
            break;
        }
        let name = text::mermaid(&text::short(&experiment.name, MAX_LABEL_CHARS), MAX_LABEL_CHARS);
        let _ = writeln!(chart.text, "    section {name}");
        chart.add_states(experiment, until);
        for change in &experiment.alarms {
            let mark = if change.is_ok() { "milestone, " } else { "crit, milestone, " };
            chart.add_bar(&format!("alarm {} {}", change.alarm, change.state), mark, change.at, change.at);
        }
        for action in &experiment.actions {
            if let (Some(start), Some(end)) = (action.started_at, action.ended_at) {
                chart.add_bar(&format!("{} {}", action.name, action.state), "active, ", start, end);
            }
        }
    }
    chart.text.push_str("```\n");
    Some(chart.text)
}

impl Chart {
    fn is_full(&self) -> bool {
        self.text.len() > MAX_CHART_BYTES
    }

    /// Draws a bar for each state of an experiment. A state that has not ended goes on until `until`.
    fn add_states(&mut self, experiment: &ExperimentResult, until: Timestamp) {
        let mut transitions = experiment.transitions.iter().peekable();
        let mut start = Timestamp::MIN;
        while let Some(transition) = transitions.next() {
            // Events carry whole seconds, so one may seem to come before the state that it ended.
            start = start.max(transition.at);
            if transition.state.is_terminal() {
                let is_done = transition.state == State::Completed;
                let mark = if is_done { "milestone, " } else { "crit, milestone, " };
                self.add_bar(&transition.raw_state, mark, start, start);
                continue;
            }
            // A state ends when the next one begins; the last one goes on to the end that is known.
            let end = transitions.peek().map_or(experiment.ended_at.unwrap_or(until), |next| next.at);
            let mark = if transition.state == State::Stopping { "crit, " } else { "" };
            // A bar without a length would be a label without a bar.
            if end > start {
                self.add_bar(&transition.raw_state, mark, start, end);
            }
        }
    }

    /// Draws a bar, if there is room for one.
    fn add_bar(&mut self, label: &str, mark: &str, start: Timestamp, end: Timestamp) {
        if self.is_full() {
            return;
        }
        let label = text::mermaid(label, MAX_LABEL_CHARS);
        let [start, end] = [start, end].map(|at| at.strftime(self.moment));
        let _ = writeln!(self.text, "    {label} :{mark}{start}, {end}");
    }
}
