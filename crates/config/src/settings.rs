//! The settings of a run: everything that was set, parsed, completed and checked.
//!
//! All mistakes are collected before anything is refused, so that the user sees them at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::comparing::{Compared, read_earlier};
use super::layers::{self, Layer};
use super::selection::{self, SuiteFile};
use super::trust::Trust;
use super::values::Values;
use super::veil::{self, Veil};
use super::{centers, file, suite};
use crate::tokens::Tokens;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::{Problem, suggestion};
use faultgate_core::model::ForgeKind;
use faultgate_core::model::{Check, EngineSpec, ExperimentPlan, InjectionRule, Monitor, Plan, PlanRecord};
use faultgate_net::http::HttpSettings;

/// The format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl LogFormat {
    pub(super) fn of(values: &Values) -> Self {
        match values.text("log-format").as_deref() {
            Some("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

/// The cases in which a comment is posted on the pull request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CommentMode {
    #[default]
    Off,
    On,
    OnFailure,
}

/// The settings of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub plan: Plan,
    pub region: Option<String>,
    pub role_arn: Option<String>,
    /// The scenario that is rehearsed instead of asking the real engine.
    pub rehearsal: Option<String>,
    pub log_format: LogFormat,
    /// The forge. This field and those down to `pull_request` take precedence over what the CI says.
    pub forge: Option<ForgeKind>,
    pub forge_api_url: Option<String>,
    pub run_url: Option<String>,
    pub repository: Option<String>,
    pub commit: Option<String>,
    pub pull_request: Option<u64>,
    pub commit_status: bool,
    pub status_context: String,
    /// Values that tell this job from its siblings, as the CI writes them.
    pub matrix: Option<String>,
    pub comment: CommentMode,
    pub state_file: PathBuf,
    pub tokens: Tokens,
    /// The veil over the values of the suite's variables, and of the job's own, that may be secrets.
    pub veil: Veil,
    pub litmus_username: Option<String>,
    pub http: HttpSettings,
    /// Inputs that a later step of the run has to be given too.
    pub to_hand_on: BTreeMap<String, String>,
    /// Names of the variables, and of the inputs in the state file, that have set something.
    pub origins: Vec<String>,
    /// Warnings about settings that may not do what the user believes.
    pub warnings: Vec<String>,
}

/// Loads the settings of a run. `flags` are names without dashes and their values; a suite file is looked for
/// in `dir`; `scenarios` are the names that `rehearsal` may take; `defaults` are names and values that take
/// precedence over the defaults of the inputs.
pub fn load(
    env: &Environment,
    flags: Vec<(String, OsString)>,
    dir: &Path,
    scenarios: &[&str],
    defaults: &[(&str, &str)],
) -> Result<Settings, Vec<Mistake>> {
    gathered(|mistakes| {
        let given = Given { env, flags, dir, scenarios, defaults, handed_on: &BTreeMap::new() };
        gather(given, mistakes)
    })
}

/// Loads the settings of a later step of a run. `handed_on` are the inputs of an earlier step: they hold as
/// if they were given here too, unless this step is given something else.
pub fn load_again(
    env: &Environment,
    flags: Vec<(String, OsString)>,
    dir: &Path,
    handed_on: &BTreeMap<String, String>,
) -> Result<Settings, Vec<Mistake>> {
    gathered(|mistakes| gather(Given { env, flags, dir, scenarios: &[], defaults: &[], handed_on }, mistakes))
}

fn gathered(
    gather: impl FnOnce(&mut Vec<Mistake>) -> Result<Settings, Mistake>,
) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    match gather(&mut mistakes) {
        Ok(settings) if mistakes.is_empty() => Ok(settings),
        Ok(_) => Err(mistakes),
        Err(mistake) => {
            mistakes.push(mistake);
            Err(mistakes)
        }
    }
}

