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
mod trouble;

use self::attempts::{PartAttempt, choose_attempt};
use self::sources::{FoundResults, ResultSource, find_results};
use self::trouble::MergeTrouble;
use super::REPORT_TIMEOUT;
use super::clear_reports;
use super::rendering::{find_result, warn};
use crate::ids::make_id;
use crate::lifecycle::{ExpectedPlan, Merger};
use crate::terminal::medium::find_medium;
use crate::terminal::printing::Output;
use crate::terminal::refusal::{break_off, refuse_run};
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
const MAX_TROUBLES: usize = 50;
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

    /// Returns `true` if a source is this file, and no folder that holds it: the merged result may take its place.
    fn names(&self, file: &Path) -> bool {
        self.sources.iter().any(|source| same_file(source, file))
    }

    /// Lists the files and folders of results that are read, and so stay where they are, in the report folder
    /// too.
    pub(crate) fn list_read(&self, report_dir: &Path) -> Vec<PathBuf> {
        let own = find_result(None, report_dir);
        // The result of an earlier merge is no part, so it goes as every report of an earlier run does.
        let is_merged = read_result(&own).is_ok_and(|result| result.merged);
        let folders = self.sources.iter().filter(|source| source.is_dir() && !is_merged);
        // A folder that cannot be searched may hold it.
        let in_them = folders.flat_map(|folder| find_results(folder).unwrap_or(vec![own.clone()]));
        self.sources.iter().cloned().chain(in_them).collect()
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
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
        Err(troubles) => merging.refuse(order, troubles),
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
    ) -> Result<RunResult, Vec<MergeTrouble>> {
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
        let run = run.or(here.pipeline.as_deref());
        let found = buckets.find(&order.sources, run, expected.is_some()).await?;
        let mut troubles = Vec::new();
        let mut merger = Merger::new(expected);
        if settings.plan_run.is_some() {
            merger = merger.of_plan_run();
        }
        let own = report::report_files(&settings.report_dir).filter(|path| !order.names(path));
        let own: Vec<PathBuf> = own.filter_map(|path| path.canonicalize().ok()).collect();
        let mut reads =
            stream::iter(found.parts.iter().map(|part| read_part(part, &own))).buffered(PARALLEL_READS);
        while let Some(mut attempts) = reads.next().await {
            let no_parts = attempts.extract_if(.., |read| read.as_ref().is_ok_and(|read| read.result.merged));
            for PartAttempt { name, .. } in no_parts.flatten() {
                let what = "it was merged itself, so it is no part";
                // The experiments that it says have failed would be tolerated as missing.
                let hint = if order.names(Path::new(&name)) {
                    "name the results of the parts"
                } else if order.tolerate.is_some() {
                    "take it out of the folder, or leave --tolerate out"
                } else {
                    merger.note(Finding::new(Level::Warning, name, what));
                    continue;
                };
                troubles.push(Mistake::new(&name, format!("{name}: {what}")).hint(hint).into());
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
                Err(more) if troubles.len() < MAX_TROUBLES => troubles.extend(more),
                Err(_) => {}
            }
        }
        merger.stand_in(RunIdentity { id: self.id.clone(), ..here }, Clock::start().now());
        // Mistakes of the comparison are told together with those of the parts.
        let compare_to = read_compared(merger.first(), flags, self.env).unwrap_or_else(|more| {
            troubles.extend(trouble::all(more));
            None
        });
        if !troubles.is_empty() {
            return Err(troubles);
        }
        merger
            .finish(compare_to.as_ref())
            .map_err(|problems| trouble::all(problems.into_iter().map(|what| Mistake::new("--merge", what))))
    }

    /// Tells why there is no merged result, and returns the exit code.
    fn refuse(&self, order: &MergeOrder, troubles: Vec<MergeTrouble>) -> u8 {
        let is_outage = troubles.iter().any(|trouble| trouble.is_outage);
        let told: Vec<Mistake> = troubles.into_iter().map(|trouble| trouble.told).collect();
        if !is_outage {
            return refuse_run(&told, self.env);
        }
        // An earlier result that was to be compared with is not the one of this merge.
        let report_dir = &self.settings.report_dir;
        clear_reports(report_dir, &order.list_read(report_dir));
        break_off("the results could not be read, so there is no gate", &told, self.env)
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
    ) -> Result<ExpectedPlan, Vec<MergeTrouble>> {
        let place = path.display().to_string();
        let hint = "hand over what faultgate plan --format jsonl has printed";
        let mistake = |what: String| vec![Mistake::new(&place, what).hint(hint).into()];
        let content = if is_in_s3(path) {
            let address = S3Address::object(&place)
                .map_err(|problem| vec![problem.at("--plan", &place, "--plan", None).into()])?;
            let bucket = self.reach(&address.bucket).await.map_err(|mistake| vec![mistake.into()])?;
            let got = bucket.get(&address.key, MAX_PLAN_BYTES).await;
            got.map_err(|failure| vec![MergeTrouble::of_s3(&place, failure)])?
        } else {
            files::read(path, MAX_PLAN_BYTES as u64)
                .map_err(|error| mistake(format!("cannot be read: {error}")))?
        };
        let text = String::from_utf8(content).map_err(|_| mistake("is not text".to_owned()))?;
        let items = PlanItem::read_all(&text).map_err(mistake)?;
        ExpectedPlan::new(items, tolerate)
            .map_err(|problems| problems.into_iter().flat_map(mistake).collect())
    }

    /// Finds all results. Where a plan says what is missing, a source `may_be_empty`.
    async fn find(
        &mut self,
        sources: &[PathBuf],
        run: Option<&str>,
        may_be_empty: bool,
    ) -> Result<FoundResults, Vec<MergeTrouble>> {
        let (mut found, mut troubles) = (FoundResults::default(), Vec::new());
        for source in sources {
            let added = if is_in_s3(source) {
                self.find_objects(&source.to_string_lossy(), run, &mut found).await
            } else if source.is_dir() {
                found.add_folder(source).map_err(MergeTrouble::from)
            } else {
                found.add_file(source);
                Ok(1)
            };
            match added {
                Ok(0) if !may_be_empty => {
                    let place = source.display().to_string();
                    let mistake = Mistake::new(&place, format!("{place} holds no results"));
                    troubles.push(mistake.hint("name the folder that has them").into());
                }
                Ok(_) => {}
                Err(trouble) => troubles.push(trouble),
            }
        }
        if troubles.is_empty() { Ok(found) } else { Err(troubles) }
    }

    /// Finds the results in a folder of S3, or in the folder of this run in it, as the input `results` makes one.
    async fn find_objects(
        &mut self,
        text: &str,
        run: Option<&str>,
        found: &mut FoundResults,
    ) -> Result<usize, MergeTrouble> {
        let folder =
            S3Address::folder(text).map_err(|problem| problem.at("--merge", text, "--merge", None))?;
        let bucket = self.reach(&folder.bucket).await?;
        if let Some(run) = run {
            let of_run = folder.below(&format!("{}/", report::run_folder(run)));
            let count = found.add_objects(&bucket, &of_run).await?;
            if count > 0 {
                return Ok(count);
            }
        }
        found.add_objects(&bucket, &folder).await
    }
}

