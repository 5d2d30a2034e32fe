//! The answers of LitmusChaos. A value that an answer may lack is optional, and "" and 0 stand for values
//! that are not known yet.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::control_plane::{FaultCounts, Run, RunDetails};

/// The number from which a Unix time counts milliseconds. Seconds do not reach it before the year 5138, and
/// milliseconds have passed it in March 1973.
const MIN_MILLIS: i64 = 100_000_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LaunchAnswer {
    pub(super) run_chaos_experiment: Notified,
}

#[derive(Deserialize)]
pub(super) struct Notified {
    #[serde(rename = "notifyID")]
    pub(super) notify_id: String,
}

/// The answer about one run, of which `T` has the fields that were asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunAnswer<T> {
    pub(super) get_experiment_run: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecentAnswer {
    pub(super) list_experiment_run: Runs,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runs {
    experiment_runs: Option<Vec<Option<ExperimentRun>>>,
}

impl Runs {
    pub(super) fn into_runs(self) -> impl Iterator<Item = Run> {
        self.experiment_runs.into_iter().flatten().flatten().map(ExperimentRun::into_run)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopAnswer {
    pub(super) stop_experiment_runs: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExperimentsAnswer {
    pub(super) list_experiment: ExperimentList,
}

#[derive(Deserialize)]
pub(super) struct ExperimentList {
    experiments: Option<Vec<Option<LitmusExperiment>>>,
}

impl ExperimentList {
    pub(super) fn into_all(self) -> Vec<LitmusExperiment> {
        self.experiments.into_iter().flatten().flatten().collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LitmusExperiment {
    #[serde(rename = "experimentID")]
    pub(super) id: String,
    pub(super) name: String,
    #[serde(rename = "experimentType")]
    kind: Option<String>,
    cron_syntax: Option<String>,
    pub(super) infra: Option<Infra>,
}

impl LitmusExperiment {
    /// Returns `true` if the experiment runs on a schedule, so that a launch of it names no run.
    pub(super) fn is_scheduled(&self) -> bool {
        let cron = |word: &String| word.to_ascii_lowercase().starts_with("cron");
        self.cron_syntax.as_ref().is_some_and(|syntax| !syntax.trim().is_empty())
            || self.kind.as_ref().is_some_and(cron)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Infra {
    pub(super) name: String,
    pub(super) is_active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExperimentRun {
    #[serde(rename = "notifyID", default, deserialize_with = "read_id")]
    notify_id: Option<String>,
    #[serde(rename = "experimentRunID", default, deserialize_with = "read_id")]
    run_id: Option<String>,
    phase: String,
    resiliency_score: Option<f64>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    updated_at: Option<Timestamp>,
    total_faults: Option<u64>,
    faults_passed: Option<u64>,
    faults_failed: Option<u64>,
    faults_awaited: Option<u64>,
    faults_stopped: Option<u64>,
    faults_na: Option<u64>,
}

impl ExperimentRun {
    pub(super) fn into_run(self) -> Run {
        Run {
            notify_id: self.notify_id,
            run_id: self.run_id,
            phase: self.phase,
            score: self.resiliency_score,
            counts: FaultCounts {
                total: self.total_faults,
                passed: self.faults_passed,
                failed: self.faults_failed,
                awaited: self.faults_awaited,
                stopped: self.faults_stopped,
                not_available: self.faults_na,
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
            ..Run::default()
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunDetailsAnswer {
    #[serde(rename = "notifyID", default, deserialize_with = "read_id")]
    pub(super) notify_id: Option<String>,
    weightages: Option<Vec<Option<Weightage>>>,
    execution_data: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Weightage {
    fault_name: String,
    weightage: i64,
}

impl RunDetailsAnswer {
    pub(super) fn into_details(self) -> RunDetails {
        let weights = self.weightages.into_iter().flatten().flatten();
        let nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
        RunDetails {
            weights: weights
                // A negative weight makes no sense, and counts as none.
                .map(|fault| (fault.fault_name, u32::try_from(fault.weightage).unwrap_or(0)))
                .collect(),
            execution: self.execution_data.filter(|value| !nothing(value)),
            probes: Vec::new(),
        }
    }
}

/// Reads an id; "" stands for one that is not known yet.
fn read_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.filter(|id| !id.is_empty()))
}

/// Reads a Unix time as text or number, in milliseconds or seconds; 0 and "" stand for one that is not known.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let value = Option::<Value>::deserialize(from)?;
    let number = value.as_ref().and_then(|value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    });
    Ok(number.filter(|number| *number > 0).and_then(|number: i64| {
        let read = if number < MIN_MILLIS { Timestamp::from_second } else { Timestamp::from_millisecond };
        read(number).ok()
    }))
}
