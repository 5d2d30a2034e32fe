//! The checks of Harness before anything is launched: the key, the experiments, their chaos infrastructures,
//! and the inputs that runs would be given. Nothing is changed. A look that meets with passing trouble is a
//! warning, and the launch decides.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::Value;

use super::api::{Api, Rest, is_no_such_place};
use super::experiments::KnownExperiments;
use super::row::HarnessRow;
use super::words;
use crate::control_plane::{Asked, Trouble, TroubleKind};
use faultgate_core::model::{Finding, HarnessSpec, Level, RuntimeInputs};
use faultgate_core::secret::Secret;

/// Checks the experiments of these specs, with one request for those that are named by id and one for the
/// others.
pub(super) async fn check(
    api: &Api,
    key: &Secret,
    known: &KnownExperiments,
    specs: &[&HarnessSpec],
) -> Vec<Finding> {
    if let Some(other) = other_account(key, &api.project().account) {
        // The other requests would all be denied for this reason.
        return vec![other];
    }
    let names: BTreeSet<&str> = specs.iter().map(|spec| &*spec.experiment).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let found = match known.list(api, &names).await {
        Ok(found) => found,
        Err(trouble) => return vec![could_not_look(api, "Harness", "look for the experiments", &trouble)],
    };
    let mut findings = Vec::new();
    for name in names {
        let Some(row) = found.get(name).filter(|row| row.flag("isRemoved") != Some(true)) else {
            findings.push(missing(api, name));
            continue;
        };
        findings.extend(experiment(api, name, row));
        for spec in specs.iter().filter(|spec| spec.experiment == name && !spec.runtime_inputs.is_empty()) {
            let id = row.text("workflowID").unwrap_or(name);
            findings.extend(inputs(api, name, id, &spec.runtime_inputs).await);
        }
    }
    findings
}

/// Returns the finding that the key is of another account, if it is. The second part of a key names its
/// account.
fn other_account(key: &Secret, account: &str) -> Option<Finding> {
    let parts: Vec<&str> = key.expose().split('.').collect();
    let [kind, key_account, _, _] = parts[..] else { return None };
    let other = matches!(kind, "pat" | "sat") && key_account != account;
    other.then(|| {
        Finding::new(Level::Error, "API key", format!("the API key is not of account {account} but of another"))
            .with_remedy("set `harness-account-id` to the account of the key, or `harness-api-key` to a key of the account")
    })
}

fn missing(api: &Api, name: &str) -> Finding {
    let place = api.project();
    let message = format!(
        "it is not in project {} of organisation {}, or the API key's owner may not see it",
        place.project, place.org
    );
    Finding::new(Level::Error, subject(name), message).with_remedy(
        "take its id from the URL of its page in Harness; the owner needs `Chaos Experiment: View` in that project",
    )
}

fn subject(name: &str) -> String {
    format!("experiment {name}")
}

fn experiment(api: &Api, name: &str, row: &HarnessRow) -> Vec<Finding> {
    let mut findings = vec![agent(api, name, row)];
    if row.text("cronSyntax").is_some() {
        findings.push(
            Finding::new(
                Level::Warning,
                subject(name),
                "it runs on a schedule: a launch may give no id to follow its run by",
            )
            .with_remedy("make an experiment without a schedule for the pipeline"),
        );
    }
    let recent = HarnessRow::all(&row.0["recentWorkflowRunDetails"]);
    let last = recent.iter().max_by_key(|run| run.time("createdAt"));
    if last.and_then(|run| run.text("phase")) == Some("Blocked") {
        findings.push(
            Finding::new(Level::Warning, subject(name), "its last run was blocked by ChaosGuard")
                .with_remedy(
                    "look at the run in Harness: a rule may allow it only at some times or to some users",
                ),
        );
    }
    findings
}

