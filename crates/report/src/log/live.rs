//! A live line for each experiment, in a terminal. The lines of the log scroll by above them.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::line::MAX_LINE_CHARS;
use super::narrator::Narrator;
use crate::sink::Sink;
use faultgate_core::model::{Level, RunEvent};
use faultgate_core::text;

/// The sink that draws live lines on standard error.
pub struct Live {
    multi: MultiProgress,
    bars: Vec<ProgressBar>,
    narrator: Narrator,
}

impl Live {
    pub fn new(multi: MultiProgress) -> Self {
        Self { multi, bars: Vec::new(), narrator: Narrator::default() }
    }

    fn redraw(&self) {
        for (bar, shown) in self.bars.iter().zip(&self.narrator.experiments) {
            if let Some(line) = shown.line() {
                bar.set_message(text::plain(&line, MAX_LINE_CHARS));
                bar.tick();
            }
        }
    }
}

impl Sink for Live {
    fn name(&self) -> &'static str {
        "live lines"
    }

    fn on(&mut self, event: &RunEvent<'_>) {
        let line = self.narrator.tell(event);
        match event {
            RunEvent::Launched { .. } => {
                let style = ProgressStyle::with_template("{spinner} {msg}");
                // The lines are all made at the first launch, so that they stand in the order of the plan.
                while self.bars.len() < self.narrator.experiments.len() {
                    let bar = ProgressBar::new_spinner();
                    self.bars.push(self.multi.add(bar));
                }
                if let Ok(style) = style {
                    self.bars.iter().for_each(|bar| bar.set_style(style.clone()));
                }
            }
            RunEvent::Ended { experiment, .. } => {
                if let Some(bar) = self.bars.get(*experiment) {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
        // A finding that all is well needs no line of its own: the live lines show the states.
        let quiet = match event {
            RunEvent::Found(finding) => finding.level == Level::Ok,
            _ => false,
        };
        if let Some(line) = line.filter(|_| !quiet) {
            // A terminal that has gone away must not end a run that watches an experiment.
            let _ = self.multi.println(text::plain(&line, MAX_LINE_CHARS));
        }
        self.redraw();
    }
}
