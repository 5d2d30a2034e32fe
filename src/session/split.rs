//! A run in three steps that share a state file: `launch`, `monitor` and `score`.
//!
//! Each step writes down what the next one needs. A step that cannot write it ends what was begun.

use std::ffi::OsString;
use std::path::Path;

use super::RunSession;
use crate::lifecycle::{Unguarded, can_be_scored, conclude};
use crate::recovery::stop::{Stopped, Stopping};
use crate::recovery::write_what_ended;
use crate::state_file::RunJournal;
use crate::terminal::refusal::refuse_run;
use crate::terminal::{MAX_LINE_CHARS, complain, say, say_line};
use faultgate_config as config;
use faultgate_config::{SUITE_DIR, Settings};
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{Handover, RunEvent, RunResult, RunState};
use faultgate_core::panics;
use faultgate_core::text;
use faultgate_report as report;

/// Refuses settings whose run cannot be split: what ends together with its process cannot be left to another
/// one.
pub(crate) fn refuse_unsplittable(settings: Settings) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    if settings.rehearsal.is_some() {
        let what = "rehearsal: its endpoints end with the process, so it cannot be left to faultgate monitor";
        mistakes.push(Mistake::new("the settings", what).hint("use faultgate rehearse"));
    }
    let experiments = &settings.plan.experiments;
    for experiment in experiments {
        if let Some(why) = experiment.spec.kind().refusal_to_split() {
            let what = format!("{}: {why}", experiment.name);
            mistakes.push(Mistake::new("the suite file", what).hint("use faultgate run for it"));
        }
    }
    if settings.plan.parallel < experiments.len() {
        let count = experiments.len();
        let what = format!("parallel: launch starts all {count} experiments at once");
        let hint = format!("set parallel to {count} or more, or use faultgate run");
        mistakes.push(Mistake::new("the settings", what).hint(hint));
    }
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

/// Launches all experiments and hands them over. Returns the exit code.
pub(crate) async fn launch(mut session: RunSession<'_>) -> u8 {
    let (_held, left) = match session.take_state_file() {
        Ok(earlier) => earlier,
        Err(mistake) => return refuse_run(&[mistake], session.env),
    };
    let audience = session.open_audience();
    let warn = |message: &str| audience.warn(message);
    let connected = match session.connect_unless_cancelled().await {
        Ok(connected) => connected,
        Err(code) => return code,
    };
    let state_file = &session.settings.state_file;
    let journal =
        RunJournal::new(state_file.clone(), session.clock, session.make_state(&connected, left), &warn);
    let inputs = session.settings.to_hand_on.clone();
    let handover = Handover { inputs, ..Handover::default() };
    if let Err(error) = journal.write_down(|state| state.handover = Some(handover)).await {
        let shown = state_file.display().to_string();
        let what = format!("{shown} cannot be written, so no other step could go on: {error}");
        return refuse_run(&[Mistake::new(&shown, what).hint("name another with --state-file")], session.env);
    }
    let publish = |event: &RunEvent<'_>| audience.tell(event);
    let guard = session.guard();
    let herald = session.reporting().make_herald();
    let lifecycle = match session.make_lifecycle(
        connected,
        &journal,
        &guard,
        herald.as_ref().map(|herald| herald as _),
        &publish,
    ) {
        Ok(lifecycle) => lifecycle,
        Err(mistake) => return refuse_run(&[mistake], session.env),
    };
    let ended = session.rescuer().work(lifecycle, &journal, async |lifecycle| lifecycle.launch().await).await;
    let Some(result) =
        ended.unwrap_or_else(Some).map(|result| report::veil_result(result, &session.settings.veil))
    else {
        let ids = journal.state().experiments.into_iter().filter_map(|known| Some(known.launch?.id));
        let ids: Vec<_> = ids.collect();
        say_line(&format!("launched {}; go on with faultgate monitor", ids.join(", ")));
        return 0;
    };
    write_outcomes(&session.settings.state_file, &journal, &result).await;
    session.finish(audience, result).await
}

