//! The scenarios that can be rehearsed. Each is data: what the experiments do, what goes wrong, and the
//! expected verdict.

use std::borrow::Cow;
use std::time::Duration;

use crate::fixtures::SYSTEM_ALARM_NAME;
use crate::story::fault::EventFaults;
use crate::story::fault::FaultEffect;
use crate::story::fault::FaultRule;
use crate::story::plot::Plot;
use crate::story::script::Which;
use crate::story::script::{self, Beat};
use crate::story::target::TargetSuffering;
use faultgate_core::model::Verdict;

/// One story that a world plays, and the verdict of a run of it.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// Description of what happens, in a sentence.
    pub summary: &'static str,
    pub expected: Verdict,
    /// Names and values of inputs by which a run of the scenario takes seconds. Those that the user sets
    /// override them.
    pub inputs: &'static [(&'static str, &'static str)],
    /// Content of the templates.
    pub plot: Plot,
    /// Number of failures in a row after which the probe of a plain rehearsal stops the experiment.
    pub aborts_after: Option<u32>,
    /// Name of an alarm that a probe of a plain rehearsal is on, besides its other probes.
    pub alarm: Option<&'static str>,
    /// Text of a policy that holds for a rehearsal of the scenario, beside those that are named.
    pub policy: Option<&'static str>,
    /// Script of the experiments of [`crate::fixtures::TEMPLATE_ID`].
    pub script: &'static [Beat],
    /// `true` if targets resolve to resources; if not, every action is skipped.
    pub targets_resolve: bool,
    /// Number of resources that a target finds which selects them by tags: in a preview, and at a launch.
    pub found: (usize, usize),
    /// Time for which an experiment is `stopping` before it is `stopped`.
    pub stopping: Duration,
    pub faults: &'static [FaultRule],
    pub events: &'static EventFaults,
    /// Life of an experiment of somebody else that runs when the scenario begins, if there is one.
    pub others: Option<&'static [Beat]>,
    /// Effect of the fault on the target.
    pub suffering: TargetSuffering,
}

impl Scenario {
    pub fn all() -> &'static [Self] {
        SCENARIOS
    }

    /// Returns the script of its experiments; `fault` is the length of the fault, if not that of the script.
    pub fn life(&self, fault: Option<Duration>) -> Vec<Beat> {
        // A scenario with waits injects its fault by the action after the first wait.
        let injecting = if self.plot == Plot::Waits { Which::Second } else { Which::First };
        fault.map_or_else(|| self.script.to_vec(), |fault| script::lasting(self.script, injecting, fault))
    }

    pub fn find(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }
}

/// The scenario that all others are variations of.
const COMPLETED: Scenario = Scenario {
    name: "completed",
    summary: "the experiment injects its fault and completes; the system is slower meanwhile and bears it",
    expected: Verdict::Passed,
    inputs: &[],
    plot: Plot::Latency,
    aborts_after: None,
    alarm: None,
    policy: None,
    script: script::COMPLETED,
    targets_resolve: true,
    found: (2, 2),
    stopping: Duration::from_millis(400),
    faults: &[],
    events: &EventFaults::NONE,
    others: None,
    suffering: TargetSuffering { delay: Duration::from_millis(20), fails_every: None, recovers: true },
};

