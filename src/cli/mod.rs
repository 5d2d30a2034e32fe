//! The command line: each command has a file that turns its arguments into calls of the other modules.
//!
//! - Commands: `run`, `steps` (`launch`, `monitor`, `score`), `check`, `stop` over `stopping`, `sweep` over
//!   `sweeping`, `report`, `rehearse` over `rehearsed`, `lint`, `init`, `inputs` and `iam`.
//! - What runs share: `connect` and `accounts` (engines of a plan), `reporting` (the sinks), `signals`,
//!   `rescue` (the end after a panic), `leftovers` (reports of earlier runs), `provenance` (files of other
//!   runs).
//! - The process itself: `called` (its name and environment), `printing` (its outputs), `logging`.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::{ArgMatches, Command};
use tokio_util::task::AbortOnDropHandle;

mod accounts;
mod called;
mod check;
mod connect;
mod iam;
mod init;
mod inputs;
mod leftovers;
mod lint;
mod logging;
mod printing;
mod provenance;
mod rehearse;
mod rehearsed;
mod report;
mod reporting;
mod rescue;
mod run;
mod signals;
mod steps;
mod stop;
mod stopping;
mod sweep;
mod sweeping;

use self::called::Call;
use self::leftovers::{Leftovers, MISTAKEN};
use self::printing::Output;
use faultgate_config as config;
use faultgate_config::Settings;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{FilePlace, Mistake};
use faultgate_core::model::Verdict;
use faultgate_core::orphans;
use faultgate_core::panics;
use faultgate_net::foreign;
use faultgate_rehearsal::Scenario;
use faultgate_report::CommandFile;
use faultgate_report::ci::Surroundings;

/// Exit code if the settings hold mistakes, so that nothing was launched.
const MISTAKES: u8 = 2;
/// Time for which the end of the process waits for the reader of an output, counted anew whenever something
/// was read.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Exit code above which a signal has ended the run.
const CANCELLED: u8 = 128;

/// Runs one command and returns the process's exit code.
pub fn main(args: impl IntoIterator<Item = OsString>, env: &Environment) -> u8 {
    panics::watch(complain);
    let code = panics::caught_now(|| command_of(args, env));
    let is_cancelled = code.as_ref().is_ok_and(|code| *code > CANCELLED);
    // A CI kills the step soon after its signal, so there is less time for the last lines.
    printing::finish(if is_cancelled { LAST_WORDS / 10 } else { LAST_WORDS });
    // Nobody can vouch for the exit code that a command returned after a panic.
    match code {
        Ok(code) if panics::first().is_none() => code,
        _ => Verdict::Errored.exit_code(None),
    }
}

/// Carries out the command of a command line, and returns the exit code.
fn command_of(args: impl IntoIterator<Item = OsString>, env: &Environment) -> u8 {
    let args = match Call::read(args) {
        Call::Faultgate(args) => args,
        Call::Shell(shell) => return shell.become_it(),
    };
    let clean = foreign::clean(&env);
    if clean != *env {
        // Libraries read variables of the process themselves, so blanks around values have to go before any
        // of them starts.
        let error = called::start_again(&args, &clean);
        complain(&format!(
            "faultgate could not start again without the blanks in {}: {error}; take them out yourself, or unset what is \
              blank",
            env.differing_from(&clean).join(", "),
        ));
        return MISTAKES;
    }
    let matches = match command().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version come this way too. A closed output is no reason to fail.
            let _ = error.print();
            if error.use_stderr()
                && let Some(leftovers) = Leftovers::of_words(&args, env)
            {
                leftovers.refused(env);
                let told = error.render().to_string();
                let told = told.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                leave(&[Mistake::new("the command line", told)], env);
            }
            return u8::try_from(error.exit_code()).unwrap_or(MISTAKES);
        }
    };
    let leftovers = Leftovers::of(&matches, env);
    // Reports of an earlier run go before anything can fail, so that they are not taken for this run's.
    leftovers.iter().for_each(Leftovers::take_away);
    if let Some(("inputs", matches)) = matches.subcommand() {
        return printed(inputs::inputs(matches));
    }
    if let Some(("iam", matches)) = matches.subcommand() {
        return printed(iam::iam(matches));
    }
    if let Some(("init", matches)) = matches.subcommand() {
        return printed(init::init(matches));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            leftovers.iter().for_each(Leftovers::take_away_the_rest);
            complain(&format!("faultgate could not start: {error}"));
            return Verdict::Errored.exit_code(None);
        }
    };
    // Processes that lose their parents must stay in sight from the first command that a run starts.
    orphans::take_in();
    let code = runtime.block_on(async {
        let _reaper = AbortOnDropHandle::new(tokio::spawn(orphans::reap()));
        match matches.subcommand() {
            Some(("check", matches)) => check::check(matches, env).await,
            Some(("report", matches)) => report::report(matches, env).await,
            Some(("rehearse", matches)) => rehearse::rehearse(matches, env).await,
            Some(("launch", matches)) => steps::launch(matches, env).await,
            Some(("monitor", matches)) => steps::monitor(matches, env).await,
            Some(("score", matches)) => steps::score(matches, env).await,
            Some(("stop", matches)) => stop::stop(matches, env).await,
            Some(("sweep", matches)) => sweep::sweep(matches, env).await,
            Some(("lint", matches)) => lint::lint(matches, env).await,
            Some((_, matches)) => run::run(matches, env).await,
            None => run::run(&matches, env).await,
        }
    });
    if let (MISTAKES, Some(leftovers)) = (code, leftovers) {
        leftovers.refused(env);
    }
    // A look-up of a name may still be under way in a thread, and nobody waits for it.
    runtime.shutdown_background();
    code
}

