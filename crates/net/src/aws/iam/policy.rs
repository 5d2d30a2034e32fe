//! Policies, the statements in errors, and the reference (docs/iam.md), all made of the list of calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::list::{CALLS, Call, Scope, Use};

/// The resources that a policy is for. A `*` stands for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTarget {
    pub partition: String,
    pub region: String,
    pub account: String,
    /// Ids of the FIS templates; empty for all.
    pub templates: Vec<String>,
    /// The name of the queue of event-queue-url.
    pub queue: String,
    /// The name of the CodeCommit repository.
    pub repository: String,
    /// The name of the bucket of the results.
    pub bucket: String,
    /// The name of the role that is assumed, with its path.
    pub role: String,
}

impl PolicyTarget {
    /// Returns a target that stands for everything in this Region and account.
    pub fn of(partition: &str, region: &str, account: &str) -> Self {
        let any = || "*".to_owned();
        Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            templates: Vec::new(),
            queue: any(),
            repository: any(),
            bucket: any(),
            role: any(),
        }
    }

    /// Replaces the placeholders of a text by the target's values. There is one result for each template that
    /// the text names.
    fn fill_placeholders(&self, text: &str) -> Vec<String> {
        let text = [
            ("{partition}", &self.partition),
            ("{region}", &self.region),
            ("{account}", &self.account),
            ("{queue}", &self.queue),
            ("{repository}", &self.repository),
            ("{bucket}", &self.bucket),
            ("{role}", &self.role),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        if self.templates.is_empty() || !text.contains("{template}") {
            return vec![text.replace("{template}", "*")];
        }
        self.templates.iter().map(|template| text.replace("{template}", template)).collect()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDocument {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

/// Returns the statements for some calls. Actions on the same scope share one statement.
fn gather<'a>(calls: impl Iterator<Item = &'a Call>, target: &PolicyTarget) -> Vec<Statement> {
    let mut scopes: Vec<(&Scope, Vec<&'static str>)> = Vec::new();
    for &(action, scope) in calls.flat_map(|call| call.needs) {
        // A list and no map: statements keep the order of the calls, so that a policy does not change by
        // chance.
        let place = scopes.iter().position(|(known, _)| *known == scope).unwrap_or_else(|| {
            scopes.push((scope, Vec::new()));
            scopes.len() - 1
        });
        let actions = &mut scopes[place].1;
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    let statement = |(scope, action): (&Scope, _)| Statement {
        sid: scope.sid,
        effect: "Allow",
        action,
        resource: scope.resources.iter().flat_map(|resource| target.fill_placeholders(resource)).collect(),
        condition: scope
            .conditions
            .iter()
            .map(|(operator, key, value)| {
                (*operator, BTreeMap::from([(*key, target.fill_placeholders(value).concat())]))
            })
            .collect(),
    };
    scopes.into_iter().map(statement).collect()
}

/// Returns the policy for these uses, as JSON with a line break at its end.
pub fn policy(uses: &[Use], target: &PolicyTarget) -> String {
    let calls = CALLS.iter().filter(|call| call.is_for(uses));
    let policy = PolicyDocument { version: "2012-10-17", statement: gather(calls, target) };
    let json = serde_json::to_string_pretty(&policy).unwrap_or_default();
    format!("{json}\n")
}

/// Returns the statements that allow one operation, as JSON on one line; None where the list does not have
/// the operation or it needs no permission.
pub fn statements(operation: &str, target: &PolicyTarget) -> Option<String> {
    state(CALLS.iter().find(|call| call.operation == operation)?, target)
}

/// Returns the statements that allow one operation in this use, whose resources may be others than in other
/// uses.
pub fn statements_for(used: Use, operation: &str, target: &PolicyTarget) -> Option<String> {
    state(CALLS.iter().find(|call| call.operation == operation && call.is_for(&[used]))?, target)
}

fn state(call: &Call, target: &PolicyTarget) -> Option<String> {
    let statements = gather(std::iter::once(call), target);
    let json: Vec<String> = statements.iter().filter_map(|each| serde_json::to_string(each).ok()).collect();
    (!json.is_empty()).then(|| json.join(" and "))
}

/// The beginning of the reference, up to the head of its table.
const HEAD: &str = "\
# What faultgate asks of AWS

Every request that it may send. Policies are made of this list by `faultgate iam`, as is this page; see
[aws-access.md](aws-access.md).

| operation | action | for | why | without it |
| --- | --- | --- | --- | --- |
";

/// Returns the list as a page in Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for call in CALLS {
        let actions: Vec<String> = call.needs.iter().map(|(action, _)| format!("`{action}`")).collect();
        // A call that every way of a run needs has one entry for all of them.
        let every_run = Use::RUNS.iter().all(|run| call.uses.contains(run));
        let named = call.uses.iter().filter(|used| !(every_run && Use::RUNS.contains(used)));
        let uses: Vec<&str> =
            every_run.then_some("every run").into_iter().chain(named.map(|used| used.as_str())).collect();
        let uses = uses.join(", ");
        let without = call.without.unwrap_or_default();
        let _ = writeln!(
            page,
            "| `{}` | {} | {uses} | {} | {without} |",
            call.operation,
            actions.join(", "),
            call.why
        );
    }
    page
}
