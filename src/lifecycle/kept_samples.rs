//! The samples that a merged result keeps: as many as there is room for, so that its size does not grow with
//! those of its parts. Samples of experiments that passed go first, since nobody looks for a weakness in them.

use faultgate_core::model::{ExperimentResult, Probe, Verdict};

/// Number of samples of all probes that a merged result keeps.
const MAX_SAMPLES: usize = 20_000;

/// The number of samples that are kept so far.
#[derive(Debug, Default)]
pub(super) struct KeptSamples {
    of_passed: usize,
    of_others: usize,
    /// `true` once there was no room for all samples, so that none of an experiment that passed are kept.
    is_short: bool,
}

impl KeptSamples {
    /// Makes room for the samples of more experiments, at the cost of theirs or of those that are kept.
    pub(super) fn take<'a>(
        &mut self,
        more: &mut [ExperimentResult],
        kept: impl Iterator<Item = &'a mut ExperimentResult>,
    ) {
        let count = |passed: bool| -> usize {
            let these = more.iter().filter(|experiment| has_passed(experiment) == passed);
            these.flat_map(|experiment| &experiment.probes).map(|probe| probe.samples.len()).sum()
        };
        let (of_passed, of_others) = (count(true), count(false));
        if self.of_passed + self.of_others + of_passed + of_others > MAX_SAMPLES && !self.is_short {
            self.is_short = true;
            self.of_passed = 0;
            kept.filter(|experiment| has_passed(experiment)).for_each(leave_out);
        }
        for experiment in more {
            let samples: usize = experiment.probes.iter().map(|probe| probe.samples.len()).sum();
            let has_room = if has_passed(experiment) {
                !self.is_short
            } else {
                !self.is_short || self.of_others + samples <= MAX_SAMPLES
            };
            match (has_room, has_passed(experiment)) {
                (false, _) => leave_out(experiment),
                (true, true) => self.of_passed += samples,
                (true, false) => self.of_others += samples,
            }
        }
    }
}

fn has_passed(experiment: &ExperimentResult) -> bool {
    experiment.verdict == Verdict::Passed
}

fn leave_out(experiment: &mut ExperimentResult) {
    experiment.probes.iter_mut().for_each(Probe::leave_out_samples);
}
