//! The settings of a run: everything that was set, parsed, completed and checked.
//!
//! All mistakes are collected before anything is refused, so that the user sees them at once.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Mistake, Problem, suggestion};
use faultgate_core::model::{ExperimentPlan, ForgeKind, InjectionRule, Monitor, Plan, PlanRecord};
use faultgate_net::aws::s3::S3Address;
use faultgate_net::http::HttpSettings;

use crate::inputs::choices::{
    CommentAccounts, CommentMode, CommitStatusMode, LogFormat, Only, ReportingMode, RequiredActions,
};
use crate::inputs::table;
use crate::layers::file::{self, Document};
use crate::layers::merge::{self, Layer};
use crate::layers::tokens::Tokens;
use crate::layers::values::Values;
use crate::layers::variables;
use crate::secrets::veil::{self, Veil};
use crate::settings::comparison::{Compared, read_earlier};
use crate::settings::trust::Trust;
use crate::suite::completion;
use crate::suite::content;
use crate::suite::doubts;
use crate::suite::part::{Chooser, FindShard, Whole};
use crate::suite::query::{QueryAnswers, TemplateQuery};
use crate::suite::selection::{self, SuiteFile};

/// The settings of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub plan: Plan,
    /// Id of the plan whose items were handed back.
    pub plan_run: Option<String>,
    /// `true` if the suite finds experiments by a query.
    pub has_queries: bool,
    /// Queries of the suite that nobody has answered; the plan is without their experiments.
    pub queries: Vec<TemplateQuery>,
    pub region: Option<String>,
    pub role_arn: Option<String>,
    /// The scenario that is rehearsed instead of asking the real engine.
    pub rehearsal: Option<String>,
    pub log_format: LogFormat,
    /// The environment that the experiments act on. It takes precedence over what the CI says.
    pub environment: Option<String>,
    /// The forge. This field and those down to `pull_request` take precedence over what the CI says.
    pub forge: Option<ForgeKind>,
    pub forge_api_url: Option<String>,
    pub run_url: Option<String>,
    pub repository: Option<String>,
    pub commit: Option<String>,
    pub pull_request: Option<u64>,
    pub commit_status: CommitStatusMode,
    pub status_context: String,
    /// Values that tell this job from its siblings, as the CI writes them.
    pub matrix: Option<String>,
    pub comment: CommentMode,
    pub comment_accounts: CommentAccounts,
    pub state_file: PathBuf,
    /// The folder in S3 that the result is put to.
    pub results: Option<S3Address>,
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

/// The facts that settings depend on and neither flags, variables nor files tell.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Names that `rehearsal` may take.
    pub scenarios: &'a [&'a str],
    pub find_shard: FindShard,
    /// Answers to the queries of the suite.
    pub found: Option<&'a QueryAnswers>,
}

impl Default for Outside<'_> {
    fn default() -> Self {
        let nobody = |_: &Environment, _| Err(Problem::new("is told by nobody here").hint("write n/m"));
        Self { scenarios: &[], find_shard: nobody, found: None }
    }
}

/// Loads the settings of a run. `flags` are names without dashes and their values; a suite file is looked for
/// in `dir`; `defaults` are names and values that take precedence over the defaults of the inputs.
pub fn load(
    env: &Environment,
    flags: Vec<(String, OsString)>,
    dir: &Path,
    outside: Outside<'_>,
    defaults: &[(&str, &str)],
) -> Result<Settings, Vec<Mistake>> {
    collect_mistakes(|mistakes| {
        let given = Given { env, flags, dir, outside, defaults, handed_on: &BTreeMap::new() };
        gather(given, mistakes)
    })
}

/// Loads the settings of a later step of a run. `handed_on` are the inputs of an earlier step: they hold as
/// if they were given here too, unless this step is given something else.
pub fn load_again(
    env: &Environment,
    flags: Vec<(String, OsString)>,
    dir: &Path,
    outside: Outside<'_>,
    handed_on: &BTreeMap<String, String>,
) -> Result<Settings, Vec<Mistake>> {
    collect_mistakes(|mistakes| {
        gather(Given { env, flags, dir, outside, defaults: &[], handed_on }, mistakes)
    })
}

fn collect_mistakes(
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
    outside: Outside<'a>,
    defaults: &'a [(&'a str, &'a str)],
    handed_on: &'a BTreeMap<String, String>,
}

