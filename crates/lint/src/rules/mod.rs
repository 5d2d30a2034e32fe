//! The rules of the lint: a registry with an entry for each, which docs/lint.md is held against.
//!
//! A rule has its texts in the registry and a function that judges one template. The functions are in
//! `guards.rs` (what is around the fault), `actions.rs`, `targets.rs` and `times.rs`. A rule that cannot
//! judge says so in a note, and leaves to other rules what is their business, so that no mistake is told
//! twice.

mod actions;
mod guards;
mod targets;
mod times;

use std::time::Duration;

use super::template::{Style, Template};
use faultgate_config::Mark;
use faultgate_core::mistake::misspelt;
use faultgate_core::model::Level;

/// Maximum number of misspelt names of a template for which the right one is looked for.
const MAX_COMPARED: usize = 20;

/// The facts by which a rule judges.
pub(super) struct Judged<'a> {
    pub(super) template: &'a Template,
    /// The longest time that a run lets an experiment last, where that is known.
    pub(super) timeout: Option<Duration>,
}

/// A place at which a template breaks a rule, or at which the rule cannot be judged.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) mark: Option<Mark>,
    pub(super) message: String,
    /// The level, or `None` for the rule's own.
    pub(super) level: Option<Level>,
    /// The remedy, or `None` for the rule's own.
    pub(super) remedy: Option<String>,
    /// `true` if the lines that the rule would add are shown. They do not fit another remedy than the rule's
    /// own.
    pub(super) shows_what_to_add: bool,
}

impl Hit {
    fn at(mark: Option<Mark>, message: impl Into<String>) -> Self {
        Self { mark, message: message.into(), level: None, remedy: None, shows_what_to_add: true }
    }

    /// Makes the note that the rule cannot be judged. `what` completes "cannot be judged:".
    fn unjudged(mark: Option<Mark>, what: &str) -> Self {
        Self::at(mark, format!("cannot be judged: {what}"))
            .level(Level::Note)
            .remedy("give it a value that the file tells, or lint the template by its id once it is there")
    }

    fn level(self, level: Level) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Adds the known name that was most likely meant as the remedy. `so_far` are the hits before this one,
    /// whose number bounds how often names are compared.
    fn suggest_meant(self, name: &str, known: &[&str], so_far: &[Self]) -> Self {
        if so_far.len() >= MAX_COMPARED {
            return self;
        }
        match misspelt(name, known.iter().copied()) {
            Some(near) => self.remedy(format!("did you mean {near}?")),
            None => self,
        }
    }

    /// Sets another remedy than the rule's own.
    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), shows_what_to_add: false, ..self }
    }
}

/// The lines that are to be written, in each format.
#[derive(Debug, Clone, Copy)]
struct Snippet {
    fis: &'static str,
    cloudformation: &'static str,
    terraform: &'static str,
}

/// A rule about FIS experiment templates.
#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    pub level: Level,
    /// The state of a template that breaks the rule, as a sentence.
    pub what: &'static str,
    /// The harm that comes of it, as a sentence.
    pub why: &'static str,
    pub remedy: &'static str,
    /// The page where AWS or faultgate says so.
    pub source: &'static str,
    add: Option<Snippet>,
    judge: fn(&Judged<'_>) -> Vec<Hit>,
}

impl Rule {
    pub fn find(id: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.id == id)
    }

    pub(super) fn judge(&self, judged: &Judged<'_>) -> Vec<Hit> {
        (self.judge)(judged)
    }

    pub(super) fn add(&self, style: Style) -> Option<&'static str> {
        self.add.map(|add| match style {
            Style::Fis => add.fis,
            Style::CloudFormation => add.cloudformation,
            Style::Terraform => add.terraform,
        })
    }

    const fn add_by(
        mut self,
        fis: &'static str,
        cloudformation: &'static str,
        terraform: &'static str,
    ) -> Self {
        self.add = Some(Snippet { fis, cloudformation, terraform });
        self
    }
}

