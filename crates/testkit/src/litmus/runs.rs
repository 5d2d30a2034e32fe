//! The life of a run, as the agent tells it and the server keeps it.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

/// A fault as the agent's ChaosResult has it.
#[derive(Debug, Clone)]
pub struct CenterFault {
    pub name: String,
    pub weight: i64,
    /// One of `Pass`, `Fail`, `Stopped`, `Awaited`, `N/A`, `Error`.
    pub verdict: String,
    pub probe_success: String,
    pub fail_step: String,
    /// Name, kind, mode, verdict and description of each probe.
    pub probes: Vec<[String; 5]>,
    /// The phase and the verdict of the ChaosResult, if they differ from those of the fault's engine.
    pub result: Option<(String, String)>,
    /// `true` if the fault came to its targets.
    pub touched: bool,
}

impl CenterFault {
    pub fn new(name: &str, weight: i64, verdict: &str, probe_success: &str) -> Self {
        Self {
            name: name.to_owned(),
            weight,
            verdict: verdict.to_owned(),
            probe_success: probe_success.to_owned(),
            fail_step: String::new(),
            probes: Vec::new(),
            result: None,
            touched: true,
        }
    }

    /// A fault that returned before it injected, since a probe at the start of the test with `stopOnFailure`
    /// failed. The agent forces the verdict of its engine to `Fail`.
    pub fn unsteady(name: &str, weight: i64, probe_success: &str) -> Self {
        let reason = json!({ "errorCode": "HTTP_PROBE_FAILURE", "phase": "PreChaos", "reason": "status 503",
            "target": "{name: answers}" });
        let mut fault = Self::new(name, weight, "Fail", probe_success)
            .failing(&format!("HTTP_PROBE_FAILURE : {reason}"))
            .probe(["settled", "httpProbe", "SOT", "Passed", ""])
            .probe(["answers", "httpProbe", "SOT", "Failed", "status 503"])
            .without_targets();
        fault.result = Some(("Stopped".to_owned(), "Stopped".to_owned()));
        fault
    }

    /// A fault that found no pod with its label.
    pub fn without_pods(name: &str, weight: i64) -> Self {
        let reason = json!({ "errorCode": "TARGET_SELECTION_ERROR", "phase": "ChaosInject",
            "reason": "no pod found with matching labels", "target": "{podLabel: app=shop}" });
        Self::new(name, weight, "Fail", "0")
            .failing(&format!("TARGET_SELECTION_ERROR : {reason}"))
            .without_targets()
    }

    fn without_targets(mut self) -> Self {
        self.touched = false;
        self
    }

    #[must_use]
    pub fn failing(mut self, step: &str) -> Self {
        step.clone_into(&mut self.fail_step);
        self
    }

    #[must_use]
    pub fn probe(mut self, probe: [&str; 5]) -> Self {
        self.probes.push(probe.map(str::to_owned));
        self
    }
}

/// A stage in the life of a run, which a read shows.
#[derive(Debug, Clone)]
pub struct RunStage {
    pub phase: String,
    /// `true` if the agent has reported, so that there is a run id.
    pub reported: bool,
    /// The results of a run that is over.
    pub results: Option<Vec<CenterFault>>,
}

impl RunStage {
    pub fn queued() -> Self {
        Self { phase: "Queued".to_owned(), reported: false, results: None }
    }

    /// A stage with the agent's word, which the schema may not have.
    pub fn going(phase: &str) -> Self {
        Self { phase: phase.to_owned(), reported: true, results: None }
    }

    pub fn running() -> Self {
        Self::going("Running")
    }

    pub fn over(phase: &str, results: Vec<CenterFault>) -> Self {
        Self { phase: phase.to_owned(), reported: true, results: Some(results) }
    }

    /// A life that is queued, then running, then over with these results.
    pub fn life(phase: &str, results: Vec<CenterFault>) -> Vec<Self> {
        vec![Self::queued(), Self::running(), Self::over(phase, results)]
    }
}

/// The row of a run in the server's database.
#[derive(Debug, Clone)]
pub struct RunRow {
    pub experiment: String,
    pub notify_id: String,
    pub run_id: String,
    pub phase: String,
    pub completed: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub weights: Vec<(String, i64)>,
    pub results: Option<Vec<CenterFault>>,
    /// The stages that are still to come. Each read of this run takes one step; the last stage stays.
    pub ahead: VecDeque<RunStage>,
    /// Number of reads that do not find the row yet.
    pub unseen: u32,
}

impl RunRow {
    /// Takes what the agent tells. A row that is over is not changed any more.
    pub fn take(&mut self, stage: RunStage, now: i64) {
        if self.completed {
            return;
        }
        if stage.reported && self.run_id.is_empty() {
            self.run_id = format!("run-of-{}", self.notify_id);
        }
        self.completed = stage.results.is_some();
        self.phase = stage.phase;
        self.results = stage.results;
        self.updated_at = now;
    }

    pub fn step(&mut self, now: i64) {
        if let Some(stage) = self.ahead.pop_front() {
            self.take(stage, now);
        }
    }

