//! `faultgate launch`, `monitor` and `score`: a run in three steps that share a state file.
//!
//! `launch` writes what it has begun and which inputs it had into the state file. `monitor` and `score` take
//! both from there, after they have verified that the file is of this run and that the settings still
//! describe the same experiments.

use std::path::Path;

use clap::{ArgMatches, Command};

use super::reporting::surroundings;
use super::run::{Session, cancellable, hold};
use super::stop::write_what_ended;
use super::stopping::{Stopped, Stopping};
use super::{complain, leftovers, provenance, refuse, say, settings};
use crate::lifecycle::{Cancel, can_be_scored, conclude};
use crate::state_file::{self, Hold, RunJournal};
use faultgate_config as config;
use faultgate_config::Settings;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    EngineSpec, ExperimentPlace, Handover, RunEvent, RunResult, RunState, SubscriptionState,
};
use faultgate_core::panics;
use faultgate_core::text;
use faultgate_engines::fis::RunStep;
use faultgate_report as report;

/// Directory in which a suite file is looked for.
const HERE: &str = ".";
/// Hint for the state of another run.
const OTHERS: &str = "bring the state file that faultgate launch has written in this run, with the same repository and \
                      commit; what another has left running is ended by faultgate stop";
/// Longest line that is printed, in characters.
const MAX_LINE_CHARS: usize = 2_000;

pub(super) fn commands() -> [Command; 3] {
    let step = |name, about, after_help| {
        Command::new(name).about(about).after_help(after_help).args(config::flags())
    };
    [
        step(
            "launch",
            "Verify, subscribe and launch, and leave the rest to monitor and score",
            "What it begins is in the state file, which the next steps need; so are the inputs it was given.\n\nExit \
             codes: 0 all is launched, 2 mistakes in the settings, 3 something could not be launched: what was is \
             stopped and reported,\n129/130/143 cancelled by SIGHUP/SIGINT/SIGTERM.",
        ),
        step(
            "monitor",
            "Watch what launch has launched until it ends, on any machine, any time later",
            "It takes the inputs of launch from the state file, and writes each end into it.\n\nExit codes: 0 all have \
             ended and can be scored, 2 mistakes in the settings, 3 errored, 4 timed out,\n129/130/143 cancelled by \
             SIGHUP/SIGINT/SIGTERM. Other than with 0 and 2, all that was launched is stopped, and reported.",
        ),
        step(
            "score",
            "Decide by the ends that monitor has written down: the gate",
            "It ends what is left, reports, and ends with the exit code of the gate: 0 passed, 1 failed, 2 mistakes in \
             the settings, 3 errored,\n4 timed out, 129/130/143 cancelled by SIGHUP/SIGINT/SIGTERM.",
        ),
    ]
}

pub(super) async fn launch(matches: &ArgMatches, env: &Environment) -> u8 {
    let cancel = Cancel::new();
    match settings(matches, env, None).and_then(can_be_split) {
        Ok(settings) => {
            leftovers::clear(&settings.plan.report_dir, &[]);
            let session = Session::new(settings, env, &cancel).doing(RunStep::Launch);
            cancellable(&cancel, session.launch()).await
        }
        Err(mistakes) => refuse(&mistakes, env),
    }
}

pub(super) async fn monitor(matches: &ArgMatches, env: &Environment) -> u8 {
    let cancel = Cancel::new();
    match resumed(matches, env, "monitor") {
        Ok((settings, state, _held)) => {
            leftovers::clear(&settings.plan.report_dir, &[]);
            let session = Session::new(settings, env, &cancel).doing(RunStep::Monitor).of(&state.run);
            cancellable(&cancel, session.monitor(state)).await
        }
        Err(mistakes) => refuse(&mistakes, env),
    }
}

pub(super) async fn score(matches: &ArgMatches, env: &Environment) -> u8 {
    let cancel = Cancel::new();
    match resumed(matches, env, "score") {
        Ok((settings, state, _held)) => {
            leftovers::clear(&settings.plan.report_dir, &[]);
            let session = Session::new(settings, env, &cancel).of(&state.run);
            cancellable(&cancel, session.score(state, matches)).await
        }
        Err(mistakes) => refuse(&mistakes, env),
    }
}

