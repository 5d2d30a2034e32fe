//! The merge of the results of a suite's parts into one gate: read one by one, decided anew, and reported as a
//! run is.
//!
//! A result of another run, repository or commit is refused, and nothing is posted of a merge that is refused.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures_util::stream::{self, StreamExt};
use indicatif::MultiProgress;

mod attempts;
mod sources;

pub(crate) use self::sources::find_results;

use self::attempts::{Attempt, choose_attempt};
use self::sources::{FoundResults, ResultSource};
use super::REPORT_TIMEOUT;
use super::rendering::warn;
use crate::ids::make_id;
use crate::lifecycle::{ExpectedPlan, Merger};
use crate::terminal::medium::find_medium;
use crate::terminal::printing::Output;
use crate::terminal::refusal::refuse_run;
use crate::terminal::say;
use crate::wiring::results::ResultsPlace;
use crate::wiring::sinks::Reporting;
use crate::wiring::surroundings::{find_provenance, find_surroundings};
use faultgate_config as config;
use faultgate_config::{Compared, ReportSettings, SUITE_DIR, parse_result, read_result};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::files;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{CompareTo, Finding, Level, PlanItem, RunIdentity, RunResult, Score};
use faultgate_net::aws::s3::{S3Address, S3Bucket};
use faultgate_report as report;

/// Number of objects that are read at once.
const PARALLEL_READS: usize = 16;
/// Number of unreadable results that are told.
const MAX_MISTAKES: usize = 50;
/// Limit of a plan, in bytes: that of many thousands of experiments.
const MAX_PLAN_BYTES: usize = 64 << 20;

/// The order of a merge: its sources, and what they are held against.
#[derive(Debug, Clone, Default)]
pub(crate) struct MergeOrder {
    /// Files, folders, and folders in S3.
    pub(crate) sources: Vec<PathBuf>,
    /// The plan that must be there in full: a file or an object in S3.
    pub(crate) plan: Option<PathBuf>,
    /// Share of the plan's experiments that may be `errored`, in percent.
    pub(crate) tolerate: Option<Score>,
}

impl MergeOrder {
    /// Returns `true` if something of it is in S3.
    fn reaches_aws(&self) -> bool {
        self.sources.iter().chain(&self.plan).any(|path| is_in_s3(path))
    }
}

fn is_in_s3(path: &Path) -> bool {
    path.to_str().is_some_and(S3Address::is_meant)
}

/// Merges results, reports the merged one, and returns its exit code.
pub(crate) async fn merge(order: &MergeOrder, flags: &[(String, OsString)], env: &Environment) -> u8 {
    let merging = match Merging::begin(order, flags, env) {
        Ok(merging) => merging,
        Err(mistakes) => return refuse_run(&mistakes, env),
    };
    match merging.read_and_merge(order, flags).await {
        Ok(result) => merging.report(result).await,
        Err(mistakes) => refuse_run(&mistakes, env),
    }
}

/// A merge under way.
struct Merging<'a> {
    settings: ReportSettings,
    env: &'a Environment,
    id: String,
}

impl<'a> Merging<'a> {
    fn begin(
        order: &MergeOrder,
        flags: &[(String, OsString)],
        env: &'a Environment,
    ) -> Result<Self, Vec<Mistake>> {
        let mut warnings = Vec::new();
        let settings =
            config::merge_settings(env, flags, Path::new(SUITE_DIR), order.reaches_aws(), &mut warnings)?;
        for warning in &warnings {
            warn(warning);
        }
        Ok(Self { settings, env, id: make_id() })
    }

