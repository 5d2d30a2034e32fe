//! The launch of an experiment, at most once, whatever happens to the requests. The launch token makes a
//! repeated request find the experiment that the first one began. An answer is taken only if it is of this
//! launch.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_fis::error::ProvideErrorMetadata as _;
use aws_sdk_fis::types::{ActionsMode, Experiment, StartExperimentExperimentOptionsInput as StartOptions};
use tokio_util::sync::CancellationToken;

use super::clients::Clients;
use super::error::{failure, unreadable};
use super::record::record;
use super::tags::{ENVIRONMENT, EXPERIMENT, EXPIRES_AT, PREVIEW, RUN, URL, moment, tag_value};
use crate::{EngineFailure, FailureKind, Notary};
use faultgate_core::digest;
use faultgate_core::model::{Intent, RunIdentity};
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;
use faultgate_net::aws::calls::attempts;
use faultgate_net::aws::error::{is_throttled, status_of};

/// Pauses before a launch without an answer is requested again. The SDK retries as well, but not after an
/// answer that it cannot read.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// The error of a launch for which FIS has no slot: it runs as many experiments as its quota allows. No
/// SDK tries again after it.
const QUOTA: &str = "ServiceQuotaExceededException";
/// The error of a launch in whose way something stands, such as another request.
const CONFLICT: &str = "ConflictException";

/// One launch of a template, under the name of an experiment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExperimentLaunch<'a> {
    pub(super) run: &'a RunIdentity,
    pub(super) name: &'a str,
    pub(super) template: &'a str,
    pub(super) skips_actions: bool,
    /// `true` if this is the preview of an experiment, and not the experiment itself.
    pub(super) is_preview: bool,
    /// The time from which on a sweep may stop the experiment.
    pub(super) expires_at: jiff::Timestamp,
    /// Cancelled when nothing more may be begun.
    pub(super) cancelled: &'a CancellationToken,
}

