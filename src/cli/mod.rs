//! The command line: each command has a file of its own, which turns its arguments into a call and nothing more.
//!
//! Here a command line becomes a command, and the outcome of the command an exit code. `entrypoint` knows the
//! names by which the binary may be called, and `leftovers` the reports of earlier runs, which go first.

use std::ffi::OsString;
use std::time::Duration;

use clap::Command;
use clap::error::{ContextKind, ContextValue};
use tokio_util::task::AbortOnDropHandle;

mod check;
mod command_name;
mod completions;
mod entrypoint;
mod help;
mod iam;
mod init;
mod inputs;
mod launch;
mod leftovers;
mod lint;
mod lists;
mod man;
mod monitor;
mod plan;
mod rehearse;
mod report;
mod run;
mod score;
mod stop;
mod sweep;

use self::command_name::CommandName;
use self::entrypoint::Invocation;
use self::leftovers::Leftovers;
use crate::terminal::complain;
use crate::terminal::printing::{self, LAST_WORDS_TIMEOUT};
use crate::terminal::refusal::{EXIT_MISTAKES, leave_to_ci};
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Mistake, nearest};
use faultgate_core::model::Verdict;
use faultgate_core::panics;
use faultgate_core::processes::orphans;
use faultgate_core::text;
use faultgate_net::foreign;

/// Exit code above which a signal has ended the run.
const SIGNAL_EXIT_BASE: u8 = 128;

/// Runs one command and returns the process's exit code.
pub fn main(args: impl IntoIterator<Item = OsString>, env: &Environment) -> u8 {
    panics::watch(complain);
    let code = panics::catch_now(|| execute(args, env));
    let is_cancelled = code.as_ref().is_ok_and(|code| *code > SIGNAL_EXIT_BASE);
    // A CI kills the step soon after its signal, so there is less time for the last lines.
    printing::finish(if is_cancelled { LAST_WORDS_TIMEOUT / 10 } else { LAST_WORDS_TIMEOUT });
    // Nobody can vouch for the exit code that a command returned after a panic.
    match code {
        Ok(code) if panics::first().is_none() => code,
        _ => Verdict::Errored.exit_code(None),
    }
}

