//! The item of a plan: one experiment of a suite as `faultgate plan` hands it to another process, which
//! carries it out, or merges the results of all.

use serde::{Deserialize, Serialize};

use super::plan_record::digest_of;
use super::{EngineKind, EngineSpec, ExperimentPlan};

/// Number of characters of the digest of one experiment: it tells changes, and need not withstand attacks.
const DIGEST_CHARS: usize = 16;

/// An experiment of a plan: a line of `plan.jsonl`. Keys may be added, and unknown ones are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    pub experiment: String,
    pub engine: EngineKind,
    /// FIS template. None for other engines.
    pub template: Option<String>,
    /// Account of the role. None where only the credentials of the run tell it.
    pub account: Option<String>,
    pub region: Option<String>,
    pub role_arn: Option<String>,
    pub weight: u32,
    pub timeout_seconds: u64,
    /// Id of the plan, which all of its items share.
    pub run: String,
    /// Digest of the whole suite, which all items of a plan share.
    pub suite: String,
    /// Number of experiments of the whole suite.
    #[serde(default)]
    pub suite_size: Option<usize>,
    /// Digest of what the suite says of this experiment. Items of earlier versions have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
}

/// The facts that all items of a plan share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanOrigin {
    pub run: String,
    pub suite: String,
    pub suite_size: Option<usize>,
}

impl PlanItem {
    /// Makes the item of an experiment.
    pub fn of(experiment: &ExperimentPlan, origin: &PlanOrigin) -> Self {
        let (template, region, role_arn) = match &experiment.spec {
            EngineSpec::Fis { template, region, role_arn } => {
                (Some(template), region.clone(), role_arn.clone())
            }
            EngineSpec::Command(_) | EngineSpec::Harness(_) | EngineSpec::Litmus(_) => (None, None, None),
        };
        Self {
            experiment: experiment.name.clone(),
            engine: experiment.spec.kind(),
            template: template.cloned(),
            account: role_arn.as_deref().and_then(account_of).map(str::to_owned),
            region,
            role_arn,
            weight: experiment.weight,
            timeout_seconds: experiment.timeout.as_secs(),
            run: origin.run.clone(),
            suite: origin.suite.clone(),
            suite_size: origin.suite_size,
            digest: Some(digest_of(experiment).chars().take(DIGEST_CHARS).collect()),
        }
    }

    /// Returns `true` if this item is what the suite says of the experiment here too.
    pub fn is_still(&self, experiment: &ExperimentPlan) -> bool {
        let mut now = Self::of(experiment, &self.origin());
        now.digest = now.digest.filter(|_| self.digest.is_some());
        now == *self
    }

    /// Returns what the item shares with all others of its plan.
    pub fn origin(&self) -> PlanOrigin {
        PlanOrigin { run: self.run.clone(), suite: self.suite.clone(), suite_size: self.suite_size }
    }

    /// Reads items: one JSON object, an array of them, or JSON lines. The error says what is wrong with which
    /// item, and repeats no value.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let wrong = |number: usize, error: &serde_json::Error| {
            let line = if error.line() > 0 { format!(", line {}", error.line()) } else { String::new() };
            let what = if error.is_data() { "is no item of a plan" } else { "is not JSON" };
            format!("item {number} {what}{line}")
        };
        if text.trim_start().starts_with('[') {
            let values: Vec<serde_json::Value> = serde_json::from_str(text)
                .map_err(|error| format!("is not a list in JSON, line {}", error.line()))?;
            let items = values.into_iter().enumerate();
            return items
                .map(|(place, value)| serde_json::from_value(value).map_err(|error| wrong(place + 1, &error)))
                .collect();
        }
        let items = serde_json::Deserializer::from_str(text).into_iter().enumerate();
        items.map(|(place, item)| item.map_err(|error| wrong(place + 1, &error))).collect()
    }
}

/// Returns the account in the ARN of a role.
fn account_of(role_arn: &str) -> Option<&str> {
    role_arn.split(':').nth(4).filter(|account| !account.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn item(name: &str, role_arn: Option<&str>) -> PlanItem {
        let experiment = ExperimentPlan {
            name: name.to_owned(),
            spec: EngineSpec::Fis {
                template: "EXT1".to_owned(),
                region: Some("eu-west-1".to_owned()),
                role_arn: role_arn.map(str::to_owned),
            },
            weight: 10,
            timeout: Duration::from_mins(30),
            queue_timeout: Duration::ZERO,
            expected: None,
            probes: Vec::new(),
        };
        let origin = PlanOrigin { run: "7".to_owned(), suite: "d".to_owned(), suite_size: Some(2) };
        PlanItem::of(&experiment, &origin)
    }

    #[test]
    fn items_come_back_from_each_form() {
        let items = [item("a", Some("arn:aws:iam::111122223333:role/chaos")), item("b", None)];
        assert_eq!(items[0].account.as_deref(), Some("111122223333"));
        assert_eq!((items[1].account.as_deref(), items[1].timeout_seconds), (None, 1800));
        let lines: Vec<String> = items.iter().map(|item| serde_json::to_string(item).unwrap()).collect();
        assert_eq!(PlanItem::read_all(&lines.join("\n")).unwrap(), items);
        assert_eq!(PlanItem::read_all(&format!("\n[{}]", lines.join(","))).unwrap(), items);
        assert_eq!(PlanItem::read_all(&lines[0]).unwrap(), items[..1]);
        assert_eq!(PlanItem::read_all(" \n").unwrap(), []);
    }

    #[test]
    fn a_line_that_is_no_item_is_refused_and_unknown_keys_are_not() {
        let line = serde_json::to_string(&item("a", None)).unwrap();
        let more = line.replacen('{', "{\"later\":1,", 1).replace(",\"suite_size\":2", "");
        assert_eq!(PlanItem::read_all(&more).unwrap()[0].suite_size, None);
        let refused = |text: &str| PlanItem::read_all(text).unwrap_err();
        assert_eq!(
            refused(&format!("{line}\n{{\"experiment\":\"s3cr3t\"}}")),
            "item 2 is no item of a plan, line 2"
        );
        assert_eq!(refused("[{}]"), "item 1 is no item of a plan");
        assert_eq!(refused("{\"a\""), "item 1 is not JSON, line 1");
        assert_eq!(refused(&line.replace("fis", "chaos-mesh")), "item 1 is no item of a plan, line 1");
        assert_eq!(refused("[{]"), "is not a list in JSON, line 1");
    }
}
