//! The check before a launch: the template, the alarms of its stop conditions, the safety lever and the role.
//! Each look is one or more findings. An error among them forbids the launch; a look that is not permitted is
//! a note and forbids nothing. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_fis::types::{ExperimentTemplate, SafetyLeverStatus};
use futures_util::stream::{self, StreamExt};

use super::clients::Clients;
use super::error::{failure, unreadable};
use super::inspection::{has_target_accounts, template_facts};
use super::pace::MAX_LOOKS_AT_ONCE;
use crate::cloudwatch::{DescribedAlarm, IN_ALARM, MAX_ALARMS_PER_REQUEST, OK};
use crate::{EngineFailure, FailureKind};
use faultgate_core::model::{Finding, Level, TemplateFacts};
use faultgate_net::aws::AwsPlace;
use faultgate_net::aws::role::Role;

/// Id of the safety lever: each account and Region has one.
pub(super) const SAFETY_LEVER_ID: &str = "default";
/// Source of a stop condition that is an alarm; the source `none` stands for no stop condition.
const ALARM_STOP_SOURCE: &str = "aws:cloudwatch:alarm";

/// The facts about a template that a run needs later.
#[derive(Debug, Clone)]
pub(super) struct CheckedTemplate {
    /// The place of the template by its own ARN, or else by the ARN of its role, which is in the same
    /// account.
    pub(super) place: Option<AwsPlace>,
    /// ARNs of the alarms that stop an experiment of this template.
    pub(super) stop_alarms: Vec<String>,
    /// Facts by which a policy judges the template. The error tells why they are not known.
    pub(super) facts: Result<TemplateFacts, String>,
    /// `true` if experiments act in accounts that are configured for the template.
    pub(super) has_target_accounts: bool,
    /// Number of these accounts by the template's own record; None where it does not tell.
    pub(super) target_accounts_count: Option<i64>,
}

/// An alarm and its state in CloudWatch at the time of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StopAlarm {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) reason: Option<String>,
}

impl StopAlarm {
    fn new(told: DescribedAlarm) -> Self {
        Self {
            name: told.name.unwrap_or_default(),
            state: told.state.unwrap_or_else(|| "unknown".to_owned()),
            reason: told.reason,
        }
    }

    pub(super) fn is_in_alarm(&self) -> bool {
        self.state == IN_ALARM
    }
}

/// The findings of the check, and the templates that were read, by their ids.
#[derive(Debug, Default)]
pub(super) struct Preflight {
    pub(super) findings: Vec<Finding>,
    pub(super) templates: BTreeMap<String, CheckedTemplate>,
    /// The kind of the failure of each template that could not be read, by its id.
    pub(super) unread: BTreeMap<String, FailureKind>,
}

/// Checks all templates, their alarms and the safety lever. Requests that do not depend on each other go out
/// at once, as many as AWS grants.
pub(super) async fn preflight(
    clients: &Clients,
    place: &AwsPlace,
    templates: &BTreeSet<String>,
) -> Preflight {
    let mut result = Preflight::default();
    let reading = templates.iter().map(|id| async move { (id, get_template(clients, place, id).await) });
    let reading = stream::iter(reading).buffered(MAX_LOOKS_AT_ONCE).collect::<Vec<_>>();
    let (found, lever) = tokio::join!(reading, get_lever(clients, place));
    // The place itself cannot be reached where FIS tells nothing at all.
    let tells_nothing = found.iter().all(|(_, template)| {
        template
            .as_ref()
            .is_err_and(|failure| matches!(failure.kind, FailureKind::Denied | FailureKind::Unanswered))
    });
    for (id, template) in found {
        match template {
            Ok(template) => result.take_template(id, &template, &place.region),
            // A template that cannot be read is always an error: the account and the alarms come from it.
            Err(failure) => {
                let failure = add_region_remedy(failure, place);
                result.unread.insert(id.clone(), failure.kind);
                let finding = failure.to_finding(Level::Error, format!("template {id}"));
                result.findings.push(if tells_nothing { finding.about_place() } else { finding });
            }
        }
    }
    result.findings.push(lever_finding(lever));

    // The alarms are known only by the templates. Each is asked for once, also where several templates have
    // it.
    let alarms: BTreeSet<&String> =
        result.templates.values().flat_map(|template| &template.stop_alarms).collect();
    if !alarms.is_empty() {
        let findings = match describe_alarms(clients, place, alarms.iter().map(|arn| alarm_name(arn))).await {
            Ok(found) => alarms.into_iter().map(|arn| alarm_finding(alarm_name(arn), &found)).collect(),
            Err(failure) => vec![could_not_look("stop-condition alarms", &failure)],
        };
        result.findings.extend(findings);
    }
    result
}

