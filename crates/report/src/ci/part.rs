//! The values that tell a job from its siblings, which the CI makes of the same definition by a matrix or by
//! a number. Siblings report to the same commit, and must not take each other's place there.

use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Problem, quote};
use faultgate_core::model::Shard;
use serde_json::Value;

use super::facts::Facts;

/// The variables by which an engine numbers the jobs that it makes of one definition.
pub(super) struct Numbering {
    index: &'static str,
    /// Number of the first job.
    first: u64,
    /// Variable of the number of jobs. None where the engine does not tell it.
    total: Option<&'static str>,
}

impl Numbering {
    const fn new(index: &'static str, first: u64, total: &'static str) -> Self {
        Self { index, first, total: Some(total) }
    }

    const fn without_total(index: &'static str) -> Self {
        Self { index, first: 0, total: None }
    }
}

pub(super) const AZURE: Numbering = Numbering::new("SYSTEM_JOBPOSITIONINPHASE", 1, "SYSTEM_TOTALJOBSINPHASE");
pub(super) const BITBUCKET: Numbering =
    Numbering::new("BITBUCKET_PARALLEL_STEP", 0, "BITBUCKET_PARALLEL_STEP_COUNT");
pub(super) const BUILDKITE: Numbering =
    Numbering::new("BUILDKITE_PARALLEL_JOB", 0, "BUILDKITE_PARALLEL_JOB_COUNT");
pub(super) const CIRCLECI: Numbering = Numbering::new("CIRCLE_NODE_INDEX", 0, "CIRCLE_NODE_TOTAL");
pub(super) const GITLAB: Numbering = Numbering::new("CI_NODE_INDEX", 1, "CI_NODE_TOTAL");
/// The children of an array job of AWS Batch.
const BATCH: Numbering = Numbering::without_total("AWS_BATCH_JOB_ARRAY_INDEX");
/// The pods of an Indexed Job of Kubernetes.
const KUBERNETES: Numbering = Numbering::without_total("JOB_COMPLETION_INDEX");

/// All engines that number jobs.
const NUMBERINGS: [Numbering; 7] = [AZURE, BITBUCKET, BUILDKITE, CIRCLECI, GITLAB, BATCH, KUBERNETES];

impl Facts<'_> {
    /// Returns a text such as `2/5`, by the numbering of the job's CI. A job without siblings has none.
    pub(super) fn part(&self, numbering: &Numbering) -> Option<String> {
        let index = self.number(numbering.index)?.checked_sub(numbering.first)?;
        let total = self.number(numbering.total?)?;
        (total > 1 && index < total).then(|| format!("{}/{total}", index + 1))
    }

    /// Returns the shard that a numbering tells; `total` is the number of jobs by the settings.
    fn shard(&self, numbering: &Numbering, total: Option<u32>) -> Result<Shard, Problem> {
        let Numbering { index, first, total: total_name } = numbering;
        let shown = |name: &str| format!("{name} is {}", quote(self.get(name).unwrap_or_default()));
        let told = match total_name.map(|name| (name, self.get(name))) {
            Some((name, Some(_))) => {
                let told = self.number(name).and_then(|told| u32::try_from(told).ok());
                Some(told.ok_or_else(|| Problem::new(format!("cannot be known: {}", shown(name))))?)
            }
            Some((_, None)) | None => None,
        };
        let total = match (told, total) {
            (Some(told), Some(said)) if told != said => {
                let name = total_name.unwrap_or_default();
                return Err(Problem::new(format!(
                    "contradicts the engine that runs this job: {}",
                    shown(name)
                ))
                .hint("write auto alone where the engine tells the number of jobs"));
            }
            (Some(total), _) | (None, Some(total)) => total,
            (None, None) => {
                return Err(Problem::new(format!(
                    "is not enough: {index} tells the job, and nothing how many there are"
                ))
                .hint("write auto/N, where N is the number of jobs"));
            }
        };
        let number = self.number(index).and_then(|number| u32::try_from(number.checked_sub(*first)?).ok());
        number.and_then(|number| Shard::new(number.checked_add(1)?, total)).ok_or_else(|| {
            let last = u64::from(total) + first;
            let range = format!("of {total} jobs it is {first} to {}", last.saturating_sub(1));
            Problem::new(format!("is no part of the suite: {}, and {range}", shown(index)))
                .hint("let the engine make as many jobs as the suite is split into")
        })
    }
}

/// Returns the shard that this job is, by the engine that runs it. `total` is the number of jobs, where the
/// settings tell it.
///
/// # Errors
///
/// No engine tells it, or what several tell contradicts itself.
pub fn find_shard(env: &Environment, total: Option<u32>) -> Result<Shard, Problem> {
    let facts = Facts::new(env, None);
    let mut found: Option<(&str, Shard)> = None;
    for numbering in NUMBERINGS.iter().filter(|numbering| facts.is_set(numbering.index)) {
        let shard = facts.shard(numbering, total)?;
        match found {
            Some((other, known)) if known != shard => {
                let index = numbering.index;
                return Err(Problem::new(format!(
                    "cannot be known: this job is {known} by {other}, and {shard} by {index}"
                ))
                .hint("unset the variable that is not of the engine that splits the suite, or write n/m"));
            }
            Some(_) => {}
            None => found = Some((numbering.index, shard)),
        }
    }
    found.map(|(_, shard)| shard).ok_or_else(|| {
        let known = NUMBERINGS.map(|numbering| numbering.index).join(", ");
        Problem::new("finds no engine that splits work over jobs")
            .hint(format!("write n/m, or run it where one of these is set: {known}"))
    })
}

/// Returns the values of a matrix: those of a JSON object, or the text itself. There are none where there is
/// no matrix.
pub(super) fn values_of(matrix: &str) -> Vec<String> {
    match serde_json::from_str(matrix) {
        Ok(Value::Object(values)) => values.values().map(in_words).collect(),
        Ok(Value::Null) => Vec::new(),
        Ok(value) => vec![in_words(&value)],
        // An expression that nobody has evaluated tells nothing.
        Err(_) if matrix.trim_start().starts_with("${{") => Vec::new(),
        Err(_) => vec![matrix.trim().to_owned()],
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
