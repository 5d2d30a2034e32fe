//! Reports that are posted: they wait for a forge or for another program, within the time that `finish` gives.
//!
//! - `status` posts the commit statuses while the run goes on, and `rivals` keeps them from hiding the failure of
//!   another job.
//! - `comment` writes the comment of the pull request, `insights` the report beside a commit on Bitbucket, and
//!   `buildkite` the annotation of a build.
//! - `result_object` puts the result to S3.
//! - `retry` has the rule by which a request is tried again.

mod buildkite;
mod comment;
mod insights;
mod result_object;
mod retry;
mod rivals;
mod status;

pub use buildkite::BuildkiteAnnotation;
pub use comment::{Comment, comment_key};
pub use insights::Insights;
pub use result_object::{MAX_OBJECT_BYTES, MERGED_NAME, ResultObject, run_folder};
pub use status::{CommitStatuses, StatusScope, StatusStyle};