impl Preflight {
    fn take_template(&mut self, id: &str, template: &ExperimentTemplate, region: &str) {
        let subject = format!("template {id}");
        let stop_alarms = list_stop_alarms(template);
        self.findings.push(Finding::new(Level::Ok, &subject, "the template exists"));
        if stop_alarms.is_empty() {
            self.findings.push(
                Finding::new(
                    Level::Warning,
                    &subject,
                    "the template has no stop condition: nothing stops the experiment when it does harm",
                )
                .with_remedy(
                    "add a CloudWatch alarm on what your users feel to the template's stop conditions",
                ),
            );
        }
        let own = template.arn().and_then(AwsPlace::of_arn);
        let place = own.or_else(|| AwsPlace::of_role(template.role_arn()?, region));
        let facts = template_facts(template);
        let has_target_accounts = has_target_accounts(template);
        let target_accounts_count = template.target_account_configurations_count();
        let checked =
            CheckedTemplate { place, stop_alarms, facts, has_target_accounts, target_accounts_count };
        self.templates.insert(id.to_owned(), checked);
    }
}

/// Returns the ARNs of the alarms that stop an experiment of the template.
pub(super) fn list_stop_alarms(template: &ExperimentTemplate) -> Vec<String> {
    let alarms = template.stop_conditions().iter().filter(|stop| stop.source() == Some(ALARM_STOP_SOURCE));
    let arns = alarms.filter_map(|stop| stop.value()).filter(|arn| !arn.trim().is_empty());
    arns.map(str::to_owned).collect()
}

/// Reads a template. An answer about another template is a failure.
pub(super) async fn get_template(
    clients: &Clients,
    place: &AwsPlace,
    id: &str,
) -> Result<ExperimentTemplate, EngineFailure> {
    let what = format!("read the experiment template {id}");
    let request = async || clients.fis.get_experiment_template().id(id).send().await;
    let answer = clients.pace.ask("GetExperimentTemplate", request).await;
    let answer = answer.map_err(|error| failure(error, "GetExperimentTemplate", &what, place))?;
    let why = match answer.experiment_template {
        Some(template) if template.id() == Some(id) => return Ok(template),
        Some(other) => {
            format!("the answer is of another template, {}", other.id().unwrap_or("without an id"))
        }
        None => "the answer holds no template".to_owned(),
    };
    Err(unreadable(&what, &why))
}

/// Returns FIS's word for the state of the safety lever.
pub(super) async fn get_lever(clients: &Clients, place: &AwsPlace) -> Result<String, EngineFailure> {
    let answer = clients.fis.get_safety_lever().id(SAFETY_LEVER_ID).send().await;
    let lever = answer.map_err(|error| failure(error, "GetSafetyLever", "read the safety lever", place))?;
    let state = lever.safety_lever().and_then(|lever| lever.state()).and_then(|state| state.status());
    Ok(state.map_or("unknown", SafetyLeverStatus::as_str).to_owned())
}

/// Returns `true` if the lever is engaged or about to be, so that FIS cancels and stops experiments.
pub(super) fn lever_is_engaged(word: &str) -> bool {
    word == SafetyLeverStatus::Engaged.as_str() || word == SafetyLeverStatus::Engaging.as_str()
}

