use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    Check, EngineSpec, ExperimentPlace, HaltRule, InjectionRule, Intent, LaunchRecord, Monitor,
    MonitorRecord, Phase, Probe, ProbePlan, RunIdentity, Score, Signal, Source, State, Transition,
};
use faultgate_engines::probe::{Evaluate, Evaluation};
use faultgate_engines::{Judgement, Notary, Record, Takeover, Unnoted, Watcher};
use futures_util::FutureExt;

use super::*;
use crate::lifecycle::{Cancel, Equipment, Journal, RunInputs};

/// An engine whose experiments run until they are stopped, and whose searches take for ever.
#[derive(Default)]
struct Endless {
    stopped: Cell<bool>,
}

impl Endless {
    fn record(&self) -> Record {
        let (state, ended_at) = if self.stopped.get() {
            (State::Stopped, Some(Timestamp::UNIX_EPOCH))
        } else {
            (State::Running, None)
        };
        Record { state, ended_at, ..Record::unknown() }
    }
}

#[async_trait(?Send)]
impl Engine for Endless {
    async fn check(&self, _: &[&ExperimentPlan]) -> Vec<Finding> {
        Vec::new()
    }

    async fn launch(&self, plan: &ExperimentPlan, _: &dyn Notary) -> Result<Launched, EngineFailure> {
        let at = Timestamp::UNIX_EPOCH;
        let first = Transition {
            state: State::Running,
            raw_state: "running".to_owned(),
            at,
            observed_at: at,
            source: Source::Launch,
            reason: None,
        };
        Ok(Launched { id: plan.name.clone(), url: None, first })
    }

    async fn find_unanswered(&self, _: &ExperimentPlan) -> Result<Option<Launched>, EngineFailure> {
        std::future::pending().await
    }

    async fn follow(&self, _: &Launched, _: &dyn Watcher) -> Result<Record, EngineFailure> {
        while !self.stopped.get() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(self.record())
    }

    async fn stop(&self, _: &Launched) -> Result<(), EngineFailure> {
        self.stopped.set(true);
        Ok(())
    }

    fn stop_command(&self, _: &Launched) -> String {
        "stop it".to_owned()
    }

    async fn look(&self, _: &Launched) -> Result<Record, EngineFailure> {
        Ok(self.record())
    }

    async fn judge(&self, _: &Record, _: &Launched, _: Option<&StopCause>) -> Judgement {
        Judgement::errored("it was stopped")
    }

    fn monitoring(&self, _: &ExperimentPlan, _: Option<&str>) -> MonitorRecord {
        MonitorRecord::new(Monitor::Poll)
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn takeover(&self) -> &dyn Takeover {
        self
    }
}

impl Takeover for Endless {
    fn adopt(&self, _: &ExperimentPlan, launch: &LaunchRecord) -> Launched {
        Launched::by_another(launch)
    }

