//! Many runs at once that read the queue of one hub, each for experiments in several accounts.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use faultgate::lifecycle::{Cancel, Equipment, Lifecycle, RunInputs};
use faultgate_core::clock::Clock;
use faultgate_core::model::{Monitor, Plan, RunEvent, RunResult, Verdict};
use faultgate_engines::Engine;
use faultgate_engines::fis::{EventQueue, FisEngine, FisSettings, HANDSHAKE_TIMEOUT};
use faultgate_rehearsal::{
    ACCOUNT, Beat, DEFAULT_REGION, EventFaults, Inventory, Scenario, Step, Which, World,
};
use faultgate_testkit::paused::hub;
use faultgate_testkit::paused::player::{inputs, settings};
use faultgate_testkit::plans;
use proptest::prelude::*;
use serde_json::json;

const ACCOUNTS: [&str; 5] = [ACCOUNT, "000000000001", "000000000002", "000000000003", "000000000004"];

/// A number of runs at once, and what becomes of their events.
#[derive(Debug, Clone)]
struct Crowd {
    runs: usize,
    events: EventFaults,
    /// Number of events that come to nobody, or that are forged, in each of the first seconds.
    foreign: usize,
    /// Number of members whose rule is missing.
    not_joined: usize,
    seed: u64,
}

impl Crowd {
    fn of(runs: usize) -> Self {
        Self { runs, events: EventFaults::NONE, foreign: 0, not_joined: 0, seed: 7 }
    }
}

/// The outcome of a crowd.
struct Crowded {
    results: Vec<RunResult>,
    /// Warnings that the runs gave while they went on.
    warnings: Vec<String>,
    world: World,
    took: Duration,
}

fn template(number: usize) -> String {
    format!("EXT{number}")
}

/// Returns the life of the experiments of a template: they end in different ways, after one or two minutes.
fn life(number: usize) -> Vec<Beat> {
    let beat = |seconds: u64, step| Beat { after: Duration::from_secs(seconds), step };
    let state = |status| Step::Experiment { status, reason: "" };
    let mut life = vec![beat(2, state("initiating")), beat(2, state("running"))];
    life.extend(match number {
        1 => vec![beat(60, Step::Failed { code: "InvalidTarget", location: "latency", reason: "" })],
        2 => vec![beat(70, state("cancelled"))],
        3 => vec![
            beat(80, Step::Actions { which: Which::All, status: "failed", reason: "" }),
            beat(0, state("completed")),
        ],
        other => vec![
            beat(
                50 + 10 * other as u64,
                Step::Actions { which: Which::All, status: "completed", reason: "" },
            ),
            beat(0, state("completed")),
        ],
    });
    life
}

fn play(crowd: &Crowd, monitor: Monitor) -> Crowded {
    fastrand::seed(crowd.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(crowd_together(crowd, monitor))
}

async fn crowd_together(crowd: &Crowd, monitor: Monitor) -> Crowded {
    let clock = Clock::start();
    let world = World::new(Scenario::find("completed").unwrap(), clock);
    for number in 0..ACCOUNTS.len() {
        world.script(&template(number), life(number));
    }
    let url = hub::make(&world, &ACCOUNTS[crowd.not_joined..]).await;
    world.set_event_faults(crowd.events.clone());
    let warnings = RefCell::new(Vec::new());
    let runs = (0..crowd.runs).map(|number| run(&world, number, monitor, &url, clock, &warnings));
    let results = tokio::select! {
        results = futures_util::future::join_all(runs) => results,
        () = disturb(&world, crowd.foreign) => unreachable!("it never ends"),
    };
    Crowded { results, warnings: warnings.into_inner(), world, took: clock.elapsed() }
}

/// Puts events on the buses that belong to none of the runs, or that are forged.
async fn disturb(world: &World, foreign: usize) {
    let event = |account: &str, id: &str, template: &str| {
        json!({"source": "aws.fis", "detail-type": "FIS Experiment State Change", "account": account,
               "region": DEFAULT_REGION, "id": fastrand::u64(..).to_string(),
               "detail": {"experiment-id": id, "experiment-template-id": template,
                          "new-state": {"status": "completed"}}})
    };
    // Longer than that, others would only take the time of the test.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let inventory = if foreign > 0 { world.inventory() } else { Inventory::default() };
        for number in 0..foreign {
            let account = ACCOUNTS[number % ACCOUNTS.len()];
            // An experiment of a run exists in one account only, and the event names another one.
            let elsewhere = inventory.experiments.iter().find(|one| one.account != account);
            let id = elsewhere.filter(|_| number % 2 == 0).map_or("EXPnobody", |one| one.id.as_str());
            world.put_event(event(account, id, &template(number % 2)));
        }
    }
    std::future::pending::<()>().await;
}

