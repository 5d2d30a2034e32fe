//! The log of a run: plain lines with the time, for CI systems. `live` shows the same words in a terminal.
//!
//! A narrator follows the run event by event and puts each event into a line. `closing` makes the table and
//! the verdict that end the log. Every line is made plain before it is printed, so that no CI takes it for a
//! command.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::{Sink, change, files, warnings};
use crate::ci::LogStyle;
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    EngineSpec, ExperimentPlan, ExperimentResult, Level, Outcome, Reported, RunEvent, RunResult, Transition,
    Turn,
};
use faultgate_core::text;

/// The longest silence of the log. A log that is silent for longer makes people (and some CI systems) think
/// that the job hangs.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Maximum length of a line in characters.
const MAX_LINE_CHARS: usize = 1_000;

/// The facts about one experiment that displays show.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) timeout: Duration,
    pub(super) launched: Option<Instant>,
    pub(super) state: String,
    pub(super) ended: bool,
}

impl Shown {
    /// Returns a line such as `az-latency running for 12s of 20m`, or `None` if the experiment does not run.
    pub(super) fn line(&self) -> Option<String> {
        let launched = self.launched.filter(|_| !self.ended)?;
        let elapsed = SignedDuration::try_from(launched.elapsed()).unwrap_or_default();
        let limit = SignedDuration::try_from(self.timeout).unwrap_or_default();
        Some(format!("{} {} for {} of {}", self.name, self.state, seconds(elapsed), seconds(limit)))
    }
}

/// A follower of the run that puts its events into lines.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    pub(super) experiments: Vec<Shown>,
}

impl Narrator {
    /// Returns the line that tells of an event, or `None` if it is not worth one.
    pub(super) fn tell(&mut self, event: &RunEvent<'_>) -> Option<String> {
        match event {
            RunEvent::Started { run, plan } => {
                self.experiments = plan
                    .experiments
                    .iter()
                    .map(|experiment| Shown {
                        name: text::plain(&experiment.name, 64),
                        timeout: experiment.timeout,
                        launched: None,
                        state: String::new(),
                        ended: false,
                    })
                    .collect();
                let count = plan.experiments.len();
                // FIS alone has several ways to learn how an experiment goes.
                let is_fis = |experiment: &ExperimentPlan| matches!(experiment.spec, EngineSpec::Fis { .. });
                let monitored = if plan.experiments.iter().any(is_fis) {
                    format!(", monitored by {}", plan.monitor.as_str())
                } else {
                    String::new()
                };
                let plural = if count == 1 { "" } else { "s" };
                let dry = if plan.dry_run { ", dry run" } else { "" };
                Some(format!("run {}: {count} experiment{plural}{monitored}{dry}", run.id))
            }
            RunEvent::Found(finding) => {
                let remedy =
                    finding.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                let level = finding.level.as_str();
                Some(format!("{level}: {}: {}{remedy}", finding.subject, finding.message))
            }
            RunEvent::Subscribed { name, handshake_ms } => {
                Some(format!("subscribed by {name}: the handshake took {handshake_ms} ms"))
            }
            RunEvent::Launched { experiment, id, url } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.launched = Some(Instant::now());
                let url = url.map(|url| format!(" {url}")).unwrap_or_default();
                Some(format!("{} launched as {id}{url}", shown.name))
            }
            RunEvent::Transition { experiment, transition } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.state.clone_from(&transition.raw_state);
                Some(format!("{} {}", shown.name, told(transition)))
            }
            RunEvent::ProbeTurned { experiment, probe, turn } => {
                let shown = self.experiments.get(*experiment)?;
                Some(format!("{}: probe {probe} {}", shown.name, turned(turn)))
            }
            RunEvent::Stopping { experiment, why } => {
                let shown = self.experiments.get_mut(*experiment)?;
                Some(format!("{} is being stopped: {why}", shown.name))
            }
            RunEvent::Ended { experiment, state, reason, .. } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.ended = true;
                let is = if shown.launched.is_some() { state.as_str() } else { "not run" };
                Some(format!("{} {is}: {reason}", shown.name))
            }
            RunEvent::Warning(warning) => Some(format!("{}: {warning}", Level::Warning.as_str())),
            RunEvent::Tick => None,
        }
    }
}

fn told(transition: &Transition) -> String {
    let reason = transition.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} [{}]{reason}", transition.raw_state, transition.source.as_str())
}

fn turned(turn: &Turn) -> String {
    match turn {
        Turn::Fails { reason: Some(reason) } => format!("fails: {reason}"),
        Turn::Fails { reason: None } => "fails".to_owned(),
        Turn::Passes { failed_for } => format!("passes again, after {}", seconds(*failed_for)),
        Turn::Flaps => "turns again and again: what follows is only in the report".to_owned(),
    }
}

