//! The stop of everything (`faultgate stop --all`): each experiment that runs with faultgate's tags, in many
//! accounts and Regions, whatever run began it and whether or not its time is up.
//!
//! - [`place`] stops one account and Region; [`lever`] engages the safety lever there, if [`confirmation`]
//!   allows it.
//!
//! Nothing else is removed: rules and queues are left to a sweep.

mod confirmation;
mod lever;
mod place;

use std::ffi::OsString;
use std::path::Path;

use futures_util::stream::{self, StreamExt};

use self::confirmation::Confirmation;
use self::place::{PlaceStop, Tally};
use super::make_identity;
use super::stop::Stopping;
use super::sweep::connect;
use crate::ids::make_id;
use crate::lifecycle::Cancel;
use crate::terminal::asking::at_terminal;
use crate::terminal::refusal::{Refused, refuse};
use crate::terminal::signals::listen;
use crate::terminal::{logging, say_line, warn};
use crate::wiring::surroundings::detect_surroundings;
use faultgate_config as config;
use faultgate_config::{SUITE_DIR, SweepSettings, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{RunIdentity, Verdict};
use faultgate_core::text;
use faultgate_net::aws::is_account_id;

/// Largest number of accounts and Regions that are asked at the same time. One that hangs holds one of these.
const MAX_PLACES_AT_ONCE: usize = 64;
/// Longest name of whoever stops everything, in characters.
const MAX_NAME_CHARS: usize = 300;

/// The request to `faultgate stop --all`.
pub(crate) struct EmergencyRequest {
    pub(crate) flags: Vec<(String, OsString)>,
    /// The environment whose experiments alone are stopped. None for all experiments.
    pub(crate) environment: Option<String>,
    pub(crate) engages_lever: bool,
    /// Ids of the accounts whose safety lever may be engaged.
    pub(crate) confirmed: Vec<String>,
    /// `true` if nothing is changed, and only told.
    pub(crate) dry_run: bool,
}

/// Stops everything everywhere, and returns the exit code.
pub(crate) async fn stop_all_requested(request: &EmergencyRequest, env: &Environment) -> u8 {
    let mut mistakes = find_mistakes(request, at_terminal());
    let settings = match config::sweep_settings(env, &request.flags, Path::new(SUITE_DIR)) {
        Ok(settings) if mistakes.is_empty() => settings,
        Ok(_) => return refuse(Refused::StopAll, &mistakes),
        Err(wrong) => {
            mistakes.extend(wrong);
            return refuse(Refused::StopAll, &mistakes);
        }
    };
    let signals = match listen(", so it stops nothing") {
        Ok(signals) => signals,
        Err(code) => return code,
    };
    logging::start(env, settings.stop.log_format, &Veil::default());
    settings.stop.warnings.iter().for_each(|warning| warn(warning));
    let cancel = Cancel::new();
    tokio::select! {
        // A signal leaves time for the requests to stop, and a second one for those that are due.
        biased;
        code = stop_everywhere(&settings, request, env, &cancel) => code,
        signal = signals.forward(&cancel) => signal.exit_code(),
    }
}

/// Returns what is wrong with the flags. `has_terminal` says that there is somebody to ask.
fn find_mistakes(request: &EmergencyRequest, has_terminal: bool) -> Vec<Mistake> {
    let EmergencyRequest { environment, engages_lever, confirmed, dry_run, .. } = request;
    let mut mistakes = Vec::new();
    if environment.as_ref().is_some_and(String::is_empty) {
        // An empty name must neither stop nothing nor stop everything.
        let mistake = Mistake::new("--environment", "environment: it is empty");
        mistakes.push(mistake.hint("name it, or leave the flag out to stop the experiments of all"));
    }
    for id in confirmed.iter().filter(|id| !is_account_id(id)) {
        let what = format!("confirm-account: \"{}\" is not the id of an AWS account", text::plain(id, 80));
        mistakes.push(Mistake::new("--confirm-account", what).hint("write its twelve digits: 111122223333"));
    }
    if *engages_lever && confirmed.is_empty() && !has_terminal && !dry_run {
        let what =
            "engage-safety-lever: each account has to be confirmed, and there is no terminal to ask at";
        mistakes.push(Mistake::new("--engage-safety-lever", what).hint(
            "add --confirm-account 111122223333 for each account; without --engage-safety-lever the \
             experiments are stopped all the same",
        ));
    }
    mistakes
}

/// The inputs that the stops of all places share.
struct EmergencyStop<'a> {
    request: &'a EmergencyRequest,
    stopping: Stopping<'a>,
    run: RunIdentity,
    confirmation: Confirmation,
    /// The reason that is told to FIS, which names who engages the lever.
    reason: String,
    cancel: &'a Cancel,
}