async fn run(
    world: &World,
    number: usize,
    monitor: Monitor,
    url: &str,
    clock: Clock,
    warnings: &RefCell<Vec<String>>,
) -> RunResult {
    // Runs begin one after another, as they do in many pipelines.
    tokio::time::sleep(Duration::from_millis(700 * number as u64)).await;
    let experiments =
        (0..ACCOUNTS.len()).map(|at| plans::experiment(&format!("e{at}"), plans::fis(&template(at))));
    let plan = Plan { parallel: 5, monitor, ..plans::plan(experiments.collect()) };
    let (identity, cancel) = (plans::identity(&format!("run{number}")), Cancel::new());
    let queue = EventQueue::new(&hub::sdk_of(world, ACCOUNT), url, clock);
    let engines = ACCOUNTS.map(|account| {
        let settings = FisSettings {
            event_queue: (monitor == Monitor::Queue).then(|| queue.clone()),
            ..settings(&plan, &identity)
        };
        let sdk = hub::sdk_of(world, account);
        Rc::new(FisEngine::new(&sdk, settings, clock, cancel.token().clone())) as Rc<dyn Engine>
    });
    // Each run uses a template in another account.
    let equip = |at: usize| Equipment {
        engine: engines[(at + number) % engines.len()].clone(),
        evaluators: Vec::new(),
    };
    let publish = |event: &RunEvent<'_>| {
        if let RunEvent::Warning(text) = event {
            warnings.borrow_mut().push((*text).to_owned());
        }
    };
    let inputs = RunInputs { publish: &publish, ..inputs(&plan, &identity, clock, &cancel) };
    let lifecycle = Lifecycle::new(inputs, (0..ACCOUNTS.len()).map(equip).collect()).unwrap();
    lifecycle.run().await
}

/// Returns the verdicts of all runs and their experiments.
fn verdicts(crowded: &Crowded) -> Vec<(Verdict, Vec<Verdict>)> {
    let of = |result: &RunResult| {
        (result.gate.verdict, result.experiments.iter().map(|experiment| experiment.verdict).collect())
    };
    crowded.results.iter().map(of).collect()
}

/// Asserts that all runs end as with `monitor: poll`, about as soon, and that they leave nothing behind.
fn hold(crowd: &Crowd) -> Crowded {
    let (polled, crowded) = (play(crowd, Monitor::Poll), play(crowd, Monitor::Queue));
    assert_eq!(verdicts(&crowded), verdicts(&polled), "{crowd:?}");
    let all = verdicts(&polled);
    assert!(all.iter().all(|(run, each)| {
        *run == Verdict::Errored
            && each[0] == Verdict::Passed
            && each[1..4].iter().all(|verdict| *verdict == Verdict::Errored)
            && each[4] == Verdict::Passed
    }));
    let there = crowded.world.inventory();
    assert_eq!(there.rules.len(), 1 + ACCOUNTS.len() - crowd.not_joined, "nobody makes or removes a rule");
    assert_eq!(there.queues.len(), 1);
    assert_eq!(there.experiments.len(), crowd.runs * ACCOUNTS.len());
    assert!(crowded.took >= polled.took / 2);
    crowded
}