/// Returns the end of the log: the table of experiments, the verdict, the warnings and the reports that are
/// missing.
pub fn closing(result: &RunResult, report_dir: &str) -> String {
    let mut rows = vec![["experiment", "verdict", "score", "state", "why"].map(str::to_owned)];
    for experiment in &result.experiments {
        rows.push([
            text::plain(&experiment.name, 40),
            experiment.verdict.to_string(),
            experiment.score.map_or_else(|| "-".to_owned(), |score| score.to_string()),
            experiment.state.to_string(),
            text::plain(&experiment.reason, MAX_LINE_CHARS),
        ]);
    }
    // The last column is not padded.
    let widths: Vec<usize> = (0..4)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    let mut closing = "\n".to_owned();
    for [name, verdict, score, state, why] in &rows {
        let _ = writeln!(
            closing,
            "{name:<0$}  {verdict:<1$}  {score:>2$}  {state:<3$}  {why}",
            widths[0], widths[1], widths[2], widths[3]
        );
    }
    let gate = &result.gate;
    let score = gate.resilience_score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
    let _ = writeln!(
        closing,
        "\n{}: resilience score {score}, expected at least {} (exit code {})",
        gate.verdict.as_str().to_uppercase(),
        gate.expected_resilience_score,
        gate.exit_code
    );
    for reason in own_reasons(result) {
        let _ = writeln!(closing, "  {}", text::plain(reason, MAX_LINE_CHARS));
    }
    for warning in warnings(result) {
        let _ = writeln!(closing, "warning: {}", text::plain(&warning, MAX_LINE_CHARS));
    }
    closing.push_str(&compared(result));
    for finding in result.findings.iter().filter(|finding| finding.level == Level::Warning) {
        let warning = text::plain(&format!("{}: {}", finding.subject, finding.message), MAX_LINE_CHARS);
        let _ = writeln!(closing, "warning: {warning}");
    }
    for reported in result.reporting.iter().filter(|reported| reported.is_missing()) {
        let detail = text::plain(reported.detail.as_deref().unwrap_or_default(), MAX_LINE_CHARS);
        let sink = text::plain(&reported.sink, 80);
        let _ = match reported.outcome {
            Outcome::Failed => writeln!(closing, "warning: {sink} was not written: {detail}"),
            _ => writeln!(closing, "note: {sink} was skipped: {detail}"),
        };
    }
    let is_there =
        |reported: &Reported| files::is_ours(&reported.sink) && reported.outcome == Outcome::Written;
    if result.reporting.iter().any(is_there) {
        let _ = writeln!(closing, "Reports are in {}", text::plain(report_dir, MAX_LINE_CHARS));
    }
    closing
}

/// Returns the changes since the earlier run, or nothing if the run was not compared.
fn compared(result: &RunResult) -> String {
    let Some(comparison) = &result.comparison else { return String::new() };
    let run = &comparison.earlier;
    let (id, ended_at) = (text::plain(&run.id, 64), run.ended_at.strftime("%Y-%m-%d %H:%M:%SZ"));
    let score = change::of_run(comparison).map(|score| format!(": {score}")).unwrap_or_default();
    let mut lines = format!("Compared with run {id} of {ended_at}, {}{score}\n", run.verdict);
    let mut unchanged = 0;
    for experiment in &comparison.experiments {
        if experiment.has_changed() {
            let name = text::plain(&experiment.name, 40);
            // The whole line is made plain: a name that ends with a colon may begin a command of the CI.
            let line = text::plain(&format!("{name}: {}", change::of_experiment(experiment)), MAX_LINE_CHARS);
            let _ = writeln!(lines, "  {line}");
        } else {
            unchanged += 1;
        }
    }
    if unchanged > 0 {
        let plural = if unchanged == 1 { "" } else { "s" };
        let _ = writeln!(lines, "  {unchanged} experiment{plural} without a change");
    }
    lines
}

/// Returns the reasons of the gate without those of experiments, which stand beside the experiments already.
pub(super) fn own_reasons(result: &RunResult) -> impl Iterator<Item = &String> {
    result.gate.reasons.iter().filter(|reason| {
        let is_of = |experiment: &ExperimentResult| {
            // The gate puts the name before a reason if there are several experiments.
            let rest = reason.strip_prefix(&experiment.name).and_then(|rest| rest.strip_prefix(": "));
            rest.unwrap_or(reason) == experiment.reason
        };
        !result.experiments.iter().any(is_of)
    })
}