/// The places that settings come from.
struct Given<'a> {
    env: &'a Environment,
    flags: Vec<(String, OsString)>,
    dir: &'a Path,
    scenarios: &'a [&'a str],
    defaults: &'a [(&'a str, &'a str)],
    handed_on: &'a BTreeMap<String, String>,
}

fn gather(given: Given<'_>, mistakes: &mut Vec<Mistake>) -> Result<Settings, Mistake> {
    let Given { env, flags, dir, scenarios, defaults, handed_on } = given;
    let mut warnings = Vec::new();
    layers::unknown_variables(env, mistakes, &mut warnings);
    let ci = Layer::ci(env, mistakes);
    let own = Layer::own(env, mistakes);
    let flags = Layer::flags(flags, mistakes);
    let tokens = Tokens::read(env, mistakes);

    let handed_on = Layer::handed_on(handed_on);
    // The suite file is found by the layers above it, so these are merged once without it.
    let above_suite = layers::merge([handed_on.clone(), ci.clone(), own.clone(), flags.clone()])?;
    let named = above_suite
        .get("config")
        .and_then(|value| Some((value.clone().into_string().ok()?, value.origin()?)));
    let named = named.as_ref().map(|(name, origin)| (name.as_str(), *origin));
    let document = file::load(named, dir, env, mistakes);
    let suite = match &document {
        Ok(Some(document)) => suite::read(document, dir, mistakes),
        _ => suite::Suite::default(),
    };

    // The order of the layers is their rank: each one goes before those to its left.
    let merged = layers::merge([Layer::defaults(defaults), suite.layer, handed_on, ci, own, flags])?;
    let values = Values::read(&merged, document.as_ref().ok().and_then(Option::as_ref), mistakes);
    let suite_file = match &document {
        Err(()) => SuiteFile::Broken,
        Ok(None) => SuiteFile::None,
        Ok(Some(document)) => SuiteFile::Read { document, experiments: suite.experiments.as_deref() },
    };
    let experiments = selection::experiments(&values, &tokens, &suite_file, mistakes);
    selection::without_effect(&values, &experiments, &mut warnings);
    centers::unencrypted(experiments.iter().map(|experiment| &experiment.spec), &mut warnings);
    let expected = values.score("expected-resilience-score");
    let injection = InjectionRule {
        accepts_nothing: values.bool("allow-empty-targets"),
        requires_all: values.text("require-actions").as_deref() == Some("all"),
    };
    // There is no default: without this input, the floor of the run holds for each experiment.
    let each = values.set("each-resilience-score").map(|_| values.score("each-resilience-score"));
    // The record is of the whole suite, so it is made before the shard is chosen.
    let suite_record = PlanRecord::of(&experiments, expected, each, injection);
    let (experiments, shard) = selection::part(experiments, &values, mistakes);
    scenario(&values, scenarios, mistakes);
    let monitor = monitor(&values, mistakes);
    let mut trust =
        Trust { env, dir, rehearsed: values.set("rehearsal").is_some(), mistakes, warnings: &mut warnings };
    trust.aws(experiments.iter().any(reaches_aws));
    let http = trust.read(&values);

    let now = Compared {
        is_rehearsal: Some(values.set("rehearsal").is_some()),
        is_dry_run: values.bool("dry-run"),
        shard,
    };
    let compare_to = read_earlier(&values, dir, now, mistakes, &mut warnings);

    let report_dir = PathBuf::from(values.text("report-dir").unwrap_or_default());
    Ok(Settings {
        region: values.text("aws-region"),
        role_arn: values.text("aws-role-arn"),
        rehearsal: values.text("rehearsal"),
        log_format: LogFormat::of(&values),
        forge: values.text("forge").as_deref().and_then(ForgeKind::find),
        forge_api_url: values.text("forge-api-url"),
        run_url: values.text("run-url"),
        repository: values.text("repository"),
        commit: values.text("commit"),
        pull_request: values.text("pull-request").and_then(|number| number.parse().ok()),
        commit_status: values.bool("commit-status"),
        status_context: values.text("status-context").unwrap_or_default(),
        matrix: values.text("matrix"),
        comment: match values.text("comment").as_deref() {
            Some("on") => CommentMode::On,
            Some("on-failure") => CommentMode::OnFailure,
            _ => CommentMode::Off,
        },
        state_file: state_file(&values, &report_dir),
        plan: Plan {
            experiments,
            shard,
            suite: Some(suite_record),
            expected,
            each,
            compare_to,
            parallel: usize::try_from(values.count("parallel")).unwrap_or(1),
            monitor,
            event_queue_url: values.text("event-queue-url"),
            reconcile_interval: values.duration("reconcile-interval"),
            dry_run: values.bool("dry-run"),
            injection,
            stop_on_failure: suite.stop_on_failure,
            report_dir,
            reporting_must_succeed: values.text("reporting").as_deref() == Some("fail"),
        },
        tokens,
        veil: Veil::over(
            document.ok().flatten().into_iter().flat_map(|document| document.hidden).chain(veil::of_job(env)),
        ),
        litmus_username: values.text("litmus-username"),
        // A later step reads the suite itself, so only the layers above it are handed on.
        to_hand_on: layers::to_hand_on(&above_suite),
        origins: layers::inherited(&merged),
        http,
        warnings,
    })
}