/// Carries out the command of a command line, and returns the exit code.
fn execute(args: impl IntoIterator<Item = OsString>, env: &Environment) -> u8 {
    let args = match Invocation::read(args) {
        Invocation::Faultgate(args) => args,
        Invocation::Shell(shell) => return shell.exec(),
    };
    let clean = foreign::clean(env);
    if clean != *env {
        // Libraries read variables of the process themselves, so blanks around values have to go before any
        // of them starts.
        let error = entrypoint::start_again(&args, &clean);
        complain(&format!(
            "faultgate could not start again without the blanks in {}: {error}; take them out yourself, or unset what is \
              blank",
            env.differing_from(&clean).join(", "),
        ));
        return EXIT_MISTAKES;
    }
    // Few calls ask for help, so that it is made for none else.
    let asks_help = args.iter().any(|arg| arg == "-h" || arg == "--help");
    let command = if asks_help { help::with_help(command(), env) } else { command() };
    let matches = match command.try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => {
            let error = make_plain(error, &args);
            // Help and version come this way too. A closed output is no reason to fail.
            let _ = error.print();
            if error.use_stderr()
                && let Some(leftovers) = Leftovers::guess(&args, env)
            {
                leftovers.remove_refused(env);
                let told = error.render().to_string();
                let told = told.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                leave_to_ci(&[Mistake::new("the command line", told)], env);
            }
            return u8::try_from(error.exit_code()).unwrap_or(EXIT_MISTAKES);
        }
    };
    if args.len() < 2 && help::is_wanted(env) {
        return help::help_without_run(env);
    }
    let leftovers = Leftovers::find(&matches, env);
    // Reports of an earlier run go before anything can fail, so that they are not taken for this run's.
    leftovers.iter().for_each(Leftovers::remove);
    // A command line without a command runs.
    let (word, matches) = matches.subcommand().unwrap_or((CommandName::Run.as_str(), &matches));
    let Some(command) = CommandName::find(word) else { return EXIT_MISTAKES };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            leftovers.iter().for_each(Leftovers::remove_all);
            complain(&format!("faultgate could not start: {error}"));
            return Verdict::Errored.exit_code(None);
        }
    };
    // Processes that lose their parents must stay in sight from the first command that a run starts.
    orphans::take_in();
    let code = runtime.block_on(async {
        let _reaper = AbortOnDropHandle::new(tokio::spawn(orphans::reap()));
        match command {
            CommandName::Run => run::run(matches, env).await,
            CommandName::Launch => launch::launch(matches, env).await,
            CommandName::Monitor => monitor::monitor(matches, env).await,
            CommandName::Score => score::score(matches, env).await,
            CommandName::Check => check::check(matches, env).await,
            CommandName::Plan => wait_for_reader(plan::plan(matches, env).await),
            CommandName::Lint => lint::lint(matches, env).await,
            CommandName::Stop => stop::stop(matches, env).await,
            CommandName::Sweep => sweep::sweep(matches, env).await,
            CommandName::Rehearse => rehearse::rehearse(matches, env).await,
            CommandName::Report => report::report(matches, env).await,
            CommandName::Init => wait_for_reader(init::init(matches)),
            CommandName::Inputs => wait_for_reader(inputs::inputs(matches)),
            CommandName::Iam => wait_for_reader(iam::iam(matches)),
            CommandName::Completions => wait_for_reader(completions::completions(matches)),
            CommandName::Man => man::man(matches),
            CommandName::Help => wait_for_reader(help::help(matches, env)),
        }
    });
    if let (EXIT_MISTAKES, Some(leftovers)) = (code, leftovers) {
        leftovers.remove_refused(env);
    }
    // A look-up of a name may still be under way in a thread, and nobody waits for it.
    runtime.shutdown_background();
    code
}

/// Returns an error that repeats the arguments as plain text, since a log might take one for a command, and
/// that suggests the command which was meant.
fn make_plain(error: clap::Error, args: &[OsString]) -> clap::Error {
    const MAX_ARG_CHARS: usize = 1_000;
    if !error.use_stderr() {
        return error;
    }
    let plain = args.iter().map(|arg| text::plain(&arg.to_string_lossy(), MAX_ARG_CHARS));
    let again = command().try_get_matches_from(plain).err().filter(clap::Error::use_stderr);
    let mut plain = again
        .unwrap_or_else(|| command().error(error.kind(), "an argument holds characters that it cannot have"));
    // Short words such as `rnu` are too unlike any command for clap, and not for our other suggestions.
    if let (Some(ContextValue::String(word)), None) =
        (plain.get(ContextKind::InvalidSubcommand), plain.get(ContextKind::SuggestedSubcommand))
        && let Some(near) = nearest(word, CommandName::WORDS.iter().copied())
    {
        plain.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![near.to_owned()]));
    }
    plain
}

/// Waits for the reader of a command that only prints, without a limit: a pager reads no further than it
/// shows. The exit code is no longer 0 if a part of what was printed is lost.
fn wait_for_reader(code: u8) -> u8 {
    printing::finish(Duration::MAX);
    match printing::find_loss() {
        Some(problem) if code == 0 => {
            complain(&format!("what was to be printed could not be written: {problem}"));
            Verdict::Errored.exit_code(None)
        }
        Some(_) | None => code,
    }
}

fn command() -> Command {
    Command::new("faultgate")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Chaos experiments as a gate in the delivery pipeline: launch, watch by events, score, decide.")
        .after_help(
            "Without a command, run is meant. Every input can also be set by FAULTGATE_<NAME>, by INPUT_<NAME>, or in \
             the suite file.\n\nExit codes: 0 passed, 1 failed (a weakness was found), 2 mistakes in the settings, \
             3 errored, 4 timed out,\n129/130/143 cancelled by SIGHUP/SIGINT/SIGTERM.",
        )
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .args(config::flags())
        .subcommands(CommandName::ALL.map(CommandName::command))
}
