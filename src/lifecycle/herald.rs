//! The port of whoever is told what is about to be hit, before anything is launched.

use std::time::Duration;

use async_trait::async_trait;

use super::cancel::Share;
use super::run::Lifecycle;
use faultgate_core::model::{PreviewRecord, RunEvent};

/// Time within which it must be told. Afterwards the launch goes on without it.
const FORETELL_LIMIT: Duration = Duration::from_secs(10);

/// A teller of what is about to be hit. The launch waits for it, though not for long.
#[async_trait(?Send)]
pub trait Herald {
    /// Tells the previews of a run, each with the name of its experiment. The error says why that failed.
    async fn foretell(&self, previews: &[(&str, &PreviewRecord)]) -> Result<(), String>;
}

impl Lifecycle<'_> {
    /// Tells what is about to be hit. A failure is a warning.
    pub(super) async fn foretell(&self) {
        let previews = self.course.previews.borrow().clone();
        let Some(herald) = self.herald.filter(|_| !previews.is_empty()) else { return };
        let told: Vec<(&str, &PreviewRecord)> = self
            .scheduled
            .iter()
            .filter_map(|scheduled| Some((&*scheduled.plan.name, previews.get(&scheduled.number)?)))
            .collect();
        let telling = self.cancel.within(FORETELL_LIMIT, Share::Launch, herald.foretell(&told));
        let why = match telling.await {
            Some(Ok(())) => return,
            Some(Err(why)) => why,
            None => format!("no answer came within {FORETELL_LIMIT:?}"),
        };
        let warning =
            format!("the pull request was not told before the launch what is about to be hit: {why}");
        (self.publish)(&RunEvent::Warning(&warning));
    }
}