    async fn read_and_merge(
        &self,
        order: &MergeOrder,
        flags: &[(String, OsString)],
    ) -> Result<RunResult, Vec<Mistake>> {
        let settings = &self.settings;
        let mut buckets =
            KnownBuckets { place: ResultsPlace::of(settings, self.env, &self.id), known: HashMap::new() };
        let expected = match &order.plan {
            Some(path) => {
                Some(buckets.read_plan(path, order.tolerate).await?.used_as(settings.plan_run.as_deref()))
            }
            None => None,
        };
        let surroundings =
            find_provenance(self.env, settings.repository.as_deref(), settings.commit.as_deref());
        let here = RunIdentity {
            // The id of the plan ties nothing together by itself: a plan may be used again.
            plan_run: settings.plan_run.clone(),
            ..surroundings.identity("")
        };
        let run = expected.as_ref().map(ExpectedPlan::run).or(here.plan_run.as_deref());
        let found = buckets.find(&order.sources, run.or(here.pipeline.as_deref())).await?;
        let mut mistakes = Vec::new();
        let mut merger = Merger::new(expected);
        if settings.plan_run.is_some() {
            merger = merger.of_plan_run();
        }
        let own = report::report_files(&settings.report_dir).filter_map(|path| path.canonicalize().ok());
        let own: Vec<PathBuf> = own.collect();
        let mut reads =
            stream::iter(found.parts.iter().map(|part| read_part(part, &own))).buffered(PARALLEL_READS);
        while let Some(mut attempts) = reads.next().await {
            let merges = attempts.extract_if(.., |read| read.as_ref().is_ok_and(|read| read.result.merged));
            for merge in merges.flatten() {
                let what = "it was merged itself, so it is no part";
                merger.note(Finding::new(Level::Warning, merge.name, what));
            }
            if attempts.is_empty() {
                continue;
            }
            match choose_attempt(attempts, &here) {
                Ok((name, result, notes)) => {
                    merger.add(&name, result);
                    for note in notes {
                        merger.note(note);
                    }
                }
                Err(more) if mistakes.len() < MAX_MISTAKES => mistakes.extend(more),
                Err(_) => {}
            }
        }
        // Mistakes of the comparison are told together with those of the parts.
        let compare_to = read_compared(merger.first(), flags, self.env).unwrap_or_else(|more| {
            mistakes.extend(more);
            None
        });
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        merger
            .finish(compare_to.as_ref())
            .map_err(|problems| problems.into_iter().map(|what| Mistake::new("--merge", what)).collect())
    }

    /// Posts and writes all reports of the merged result, and returns its exit code.
    async fn report(self, mut result: RunResult) -> u8 {
        let mut settings = self.settings;
        // The whole has the status of the run alone: the parts have posted those of their experiments.
        settings.experiments = result.experiments.iter().map(|experiment| experiment.name.clone()).collect();
        (settings.is_rehearsal, settings.is_dry_run) = (result.rehearsal.is_some(), result.dry_run);
        let surroundings = find_surroundings(&settings, self.env);
        let (report_dir, must_succeed) = (settings.report_dir.display().to_string(), settings.must_succeed);
        if result.run.url.is_none() {
            // The page of the merging job has the reports of all parts.
            result.run.url.clone_from(&surroundings.run_url);
        }
        let reporting = Reporting {
            settings,
            env: self.env,
            surroundings: &surroundings,
            clock: Clock::start(),
            id: &self.id,
            screen: &MultiProgress::new(),
            is_merge: true,
        };
        reporting.warnings().iter().for_each(|warning| warn(warning));
        let mut sinks = reporting.make_sinks();
        report::finish(&mut sinks, &mut result, must_succeed, REPORT_TIMEOUT, std::future::pending()).await;
        let medium = find_medium(Output::Stdout, self.env);
        say(&report::closing(&result, &report_dir, medium));
        result.gate.exit_code
    }
}

/// The buckets that were connected to.
struct KnownBuckets {
    place: ResultsPlace,
    known: HashMap<String, Rc<S3Bucket>>,
}

impl KnownBuckets {
    async fn reach(&mut self, bucket: &str) -> Result<Rc<S3Bucket>, Mistake> {
        if let Some(known) = self.known.get(bucket) {
            return Ok(Rc::clone(known));
        }
        let made = Rc::new(self.place.reach(bucket).await?);
        self.known.insert(bucket.to_owned(), Rc::clone(&made));
        Ok(made)
    }

