//! The emergency stop of one account and Region: what runs there for faultgate, whatever run began it, and
//! the safety lever, by which FIS itself stops everything and refuses all that is new.

use std::cell::RefCell;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_fis::operation::update_safety_lever_state::UpdateSafetyLeverStateError;
use aws_sdk_fis::types::{ExperimentSummary, SafetyLeverStatusInput, UpdateSafetyLeverStateInput};
use tokio::time::sleep;

use super::clients::Clients;
use super::error::failure;
use super::events::state_of;
use super::pages::{MAX_ENTRIES_PER_PAGE, next_page, read_listed};
use super::preflight::{SAFETY_LEVER_ID, get_lever};
use super::sweep::find_place;
use super::tags::{ENVIRONMENT, EXPERIMENT, RUN, tag_value};
use crate::{EngineFailure, FailureKind};
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;

/// Pause before the safety lever is asked for again.
const LEVER_PAUSE: Duration = Duration::from_millis(500);
/// Words of FIS for a safety lever that holds, and for one that is about to.
const ENGAGED: &str = "engaged";
const ENGAGING: &str = "engaging";
/// Maximum length of a word that FIS says of the lever, in characters.
const MAX_WORD_CHARS: usize = 40;
/// Words for what is tried with the lever.
const ENGAGE: &str = "engage the safety lever";

/// An experiment of some run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveExperiment {
    pub id: String,
    pub name: Option<String>,
    pub run_id: String,
    /// The environment that the run has named.
    pub environment: Option<String>,
}

impl LiveExperiment {
    /// Returns `true` if the experiment acts on the environment of this name.
    pub fn acts_on(&self, environment: &str) -> bool {
        // The tag holds the name in the characters that AWS takes.
        self.environment.as_deref() == Some(&*tag_value(environment))
    }
}

/// A page of the experiments that have not ended, and the token of the next page.
#[derive(Debug)]
pub struct ListedPage {
    pub live: Vec<LiveExperiment>,
    pub next: Option<String>,
}

/// The connection by which one account and Region is stopped.
#[derive(Debug)]
pub struct Emergency {
    clients: Clients,
    place: AwsPlace,
}

impl Emergency {
    /// Makes a connection without any request. `sdk` must have a Region.
    pub fn new(sdk: &SdkConfig, role_arn: Option<&str>) -> Self {
        Self { clients: Clients::new(sdk), place: find_place(sdk, role_arn) }
    }

    /// Lists one page of the experiments of runs that have not ended.
    pub async fn list(&self, token: Option<&str>) -> Result<ListedPage, EngineFailure> {
        const WHAT: &str = "list the experiments";
        let request = self.clients.fis.list_experiments().max_results(MAX_ENTRIES_PER_PAGE);
        let answer = request.set_next_token(token.map(str::to_owned)).send().await;
        let page = answer.map_err(|error| failure(error, "ListExperiments", WHAT, &self.place))?;
        let next = next_page(page.next_token, token, WHAT)?;
        let live = read_listed(page.experiments, WHAT)?;
        Ok(ListedPage { live: live.iter().filter_map(read_live).collect(), next })
    }

    /// Returns FIS's word for the state of the safety lever.
    pub async fn read_lever(&self) -> Result<String, EngineFailure> {
        get_lever(&self.clients, &self.place).await
    }

    /// Engages the safety lever, and waits until FIS says that it is engaged, whoever has engaged it. The
    /// error is what was last learned before the deadline.
    pub async fn engage_lever(
        &self,
        reason: &str,
        deadline: impl Future<Output = ()>,
    ) -> Result<(), EngineFailure> {
        let last = RefCell::new(None);
        tokio::select! {
            biased;
            engaged = self.wait_until_engaged(reason, &last) => engaged,
            () = deadline => Err(last.take().unwrap_or_else(|| {
                EngineFailure::new(FailureKind::Unanswered, ENGAGE, "FIS did not answer in time")
            })),
        }
    }

