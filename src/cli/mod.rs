//! The command line: each command has a file that turns its arguments into calls of the other modules.
//!
//! - Commands: `run`, `steps` (`launch`, `monitor`, `score`), `check`, `stop`, `sweep`, `report`, `rehearse`,
//!   `lint`, `init`, `inputs` and `iam`.
//! - What they share: `entrypoint` (the names by which the binary may be called), `leftovers` (reports of
//!   earlier runs), `provenance` (files of other runs).

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::{ArgMatches, Command};
use tokio_util::task::AbortOnDropHandle;

mod check;
mod entrypoint;
mod iam;
mod init;
mod inputs;
mod leftovers;
mod lint;
mod provenance;
mod rehearse;
mod report;
mod run;
mod steps;
mod stop;
mod sweep;

use self::entrypoint::Call;
use self::leftovers::Leftovers;
use crate::terminal::{LAST_WORDS, MISTAKES, complain, leave, printing};
use faultgate_config as config;
use faultgate_config::Settings;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::Verdict;
use faultgate_core::orphans;
use faultgate_core::panics;
use faultgate_net::foreign;
use faultgate_rehearsal::Scenario;

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
        let error = entrypoint::start_again(&args, &clean);
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
