//! `faultgate rehearse`: carries out a run against embedded endpoints, or serves these endpoints for other
//! clients.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::run::run_with;
use crate::terminal::refusal::refuse_run;
use crate::terminal::signals::Signals;
use crate::terminal::{complain, say};
use crate::wiring::settings::load_with_policies;
use faultgate_config as config;
use faultgate_config::flag_duration;
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::Verdict;
use faultgate_rehearsal::{DEFAULT_REGION, Scenario, Server, TEMPLATE_ID, World, key_of};

/// Name of the scenario that is rehearsed if none is named.
const DEFAULT_SCENARIO: &str = "completed";
/// Longest fault of a rehearsal: as long as an experiment may take.
const MAX_FAULT: Duration = Duration::from_hours(12);

pub(super) fn command() -> Command {
    let mut scenarios = "Scenarios:\n".to_owned();
    for scenario in Scenario::all() {
        let (name, summary, expected) = (scenario.name, scenario.summary, scenario.expected);
        let _ = writeln!(scenarios, "  {name:<17} {expected:<9} {summary}");
    }
    Command::new("rehearse")
        .about(
            "Run against FIS, EventBridge and SQS endpoints embedded in this binary: no account, no network",
        )
        .after_help(scenarios)
        .arg(
            Arg::new("scenario")
                .long("scenario")
                .value_name("NAME")
                .default_value(DEFAULT_SCENARIO)
                .help("What happens to the experiment"),
        )
        .arg(
            Arg::new("fault")
                .long("fault")
                .value_name("DURATION")
                .value_parser(|text: &str| flag_duration(text, Duration::from_millis(100), MAX_FAULT))
                .help("How long the fault is in, such as 30s; a second or so if it is not given"),
        )
        .arg(
            Arg::new("serve")
                .long("serve")
                .action(ArgAction::SetTrue)
                .help("Only serve the endpoints, for the AWS CLI or an SDK, until a signal comes"),
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .value_parser(value_parser!(SocketAddr))
                .default_value("127.0.0.1:0")
                .requires("serve")
                .help("Where to serve; port 0 takes a free one"),
        )
        .mut_arg("listen", |arg| arg.hide_default_value(false))
        .args(config::flags())
}

pub(super) async fn rehearse(matches: &ArgMatches, env: &Environment) -> u8 {
    let name = matches.get_one::<String>("scenario").map_or(DEFAULT_SCENARIO, String::as_str);
    let fault = matches.get_one::<Duration>("fault").copied();
    if matches.get_flag("serve")
        && let Some(scenario) = Scenario::find(name)
    {
        let address = matches.get_one::<SocketAddr>("listen").copied();
        return serve(scenario, fault, address.unwrap_or(([127, 0, 0, 1], 0).into())).await;
    }
    match load_with_policies(config::read_flags(matches), env, Some(name)).await {
        Ok((settings, policies)) => run_with(settings, policies, env, fault).await,
        Err(mistakes) => refuse_run(&mistakes.into_iter().map(name_flag).collect::<Vec<_>>(), env),
    }
}

/// Names the flag that was typed, which stands for the input `rehearsal`.
fn name_flag(mistake: Mistake) -> Mistake {
    match mistake.message.strip_prefix("rehearsal:").filter(|_| mistake.origin == "--rehearsal") {
        Some(rest) => {
            let (message, origin) = (format!("scenario:{rest}"), "--scenario".to_owned());
            Mistake { message, origin, ..mistake }
        }
        None => mistake,
    }
}

/// Prints the variables that a client has to set, and serves the endpoints until a signal comes.
async fn serve(scenario: &'static Scenario, fault: Option<Duration>, address: SocketAddr) -> u8 {
    let world = World::new(scenario, Clock::start());
    world.script(TEMPLATE_ID, scenario.life(fault));
    world.begin_others(scenario);
    let (server, mut signals) = match (Server::bind_to(world, address).await, Signals::listen()) {
        (Ok(server), Ok(signals)) => (server, signals),
        (Err(error), _) | (_, Err(error)) => {
            complain(&format!("faultgate could not serve on {address}: {error}"));
            return Verdict::Errored.exit_code(None);
        }
    };
    say(&format!(
        "export AWS_ENDPOINT_URL={} AWS_REGION={DEFAULT_REGION} AWS_DEFAULT_REGION={DEFAULT_REGION} \
         AWS_ACCESS_KEY_ID=AKIDEMBEDDED \
         AWS_SECRET_ACCESS_KEY=not-a-secret\n# the template is {TEMPLATE_ID}; the scenario is {}: {}\n\
         # the system that suffers from its fault is {}\n\
         # in another account: AWS_ACCESS_KEY_ID={} (that of 111122223333), or any role that is assumed there",
        server.url,
        scenario.name,
        scenario.summary,
        server.target_url(),
        key_of("111122223333"),
    ));
    tokio::select! {
        () = server.serve() => Verdict::Errored.exit_code(None),
        _ = signals.next() => 0,
    }
}