/// Reads all attempts of a part. None may be one of the merge's `own` reports, since another merge would miss what
/// this one overwrites.
async fn read_part(attempts: &[ResultSource], own: &[PathBuf]) -> Vec<Result<PartAttempt, MergeTrouble>> {
    let mut read = Vec::new();
    for source in attempts {
        let name = source.name();
        let result = match source {
            ResultSource::File(path) => {
                let is_own = !own.is_empty() && path.canonicalize().is_ok_and(|path| own.contains(&path));
                read_result(path).map_err(MergeTrouble::from).and_then(|result| {
                    if is_own && !result.merged { Err(refuse_own(&name).into()) } else { Ok(result) }
                })
            }
            ResultSource::Object(bucket, address) => {
                let got = bucket.get(&address.key, report::MAX_OBJECT_BYTES).await;
                let got = got.map_err(|failure| MergeTrouble::of_s3(&name, failure));
                got.and_then(|content| Ok(parse_result(&name, &content)?))
            }
        };
        read.push(result.map(|result| PartAttempt { number: source.attempt(), name, result }));
    }
    read
}

/// Returns the mistake of a part that the merged result would overwrite.
fn refuse_own(name: &str) -> Mistake {
    Mistake::new(name, format!("{name} is to be merged, and the merged result would take its place"))
        .hint("name another folder by --report-dir, or remove the file if it is no part of this run")
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