/// Checks the chaos infrastructure that would inject the faults.
fn agent(api: &Api, name: &str, row: &HarnessRow) -> Finding {
    let infra = HarnessRow(row.0["infra"].clone());
    let called = infra.text("name").map(|name| format!(" {}", api.make_showable(name))).unwrap_or_default();
    let shown = row.text("name").map_or_else(|| "it".to_owned(), |name| api.make_showable(name));
    let (active, confirmed) = (infra.flag("isActive"), infra.flag("isInfraConfirmed"));
    let trouble = match (confirmed, active) {
        (Some(false), _) => Some(format!("its chaos infrastructure{called} has never reported to Harness")),
        (_, Some(false)) => Some(format!("its chaos infrastructure{called} is not active")),
        _ => None,
    };
    let Some(trouble) = trouble else {
        let told = if active == Some(true) {
            format!("found: {shown}; its chaos infrastructure{called} is active")
        } else {
            format!("found: {shown}; Harness does not tell how its chaos infrastructure is")
        };
        return Finding::new(Level::Ok, subject(name), told);
    };
    // A delegate starts such an infrastructure for a run, so it need not be there before.
    let on_demand = infra.text("infraType") == Some("KubernetesV2");
    let level = if on_demand { Level::Warning } else { Level::Error };
    Finding::new(level, subject(name), trouble).with_remedy(
        "start the chaos infrastructure and see that it can reach Harness; a run would wait in its queue",
    )
}

/// Checks the inputs that a run of the experiment would be given.
async fn inputs(api: &Api, name: &str, id: &str, given: &RuntimeInputs) -> Vec<Finding> {
    let rest = Rest {
        operation: "getChaosV2ExperimentVariables",
        method: Method::GET,
        path: &["experiments", id, "variables"],
        query: &[("isIdentity", "false")],
        body: None,
    };
    match api.rest(rest).await {
        Ok(told) => input_findings(api, name, given, &told),
        Err(trouble) if is_no_such_place(&trouble) => vec![
            Finding::new(
                Level::Error,
                subject(name),
                "it cannot be given `runtime-inputs`: this Harness has no REST v2 API for experiments",
            )
            .with_remedy("update Harness, or put the values into the experiment"),
        ],
        Err(trouble) => {
            // The launch does without this look, so it is no reason not to launch.
            let mut finding = could_not_look(api, &subject(name), "look at its inputs", &trouble);
            finding.level = finding.level.min(Level::Warning);
            vec![finding]
        }
    }
}

fn input_findings(api: &Api, name: &str, given: &RuntimeInputs, told: &Value) -> Vec<Finding> {
    let (none, no_tasks) = (BTreeMap::new(), serde_json::Map::new());
    let tasks = told["tasks"].as_object().unwrap_or(&no_tasks);
    let names: BTreeSet<&String> = given.tasks.keys().chain(tasks.keys()).collect();
    let mut wrong = mismatches("", &given.experiment, &told["experiment"]);
    for task in names {
        let given = given.tasks.get(task).unwrap_or(&none);
        wrong.extend(mismatches(&format!(" of {task}"), given, &told["tasks"][task]));
    }
    let finding = |wrong: String| Finding::new(Level::Warning, subject(name), api.make_showable(&wrong));
    wrong.into_iter().map(finding).collect()
}

/// Returns the inputs that are given and not known, and those that are wanted and not given. Values are not
/// compared, since they may be secrets.
fn mismatches(of: &str, given: &BTreeMap<String, String>, told: &Value) -> Vec<String> {
    let told = HarnessRow::all(told);
    let known: BTreeSet<&str> = told.iter().filter_map(|input| input.text("name")).collect();
    let unknown = given.keys().filter(|input| !known.contains(input.as_str()));
    let unknown = unknown.map(|input| format!("it has no runtime input {input}{of}"));
    let wanted = told.iter().filter(|input| {
        let has_none = |name: &str| matches!(&input.0[name], Value::Null) || input.0[name] == "";
        input.flag("required") == Some(true) && has_none("default") && has_none("value")
    });
    let wanted = wanted.filter_map(|input| input.text("name")).filter(|input| !given.contains_key(*input));
    let wanted = wanted.map(|input| format!("it wants the runtime input {input}{of}, which is not given"));
    unknown.chain(wanted).collect()
}

fn could_not_look(api: &Api, subject: &str, what: &str, trouble: &Trouble) -> Finding {
    // Trouble that may be over in a moment forbids nothing: the launch meets with it or not.
    let level = match trouble.kind {
        TroubleKind::Limited => Level::Warning,
        TroubleKind::Unanswered if !trouble.is_of_another_server() => Level::Warning,
        TroubleKind::Unanswered
        | TroubleKind::Unsent
        | TroubleKind::Unauthenticated
        | TroubleKind::Denied
        | TroubleKind::Missing
        | TroubleKind::Refused => Level::Error,
    };
    let message = format!("could not {what}: {}", trouble.why);
    Finding {
        remedy: words::remedy(api.project(), trouble, Asked::Check),
        ..Finding::new(level, subject, message)
    }
}
