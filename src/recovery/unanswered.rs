//! The requests to stop that have no answer yet. Hundreds may wait for one reason, so they are told together, once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use super::tell_if_late;
use faultgate_core::duration::exact;

/// Largest number of experiments that the line names.
const MAX_NAMED: usize = 5;

/// The experiments of one place that were asked to stop and have not answered.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    ids: RefCell<BTreeSet<String>>,
    is_told: Cell<bool>,
}

impl Unanswered {
    /// Returns requests of which nothing is told.
    pub(super) fn untold() -> Self {
        Self { is_told: Cell::new(true), ..Self::default() }
    }

    /// Waits for the answer to the request to stop an experiment, which is repeated until `limit` is over. The
    /// first one that is late tells of all.
    pub(super) async fn watch<T>(
        &self,
        id: &str,
        by_hand: impl Fn() -> String,
        limit: Duration,
        asking: impl Future<Output = T>,
    ) -> T {
        self.ids.borrow_mut().insert(id.to_owned());
        let late = || (!self.is_told.replace(true)).then(|| self.describe(&by_hand(), limit));
        let answer = tell_if_late(late, asking).await;
        self.ids.borrow_mut().remove(id);
        answer
    }

    fn describe(&self, by_hand: &str, limit: Duration) -> String {
        let ids = self.ids.borrow();
        let mut named: Vec<String> = ids.iter().take(MAX_NAMED).cloned().collect();
        let more = ids.len() - named.len();
        if more > 0 {
            named.push(format!("{more} more"));
        }
        format!(
            "still waiting for the answer to the request to stop {}; it is repeated for up to {}; by hand: {by_hand}",
            named.join(", "),
            exact(limit)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_many_are_named() {
        let unanswered = Unanswered::default();
        unanswered.ids.borrow_mut().extend((1..=7).map(|n| format!("EXP{n}")));
        assert_eq!(
            unanswered.describe("`stop`", Duration::from_secs(120)),
            "still waiting for the answer to the request to stop EXP1, EXP2, EXP3, EXP4, EXP5, 2 more; it is repeated \
             for up to 2m; by hand: `stop`"
        );
    }
}
