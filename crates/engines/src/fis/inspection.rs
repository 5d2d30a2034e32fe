//! The inspection of an experiment before its launch: what its template says, where it would run, and the
//! accounts that it would reach. The check has read the template, so only the accounts take a request.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_fis::types::{AccountTargeting, ExperimentTemplate};

use super::FisEngine;
use super::preflight::CheckedTemplate;
use crate::{FailureKind, Inspection};
use faultgate_core::model::{ActionFacts, ExperimentPlan, TemplateFacts};

/// Returns `true` if experiments of the template act in accounts that are configured for it, and not only in
/// its own.
pub(super) fn has_target_accounts(template: &ExperimentTemplate) -> bool {
    let targeting = template.experiment_options().and_then(|options| options.account_targeting());
    targeting.is_some_and(|targeting| *targeting != AccountTargeting::SingleAccount)
        || template.target_account_configurations_count().is_some_and(|count| count > 0)
}

/// Returns what a template says.
pub(super) fn template_facts(template: &ExperimentTemplate) -> TemplateFacts {
    let mut actions: Vec<ActionFacts> = template
        .actions()
        .into_iter()
        .flatten()
        .map(|(name, action)| ActionFacts {
            name: name.clone(),
            id: action.action_id().unwrap_or_default().to_owned(),
            parameters: sorted(action.parameters()),
            start_after: action.start_after().to_vec(),
        })
        .collect();
    actions.sort_by(|one, other| one.name.cmp(&other.name));
    let conditions = template.stop_conditions().iter().filter_map(|condition| condition.source());
    let log = template.log_configuration();
    TemplateFacts {
        actions,
        stop_conditions: conditions.map(str::to_owned).collect(),
        has_logs: log.is_some_and(|log| {
            log.cloud_watch_logs_configuration().is_some() || log.s3_configuration().is_some()
        }),
        tags: sorted(template.tags()),
    }
}

fn sorted(pairs: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    pairs.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Returns the reason for which something is not known, in a few words.
fn why_unknown(kind: FailureKind) -> String {
    match kind {
        FailureKind::Denied => "access denied",
        FailureKind::Missing => "the template does not exist",
        FailureKind::Refused | FailureKind::Full => "FIS refused to tell",
        FailureKind::Unanswered => "FIS did not answer",
    }
    .to_owned()
}

impl FisEngine {
    /// Reads a part of what the check has learned of the experiment's template.
    fn of_template<T>(
        &self,
        experiment: &ExperimentPlan,
        read: impl FnOnce(&CheckedTemplate) -> T,
    ) -> Result<T, String> {
        let id = experiment.spec.source();
        match self.templates.borrow().get(id) {
            Some(template) => Ok(read(template)),
            None => Err(match self.unread.borrow().get(id) {
                Some(kind) => why_unknown(*kind),
                None => "the template was not read".to_owned(),
            }),
        }
    }
}

#[async_trait(?Send)]
impl Inspection for FisEngine {
    fn account(&self, experiment: &ExperimentPlan) -> Result<String, String> {
        let place = self.of_template(experiment, |template| template.place.clone())?;
        Ok(place.ok_or("FIS does not say in which account the template is")?.account)
    }

    fn region(&self) -> String {
        self.place().region
    }

    fn template(&self, experiment: &ExperimentPlan) -> Result<TemplateFacts, String> {
        self.of_template(experiment, |template| template.facts.clone())
    }

    async fn target_accounts(&self, experiment: &ExperimentPlan) -> Result<Vec<String>, String> {
        if !self.of_template(experiment, |template| template.has_target_accounts)? {
            return Ok(Vec::new());
        }
        let found = self.configured_accounts(experiment.spec.source()).await;
        found.map_err(|failure| why_unknown(failure.kind))?.into_ids()
    }
}