impl ExperimentLaunch<'_> {
    /// Makes this the launch of the experiment's preview.
    pub(super) fn as_preview(self) -> Self {
        Self { skips_actions: true, is_preview: true, ..self }
    }

    /// Returns `true` if tags are those of this launch. A preview has the name of its experiment, and a
    /// tag of its own.
    pub(super) fn has_made<'t>(&self, tag: impl Fn(&str) -> Option<&'t str>) -> bool {
        tag(RUN) == Some(&self.run.id)
            && tag(EXPERIMENT) == Some(&tag_value(self.name))
            && tag(PREVIEW).is_some() == self.is_preview
    }

    /// Returns the launch token: the same one for every retry within one attempt of a CI job, another one for
    /// each re-run.
    fn client_token(&self, salt: &str) -> String {
        let mut parts: Vec<&str> = vec![&self.run.attempt_key, self.name, self.template, salt];
        // The preview of an experiment is another one.
        parts.extend(self.is_preview.then_some(PREVIEW));
        let digest = digest::of_parts(&parts);
        format!("faultgate-{}", &digest[..32])
    }

    fn tags(&self) -> HashMap<String, String> {
        let optional = [
            (URL, self.run.url.as_deref()),
            ("faultgate:repository", self.run.repository.as_deref()),
            ("faultgate:commit", self.run.commit.as_deref()),
            (ENVIRONMENT, self.run.environment.as_deref()),
        ];
        let mut tags: HashMap<String, String> = optional
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key.to_owned(), tag_value(value))))
            .collect();
        tags.insert(RUN.to_owned(), self.run.id.clone());
        tags.insert(EXPERIMENT.to_owned(), tag_value(self.name));
        tags.insert(EXPIRES_AT.to_owned(), moment(self.expires_at));
        if self.is_preview {
            tags.insert(PREVIEW.to_owned(), "true".to_owned());
        }
        tags
    }

    /// Starts the experiment. The same token goes out again when an answer is lost, so one launch stays one.
    pub(super) async fn start(
        &self,
        clients: &Clients,
        place: &AwsPlace,
        notary: &dyn Notary,
    ) -> Result<Experiment, EngineFailure> {
        let started = self.request(clients, place, "", notary).await?;
        let Some(other) = self.other_run(&started) else {
            return self.verify(started);
        };
        // The token was used before, in this very attempt of this job, by a step that was tried again or by
        // two steps that run the same thing. An experiment that is over does not stand in the way; beside one
        // that is not over, no second one must run.
        let id = started.id().unwrap_or_default();
        let now = get(clients, place, id).await?;
        if record(&now, None).has_ended() {
            let started = self.request(clients, place, &self.run.id, notary).await?;
            return self.verify(started);
        }
        let what = format!("start the experiment {}", self.name);
        let why =
            format!("the run {other} of this CI job has started {id} under this name, and it has not ended");
        Err(EngineFailure::new(FailureKind::Refused, what, why).remedy(format!(
            "give the experiments names of their own, or stop it: `aws fis stop-experiment --region {} --id {id}`",
            place.region
        )))
    }

    /// Refuses the answer of another launch. An experiment that was started a moment ago cannot be over,
    /// unless the launch was sent again; then its tags say that it is this launch's.
    fn verify(&self, started: Experiment) -> Result<Experiment, EngineFailure> {
        let id = started.id().unwrap_or_default();
        let what = format!("start an experiment from the template {}", self.template);
        let refused = |kind, why: String| Err(EngineFailure::new(kind, what, why));
        match started.experiment_template_id() {
            Some(template) if template != self.template => {
                return refused(
                    FailureKind::Unanswered,
                    format!("FIS answered with {id} of the template {template}"),
                );
            }
            _ => {}
        }
        if let Some(other) = self.other_run(&started) {
            return refused(
                FailureKind::Refused,
                format!("FIS answered with {id}, which the run {other} has started"),
            );
        }
        let is_ours = self.has_made(|key| started.tags().and_then(|tags| tags.get(key)).map(String::as_str));
        let now = record(&started, None);
        if now.has_ended() && !is_ours {
            let state = text::plain(&now.raw_state, 40);
            let why = format!(
                "FIS answered with {id}, which is {state} already and does not carry the tags of this launch: it is not known \
                 what that experiment was"
            );
            return refused(FailureKind::Refused, why);
        }
        Ok(started)
    }

    /// Requests the start until there is an answer, a refusal, or no pause left. Each request has the same
    /// token.
    async fn request(
        &self,
        clients: &Clients,
        place: &AwsPlace,
        salt: &str,
        notary: &dyn Notary,
    ) -> Result<Experiment, EngineFailure> {
        let token = self.client_token(salt);
        // Written down first: if this process is killed now, another one can look for the experiment.
        notary.intend(Intent { client_tokens: vec![token.clone()], earlier_runs: None }).await;
        let mut pauses = RETRY_PAUSES.into_iter();
        let mut doubted = false;
        loop {
            let failure = match self.ask(clients, place, &token).await {
                Ok(experiment) => return Ok(experiment),
                Err(failure) if failure.kind == FailureKind::Busy => {
                    match self.find(clients, place).await {
                        Ok(Some(experiment)) => return Ok(experiment),
                        Ok(None) => failure,
                        // Nobody knows what stood in the way: it may have been this very launch.
                        Err(_) => failure.with_kind(FailureKind::Unanswered),
                    }
                }
                Err(failure) => failure,
            };
            let in_doubt = failure.kind == FailureKind::Unanswered;
            doubted |= in_doubt;
            // A refusal says nothing about the requests before it, so a launch that was in doubt stays in
            // doubt.
            let kind = if doubted { FailureKind::Unanswered } else { failure.kind };
            let Some(pause) = pauses.next().filter(|_| in_doubt) else {
                return Err(failure.with_kind(kind));
            };
            // The order matters: a run that is cancelled must not launch, even if the pause is over at the
            // same moment.
            tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Err(failure.with_kind(kind)),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Requests the start once, beside the SDK's own retries.
    async fn ask(
        &self,
        clients: &Clients,
        place: &AwsPlace,
        token: &str,
    ) -> Result<Experiment, EngineFailure> {
        let what = format!("start an experiment from the template {}", self.template);
        let mut request = clients
            .fis
            .start_experiment()
            .client_token(token)
            .experiment_template_id(self.template)
            .set_tags(Some(self.tags()));
        if self.skips_actions {
            request = request
                .experiment_options(StartOptions::builder().actions_mode(ActionsMode::SkipAll).build());
        }
        let (answer, attempts) = attempts(request.send()).await;
        let answer = answer.map_err(|error| {
            let refusal = match error.code() {
                Some(QUOTA) => FailureKind::Full,
                Some(CONFLICT) => FailureKind::Busy,
                Some(code) if is_throttled(code) => FailureKind::Throttled,
                _ if status_of(&error) == 429 => FailureKind::Throttled,
                _ => FailureKind::Refused,
            };
            let failure = failure(error, "StartExperiment", &what, place);
            let kind = match failure.kind {
                _ if attempts.may_have_taken_effect() => FailureKind::Unanswered,
                _ if refusal.passes() => refusal,
                // No attempt can have taken effect, such as where all were throttled: nothing has begun.
                FailureKind::Unanswered => FailureKind::Refused,
                kind => kind,
            };
            failure.with_kind(kind)
        })?;
        let started = answer.experiment.filter(|experiment| experiment.id().is_some());
        started.ok_or_else(|| {
            EngineFailure::new(FailureKind::Unanswered, what, "the answer holds no experiment")
        })
    }

    /// Returns the id of the run that this experiment belongs to, if it is not this run.
    fn other_run<'e>(&self, experiment: &'e Experiment) -> Option<&'e str> {
        let tag = experiment.tags()?.get(RUN)?;
        (*tag != self.run.id).then_some(tag.as_str())
    }
}

