//! `faultgate stop`: ends what a run has begun, by its state file or by the ids of FIS experiments.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;

use super::signals::Signals;
use super::stopping::{Stopped, Stopping};
use super::{MISTAKES, complain, logging, printing, random, say};
use crate::state_file::{self, NotHeld};
use faultgate_config as config;
use faultgate_config::STOP_INPUTS;
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    ExperimentPlace, ExperimentState, LaunchRecord, RunIdentity, RunPhase, RunState, Trace, Verdict,
};
use faultgate_core::text;

/// Longest line that is printed, in characters.
const MAX_LINE_CHARS: usize = 2_000;
/// Directory in which a suite file is looked for.
const HERE: &str = ".";
const ID: &str = "experiment-id";
/// Longest id of an experiment that FIS accepts, in characters.
const MAX_ID_CHARS: usize = 64;

pub(super) fn command() -> Command {
    let inputs = config::flags().into_iter().filter(|flag| STOP_INPUTS.contains(&flag.get_id().as_str()));
    Command::new("stop")
        .about("Stop every experiment that the state file names, and remove its subscription; safe to repeat")
        .after_help(
            "Keys and tokens come from the same variables as those of a run, and go only to control planes that the \
             settings name,\nwhatever the file says. Without a state file there is nothing to stop.\n\nExit codes: \
             0 nothing is left running, 2 mistakes in the settings or no state file of faultgate, \
             3 something could not be stopped\nor removed (each with the command that does it), \
             129/130/143 ended by SIGHUP/SIGINT/SIGTERM.",
        )
        .arg(
            Arg::new(ID)
                .long(ID)
                .value_name("ID")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("FIS experiment to stop, whoever has started it; the state file is not read then"),
        )
        .args(inputs)
}

/// Stops what is to be ended, and returns the exit code.
pub(super) async fn stop(matches: &ArgMatches, env: &Environment) -> u8 {
    match to_end(matches, env) {
        Ok(None) => 0,
        Ok(Some(state)) => {
            let mut signals = match Signals::listen() {
                Ok(signals) => signals,
                Err(error) => {
                    complain(&format!("faultgate could not listen to signals: {error}"));
                    return Verdict::Errored.exit_code(None);
                }
            };
            tokio::select! {
                // An end that is complete counts, even if a signal has come in the same moment.
                biased;
                code = end(state, matches, env) => code,
                signal = signals.next() => signal.exit_code(),
            }
        }
        Err(mistakes) => refuse(&mistakes),
    }
}

/// The state to end, and the file it came from. No file if it was made from ids.
struct ToEnd {
    state: RunState,
    file: Option<std::path::PathBuf>,
}

/// Returns what there is to end. None, after printing the reason, if there is nothing: then nobody is asked,
/// and no other setting matters.
fn to_end(matches: &ArgMatches, env: &Environment) -> Result<Option<ToEnd>, Vec<Mistake>> {
    let flags = config::given(matches);
    if let Some(ids) = matches.get_many::<String>(ID) {
        let state = of_ids(ids, env, &flags)?;
        return Ok(Some(ToEnd { state, file: None }));
    }
    let path = config::state_file(env, &flags, Path::new(HERE))?;
    let shown = path.display().to_string();
    let state = state_file::read(&path)
        .map_err(|why| vec![Mistake::new(&shown, format!("{shown} {}", why.what)).maybe_hint(why.hint)])?;
    // A run that has written no state has begun nothing, so this is a success.
    let Some(state) = state else {
        tell(&format!("nothing to stop: there is no state file {shown}"));
        return Ok(None);
    };
    if state.is_settled() {
        tell(&format!("nothing to stop: all that the run {} began is over", state.run.id));
        return Ok(None);
    }
    Ok(Some(ToEnd { state, file: Some(path) }))
}

