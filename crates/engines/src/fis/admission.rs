//! The admission to FIS in one account and Region, which runs only so many experiments at once.

use async_trait::async_trait;
use aws_sdk_fis::types::{ActionsMode, ExperimentSummary};

use super::FisEngine;
use super::error::failure;
use super::events::state_of;
use super::pages::{MAX_ENTRIES_PER_PAGE, next_page, read_listed};
use super::record::timestamp;
use super::tags::URL;
use crate::{ActiveExperiment, Admission, EngineFailure, FailureKind, Occupants};
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;

/// Maximum number of pages of experiments that are read. FIS keeps experiments for months.
const MAX_PAGES: usize = 1_000;
/// Maximum length of a text from outside, in characters.
const MAX_TEXT_CHARS: usize = 300;

#[async_trait(?Send)]
impl Admission for FisEngine {
    fn place(&self) -> String {
        name_place(&self.place())
    }

    async fn list_active(&self, own: Option<&str>) -> Result<Occupants, EngineFailure> {
        let what = "see which experiments run";
        let place = self.place();
        let (mut seen, mut next) = (Occupants::default(), None);
        for _ in 0..MAX_PAGES {
            let request = self.clients.fis.list_experiments().max_results(MAX_ENTRIES_PER_PAGE);
            let page = request.set_next_token(next.clone()).send().await;
            let page = page.map_err(|error| failure(error, "ListExperiments", what, &place))?;
            let listed = read_listed(page.experiments, what)?;
            seen.shows_own |= listed.iter().any(|one| own.is_some() && one.id() == own);
            seen.active.extend(listed.iter().filter(|one| is_active(one)).map(read_active));
            next = next_page(page.next_token, next.as_deref(), what)?;
            if next.is_none() {
                return Ok(seen);
            }
        }
        Err(EngineFailure::new(FailureKind::Unanswered, what, "the list has no end"))
    }
}

/// Returns the name of a place: its account, if that is known, and its Region.
fn name_place(place: &AwsPlace) -> String {
    match place.account.as_str() {
        "*" => place.region.clone(),
        account => format!("{account} {}", place.region),
    }
}

/// Returns `true` if an experiment may act. One in a state that nobody knows may.
fn is_active(experiment: &ExperimentSummary) -> bool {
    let mode = experiment.experiment_options().and_then(|options| options.actions_mode());
    let status = experiment.state().and_then(|state| state.status()).map_or("", |status| status.as_str());
    mode != Some(&ActionsMode::SkipAll) && !state_of(status).is_terminal()
}

fn read_active(experiment: &ExperimentSummary) -> ActiveExperiment {
    let told = |told: Option<&str>| text::plain(told.unwrap_or("unknown"), MAX_TEXT_CHARS);
    let url = experiment.tags().and_then(|tags| tags.get(URL));
    ActiveExperiment {
        id: told(experiment.id()),
        template: told(experiment.experiment_template_id()),
        created_at: experiment.creation_time().and_then(timestamp),
        run_url: url.map(|url| text::plain(url, MAX_TEXT_CHARS)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_fis::types::{ExperimentOptions, ExperimentState, ExperimentStatus};

    use super::*;

    fn make_summary(status: &str, mode: Option<ActionsMode>) -> ExperimentSummary {
        let state = ExperimentState::builder().status(ExperimentStatus::from(status)).build();
        let options = ExperimentOptions::builder().set_actions_mode(mode).build();
        ExperimentSummary::builder().id("EXP1").state(state).experiment_options(options).build()
    }

    #[test]
    fn what_may_act_is_active_and_a_preview_never_is() {
        for status in ["pending", "initiating", "running", "stopping", "a-new-word", ""] {
            assert!(is_active(&make_summary(status, None)), "{status}");
            assert!(is_active(&make_summary(status, Some(ActionsMode::RunAll))), "{status}");
            assert!(!is_active(&make_summary(status, Some(ActionsMode::SkipAll))), "{status}");
        }
        for status in ["completed", "stopped", "failed", "cancelled"] {
            assert!(!is_active(&make_summary(status, None)), "{status}");
        }
        assert!(is_active(&ExperimentSummary::builder().build()), "of which nothing is known");
    }

    #[test]
    fn a_place_has_its_account_where_it_is_known() {
        let place = AwsPlace::in_region("eu-west-1");
        assert_eq!(name_place(&place), "eu-west-1");
        let account = "111122223333".to_owned();
        assert_eq!(name_place(&AwsPlace { account, ..place }), "111122223333 eu-west-1");
    }
}
