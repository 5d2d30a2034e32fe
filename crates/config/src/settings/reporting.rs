//! The settings of the reports of a run, and of those of a merge, which runs nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{ForgeKind, Shard};
use faultgate_net::aws::s3::S3Address;
use faultgate_net::http::HttpSettings;

use super::report::some_values;
use super::run::Settings;
use super::trust::Trust;
use crate::inputs::choices::{CommentAccounts, CommentMode, CommitStatusMode, ReportingMode};
use crate::inputs::table;
use crate::layers::tokens::Tokens;
use crate::secrets::veil::{self, Veil};

/// Inputs that a merge takes beside those of its own flags. Mistakes in all others are not its own.
const MERGE_INPUTS: &[&str] = &[
    table::PLAN_RUN.name(),
    table::REPORT_DIR.name(),
    table::AWS_REGION.name(),
    table::AWS_ROLE_ARN.name(),
    table::FORGE.name(),
    table::FORGE_API_URL.name(),
    table::REPOSITORY.name(),
    table::COMMIT.name(),
    table::PULL_REQUEST.name(),
    table::RUN_URL.name(),
    table::COMMIT_STATUS.name(),
    table::STATUS_CONTEXT.name(),
    table::MATRIX.name(),
    table::COMMENT.name(),
    table::COMMENT_ACCOUNTS.name(),
    table::REPORTING.name(),
    table::RESULTS.name(),
    table::CA_BUNDLE.name(),
];

/// The settings of the reports.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ReportSettings {
    /// Id that ties the parts of one run together, where one was given.
    pub plan_run: Option<String>,
    pub report_dir: PathBuf,
    /// Names of the experiments that the reports are of.
    pub experiments: Vec<String>,
    /// Number of experiments of the whole suite. None if nobody has told it to this process.
    pub suite_size: Option<usize>,
    /// `true` if `only` has left out experiments of the suite.
    pub is_part: bool,
    pub shard: Option<Shard>,
    pub is_rehearsal: bool,
    pub is_dry_run: bool,
    /// `true` if a report that could not be posted fails the run.
    pub must_succeed: bool,
    pub region: Option<String>,
    pub role_arn: Option<String>,
    /// The environment that the experiments act on. This field and those down to `pull_request` take
    /// precedence over what the CI says.
    pub environment: Option<String>,
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
    /// The folder in S3 that the result is put to.
    pub results: Option<S3Address>,
    pub tokens: Tokens,
    pub veil: Veil,
    pub http: HttpSettings,
}

impl Settings {
    /// Returns the settings of the run's reports.
    pub fn of_reports(&self) -> ReportSettings {
        ReportSettings {
            plan_run: self.plan_run.clone(),
            report_dir: self.plan.report_dir.clone(),
            experiments: self.plan.experiments.iter().map(|experiment| experiment.name.clone()).collect(),
            suite_size: self.plan.suite_size,
            is_part: self.plan.is_part,
            shard: self.plan.shard,
            is_rehearsal: self.rehearsal.is_some(),
            is_dry_run: self.plan.dry_run,
            must_succeed: self.plan.reporting_must_succeed,
            region: self.region.clone(),
            role_arn: self.role_arn.clone(),
            environment: self.environment.clone(),
            forge: self.forge,
            forge_api_url: self.forge_api_url.clone(),
            run_url: self.run_url.clone(),
            repository: self.repository.clone(),
            commit: self.commit.clone(),
            pull_request: self.pull_request,
            commit_status: self.commit_status,
            status_context: self.status_context.clone(),
            matrix: self.matrix.clone(),
            comment: self.comment,
            comment_accounts: self.comment_accounts,
            results: self.results.clone(),
            tokens: self.tokens.clone(),
            veil: self.veil.clone(),
            http: self.http.clone(),
        }
    }
}

/// Reads the settings of a merge, whose experiments and nature only its results tell. `reaches_aws` is `true`
/// if it reads from S3.
pub fn merge_settings(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
    reaches_aws: bool,
    warnings: &mut Vec<String>,
) -> Result<ReportSettings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let values = some_values(env, flags, dir, MERGE_INPUTS, &mut mistakes)?;
    let tokens = Tokens::read(env, &mut mistakes);
    let mut trust = Trust { env, dir, rehearsed: false, mistakes: &mut mistakes, warnings };
    if reaches_aws || values.set(table::RESULTS).is_some() {
        trust.aws(true);
    }
    let http = trust.read(&values);
    let settings = ReportSettings {
        plan_run: values.get(table::PLAN_RUN),
        report_dir: values.get(table::REPORT_DIR),
        experiments: Vec::new(),
        suite_size: None,
        is_part: false,
        shard: None,
        is_rehearsal: false,
        is_dry_run: false,
        must_succeed: values.get(table::REPORTING) == ReportingMode::Fail,
        region: values.get(table::AWS_REGION),
        role_arn: values.get(table::AWS_ROLE_ARN),
        environment: None,
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
        results: values.get(table::RESULTS),
        tokens,
        veil: Veil::over(veil::of_job(env)),
        http,
    };
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}
