//! The sinks of a run, each of which writes one report.

use std::path::Path;

use indicatif::MultiProgress;

use super::accounts::chain_in;
use super::herald::PreviewComment;
use super::results::ResultsPlace;
use crate::terminal::medium::find_medium;
use crate::terminal::printing::Output;
use faultgate_config as config;
use faultgate_config::{CommentAccounts, CommentMode, CommitStatusMode, ReportSettings};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_net::aws;
use faultgate_net::http;
use faultgate_net::http::HttpSettings;
use faultgate_report::ci::{Ci, LogStyle, ReadOnly, Surroundings, token_is_own};
use faultgate_report::forge;
use faultgate_report::forge::insights::{CodeInsights as InsightsPlace, PIPELINE_PROXY};
use faultgate_report::forge::{Connection, Denied, Forge, ForgeFailure, NoForge, Subject};
use faultgate_report::{
    BuildkiteAnnotation, CommandFile, Comment, CommitStatuses, Insights, Live, Log, LogCommands, Nature,
    ResultObject, Sink, Stage, StatusScope, StatusStyle, StepOutputs, StepSummary, comment_key,
    report_file_sinks,
};

/// Number of experiments of a suite up to which each has a status, if the user does not say which are posted.
const MAX_EXPERIMENTS_WITH_STATUS: usize = 20;

/// Reason why a GitLab job's own token is not sufficient.
const JOB_TOKEN_REFUSAL: &str = "`gitlab-token` is the job's CI_JOB_TOKEN, which can post neither statuses nor notes: set it to a \
                         project access token with the role Developer and the scope `api`";

/// The inputs of all sinks.
pub(crate) struct Reporting<'a> {
    pub(crate) settings: ReportSettings,
    pub(crate) env: &'a Environment,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) clock: Clock,
    pub(crate) id: &'a str,
    pub(crate) screen: &'a MultiProgress,
    /// `true` if the result is merged, and no run is under way.
    pub(crate) is_merge: bool,
}

