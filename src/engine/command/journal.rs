//! The journal of a Chaos Toolkit experiment: how it ended, what it did, what it measured.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{Action, Effect, Score};
use crate::text;

/// A journal larger than this is a wrong file.
const MAX_BYTES: u64 = 16 << 20;
/// Activities that are kept.
const MOST_ACTIVITIES: usize = 200;
const LONGEST: usize = 200;

/// What makes one version of a file different from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// None if there is no such file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }

    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// As far as it matters here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Journal {
    pub(super) status: String,
    #[serde(default)]
    pub(super) deviated: bool,
    #[serde(default)]
    steady_states: SteadyStates,
    #[serde(default)]
    run: Vec<Activity>,
    #[serde(default)]
    rollbacks: Vec<Activity>,
    #[serde(default)]
    experiment: Experiment,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct SteadyStates {
    #[serde(default)]
    before: Option<SteadyState>,
    #[serde(default)]
    after: Option<SteadyState>,
    #[serde(default)]
    during: Vec<Option<SteadyState>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct SteadyState {
    steady_state_met: Option<bool>,
    #[serde(default)]
    probes: Vec<Activity>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Experiment {
    #[serde(rename = "steady-state-hypothesis")]
    hypothesis: Option<Hypothesis>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Hypothesis {
    #[serde(default)]
    probes: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Activity {
    #[serde(rename = "activity")]
    described: Described,
    status: Option<String>,
    #[serde(default)]
    output: Value,
    #[serde(default)]
    exception: Value,
    start: Option<String>,
    end: Option<String>,
    tolerance_met: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Described {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    provider: Value,
}

/// Reads a journal that is not the one that was there before. The error says what is wrong with it.
pub(super) fn read(path: &Path, stale: Option<Stamp>) -> Result<Journal, String> {
    let shown = text::plain(&path.display().to_string(), LONGEST);
    let unreadable = |error: std::io::Error| format!("the journal {shown} cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(format!("the journal {shown} is not a file"));
    }
    if stale == Some(Stamp::from(&metadata)) {
        return Err(format!("the journal {shown} is from an earlier run: this one has not written it"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("the journal {shown} is larger than {} MiB", MAX_BYTES >> 20));
    }
    let mut journal: Journal = serde_json::from_slice(&bytes)
        .map_err(|error| format!("the journal {shown} is not one of Chaos Toolkit: {error}"))?;
    for activities in [&mut journal.run, &mut journal.rollbacks] {
        activities.truncate(MOST_ACTIVITIES);
        activities.iter_mut().for_each(Activity::shorten);
    }
    Ok(journal)
}

impl Journal {
    /// The probe by which the system was not steady before anything was done.
    pub(super) fn not_steady_before(&self) -> Option<&str> {
        let before = self.steady_states.before.as_ref().filter(|state| state.is_unmet())?;
        Some(before.failed().unwrap_or("the steady-state hypothesis"))
    }

    /// The probes that failed while or after something was done.
    pub(super) fn deviations(&self) -> Vec<&str> {
        let unmet = self.measured().filter(|state| state.is_unmet());
        let mut names: Vec<&str> = unmet.filter_map(SteadyState::failed).collect();
        names.dedup();
        names
    }

    /// The share of probes that passed while or after something was done. Chaos Toolkit ends a round with the
    /// first that fails: those that it left out did not pass.
    pub(super) fn share(&self) -> Option<Score> {
        let planned = self.experiment.hypothesis.as_ref().map_or(0, |hypothesis| hypothesis.probes.len());
        let (mut passed, mut total) = (0_u32, 0_u32);
        for state in self.measured() {
            passed += count(state.probes.iter().filter(|probe| probe.tolerance_met == Some(true)).count());
            total += count(state.probes.len().max(planned));
        }
        (total > 0).then(|| Score::new(100.0 * f64::from(passed) / f64::from(total))).flatten()
    }

    /// Names of actions that did something.
    pub(super) fn injected(&self) -> Vec<&str> {
        let done = self.run.iter().filter(|run| run.described.kind == "action" && run.has("succeeded"));
        done.map(|run| run.described.name.as_str()).collect()
    }

    pub(super) fn failed_rollbacks(&self) -> Vec<&str> {
        let failed = self.rollbacks.iter().filter(|run| !run.has("succeeded"));
        failed.map(|run| run.described.name.as_str()).collect()
    }

    /// All that it did, in order.
    pub(super) fn actions(&self) -> Vec<Action> {
        self.run.iter().chain(&self.rollbacks).map(Activity::action).collect()
    }

    fn measured(&self) -> impl Iterator<Item = &SteadyState> {
        self.steady_states.during.iter().flatten().chain(&self.steady_states.after)
    }
}

impl SteadyState {
    fn is_unmet(&self) -> bool {
        self.steady_state_met == Some(false)
    }

    fn failed(&self) -> Option<&str> {
        let failed = self.probes.iter().find(|probe| probe.tolerance_met != Some(true));
        failed.map(|probe| probe.described.name.as_str())
    }
}

impl Activity {
    fn has(&self, status: &str) -> bool {
        self.status.as_deref() == Some(status)
    }

    /// Outputs may be of any size.
    fn shorten(&mut self) {
        self.output = Value::String(short(&self.output));
        self.described.name = text::plain(&self.described.name, LONGEST);
    }

    fn action(&self) -> Action {
        let provider = &self.described.provider;
        let word = |name: &str| provider.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = match word("type") {
            "python" => format!("{}.{}", word("module"), word("func")),
            "process" => word("path").to_owned(),
            "http" => "http".to_owned(),
            other => other.to_owned(),
        };
        let reason = match &self.exception {
            Value::Null => self.output.as_str().unwrap_or_default().to_owned(),
            exception => short(exception),
        };
        Action {
            name: self.described.name.clone(),
            action_id: text::plain(&id, LONGEST),
            effect: if self.described.kind == "action" { Effect::Injects } else { Effect::Asserts },
            state: text::plain(self.status.as_deref().unwrap_or("unknown"), LONGEST),
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            started_at: self.start.as_deref().and_then(time),
            ended_at: self.end.as_deref().and_then(time),
            targets: Vec::new(),
        }
    }
}

/// An output in a few words.
fn short(output: &Value) -> String {
    let last = |lines: &Value| {
        let last =
            lines.as_array()?.iter().rev().filter_map(Value::as_str).find(|line| !line.trim().is_empty());
        last.map(|line| text::plain(line, LONGEST))
    };
    match output {
        Value::Null => String::new(),
        Value::String(text) => text::plain(text, LONGEST),
        // An exception is a list of the lines of its trace: the last says what it is.
        Value::Array(_) => last(output).unwrap_or_else(|| text::plain(&output.to_string(), LONGEST)),
        other => text::plain(&other.to_string(), LONGEST),
    }
}

/// Older versions leave out that it is UTC.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "journal_tests.rs"]
pub(super) mod tests;
