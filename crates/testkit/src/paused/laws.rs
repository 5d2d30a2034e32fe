//! The laws: what must hold of every run, whatever happens in it.

use std::time::Duration;

use faultgate_core::model::{State, Verdict};

use super::chaos::{Chaos, ChaosLife};
use super::player::PlayedChaos;
use crate::invariants::{self, There};

/// Time from a signal to the end of the lifecycle. The rest of 7 s is for the reports.
const AFTER_SIGNAL: Duration = Duration::from_millis(6_100);

/// Time for which an experiment may be pending in the plans of testkit.
const QUEUE_TIMEOUT: Duration = Duration::from_mins(1);

/// Asserts the laws that hold whatever happens to the requests.
pub fn hold(chaos: &Chaos, played: &PlayedChaos) {
    let PlayedChaos { result, world, noted, took, after_signal } = played;
    assert_eq!(result.experiments.len(), chaos.lives.len());
    let there = There::in_account(world, !chaos.lives.contains(&ChaosLife::CompletesWithoutTargets));
    invariants::hold(result, &there);
    invariants::written_down(noted, &there);
    // A preview is one more experiment, which has as long as it may be pending.
    let experiments = chaos.lives.len() * if chaos.preview { 2 } else { 1 };
    invariants::in_time(*took, invariants::longest(experiments, chaos.timeout.max(QUEUE_TIMEOUT)));
    if let Some(after_signal) = after_signal {
        invariants::in_time(*after_signal, AFTER_SIGNAL);
    }
}

/// Asserts the laws that hold as well where every request is answered.
pub fn hold_where_requests_are_answered(chaos: &Chaos, played: &PlayedChaos) {
    let PlayedChaos { result, world, .. } = played;
    assert!(world.inventory.rules.is_empty() && world.inventory.queues.is_empty(), "{:#?}", world.inventory);
    for own in &world.inventory.experiments {
        assert!(!matches!(own.status.as_str(), "pending" | "initiating" | "running"), "left: {own:#?}");
    }
    // An alarm or the safety lever affects all experiments alike, so each life is only certain alone.
    let alone = chaos.lives.len() == 1;
    for (experiment, life) in result.experiments.iter().zip(&chaos.lives) {
        if experiment.id.is_none() || experiment.verdict == Verdict::Cancelled {
            continue;
        }
        let expected: &[Verdict] = match life {
            ChaosLife::Completes if alone => &[Verdict::Passed, Verdict::TimedOut],
            ChaosLife::AlarmFires if alone => &[Verdict::Failed, Verdict::TimedOut],
            ChaosLife::CompletesWithoutTargets
            | ChaosLife::Fails
            | ChaosLife::LeverEngaged
            | ChaosLife::Cancelled
                if alone =>
            {
                &[Verdict::Errored, Verdict::TimedOut]
            }
            ChaosLife::NeverEnds | ChaosLife::StaysPending | ChaosLife::EndsInAnUnknownWord if alone => {
                &[Verdict::TimedOut, Verdict::Errored]
            }
            _ => continue,
        };
        assert!(expected.contains(&experiment.verdict), "{life:?}: {experiment:#?}");
        let stopped = experiment.stop.as_ref();
        if experiment.state == State::TimedOut {
            assert!(stopped.is_some_and(|stop| stop.confirmed), "{experiment:#?}");
        }
    }
}
