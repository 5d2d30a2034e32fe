//! The state file and the inputs that `faultgate launch` has left, taken up by a later step.
//!
//! They are refused unless the file is of this run, and the settings still describe the same experiments. No
//! address that a secret goes to is taken from the file.

use std::ffi::OsString;
use std::path::Path;

use super::hold_state_file;
use super::provenance::find_differences;
use crate::state_file::{self, Hold};
use crate::wiring::surroundings::find_surroundings;
use faultgate_config as config;
use faultgate_config::{Outside, QueryAnswers, SUITE_DIR, Settings};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{ExperimentPlace, RunState, SubscriptionState};
use faultgate_report::ci;

/// Hint for the state of another run.
const OTHER_RUN_HINT: &str = "bring the state file that faultgate launch has written in this run, with the same repository and \
                      commit; what another has left running is ended by faultgate stop";

/// The settings and the state that a launch has left, and the lock by which this process holds the state.
pub(crate) struct Resumed {
    pub(crate) settings: Settings,
    pub(crate) state: RunState,
    pub(crate) held: Option<Hold>,
}

/// Reads the state file of a launch and its settings. The error is all mistakes, also those that tell another
/// run.
pub(crate) fn resume(
    flags: Vec<(String, OsString)>,
    env: &Environment,
    step: &str,
) -> Result<Resumed, Vec<Mistake>> {
    let path = config::state_file(env, &flags, Path::new(SUITE_DIR))?;
    let shown = path.display().to_string();
    let wrong = |what: String, hint: &str| vec![Mistake::new(&shown, format!("{shown} {what}")).hint(hint)];
    let read = || {
        state_file::read(&path)
            .map_err(|why| vec![Mistake::new(&shown, format!("{shown} {}", why.what)).maybe_hint(why.hint)])?
            .ok_or_else(|| {
                wrong("is not there".to_owned(), "bring it from the job that ran faultgate launch")
            })
    };
    // A lock is a file of its own, so it is made only if there is a state to hold.
    read()?;
    let mut warnings = Vec::new();
    let held = hold_state_file(&path, step, &mut warnings).map_err(|mistake| vec![mistake])?;
    // The state is read again now that no other process can change it.
    let state = read()?;
    let Some(handover) = &state.handover else {
        let what = "is not of faultgate launch: faultgate run monitors and scores by itself".to_owned();
        return Err(wrong(what, "end what is left with faultgate stop"));
    };
    // The state holds the findings of the queries, and templates may be others by now.
    let found = QueryAnswers::in_state(&state.experiments);
    let outside = Outside { find_shard: ci::find_shard, found: Some(&found), ..Outside::default() };
    let mut settings = config::load_again(env, flags, Path::new(SUITE_DIR), outside, &handover.inputs)?;
    settings.warnings.extend(warnings);
    settings.state_file.clone_from(&path);
    let here = find_surroundings(&settings.of_reports(), env).identity("");
    let mut mistakes = find_differences(&shown, &state.run, &here, OTHER_RUN_HINT);
    mistakes.extend(find_disagreements(&mut settings, &state, &shown));
    if mistakes.is_empty() { Ok(Resumed { settings, state, held }) } else { Err(mistakes) }
}

/// Returns what the settings and the state disagree about. Experiments that the launch
/// has placed get this place.
fn find_disagreements(settings: &mut Settings, state: &RunState, shown: &str) -> Vec<Mistake> {
    let hint = "give the same suite file and inputs as to faultgate launch";
    let mut mistakes: Vec<_> = state
        .open_subscriptions()
        .filter(|all| !all.is_ours())
        .map(|other| foreign_subscription(other, shown))
        .collect();
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
        let is_placed_by_launch = experiment.spec.is_placed_by_launch();
        let own = ExperimentPlace::of(&experiment.spec, None);
        if !is_placed_by_launch && own.url() != known.place.url() {
            mistakes.push(other_control_plane(&experiment.name, &own, &known.place, shown));
        } else if !known.place.is_of(&experiment.spec) {
            mistakes.push(other_experiment(&experiment.name, shown).hint(hint));
        }
        if is_placed_by_launch {
            experiment.spec = known.place.spec();
        }
    }
    mistakes
}

/// Returns the mistake of an experiment that is another one than was launched under its name.
fn other_experiment(name: &str, shown: &str) -> Mistake {
    Mistake::new(shown, format!("{name}: {shown} has launched another experiment under this name"))
}

/// Returns the mistake of a subscription that faultgate cannot have made. A file may name anything, and only
/// faultgate's own queues are read.
fn foreign_subscription(subscription: &SubscriptionState, shown: &str) -> Mistake {
    let name = &subscription.name;
    let what =
        format!("{shown} names {name}, whose queue or rules are not called as faultgate calls its own");
    Mistake::new(shown, what).hint("bring the state file as faultgate launch has written it")
}

/// Returns the mistake of an experiment at another control plane than the settings name. Only the settings,
/// never a file, decide where secrets are sent.
fn other_control_plane(name: &str, own: &ExperimentPlace, known: &ExperimentPlace, shown: &str) -> Mistake {
    let what = format!(
        "{name}: {shown} says that it runs on {}, and the settings name {}, so no secret was sent there",
        known.url().unwrap_or("no control plane"),
        own.url().unwrap_or("none")
    );
    let input = [known, own].into_iter().find_map(|place| config::address_input(place.kind()));
    Mistake::new(shown, what).maybe_hint(input.map(|input| {
        format!(
            "set {input} in this step too, if it is yours: no address that secrets go to is taken from a file"
        )
    }))
}