static SCENARIOS: &[Scenario] = &[
    COMPLETED,
    Scenario {
        name: "degraded",
        summary: "every second request to the system fails while the fault is in, and none after it",
        expected: Verdict::Failed,
        suffering: TargetSuffering { fails_every: Some(2), ..COMPLETED.suffering },
        ..COMPLETED
    },
    Scenario {
        name: "not-recovered",
        summary: "the system fails while the fault is in, and does not come back",
        expected: Verdict::Failed,
        suffering: TargetSuffering { fails_every: Some(1), recovers: false, ..COMPLETED.suffering },
        ..COMPLETED
    },
    Scenario {
        name: "waits",
        summary: "a wait to warm up, a short outage in which every request fails, and a wait to settle: only looks in the \
                  outage count",
        expected: Verdict::Failed,
        plot: Plot::Waits,
        script: script::WAITS,
        suffering: TargetSuffering { fails_every: Some(1), ..COMPLETED.suffering },
        ..COMPLETED
    },
    Scenario {
        name: "probe-aborts",
        summary: "every request to the system fails while the fault is in, and a probe stops the experiment",
        expected: Verdict::Failed,
        inputs: &[("timeout", "30s")],
        aborts_after: Some(3),
        script: script::NEVER_ENDS,
        suffering: TargetSuffering { fails_every: Some(1), ..COMPLETED.suffering },
        ..COMPLETED
    },
    Scenario {
        name: "stop-condition",
        summary: "an alarm fires while the fault is in effect, and the experiment is stopped",
        expected: Verdict::Failed,
        script: script::ALARM_FIRES,
        ..COMPLETED
    },
    Scenario {
        name: "alarm-by-event",
        summary: "an alarm that a probe is on rings for a third of the fault; events tell of it, and it is \
                  measured by time",
        expected: Verdict::Failed,
        alarm: Some(SYSTEM_ALARM_NAME),
        script: script::ALARM_RINGS,
        ..COMPLETED
    },
    Scenario {
        name: "failed",
        summary: "an action is refused for want of permissions, and the experiment fails",
        expected: Verdict::Errored,
        script: script::FAILED,
        ..COMPLETED
    },
    Scenario {
        name: "cancelled",
        summary: "the experiment is cancelled before it begins, and no event tells of it",
        expected: Verdict::Errored,
        inputs: &[("reconcile-interval", "2s")],
        script: script::CANCELLED,
        ..COMPLETED
    },
    Scenario {
        name: "safety-lever",
        summary: "somebody engages the account's safety lever while the experiment runs",
        expected: Verdict::Errored,
        script: script::LEVER_ENGAGED,
        ..COMPLETED
    },
    Scenario {
        name: "nothing-injected",
        summary: "the experiment completes, but found no target and skipped every action",
        expected: Verdict::Errored,
        targets_resolve: false,
        ..COMPLETED
    },
    Scenario {
        name: "partly-injected",
        summary: "one of two faults finds no target and is skipped; the other is injected, and the system bears it",
        expected: Verdict::Passed,
        plot: Plot::TwoFaults,
        ..COMPLETED
    },
    Scenario {
        name: "recovery-only",
        summary: "the experiment moves traffic away from a zone and completes: that injects nothing",
        expected: Verdict::Errored,
        plot: Plot::Recovery,
        suffering: TargetSuffering { delay: Duration::ZERO, ..COMPLETED.suffering },
        ..COMPLETED
    },
    Scenario {
        name: "never-ends",
        summary: "the experiment runs until it is stopped",
        expected: Verdict::TimedOut,
        inputs: &[("timeout", "3s")],
        script: script::NEVER_ENDS,
        ..COMPLETED
    },
    Scenario {
        name: "lost-events",
        summary: "the experiment completes, but none of its state changes is delivered",
        expected: Verdict::Passed,
        inputs: &[("reconcile-interval", "2s")],
        events: &EventFaults { lose_all: true, ..EventFaults::NONE },
        ..COMPLETED
    },
    Scenario {
        name: "duplicate-events",
        summary: "the experiment completes, and each state change is delivered three times",
        expected: Verdict::Passed,
        events: &EventFaults { copies: 3, ..EventFaults::NONE },
        ..COMPLETED
    },
    Scenario {
        name: "out-of-order",
        summary: "the experiment completes, and its state changes overtake one another",
        expected: Verdict::Passed,
        // The delays make `initiating` arrive after `running`, just before `completed`.
        events: &EventFaults {
            delays: Cow::Borrowed(&[Duration::from_millis(1500), Duration::from_millis(400)]),
            ..EventFaults::NONE
        },
        ..COMPLETED
    },
    Scenario {
        name: "throttled",
        summary: "the first two requests of each kind are throttled",
        expected: Verdict::Passed,
        faults: THROTTLED,
        ..COMPLETED
    },
    Scenario {
        name: "slow-propagation",
        summary: "the new rule matches nothing for three seconds",
        expected: Verdict::Passed,
        events: &EventFaults { rule_latency: Duration::from_secs(3), ..EventFaults::NONE },
        ..COMPLETED
    },
    Scenario {
        name: "refused",
        summary: "a policy denies the experiment's action and wants a log, so nothing is launched",
        expected: Verdict::Errored,
        policy: Some("version: 1\ndeny: { actions: [\"aws:ecs:*\"] }\nrequire: { logs: true }\n"),
        ..COMPLETED
    },
    Scenario {
        name: "too-many-targets",
        summary: "a preview finds two tasks where a policy allows one, so nothing is launched",
        expected: Verdict::Errored,
        policy: Some("version: 1\nlimits: { targets: 1 }\n"),
        ..COMPLETED
    },
    Scenario {
        name: "grows-after-preview",
        summary: "a preview finds two tasks and the launch three: the experiment is stopped at once",
        expected: Verdict::Errored,
        inputs: &[("timeout", "30s")],
        policy: Some("version: 1\nlimits: { targets: 5 }\n"),
        script: script::NEVER_ENDS,
        found: (2, 3),
        ..COMPLETED
    },
    Scenario {
        name: "busy-account",
        summary: "a policy wants the experiment alone, and it waits until that of another pipeline has ended",
        expected: Verdict::Passed,
        policy: Some(ALONE),
        others: Some(script::COMPLETED),
        ..COMPLETED
    },
    Scenario {
        name: "never-alone",
        summary: "a policy wants the experiment alone, and that of another pipeline does not end: nothing is launched",
        expected: Verdict::TimedOut,
        inputs: &[("queue-timeout", "3s")],
        policy: Some(ALONE),
        others: Some(script::NEVER_ENDS),
        ..COMPLETED
    },
    Scenario {
        name: "denied",
        summary: "the caller is not allowed to start experiments",
        expected: Verdict::Errored,
        faults: &[FaultRule {
            operation: Cow::Borrowed("StartExperiment"),
            from: 1,
            times: None,
            region: None,
            effect: FaultEffect::Error {
                status: 403,
                code: Cow::Borrowed("AccessDeniedException"),
                message: Cow::Borrowed(
                    "User: arn:aws:sts::123456789012:assumed-role/pipeline/faultgate is not authorized to perform: \
                     fis:StartExperiment on resource: arn:aws:fis:us-east-1:123456789012:experiment-template/EXTrehearsal",
                ),
                retry_after: None,
            },
        }],
        ..COMPLETED
    },
];