    /// Returns the row as an answer has it. A list leaves the notify id out.
    pub fn answer(&self, project: &str, listed: bool) -> Value {
        let results = self.results.as_deref();
        let count = |verdicts: &[&str]| {
            let of = |fault: &&CenterFault| verdicts.contains(&fault.verdict.as_str());
            results.map(|faults| faults.iter().filter(of).count())
        };
        json!({
            "projectID": project,
            "experimentID": self.experiment,
            "experimentRunID": self.run_id,
            "notifyID": (!listed).then_some(&self.notify_id),
            "phase": self.phase,
            // The score is 0 for as long as the run is not over.
            "resiliencyScore": results.map_or(0.0, |results| score(&self.weights, results)),
            "totalFaults": results.map(|_| self.weights.len()),
            "faultsPassed": count(&["Pass"]),
            "faultsFailed": count(&["Fail"]),
            "faultsAwaited": count(&["Awaited"]),
            "faultsStopped": count(&["Stopped"]),
            "faultsNa": count(&["N/A", ""]),
            "weightages": self.weights.iter()
                .map(|(name, weight)| json!({ "faultName": name, "weightage": weight }))
                .collect::<Vec<_>>(),
            "executionData": self.execution_data().to_string(),
            "createdAt": self.created_at.to_string(),
            "updatedAt": self.updated_at.to_string(),
        })
    }

    /// Returns the node of a fault, which lasts as long as the run.
    fn node(&self, fault: &CenterFault) -> Value {
        let mut node = node(fault);
        node["startedAt"] = seconds(self.created_at).into();
        node["finishedAt"] = seconds(self.updated_at).into();
        node
    }

    fn execution_data(&self) -> Value {
        let nodes: Map<String, Value> = self
            .results
            .iter()
            .flatten()
            .enumerate()
            .map(|(at, fault)| (format!("{}-{at}", self.run_id), self.node(fault)))
            .collect();
        json!({
            "experimentType": "experiment", "revisionID": "revision-1", "notifyID": self.notify_id,
            "experimentID": self.experiment, "eventType": "UPDATE", "uid": self.run_id, "namespace": "litmus",
            "name": self.experiment, "creationTimestamp": seconds(self.created_at), "phase": self.phase,
            "message": "", "startedAt": seconds(self.created_at),
            "finishedAt": if self.completed { seconds(self.updated_at) } else { String::new() },
            "nodes": nodes, "updatedBy": "admin",
        })
    }
}

/// Computes the score like the server: of whole percents, and cut off after two digits.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers")]
fn score(weights: &[(String, i64)], results: &[CenterFault]) -> f64 {
    let all: i64 = weights.iter().map(|(_, weight)| weight).sum();
    let of = |name: &str| results.iter().find(|fault| fault.name == name);
    let percent =
        |name: &str| of(name).and_then(|fault| fault.probe_success.parse::<i64>().ok()).unwrap_or(0);
    let reached: i64 = weights.iter().map(|(name, weight)| weight * percent(name)).sum();
    if all == 0 { 0.0 } else { (reached * 100 / all) as f64 / 100.0 }
}

fn node(fault: &CenterFault) -> Value {
    let probes: Vec<Value> = fault
        .probes
        .iter()
        .map(|[name, kind, mode, verdict, description]| {
            let status = json!({ "verdict": verdict, "description": description });
            json!({ "name": name, "type": kind, "mode": mode, "status": status })
        })
        .collect();
    let phase = match (&fault.result, fault.verdict.as_str()) {
        (Some((phase, _)), _) => phase,
        (None, "Fail") => "Completed_With_Probe_Failure",
        (None, "Stopped") => "Stopped",
        (None, "Error") => "Error",
        (None, "Awaited") => "Running",
        (None, _) => "Completed",
    };
    let result = fault.result.as_ref().map_or(&fault.verdict, |(_, verdict)| verdict);
    let targets = if fault.touched {
        json!([{ "name": "shop", "kind": "deployment", "chaosStatus": "targeted" }])
    } else {
        json!([])
    };
    json!({
        "name": fault.name, "phase": phase, "message": "", "children": null, "type": "ChaosEngine",
        "chaosData": {
            "engineUID": "engine-uid", "engineContext": "", "engineName": fault.name, "namespace": "litmus",
            "experimentName": fault.name, "experimentStatus": phase, "lastUpdatedAt": "1700000061",
            "experimentVerdict": fault.verdict, "experimentPod": "pod", "runnerPod": "runner",
            "probeSuccessPercentage": fault.probe_success, "failStep": fault.fail_step,
            "chaosResult": { "status": {
                "experimentStatus": { "phase": phase, "verdict": result,
                    "probeSuccessPercentage": fault.probe_success },
                "probeStatuses": probes,
                "history": { "passedRuns": 0, "failedRuns": 0, "stoppedRuns": 0,
                    "targets": targets },
            } },
        },
    })
}

fn seconds(millis: i64) -> String {
    (millis / 1000).to_string()
}
