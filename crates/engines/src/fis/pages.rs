//! The pages of lists: those of EventBridge, for which the SDK has no paginators, and the experiments on one of
//! FIS.

use aws_sdk_fis::types::ExperimentSummary;

use super::error::unreadable;
use crate::EngineFailure;

/// Number of entries in a page of a list: each of the services allows at least this many.
pub(super) const MAX_ENTRIES_PER_PAGE: i32 = 100;

/// Returns the token of the next page. A token that comes twice in a row is an error, since it would lead
/// round in a circle.
pub(super) fn next_page(
    told: Option<String>,
    last: Option<&str>,
    what: &str,
) -> Result<Option<String>, EngineFailure> {
    match told.filter(|token| !token.is_empty()) {
        token @ Some(_) if token.as_deref() == last => {
            Err(unreadable(what, "the next page is the same again"))
        }
        token => Ok(token),
    }
}

/// Returns the experiments of a page. An answer without the list says nothing, which is not that there is no
/// experiment.
pub(super) fn read_listed(
    listed: Option<Vec<ExperimentSummary>>,
    what: &str,
) -> Result<Vec<ExperimentSummary>, EngineFailure> {
    listed.ok_or_else(|| unreadable(what, "the answer of ListExperiments holds no list of experiments"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_leads_round_in_a_circle_ends() {
        let token = || Some("t".to_owned());
        assert_eq!(next_page(token(), None, "list"), Ok(token()));
        assert_eq!(next_page(Some(String::new()), Some("t"), "list"), Ok(None));
        assert_eq!(next_page(None, Some("t"), "list"), Ok(None));
        assert!(next_page(token(), Some("t"), "list").is_err());
    }
}
