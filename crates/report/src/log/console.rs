//! The log of a run: plain lines with the time, for CI systems.

use std::io::Write;
use std::time::Duration;

use faultgate_core::clock::Clock;
use faultgate_core::model::RunEvent;
use faultgate_core::text;
use tokio::time::Instant;

use super::line::MAX_LINE_CHARS;
use super::medium::{Medium, Tone};
use super::narrator::{Narrator, ToldLine};
use super::progress::describe_all;
use crate::ci::LogStyle;
use crate::sink::Sink;

/// Interval of the lines that tell the progress. A log that is silent for longer makes people (and some CI
/// systems) think that the job hangs.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// The sink that writes the log while the run goes on.
pub struct Log<W> {
    out: W,
    style: LogStyle,
    medium: Medium,
    clock: Clock,
    narrator: Narrator,
    /// Moment of the last lines on the progress, or of the launch after which they begin.
    last: Instant,
    /// The line that closes the group of log lines which is open, if one is.
    group: Option<String>,
}

impl<W: Write> Log<W> {
    pub fn new(out: W, style: LogStyle, medium: Medium, clock: Clock) -> Self {
        Self { out, style, medium, clock, narrator: Narrator::default(), last: Instant::now(), group: None }
    }

    /// Writes a line. Errors are dropped: a closed log must not end a run that watches an experiment.
    fn line(&mut self, tone: Tone, line: &str) {
        let time = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let line = self.medium.paint(tone, &text::plain(line, MAX_LINE_CHARS));
        let _ = writeln!(self.out, "{time} {line}");
        let _ = self.out.flush();
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
        let told = self.narrator.tell(event);
        match event {
            RunEvent::Started { .. } => {
                self.open_group("faultgate_preflight", "faultgate: before the launch");
            }
            RunEvent::Launched { .. } | RunEvent::Ended { .. } => self.close_group(),
            RunEvent::Tick(standings) if self.last.elapsed() >= HEARTBEAT => {
                self.last = Instant::now();
                for line in describe_all(&self.narrator, *standings, self.medium) {
                    self.line(Tone::Plain, &line);
                }
            }
            _ => {}
        }
        if let Some(ToldLine { tone, text }) = told {
            self.line(tone, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use faultgate_core::model::{
        ExperimentStanding, Forecast, ProbeStanding, Score, Standings, TimedAction, Turn,
    };
    use jiff::SignedDuration;

    use super::*;
    use crate::log::narrator::Shown;

    /// An experiment that stands the same whenever it is asked.
    #[derive(Debug)]
    struct Fixed(ExperimentStanding);

    impl Standings for Fixed {
        fn standing(&self, _experiment: usize) -> ExperimentStanding {
            self.0.clone()
        }
    }

    fn running() -> Shown {
        Shown {
            name: "az".to_owned(),
            timeout: Duration::from_mins(30),
            launched: Some(Instant::now()),
            state: "running".to_owned(),
            ..Shown::default()
        }
    }

    fn probe(name: &str, passed: u64, all: u64, failure: Option<&str>) -> ProbeStanding {
        ProbeStanding {
            name: name.to_owned(),
            evaluations: Some((passed, all)),
            failure: failure.map(str::to_owned),
            p95_ms: Some(180),
        }
    }

    /// Returns the lines of a log without their times, which hears so many ticks.
    fn said(
        experiments: Vec<Shown>,
        standing: ExperimentStanding,
        ticks: u64,
        medium: Medium,
    ) -> Vec<String> {
        let mut out = Vec::new();
        let mut log = Log::new(&mut out, LogStyle::Plain, medium, Clock::start());
        log.narrator.experiments = experiments;
        let standings = Fixed(standing);
        for _ in 0..ticks {
            // The clock of the test stands still, so the moments are moved instead.
            log.last -= Duration::from_secs(1);
            for shown in &mut log.narrator.experiments {
                shown.launched = shown.launched.map(|moment| moment - Duration::from_secs(1));
                shown.begun = shown.begun.map(|moment| moment - Duration::from_secs(1));
            }
            log.on(&RunEvent::Tick(&standings));
        }
        drop(log);
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| line.split_once("Z ").unwrap().1.to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_turns_is_one_line_and_its_text_is_data() {
        let mut out = Vec::new();
        let mut log = Log::new(&mut out, LogStyle::GitHub, Medium::default(), Clock::start());
        log.narrator.experiments.push(running());
        let reason = Some("down\n::error::\u{1b}[2Jno ##[error]such".into());
        let failed_for = SignedDuration::from_millis(12_300);
        let within = SignedDuration::from_secs(30);
        let flapped = Turn::Flapped { failed: 12, evaluations: 26, within, reason: Some("down".into()) };
        let calms = Turn::Calms { passes: true };
        for turn in [Turn::Fails { reason }, Turn::Passes { failed_for }, Turn::Flaps, flapped, calms] {
            log.on(&RunEvent::ProbeTurned { experiment: 0, probe: "check\u{202e}out", turn: &turn });
        }
        drop(log);
        let text = String::from_utf8(out).unwrap();
        let said: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("Z ")).map(|(_, said)| said).collect();
        let expected = [
            "az: probe checkout fails: down ::error::no ## [error]such",
            "az: probe checkout passes again, after 12s",
            "az: probe checkout turns again and again: its looks are summed up from now on",
            "az: probe checkout flaps: 12 of 26 failed in the last 30s; the last: down",
            "az: probe checkout flaps no more: it passes all the time",
        ];
        assert_eq!(said, expected, "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_tells_its_progress_once_a_minute() {
        let plain = said(vec![running()], ExperimentStanding::default(), 150, Medium::default());
        assert_eq!(plain, ["az running 1m, at most 30m", "az running 2m, at most 30m"]);

        let action = |name: &str, starts, ends| TimedAction {
            name: name.to_owned(),
            starts: Duration::from_secs(starts),
            ends: Duration::from_secs(ends),
        };
        let actions = vec![action("latency", 0, 90), action("settle", 90, 110)];
        let forecast = Forecast { lasts: Some(Duration::from_secs(110)), actions };
        let shown = Shown { forecast, begun: Some(Instant::now()), ..running() };
        let standing = ExperimentStanding {
            probes: vec![
                probe("checkout", 41, 45, Some("status 503, not 200")),
                probe("search", 45, 45, None),
                probe("never yet", 0, 0, None),
            ],
            score: Score::new(95.5),
        };
        let symbols = Medium { symbols: true, ..Medium::default() };
        assert_eq!(
            said(vec![shown], standing, 120, symbols),
            [
                "az running 1m of about 1m50s, score so far 95.5, latency: \
                 checkout 41/45 ✗ 503 p95 180ms; search 45/45 ✓ p95 180ms",
                "az running 2m, expected about 1m50s, score so far 95.5: \
                 checkout 41/45 ✗ 503 p95 180ms; search 45/45 ✓ p95 180ms",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn many_experiments_are_summed_up_and_the_worst_are_named() {
        let mut experiments = vec![running(); 2_000];
        experiments[1_000..].iter_mut().for_each(|shown| shown.launched = None);
        let standing =
            ExperimentStanding { probes: vec![probe("up", 1, 2, Some("no\n::error::answer"))], score: None };
        let lines = said(experiments, standing, 60, Medium::default());
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!(lines[0], "1000 running, 1000 waiting");
        assert_eq!(lines[1], "az running 1m, at most 30m: up 1/2 FAILS no ::error::answer p95 180ms");
    }
}