/// Refuses settings whose run cannot be split: what ends together with its process cannot be left to another
/// one.
fn can_be_split(settings: Settings) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    if settings.rehearsal.is_some() {
        let what = "rehearsal: its endpoints end with the process, so it cannot be left to faultgate monitor";
        mistakes.push(Mistake::new("the settings", what).hint("use faultgate rehearse"));
    }
    let experiments = &settings.plan.experiments;
    for experiment in experiments {
        if matches!(experiment.spec, EngineSpec::Command(_)) {
            let what = format!("{}: a command ends with the process that runs it", experiment.name);
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

/// The settings and the state that a launch has left, and the lock by which this process holds the state.
type Resumed = (Settings, RunState, Option<Hold>);

/// Reads the state file of a launch and its settings. The error is all mistakes, also those that tell another
/// run.
fn resumed(matches: &ArgMatches, env: &Environment, step: &str) -> Result<Resumed, Vec<Mistake>> {
    let flags = config::given(matches);
    let path = config::state_file(env, &flags, Path::new(HERE))?;
    let shown = path.display().to_string();
    let wrong = |what: String, hint: &str| vec![Mistake::new(&shown, format!("{shown} {what}")).hint(hint)];
    let read = || {
        state_file::read(&path).map_err(|why| wrong(why.what, &why.hint))?.ok_or_else(|| {
            wrong("is not there".to_owned(), "bring it from the job that ran faultgate launch")
        })
    };
    // A lock is a file of its own, so it is made only if there is a state to hold.
    read()?;
    let mut warnings = Vec::new();
    let held = hold(&path, step, &mut warnings).map_err(|mistake| vec![mistake])?;
    // The state is read again now that no other process can change it.
    let state = read()?;
    let Some(handover) = &state.handover else {
        let what = "is not of faultgate launch: faultgate run monitors and scores by itself".to_owned();
        return Err(wrong(what, "end what is left with faultgate stop"));
    };
    let mut settings = config::load_again(env, flags, Path::new(HERE), &handover.inputs)?;
    settings.warnings.extend(warnings);
    settings.state_file.clone_from(&path);
    let here = surroundings(&settings, env).identity("");
    let mut mistakes = provenance::differences(&shown, &state.run, &here, OTHERS);
    mistakes.extend(differences(&mut settings, &state, &shown));
    if mistakes.is_empty() { Ok((settings, state, held)) } else { Err(mistakes) }
}

/// Returns what the settings and the state disagree about. FIS experiments get the place where the launch has
/// found them.
fn differences(settings: &mut Settings, state: &RunState, shown: &str) -> Vec<Mistake> {
    let hint = "give the same suite file and inputs as to faultgate launch";
    let mut mistakes: Vec<_> =
        state.open_subscriptions().filter(|all| !all.is_ours()).map(|other| others(other, shown)).collect();
    if settings.rehearsal.is_some() {
        mistakes.push(Mistake::new("the settings", "rehearsal: is for run and check").hint("unset it"));
    }
    let plan = &mut settings.plan;
    let names = |all: &mut dyn Iterator<Item = &str>| all.collect::<Vec<_>>().join(", ");
    let planned = names(&mut plan.experiments.iter().map(|experiment| &*experiment.name));
    let launched = names(&mut state.experiments.iter().map(|experiment| &*experiment.name));
    if planned != launched {
        let what = format!("{shown} is of other experiments: {launched}, and the settings have {planned}");
        mistakes.push(Mistake::new(shown, what).hint(hint));
        return mistakes;
    }
    for (experiment, known) in plan.experiments.iter_mut().zip(&state.experiments) {
        let region = match &known.place {
            ExperimentPlace::Fis { region, .. } => region.clone(),
            _ => None,
        };
        let EngineSpec::Fis { region: set, .. } = &experiment.spec else {
            let own = ExperimentPlace::of(&experiment.spec, None);
            if own.url() != known.place.url() {
                mistakes.push(elsewhere(&experiment.name, own.url(), &known.place, shown));
            } else if own != known.place {
                mistakes.push(differs(&experiment.name, shown).hint(hint));
            }
            continue;
        };
        let same_region = set.is_none() || *set == region;
        if !same_region || ExperimentPlace::of(&experiment.spec, region) != known.place {
            mistakes.push(differs(&experiment.name, shown).hint(hint));
        }
        experiment.spec = known.place.spec();
    }
    mistakes
}

fn differs(name: &str, shown: &str) -> Mistake {
    Mistake::new(shown, format!("{name}: {shown} has launched another experiment under this name"))
}

/// Returns the mistake of a subscription that faultgate cannot have made. A file may name anything, and only
/// faultgate's own queues are read.
fn others(subscription: &SubscriptionState, shown: &str) -> Mistake {
    let name = &subscription.name;
    let what =
        format!("{shown} names {name}, whose queue or rules are not called as faultgate calls its own");
    Mistake::new(shown, what).hint("bring the state file as faultgate launch has written it")
}

/// Returns the mistake of an experiment at another control plane than the settings name. Only the settings,
/// never a file, decide where secrets are sent.
fn elsewhere(name: &str, own: Option<&str>, known: &ExperimentPlace, shown: &str) -> Mistake {
    let input = if matches!(known, ExperimentPlace::Litmus { .. }) { "litmus-url" } else { "harness-url" };
    let what = format!(
        "{name}: {shown} says that it runs on {}, and the settings name {}, so no secret was sent there",
        known.url().unwrap_or("no control plane"),
        own.unwrap_or("none")
    );
    let hint = format!(
        "set {input} in this step too, if it is yours: no address that secrets go to is taken from a file"
    );
    Mistake::new(shown, what).hint(hint)
}

impl Session<'_> {
    async fn launch(mut self) -> u8 {
        let (_held, left) = match self.earlier_state() {
            Ok(earlier) => earlier,
            Err(mistake) => return refuse(&[mistake], self.env),
        };
        let audience = self.audience();
        let warn = |message: &str| audience.warn(message);
        let connected = match self.connect_unless_cancelled().await {
            Ok(connected) => connected,
            Err(code) => return code,
        };
        let state_file = &self.settings.state_file;
        let journal = RunJournal::new(state_file.clone(), self.clock, self.state(&connected, left), &warn);
        let inputs = self.settings.to_hand_on.clone();
        let handover = Handover { inputs, ..Handover::default() };
        if let Err(error) = journal.write_down(|state| state.handover = Some(handover)).await {
            let shown = state_file.display().to_string();
            let what = format!("{shown} cannot be written, so no other step could go on: {error}");
            return refuse(&[Mistake::new(&shown, what).hint("name another with --state-file")], self.env);
        }
        let publish = |event: &RunEvent<'_>| audience.tell(event);
        let lifecycle = match self.lifecycle(connected, &journal, &publish) {
            Ok(lifecycle) => lifecycle,
            Err(mistake) => return refuse(&[mistake], self.env),
        };
        let ended = self.unless_broken(lifecycle, &journal, async |lifecycle| lifecycle.launch().await).await;
        let Some(result) =
            ended.unwrap_or_else(Some).map(|result| report::veiled(result, &self.settings.veil))
        else {
            let ids = journal.state().experiments.into_iter().filter_map(|known| Some(known.launch?.id));
            let ids: Vec<_> = ids.collect();
            say(&text::plain(
                &format!("launched {}; go on with faultgate monitor", ids.join(", ")),
                MAX_LINE_CHARS,
            ));
            return 0;
        };
        self.write_outcomes(&journal, &result).await;
        self.finish(audience, result).await
    }

    async fn monitor(mut self, state: RunState) -> u8 {
        let audience = self.audience();
        let warn = |message: &str| audience.warn(message);
        let connected = match self.connect_unless_cancelled().await {
            Ok(connected) => connected,
            Err(code) => return code,
        };
        let journal = RunJournal::new(self.settings.state_file.clone(), self.clock, state.clone(), &warn);
        let publish = |event: &RunEvent<'_>| audience.tell(event);
        let lifecycle = match self.lifecycle(connected, &journal, &publish) {
            Ok(lifecycle) => lifecycle,
            Err(mistake) => return refuse(&[mistake], self.env),
        };
        let monitoring =
            self.unless_broken(lifecycle, &journal, async |lifecycle| lifecycle.monitor(&state).await);
        let result = monitoring.await.unwrap_or_else(|rescued| rescued);
        let mut result = report::veiled(result, &self.settings.veil);
        let written = self.write_outcomes(&journal, &result).await;
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
        self.finish(audience, result).await
    }

    /// Writes the results of all experiments into the state file. Returns `false`, after printing the reason,
    /// if that fails.
    async fn write_outcomes(&self, journal: &RunJournal<'_>, result: &RunResult) -> bool {
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
            self.settings.state_file.display()
        ));
        false
    }

    async fn score(self, mut state: RunState, matches: &ArgMatches) -> u8 {
        if !state.is_settled() {
            // A panic is not lost here: the conclusion tells what has not ended, and the reports tell the
            // panic.
            let _ = panics::caught(self.end_what_is_left(&mut state, matches)).await;
        }
        let result = conclude(&self.settings.plan, &state, self.clock.now());
        let audience = self.audience();
        audience.tell(&RunEvent::Started { run: &self.identity, plan: &self.settings.plan });
        self.finish(audience, result).await
    }

    /// Ends the subscription, and experiments that nobody has monitored.
    async fn end_what_is_left(&self, state: &mut RunState, matches: &ArgMatches) {
        let settings = match config::stop_settings(self.env, &config::given(matches), Path::new(HERE)) {
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
            env: self.env,
            commands: &[],
            veil: &self.settings.veil,
            clock: self.clock,
        };
        let Stopped { lines, mistakes, .. } = stopping.end(state).await;
        let told = lines.into_iter().chain(mistakes.iter().map(ToString::to_string));
        told.for_each(|line| say(&text::plain(&line, MAX_LINE_CHARS)));
        write_what_ended(&self.settings.state_file, state);
    }
}