impl Reporting<'_> {
    /// Makes all sinks. Statuses come last among the posted reports: they also tell that a report before them
    /// failed that must not.
    pub(crate) fn make_sinks(&self) -> Vec<Box<dyn Sink>> {
        let mut sinks = vec![self.make_log()];
        let report_dir = &self.settings.report_dir;
        let files = FileSinks { report_dir, env: self.env, surroundings: self.surroundings, id: self.id };
        files.add_files(&mut sinks);
        self.add_results(&mut sinks);
        self.add_forge(&mut sinks);
        files.add_records(&mut sinks);
        sinks.extend(report_file_sinks(report_dir, Stage::Record));
        sinks
    }

    /// Adds the sink that puts the result to S3.
    fn add_results(&self, sinks: &mut Vec<Box<dyn Sink>>) {
        let Some(folder) = &self.settings.results else { return };
        let place = ResultsPlace::of(&self.settings, self.env, self.id);
        let connect = place.connect(folder.bucket.clone());
        sinks.push(Box::new(ResultObject::new(folder.clone(), self.is_merge, connect)));
    }

    fn make_log(&self) -> Box<dyn Sink> {
        let style = self.surroundings.ci.log_style();
        let is_live = Output::Stderr.takes_live_lines(self.env)
            && self.env.get("CI").is_none()
            && style == LogStyle::Plain;
        if is_live {
            let medium = find_medium(Output::Stderr, self.env);
            Box::new(Live::new(self.screen.clone(), medium, self.clock, || Output::Stderr.size()))
        } else {
            let medium = find_medium(Output::Stdout, self.env);
            Box::new(Log::new(Output::Stdout, style, medium, self.clock))
        }
    }

    /// Makes the teller of the blast radius, if there is a comment on the pull request whatever the verdict.
    pub(crate) fn make_herald(&self) -> Option<PreviewComment> {
        if self.settings.comment != CommentMode::On {
            return None;
        }
        let (subject, token) = self.find_addressee()?;
        let kind = subject.as_ref().ok().map(|subject| subject.site.kind);
        let connection = self.make_connection(subject, token);
        let run_url = self.surroundings.run_url.clone();
        let hides_accounts = self.hides_accounts(kind);
        let comment = Comment::new(connection, self.comment_key(), run_url, false, hides_accounts);
        Some(PreviewComment { comment, veil: self.settings.veil.clone() })
    }

    /// Returns the subject that is reported to, or the reason why there is none, and the token for its forge.
    /// None where nobody expects a report.
    fn find_addressee(&self) -> Option<(Result<Subject, NoForge>, Option<Secret>)> {
        let subject = self.find_subject();
        let kind = subject.as_ref().ok().map(|subject| subject.site.kind);
        let token = kind.and_then(|kind| self.settings.tokens.for_forge(kind)).cloned();
        // Outside of any CI nobody expects a report without having given a token. A forge in AWS needs none.
        let needs_token = !kind.is_some_and(ForgeKind::is_in_aws);
        let is_expected = self.surroundings.ci != Ci::None || self.has_token() || !needs_token;
        is_expected.then_some((subject, token))
    }

    fn nature(&self) -> Nature {
        Nature::of(self.settings.is_rehearsal, self.settings.is_dry_run)
    }

    fn experiments(&self) -> Vec<&str> {
        self.settings.experiments.iter().map(String::as_str).collect()
    }

    /// Returns the key of the comment. The context in it tells a rehearsal from a run, and a shard from
    /// another.
    fn comment_key(&self) -> String {
        let context = self.nature().context(&self.settings.status_context, self.settings.shard);
        let surroundings = self.surroundings;
        comment_key(&context, surroundings.job.as_deref(), &surroundings.part, &self.experiments())
    }

    /// Returns `true` if what is posted to a forge must not tell ARNs and ids of accounts. What nobody knows to be private may
    /// be public.
    fn hides_accounts(&self, forge: Option<ForgeKind>) -> bool {
        match self.settings.comment_accounts {
            CommentAccounts::Show => false,
            CommentAccounts::Hide => true,
            CommentAccounts::Auto => {
                !self.surroundings.is_private && !forge.is_some_and(ForgeKind::is_in_aws)
            }
        }
    }

    /// Returns the statuses that are posted, if any are.
    fn status_scope(&self) -> Option<StatusScope> {
        let settings = &self.settings;
        // The shards of a suite post to the same commit, so all of its experiments count.
        let has_many = settings.suite_size.is_none_or(|size| size > MAX_EXPERIMENTS_WITH_STATUS);
        // The context of the run belongs to the merge, since a part of a plan has none of its own.
        let is_nameless = settings.is_part && settings.shard.is_none();
        let run = (!is_nameless).then_some(StatusScope::RUN);
        match settings.commit_status {
            CommitStatusMode::False | CommitStatusMode::Off => None,
            // The parts of a merged result have posted the statuses of their experiments.
            _ if self.is_merge => Some(StatusScope::RUN),
            CommitStatusMode::Run => run,
            CommitStatusMode::True if has_many => run,
            CommitStatusMode::True | CommitStatusMode::All => {
                let all = StatusScope::all(settings.experiments.len(), settings.shard.is_some());
                Some(StatusScope { run: all.run && !is_nameless, ..all })
            }
        }
    }

    fn add_forge(&self, sinks: &mut Vec<Box<dyn Sink>>) {
        let settings = &self.settings;
        let Some((subject, token)) = self.find_addressee() else { return };
        let kind = subject.as_ref().ok().map(|subject| subject.site.kind);
        let (run_url, hides_accounts) = (self.surroundings.run_url.clone(), self.hides_accounts(kind));
        let (nature, experiments, key) = (self.nature(), self.experiments(), self.comment_key());
        let has_statuses = kind.is_none_or(ForgeKind::has_commit_statuses);
        let scope = self.status_scope();
        let comment = settings.comment != CommentMode::Off || (scope.is_some() && !has_statuses);
        if self.surroundings.ci == Ci::BitbucketPipelines
            && let Ok(subject) = &subject
        {
            let (subject, token, http) = (subject.clone(), token.clone(), settings.http.clone());
            let place = move || connect_insights(&subject, token.as_ref(), &http);
            sinks.push(Box::new(Insights::new(place, key.clone(), run_url.clone(), hides_accounts)));
        }
        let connection = self.make_connection(subject, token);
        if comment {
            let only_on_failure = settings.comment == CommentMode::OnFailure;
            let (connection, url) = (connection.clone(), run_url.clone());
            sinks.push(Box::new(Comment::new(connection, key, url, only_on_failure, hides_accounts)));
        }
        if let Some(scope) = scope.filter(|_| has_statuses) {
            let style = StatusStyle {
                prefix: settings.status_context.clone(),
                target_url: run_url,
                attempt: self.surroundings.attempt,
                shard: settings.shard,
                part: self.surroundings.part.clone(),
                nature,
                hides_accounts,
            };
            sinks.push(Box::new(CommitStatuses::new(&experiments, scope, style, connection)));
        }
    }

    /// Makes the connection to the forge. It connects when the first status is due, so that no launch waits
    /// for it.
    fn make_connection(&self, subject: Result<Subject, NoForge>, token: Option<Secret>) -> Connection {
        // A token of the user's own may write even if the job's own token may only read.
        let read_only = self.surroundings.read_only;
        let read_only =
            read_only.filter(|_| token.as_ref().is_none_or(|token| !token_is_own(token.expose())));
        let (http, env) = (self.settings.http.clone(), self.env.clone());
        Connection::new(move || connect(subject.clone(), token.clone(), http.clone(), env.clone()))
            .that_may_only_read(read_only.map(tell_read_only))
    }

    /// Returns the commit or pull request that is reported to, or the reason why there is none. A missing one
    /// is a failure only if the user gave a token, and so expects reports.
    fn find_subject(&self) -> Result<Subject, NoForge> {
        let subject = self.surroundings.subject();
        let subject = subject.map_err(if self.has_token() { NoForge::Broken } else { NoForge::Absent })?;
        match self.refuse_job_token(&subject) {
            Some(why) => Err(NoForge::Broken(why)),
            None => Ok(subject),
        }
    }

    fn has_token(&self) -> bool {
        ForgeKind::ALL.into_iter().any(|kind| self.settings.tokens.for_forge(kind).is_some())
    }

    /// Returns the reason why the token for GitLab is not sufficient, if it is the job's own.
    fn refuse_job_token(&self, subject: &Subject) -> Option<String> {
        let given =
            self.settings.tokens.gitlab.as_ref().filter(|_| subject.site.kind == ForgeKind::GitLab)?;
        (self.env.get("CI_JOB_TOKEN")? == given.expose()).then(|| JOB_TOKEN_REFUSAL.to_owned())
    }

    /// Returns warnings, before the launch, about reports that will be missing.
    pub(crate) fn warnings(&self) -> Vec<String> {
        match self.find_subject() {
            Err(NoForge::Broken(why)) if self.posts() => vec![tell_nothing_posted(&why)],
            _ => Vec::new(),
        }
    }

    /// Returns what a run notes at its end about reports that are skipped because nothing can be posted.
    pub(crate) async fn note_skipped(&self) -> Option<String> {
        let (subject, token) = self.find_addressee().filter(|_| self.posts())?;
        // The credentials of AWS are looked up far away, and a run tells later what they lack.
        if subject.as_ref().is_ok_and(|subject| subject.site.kind.is_in_aws()) {
            return None;
        }
        match self.make_connection(subject, token).forge().await {
            Err(NoForge::Absent(why)) => Some(tell_nothing_posted(why)),
            Err(NoForge::Broken(_)) | Ok(_) => None,
        }
    }

    /// Returns `true` if anything is to be posted to a forge.
    fn posts(&self) -> bool {
        self.status_scope().is_some() || self.settings.comment != CommentMode::Off
    }
}

