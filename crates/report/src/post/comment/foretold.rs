//! The comment before a launch: what is about to be hit. The comment at the end takes its place.

use super::{Comment, persist};
use crate::forge::{Again, NoForge};
use crate::sink::report_refused_by;
use crate::summary::blast_radius;
use faultgate_core::model::PreviewRecord;

impl Comment {
    /// Writes the comment before the launch, in the place of that of an earlier run. `previews` are those
    /// of the run, each with the name of its experiment.
    ///
    /// # Errors
    ///
    /// The reason why nothing could be written.
    pub async fn foretell(&self, previews: &[(&str, &PreviewRecord)]) -> Result<(), String> {
        let forge = self.connection.forge().await.map_err(|absent| match absent {
            NoForge::Absent(why) | NoForge::Broken(why) => why.clone(),
        })?;
        let told = |failure| {
            let reported = report_refused_by(&self.connection, Self::SINK, &failure);
            reported.detail.unwrap_or_else(|| failure.to_string())
        };
        persist(|| forge.find_pull_request()).await.map_err(told)?;
        if let Some(absent) = forge.no_comment() {
            return Err(absent.clone());
        }
        let marker = forge.marker(&self.key);
        let link = self.write_link();
        let budget = forge.limits().comment.saturating_sub(marker.len() + link.len() + 1);
        let body = format!(
            "{marker}\n{}{link}",
            blast_radius::render_foretold(previews, budget, self.hides_accounts)
        );
        if let Some(id) = persist(|| forge.find_comment(&marker)).await.map_err(told)? {
            match persist(|| forge.update_comment(&id, &body)).await {
                Err(failure) if failure.kind.again == Again::Anew => {}
                updated => return updated.map_err(told),
            }
        }
        persist(|| forge.create_comment(&body)).await.map_err(told)
    }
}
