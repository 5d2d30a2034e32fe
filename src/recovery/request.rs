//! `faultgate stop`, as it was asked for: by a state file, or by the ids of FIS experiments.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::stop::{Stopped, Stopping};
use super::{make_identity, make_launched, write_what_ended};
use crate::ids::make_id;
use crate::state_file::{self, NotHeld};
use crate::terminal::refusal::{Refused, refuse};
use crate::terminal::signals::until_signal;
use crate::terminal::{logging, say_line, warn};
use crate::wiring::settings::load_settings;
use faultgate_config as config;
use faultgate_config::SUITE_DIR;
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{ExperimentPlace, RunState, Verdict};
use faultgate_core::text;

/// Longest id of an experiment that FIS accepts, in characters.
const MAX_ID_CHARS: usize = 64;

/// The request to `faultgate stop`.
pub(crate) struct RequestedStop {
    /// Ids of FIS experiments. The state file is not read if there are some.
    pub(crate) ids: Vec<String>,
    pub(crate) flags: Vec<(String, OsString)>,
}

/// Stops what is to be ended, and returns the exit code.
pub(crate) async fn stop_requested(request: &RequestedStop, env: &Environment) -> u8 {
    match find_open(request, env) {
        Ok(None) => 0,
        Ok(Some(open)) => until_signal(end(open, &request.flags, env)).await,
        Err(mistakes) => refuse(Refused::Stop, &mistakes),
    }
}

/// The state to end, and the file it came from. No file if it was made from ids.
struct OpenState {
    state: RunState,
    file: Option<PathBuf>,
}

/// Returns what there is to end. None, after printing the reason, if there is nothing: then nobody is asked,
/// and no other setting matters.
fn find_open(request: &RequestedStop, env: &Environment) -> Result<Option<OpenState>, Vec<Mistake>> {
    let RequestedStop { ids, flags } = request;
    if !ids.is_empty() {
        let state = make_state(ids, env, flags)?;
        return Ok(Some(OpenState { state, file: None }));
    }
    let path = config::state_file(env, flags, Path::new(SUITE_DIR))?;
    let shown = path.display().to_string();
    let state = state_file::read(&path)
        .map_err(|why| vec![Mistake::new(&shown, format!("{shown} {}", why.what)).maybe_hint(why.hint)])?;
    // A run that has written no state has begun nothing, so this is a success.
    let Some(state) = state else {
        say_line(&format!("nothing to stop: there is no state file {shown}"));
        return Ok(None);
    };
    if state.is_settled() {
        say_line(&format!("nothing to stop: all that the run {} began is over", state.run.id));
        return Ok(None);
    }
    Ok(Some(OpenState { state, file: Some(path) }))
}

/// Makes a state of experiments that no state file names.
fn make_state(
    ids: &[String],
    env: &Environment,
    flags: &[(String, OsString)],
) -> Result<RunState, Vec<Mistake>> {
    let settings = config::stop_settings(env, flags, Path::new(SUITE_DIR))?;
    let now = Clock::start().now();
    let mut state = RunState::of(&make_identity(format!("stop-{}", make_id())), false, now);
    let mut mistakes = Vec::new();
    for id in ids.iter().map(|id| id.trim()) {
        if id.is_empty() || id.len() > MAX_ID_CHARS || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let shown = text::plain(id, 80);
            let what = format!("experiment-id: \"{shown}\" is not the id of an FIS experiment");
            mistakes
                .push(Mistake::new("--experiment-id", what).hint("write it as FIS does: EXP1a2b3c4d5e6f7"));
            continue;
        }
        let place = ExperimentPlace::Fis {
            template: String::new(),
            region: settings.region.clone(),
            role_arn: settings.role_arn.clone(),
        };
        state.experiments.push(make_launched(id, id, place, now));
    }
    if mistakes.is_empty() { Ok(state) } else { Err(mistakes) }
}

async fn end(open: OpenState, flags: &[(String, OsString)], env: &Environment) -> u8 {
    let OpenState { mut state, file } = open;
    let settings = match config::stop_settings(env, flags, Path::new(SUITE_DIR)) {
        Ok(settings) => settings,
        Err(mistakes) => return refuse(Refused::Stop, &mistakes),
    };
    // Command lines are only in the suite, and so are the secrets that they must not show. A suite with
    // mistakes does not keep anything else from being stopped.
    let of_run = load_settings(flags.to_vec(), env, None);
    let (commands, veil) =
        of_run.map(|settings| (settings.plan.experiments, settings.veil)).unwrap_or_default();
    logging::start(env, settings.log_format, &veil);
    for warning in &settings.warnings {
        warn(warning);
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
        say_line(line);
    }
    if !mistakes.is_empty() {
        return refuse(Refused::Stop, &mistakes);
    }
    if failed { Verdict::Errored.exit_code(None) } else { 0 }
}