/// `true` if the AWS SDK is used for this experiment or its probes.
fn reaches_aws(experiment: &ExperimentPlan) -> bool {
    let asks = |check: &Check| matches!(check, Check::CloudwatchAlarm { .. } | Check::CloudwatchMetric(_));
    matches!(experiment.spec, EngineSpec::Fis { .. })
        || experiment.probes.iter().any(|probe| asks(&probe.check))
}

/// The path of the state file; `state.json` in the report folder unless it is set.
pub(super) fn state_file(values: &Values, report_dir: &Path) -> PathBuf {
    values.text("state-file").map_or_else(|| report_dir.join("state.json"), PathBuf::from)
}

fn scenario(values: &Values, scenarios: &[&str], mistakes: &mut Vec<Mistake>) {
    let Some(name) = values.text("rehearsal").filter(|n| !scenarios.contains(&n.as_str())) else {
        return;
    };
    let problem = Problem::new("is not a scenario").hint(suggestion(&name, scenarios));
    mistakes.push(values.mistake("rehearsal", problem));
}

/// The way in which the end is learned. A queue of the user's implies that it is read. If the user says
/// otherwise, that is a contradiction.
fn monitor(values: &Values, mistakes: &mut Vec<Mistake>) -> Monitor {
    let queue = values.set("event-queue-url");
    let said = values.set("monitor");
    let mode = match values.text("monitor").as_deref() {
        Some("queue") => Monitor::Queue,
        Some("poll") => Monitor::Poll,
        // A misspelt mode has been told. What it meant would decide about the queue, so nothing more is told.
        None => return Monitor::Events,
        Some(_) => Monitor::Events,
    };
    match (mode, queue, said) {
        (Monitor::Queue, None, said) => {
            mistakes.push(
                Mistake::new(said.unwrap_or(layers::DEFAULT), "monitor: queue needs event-queue-url")
                    .hint("set --event-queue-url or FAULTGATE_EVENT_QUEUE_URL, or use monitor events")
                    .at(values.place("monitor")),
            );
            mode
        }
        (Monitor::Events | Monitor::Poll, Some(queue), Some(said)) => {
            mistakes.push(
                Mistake::new(
                    format!("{queue} and {said}"),
                    format!("event-queue-url: is not read with monitor {}", mode.as_str()),
                )
                .hint("set monitor to queue, or remove event-queue-url")
                .at(values.place("event-queue-url")),
            );
            mode
        }
        (Monitor::Events, Some(_), None) => Monitor::Queue,
        (mode, _, _) => mode,
    }
}
