//! The experiments that did not pass, the worst first, how long their faults were in, and for how long their
//! probes failed.

use jiff::{SignedDuration, Timestamp};

use faultgate_core::duration::{coarse, from_millis};
use faultgate_core::model::{ExperimentResult, Probe, RunResult, Verdict};

/// Returns the experiments that did not pass, with their indices, the worst first.
pub(crate) fn culprits(result: &RunResult) -> Vec<(usize, &ExperimentResult)> {
    let mut culprits = result.worst_first();
    culprits.retain(|(_, experiment)| experiment.verdict != Verdict::Passed);
    culprits
}

/// The time for which a probe failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) whole: SignedDuration,
    /// The longest part without a pass.
    pub(crate) longest: SignedDuration,
}

impl Outage {
    /// Returns the outage that a probe saw, or `None` if it saw none or if not all of its samples were kept.
    pub(crate) fn of(probe: &Probe) -> Option<Self> {
        let parts = stretches(probe)?.into_iter().map(|(from, to)| to.duration_since(from));
        let none = Self { whole: SignedDuration::ZERO, longest: SignedDuration::ZERO };
        let outage = parts.fold(none, |sum, part| Self {
            whole: sum.whole.saturating_add(part),
            longest: sum.longest.max(part),
        });
        (outage.whole > SignedDuration::ZERO).then_some(outage)
    }

    /// Writes the outage: `29s in all, 20s at a stretch`.
    pub(crate) fn write(self) -> String {
        if self.whole == self.longest {
            return coarse(self.whole);
        }
        format!("{} in all, {} at a stretch", coarse(self.whole), coarse(self.longest))
    }
}

/// Returns the stretches in which a probe failed: each from its first failure to the next pass, or to the end
/// of its last failure. Returns `None` if not all samples were kept.
pub(crate) fn stretches(probe: &Probe) -> Option<Vec<(Timestamp, Timestamp)>> {
    if let Some(time) = &probe.by_time {
        let all = time.not_ok.iter().map(|interval| (interval.from, interval.to.max(interval.from)));
        return (time.left_out == 0).then(|| all.collect());
    }
    if probe.samples_left_out > 0 {
        return None;
    }
    let mut all = Vec::new();
    let mut open: Option<(Timestamp, Timestamp)> = None;
    for sample in &probe.samples {
        if sample.passed {
            // An evaluation that timed out may seem to end after the next one has passed.
            all.extend(open.take().map(|(from, _)| (from, sample.at)));
        } else {
            let took = from_millis(sample.latency_ms.unwrap_or_default());
            let end = sample.at.checked_add(took).unwrap_or(sample.at);
            open = Some(open.map_or((sample.at, end), |(from, to)| (from, end.max(to))));
        }
    }
    all.extend(open);
    Some(all.into_iter().map(|(from, to)| (from, to.max(from))).collect())
}

/// Writes what is known of how long a culprit's fault was in and for how long its probes failed, or nothing.
pub(crate) fn write_how_long(experiment: &ExperimentResult) -> String {
    const MAX_PROBES: usize = 3;
    let mut parts = Vec::new();
    if let Some(fault) = experiment.fault {
        parts.push(match fault.ended_at {
            Some(end) => format!("the fault was in for {}", coarse(end.duration_since(fault.started_at))),
            None => format!("the fault is in since {:.0}, and its end is not known", fault.started_at),
        });
    }
    let mut failing: Vec<(&Probe, Outage)> =
        experiment.probes.iter().filter_map(|probe| Some((probe, Outage::of(probe)?))).collect();
    failing.sort_by_key(|(_, outage)| std::cmp::Reverse(outage.whole));
    let seen = failing.iter().take(MAX_PROBES);
    parts.extend(seen.map(|(probe, outage)| match probe.samples.iter().find(|sample| !sample.passed) {
        // The time of one look that nothing followed is its latency alone.
        Some(only) if probe.by_time.is_none() && probe.samples.last() == Some(only) => {
            format!("{} failed in its last look", probe.name)
        }
        _ => format!("{} failed for {}", probe.name, outage.write()),
    }));
    if failing.len() > MAX_PROBES {
        parts.push(format!("{} more probes failed", failing.len() - MAX_PROBES));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_testkit::results;

    #[test]
    fn how_long_is_said_only_as_far_as_it_is_known() {
        let mut experiment = results::measured().experiments.swap_remove(0);
        let told = |experiment: &ExperimentResult| write_how_long(experiment);
        experiment.fault.as_mut().unwrap().ended_at = None;
        assert!(
            told(&experiment)
                .starts_with("the fault is in since 2026-11-22T10:00:10Z, and its end is not known; "),
            "{}",
            told(&experiment)
        );
        experiment.fault = None;
        let probe = &mut experiment.probes[0];
        let at = probe.samples.iter().position(|sample| !sample.passed).unwrap();
        probe.samples.truncate(at + 1);
        experiment.probes.truncate(1);
        assert_eq!(told(&experiment), "checkout answers failed in its last look");
    }

    #[test]
    fn an_outage_lasts_from_the_first_failure_to_the_next_pass() {
        let result = results::measured();
        let [checkout, port, alarm, smoke] = &result.experiments[0].probes[..] else { panic!("four") };
        assert_eq!(Outage::of(checkout).map(Outage::write).as_deref(), Some("29s in all, 20s at a stretch"));
        assert_eq!(Outage::of(port).map(Outage::write).as_deref(), Some("10s"));
        assert_eq!((Outage::of(alarm), Outage::of(smoke)), (None, None));
        assert_eq!(
            write_how_long(&result.experiments[0]),
            "the fault was in for 40s; checkout answers failed for 29s in all, 20s at a stretch; database port \
             open failed for 10s"
        );
        let mut thinned = checkout.clone();
        thinned.leave_out_samples();
        assert_eq!(Outage::of(&thinned), None, "what was not kept is not guessed");
    }
}