/// Reads an experiment. An answer about another experiment is a failure.
pub(super) async fn get(clients: &Clients, place: &AwsPlace, id: &str) -> Result<Experiment, EngineFailure> {
    let what = format!("read the experiment {id}");
    let answer = clients.fis.get_experiment().id(id).send().await;
    let answer = answer.map_err(|error| failure(error, "GetExperiment", &what, place))?;
    let why = match answer.experiment {
        Some(experiment) if experiment.id() == Some(id) => return Ok(experiment),
        Some(other) => {
            format!("the answer is of another experiment, {}", other.id().unwrap_or("without an id"))
        }
        None => "the answer holds no experiment".to_owned(),
    };
    Err(unreadable(&what, &why))
}

#[cfg(test)]
mod tests {
    use aws_sdk_fis::types::{ExperimentState, ExperimentStatus};

    use super::*;

    fn run(id: &str, attempt_key: &str) -> RunIdentity {
        RunIdentity {
            id: id.to_owned(),
            ci: "github-actions".to_owned(),
            pipeline: None,
            url: None,
            repository: None,
            commit: None,
            environment: None,
            shard: None,
            plan_run: None,
            attempt_key: attempt_key.to_owned(),
        }
    }

    fn token(run: &RunIdentity, name: &str) -> String {
        let expires_at = jiff::Timestamp::UNIX_EPOCH;
        let cancelled = &CancellationToken::new();
        let (skips_actions, is_preview) = (false, false);
        ExperimentLaunch { run, name, template: "EXT1", skips_actions, is_preview, expires_at, cancelled }
            .client_token("")
    }

    #[test]
    fn a_retry_has_the_same_token_and_a_re_run_another() {
        let first = token(&run("a", "github 7 attempt 1"), "az");
        assert_eq!(first, token(&run("b", "github 7 attempt 1"), "az"), "the same attempt");
        assert_ne!(first, token(&run("a", "github 7 attempt 2"), "az"), "a re-run");
        assert_ne!(first, token(&run("a", "github 7 attempt 1"), "pod"), "another experiment");
    }

    fn answer(template: &str, status: ExperimentStatus, tags: &[(&str, &str)]) -> Experiment {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let state = ExperimentState::builder().status(status).build();
        Experiment::builder()
            .id("EXP1")
            .experiment_template_id(template)
            .state(state)
            .set_tags(Some(tags))
            .build()
    }

    /// An experiment that is over already is this launch's only by its tags; one of another launch never is.
    #[test]
    fn an_answer_of_another_launch_is_not_taken() {
        let run = run("mine", "x");
        let launch = ExperimentLaunch {
            run: &run,
            name: "az",
            template: "EXT1",
            skips_actions: false,
            is_preview: false,
            expires_at: jiff::Timestamp::UNIX_EPOCH,
            cancelled: &CancellationToken::new(),
        };
        let (ours, theirs) = ([(RUN, "mine"), (EXPERIMENT, "az")], [(RUN, "theirs"), (EXPERIMENT, "az")]);
        let kind = |experiment| launch.verify(experiment).err().map(|failure| failure.kind);
        for over in [ExperimentStatus::Completed, ExperimentStatus::Stopped, ExperimentStatus::Failed] {
            assert_eq!(kind(answer("EXT1", over.clone(), &ours)), None, "sent again after a lost answer");
            assert_eq!(kind(answer("EXT1", over.clone(), &[])), Some(FailureKind::Refused));
            assert_eq!(kind(answer("EXT1", over.clone(), &ours[..1])), Some(FailureKind::Refused));
            assert_eq!(kind(answer("EXT1", over.clone(), &theirs)), Some(FailureKind::Refused));
            assert_eq!(kind(answer("EXT2", over, &ours)), Some(FailureKind::Unanswered));
        }
        assert_eq!(kind(answer("EXT1", ExperimentStatus::Pending, &ours)), None);
        assert_eq!(kind(answer("EXT1", ExperimentStatus::Pending, &theirs)), Some(FailureKind::Refused));
        assert_eq!(kind(answer("EXT2", ExperimentStatus::Pending, &ours)), Some(FailureKind::Unanswered));
    }

    #[test]
    fn a_preview_is_another_launch_and_is_found_as_one() {
        let run = run("mine", "x");
        let launch = ExperimentLaunch {
            run: &run,
            name: "az",
            template: "EXT1",
            skips_actions: false,
            is_preview: false,
            expires_at: jiff::Timestamp::UNIX_EPOCH,
            cancelled: &CancellationToken::new(),
        };
        let preview = launch.as_preview();
        assert_ne!(launch.client_token(""), preview.client_token(""));
        for one in [launch, preview] {
            let tags = one.tags();
            let made = |by: ExperimentLaunch<'_>| by.has_made(|key| tags.get(key).map(String::as_str));
            assert_eq!((made(launch), made(preview)), (!one.is_preview, one.is_preview));
        }
    }

    #[test]
    fn a_token_is_what_the_api_takes() {
        let token = token(&run("a", "anything at all, with spaces ✓"), "az");
        assert!(!token.contains(char::is_whitespace) && token.len() <= 64, "{token}");
    }
}
