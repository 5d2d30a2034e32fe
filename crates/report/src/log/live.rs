//! The live lines of a terminal: the progress of each experiment that runs. The lines of the log scroll by
//! above them.

use std::fmt;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::line::MAX_LINE_CHARS;
use super::medium::{Medium, Tone, measure, wrap};
use super::narrator::{Narrator, ToldLine};
use super::progress::draw_all;
use crate::sink::Sink;
use faultgate_core::clock::Clock;
use faultgate_core::model::{Level, RunEvent, Standings};
use faultgate_core::text;

/// Columns before the text of a line: the time and a mark.
const MARGIN: usize = 11;
/// Fewest columns of the text of a line.
const MIN_TEXT: usize = 20;

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSize {
    pub columns: usize,
    pub rows: usize,
}

/// The sink that draws live lines on standard error.
pub struct Live {
    multi: MultiProgress,
    /// The lines of all experiments, as one bar of many lines.
    bar: Option<ProgressBar>,
    medium: Medium,
    clock: Clock,
    /// Returns the size of the terminal, which may change.
    size: Box<dyn Fn() -> ScreenSize>,
    narrator: Narrator,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("medium", &self.medium).finish_non_exhaustive()
    }
}

impl Live {
    pub fn new(
        multi: MultiProgress,
        medium: Medium,
        clock: Clock,
        size: impl Fn() -> ScreenSize + 'static,
    ) -> Self {
        Self { multi, bar: None, medium, clock, size: Box::new(size), narrator: Narrator::terse() }
    }

    fn redraw(&mut self, standings: &dyn Standings) {
        let ScreenSize { columns, rows } = (self.size)();
        let medium = Medium { columns: Some(columns), ..self.medium };
        // Half of the screen stays with the lines of the log.
        let lines = draw_all(&self.narrator, standings, medium, rows / 2);
        if lines.is_empty() {
            return self.clear();
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = self.multi.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        let lines: Vec<String> = lines.iter().map(|line| line.show(medium)).collect();
        bar.set_message(lines.join("\n"));
        bar.tick();
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Prints a line of the log above the live lines, wrapped to the width of the terminal.
    fn print(&self, told: &ToldLine) {
        let time = self.clock.now().strftime("%H:%M:%S").to_string();
        let mark = match told.tone {
            Tone::Good => self.medium.mark(true),
            Tone::Bad if self.medium.symbols => self.medium.mark(false),
            Tone::Bad | Tone::Caution => "!",
            Tone::Plain | Tone::Faint | Tone::Strong => "",
        };
        let columns = (self.size)().columns.saturating_sub(MARGIN).max(MIN_TEXT);
        let text = text::plain(&told.text, MAX_LINE_CHARS);
        for (number, line) in wrap(&text, columns).iter().enumerate() {
            let line = self.medium.paint(told.tone, &text::plain(line, MAX_LINE_CHARS));
            let line = if number == 0 {
                let time = self.medium.paint(Tone::Faint, &time);
                let gap = " ".repeat(2_usize.saturating_sub(measure(mark)));
                format!("{time} {}{gap}{line}", self.medium.paint(told.tone, mark))
            } else {
                format!("{:MARGIN$}{line}", "")
            };
            // A terminal that has gone away must not end a run that watches an experiment.
            let _ = self.multi.println(line);
        }
    }
}

impl Sink for Live {
    fn name(&self) -> &'static str {
        "live lines"
    }

    fn on(&mut self, event: &RunEvent<'_>) {
        let told = self.narrator.tell(event);
        // A finding that all is well needs no line of its own: the live lines show the states.
        let quiet = match event {
            RunEvent::Found(finding) => finding.level == Level::Ok,
            _ => false,
        };
        if let Some(told) = told.filter(|_| !quiet) {
            self.print(&told);
        }
        match event {
            RunEvent::Tick(standings) => self.redraw(*standings),
            RunEvent::Ended { .. } if self.narrator.running().next().is_none() => self.clear(),
            _ => {}
        }
    }
}
