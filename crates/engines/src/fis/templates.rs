//! Experiment templates as FIS has them, for `faultgate lint`. They are read here and judged there.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_fis::types::{
    ExperimentTemplate, ExperimentTemplateAction, ExperimentTemplateTarget, ExperimentTemplateTargetFilter,
};
use serde_json::{Value, json};

use super::clients::Clients;
use super::preflight::{add_region_remedy, get_template};
use crate::EngineFailure;
use faultgate_net::aws::AwsPlace;

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
