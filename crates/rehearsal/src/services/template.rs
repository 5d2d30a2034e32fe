//! Templates of experiments: those that every world has from the beginning, and those that a client makes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::fixtures::ALARM_NAME;
use crate::forms::epoch_seconds;
use crate::protocol::call::{ApiCall, ApiError, tags};
use crate::services::context::ServiceContext;
use crate::services::target_accounts::TARGET_ACCOUNTS;

/// A template as FIS keeps it.
#[derive(Debug, Clone)]
pub(crate) struct FisTemplate {
    pub(crate) id: String,
    pub(crate) arn: String,
    /// Members of the template as they were given: description, targets, actions, stop conditions, role,
    /// options.
    pub(crate) definition: Map<String, Value>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) client_token: Option<String>,
    created: Timestamp,
}

/// Members of a request that a template keeps.
const MEMBERS: [&str; 9] = [
    "actions",
    "description",
    "experimentOptions",
    "experimentReportConfiguration",
    "logConfiguration",
    "roleArn",
    "stopConditions",
    TARGET_ACCOUNTS,
    "targets",
];

impl FisTemplate {
    /// Makes a template of the plot, with targets that are selected by tags.
    pub(crate) fn from_plot(id: &str, context: &ServiceContext) -> Self {
        let (targets, actions) = context.plot.parts();
        // FIS fails an experiment whose target finds nothing, unless its template says to skip.
        let skips = context.plot.finds_nothing() || !context.targets_resolve;
        let definition = json!({
            "description": "Rehearsal: latency for the tasks of a checkout service",
            "roleArn": format!("arn:aws:iam::{}:role/rehearsal", context.place.account),
            "targets": targets,
            "actions": actions,
            "stopConditions": [{
                "source": "aws:cloudwatch:alarm",
                "value": context.arn("cloudwatch", &format!("alarm:{ALARM_NAME}")),
            }],
            "experimentOptions": {
                "accountTargeting": "single-account",
                "emptyTargetResolutionMode": if skips { "skip" } else { "fail" },
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

    /// Makes a template from a client's request, and refuses one that lacks what FIS requires.
    pub(crate) fn from_call(id: String, call: &ApiCall, context: &ServiceContext) -> Result<Self, ApiError> {
        // FIS requires these members, and each of these calls refuses a request without one.
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

    /// Returns the template as `GetExperimentTemplate` describes it.
    pub(crate) fn describe(&self) -> Value {
        let mut described = self.definition.clone();
        described.extend(self.summary_members());
        described.remove(TARGET_ACCOUNTS);
        described.insert("targetAccountConfigurationsCount".to_owned(), self.target_accounts().len().into());
        Value::Object(described)
    }

    /// Returns the template as lists show it.
    pub(crate) fn summary(&self) -> Value {
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