/// Waits for the reader of a command that only prints, without a limit: a pager reads no further than it
/// shows.
fn printed(code: u8) -> u8 {
    printing::finish(Duration::MAX);
    code
}

fn command() -> Command {
    Command::new("faultgate")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Chaos experiments as a gate in the delivery pipeline: launch, watch by events, score, decide.")
        .after_help(
            "Without a command, faultgate runs. Every input can also be set by FAULTGATE_<NAME>, by INPUT_<NAME>, or in \
             the suite file.\n\nExit codes: 0 passed, 1 failed (a weakness was found), 2 mistakes in the settings, \
             3 errored, 4 timed out,\n129/130/143 cancelled by SIGHUP/SIGINT/SIGTERM.",
        )
        .args_conflicts_with_subcommands(true)
        .args(config::flags())
        .subcommand(
            Command::new("run")
                .about("Verify, subscribe, launch, monitor, score, report, decide")
                .args(config::flags()),
        )
        .subcommands(steps::commands())
        .subcommand(
            Command::new("check")
                .about("Verify all that a run verifies before it launches, and nothing else")
                .args(config::flags()),
        )
        .subcommand(lint::command())
        .subcommand(stop::command())
        .subcommand(sweep::command())
        .subcommand(rehearse::command().args(config::flags()))
        .subcommand(report::command())
        .subcommand(init::command())
        .subcommand(inputs::command())
        .subcommand(iam::command())
}

/// Loads the settings of a command; `scenario` is the one to rehearse, if any. The error is all mistakes at
/// once.
fn settings(
    matches: &ArgMatches,
    env: &Environment,
    scenario: Option<&str>,
) -> Result<Settings, Vec<Mistake>> {
    let names: Vec<&str> = Scenario::all().iter().map(|scenario| scenario.name).collect();
    let mut flags = config::given(matches);
    if let Some(scenario) = scenario {
        flags.push(("rehearsal".to_owned(), scenario.into()));
    }
    let here = Path::new(".");
    let settings = config::load(env, flags.clone(), here, &names, &[])?;
    // A scenario may want other defaults, so that it takes seconds. Which one it is, only the first loading
    // tells.
    match settings.rehearsal.as_deref().and_then(Scenario::find) {
        Some(scenario) if !scenario.inputs.is_empty() => {
            config::load(env, flags, here, &names, scenario.inputs)
        }
        _ => Ok(settings),
    }
}

/// Prints all mistakes, leaves them to the CI, and returns the exit code.
fn refuse(mistakes: &[Mistake], env: &Environment) -> u8 {
    let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let plural = if list.len() == 1 { "a mistake" } else { "mistakes" };
    let mut text = format!("faultgate found {plural} in its settings; nothing was launched:");
    for mistake in &list {
        text.push_str("\n  - ");
        text.push_str(&faultgate_core::text::plain(mistake, 1_000));
    }
    complain(&text);
    leave(mistakes, env);
    MISTAKES
}

/// Leaves mistakes to the CI: as annotations in the log, and as outputs of a GitHub step.
fn leave(mistakes: &[Mistake], env: &Environment) {
    let ci = Surroundings::detect(env, None, None).ci;
    let seen_from_repository: Vec<Mistake> =
        mistakes.iter().map(|mistake| seen_from_repository(mistake, env)).collect();
    for command in faultgate_report::mistake_commands(ci.log_style(), &seen_from_repository) {
        say(&command);
    }
    if let Some(path) = env.get("GITHUB_OUTPUT") {
        let file = CommandFile::new(path.into(), ci.is_github_like());
        let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let reason = format!("{MISTAKEN}: {}", list.join("; "));
        match faultgate_report::write_mistakes(Path::new(path), &reason, &random()) {
            Err(error) if !file.is_elsewhere(&error) => {
                complain(&format!("warning: the step outputs were not written: {error}"));
            }
            _ => {}
        }
    }
}

/// Returns the mistake with its file named relative to the repository, if the CI says where that is.
fn seen_from_repository(mistake: &Mistake, env: &Environment) -> Mistake {
    let place = mistake.place.clone().map(|place| within_repository(place, env));
    Mistake { place, ..mistake.clone() }
}

fn within_repository(place: FilePlace, env: &Environment) -> FilePlace {
    let root = ["GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY"].into_iter().find_map(|name| env.get(name));
    if let Some(root) = root
        && let Ok(file) = std::path::absolute(&place.file)
        && let Ok(within) = file.strip_prefix(root)
    {
        return FilePlace { file: within.display().to_string(), ..place };
    }
    place
}

/// Prints a line to standard error.
fn complain(text: &str) {
    let _ = Output::Stderr.write_all(format!("{text}\n").as_bytes());
}

/// Prints a line to standard output.
fn say(text: &str) {
    let _ = Output::Stdout.write_all(format!("{text}\n").as_bytes());
}

/// Returns eight characters that are new for each invocation.
fn random() -> String {
    format!("{:08x}", fastrand::u32(..))
}
