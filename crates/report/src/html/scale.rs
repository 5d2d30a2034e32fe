//! The scale that turns time into a place in a drawing. The timeline of an experiment and all its probes
//! share one, so that they can be read one below the other; all experiments share another.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use faultgate_core::duration::fine;
use faultgate_core::model::ExperimentResult;

/// Width of a drawing, in points like all lengths here.
pub(super) const WIDTH: f64 = 960.0;
/// The x-coordinate at which time begins. The names of the lanes stand to the left of it.
pub(super) const LEFT: f64 = 132.0;
/// The x-coordinate at which time ends.
pub(super) const RIGHT: f64 = 944.0;

/// Maximum number of lines of the grid, besides the one at zero.
const MAX_LINES: i64 = 8;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// Steps that people count in, in milliseconds.
const STEPS: [i64; 25] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    24 * HOUR,
];

/// The scale of an experiment, or of all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) from: Timestamp,
    /// The time that the drawing shows, in milliseconds. It is at least 1, so that nothing is divided by
    /// zero.
    span: i64,
}

impl Scale {
    /// Makes the scale that holds everything which is known of an experiment. An experiment that has not
    /// ended goes on until `until`. Returns `None` if nothing has a time.
    pub(super) fn of(experiment: &ExperimentResult, until: Timestamp) -> Option<Self> {
        Self::of_moments(moments(experiment, until))
    }

    /// Makes the scale that holds all experiments. Returns `None` if none was launched.
    pub(super) fn of_all(experiments: &[ExperimentResult], until: Timestamp) -> Option<Self> {
        let launched = experiments.iter().filter(|experiment| experiment.started_at.is_some());
        Self::of_moments(launched.flat_map(|experiment| moments(experiment, until)))
    }

    fn of_moments(moments: impl Iterator<Item = Timestamp>) -> Option<Self> {
        let (from, to) = moments.fold(None, |range: Option<(Timestamp, Timestamp)>, at| {
            Some(range.map_or((at, at), |(from, to)| (from.min(at), to.max(at))))
        })?;
        Some(Self { from, span: (to.as_millisecond() - from.as_millisecond()).max(1) })
    }

    /// Returns the x-coordinate of a moment.
    #[expect(clippy::cast_precision_loss, reason = "the drawing is a thousand points wide")]
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        self.place(at.as_millisecond().saturating_sub(self.from.as_millisecond()) as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "the drawing is a thousand points wide")]
    fn place(&self, offset: f64) -> f64 {
        LEFT + (offset / self.span as f64).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Returns the index of the column that a moment falls into, if the drawing has this many columns.
    pub(super) fn column(&self, at: Timestamp, columns: usize) -> i64 {
        let offset = at.as_millisecond().saturating_sub(self.from.as_millisecond()).clamp(0, self.span);
        let columns = i64::try_from(columns).unwrap_or(1).max(1);
        // The last moment belongs to the last column. The span of all time has 49 bits, so the product does
        // not overflow.
        (offset.saturating_mul(columns) / self.span).min(columns - 1)
    }

    /// Writes the time from the beginning of the scale to a moment: `+1m12s`.
    pub(super) fn offset(&self, at: Timestamp) -> String {
        let offset = at.as_millisecond().saturating_sub(self.from.as_millisecond());
        format!("+{}", fine(SignedDuration::from_millis(offset)))
    }

    /// Renders lines at round times, from `top` to `bottom`, with their times at the y-coordinate `text` if
    /// it is given.
    pub(super) fn grid(&self, top: f64, bottom: f64, text: Option<f64>) -> Markup {
        let step = STEPS.into_iter().find(|step| self.span / step <= MAX_LINES).unwrap_or_else(|| {
            // Longer spans have steps of several days.
            let days = self.span / MAX_LINES / (24 * HOUR) + 1;
            days * 24 * HOUR
        });
        let lines: Vec<(f64, String)> = (0..=MAX_LINES)
            .map(|line| line * step)
            .take_while(|offset| *offset <= self.span)
            .map(|offset| {
                (
                    self.x_of(offset),
                    if offset == 0 { "0".to_owned() } else { fine(SignedDuration::from_millis(offset)) },
                )
            })
            .collect();
        html! {
            @for (x, label) in &lines {
                path.grid d={ "M" (short(*x)) " " (short(top)) "V" (short(bottom)) } {}
                @if let Some(y) = text {
                    text.tick x=(short(*x)) y=(short(y)) text-anchor="middle" { (label) }
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the drawing is a thousand points wide")]
    fn x_of(&self, offset: i64) -> f64 {
        self.place(offset as f64)
    }
}

/// Returns every moment that is known of an experiment.
fn moments(experiment: &ExperimentResult, until: Timestamp) -> impl Iterator<Item = Timestamp> {
    let ends = [experiment.started_at, experiment.ended_at].into_iter().flatten();
    let states = experiment.transitions.iter().map(|transition| transition.at);
    let actions = experiment.actions.iter().flat_map(|action| [action.started_at, action.ended_at]);
    let fault = experiment.fault.map(|fault| [fault.started_at, fault.ended_at.unwrap_or(until)]);
    let samples = experiment.probes.iter().flat_map(|probe| &probe.samples).map(|sample| sample.at);
    let open = (experiment.started_at.is_some() && experiment.ended_at.is_none()).then_some(until);
    ends.chain(states).chain(actions.flatten()).chain(fault.into_iter().flatten()).chain(samples).chain(open)
}

/// Writes a coordinate with at most one decimal, which keeps the page small.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_testkit::results;

    fn scale(from: &str, to: &str) -> Scale {
        let mut experiment = results::passed().experiments.swap_remove(0);
        (experiment.started_at, experiment.ended_at) = (from.parse().ok(), to.parse().ok());
        (experiment.transitions, experiment.actions) = (Vec::new(), Vec::new());
        Scale::of(&experiment, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn moments_have_their_places_and_columns() {
        let scale = scale("2026-11-22T10:00:00Z", "2026-11-22T10:01:40Z");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!((scale.x(at("2026-11-22T10:00:50Z")) - f64::midpoint(LEFT, RIGHT)).abs() < 0.01);
        assert_eq!(scale.column(at("2026-11-22T10:00:00Z"), 10), 0);
        assert_eq!(scale.column(at("2026-11-22T10:00:59Z"), 10), 5);
        assert_eq!(scale.column(at("2026-11-22T10:01:40Z"), 10), 9, "the last one is inside");
        assert_eq!(scale.offset(at("2026-11-22T10:01:12Z")), "+1m12s");
        let grid = scale.grid(0.0, 9.0, Some(9.0)).0;
        assert!(grid.contains(">15s<") && grid.contains(">1m30s<"), "{grid}");
    }

    #[test]
    fn no_time_at_all_and_all_of_it_have_a_scale() {
        let instant = scale("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z");
        assert!(instant.x(instant.from).is_finite());
        let everything = scale("-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z");
        for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert!((LEFT..=RIGHT).contains(&everything.x(at)), "{at}");
            assert!((0..400).contains(&everything.column(at, 400)), "{at}");
        }
        assert!(everything.grid(0.0, 1.0, Some(1.0)).0.matches("<path").count() > 3);
    }
}
