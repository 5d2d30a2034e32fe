//! The teller of what is about to be hit: the comment on the pull request.

use async_trait::async_trait;

use crate::lifecycle::Herald;
use faultgate_core::model::PreviewRecord;
use faultgate_report::Comment;

/// The comment on the pull request, before the launch.
pub(crate) struct PreviewComment(pub(super) Comment);

#[async_trait(?Send)]
impl Herald for PreviewComment {
    async fn foretell(&self, previews: &[(&str, &PreviewRecord)]) -> Result<(), String> {
        self.0.foretell(previews).await
    }
}