const fn rule(
    id: &'static str,
    level: Level,
    judge: fn(&Judged<'_>) -> Vec<Hit>,
    [what, why, remedy, source]: [&'static str; 4],
) -> Rule {
    Rule { id, level, what, why, remedy, source, add: None, judge }
}

const ACTIONS: &str = "https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html";
const SEQUENCE: &str = "https://docs.aws.amazon.com/fis/latest/userguide/action-sequence.html";
const CREATE: &str = "https://docs.aws.amazon.com/fis/latest/APIReference/API_CreateExperimentTemplate.html";
const STOP: &str = "https://docs.aws.amazon.com/fis/latest/userguide/stop-conditions.html";
const TARGETS: &str = "https://docs.aws.amazon.com/fis/latest/userguide/targets.html";
const OPTIONS: &str = "https://docs.aws.amazon.com/fis/latest/userguide/experiment-options.html";
const LOG: &str = "https://docs.aws.amazon.com/fis/latest/userguide/monitoring-logging.html";
const REPORT: &str = "https://docs.aws.amazon.com/fis/latest/userguide/experiment-report-configuration.html";
const QUOTAS: &str = "https://docs.aws.amazon.com/fis/latest/userguide/fis-quotas.html";
const SSM: &str = "https://docs.aws.amazon.com/fis/latest/userguide/actions-ssm-agent.html";
const TAGS: &str = "https://docs.aws.amazon.com/fis/latest/userguide/tagging.html";

/// The rule about parts that are not in a file. No template can break it, so its function finds nothing; the
/// findings are made of what could not be read.
pub(super) const UNREAD: Rule = rule(
    "unread",
    Level::Warning,
    |_| Vec::new(),
    [
        "a file has templates, or may have some, that are not in it or cannot be read",
        "FIS gets a template that no rule has judged",
        "lint what the file becomes, such as the template of the change set, or the experiment template by its id",
        "docs/lint.md",
    ],
);

/// The registry. docs/lint.md has the same lines.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    UNREAD,
    rule("stop-condition", Level::Error, guards::stop_condition, [
        "no alarm stops the experiment",
        "nothing but a person or a timeout ends a fault that does harm",
        "add a CloudWatch alarm on what your users feel to the stop conditions",
        STOP,
    ]).add_by(
        r#""stopConditions": [{"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME"}]"#,
        "StopConditions: [{ Source: aws:cloudwatch:alarm, Value: !GetAtt Alarm.Arn }]",
        "stop_condition {\n  source = \"aws:cloudwatch:alarm\"\n  value  = aws_cloudwatch_metric_alarm.NAME.arn\n}",
    ),
    rule("shape", Level::Error, guards::shape, [
        "a part is not of the kind that FIS takes",
        "FIS refuses such a template",
        "write it as FIS's API has it",
        CREATE,
    ]),
    rule("required-field", Level::Error, guards::required_field, [
        "description, role or actions are missing",
        "FIS refuses a template without them",
        "write it",
        CREATE,
    ]),
    rule("harmless-only", Level::Error, actions::harmless_only, [
        "all actions only wait, assert or recover",
        "nothing is injected, so no run of it can pass",
        "add an action that injects a fault",
        ACTIONS,
    ]),
    rule("parameter", Level::Error, actions::parameter, [
        "an action has no value for a parameter that it needs",
        "FIS refuses the template, or the action fails",
        "give the action the parameter",
        ACTIONS,
    ]),
    rule("no-target", Level::Error, targets::no_target, [
        "an action that injects acts on no target",
        "FIS refuses it; nothing would be injected",
        "name a target of the template in the action's targets",
        SEQUENCE,
    ]),
    rule("undefined-target", Level::Error, targets::undefined_target, [
        "an action acts on a target that is not defined",
        "FIS refuses the template",
        "define the target, or correct its name",
        TARGETS,
    ]),
    rule("target-selector", Level::Error, targets::target_selector, [
        "a target says neither by ARN nor by tag, filter or parameter what it is, or says both (a warning where filters alone do)",
        "FIS refuses it, or takes whatever there is of the type in the account",
        "name the resources by ARNs, or else by tags",
        TARGETS,
    ]).add_by(
        r#""resourceTags": {"chaos": "allowed"}"#,
        "ResourceTags: { chaos: allowed }",
        "resource_tag {\n  key   = \"chaos\"\n  value = \"allowed\"\n}",
    ),
    rule("selection-mode", Level::Error, targets::selection_mode, [
        "the selection mode is neither ALL nor COUNT(n) nor PERCENT(n)",
        "FIS refuses it",
        "write COUNT(n) with n from 1, PERCENT(n) with n from 1 to 100, or ALL",
        TARGETS,
    ]),
    rule("start-after", Level::Error, times::start_after, [
        "an action starts after one that is not there, or after itself by a circle",
        "FIS refuses the template, or the action never starts",
        "name an action of the template, and no circle",
        SEQUENCE,
    ]),
    rule("duration", Level::Error, times::duration, [
        "a duration is not ISO 8601, too short for its action, or longer than 12 hours, alone or along startAfter",
        "FIS refuses it, or ends the experiment before it is over",
        "write for example PT5M: a minute or more, and less than 12 hours in all",
        SEQUENCE,
    ]),
    rule("timeout", Level::Error, times::timeout, [
        "the experiment lasts as long as --timeout, or longer",
        "the run stops it when its time is up, and can never pass",
        "shorten the actions, or give the run a longer timeout",
        "docs/inputs.md",
    ]),
    rule("quota", Level::Error, times::quota, [
        "there is more of something than FIS takes of anybody",
        "these quotas cannot be raised",
        "make several templates of it",
        QUOTAS,
    ]),
    rule("select-all", Level::Warning, targets::select_all, [
        "a target takes all that fits, or nearly all (an error where that is ended for good; a note within one zone)",
        "who tags one more resource puts it into the fault",
        "take a part of them, or name each by its ARN",
        TARGETS,
    ]).add_by(r#""selectionMode": "COUNT(1)""#, "SelectionMode: COUNT(1)", "selection_mode = \"COUNT(1)\""),
    rule("irreversible", Level::Warning, actions::irreversible, [
        "FIS cannot undo what an action does (a note where the service itself makes up for it)",
        "a stop condition ends the experiment, and brings nothing back",
        "see to it that something else replaces what is lost, or take an action that is over after its duration",
        ACTIONS,
    ]),
    rule("restart", Level::Warning, actions::restart, [
        "instances are stopped, and nothing starts them again",
        "they stay stopped after the experiment, and after a stop",
        "give the action the time after which FIS starts them",
        ACTIONS,
    ]).add_by(
        r#""startInstancesAfterDuration": "PT3M""#,
        "startInstancesAfterDuration: PT3M",
        "parameter {\n  key   = \"startInstancesAfterDuration\"\n  value = \"PT3M\"\n}",
    ),
    rule("unknown-action", Level::Warning, actions::unknown_action, [
        "the id of an action is nearly one that is known (a note where it is like none; an error where it is no id)",
        "a slip makes FIS refuse the template; of a new action nobody here knows what it injects",
        "compare the id with those that aws fis list-actions prints",
        ACTIONS,
    ]),
    rule("wrong-target", Level::Warning, targets::wrong_target, [
        "an action acts on another type of resource than AWS documents for it",
        "FIS refuses the template",
        "give the target the type that the action takes",
        ACTIONS,
    ]),
    rule("unused-target", Level::Warning, targets::unused_target, [
        "no action acts on a target",
        "whoever reads the template takes it for a part of the fault",
        "remove the target, or name it in the action that is to act on it",
        TARGETS,
    ]),
    rule("empty-targets", Level::Warning, targets::empty_targets, [
        "emptyTargetResolutionMode is skip",
        "actions that find nothing are passed over, so that a gate may test less than it says",
        "write fail, so that a target that finds nothing fails the experiment",
        OPTIONS,
    ]).add_by(
        r#""experimentOptions": {"emptyTargetResolutionMode": "fail"}"#,
        "ExperimentOptions: { AccountTargeting: single-account, EmptyTargetResolutionMode: fail }",
        "experiment_options {\n  empty_target_resolution_mode = \"fail\"\n}",
    ),
    rule("small-share", Level::Warning, actions::small_share, [
        "the share of calls that fail is so small that none may (an error at 0 or above 100)",
        "FIS says completed, although no call has met the fault",
        "take 10 percent or more, and see to it that there are calls while the fault is in",
        ACTIONS,
    ]),
    rule("log", Level::Warning, guards::log, [
        "the experiment is not logged",
        "nothing else shows what an action did to which resource once FIS has forgotten the experiment",
        "send the log to CloudWatch Logs or S3",
        LOG,
    ]).add_by(
        r#""logConfiguration": {"logSchemaVersion": 2, "cloudWatchLogsConfiguration": {"logGroupArn": "arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*"}}"#,
        "LogConfiguration: { LogSchemaVersion: 2, CloudWatchLogsConfiguration: { LogGroupArn: !GetAtt LogGroup.Arn } }",
        "log_configuration {\n  log_schema_version = 2\n  cloudwatch_logs_configuration {\n    log_group_arn = \"${aws_cloudwatch_log_group.NAME.arn}:*\"\n  }\n}",
    ),
    rule("ssm-document", Level::Note, actions::ssm_document, [
        "an action runs a document of Systems Manager that is not one of FIS's own (a warning where it may be another account's)",
        "what it injects, and whether it undoes it, is known by who wrote it alone",
        "use a document whose name begins with AWSFIS-, or review this one and fix its version by documentVersion",
        SSM,
    ]),
    rule("precondition", Level::Note, actions::precondition, [
        "an action needs something on its targets that no template tells",
        "without it the action fails or has no effect",
        "see to it before the experiment runs",
        ACTIONS,
    ]),
    rule("report", Level::Note, guards::report, [
        "FIS makes no report of the experiment",
        "FIS keeps an experiment for 120 days; a report in S3 stays",
        "give the template an experimentReportConfiguration, which AWS charges for each report",
        REPORT,
    ]).add_by(
        r#""experimentReportConfiguration": {"outputs": {"s3Configuration": {"bucketName": "BUCKET", "prefix": "fis"}}}"#,
        "ExperimentReportConfiguration: { Outputs: { ExperimentReportS3Configuration: { BucketName: !Ref Bucket } } }",
        "experiment_report_configuration {\n  outputs {\n    s3_configuration {\n      bucket_name = aws_s3_bucket.NAME.bucket\n    }\n  }\n}",
    ),
    rule("tags", Level::Note, guards::tags, [
        "the template has no tags",
        "IAM and faultgate's policies tell templates of production from others by their tags",
        "tag it with its name and its environment",
        TAGS,
    ]).add_by(
        r#""tags": {"Name": "NAME", "environment": "staging"}"#,
        "Tags: { Name: NAME, environment: staging }",
        "tags = { Name = \"NAME\", environment = \"staging\" }",
    ),
];
