//! The laws.

use std::time::Duration;

use faultgate::model::{State, Verdict};
use faultgate::rehearsal::ExperimentEntry;

use crate::chaos::{Chaos, Life, Played};

/// From a signal to the end of the lifecycle; the rest of 7 s is for the reports.
const AFTER_SIGNAL: Duration = Duration::from_millis(6_100);

/// These hold whatever happens to the requests.
pub(crate) fn hold(chaos: &Chaos, played: &Played) {
    let Played { result, world, after_signal } = played;
    assert_eq!(result.experiments.len(), chaos.lives.len());
    assert_eq!(result.gate.exit_code, result.gate.verdict.exit_code(result.gate.signal));

    // Never `passed` unless FIS's own record says that it completed, and something was injected.
    for experiment in &result.experiments {
        if experiment.verdict != Verdict::Passed {
            continue;
        }
        let id = experiment.id.as_deref().expect("what has passed has an id");
        let own = world.inventory.experiments.iter().find(|own| own.id == id).expect("FIS knows it");
        assert_eq!(own.status, "completed", "false green: {experiment:#?}");
        assert!(!chaos.lives.contains(&Life::CompletesWithoutTargets), "false green: nothing was injected");
        assert_eq!(own.tags["faultgate:experiment"], experiment.name, "somebody else's experiment");
    }
    if result.gate.verdict == Verdict::Passed {
        assert!(result.experiments.iter().all(|experiment| experiment.verdict == Verdict::Passed));
    }

    // At most one experiment for each that was planned.
    for planned in &result.experiments {
        let begun: Vec<&ExperimentEntry> = world
            .inventory
            .experiments
            .iter()
            .filter(|own| own.tags.get("faultgate:experiment") == Some(&planned.name))
            .collect();
        assert!(begun.len() <= 1, "launched more than once: {begun:#?}");

        // What was started is over, or stopping, or the report says that it is not known to be.
        for own in
            begun.iter().filter(|own| matches!(own.status.as_str(), "pending" | "initiating" | "running"))
        {
            assert!(
                planned.reason.contains("NOT confirmed") || planned.reason.contains("check by hand"),
                "{} is left {} and the report does not say so: {}",
                own.id,
                own.status,
                planned.reason
            );
        }
    }

    // What was made is removed, or named.
    let named: String = result.subscriptions.iter().flat_map(|s| s.leftovers.clone()).collect();
    for rule in &world.inventory.rules {
        assert!(named.contains(&rule.name), "the rule {} is left and not named: {named}", rule.name);
    }
    for queue in &world.inventory.queues {
        assert!(named.contains(&queue.name), "the queue {} is left and not named: {named}", queue.name);
    }

    if let Some(after_signal) = after_signal {
        assert!(*after_signal <= AFTER_SIGNAL, "{after_signal:?} from the signal to the end");
    }
}

/// These hold too where every request is answered.
pub(crate) fn hold_where_requests_are_answered(chaos: &Chaos, played: &Played) {
    let Played { result, world, .. } = played;
    assert!(world.inventory.rules.is_empty() && world.inventory.queues.is_empty(), "{:#?}", world.inventory);
    for own in &world.inventory.experiments {
        assert!(!matches!(own.status.as_str(), "pending" | "initiating" | "running"), "left: {own:#?}");
    }
    // What an alarm or the lever does to one experiment, it does to all.
    let alone = chaos.lives.len() == 1;
    for (experiment, life) in result.experiments.iter().zip(&chaos.lives) {
        if experiment.id.is_none() || experiment.verdict == Verdict::Cancelled {
            continue;
        }
        let expected: &[Verdict] = match life {
            Life::Completes if alone => &[Verdict::Passed, Verdict::TimedOut],
            Life::AlarmFires if alone => &[Verdict::Failed, Verdict::TimedOut],
            Life::CompletesWithoutTargets | Life::Fails | Life::LeverEngaged | Life::Cancelled if alone => {
                &[Verdict::Errored, Verdict::TimedOut]
            }
            Life::NeverEnds | Life::StaysPending | Life::EndsInAnUnknownWord if alone => {
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
