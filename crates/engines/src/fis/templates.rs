//! Experiment templates as FIS has them: those that a query of a suite finds, and for `faultgate lint`, which
//! judges what is read here.

use std::collections::{BTreeMap, HashMap};

use aws_config::SdkConfig;
use aws_sdk_fis::types::{
    ExperimentTemplate, ExperimentTemplateAction, ExperimentTemplateSummary, ExperimentTemplateTarget,
    ExperimentTemplateTargetFilter,
};
use serde_json::{Value, json};

use super::clients::Clients;
use super::error::{failure, unreadable};
use super::pages::{MAX_ENTRIES_PER_PAGE, next_page};
use super::preflight::{add_region_remedy, get_template};
use crate::EngineFailure;
use faultgate_net::aws::AwsPlace;

/// Limit of the pages of templates that are read, of 100 each. FIS allows 500 templates unless asked for more.
const MAX_PAGES: usize = 100;

/// The connection by which templates of one account and Region are read.
#[derive(Debug)]
pub struct Templates {
    clients: Clients,
    place: AwsPlace,
}

impl Templates {
    /// Makes a connection without any request. `sdk` must have a Region.
    pub fn new(sdk: &SdkConfig, role_arn: Option<&str>) -> Self {
        let region = sdk.region().map(AsRef::as_ref).unwrap_or_default();
        let of_role = role_arn.and_then(|arn| AwsPlace::of_role(arn, region));
        Self { clients: Clients::new(sdk), place: of_role.unwrap_or_else(|| AwsPlace::in_region(region)) }
    }

    /// Finds the ids of the templates that have all of these tags, in order.
    pub async fn find(&self, tags: &BTreeMap<String, String>) -> Result<Vec<String>, EngineFailure> {
        const WHAT: &str = "list the experiment templates";
        let has_all = |template: &ExperimentTemplateSummary| {
            let own = template.tags();
            tags.iter().all(|(tag, value)| own.and_then(|own| own.get(tag)) == Some(value))
        };
        let (mut found, mut token) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let request = self.clients.fis.list_experiment_templates().max_results(MAX_ENTRIES_PER_PAGE);
            let answer = request.set_next_token(token.clone()).send().await;
            let page =
                answer.map_err(|error| failure(error, "ListExperimentTemplates", WHAT, &self.place))?;
            // An answer without the list says nothing, which is not that there is no template.
            let listed = page.experiment_templates.ok_or_else(|| {
                unreadable(WHAT, "the answer of ListExperimentTemplates holds no list of templates")
            })?;
            found.extend(listed.into_iter().filter(has_all).filter_map(|template| template.id));
            token = next_page(page.next_token, token.as_deref(), WHAT)?;
            if token.is_none() {
                found.sort();
                return Ok(found);
            }
        }
        Err(unreadable(WHAT, "there are more than are read"))
    }

    /// Reads a template, in the form in which `aws fis get-experiment-template` prints it. Fields that say
    /// nothing of what an experiment does are left out.
    pub async fn read(&self, id: &str) -> Result<Value, EngineFailure> {
        let template = get_template(&self.clients, &self.place, id).await;
        template
            .map(|template| describe(&template))
            .map_err(|failure| add_region_remedy(failure, &self.place))
    }
}

/// Writes a template as JSON. A field that is null is one that the template does not have.
fn describe(template: &ExperimentTemplate) -> Value {
    let conditions = template.stop_conditions().iter();
    let conditions: Vec<Value> = conditions
        .map(|condition| json!({"source": condition.source(), "value": condition.value()}))
        .collect();
    let options = template.experiment_options().map(|options| {
        json!({
            "accountTargeting": options.account_targeting().map(|word| word.as_str().to_owned()),
            "emptyTargetResolutionMode": options.empty_target_resolution_mode().map(|word| word.as_str().to_owned()),
        })
    });
    let log = template.log_configuration().map(|log| {
        json!({
            "cloudWatchLogsConfiguration": log.cloud_watch_logs_configuration().map(|to| {
                json!({"logGroupArn": to.log_group_arn()})
            }),
            "s3Configuration": log.s3_configuration().map(|to| {
                json!({"bucketName": to.bucket_name(), "prefix": to.prefix()})
            }),
        })
    });
    json!({
        "id": template.id(),
        "description": template.description(),
        "roleArn": template.role_arn(),
        "stopConditions": conditions,
        "targets": each(template.targets(), target),
        "actions": each(template.actions(), action),
        "logConfiguration": log,
        "experimentOptions": options,
        // Lint only asks if a template has one.
        "experimentReportConfiguration": template.experiment_report_configuration().map(|_| json!({})),
        "tags": template.tags(),
    })
}

fn each<T>(named: Option<&HashMap<String, T>>, describe: fn(&T) -> Value) -> Value {
    let named = named.into_iter().flatten();
    Value::Object(named.map(|(name, item)| (name.clone(), describe(item))).collect())
}

fn target(target: &ExperimentTemplateTarget) -> Value {
    let filter =
        |filter: &ExperimentTemplateTargetFilter| json!({"path": filter.path(), "values": filter.values()});
    json!({
        "resourceType": target.resource_type(),
        "resourceArns": target.resource_arns(),
        "resourceTags": target.resource_tags(),
        "filters": target.filters().iter().map(filter).collect::<Vec<Value>>(),
        "selectionMode": target.selection_mode(),
        "parameters": target.parameters(),
    })
}

fn action(action: &ExperimentTemplateAction) -> Value {
    json!({
        "actionId": action.action_id(),
        "description": action.description(),
        "parameters": action.parameters(),
        "targets": action.targets(),
        "startAfter": action.start_after(),
    })
}
