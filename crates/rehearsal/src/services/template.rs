//! Templates of experiments: those that every world has from the beginning, and those that a client makes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::fixtures::ACCOUNT;
use crate::fixtures::ALARM_NAME;
use crate::wire::protocol::{ApiCall, ApiError, tags};
use crate::world::context::{ServiceContext, epoch_seconds};

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

/// Name of a target that never resolves to a resource.
pub(crate) const NOTHING: &str = "standby-databases";

/// The content of the templates that a world has from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// One fault, and a wait for the service to settle.
    Latency,
    /// No fault: traffic is moved away from an Availability Zone.
    Recovery,
    /// Two faults, of which one finds no target.
    TwoFaults,
    /// A wait, one fault, and another wait.
    Waits,
}

impl Plot {
    /// Returns the targets and the actions. Actions start in the order of their names, those with
    /// `startAfter` after the others.
    fn parts(self) -> (Value, Value) {
        let by_tag = |kind: &str| json!({"resourceType": kind, "resourceTags": {"service": "checkout"}, "selectionMode": "ALL"});
        let tasks = by_tag("aws:ecs:task");
        let latency = json!({
            "actionId": "aws:ecs:task-network-latency",
            "description": "delay what the tasks send",
            "parameters": {"duration": "PT1M", "delayMilliseconds": "200"},
            "targets": {"Tasks": "tasks"},
        });
        let wait = |why: &str, after: &[&str]| {
            let mut wait =
                json!({"actionId": "aws:fis:wait", "description": why, "parameters": {"duration": "PT1M"}});
            if !after.is_empty() {
                wait["startAfter"] = json!(after);
            }
            wait
        };
        let settle = |after| wait("let the service settle", &[after]);
        match self {
            Self::Latency => {
                (json!({"tasks": tasks}), json!({"latency": latency, "settle": settle("latency")}))
            }
            Self::Recovery => {
                let shift = json!({
                    "actionId": "aws:arc:start-zonal-autoshift",
                    "description": "move traffic away from a zone",
                    "parameters": {"duration": "PT1M", "availabilityZoneIdentifier": "use1-az1"},
                    "targets": {"ManagedResources": "balancers"},
                });
                let balancers = by_tag("aws:arc:zonal-shift-managed-resource");
                (json!({"balancers": balancers}), json!({"shift": shift, "settle": settle("shift")}))
            }
            Self::TwoFaults => {
                let failover = json!({
                    "actionId": "aws:rds:reboot-db-instances",
                    "description": "reboot the standby databases",
                    "targets": {"DBInstances": NOTHING},
                });
                let targets = json!({"tasks": tasks, NOTHING: by_tag("aws:rds:db")});
                (targets, json!({"latency": latency, "reboot": failover, "settle": settle("latency")}))
            }
            Self::Waits => {
                let mut outage = latency;
                outage["startAfter"] = json!(["warm-up"]);
                let warm_up = wait("let the service warm up", &[]);
                (
                    json!({"tasks": tasks}),
                    json!({"warm-up": warm_up, "outage": outage, "settle": settle("outage")}),
                )
            }
        }
    }

    /// Returns `true` if one of the targets finds nothing, which must then be no failure of the experiment.
    fn finds_nothing(self) -> bool {
        self == Self::TwoFaults
    }
}

impl FisTemplate {
    /// Makes a template of the plot, with targets that are selected by tags.
    pub(crate) fn from_plot(id: &str, context: &ServiceContext) -> Self {
        let (targets, actions) = context.plot.parts();
        // FIS fails an experiment whose target finds nothing, unless its template says to skip.
        let skips = context.plot.finds_nothing() || !context.targets_resolve;
        let definition = json!({
            "description": "Rehearsal: latency for the tasks of a checkout service",
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/rehearsal"),
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
        described.insert("targetAccountConfigurationsCount".to_owned(), 0.into());
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