/// Makes a state of experiments that no state file names.
fn of_ids<'a>(
    ids: impl Iterator<Item = &'a String>,
    env: &Environment,
    flags: &[(String, OsString)],
) -> Result<RunState, Vec<Mistake>> {
    let settings = config::stop_settings(env, flags, Path::new(HERE))?;
    let now = Clock::start().now();
    let mut state = RunState::of(&identity(format!("stop-{}", random())), false, now);
    let mut mistakes = Vec::new();
    for id in ids.map(|id| id.trim()) {
        if id.is_empty() || id.len() > MAX_ID_CHARS || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let shown = text::plain(id, 80);
            let what = format!("{ID}: \"{shown}\" is not the id of an FIS experiment");
            mistakes
                .push(Mistake::new(format!("--{ID}"), what).hint("write it as FIS does: EXP1a2b3c4d5e6f7"));
            continue;
        }
        let place = ExperimentPlace::Fis {
            template: String::new(),
            region: settings.region.clone(),
            role_arn: settings.role_arn.clone(),
        };
        state.experiments.push(launched(id, id, place, now));
    }
    if mistakes.is_empty() { Ok(state) } else { Err(mistakes) }
}

/// Makes the identity of a command that is not a run, such as a stop or a sweep.
pub(super) fn identity(id: String) -> RunIdentity {
    RunIdentity {
        id,
        ci: "none".to_owned(),
        pipeline: None,
        url: None,
        repository: None,
        commit: None,
        shard: None,
        attempt_key: String::new(),
    }
}

/// Makes the state of an experiment of which nothing is known but its id.
pub(super) fn launched(name: &str, id: &str, place: ExperimentPlace, now: Timestamp) -> ExperimentState {
    let launch = LaunchRecord { id: id.to_owned(), url: None, at: now, trace: Trace::default() };
    ExperimentState {
        phase: RunPhase::Launched,
        launch: Some(launch),
        ..ExperimentState::planned(name, place)
    }
}

async fn end(to_end: ToEnd, matches: &ArgMatches, env: &Environment) -> u8 {
    let ToEnd { mut state, file } = to_end;
    let settings = match config::stop_settings(env, &config::given(matches), Path::new(HERE)) {
        Ok(settings) => settings,
        Err(mistakes) => return refuse(&mistakes),
    };
    // Command lines are only in the suite, and so are the secrets that they must not show. A suite with
    // mistakes does not keep anything else from being stopped.
    let of_run = super::settings(matches, env, None);
    let (commands, veil) =
        of_run.map(|settings| (settings.plan.experiments, settings.veil)).unwrap_or_default();
    logging::start(env, settings.log_format, &printing::screen(), &veil);
    for warning in &settings.warnings {
        complain(&text::plain(&format!("warning: {warning}"), MAX_LINE_CHARS));
    }
    let stopping =
        Stopping { settings: &settings, env, commands: &commands, veil: &veil, clock: Clock::start() };
    let Stopped { lines, failed, mistakes } = stopping.end(&mut state).await;
    if let Some(file) = file {
        match state_file::hold(&file, "stop") {
            // The run that holds the file is alive, sees the same ends, and writes them down itself.
            Err(NotHeld::ByAnother(_)) => {}
            _held => write_what_ended(&file, &state),
        }
    }
    for line in &lines {
        tell(line);
    }
    if !mistakes.is_empty() {
        return refuse(&mistakes);
    }
    if failed { Verdict::Errored.exit_code(None) } else { 0 }
}

/// Writes what has ended into the state file, so that nobody ends it again. A failure is only a warning,
/// since ending twice does no harm.
pub(super) fn write_what_ended(file: &Path, state: &RunState) {
    if let Err(error) = state_file::write(file, state) {
        let shown = file.display();
        complain(&format!(
            "warning: the state file {shown} cannot be written, so it tells of the same again: {error}"
        ));
    }
}

fn refuse(mistakes: &[Mistake]) -> u8 {
    let mut told =
        "faultgate found mistakes in its settings; what they are about was not stopped:".to_owned();
    for mistake in mistakes {
        told.push_str("\n  - ");
        told.push_str(&text::plain(&mistake.to_string(), MAX_LINE_CHARS));
    }
    complain(&told);
    MISTAKES
}

fn tell(line: &str) {
    say(&text::plain(line, MAX_LINE_CHARS));
}