/// The sinks that need no forge: files, and what the CI reads.
pub(crate) struct FileSinks<'a> {
    pub(crate) report_dir: &'a Path,
    pub(crate) env: &'a Environment,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) id: &'a str,
}

impl FileSinks<'_> {
    /// Adds the sinks of files.
    pub(crate) fn add_files(&self, sinks: &mut Vec<Box<dyn Sink>>) {
        if let Some(file) = self.command_file("GITHUB_STEP_SUMMARY") {
            sinks.push(Box::new(StepSummary::new(file)));
        }
        sinks.extend(report_file_sinks(self.report_dir, Stage::Files));
        if self.surroundings.ci == Ci::Buildkite {
            sinks.push(Box::new(BuildkiteAnnotation::new("buildkite-agent")));
        }
    }

    fn command_file(&self, variable: &str) -> Option<CommandFile> {
        let path = self.env.get(variable)?;
        Some(CommandFile::new(path.into(), self.surroundings.ci.is_github_like()))
    }

    /// Adds the sinks that record the outcome for later steps, including how the other reports fared.
    pub(crate) fn add_records(&self, sinks: &mut Vec<Box<dyn Sink>>) {
        let report_dir = self.report_dir;
        if let Some(file) = self.command_file("GITHUB_OUTPUT") {
            sinks.push(Box::new(StepOutputs::new(file, report_dir, self.id)));
        }
        sinks.extend(
            LogCommands::new(Output::Stdout, self.surroundings.ci.log_style(), report_dir)
                .map(|commands| Box::new(commands) as Box<dyn Sink>),
        );
    }
}

