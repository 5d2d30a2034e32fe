//! Experiment templates: those every world is born with, and those a client makes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::context::{Context, epoch_seconds};
use super::protocol::{ApiError, Call, tags};
use super::{ACCOUNT, ALARM_NAME};

#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) id: String,
    pub(super) arn: String,
    /// Description, targets, actions, stop conditions, role and options as they were given.
    pub(super) definition: Map<String, Value>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) client_token: Option<String>,
    created: Timestamp,
}

const MEMBERS: [&str; 8] = [
    "actions",
    "description",
    "experimentOptions",
    "experimentReportConfiguration",
    "logConfiguration",
    "roleArn",
    "stopConditions",
    "targets",
];

impl Template {
    /// One action that takes its targets by tag, and one that waits for its effect.
    pub(super) fn born(id: &str, context: &Context) -> Self {
        let definition = json!({
            "description": "Rehearsal: latency for the tasks of a checkout service",
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/rehearsal"),
            "targets": {
                "tasks": {
                    "resourceType": "aws:ecs:task",
                    "resourceTags": {"service": "checkout"},
                    "selectionMode": "ALL",
                },
            },
            "actions": {
                "latency": {
                    "actionId": "aws:ecs:task-network-latency",
                    "description": "delay what the tasks send",
                    "parameters": {"duration": "PT1M", "delayMilliseconds": "200"},
                    "targets": {"Tasks": "tasks"},
                },
                "settle": {
                    "actionId": "aws:fis:wait",
                    "description": "let the service settle",
                    "parameters": {"duration": "PT1M"},
                    "startAfter": ["latency"],
                },
            },
            "stopConditions": [{
                "source": "aws:cloudwatch:alarm",
                "value": context.arn("cloudwatch", &format!("alarm:{ALARM_NAME}")),
            }],
            "experimentOptions": {
                "accountTargeting": "single-account",
                "emptyTargetResolutionMode": if context.targets_resolve { "fail" } else { "skip" },
            },
        });
        Self {
            id: id.to_owned(),
            arn: context.arn("fis", &format!("experiment-template/{id}")),
            definition: definition.as_object().cloned().unwrap_or_default(),
            tags: BTreeMap::from([("Name".to_owned(), "rehearsal".to_owned())]),
            client_token: None,
            created: context.now,
        }
    }

    pub(super) fn of(id: String, call: &Call, context: &Context) -> Result<Self, ApiError> {
        call.text("description")?;
        call.text("roleArn")?;
        call.list("stopConditions")?;
        if call.object("actions").is_none_or(Map::is_empty) {
            return Err(call.invalid("a template has one action or more"));
        }
        let member = |name: &&str| Some(((*name).to_owned(), call.input.get(*name)?.clone()));
        let mut definition: Map<_, _> = MEMBERS.iter().filter_map(member).collect();
        definition.entry("targets").or_insert_with(|| json!({}));
        let options = definition.entry("experimentOptions").or_insert_with(|| json!({}));
        if let Some(options) = options.as_object_mut() {
            for (name, default) in
                [("accountTargeting", "single-account"), ("emptyTargetResolutionMode", "fail")]
            {
                options.entry(name).or_insert_with(|| default.into());
            }
        }
        Ok(Self {
            arn: context.arn("fis", &format!("experiment-template/{id}")),
            id,
            definition,
            tags: tags(call.object("tags")),
            client_token: call.optional_text("clientToken").map(str::to_owned),
            created: context.now,
        })
    }

    pub(super) fn describe(&self) -> Value {
        let mut described = self.definition.clone();
        described.extend(self.summary_members());
        described.insert("targetAccountConfigurationsCount".to_owned(), 0.into());
        Value::Object(described)
    }

    pub(super) fn summary(&self) -> Value {
        let mut summary = Map::from_iter(self.summary_members());
        if let Some(description) = self.definition.get("description") {
            summary.insert("description".to_owned(), description.clone());
        }
        Value::Object(summary)
    }

    fn summary_members(&self) -> [(String, Value); 5] {
        [
            ("id", self.id.as_str().into()),
            ("arn", self.arn.as_str().into()),
            ("creationTime", epoch_seconds(self.created)),
            ("lastUpdateTime", epoch_seconds(self.created)),
            ("tags", json!(self.tags)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }
}