fn gather(given: Given<'_>, mistakes: &mut Vec<Mistake>) -> Result<Settings, Mistake> {
    let Given { env, flags, dir, outside, defaults, handed_on } = given;
    let mut warnings = Vec::new();
    variables::unknown_variables(env, mistakes, &mut warnings);
    let ci = Layer::ci(env, mistakes);
    let own = Layer::own(env, mistakes);
    let flags = Layer::flags(flags, mistakes);
    let tokens = Tokens::read(env, mistakes);

    let handed_on = Layer::handed_on(handed_on);
    // The suite file is found by the layers above it, so these are merged once without it.
    let above_suite = merge::merge([handed_on.clone(), ci.clone(), own.clone(), flags.clone()])?;
    let (document, suite) = read_suite(&above_suite, dir, env, mistakes);

    let asks = suite.has_queries();
    // The order of the layers is their rank: each one goes before those to its left.
    let merged = merge::merge([Layer::defaults(defaults), suite.layer, handed_on, ci, own, flags])?;
    let values = Values::read(&merged, document.as_ref().ok().and_then(Option::as_ref), mistakes);
    let suite_file = SuiteFile::of(document.as_ref(), suite.experiments.as_deref());
    let rehearsed = values.set(table::REHEARSAL).is_some();
    let has_queries = asks && !rehearsed;
    let in_items = find_in_items(&values).filter(|_| has_queries);
    let found = in_items.as_ref().or(outside.found);
    let advice = selection::advise(env, dir);
    let (experiments, queries) =
        selection::experiments(&values, &tokens, &suite_file, found, &advice, mistakes);
    selection::without_effect(&values, &experiments, &mut warnings);
    completion::unencrypted(experiments.iter().map(|experiment| &experiment.spec), &mut warnings);
    let expected = values.get(table::EXPECTED_SCORE);
    let injection = injection(&values);
    // There is no default: without this input, the floor of the run holds for each experiment.
    let each = values.get(table::EACH_SCORE);
    let record = PlanRecord::of(&experiments, expected, each, injection);
    let is_known = !suite.is_incomplete && (!has_queries || matches!(found, Some(QueryAnswers::Asked(_))));
    let chooser = Chooser { values: &values, env, find_shard: outside.find_shard, mistakes };
    let chosen = chooser.choose(Whole { experiments, record, is_known });
    let experiments = chosen.experiments;
    doubts::tell(&values, &document, &experiments, suite.halt, &mut warnings, mistakes);
    scenario(&values, outside.scenarios, mistakes);
    let mut trust = Trust { env, dir, rehearsed, mistakes, warnings: &mut warnings };
    trust.aws(has_queries || values.set(table::RESULTS).is_some() || experiments.iter().any(reaches_aws));
    let http = trust.read(&values);

    let now = Compared {
        is_rehearsal: Some(rehearsed),
        is_dry_run: values.get(table::DRY_RUN),
        shard: chosen.shard,
        is_part: chosen.is_part,
    };
    let compare_to = read_earlier(&values, dir, now, mistakes, &mut warnings);

    // A later step reads the suite itself, so only the layers above it are handed on. Another job may have
    // another number, so the shard is handed on as it was found.
    let shard = chosen.shard.map(|shard| (table::SHARD.name().to_owned(), shard.to_string()));

    let report_dir = values.get(table::REPORT_DIR);
    Ok(Settings {
        plan_run: chosen.plan_run,
        has_queries,
        queries,
        region: values.get(table::AWS_REGION),
        role_arn: values.get(table::AWS_ROLE_ARN),
        rehearsal: values.get(table::REHEARSAL),
        log_format: values.get(table::LOG_FORMAT),
        environment: values.get(table::ENVIRONMENT),
        forge: values.get(table::FORGE),
        forge_api_url: values.get(table::FORGE_API_URL),
        run_url: values.get(table::RUN_URL),
        repository: values.get(table::REPOSITORY),
        commit: values.get(table::COMMIT),
        pull_request: values.get(table::PULL_REQUEST),
        commit_status: values.get(table::COMMIT_STATUS),
        status_context: values.get(table::STATUS_CONTEXT),
        matrix: values.get(table::MATRIX),
        comment: values.get(table::COMMENT),
        comment_accounts: values.get(table::COMMENT_ACCOUNTS),
        state_file: state_file(&values, &report_dir),
        results: values.get(table::RESULTS),
        plan: Plan {
            experiments,
            shard: chosen.shard,
            is_part: chosen.is_part,
            suite: Some(chosen.record),
            suite_size: chosen.suite_size,
            expected,
            each,
            compare_to,
            parallel: usize::try_from(values.get(table::PARALLEL)).unwrap_or(1),
            max_active: usize::try_from(values.get(table::MAX_ACTIVE)).unwrap_or(1),
            monitor: monitor(&values, mistakes),
            event_queue_url: values.get(table::EVENT_QUEUE_URL),
            reconcile_interval: values.get(table::RECONCILE_INTERVAL),
            dry_run: values.get(table::DRY_RUN),
            preview: values.get(table::PREVIEW),
            injection,
            stop_on_failure: suite.stop_on_failure,
            links: suite.links.clone(),
            halt: suite.halt,
            report_dir,
            reporting_must_succeed: values.get(table::REPORTING) == ReportingMode::Fail,
        },
        tokens,
        veil: Veil::over(
            document.ok().flatten().into_iter().flat_map(|document| document.hidden).chain(veil::of_job(env)),
        ),
        litmus_username: values.get(table::LITMUS_USERNAME),
        to_hand_on: merge::to_hand_on(&above_suite).into_iter().chain(shard).collect(),
        origins: merge::list_inherited(&merged),
        http,
        warnings,
    })
}