/// A policy that wants experiments alone.
const ALONE: &str = "version: 1\nlimits: { alone: true }\n";

/// Makes a fault that throttles the first two requests of an operation. SDKs try three times by default, so a
/// run with defaults can just take it. The time after which to try again keeps it to seconds.
const fn twice(operation: &'static str) -> FaultRule {
    FaultRule {
        operation: Cow::Borrowed(operation),
        from: 1,
        times: Some(2),
        region: None,
        effect: FaultEffect::throttled(Some(Duration::from_millis(50))),
    }
}

/// Faults that throttle each operation that a run needs.
const THROTTLED: &[FaultRule] = &[
    twice("GetExperimentTemplate"),
    twice("GetSafetyLever"),
    twice("DescribeAlarms"),
    twice("CreateQueue"),
    twice("PutRule"),
    twice("PutTargets"),
    twice("PutEvents"),
    twice("ReceiveMessage"),
    twice("DeleteMessageBatch"),
    twice("StartExperiment"),
    twice("GetExperiment"),
    twice("ListExperimentResolvedTargets"),
    twice("RemoveTargets"),
    twice("DeleteRule"),
    twice("DeleteQueue"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own_and_is_short() {
        let names: BTreeSet<_> = Scenario::all().iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        for scenario in Scenario::all() {
            let life: Duration = scenario.script.iter().map(|beat| beat.after).sum();
            assert!(life < Duration::from_secs(6), "{}", scenario.name);
            assert!(Scenario::find(scenario.name).is_some());
        }
        assert!(Scenario::find("nothing-of-the-kind").is_none());
    }
}