async fn connect(
    subject: Result<Subject, NoForge>,
    token: Option<Secret>,
    http: HttpSettings,
    env: Environment,
) -> Result<Box<dyn Forge>, NoForge> {
    let subject = subject?;
    let client = http::client(&http);
    let client = client.map_err(|failure| NoForge::Broken(format!("no HTTP client: {}", failure.why)))?;
    let aws = if subject.site.kind.is_in_aws() {
        let inherited = config::without_secrets(&env);
        let connected = aws::connect(None, &env, inherited, &http, chain_in(&env)).await;
        Some(connected.map_err(|mistake| NoForge::Broken(mistake.to_string()))?)
    } else {
        None
    };
    let connected = forge::connect(subject, token.as_ref(), client, aws.as_ref());
    connected.map_err(|failure| NoForge::Absent(failure.why))
}

/// Connects to Bitbucket's reports with the user's token or, without one, through the pipeline's own proxy.
fn connect_insights(
    subject: &Subject,
    token: Option<&Secret>,
    http: &HttpSettings,
) -> Result<InsightsPlace, ForgeFailure> {
    match token {
        Some(token) => {
            let client = http::client(http).map_err(|failure| failure.with_kind(Denied::FOR_GOOD))?;
            InsightsPlace::with_token(subject, token, client)
        }
        None => InsightsPlace::through_proxy(subject, PIPELINE_PROXY),
    }
}

fn tell_nothing_posted(why: &str) -> String {
    format!("no commit status and no comment can be posted: {why}")
}

fn tell_read_only(why: ReadOnly) -> String {
    let why = match why {
        ReadOnly::Fork => {
            "the token of a pull request of a fork can only read; a workflow on workflow_run can post for it \
             (docs/forges.md)"
        }
        ReadOnly::Dependabot => {
            "the token of a run that Dependabot caused can only read, unless `permissions:` in the workflow give it \
             `statuses: write`, and `pull-requests: write` for a comment"
        }
    };
    why.to_owned()
}