/// Writes a duration in its two largest units: `1h30m`, `1m30s`, `12s`. Less than ten seconds have tenths.
pub(super) fn seconds(duration: SignedDuration) -> String {
    let whole = duration.as_secs();
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) if whole < 10 && duration.subsec_millis() != 0 => {
            format!("{whole}.{}s", duration.subsec_millis().unsigned_abs() / 100)
        }
        (0, 0) => format!("{rest}s"),
        (0, _) if rest == 0 => format!("{minutes}m"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ if minutes == 0 && rest == 0 => format!("{hours}h"),
        _ => format!("{hours}h{minutes}m"),
    }
}

/// The sink that writes the log while the run goes on.
pub struct Log<W> {
    out: W,
    style: LogStyle,
    clock: Clock,
    narrator: Narrator,
    last: Instant,
    /// The line that closes the group of log lines which is open, if one is.
    group: Option<String>,
}

impl<W: Write> Log<W> {
    pub fn new(out: W, style: LogStyle, clock: Clock) -> Self {
        Self { out, style, clock, narrator: Narrator::default(), last: Instant::now(), group: None }
    }

    /// Writes a line. Errors are dropped: a closed log must not end a run that watches an experiment.
    fn line(&mut self, line: &str) {
        let time = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let _ = writeln!(self.out, "{time} {}", text::plain(line, MAX_LINE_CHARS));
        let _ = self.out.flush();
        self.last = Instant::now();
    }

    fn raw(&mut self, line: Option<String>) {
        if let Some(line) = line {
            let _ = writeln!(self.out, "{line}");
        }
    }

    fn open_group(&mut self, name: &str, title: &str) {
        let (start, end) = self.style.group(name, title, self.clock.now().as_second());
        self.raw(start);
        self.group = end;
    }

    fn close_group(&mut self) {
        let end = self.group.take();
        self.raw(end);
    }
}

impl<W: Write> Sink for Log<W> {
    fn name(&self) -> &'static str {
        "log"
    }

    fn on(&mut self, event: &RunEvent<'_>) {
        let line = self.narrator.tell(event);
        match event {
            RunEvent::Started { .. } => {
                self.open_group("faultgate_preflight", "faultgate: before the launch");
            }
            RunEvent::Launched { .. } | RunEvent::Ended { .. } => self.close_group(),
            RunEvent::Tick if self.last.elapsed() >= HEARTBEAT => {
                let lines: Vec<String> = self.narrator.experiments.iter().filter_map(Shown::line).collect();
                self.line(&lines.join("; "));
            }
            _ => {}
        }
        if let Some(line) = line {
            self.line(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let cases = [
            (0, "0s"),
            (1_230, "1.2s"),
            (12_900, "12s"),
            (60_000, "1m"),
            (90_500, "1m30s"),
            (3_600_000, "1h"),
            (5_400_000, "1h30m"),
        ];
        for (millis, expected) in cases {
            assert_eq!(seconds(SignedDuration::from_millis(millis)), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_turns_is_one_line_and_its_text_is_data() {
        let mut out = Vec::new();
        let mut log = Log::new(&mut out, LogStyle::GitHub, Clock::start());
        log.narrator.experiments.push(Shown {
            name: "az".to_owned(),
            timeout: Duration::from_secs(1_800),
            launched: Some(Instant::now()),
            state: "running".to_owned(),
            ended: false,
        });
        let reason = Some("down\n::error::\u{1b}[2Jno ##[error]such".into());
        let failed_for = SignedDuration::from_millis(12_300);
        for turn in [Turn::Fails { reason }, Turn::Passes { failed_for }, Turn::Flaps] {
            log.on(&RunEvent::ProbeTurned { experiment: 0, probe: "check\u{202e}out", turn: &turn });
        }
        drop(log);
        let text = String::from_utf8(out).unwrap();
        let said: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("Z ")).map(|(_, said)| said).collect();
        let expected = [
            "az: probe checkout fails: down ::error::no ## [error]such",
            "az: probe checkout passes again, after 12s",
            "az: probe checkout turns again and again: what follows is only in the report",
        ];
        assert_eq!(said, expected, "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_run_has_a_heartbeat_at_most_once_a_minute() {
        let mut out = Vec::new();
        let mut log = Log::new(&mut out, LogStyle::Plain, Clock::start());
        log.narrator.experiments.push(Shown {
            name: "az".to_owned(),
            timeout: Duration::from_secs(1_800),
            launched: Some(Instant::now()),
            state: "running".to_owned(),
            ended: false,
        });
        for _ in 0..150 {
            tokio::time::advance(Duration::from_secs(1)).await;
            log.on(&RunEvent::Tick);
        }
        drop(log);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("az running for 1m of 30m"), "{text}");
    }
}
