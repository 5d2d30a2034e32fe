//! The progress of the experiments that run: what a terminal shows all the time, and a log once a minute.

use std::time::Duration;

use faultgate_core::duration::{coarse, fine, from_millis};
use faultgate_core::model::{ExperimentStanding, ProbeStanding, Score, Standings};
use faultgate_core::text;
use jiff::SignedDuration;

use super::medium::{Medium, PaintedLine, Tone, cut, measure};
use super::narrator::{Narrator, Shown};

/// Number of experiments whose lines a log repeats every minute. More of them are summed up.
const MAX_TOLD: usize = 5;
/// Most columns of the reason of a failure.
const MAX_REASON: usize = 40;
/// Fewest and most columns of the bar.
const BAR: (usize, usize) = (6, 20);
/// Most columns of a probe's name in the list of probes.
const MAX_NAME: usize = 32;

/// Returns the lines that a log repeats every minute: one for each experiment that runs or, if there are
/// many, their number and the lines of those that are worst.
pub(super) fn describe_all(narrator: &Narrator, standings: &dyn Standings, medium: Medium) -> Vec<String> {
    let mut running: Vec<(&Shown, ExperimentStanding)> =
        narrator.running().map(|(place, shown)| (shown, standings.standing(place))).collect();
    let mut lines = Vec::new();
    if running.is_empty() || running.len() > MAX_TOLD {
        lines.push(count(narrator));
        let cost = |standing: &ExperimentStanding| standing.score.map_or(100.0, Score::get);
        running.sort_by(|(_, one), (_, other)| cost(one).total_cmp(&cost(other)));
        running.retain(|(_, standing)| standing.probes.iter().any(|probe| probe.failure.is_some()));
        running.truncate(MAX_TOLD);
    }
    lines.extend(running.iter().map(|(shown, standing)| {
        let mut line = format!("{} {}", shown.name, describe(shown, standing).text());
        let probes = standing.probes.iter().filter(|probe| is_worth_showing(probe));
        let probes: Vec<String> = probes.map(|probe| draw_probe(probe, medium, 0).text()).collect();
        if !probes.is_empty() {
            line.push_str(": ");
            line.push_str(&probes.join("; "));
        }
        line
    }));
    lines
}

/// Returns the lines of a terminal: for each experiment that runs its progress and its probes, as far as
/// there is room.
pub(super) fn draw_all(
    narrator: &Narrator,
    standings: &dyn Standings,
    medium: Medium,
    rows: usize,
) -> Vec<PaintedLine> {
    let running: Vec<(usize, &Shown)> = narrator.running().collect();
    // The last line counts the others, if there are some.
    let counted = narrator.experiments.len() > 1;
    let room = rows.saturating_sub(usize::from(counted)).max(1);
    let shown = running.len().min(room);
    let mut left = room - shown;
    let mut lines = Vec::new();
    for (place, experiment) in &running[..shown] {
        let standing = standings.standing(*place);
        lines.push(draw(experiment, &standing, medium));
        let mut probes: Vec<&ProbeStanding> =
            standing.probes.iter().filter(|probe| is_worth_showing(probe)).collect();
        probes.sort_by_key(|probe| probe.failure.is_none());
        let width = probes.iter().map(|probe| probe.name.chars().count()).max().unwrap_or_default();
        for probe in probes.iter().take(left) {
            let mut line = PaintedLine::default();
            line.push(Tone::Plain, "  ");
            line.append(draw_probe(probe, medium, width.min(MAX_NAME)));
            lines.push(line);
        }
        left -= probes.len().min(left);
    }
    if counted && !running.is_empty() {
        let mut line = PaintedLine::default();
        line.push(Tone::Faint, count(narrator));
        lines.push(line);
    }
    lines
}

