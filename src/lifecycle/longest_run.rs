//! The longest time that a run may last, whatever goes wrong in it. A sweep may not take what a run has made
//! for litter before this time is over.

use std::time::Duration;

use super::experiment::LAST_RECORD_LIMIT;
use super::launching::LAUNCH_LIMIT;
use super::stages::CLOSE_LIMIT;
use super::stop_request::{CONFIRM_LIMIT, STOP_LIMIT};
use faultgate_core::model::{ExperimentPlan, Plan, ProbePlan};

/// Time for all that is not part of an experiment: the checks before the launch, the subscription with its
/// handshake, and the reports. Requests of an engine have limits of their own, and this is more than all of
/// them together.
const MAX_TIME_AROUND_EXPERIMENTS: Duration = Duration::from_mins(30);

/// Returns the longest time that a run of this plan may last. It counts the experiments one after another,
/// whatever `parallel` says: they may have to wait for each other.
pub fn longest_run(plan: &Plan) -> Duration {
    let experiments = plan.experiments.iter().map(longest_experiment);
    experiments.fold(MAX_TIME_AROUND_EXPERIMENTS.saturating_add(CLOSE_LIMIT * 2), Duration::saturating_add)
}

/// Returns the longest time that one experiment may take.
fn longest_experiment(plan: &ExperimentPlan) -> Duration {
    let within = |probe: &ProbePlan| probe.check.within();
    let after = |probe: &ProbePlan| {
        let recovery = probe.recovers_within.unwrap_or_default().saturating_add(probe.every);
        // An evaluation may be under way at the end, and a last one follows.
        recovery.saturating_add(within(probe).saturating_mul(2))
    };
    let parts = [
        // Probes may have to wait for each other too, since the evaluations at one time are limited.
        plan.probes.iter().map(within).fold(Duration::ZERO, Duration::saturating_add),
        // The second time is for the search for a launch that was not answered. A preview is launched as
        // well.
        LAUNCH_LIMIT * 2 * 2,
        // The second time is for a slot in its place, and the third for the place to be empty. A preview
        // waits for a slot, and for its end.
        plan.queue_timeout.saturating_mul(3 + 2),
        plan.timeout,
        (STOP_LIMIT + CONFIRM_LIMIT) * 2 + LAST_RECORD_LIMIT,
        plan.spec.undo_limit(),
        plan.probes.iter().map(after).max().unwrap_or_default(),
    ];
    parts.into_iter().fold(Duration::ZERO, Duration::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_core::model::{Check, EngineSpec, Phase};

    fn minutes(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    fn probe(recovers_within: Option<Duration>) -> ProbePlan {
        ProbePlan {
            name: "answers".to_owned(),
            check: Check::Tcp { address: "shop:80".to_owned(), within: minutes(2) },
            when: vec![Phase::After],
            every: minutes(1),
            weight: 1,
            recovers_within,
            aborts_after: None,
        }
    }

    fn experiment(probes: Vec<ProbePlan>) -> ExperimentPlan {
        ExperimentPlan {
            name: "az".to_owned(),
            spec: EngineSpec::Fis { template: "EXT1".to_owned(), region: None, role_arn: None },
            weight: 1,
            timeout: minutes(30),
            queue_timeout: minutes(5),
            expected: None,
            probes,
        }
    }

    #[test]
    fn all_that_an_experiment_may_wait_for_counts() {
        let bare = longest_experiment(&experiment(Vec::new()));
        assert!(bare >= minutes(35) + LAUNCH_LIMIT + STOP_LIMIT + CONFIRM_LIMIT, "{bare:?}");
        let recovering =
            longest_experiment(&experiment(vec![probe(Some(minutes(90))), probe(Some(minutes(40)))]));
        assert!(recovering >= bare + minutes(90) + minutes(1) + minutes(4), "{recovering:?}");
        let endless = longest_experiment(&experiment(vec![probe(Some(Duration::MAX))]));
        assert_eq!(endless, Duration::MAX);
    }
}
