//! `faultgate sweep`: removes what runs have left although its time is up, in many accounts and Regions at
//! once.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};
use futures_util::stream::{self, StreamExt};

use crate::recovery::stop::{one, plan};
use crate::recovery::sweep::Sweeping;
use crate::terminal::signals::Signals;
use crate::terminal::{MAX_LINE_CHARS, MISTAKES, complain, logging, printing, random};
use crate::wiring::accounts::{Access, Account, Accounts, Place};
use crate::wiring::engines::Endpoints;
use faultgate_config as config;
use faultgate_config::{SWEEP_INPUTS, SweepSettings, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{EngineSpec, Verdict};
use faultgate_core::panics;
use faultgate_core::text;

/// Directory in which a suite file is looked for.
const HERE: &str = ".";
/// Largest number of accounts and Regions that are swept at the same time.
const MAX_SWEEPS_AT_ONCE: usize = 8;
const DRY_RUN: &str = "dry-run";
const STOP_EXPERIMENTS: &str = "stop-experiments";
/// Inputs that are lists in a sweep, with their descriptions.
const LISTS: [(&str, &str); 2] = [
    ("aws-region", "AWS Regions to sweep, by commas; in each of them by each role"),
    ("aws-role-arn", "Roles to assume, by commas, one for each account to sweep"),
];

pub(super) fn command() -> Command {
    let inputs = config::flags().into_iter().filter(|flag| SWEEP_INPUTS.contains(&flag.get_id().as_str()));
    let inputs = inputs.map(|flag| match LISTS.iter().find(|(name, _)| flag.get_id() == name) {
        Some((name, help)) => {
            let variable = name.to_uppercase().replace('-', "_");
            let help = format!("{help} [default: the SDK's default chain; env: FAULTGATE_{variable}]");
            flag.action(ArgAction::Append).help(help)
        }
        None => flag,
    });
    Command::new("sweep")
        .about("Remove rules and queues of runs whose time is up, in many accounts and Regions; safe to repeat")
        .after_help(
            "It removes what is called faultgate-* and whose tag faultgate:expires-at has passed, and nothing else. \
             Made for a schedule:\nsee docs/sweep.md.\n\nExit codes: 0 nothing that has expired is left, 2 mistakes in \
             the settings, 3 something could not be removed, stopped or\nread (each with the remedy or the command \
             that does it by hand), 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.",
        )
        .arg(
            Arg::new(STOP_EXPERIMENTS).long(STOP_EXPERIMENTS).action(ArgAction::SetTrue).help(
                "Also stop FIS experiments that go on although their run's subscription or their own tag has expired",
            ),
        )
        .arg(
            Arg::new(DRY_RUN)
                .long(DRY_RUN)
                .action(ArgAction::SetTrue)
                .help("Change nothing: only list what would be done"),
        )
        .args(inputs)
}

/// Sweeps everywhere, and returns the exit code.
pub(super) async fn sweep(matches: &ArgMatches, env: &Environment) -> u8 {
    let settings = match config::sweep_settings(env, &given(matches), Path::new(HERE)) {
        Ok(settings) => settings,
        Err(mistakes) => return refuse(&mistakes),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("faultgate could not listen to signals: {error}"));
            return Verdict::Errored.exit_code(None);
        }
    };
    logging::start(env, settings.stop.log_format, &printing::screen(), &Veil::default());
    for warning in &settings.stop.warnings {
        complain(&text::plain(&format!("warning: {warning}"), MAX_LINE_CHARS));
    }
    tokio::select! {
        // A sweep that is complete counts, even if a signal has come in the same moment.
        biased;
        code = everywhere(&settings, matches, env) => code,
        signal = signals.next() => signal.exit_code(),
    }
}

/// Returns the flags as the settings take them: the values of a list that is given several times become one.
fn given(matches: &ArgMatches) -> Vec<(String, OsString)> {
    let mut flags = config::given(matches);
    for (name, value) in &mut flags {
        if let (true, Some(values)) =
            (LISTS.iter().any(|(list, _)| list == name), matches.get_many::<OsString>(name))
        {
            *value = values.cloned().collect::<Vec<_>>().join(&OsString::from(","));
        }
    }
    flags
}

/// Sweeps each Region by each role. A place that fails keeps no other from being swept.
async fn everywhere(settings: &SweepSettings, matches: &ArgMatches, env: &Environment) -> u8 {
    let run_id = format!("sweep-{}", random());
    let connections = match connections(settings, env, &run_id).await {
        Ok(connections) => connections,
        Err(mistake) => return refuse(&[mistake]),
    };
    let sweeping = Sweeping {
        settings: &settings.stop,
        env,
        clock: Clock::start(),
        run_id: &run_id,
        stops: matches.get_flag(STOP_EXPERIMENTS),
        dry_run: matches.get_flag(DRY_RUN),
    };
    let swept = connections.iter().map(async |connection| {
        // A panic in one place keeps no other from being swept.
        panics::caught(sweeping.sweep(connection)).await.unwrap_or(false)
    });
    let swept: Vec<bool> = stream::iter(swept).buffer_unordered(MAX_SWEEPS_AT_ONCE).collect().await;
    if swept.into_iter().all(std::convert::identity) { 0 } else { Verdict::Errored.exit_code(None) }
}

/// Prepares the connections to all places. No request is sent yet.
async fn connections(
    settings: &SweepSettings,
    env: &Environment,
    run_id: &str,
) -> Result<Vec<Account>, Mistake> {
    let SweepSettings { regions, role_arns, stop } = settings;
    let places: Vec<Place> = role_arns
        .iter()
        .flat_map(|role_arn| {
            regions.iter().map(|region| Place { region: region.clone(), role_arn: role_arn.clone() })
        })
        .collect();
    let of_place = |place: &Place| {
        let Place { region, role_arn } = place.clone();
        one("sweep".to_owned(), EngineSpec::Fis { template: String::new(), region, role_arn })
    };
    let plan = plan(places.iter().map(of_place).collect(), false);
    let endpoints = Endpoints::Real(stop.http.clone());
    let usual = Place { region: None, role_arn: None };
    let access = Access { env, id_token: stop.tokens.aws_id.as_ref(), run_id };
    let mut accounts = Accounts::of(&plan, &usual, &endpoints, access).await?;
    for place in places {
        accounts.reach(place, "a sweep")?;
    }
    Ok(accounts.into_known())
}

fn refuse(mistakes: &[Mistake]) -> u8 {
    let mut told = "faultgate found mistakes in its settings; nothing was swept:".to_owned();
    for mistake in mistakes {
        told.push_str("\n  - ");
        told.push_str(&text::plain(&mistake.to_string(), MAX_LINE_CHARS));
    }
    complain(&told);
    MISTAKES
}
