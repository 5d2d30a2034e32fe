//! Who writes when, and for how long: files, then the network, then the records of how all of them fared.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::{Sink, Stage, failed};
use faultgate_core::model::{Outcome, Reported, RunResult, Verdict};
use faultgate_core::panics;

/// Lets each sink write its report, within the given time for all together. `cut` ends what waits for the network.
/// A report that must not be missing turns `passed` into `errored`, and then no report says `passed`.
pub async fn finish(
    sinks: &mut [Box<dyn Sink>],
    result: &mut RunResult,
    must_succeed: bool,
    within: Duration,
    cut: impl Future<Output = ()>,
) {
    let deadline = Instant::now() + within;
    let mut desk = Desk {
        sinks,
        result,
        must_succeed,
        deadline,
        cut: false,
        answers: Vec::new(),
        stale: None,
        broken: Vec::new(),
    };
    let mut cut = pin!(cut);
    for stage in [Stage::Files, Stage::Network, Stage::Record] {
        let missing = desk.missing();
        let these = desk.of(stage);
        desk.round(&these, cut.as_mut()).await;
        if desk.missing() > missing {
            let these = desk.again();
            desk.round(&these, cut.as_mut()).await;
        }
    }
}

struct Desk<'a> {
    sinks: &'a mut [Box<dyn Sink>],
    result: &'a mut RunResult,
    must_succeed: bool,
    deadline: Instant,
    /// Nothing waits for the network any more.
    cut: bool,
    /// What the sinks have answered, by their places.
    answers: Vec<(usize, Reported)>,
    /// The sinks that had written `passed` when it turned into `errored`.
    stale: Option<Vec<usize>>,
    /// The sinks that a panic ended, which are let to write once more: a status that stays pending holds up a merge.
    broken: Vec<usize>,
}

impl Desk<'_> {
    fn of(&self, stage: Stage) -> Vec<usize> {
        (0..self.sinks.len()).filter(|place| self.sinks[*place].stage() == stage).collect()
    }

    /// Reports that are missing.
    fn missing(&self) -> usize {
        self.answers.iter().filter(|(_, reported)| reported.is_missing()).count()
    }

    fn written(&self) -> Vec<usize> {
        let written = self.answers.iter().filter(|(_, reported)| reported.outcome == Outcome::Written);
        written.map(|(place, _)| *place).collect()
    }

    /// Who has to write again, since a report is missing: the files tell of it, and nobody may say `passed` if that
    /// is no longer true. Records come last, and tell of all this.
    fn again(&mut self) -> Vec<usize> {
        let stale = self.stale.take();
        let mut again = self.written();
        again.retain(|place| match self.sinks[*place].stage() {
            Stage::Files => true,
            Stage::Network => stale.as_ref().is_some_and(|stale| stale.contains(place)),
            Stage::Record => stale.is_some(),
        });
        again.append(&mut self.broken);
        again.sort_unstable();
        again
    }

    async fn round(&mut self, these: &[usize], mut cut: Pin<&mut impl Future<Output = ()>>) {
        let network = |place: &&usize| self.sinks[**place].stage() == Stage::Network;
        let mut waiting = these.iter().filter(network).count();
        for place in these {
            let reported = if self.sinks[*place].stage() == Stage::Network {
                let left = self.deadline.saturating_duration_since(Instant::now());
                // An even share: one that hangs takes nothing from the next.
                let share = left / u32::try_from(waiting).unwrap_or(u32::MAX);
                waiting -= 1;
                self.over_the_network(*place, share, cut.as_mut()).await
            } else {
                self.at_once(*place).await
            };
            self.take(*place, reported);
        }
    }

    /// What does not wait for others still gets written when the time is over.
    async fn at_once(&mut self, place: usize) -> Option<Reported> {
        let sink = &mut self.sinks[place];
        let writing = panics::caught(async {
            sink.prepare(self.result);
            panics::point("report");
            sink.finish(self.result).await
        });
        match timeout_at(self.deadline, writing).await {
            Ok(Ok(reported)) => reported,
            Ok(Err(panic)) => {
                self.broken.push(place);
                Some(failed(sink.name(), panic))
            }
            Err(_) => Some(failed(sink.name(), "there was no time left")),
        }
    }

    async fn over_the_network(
        &mut self,
        place: usize,
        share: Duration,
        cut: Pin<&mut impl Future<Output = ()>>,
    ) -> Option<Reported> {
        let sink = &mut self.sinks[place];
        if !self.cut {
            let writing = panics::caught(async {
                panics::point("report");
                sink.finish(self.result).await
            });
            let answer = tokio::select! {
                biased;
                () = cut => None,
                answer = timeout(share, writing) => Some(answer),
            };
            match answer {
                Some(Ok(Ok(reported))) => return reported,
                Some(Ok(Err(panic))) => {
                    self.broken.push(place);
                    return Some(failed(sink.name(), panic));
                }
                Some(Err(_)) => {
                    let why = format!("no answer within {:.1} s", share.as_secs_f64());
                    return Some(failed(sink.name(), why));
                }
                None => self.cut = true,
            }
        }
        Some(failed(sink.name(), "a signal left no time for it"))
    }

    fn take(&mut self, place: usize, reported: Option<Reported>) {
        let Some(reported) = reported else { return };
        match self.answers.iter_mut().find(|(of, _)| *of == place) {
            Some((_, earlier)) => *earlier = reported,
            None => self.answers.push((place, reported)),
        }
        self.result.reporting = self.answers.iter().map(|(_, reported)| reported.clone()).collect();
        if self.must_succeed && self.result.gate.verdict == Verdict::Passed {
            self.refuse_what_is_missing();
        }
        if let Some(panic) = panics::first() {
            self.break_off(panic.to_string());
        }
    }

    /// Does nothing where the reason is told already.
    fn break_off(&mut self, reason: String) {
        let gate = &self.result.gate;
        if gate.reasons.contains(&reason) {
            return;
        }
        self.stale = Some(self.written());
        self.result.gate.break_off(reason);
    }

    fn refuse_what_is_missing(&mut self) {
        let mut failed = self.result.reporting.iter().filter(|reported| reported.outcome == Outcome::Failed);
        let Some(failed) = failed.next() else { return };
        let detail = failed.detail.as_deref().unwrap_or_default();
        let reason = format!("the report {} could not be posted: {detail}", failed.sink);
        self.break_off(reason);
    }
}

#[cfg(test)]
#[path = "finish_tests.rs"]
mod tests;
