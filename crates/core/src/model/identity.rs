//! The identity of a run.

use serde::{Deserialize, Serialize};

use super::Shard;

/// The identity of a run. It names the run's resources, and leads from them back to the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// Id that is unique to this invocation and safe in the names of rules and queues, at most 40 characters.
    pub id: String,
    /// Name of the CI: `github-actions`, `gitlab-ci`, … or `none`.
    pub ci: String,
    /// The CI's own id of the pipeline: equal in all its jobs and in each attempt of them. None if the CI
    /// does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pipeline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// Environment that the experiments act on, such as `staging`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<String>,
    /// Shard that this run is, if the suite is split over jobs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<Shard>,
    /// Id of the plan whose item this run carries out, if `faultgate plan` has handed it one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan_run: Option<String>,
    /// Text that launch tokens are derived from. It is equal for every retry within one attempt of one CI
    /// job, and new for each attempt. Without a CI it is unique to the invocation.
    #[serde(skip)]
    pub attempt_key: String,
}
