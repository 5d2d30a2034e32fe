//! The inspection of an experiment before its launch: what its template says, where it would run, and the
//! accounts that it would reach. The check has read the template, so only the accounts take a request.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_fis::types::{AccountTargeting, ExperimentTemplate};

use super::FisEngine;
use super::preflight::{CheckedTemplate, list_stop_alarms};
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
///
/// # Errors
///
/// FIS does not tell which actions the template has: a rule on them must not take that for none.
pub(super) fn template_facts(template: &ExperimentTemplate) -> Result<TemplateFacts, String> {
    let told = template.actions().filter(|actions| !actions.is_empty());
    let told = told.ok_or("FIS tells no action of the template")?;
    let mut actions = Vec::with_capacity(told.len());
    for (name, action) in told {
        let id = action.action_id().filter(|id| is_action_id(id));
        actions.push(ActionFacts {
            name: name.clone(),
            id: id.ok_or_else(|| format!("FIS does not tell what the action {name} is"))?.to_owned(),
            parameters: sorted(action.parameters()),
            start_after: action.start_after().to_vec(),
        });
    }
    actions.sort_by(|one, other| one.name.cmp(&other.name));
    let log = template.log_configuration();
    let log_group = log.and_then(|log| log.cloud_watch_logs_configuration()?.log_group_arn());
    let bucket = log.and_then(|log| log.s3_configuration()?.bucket_name());
    Ok(TemplateFacts {
        actions,
        stop_alarms: list_stop_alarms(template).len(),
        has_logs: [log_group, bucket].into_iter().flatten().any(|place| !place.trim().is_empty()),
        tags: sorted(template.tags()),
    })
}

/// Returns `true` for a text in the form of the id of a kind of action, such as `aws:ec2:stop-instances`.
fn is_action_id(text: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_usual)
}

fn sorted(pairs: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    pairs.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Returns the reason for which something is not known, in a few words.
fn why_unknown(kind: FailureKind) -> String {
    match kind {
        FailureKind::Denied => "access denied",
        FailureKind::Missing => "the template does not exist",
        FailureKind::Refused | FailureKind::Full | FailureKind::Throttled | FailureKind::Busy => {
            "FIS refused to tell"
        }
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
        self.of_template(experiment, |template| template.facts.clone())?
    }

    async fn target_accounts(&self, experiment: &ExperimentPlan) -> Result<Vec<String>, String> {
        if !self.of_template(experiment, |template| template.has_target_accounts)? {
            return Ok(Vec::new());
        }
        let found = self.configured_accounts(experiment.spec.source()).await;
        found.map_err(|failure| why_unknown(failure.kind))?.into_ids()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_fis::types::{
        ExperimentTemplateAction, ExperimentTemplateCloudWatchLogsLogConfiguration,
        ExperimentTemplateLogConfiguration, ExperimentTemplateStopCondition,
    };

    use super::*;

    fn action(id: Option<&str>) -> ExperimentTemplateAction {
        ExperimentTemplateAction::builder().set_action_id(id.map(str::to_owned)).build()
    }

    #[test]
    fn what_the_actions_are_is_not_known_unless_each_says_so() {
        let nothing = ExperimentTemplate::builder().build();
        assert!(template_facts(&nothing).is_err());
        assert!(
            template_facts(&ExperimentTemplate::builder().set_actions(Some(HashMap::new())).build()).is_err()
        );
        for id in [None, Some(""), Some("AWS:ECS:stop-task"), Some(" aws:ecs:stop-task")] {
            let template = ExperimentTemplate::builder().actions("stop", action(id)).build();
            let why = template_facts(&template).unwrap_err();
            assert_eq!(why, "FIS does not tell what the action stop is", "{id:?}");
        }
        let template =
            ExperimentTemplate::builder().actions("stop", action(Some("aws:ecs:stop-task"))).build();
        assert_eq!(template_facts(&template).unwrap().actions[0].id, "aws:ecs:stop-task");
    }

    #[test]
    fn a_stop_condition_needs_an_alarm_and_a_log_a_place() {
        let facts = |source: &str, value: Option<&str>, group: &str| {
            let stop = ExperimentTemplateStopCondition::builder().source(source);
            let to = ExperimentTemplateCloudWatchLogsLogConfiguration::builder().log_group_arn(group).build();
            let log =
                ExperimentTemplateLogConfiguration::builder().cloud_watch_logs_configuration(to).build();
            let template = ExperimentTemplate::builder()
                .actions("stop", action(Some("aws:ecs:stop-task")))
                .stop_conditions(stop.set_value(value.map(str::to_owned)).build())
                .log_configuration(log);
            let facts = template_facts(&template.build()).unwrap();
            (facts.stop_alarms, facts.has_logs)
        };
        let alarm = "aws:cloudwatch:alarm";
        assert_eq!(
            facts(alarm, Some("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:slow"), "arn"),
            (1, true)
        );
        for (source, value) in [(alarm, None), (alarm, Some(" ")), ("none", None), ("NONE", Some("x"))] {
            assert_eq!(facts(source, value, ""), (0, false), "{source} {value:?}");
        }
    }
}
