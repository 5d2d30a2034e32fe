//! The world of a Harness project: experiments, and runs that lead the lives which tests give them.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Time of creation of the first run, in milliseconds since 1970.
const EPOCH: i64 = 1_767_322_800_000;

/// The state in which a run is told at some time of its life.
#[derive(Debug, Clone)]
pub struct HarnessBeat {
    pub phase: String,
    pub score: Option<f64>,
    /// Numbers of faults: passed, failed, awaited, stopped, not available.
    pub counts: [u32; 5],
    /// `true` if lists do not have the run.
    pub absent: bool,
    /// `true` if the agent has reported, so that the run has an id.
    pub reported: bool,
    pub completed: bool,
    pub execution: String,
    pub error: Option<String>,
    pub governance: Option<Value>,
    /// Number of reads until the next beat; `None` if the test lets the run go on.
    pub reads: Option<u32>,
}

impl HarnessBeat {
    pub fn phase(phase: &str) -> Self {
        Self {
            phase: phase.to_owned(),
            score: Some(0.0),
            counts: [0; 5],
            absent: false,
            reported: true,
            completed: false,
            execution: String::new(),
            error: None,
            governance: None,
            reads: Some(1),
        }
    }

    /// A run that no list has yet.
    pub fn absent() -> Self {
        Self { absent: true, reported: false, ..Self::phase("") }
    }

    pub fn queued() -> Self {
        Self { reported: false, ..Self::phase("Queued") }
    }

    pub fn running() -> Self {
        Self { counts: [0, 0, 1, 0, 0], ..Self::phase("Running") }
    }

    /// An end with this word and this score.
    pub fn ended(phase: &str, score: f64) -> Self {
        Self { score: Some(score), completed: true, ..Self::phase(phase) }
    }

    /// An end with one fault, which passed or failed by its probes.
    pub fn completed(score: f64) -> Self {
        let passed = score >= 100.0;
        let phase = if passed { "Completed" } else { "Completed_With_Probe_Failure" };
        let counts = [u32::from(passed), u32::from(!passed), 0, 0, 0];
        let verdict = if passed { "Pass" } else { "Fail" };
        Self { counts, execution: execution(&[("pod-delete", verdict, score)]), ..Self::ended(phase, score) }
    }

    pub fn error(why: &str) -> Self {
        Self { error: Some(why.to_owned()), ..Self::ended("Error", 0.0) }
    }

    /// An end because a rule of ChaosGuard does not allow the run.
    pub fn blocked(why: &str) -> Self {
        let governance = json!({ "name": "ChaosGuard", "type": "SecurityGovernance", "startedAt": 1,
            "finishedAt": 2, "phase": "Failed", "message": why });
        Self { governance: Some(governance), reported: false, ..Self::ended("Blocked", 0.0) }
    }

    /// Has the beat last for so many reads.
    #[must_use]
    pub fn lasting(mut self, reads: u32) -> Self {
        self.reads = Some(reads);
        self
    }

    /// Has the beat last until the test lets the run go on.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.reads = None;
        self
    }
}

/// Execution data as the agent writes it: fault, verdict and probe success.
pub fn execution(faults: &[(&str, &str, f64)]) -> String {
    let node = |(fault, verdict, success): &(&str, &str, f64)| {
        let failed = *verdict == "Fail";
        let data = json!({
            "namespace": "shop", "experimentName": fault, "experimentStatus": "Completed",
            "experimentVerdict": verdict, "probeSuccessPercentage": success.to_string(),
            "failStep": if failed { "PROBE_FAILED : checkout did not answer" } else { "" }, "errorCode": "",
        });
        let node = json!({ "name": fault, "phase": "Completed", "type": "K8sTask", "startedAt": "1767322810",
            "finishedAt": "1767322850", "children": null, "chaosData": data });
        ((*fault).to_owned(), node)
    };
    let nodes: serde_json::Map<String, Value> = faults.iter().map(node).collect();
    json!({ "workflowType": "experiment", "phase": "Completed", "nodes": nodes }).to_string()
}

/// The fate of a run that is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// The run is stopped after so many reads.
    After(u32),
    /// The run's row says `Stopped` at once and never changes.
    Frozen,
    /// The run goes on.
    Ignored,
}

#[derive(Debug, Clone)]
pub struct HarnessExperiment {
    pub id: String,
    pub identity: String,
    pub name: String,
    pub cron: String,
    pub infra_type: String,
    pub active: bool,
    pub confirmed: bool,
    /// Names of faults, each with its weight.
    pub weights: Vec<(String, i32)>,
    /// The lives of the next runs. All runs after those lead the last one.
    pub lives: VecDeque<Vec<HarnessBeat>>,
    pub on_stop: OnStop,
    /// The words by which a launch is refused, if it is.
    pub refusal: Option<String>,
    /// The answer of REST about the runtime inputs.
    pub variables: Value,
    pub probes: Vec<Value>,
    pub steps: Vec<Value>,
}

