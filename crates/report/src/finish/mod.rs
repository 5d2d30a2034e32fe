//! The order and the time in which the sinks write: files, then the network, then the records of how all of
//! them fared.
//!
//! After each stage, the sinks whose reports are no longer true write once more: a report that is missing
//! belongs in the files, and may turn `passed` into `errored`. A sink that panics or hangs takes nothing from
//! the others. Whatever happens, no report may say `passed` when the gate does not.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::sink::{Sink, Stage, report_failed};
use faultgate_core::model::{Outcome, Reported, RunResult, Verdict};
use faultgate_core::panics;

/// Lets each sink write its report, within the given time for all of them together. When `cut` is ready, no
/// sink waits for the network any more. If `must_succeed` is true, a report that failed turns `passed` into
/// `errored`, and the reports that said `passed` are written again.
pub async fn finish(
    sinks: &mut [Box<dyn Sink>],
    result: &mut RunResult,
    must_succeed: bool,
    within: Duration,
    cut: impl Future<Output = ()>,
) {
    let deadline = Instant::now() + within;
    let earlier = std::mem::take(&mut result.reporting);
    let mut desk = Desk {
        sinks,
        earlier,
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
        let these = desk.find_sinks(stage);
        desk.round(&these, cut.as_mut()).await;
        // There is one more round and no loop: a sink that fails again must not keep the others writing.
        if desk.missing() > missing {
            let these = desk.again();
            desk.round(&these, cut.as_mut()).await;
        }
    }
}

/// The state of reporting: the sinks, the result that they write, and their answers so far.
struct Desk<'a> {
    sinks: &'a mut [Box<dyn Sink>],
    result: &'a mut RunResult,
    /// Reports that others have missed: those of the parts of a merged result.
    earlier: Vec<Reported>,
    must_succeed: bool,
    deadline: Instant,
    /// `true` once nothing may wait for the network any more.
    cut: bool,
    /// The latest answer of each sink, with the index of the sink.
    answers: Vec<(usize, Reported)>,
    /// Indices of the sinks that had written `passed` when it turned into `errored`.
    stale: Option<Vec<usize>>,
    /// Indices of the sinks that a panic ended. They may write once more: a status that stays pending holds
    /// up a merge.
    broken: Vec<usize>,
}

impl Desk<'_> {
    /// Indices of the sinks of a stage.
    fn find_sinks(&self, stage: Stage) -> Vec<usize> {
        (0..self.sinks.len()).filter(|place| self.sinks[*place].stage() == stage).collect()
    }

    /// Number of reports that are missing so far.
    fn missing(&self) -> usize {
        self.answers.iter().filter(|(_, reported)| reported.is_missing()).count()
    }

    /// Indices of the sinks whose reports were written.
    fn find_written(&self) -> Vec<usize> {
        let written = self.answers.iter().filter(|(_, reported)| reported.outcome == Outcome::Written);
        written.map(|(place, _)| *place).collect()
    }

    /// Indices of the sinks that have to write again, since a report is missing. The files tell of it, and no
    /// other report may say `passed` if that is no longer true. A sink that a panic ended gets its second
    /// try.
    fn again(&mut self) -> Vec<usize> {
        let stale = self.stale.take();
        let mut again = self.find_written();
        again.retain(|place| match self.sinks[*place].stage() {
            Stage::Files => true,
            Stage::Network => stale.as_ref().is_some_and(|stale| stale.contains(place)),
            Stage::Record => stale.is_some(),
        });
        again.append(&mut self.broken);
        again.sort_unstable();
        again
    }

    /// Lets these sinks write, one after the other.
    async fn round(&mut self, these: &[usize], mut cut: Pin<&mut impl Future<Output = ()>>) {
        let network = |place: &&usize| self.sinks[**place].stage() == Stage::Network;
        let mut waiting = these.iter().filter(network).count();
        for place in these {
            let reported = if self.sinks[*place].stage() == Stage::Network {
                let left = self.deadline.saturating_duration_since(Instant::now());
                // The shares are even, so that a forge that hangs takes nothing from the next.
                let share = left / u32::try_from(waiting).unwrap_or(u32::MAX);
                waiting -= 1;
                self.over_the_network(*place, share, cut.as_mut()).await
            } else {
                self.at_once(*place).await
            };
            self.take(*place, reported);
        }
    }

    /// Lets a sink write that waits for nobody. It still writes when the time is over, since the work is
    /// polled before the deadline.
    async fn at_once(&mut self, place: usize) -> Option<Reported> {
        let sink = &mut self.sinks[place];
        let writing = panics::catch(async {
            sink.prepare(self.result);
            panics::point("report");
            sink.finish(self.result).await
        });
        match timeout_at(self.deadline, writing).await {
            Ok(Ok(reported)) => reported,
            Ok(Err(panic)) => {
                self.broken.push(place);
                Some(report_failed(sink.name(), panic))
            }
            Err(_) => Some(report_failed(sink.name(), "there was no time left")),
        }
    }

    /// Lets a sink write over the network, within its share of the time and until a signal cuts it off.
    async fn over_the_network(
        &mut self,
        place: usize,
        share: Duration,
        cut: Pin<&mut impl Future<Output = ()>>,
    ) -> Option<Reported> {
        let sink = &mut self.sinks[place];
        if !self.cut {
            let writing = panics::catch(async {
                panics::point("report");
                sink.finish(self.result).await
            });
            let answer = tokio::select! {
                // Biased: no request begins when the signal has come already.
                biased;
                () = cut => None,
                answer = timeout(share, writing) => Some(answer),
            };
            match answer {
                Some(Ok(Ok(reported))) => return reported,
                Some(Ok(Err(panic))) => {
                    self.broken.push(place);
                    return Some(report_failed(sink.name(), panic));
                }
                Some(Err(_)) => {
                    let why = format!("no answer within {:.1} s", share.as_secs_f64());
                    return Some(sink.cut_off(self.result, &why));
                }
                None => self.cut = true,
            }
        }
        Some(sink.cut_off(self.result, "a signal left no time for it"))
    }

    /// Notes the answer of a sink in the result, and turns the verdict if it cannot stand with it.
    fn take(&mut self, place: usize, reported: Option<Reported>) {
        let Some(mut reported) = reported else { return };
        reported.required = self.must_succeed && reported.outcome == Outcome::Failed;
        let refusal = reported.required.then(|| {
            let detail = reported.detail.as_deref().unwrap_or_default();
            format!("the report {} could not be posted: {detail}", reported.sink)
        });
        match self.answers.iter_mut().find(|(of, _)| *of == place) {
            Some((_, earlier)) => *earlier = reported,
            None => self.answers.push((place, reported)),
        }
        let answers = self.answers.iter().map(|(_, reported)| reported);
        self.result.reporting = answers.chain(&self.earlier).cloned().collect();
        match refusal {
            Some(reason) if self.result.gate.verdict == Verdict::Passed => self.break_off(reason),
            // A merge that tolerates errored experiments reads of it in the result.
            Some(_) => self.stale = Some(self.find_written()),
            None => {}
        }
        // A panic of any task counts, not only of this sink: nobody knows what it has broken.
        if let Some(panic) = panics::first() {
            self.break_off(panic.to_string());
        }
    }

    /// Turns the verdict into `errored` for this reason, unless the reason is told already.
    fn break_off(&mut self, reason: String) {
        let gate = &self.result.gate;
        if gate.reasons.contains(&reason) {
            return;
        }
        self.stale = Some(self.find_written());
        self.result.gate.break_off(reason);
    }
}

#[cfg(test)]
mod tests;