    /// Requests that the lever be engaged until FIS says that it is, or refuses for good. The state is read
    /// after each request, whatever was answered: somebody else may have engaged it, an answer may have been
    /// lost, and one may be of another lever.
    async fn wait_until_engaged(
        &self,
        reason: &str,
        last: &RefCell<Option<EngineFailure>>,
    ) -> Result<(), EngineFailure> {
        let mut asks = true;
        loop {
            let failed = match asks.then_some(self.update(reason)) {
                Some(request) => request.await.err(),
                None => None,
            };
            let looked = self.read_lever().await;
            if looked.as_deref() == Ok(ENGAGED) {
                return Ok(());
            }
            // A lever that is on its way needs no other request.
            asks = looked.as_deref() != Ok(ENGAGING);
            let trouble = match (looked, failed) {
                (_, Some((failure, false))) if asks => return Err(failure),
                (_, Some((failure, _))) if asks => failure,
                (Ok(word), _) => {
                    let why = format!(
                        "FIS has said no more than that it is {}",
                        text::plain(&word, MAX_WORD_CHARS)
                    );
                    EngineFailure::new(FailureKind::Unanswered, ENGAGE, why)
                }
                (Err(failure), _) => failure,
            };
            *last.borrow_mut() = Some(trouble);
            sleep(LEVER_PAUSE).await;
        }
    }

    /// Requests that the lever be engaged. The error says whether another request may succeed.
    async fn update(&self, reason: &str) -> Result<(), (EngineFailure, bool)> {
        let state = UpdateSafetyLeverStateInput::builder()
            .status(SafetyLeverStatusInput::Engaged)
            .reason(reason)
            .build()
            .map_err(|error| (EngineFailure::new(FailureKind::Refused, ENGAGE, error.to_string()), false))?;
        let request = self.clients.fis.update_safety_lever_state().id(SAFETY_LEVER_ID).state(state);
        request.send().await.map(drop).map_err(|error| {
            // FIS answers so while the lever is on its way, in whatever direction.
            let conflicts =
                error.as_service_error().is_some_and(UpdateSafetyLeverStateError::is_conflict_exception);
            let failure = failure(error, "UpdateSafetyLeverState", ENGAGE, &self.place);
            let may_succeed = conflicts || failure.kind == FailureKind::Unanswered;
            (failure, may_succeed)
        })
    }
}

/// Returns an experiment of a listing if it is of a run and has not ended.
fn read_live(summary: &ExperimentSummary) -> Option<LiveExperiment> {
    let status = summary.state().and_then(|state| state.status()).map_or("", |status| status.as_str());
    // An unknown word counts as live, since it might go on to inject.
    if state_of(status).is_terminal() {
        return None;
    }
    let tags = summary.tags()?;
    Some(LiveExperiment {
        id: summary.id()?.to_owned(),
        name: tags.get(EXPERIMENT).cloned(),
        run_id: tags.get(RUN)?.clone(),
        environment: tags.get(ENVIRONMENT).cloned(),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_fis::types::{ExperimentState, ExperimentStatus};

    use super::*;

    fn list_one(status: &str, tags: &[(&str, &str)]) -> Option<LiveExperiment> {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let state = ExperimentState::builder().status(ExperimentStatus::from(status)).build();
        read_live(&ExperimentSummary::builder().id("EXP1").state(state).set_tags(Some(tags)).build())
    }

    #[test]
    fn what_has_not_ended_and_is_of_a_run_is_live() {
        let run = (RUN, "a");
        for status in ["pending", "initiating", "running", "stopping", "a word to come", ""] {
            assert_eq!(list_one(status, &[run]).unwrap().run_id, "a", "{status}");
            assert_eq!(list_one(status, &[("team", "shop")]), None, "{status}: not ours");
            assert_eq!(list_one(status, &[(EXPERIMENT, "az")]), None, "{status}: of no run");
        }
        for status in ["completed", "stopped", "failed", "cancelled"] {
            assert_eq!(list_one(status, &[run]), None, "{status}");
        }
    }

    #[test]
    fn an_environment_is_compared_as_its_tag_holds_it() {
        let tagged = |value: &str| list_one("running", &[(RUN, "a"), (ENVIRONMENT, value)]).unwrap();
        assert!(tagged("staging").acts_on("staging"));
        assert!(tagged("review/7").acts_on("review/7"));
        assert!(tagged(&tag_value("shop #7")).acts_on("shop #7"));
        for other in ["", "Staging", "stag", "staging "] {
            assert!(!tagged("staging").acts_on(other), "{other}");
        }
        assert!(!list_one("running", &[(RUN, "a")]).unwrap().acts_on(""), "without the tag it acts on none");
    }
}