/// Reads alarms of both kinds by their names. Both kinds are asked for, because CloudWatch leaves composite
/// alarms out by default. An alarm that does not exist is missing from the result.
pub(super) async fn describe_alarms<'a>(
    clients: &Clients,
    place: &AwsPlace,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<StopAlarm>, EngineFailure> {
    let names: Vec<&str> = names.collect();
    let mut alarms = Vec::new();
    for batch in names.chunks(MAX_ALARMS_PER_REQUEST) {
        let answer = clients.cloudwatch().describe_alarms(batch).await;
        let answer = answer
            .map_err(|error| failure(error, "DescribeAlarms", "read the stop-condition alarms", place))?;
        alarms.extend(answer.into_alarms().into_iter().map(StopAlarm::new));
    }
    Ok(alarms)
}

/// Returns the name in an alarm's ARN; a value that is no ARN is taken for a name.
pub(super) fn alarm_name(arn: &str) -> &str {
    arn.split_once(":alarm:").map_or(arn, |(_, name)| name)
}

/// Judges an alarm by its state. An alarm in `ALARM`, or a missing one, forbids the launch; any other state
/// but `OK` is a warning.
fn alarm_finding(name: &str, found: &[StopAlarm]) -> Finding {
    let subject = format!("stop condition {name}");
    // CloudWatch answers with nothing, and no error, for an alarm that does not exist.
    match found.iter().find(|alarm| alarm.name == name) {
        None => Finding::new(Level::Error, subject, "the alarm does not exist in this account and Region")
            .with_remedy("make the alarm, or take it out of the template's stop conditions"),
        Some(alarm) if alarm.is_in_alarm() => {
            let why = alarm.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
            Finding::new(
                Level::Error,
                subject,
                format!(
                    "the alarm is in ALARM already{why}: the system is not steady, and FIS would stop at once"
                ),
            )
            .with_remedy("wait until the alarm is OK again, then run the job once more")
        }
        Some(alarm) if alarm.state == OK => Finding::new(Level::Ok, subject, "the alarm is OK"),
        Some(alarm) => Finding::new(
            Level::Warning,
            subject,
            format!("the alarm is in {}: it may not stop the experiment in time", alarm.state),
        ),
    }
}

/// Judges the safety lever.
fn lever_finding(lever: Result<String, EngineFailure>) -> Finding {
    match lever {
        Ok(word) if lever_is_engaged(&word) => Finding::new(
            Level::Error,
            "safety lever",
            format!("it is {word}: FIS would cancel the experiment"),
        )
        .with_remedy(
            "find out who engaged it and why; then: `aws fis update-safety-lever-state --id default \
                     --state status=disengaged,reason=…`",
        ),
        Ok(word) => Finding::new(Level::Ok, "safety lever", format!("it is {word}")),
        Err(failure) => could_not_look("safety lever", &failure),
    }
}

/// Makes a note of a look that failed. It does not forbid the launch, since FIS itself decides by alarms and
/// lever.
pub(super) fn could_not_look(subject: &str, failure: &EngineFailure) -> Finding {
    let mut finding = failure.to_finding(Level::Note, subject);
    finding.message.push_str("; going on without this look");
    finding
}

/// Adds a remedy to the failure of a missing template, which may exist in another Region.
pub(super) fn add_region_remedy(failure: EngineFailure, place: &AwsPlace) -> EngineFailure {
    if failure.kind != FailureKind::Missing {
        return failure;
    }
    let region = &place.region;
    let remedy = format!(
        "check the id and the Region ({region}): `aws fis list-experiment-templates --region {region}`"
    );
    failure.remedy(remedy)
}

/// Finds out if the role can be assumed.
pub(super) async fn check_role(role: &Role) -> Finding {
    let subject = format!("role {}", role.arn());
    match role.credentials().await {
        Ok(_) => Finding::new(Level::Ok, subject, format!("assumed by {}", role.by())),
        Err(refusal) => {
            let finding = Finding::new(Level::Error, subject, refusal.to_string()).about_place();
            match refusal.remedy {
                Some(remedy) => finding.with_remedy(remedy),
                None => finding,
            }
        }
    }
}
