//! The teller of what is about to be hit: the comment on the pull request.

use async_trait::async_trait;

use crate::lifecycle::Herald;
use faultgate_config::Veil;
use faultgate_core::model::PreviewRecord;
use faultgate_report::{Comment, veil_preview};

/// The comment on the pull request, before the launch. It tells nothing that the veil hides.
pub(crate) struct PreviewComment {
    pub(super) comment: Comment,
    pub(super) veil: Veil,
}

#[async_trait(?Send)]
impl Herald for PreviewComment {
    async fn foretell(&self, previews: &[(&str, &PreviewRecord)]) -> Result<(), String> {
        let veil = |preview: &PreviewRecord| {
            let mut preview = preview.clone();
            veil_preview(&mut preview, &self.veil);
            preview
        };
        let veiled: Vec<(&str, PreviewRecord)> =
            previews.iter().map(|(name, preview)| (*name, veil(preview))).collect();
        let told: Vec<_> = veiled.iter().map(|(name, preview)| (*name, preview)).collect();
        self.comment.foretell(&told).await
    }
}