fn messages(crowded: &Crowded) -> usize {
    crowded.world.inventory().queues[0].messages.len()
}

#[test]
fn twenty_runs_over_five_accounts_each_hear_of_their_own_and_take_nothing_else() {
    let crowded = hold(&Crowd::of(20));
    // FIS does not announce that an experiment was cancelled.
    let announced =
        crowded.results.iter().flat_map(|result| &result.experiments).filter(|one| one.name != "e2");
    for experiment in announced {
        let monitor = &experiment.monitor;
        assert_eq!(monitor.learned, "by an event, confirmed by GetExperiment", "{}", experiment.name);
        assert!(monitor.events > 0 && monitor.duplicates == 0, "{monitor:?}");
        assert!(monitor.api_calls.get("GetExperiment").is_none_or(|asked| *asked < 8), "{monitor:?}");
    }
    // A run that has ended leaves what is on its way from hand to hand.
    let (left, all) = (messages(&crowded), crowded.world.events().len());
    assert!(left < all / 5, "{left} events of {all} are in the queue that their runs have not taken");
    // FIS is asked about the cancelled ones when events have been silent for five minutes.
    assert!(crowded.took < Duration::from_mins(6), "{:?}", crowded.took);
}

#[test]
fn what_is_doubled_late_lost_or_foreign_changes_no_verdict() {
    let late: Vec<Duration> = (0..300).map(|number| Duration::from_secs(number * 7 % 40)).collect();
    let faults = EventFaults {
        copies: 3,
        delays: Cow::Owned(late),
        lose: Cow::Owned((0..300).step_by(3).collect()),
        ..EventFaults::NONE
    };
    let crowd = Crowd { events: faults, foreign: 2, ..Crowd::of(20) };
    let crowded = hold(&crowd);
    assert!(crowded.took < Duration::from_mins(10), "{:?}", crowded.took);
}

/// An account that has not joined is asked directly, at the pace of `monitor: poll`, with a warning.
#[test]
fn an_account_whose_events_do_not_come_is_asked_directly() {
    let crowd = Crowd { not_joined: 2, ..Crowd::of(3) };
    let crowded = hold(&crowd);
    let warned = ACCOUNTS.map(|account| {
        let is_about =
            |text: &&String| text.contains("has come out of faultgate-hub") && text.contains(account);
        crowded.warnings.iter().filter(is_about).count()
    });
    // Experiments that are over within the time of the handshake are not told about.
    assert!(warned[..2].iter().all(|times| *times > 0), "{:#?}", crowded.warnings);
    assert_eq!(warned[2..], [0, 0, 0], "{:#?}", crowded.warnings);
    assert!(crowded.took < Duration::from_mins(6), "{:?}", crowded.took);
}

#[test]
fn a_bus_that_admits_no_member_delays_nobody() {
    let crowd = Crowd { not_joined: ACCOUNTS.len(), ..Crowd::of(2) };
    let crowded = hold(&crowd);
    assert_eq!(messages(&crowded), 0);
    assert!(crowded.took < Duration::from_mins(6), "{:?}", crowded.took);
    let puts = crowded.world.requests().iter().filter(|one| one.operation == "PutEvents").count();
    assert!(puts < 2 * ACCOUNTS.len() * 12, "{puts} handshakes within {HANDSHAKE_TIMEOUT:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]
    #[test]
    fn the_verdicts_are_those_of_polling(
        runs in 1_usize..6,
        copies in 1_u32..4,
        lost in prop::collection::vec(0_u64..120, 0..60),
        delays in prop::collection::vec((0_u64..90).prop_map(Duration::from_secs), 0..120),
        foreign in 0_usize..6,
        not_joined in 0_usize..6,
        seed in any::<u64>(),
    ) {
        let events = EventFaults {
            copies,
            lose: Cow::Owned(lost),
            delays: Cow::Owned(delays),
            ..EventFaults::NONE
        };
        hold(&Crowd { runs, events, foreign, not_joined, seed });
    }
}