/// Returns how many experiments run, wait and have ended.
fn count(narrator: &Narrator) -> String {
    let (running, ended) = (narrator.running().count(), narrator.ended().count());
    let passed = narrator.ended().filter(|shown| shown.has_passed).count();
    let waiting = narrator.experiments.len() - running - ended;
    let mut parts = Vec::new();
    for (number, what) in
        [(running, "running"), (waiting, "waiting"), (passed, "passed"), (ended - passed, "not passed")]
    {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if let Some(score) = narrator.score_so_far() {
        parts.push(format!("score so far {score}"));
    }
    parts.join(", ")
}

/// Returns the progress of one experiment: `running 3m of about 5m, score so far 91, latency`. What matters most
/// comes first: a narrow terminal cuts the end.
fn describe(shown: &Shown, standing: &ExperimentStanding) -> PaintedLine {
    let mut line = PaintedLine::default();
    line.push(Tone::Plain, format!("{} {}", shown.state, describe_time(shown)));
    if let Some(score) = standing.score.filter(|_| !shown.has_own_score) {
        line.push(Tone::Plain, format!(", score so far {score}"));
    }
    let acting = shown.acting();
    if !acting.is_empty() {
        line.push(Tone::Caution, format!(", {acting}"));
    }
    line
}

/// Returns the time since the launch, and what is expected.
fn describe_time(shown: &Shown) -> String {
    // Whole seconds: parts of them would only flicker.
    let words =
        |time: Duration| coarse(SignedDuration::from_secs(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)));
    let elapsed = shown.elapsed();
    match shown.forecast.lasts.filter(|lasts| !lasts.is_zero()) {
        Some(lasts) if elapsed <= lasts => format!("{} of about {}", words(elapsed), words(lasts)),
        Some(lasts) => format!("{}, expected about {}", words(elapsed), words(lasts)),
        None => format!("{}, at most {}", words(elapsed), words(shown.timeout)),
    }
}

fn draw(shown: &Shown, standing: &ExperimentStanding, medium: Medium) -> PaintedLine {
    let mut line = PaintedLine::default();
    line.push(Tone::Strong, shown.name.clone());
    let progress = describe(shown, standing);
    if let Some(lasts) = shown.forecast.lasts.filter(|lasts| !lasts.is_zero()) {
        let share = shown.elapsed().as_secs_f64() / lasts.as_secs_f64();
        let taken = measure(&line.text()) + measure(&progress.text()) + 2;
        let (fewest, most) = BAR;
        let width = medium.columns.map_or(most, |columns| columns.saturating_sub(taken).clamp(fewest, most));
        let (filled, rest) = medium.bar(share, width);
        line.push(Tone::Plain, " ");
        line.push(Tone::Good, filled);
        line.push(Tone::Faint, rest);
    }
    line.push(Tone::Plain, " ");
    line.append(progress);
    line
}

/// Returns `true` for a probe that was evaluated since the launch, or fails.
fn is_worth_showing(probe: &ProbeStanding) -> bool {
    probe.failure.is_some() || probe.evaluations.is_none_or(|(_, all)| all > 0)
}

/// Returns a line such as `checkout 41/45 ✗ 503 p95 180ms`.
fn draw_probe(probe: &ProbeStanding, medium: Medium, width: usize) -> PaintedLine {
    let mut line = PaintedLine::default();
    let name = cut(&text::plain(&probe.name, MAX_NAME * 2), MAX_NAME);
    line.push(Tone::Plain, format!("{name:<width$}"));
    if let Some((passed, all)) = probe.evaluations {
        line.push(Tone::Plain, format!(" {passed}/{all}"));
    }
    let tone = if probe.failure.is_none() { Tone::Good } else { Tone::Bad };
    line.push(tone, format!(" {}", medium.mark(probe.failure.is_none())));
    if let Some(failure) = &probe.failure {
        line.push(tone, format!(" {}", shorten(failure)));
    }
    if let Some(p95) = probe.p95_ms {
        line.push(Tone::Faint, format!(" p95 {}", fine(from_millis(p95))));
    }
    line
}

/// Returns the beginning of a reason; of a wrong status of HTTP the number alone.
fn shorten(reason: &str) -> String {
    let status =
        reason.strip_prefix("status ").and_then(|rest| rest.split_once(',')).map(|(status, _)| status);
    let is_number = |status: &&str| !status.is_empty() && status.bytes().all(|byte| byte.is_ascii_digit());
    cut(&text::plain(status.filter(is_number).unwrap_or(reason), MAX_REASON * 2), MAX_REASON)
}
