//! Builders of plans and of what they consist of. Each has values that are of no account to most tests; a test
//! names the others by the syntax for struct updates.

use std::time::Duration;

use faultgate_core::model::{
    EngineSpec, ExperimentPlan, HaltRule, InjectionRule, Monitor, Phase, PhaseEvaluations, Phases, Plan,
    Probe, RunIdentity, Score,
};

/// Returns the identity of a run outside of any CI.
pub fn identity(id: &str) -> RunIdentity {
    RunIdentity {
        id: id.to_owned(),
        ci: "none".to_owned(),
        pipeline: None,
        url: None,
        repository: None,
        commit: None,
        environment: None,
        shard: None,
        plan_run: None,
        attempt_key: id.to_owned(),
    }
}

/// Returns an experiment of FIS in the account and Region of the run.
pub fn fis(template: &str) -> EngineSpec {
    EngineSpec::Fis { template: template.to_owned(), region: None, role_arn: None }
}

/// Returns an experiment without probes, which has 10 minutes after a minute in the queue.
pub fn experiment(name: &str, spec: EngineSpec) -> ExperimentPlan {
    ExperimentPlan {
        name: name.to_owned(),
        spec,
        weight: 1,
        timeout: Duration::from_mins(10),
        queue_timeout: Duration::from_mins(1),
        expected: None,
        probes: Vec::new(),
    }
}

/// Returns a plan that runs these experiments one after another, and expects the full score.
pub fn plan(experiments: Vec<ExperimentPlan>) -> Plan {
    Plan {
        experiments,
        shard: None,
        is_part: false,
        suite: None,
        suite_size: None,
        expected: Score::FULL,
        each: None,
        compare_to: None,
        parallel: 1,
        max_active: 5,
        monitor: Monitor::Events,
        event_queue_url: None,
        reconcile_interval: Duration::from_mins(5),
        dry_run: false,
        preview: false,
        injection: InjectionRule::default(),
        stop_on_failure: false,
        links: Vec::new(),
        halt: HaltRule::default(),
        report_dir: "unused".into(),
        reporting_must_succeed: false,
    }
}

/// Returns an HTTP probe with this number of evaluations, all of them in the fault window.
pub fn probe(passed: u64, total: u64, weight: u32) -> Probe {
    Probe {
        passed,
        total,
        passed_counted: passed,
        counted: total,
        score: Score::of_share(passed, total),
        phases: Phases {
            during: PhaseEvaluations { total, passed, ..PhaseEvaluations::default() },
            ..Phases::default()
        },
        unevaluated: (total == 0).then_some(Phase::During),
        ..Probe::new("p", "http", weight)
    }
}