    fn recall(&self, _: &ExperimentPlan, _: &Intent) {}
}

struct Answers;

#[async_trait]
impl Evaluate for Answers {
    async fn evaluate(&self) -> Evaluation {
        Evaluation { passed: true, latency: None, reason: None }
    }
}

fn plan() -> Plan {
    let probe = ProbePlan {
        name: "answers".to_owned(),
        check: Check::Tcp { address: "shop:80".to_owned(), within: Duration::from_secs(1) },
        when: vec![Phase::Before],
        every: Duration::from_secs(1),
        weight: 1,
        recovers_within: None,
        aborts_after: None,
    };
    let experiment = ExperimentPlan {
        name: "az".to_owned(),
        spec: EngineSpec::Fis { template: "EXT1".to_owned(), region: None, role_arn: None },
        weight: 1,
        timeout: Duration::from_secs(1800),
        queue_timeout: Duration::from_secs(300),
        expected: None,
        probes: vec![probe],
    };
    Plan {
        parallel: 1,
        max_active: 5,
        experiments: vec![experiment],
        shard: None,
        is_part: false,
        suite: None,
        suite_size: None,
        expected: Score::FULL,
        each: None,
        compare_to: None,
        monitor: Monitor::Poll,
        event_queue_url: None,
        reconcile_interval: Duration::from_secs(300),
        dry_run: false,
        preview: false,
        injection: InjectionRule::default(),
        stop_on_failure: false,
        links: Vec::new(),
        halt: HaltRule::default(),
        report_dir: std::path::PathBuf::new(),
        reporting_must_succeed: false,
    }
}

fn identity() -> RunIdentity {
    RunIdentity {
        id: "steps".to_owned(),
        ci: "none".to_owned(),
        pipeline: None,
        url: None,
        repository: None,
        commit: None,
        environment: None,
        shard: None,
        plan_run: None,
        attempt_key: "steps".to_owned(),
    }
}

fn equipment() -> Equipment {
    Equipment { engine: Rc::new(Endless::default()), evaluators: vec![Arc::new(Answers)] }
}

fn lifecycle<'a>(
    plan: &'a Plan,
    run: &'a RunIdentity,
    cancel: &'a Cancel,
    journal: &'a dyn Journal,
    equipment: Vec<Equipment>,
) -> Result<Lifecycle<'a>, crate::lifecycle::Misfit> {
    let clock = Clock::start();
    let inputs = RunInputs { plan, run, rehearsal: None, journal, clock, cancel, publish: &|_| {} };
    Lifecycle::new(inputs, equipment)
}

/// Nothing is written down, so the handover fails, and the launching process stops and reports everything.
#[tokio::test(start_paused = true)]
async fn a_handover_that_fails_reports_the_evaluations_before_the_launch() {
    let (plan, run, cancel) = (plan(), identity(), Cancel::new());
    let lifecycle = lifecycle(&plan, &run, &cancel, &Unnoted, vec![equipment()]).unwrap();
    let result = lifecycle.launch().await.expect("the run ends here");
    let [experiment] = &result.experiments[..] else { panic!("{result:?}") };
    assert!(experiment.stop.as_ref().is_some_and(|stop| stop.confirmed), "{experiment:?}");
    let totals: Vec<(u64, u64)> =
        experiment.probes.iter().map(|probe: &Probe| (probe.total, probe.passed)).collect();
    assert_eq!(totals, [(1, 1)]);
}

/// A second signal ends the process as soon as all stops are out. Until it is known that nothing runs, they
/// are not.
#[tokio::test(start_paused = true)]
async fn a_second_signal_waits_for_an_experiment_that_is_still_looked_for() {
    let (plan, run, cancel) = (plan(), identity(), Cancel::new());
    let lifecycle = lifecycle(&plan, &run, &cancel, &Unnoted, vec![equipment()]).unwrap();
    let mut state = RunState::of(&run, false, Timestamp::UNIX_EPOCH);
    let place = ExperimentPlace::of(&plan.experiments[0].spec, None);
    let known = ExperimentState::planned("az", place);
    state.experiments.push(ExperimentState { phase: RunPhase::Intended, ..known });
    let mut monitoring = Box::pin(lifecycle.monitor(&state));
    assert!(monitoring.as_mut().now_or_never().is_none(), "it looks for the experiment");
    cancel.cancel(Signal::Terminate);
    assert!(cancel.stops_are_out().now_or_never().is_none(), "nobody knows whether it runs");
    let result = monitoring.await;
    assert_eq!(result.experiments[0].verdict, Verdict::Cancelled);
    assert!(cancel.stops_are_out().now_or_never().is_some());
}

#[test]
fn equipment_has_to_fit_the_plan() {
    let (plan, run, cancel) = (plan(), identity(), Cancel::new());
    let misfit = |equipment| {
        let made = lifecycle(&plan, &run, &cancel, &Unnoted, equipment);
        made.err().map(|misfit| misfit.to_string()).unwrap_or_default()
    };
    assert_eq!(misfit(vec![equipment()]), "");
    assert_eq!(misfit(Vec::new()), "the plan has 1 experiments, and 0 are equipped");
    let unmeasured = Equipment { evaluators: Vec::new(), ..equipment() };
    assert_eq!(misfit(vec![unmeasured]), "az has 1 probes, and 0 of them have an evaluator");
}
