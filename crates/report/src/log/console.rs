//! The log of a run: plain lines with the time, for CI systems.

use std::io::Write;
use std::time::Duration;

use faultgate_core::clock::Clock;
use faultgate_core::model::RunEvent;
use faultgate_core::text;
use tokio::time::Instant;

use super::line::MAX_LINE_CHARS;
use super::narrator::{Narrator, Shown};
use crate::ci::LogStyle;
use crate::sink::Sink;

/// The longest silence of the log. A log that is silent for longer makes people (and some CI systems) think
/// that the job hangs.
const HEARTBEAT: Duration = Duration::from_secs(60);

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
    use faultgate_core::model::Turn;
    use jiff::SignedDuration;

    use super::*;

    fn running() -> Shown {
        Shown {
            name: "az".to_owned(),
            timeout: Duration::from_secs(1_800),
            launched: Some(Instant::now()),
            state: "running".to_owned(),
            ended: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_turns_is_one_line_and_its_text_is_data() {
        let mut out = Vec::new();
        let mut log = Log::new(&mut out, LogStyle::GitHub, Clock::start());
        log.narrator.experiments.push(running());
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
        log.narrator.experiments.push(running());
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
