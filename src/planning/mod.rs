//! The work of `faultgate plan`: what a run would launch, for people and for engines that fan it out.
//!
//! `packing` puts experiments into jobs, and `forms` writes a plan in the form of its reader. Nothing is
//! touched, and nobody is asked but for the queries of the suite.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod forms;
mod packing;
#[cfg(test)]
mod packing_tests;

pub(crate) use self::forms::PlanForm;
pub(crate) use self::packing::MAX_JOBS;

use self::forms::{Child, write_github, write_gitlab, write_lines, write_table};
use self::packing::pack;
use crate::ids::make_id;
use crate::terminal::refusal::{Refused, refuse};
use crate::terminal::{complain, say_whole, warn};
use crate::wiring::guard::judge_plan;
use crate::wiring::surroundings::find_surroundings;
use faultgate_config::Settings;
use faultgate_core::environment::Environment;
use faultgate_core::files;
use faultgate_core::files::Survives;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{Level, Plan, PlanItem, PlanOrigin, Verdict};
use faultgate_core::text;
use faultgate_policy::Policy;

/// The form of a plan, and how its experiments become jobs.
pub(crate) struct PlanRequest {
    pub(crate) form: PlanForm,
    /// Largest number of jobs.
    pub(crate) jobs: usize,
    /// Number of jobs at once. None if the CI decides.
    pub(crate) max_parallel: Option<usize>,
    /// File of the repository with the job that all jobs extend.
    pub(crate) include: Option<String>,
    /// File that the items are also written to.
    pub(crate) save: Option<PathBuf>,
}

/// Prints the plan, and returns the exit code: 3 if a policy forbids what the suite says.
pub(crate) fn print_plan(
    settings: &Settings,
    policies: &[Policy],
    request: &PlanRequest,
    env: &Environment,
) -> u8 {
    settings.warnings.iter().for_each(|warning| warn(&settings.veil.hide(warning)));
    if let Some(code) = refuse_broken(policies, &settings.plan) {
        return code;
    }
    let items = make_items(settings, env);
    let lines = write_lines(&items);
    let written = match request.form {
        PlanForm::Text => Ok(write_table(&items)),
        PlanForm::Jsonl => Ok(lines.clone()),
        PlanForm::Github => write_github(&pack(&items, request.jobs), settings.has_queries),
        PlanForm::Gitlab => {
            let jobs = pack(&items, request.jobs);
            write_gitlab(&jobs, settings.has_queries, &Child::new(request, env))
        }
    };
    let written = match written {
        Ok(written) => written,
        Err(mistake) => return refuse(Refused::Plan, &[mistake]),
    };
    if let Some(path) = &request.save
        && let Err(error) = save_lines(path, &lines)
    {
        if error.kind() == ErrorKind::InvalidInput {
            let mistake = Mistake::new("--save", format!("{} cannot be replaced: {error}", path.display()));
            return refuse(
                Refused::Plan,
                &[mistake.hint("--format jsonl prints the items, also into a pipe")],
            );
        }
        complain(&format!("faultgate could not write the plan to {}: {error}", path.display()));
        return Verdict::Errored.exit_code(None);
    }
    say_whole(&written, Duration::MAX);
    0
}

/// Saves the items. A link is not replaced: it may be the one to the output of the whole container.
fn save_lines(path: &Path, lines: &str) -> io::Result<()> {
    if path.is_symlink() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a link, not a file"));
    }
    files::write_whole(path, Survives::Process, |file| writeln!(file, "{lines}"))
}

/// Tells which rules of the policies the suite itself breaks, and returns the exit code if there is any.
fn refuse_broken(policies: &[Policy], plan: &Plan) -> Option<u8> {
    let findings = judge_plan(policies, plan);
    for finding in &findings {
        match finding.level {
            Level::Error => {
                complain(&text::plain(&format!("{}: {}", finding.subject, finding.message), 1_000));
            }
            Level::Warning => warn(&format!("{}: {}", finding.subject, finding.message)),
            Level::Ok | Level::Note => {}
        }
    }
    findings.iter().any(|finding| finding.level == Level::Error).then(|| {
        complain("the policy forbids this suite; there is no plan");
        Verdict::Errored.exit_code(None)
    })
}

/// Makes the items of a plan. One that was made of items keeps what they say of their plan.
fn make_items(settings: &Settings, env: &Environment) -> Vec<PlanItem> {
    let plan = &settings.plan;
    let run = settings.plan_run.clone().unwrap_or_else(|| {
        let identity = find_surroundings(&settings.of_reports(), env).identity(&make_id());
        // The id of the CI's run is the same in all jobs that carry out this plan.
        identity.pipeline.unwrap_or(identity.id)
    });
    let suite = plan.suite.as_ref().map(|suite| suite.digest.clone()).unwrap_or_default();
    let origin = PlanOrigin { run, suite, suite_size: plan.suite_size };
    plan.experiments.iter().map(|experiment| PlanItem::of(experiment, &origin)).collect()
}