    /// Reads the plan in a file or an object.
    async fn read_plan(
        &mut self,
        path: &Path,
        tolerate: Option<Score>,
    ) -> Result<ExpectedPlan, Vec<Mistake>> {
        let place = path.display().to_string();
        let mistake = |what: String| {
            vec![Mistake::new(&place, what).hint("hand over what faultgate plan --format jsonl has printed")]
        };
        let content = if is_in_s3(path) {
            let address = S3Address::object(&place)
                .map_err(|problem| vec![problem.at("--plan", &place, "--plan", None)])?;
            let bucket = self.reach(&address.bucket).await.map_err(|mistake| vec![mistake])?;
            let got = bucket.get(&address.key, MAX_PLAN_BYTES).await;
            got.map_err(|failure| vec![Mistake::new(&place, failure.to_string()).maybe_hint(failure.remedy)])?
        } else {
            files::read(path, MAX_PLAN_BYTES as u64)
                .map_err(|error| mistake(format!("cannot be read: {error}")))?
        };
        let text = String::from_utf8(content).map_err(|_| mistake("is not text".to_owned()))?;
        let items = PlanItem::read_all(&text).map_err(mistake)?;
        ExpectedPlan::new(items, tolerate)
            .map_err(|problems| problems.into_iter().flat_map(mistake).collect())
    }

    /// Finds all results.
    async fn find(&mut self, sources: &[PathBuf], run: Option<&str>) -> Result<FoundResults, Vec<Mistake>> {
        let (mut found, mut mistakes) = (FoundResults::default(), Vec::new());
        for source in sources {
            let added = if is_in_s3(source) {
                self.find_objects(&source.to_string_lossy(), run, &mut found).await
            } else if source.is_dir() {
                found.add_folder(source)
            } else {
                found.add_file(source);
                Ok(())
            };
            mistakes.extend(added.err());
        }
        if mistakes.is_empty() { Ok(found) } else { Err(mistakes) }
    }

    /// Finds the results in a folder of S3, or in the folder of this run in it, as the input `results` makes one.
    async fn find_objects(
        &mut self,
        text: &str,
        run: Option<&str>,
        found: &mut FoundResults,
    ) -> Result<(), Mistake> {
        let folder =
            S3Address::folder(text).map_err(|problem| problem.at("--merge", text, "--merge", None))?;
        let bucket = self.reach(&folder.bucket).await?;
        if let Some(run) = run {
            let of_run = folder.below(&format!("{}/", report::run_folder(run)));
            if found.add_objects(&bucket, &of_run).await? > 0 {
                return Ok(());
            }
        }
        match found.add_objects(&bucket, &folder).await? {
            0 => Err(Mistake::new(text, format!("{folder} holds no results"))
                .hint("name the folder that the input results names, or the one of a run in it")),
            _ => Ok(()),
        }
    }
}

/// Reads all attempts of a part. None may be one of the merge's `own` reports, since another merge would miss what
/// this one overwrites.
async fn read_part(attempts: &[ResultSource], own: &[PathBuf]) -> Vec<Result<Attempt, Mistake>> {
    let mut read = Vec::new();
    for source in attempts {
        let name = source.name();
        let result = match source {
            ResultSource::File(path) => {
                let is_own = !own.is_empty() && path.canonicalize().is_ok_and(|path| own.contains(&path));
                read_result(path).and_then(|result| {
                    if is_own && !result.merged { Err(refuse_own(&name)) } else { Ok(result) }
                })
            }
            ResultSource::Object(bucket, address) => {
                let got = bucket.get(&address.key, report::MAX_OBJECT_BYTES).await;
                let got = got
                    .map_err(|failure| Mistake::new(&name, failure.to_string()).maybe_hint(failure.remedy));
                got.and_then(|content| parse_result(&name, &content))
            }
        };
        read.push(result.map(|result| Attempt { number: source.attempt(), name, result }));
    }
    read
}

/// Returns the mistake of a part that the merged result would overwrite.
fn refuse_own(name: &str) -> Mistake {
    Mistake::new(name, format!("{name} is a part, and the merged result would take its place")).hint(
        "name another folder by --report-dir, or remove the file if it is the result of an earlier merge",
    )
}

/// Returns the earlier result that the merged one is compared with. The first part stands for all, since
/// parts that differ cannot be merged anyway.
fn read_compared(
    first: Option<&RunResult>,
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<Option<CompareTo>, Vec<Mistake>> {
    let now = Compared {
        is_rehearsal: first.map(|part| part.rehearsal.is_some()),
        is_dry_run: first.is_some_and(|part| part.dry_run),
        shard: None,
        is_part: false,
    };
    let mut warnings = Vec::new();
    let compare_to = config::compare_to(env, flags, Path::new(SUITE_DIR), now, &mut warnings);
    for warning in &warnings {
        warn(warning);
    }
    compare_to
}
