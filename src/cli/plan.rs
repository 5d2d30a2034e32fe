//! `faultgate plan`: prints what a run would launch, for people and for engines that fan it out.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::planning::{MAX_JOBS, PlanForm, PlanRequest, print_plan};
use crate::terminal::refusal::{Refused, refuse};
use crate::wiring::settings::load_with_policies;
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;

pub(super) fn command() -> Command {
    let jobs = || value_parser!(u16).range(1..=i64::try_from(MAX_JOBS).unwrap_or(i64::MAX));
    Command::new("plan")
        .about("Print what a run would launch, without touching anything")
        .after_help(
            "Nobody is asked but for the queries of the suite. An item of --format jsonl can be handed back as --only; \
             faultgate report --merge\n--plan knows by the items what must be there.\n\nExit codes: 0 it is printed, 2 \
             mistakes in the settings, 3 the suite breaks a rule of the policy.",
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_parser(PlanForm::WORDS.to_vec())
                .default_value(PlanForm::Text.as_str())
                .help(
                    "text for people, jsonl for one item on each line, github for a matrix (fromJSON), gitlab for a child \
                     pipeline",
                ),
        )
        .arg(
            Arg::new("jobs")
                .long("jobs")
                .value_name("NUMBER")
                .value_parser(jobs())
                .default_value(MAX_JOBS.to_string())
                .help("Most jobs of github and gitlab, into which the experiments are packed, the longest first"),
        )
        .arg(
            Arg::new("max-parallel")
                .long("max-parallel")
                .value_name("NUMBER")
                .value_parser(jobs())
                .help("Jobs at once, of gitlab; a matrix has max-parallel in its workflow"),
        )
        .arg(
            Arg::new("include")
                .long("include")
                .value_name("PATH")
                .help("File of the repository with .faultgate-part, which the jobs of gitlab extend"),
        )
        .arg(
            Arg::new("save")
                .long("save")
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .help("File to write the items to as well, as JSON lines"),
        )
        .args(config::flags())
}

/// Prints the plan, and returns the exit code.
pub(super) async fn plan(matches: &ArgMatches, env: &Environment) -> u8 {
    let flags = config::read_flags(matches);
    if flags.iter().any(|(name, _)| name == "dry-run") {
        let mistake =
            Mistake::new("--dry-run", "a plan cannot hand this on, and its jobs would inject faults")
                .hint("write dry-run into the suite, or set FAULTGATE_DRY_RUN in every job");
        return refuse(Refused::Plan, &[mistake]);
    }
    let (settings, policies) = match load_with_policies(flags, env, None).await {
        Ok(loaded) => loaded,
        Err(mistakes) => return refuse(Refused::Plan, &mistakes),
    };
    let number = |name| matches.get_one::<u16>(name).map(|number| usize::from(*number));
    let form = matches.get_one::<String>("format").and_then(|word| PlanForm::find(word));
    let request = PlanRequest {
        form: form.unwrap_or(PlanForm::Text),
        jobs: number("jobs").unwrap_or(MAX_JOBS),
        max_parallel: number("max-parallel"),
        include: matches.get_one::<String>("include").cloned(),
        save: matches.get_one::<PathBuf>("save").cloned(),
    };
    print_plan(&settings, &policies, &request, env)
}