impl HarnessExperiment {
    pub fn new(id: &str, identity: &str, life: &[HarnessBeat]) -> Self {
        Self {
            id: id.to_owned(),
            identity: identity.to_owned(),
            name: identity.to_owned(),
            cron: String::new(),
            infra_type: "Kubernetes".to_owned(),
            active: true,
            confirmed: true,
            weights: vec![("pod-delete".to_owned(), 10)],
            lives: VecDeque::from([life.to_vec()]),
            on_stop: OnStop::After(1),
            refusal: None,
            variables: json!({ "experiment": [], "tasks": {} }),
            probes: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn next_life(&mut self) -> Vec<HarnessBeat> {
        match self.lives.len() {
            0 | 1 => self.lives.front().cloned().unwrap_or_default(),
            _ => self.lives.pop_front().unwrap(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct HarnessRun {
    pub experiment: String,
    pub notify_id: String,
    pub run_id: String,
    pub sequence: usize,
    pub created_at: i64,
    pub updated_at: i64,
    pub stop_requests: u32,
    /// The inputs that the run was launched with by REST.
    pub inputs: Option<Value>,
    now: HarnessBeat,
    seen: u32,
    next: VecDeque<HarnessBeat>,
}

impl HarnessRun {
    pub fn now(&self) -> &HarnessBeat {
        &self.now
    }

    /// Returns the id that answers tell, which is empty until the agent has reported.
    pub fn told_run_id(&self) -> &str {
        if self.now.reported { &self.run_id } else { "" }
    }

    /// Goes on to the next beat of the run's life.
    pub fn go_on(&mut self) {
        if let Some(next) = self.next.pop_front() {
            self.now = next;
            self.seen = 0;
            self.updated_at += 1_000;
        }
    }

    /// Counts a poll.
    fn read(&mut self) {
        self.seen += 1;
        if self.now.reads.is_some_and(|reads| self.seen >= reads) {
            self.go_on();
        }
    }

    fn stop(&mut self, on_stop: OnStop) {
        self.stop_requests += 1;
        let stopped =
            HarnessBeat { execution: self.now.execution.clone(), ..HarnessBeat::ended("Stopped", 0.0) };
        match on_stop {
            OnStop::Ignored => {}
            _ if self.now.completed => {}
            OnStop::Frozen => {
                self.next = VecDeque::from([stopped]);
                self.go_on();
            }
            OnStop::After(reads) => {
                self.now.reads = Some(reads);
                self.seen = 0;
                self.next = VecDeque::from([stopped]);
            }
        }
    }
}

/// The experiments and runs of the project.
#[derive(Debug, Default)]
pub struct HarnessWorld {
    pub experiments: Vec<HarnessExperiment>,
    pub runs: Vec<HarnessRun>,
    /// Number of stops that named no run, and so stopped everybody's.
    pub stops_of_all: u32,
}

impl HarnessWorld {
    pub fn experiment(&mut self, id: &str) -> Option<&mut HarnessExperiment> {
        self.experiments.iter_mut().find(|experiment| experiment.id == id)
    }

    pub fn run(&mut self, notify_id: &str) -> Option<&mut HarnessRun> {
        self.runs.iter_mut().find(|run| run.notify_id == notify_id)
    }

    /// Launches a run and returns its notify id. Fails with the server's words if there is no run.
    pub fn launch(&mut self, id: &str, inputs: Option<Value>) -> Result<String, String> {
        let sequence = self.runs.len() + 1;
        let experiment = self.experiment(id).ok_or("mongo: no documents in result")?;
        if let Some(refusal) = &experiment.refusal {
            return Err(refusal.clone());
        }
        // A run of a schedule gets its id only when the schedule comes to it.
        let notify_id = if experiment.cron.is_empty() { format!("notify-{sequence}") } else { String::new() };
        let mut life: VecDeque<HarnessBeat> = experiment.next_life().into();
        let now = life.pop_front().unwrap_or_else(|| HarnessBeat::queued().held());
        let at = EPOCH + i64::try_from(sequence).unwrap() * 60_000;
        self.runs.push(HarnessRun {
            experiment: id.to_owned(),
            notify_id: notify_id.clone(),
            run_id: format!("run-{sequence}"),
            sequence,
            created_at: at,
            updated_at: at,
            stop_requests: 0,
            inputs,
            now,
            seen: 0,
            next: life,
        });
        Ok(notify_id)
    }

    /// Adds a run of the past, which ended like this and took so many seconds.
    pub fn past_run(&mut self, id: &str, end: HarnessBeat, seconds: i64) -> String {
        let notify_id = self.launch(id, None).unwrap();
        let run = self.run(&notify_id).unwrap();
        run.next.clear();
        run.now = end.held();
        run.updated_at = run.created_at + seconds * 1_000;
        notify_id
    }

    /// Returns the rows of a list, in the order of creation. A poll makes time pass for them.
    pub fn rows(&mut self, wanted: impl Fn(&HarnessRun) -> bool, polled: bool) -> Vec<HarnessRun> {
        let mut rows = Vec::new();
        for run in self.runs.iter_mut().filter(|run| wanted(run)) {
            if !run.now.absent {
                rows.push(run.clone());
            }
            if polled {
                run.read();
            }
        }
        rows
    }

    /// Asks these runs to stop, and returns their number.
    pub fn stop(&mut self, wanted: impl Fn(&HarnessRun) -> bool) -> usize {
        let manners: Vec<(String, OnStop)> =
            self.experiments.iter().map(|experiment| (experiment.id.clone(), experiment.on_stop)).collect();
        let mut stopped = 0;
        for run in self.runs.iter_mut().filter(|run| wanted(run)) {
            let on_stop = manners.iter().find(|(id, _)| *id == run.experiment).map(|(_, on_stop)| *on_stop);
            run.stop(on_stop.unwrap_or(OnStop::Ignored));
            stopped += 1;
        }
        stopped
    }
}