/// Stops everything in each Region by each role. A place that fails keeps no other from being stopped.
async fn stop_everywhere(
    settings: &SweepSettings,
    request: &EmergencyRequest,
    env: &Environment,
    cancel: &Cancel,
) -> u8 {
    let run = make_identity(format!("stop-all-{}", make_id()));
    let accounts = tokio::select! {
        biased;
        accounts = connect(settings, env, &run.id, "faultgate stop --all") => accounts,
        signal = cancel.cancelled() => return signal.exit_code(),
    };
    let accounts = match accounts {
        Ok(accounts) => accounts,
        Err(mistake) => return refuse(Refused::StopAll, &[mistake]),
    };
    let veil = Veil::default();
    let stop = EmergencyStop {
        request,
        stopping: Stopping {
            settings: &settings.stop,
            env,
            commands: &[],
            veil: &veil,
            clock: Clock::start(),
        },
        run,
        confirmation: Confirmation::new(&request.confirmed, at_terminal()),
        reason: name_reason(env),
        cancel,
    };
    let places = accounts.iter().map(|account| PlaceStop::new(&stop, account).end());
    let tallies: Vec<Tally> = stream::iter(places).buffer_unordered(MAX_PLACES_AT_ONCE).collect().await;
    let total = tallies.into_iter().fold(Tally::default(), Tally::add);
    say_line(&total.tell(request.dry_run));
    match cancel.signal() {
        Some(signal) => signal.exit_code(),
        None if total.failed => Verdict::Errored.exit_code(None),
        None => 0,
    }
}

/// Returns the reason for which a lever is engaged: it names the pipeline's page, or the user.
fn name_reason(env: &Environment) -> String {
    let user = || ["USER", "LOGNAME"].into_iter().find_map(|name| env.get(name)).map(str::to_owned);
    let who = detect_surroundings(env).run_url.or_else(user).unwrap_or_else(|| "somebody unnamed".to_owned());
    format!("faultgate stop --all, by {}", text::plain(&who, MAX_NAME_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(environment: Option<&str>, confirmed: &[&str]) -> EmergencyRequest {
        EmergencyRequest {
            flags: Vec::new(),
            environment: environment.map(str::to_owned),
            engages_lever: true,
            confirmed: confirmed.iter().map(|id| (*id).to_owned()).collect(),
            dry_run: false,
        }
    }

    fn count(request: &EmergencyRequest, has_terminal: bool) -> usize {
        find_mistakes(request, has_terminal).len()
    }

    #[test]
    fn a_lever_is_engaged_by_a_flag_or_at_a_terminal_alone() {
        assert_eq!(count(&request(None, &[]), false), 1);
        assert_eq!(count(&request(None, &[]), true), 0);
        assert_eq!(count(&request(None, &["123456789012"]), false), 0);
        assert_eq!(count(&EmergencyRequest { dry_run: true, ..request(None, &[]) }, false), 0);
        assert_eq!(count(&EmergencyRequest { engages_lever: false, ..request(None, &[]) }, false), 0);
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        assert_eq!(count(&request(Some(""), &["1234", "prod"]), false), 3);
        assert_eq!(count(&request(Some("staging"), &["123456789012", "1"]), true), 1);
    }

    #[test]
    fn the_reason_names_the_pipeline_or_the_user() {
        let reason = |pairs: &[(&str, &str)]| name_reason(&Environment::from_pairs(pairs.iter().copied()));
        let gitlab =
            [("GITLAB_CI", "true"), ("CI_JOB_URL", "https://gitlab.example/-/jobs/7"), ("USER", "root")];
        assert_eq!(reason(&gitlab), "faultgate stop --all, by https://gitlab.example/-/jobs/7");
        assert_eq!(reason(&[("USER", "ada")]), "faultgate stop --all, by ada");
        assert_eq!(reason(&[]), "faultgate stop --all, by somebody unnamed");
    }
}
