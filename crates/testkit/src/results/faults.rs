//! Results of an engine that weighs and judges its faults, to render in tests.

use faultgate_core::model::{
    Action, Effect, Evidence, Fault, FaultProbe, Monitor, MonitorRecord, RunResult, Score, ScoreSource,
    State, Target, Verdict,
};

fn probe(name: &str, kind: &str, verdict: &str, description: Option<&str>) -> FaultProbe {
    FaultProbe {
        name: name.to_owned(),
        kind: kind.to_owned(),
        mode: Some("Continuous".to_owned()),
        verdict: verdict.to_owned(),
        description: description.map(str::to_owned),
    }
}

fn fault(name: &str, weight: u32, verdict: &str, success: f64, probes: Vec<FaultProbe>) -> Fault {
    Fault {
        name: name.to_owned(),
        weight: Some(weight),
        verdict: verdict.to_owned(),
        probe_success: Score::new(success),
        fail_step: None,
        error_code: None,
        probes,
    }
}

/// Returns a Litmus experiment of three faults that found a weakness.
pub fn faulted() -> RunResult {
    let mut result = super::passed();
    let experiment = &mut result.experiments[0];
    let mut delete = fault(
        "pod-delete",
        5,
        "Fail",
        50.0,
        vec![
            probe("answers", "httpProbe", "Failed", Some("status 503, not 200")),
            probe("ready", "k8sProbe", "Passed", None),
            probe("queue is short", "promProbe", "N/A", None),
        ],
    );
    delete.fail_step = Some("HTTP_PROBE_FAILURE : status 503, not 200".to_owned());
    delete.error_code = Some("HTTP_PROBE_FAILURE".to_owned());
    let latency =
        fault("pod-network-latency", 10, "Pass", 100.0, vec![probe("answers", "httpProbe", "Passed", None)]);
    let awaited = Fault { probe_success: None, ..fault("node-drain", 1, "", 0.0, Vec::new()) };
    experiment.actions = [(&delete, "Completed_With_Probe_Failure"), (&latency, "Succeeded")]
        .map(|(fault, phase)| Action {
            name: fault.name.clone(),
            action_id: "ChaosEngine".to_owned(),
            effect: Effect::Injects,
            state: "completed".to_owned(),
            reason: Some(format!("phase {phase}, verdict {}", fault.verdict)),
            started_at: experiment.started_at,
            ended_at: experiment.ended_at,
            targets: vec![fault.name.clone()],
        })
        .to_vec();
    experiment.targets = vec![Target {
        name: "pod-delete".to_owned(),
        resource_type: "pod".to_owned(),
        resolved: Some(2),
        has_more: false,
        resources: vec!["shop-1 (reverted)".to_owned(), "shop-2 (injected)".to_owned()],
    }];
    experiment.faults = vec![latency, delete, awaited];
    "litmus".clone_into(&mut experiment.engine);
    "3fa85f64-5717".clone_into(&mut experiment.source);
    experiment.url = Some("https://litmus.example/account/a/project/p/experiments/e/runs/r".to_owned());
    (experiment.state, experiment.verdict) = (State::Completed, Verdict::Failed);
    experiment.raw_state = Some("Completed_With_Probe_Failure".to_owned());
    (experiment.score, experiment.score_source) = (Score::new(78.12), Some(ScoreSource::Engine));
    "it completed; injected: pod-network-latency, pod-delete; LitmusChaos's resilience score is 78.12; pod-delete: \
     Fail, probe success 50 %, probe answers failed (status 503, not 200); its score 78.12 is below the expected 95"
        .clone_into(&mut experiment.reason);
    experiment.stop_conditions = Vec::new();
    experiment.region = None;
    experiment.evidence = vec![
        Evidence::new("LitmusChaos", "the phase is Completed_With_Probe_Failure"),
        Evidence::new("LitmusChaos", "the weights and the probes' success make 78.12, as it says"),
    ];
    experiment.monitor = MonitorRecord::new(Monitor::Poll);
    "by asking LitmusChaos, 23 times".clone_into(&mut experiment.monitor.learned);
    result.experiments.truncate(1);
    (result.gate.verdict, result.gate.exit_code) = (Verdict::Failed, 1);
    result.gate.resilience_score = Score::new(78.12);
    result.gate.reasons = vec![result.experiments[0].reason.clone()];
    result
}

/// Returns a Litmus experiment in which every text of a fault is this one.
pub fn saying_faults(text: &str) -> RunResult {
    let said = || text.to_owned();
    let mut result = super::saying(text);
    let mut faults = faulted().experiments.swap_remove(0).faults;
    for fault in &mut faults {
        (fault.name, fault.verdict) = (said(), said());
        (fault.fail_step, fault.error_code) = (Some(said()), Some(said()));
        for probe in &mut fault.probes {
            (probe.name, probe.kind, probe.verdict) = (said(), said(), said());
            (probe.mode, probe.description) = (Some(said()), Some(said()));
        }
    }
    for experiment in &mut result.experiments {
        experiment.faults.clone_from(&faults);
    }
    result
}
