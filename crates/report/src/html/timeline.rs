//! The timeline of an experiment: its states, its actions, and the fault window, as a drawing in SVG. The
//! description of the drawing says the same in words.

use jiff::Timestamp;
use maud::{Markup, html};

use super::scale::{LEFT, RIGHT, Scale, WIDTH, short};
use super::words::{MAX_SENTENCE_CHARS, plain, short_name};
use faultgate_core::model::{ExperimentResult, FaultWindow, State, Transition};

/// Height of the axis, in points like all lengths here.
const AXIS: f64 = 18.0;
/// Height of a lane.
const LANE: f64 = 24.0;
/// Height of a bar within its lane.
const BAR: f64 = 16.0;
/// Width of a letter, rather too wide: the fonts of readers differ.
const LETTER_WIDTH: f64 = 6.9;
/// Maximum length of a lane's name in characters.
const NAME_CHARS: usize = 18;
/// Maximum length of a bar's label in characters.
const MAX_LABEL_CHARS: usize = 40;
/// Maximum number of actions, and of states, that are drawn.
const MAX_DRAWN: usize = 20;

/// Renders the drawing with its title and description. `place` makes their ids unique in the page.
pub(super) fn figure(place: usize, experiment: &ExperimentResult, scale: &Scale, until: Timestamp) -> Markup {
    // An action that never began has no place in time.
    let actions: Vec<_> =
        experiment.actions.iter().filter(|action| action.started_at.is_some()).take(MAX_DRAWN).collect();
    let bottom = AXIS + LANE * lanes(1 + actions.len());
    let (title, desc) = (format!("timeline-{place}"), format!("timeline-text-{place}"));
    html! {
        figure {
            div.scroll tabindex="0" role="group" aria-label={ "Timeline of " (plain(&experiment.name, 100)) } {
                svg role="img" viewBox={ "0 0 " (WIDTH) " " (short(bottom + 4.0)) } aria-labelledby={ (title) " " (desc) } {
                    title id=(title) { "States, actions and fault over time" }
                    desc id=(desc) { (describe_drawing(experiment, scale)) }
                    (fault(experiment.fault, scale, AXIS, bottom))
                    (scale.grid(AXIS, bottom, Some(AXIS - 6.0)))
                    (name("state", AXIS))
                    (states(experiment, scale, until))
                    @for (number, action) in actions.iter().enumerate() {
                        @let top = AXIS + LANE * lanes(number + 1);
                        (name(&action.name, top))
                        (bar(scale, top, (action.started_at, action.ended_at.unwrap_or(until)), &action.state,
                            action_tone(&action.state)))
                    }
                }
            }
            @if experiment.actions.len() > actions.len() {
                figcaption {
                    "Actions that are not drawn: " (experiment.actions.len() - actions.len())
                    "; the table has those that have run."
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are at most 21")]
fn lanes(count: usize) -> f64 {
    count as f64
}

/// Renders the part of a drawing that is the fault window. A window without an end reaches to the edge.
pub(super) fn fault(fault: Option<FaultWindow>, scale: &Scale, top: f64, bottom: f64) -> Markup {
    let Some(fault) = fault else { return html! {} };
    let from = scale.x(fault.started_at);
    let to = fault.ended_at.map_or(RIGHT, |at| scale.x(at)).max(from);
    html! {
        rect.fault x=(short(from)) y=(short(top)) width=(short(to - from)) height=(short(bottom - top)) {}
        path.fault-edge d={ "M" (short(from)) " " (short(top)) "V" (short(bottom)) } {}
        @if fault.ended_at.is_some() {
            path.fault-edge d={ "M" (short(to)) " " (short(top)) "V" (short(bottom)) } {}
        }
    }
}

fn name(name: &str, top: f64) -> Markup {
    html! {
        text.name x=(short(LEFT - 10.0)) y=(short(top + 16.0)) text-anchor="end" {
            title { (plain(name, MAX_SENTENCE_CHARS)) }
            (short_name(name, NAME_CHARS))
        }
    }
}

fn states(experiment: &ExperimentResult, scale: &Scale, until: Timestamp) -> Markup {
    let transitions = &experiment.transitions;
    // Events carry whole seconds, so one may seem to come before the state that it ended.
    let mut start = Timestamp::MIN;
    let steps: Vec<_> = transitions
        .iter()
        .enumerate()
        .map(|(place, transition)| {
            start = start.max(transition.at);
            let next = transitions.get(place + 1).map(|next| next.at);
            let end = next.or(experiment.ended_at).unwrap_or(until).max(start);
            (transition, start, end)
        })
        .collect();
    html! {
        @for (transition, start, end) in steps.iter().take(MAX_DRAWN) {
            @if transition.state.is_terminal() {
                (end_mark(scale, transition, *start))
            } @else {
                (bar(scale, AXIS, (Some(*start), *end), &transition.raw_state, state_tone(transition.state)))
            }
        }
    }
}

/// Renders a bar with its word inside, or beside it if the bar is too short. The lane of states leaves out
/// words that do not fit, since the next state stands beside.
fn bar(scale: &Scale, top: f64, time: (Option<Timestamp>, Timestamp), word: &str, tone: &str) -> Markup {
    let (Some(start), end) = time else { return html! {} };
    let from = scale.x(start);
    // The shortest bar is still seen.
    let width = (scale.x(end.max(start)) - from).max(1.5);
    let word = plain(word, MAX_LABEL_CHARS);
    let fits = length(&word) + 10.0 <= width;
    html! {
        rect class={ "bar " (tone) } x=(short(from)) y=(short(top + 4.0)) width=(short(width))
            height=(short(BAR)) rx="2" {}
        @if fits {
            text.word x=(short(from + 5.0)) y=(short(top + 16.0)) { (word) }
        } @else if top > AXIS {
            (beside(from, from + width, top, &word))
        }
    }
}

/// Renders a word to the right of something, or to the left of it if the drawing ends there.
fn beside(from: f64, to: f64, top: f64, word: &str) -> Markup {
    let is_right = to + length(word) + 8.0 < WIDTH;
    let (x, anchor) = if is_right { (to + 6.0, "start") } else { (from - 6.0, "end") };
    html! { text.word x=(short(x)) y=(short(top + 16.0)) text-anchor=(anchor) { (word) } }
}

fn end_mark(scale: &Scale, transition: &Transition, at: Timestamp) -> Markup {
    let x = scale.x(at);
    html! {
        path class={ "end " (state_tone(transition.state)) }
            d={ "M" (short(x)) " " (short(AXIS + 3.0)) "l7 9l-7 9l-7 -9z" } {}
        (beside(x - 7.0, x + 7.0, AXIS, &plain(&transition.raw_state, MAX_LABEL_CHARS)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a label is short")]
fn length(word: &str) -> f64 {
    word.chars().count() as f64 * LETTER_WIDTH
}

fn state_tone(state: State) -> &'static str {
    match state {
        State::Pending | State::Unknown | State::Cancelled => "dim",
        State::Running => "run",
        State::Stopping | State::TimedOut => "warn",
        State::Completed => "good",
        State::Stopped | State::Failed => "bad",
    }
}

fn action_tone(word: &str) -> &'static str {
    match word {
        "completed" => "good",
        "running" | "initiating" => "run",
        "stopping" | "stopped" => "warn",
        "failed" => "bad",
        _ => "dim",
    }
}

/// Tells the drawing in words.
fn describe_drawing(experiment: &ExperimentResult, scale: &Scale) -> String {
    let mut parts: Vec<String> = Vec::new();
    for transition in experiment.transitions.iter().take(MAX_DRAWN) {
        parts.push(format!("{} at {}", transition.raw_state, scale.offset(transition.at)));
    }
    for change in experiment.alarms.iter().take(MAX_DRAWN) {
        parts.push(format!("alarm {} {} at {}", change.alarm, change.state, scale.offset(change.at)));
    }
    for action in experiment.actions.iter().take(MAX_DRAWN) {
        let Some(start) = action.started_at else { continue };
        let end = action.ended_at.map_or_else(|| "an unknown end".to_owned(), |end| scale.offset(end));
        parts.push(format!("action {} {} from {} to {end}", action.name, action.state, scale.offset(start)));
    }
    if let Some(fault) = experiment.fault {
        let end = fault.ended_at.map_or_else(|| "an unknown end".to_owned(), |end| scale.offset(end));
        parts.push(format!("the fault was in from {} to {end}", scale.offset(fault.started_at)));
    }
    plain(&(parts.join("; ") + "."), MAX_SENTENCE_CHARS)
}