/// Reads the suite file that the layers above it name, or the usual one.
fn read_suite(
    above_suite: &HashMap<String, ::config::Value>,
    dir: &Path,
    env: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> (Result<Option<Document>, ()>, content::Suite) {
    let named = above_suite
        .get(table::CONFIG.name())
        .and_then(|value| Some((value.clone().into_string().ok()?, value.origin()?)));
    let named = named.as_ref().map(|(name, origin)| (name.as_str(), *origin));
    let document = file::load(named, dir, env, mistakes);
    let suite = match &document {
        Ok(Some(document)) => content::read(document, dir, mistakes),
        Ok(None) | Err(()) => content::Suite::default(),
    };
    (document, suite)
}

/// The answers to the queries of the suite in the items of a plan that were handed back, so that nobody asks again.
fn find_in_items(values: &Values) -> Option<QueryAnswers> {
    match values.get(table::ONLY) {
        Some(Only::Items(items)) => Some(QueryAnswers::in_items(&items)),
        Some(Only::Names(_)) | None => None,
    }
}

fn injection(values: &Values) -> InjectionRule {
    InjectionRule {
        accepts_nothing: values.get(table::ALLOW_EMPTY_TARGETS),
        requires_all: values.get(table::REQUIRE_ACTIONS) == RequiredActions::All,
    }
}

/// `true` if the AWS SDK is used for this experiment or its probes.
fn reaches_aws(experiment: &ExperimentPlan) -> bool {
    experiment.spec.kind().is_in_aws() || experiment.probes.iter().any(|probe| probe.check.is_in_aws())
}

/// The path of the state file; `state.json` in the report folder unless it is set.
pub(crate) fn state_file(values: &Values, report_dir: &Path) -> PathBuf {
    values.get(table::STATE_FILE).unwrap_or_else(|| report_dir.join("state.json"))
}

fn scenario(values: &Values, scenarios: &[&str], mistakes: &mut Vec<Mistake>) {
    let Some(name) = values.get(table::REHEARSAL).filter(|n| !scenarios.contains(&n.as_str())) else {
        return;
    };
    let problem = Problem::new("is not a scenario").hint(suggestion(&name, scenarios));
    mistakes.push(values.mistake(table::REHEARSAL, problem));
}

/// The way in which the end is learned. A queue of the user's implies that it is read. If the user says
/// otherwise, that is a contradiction.
fn monitor(values: &Values, mistakes: &mut Vec<Mistake>) -> Monitor {
    let queue = values.set(table::EVENT_QUEUE_URL);
    let said = values.set(table::MONITOR);
    // A misspelt mode has been told. What it meant would decide about the queue, so nothing more is told.
    let Some(mode) = values.get(table::MONITOR.setting) else { return Monitor::Events };
    match (mode, queue, said) {
        (Monitor::Queue, None, said) => {
            mistakes.push(
                Mistake::new(said.unwrap_or(merge::DEFAULT), "monitor: queue needs event-queue-url")
                    .hint("set --event-queue-url or FAULTGATE_EVENT_QUEUE_URL, or use monitor events")
                    .at(values.place(table::MONITOR)),
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
                .at(values.place(table::EVENT_QUEUE_URL)),
            );
            mode
        }
        (Monitor::Events, Some(_), None) => Monitor::Queue,
        (mode, _, _) => mode,
    }
}