/// Monitors what was launched, and hands over how it ended. Returns the exit code.
pub(crate) async fn monitor(session: RunSession<'_>, state: RunState) -> u8 {
    let audience = session.open_audience();
    let warn = |message: &str| audience.warn(message);
    let connected = match session.connect_unless_cancelled().await {
        Ok(connected) => connected,
        Err(code) => return code,
    };
    let journal = RunJournal::new(session.settings.state_file.clone(), session.clock, state.clone(), &warn);
    let publish = |event: &RunEvent<'_>| audience.tell(event);
    let lifecycle = match session.make_lifecycle(connected, &journal, &Unguarded, None, &publish) {
        Ok(lifecycle) => lifecycle,
        Err(mistake) => return refuse_run(&[mistake], session.env),
    };
    let rescuer = session.rescuer();
    let monitoring = rescuer.work(lifecycle, &journal, async |lifecycle| lifecycle.monitor(&state).await);
    let result = monitoring.await.unwrap_or_else(|rescued| rescued);
    let mut result = report::veil_result(result, &session.settings.veil);
    let written = write_outcomes(&session.settings.state_file, &journal, &result).await;
    let whole = result.experiments.iter().all(|experiment| can_be_scored(experiment.verdict));
    if whole && written {
        say("all have ended; faultgate score decides");
        return 0;
    }
    if !written && result.gate.exit_code == 0 {
        // `score` could not decide by ends that are not in the file.
        result.gate.break_off("the state file could not be written".to_owned());
    }
    result.findings = state.handover.map(|handover| handover.findings).unwrap_or_default();
    session.finish(audience, result).await
}

/// Writes the results of all experiments into the state file. Returns `false`, after printing the reason,
/// if that fails.
async fn write_outcomes(state_file: &Path, journal: &RunJournal<'_>, result: &RunResult) -> bool {
    let written = journal.write_down(|state| {
        for (known, outcome) in state.experiments.iter_mut().zip(&result.experiments) {
            known.outcome = Some(Box::new(outcome.clone()));
        }
        let handover = state.handover.get_or_insert_default();
        handover.add_calls(&result.api_calls);
        handover.signal = result.gate.signal.or(handover.signal);
    });
    let Err(error) = written.await else { return true };
    complain(&format!(
        "the state file {} cannot be written, so faultgate score cannot decide: {error}",
        state_file.display()
    ));
    false
}

/// Ends what is left, decides by the ends that were written down, and reports. `flags` are those of the command,
/// by which the stop is set. Returns the exit code.
pub(crate) async fn score(session: RunSession<'_>, mut state: RunState, flags: &[(String, OsString)]) -> u8 {
    if !state.is_settled() {
        // A panic is not lost here: the conclusion tells what has not ended, and the reports tell the
        // panic.
        let _ = panics::catch(end_what_is_left(&session, &mut state, flags)).await;
    }
    let result = conclude(&session.settings.plan, &state, session.clock.now());
    let audience = session.open_audience();
    audience.tell(&RunEvent::Started { run: &session.identity, plan: &session.settings.plan });
    session.finish(audience, result).await
}

/// Ends the subscription, and experiments that nobody has monitored.
async fn end_what_is_left(session: &RunSession<'_>, state: &mut RunState, flags: &[(String, OsString)]) {
    let settings = match config::stop_settings(session.env, flags, Path::new(SUITE_DIR)) {
        Ok(settings) => settings,
        Err(mistakes) => {
            // The run was refused for any mistake in its settings before, so none is expected here.
            for mistake in &mistakes {
                complain(&text::plain(&mistake.to_string(), MAX_LINE_CHARS));
            }
            return;
        }
    };
    let stopping = Stopping {
        settings: &settings,
        env: session.env,
        commands: &[],
        veil: &session.settings.veil,
        clock: session.clock,
    };
    let Stopped { lines, mistakes, .. } = stopping.end(state).await;
    let told = lines.into_iter().chain(mistakes.iter().map(ToString::to_string));
    told.for_each(|line| say_line(&line));
    write_what_ended(&session.settings.state_file, state);
}
