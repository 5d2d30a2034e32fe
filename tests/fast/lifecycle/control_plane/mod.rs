//! The engine under the lifecycle, with a control plane that plays a script on a paused clock.

use std::cell::RefCell;
use std::rc::Rc;

mod launch;
mod laws;

use std::time::Duration;

use faultgate::lifecycle::{
    CONFIRM_LIMIT, Cancel, Equipment, LAUNCH_LIMIT, Lifecycle, RunInputs, STOP_LIMIT,
};
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    EngineSpec, ExperimentResult, LitmusProject, LitmusSpec, Plan, RunEvent, Score, ScoreSource, Signal,
};
use faultgate_core::model::{ExperimentPlan, InjectionRule, Monitor, State, Verdict};
use faultgate_engines::control_plane::{
    ControlPlaneEngine, ControlPlaneSettings, FaultCounts, TroubleKind, state_of,
};
use faultgate_engines::{Engine, Unnoted};
use faultgate_testkit::fake_manager::{FakeEffect, FakeManager, life};
use faultgate_testkit::paused::player::inputs;
use faultgate_testkit::plans;
use tokio::time::sleep;

const OK: FakeEffect = FakeEffect::Granted;
const TIMEOUT: Duration = Duration::from_secs(600);
const QUEUE_TIMEOUT: Duration = Duration::from_secs(120);

/// Returns the longest time that launch, stop, confirmation and reports may add to a timeout.
fn around() -> Duration {
    LAUNCH_LIMIT * 2 + STOP_LIMIT + CONFIRM_LIMIT + Duration::from_secs(10)
}

fn trouble(kind: TroubleKind) -> FakeEffect {
    FakeEffect::Trouble(kind, None)
}

fn plan(name: &str, experiment: &str) -> ExperimentPlan {
    let project =
        LitmusProject { url: "https://litmus.example".to_owned(), project: "p".to_owned(), origin: None };
    let spec = EngineSpec::Litmus(LitmusSpec { project, experiment: experiment.to_owned() });
    ExperimentPlan { timeout: TIMEOUT, queue_timeout: QUEUE_TIMEOUT, ..plans::experiment(name, spec) }
}

struct Played {
    results: Vec<ExperimentResult>,
    warnings: Vec<String>,
    took: Duration,
}

impl Played {
    fn one(&self) -> &ExperimentResult {
        &self.results[0]
    }
}

#[derive(Default)]
struct Setting {
    dry_run: bool,
    signal: Option<(Duration, Signal)>,
}

async fn run(fake: &FakeManager, experiments: &[(&str, &str)], setting: Setting) -> Played {
    let clock = Clock::start();
    let planned = experiments.iter().map(|(name, experiment)| plan(name, experiment));
    let plan =
        Plan { parallel: experiments.len(), dry_run: setting.dry_run, ..plans::plan(planned.collect()) };
    let identity = plans::identity("chaos");
    let settings =
        ControlPlaneSettings { dry_run: setting.dry_run, injection: InjectionRule::default(), seed: 7 };
    let cancel = Cancel::new();
    let warnings = RefCell::new(Vec::new());
    let engine: Rc<dyn Engine> =
        Rc::new(ControlPlaneEngine::new(fake.clone(), settings, clock, cancel.token().clone()));
    let equipment = Equipment { engine, evaluators: Vec::new() };
    let publish = |event: &RunEvent<'_>| {
        if let RunEvent::Warning(message) = event {
            warnings.borrow_mut().push((*message).to_owned());
        }
    };
    let inputs = RunInputs { publish: &publish, ..inputs(&plan, &identity, clock, &cancel) };
    let lifecycle = Lifecycle::new(inputs, vec![equipment; experiments.len()]).expect("it fits the plan");
    let signalled = async {
        if let Some((at, signal)) = setting.signal {
            sleep(at).await;
            cancel.cancel(signal);
        }
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = lifecycle.run() => result,
        () = signalled => unreachable!("it never ends"),
    };
    drop(lifecycle);
    Played { results: result.experiments, warnings: warnings.into_inner(), took: clock.elapsed() }
}

async fn one(fake: &FakeManager) -> Played {
    run(fake, &[("shop", "e")], Setting::default()).await
}

fn completes() -> FakeManager {
    FakeManager::with("e", life(&[(3, "Running"), (100, "Completed")]))
}

fn words(result: &ExperimentResult) -> Vec<&str> {
    result.transitions.iter().map(|step| step.raw_state.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_launched_watched_and_scored_by_its_own_score() {
    let mut own = life(&[(3, "Running"), (100, "Completed_With_Probe_Failure")]);
    own.score = Some(83.44);
    let fake = FakeManager::with("e", own);
    let played = one(&fake).await;
    let result = played.one();
    assert_eq!(result.score, Score::new(83.44));
    assert_eq!(result.score_source, Some(ScoreSource::Engine));
    assert_eq!(result.verdict, Verdict::Failed, "below what is expected: {}", result.reason);
    assert_eq!(words(result), ["launched", "Running", "Completed_With_Probe_Failure"]);
    assert_eq!(result.faults.len(), 1);
    assert_eq!(result.url.as_deref(), Some("https://fake.example/n1"));
    assert_eq!((result.monitor.mode, played.warnings.len()), (Monitor::Poll, 0));
    assert!(result.monitor.learned.starts_with("by asking the fake, "), "{}", result.monitor.learned);
    assert_eq!((fake.calls_of("launch"), fake.calls_of("details"), fake.calls_of("stop")), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn words_may_be_missing_unknown_or_out_of_order() {
    for (beats, expected) in [
        (&[(50, "Completed")][..], &["launched", "Completed"][..]),
        (&[(5, "Warming_Up"), (60, "Completed")], &["launched", "Warming_Up", "Completed"]),
        (
            &[(5, "Running"), (30, "Pending"), (60, "Running"), (90, "Completed")],
            &["launched", "Running", "Completed"],
        ),
    ] {
        let played = one(&FakeManager::with("e", life(beats))).await;
        let mut told = words(played.one());
        told.sort_by_key(|word| expected.iter().position(|known| known == word));
        assert_eq!(told, expected);
        assert_eq!(played.one().verdict, Verdict::Passed, "{}", played.one().reason);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_word_is_polled_to_the_deadline_and_no_pass() {
    let fake = FakeManager::with("e", life(&[(3, "Running"), (30, "Succeeded")]));
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::TimedOut, "{}", played.one().reason);
    assert!(words(played.one()).contains(&"Succeeded"));
    assert_eq!(fake.0.borrow().stops, ["n1"]);
    assert!(played.took <= TIMEOUT + around());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_stays_queued_ends_by_the_queue_timeout_with_advice() {
    let fake = FakeManager::with("e", life(&[]));
    let played = one(&fake).await;
    let result = played.one();
    assert_eq!(result.verdict, Verdict::TimedOut);
    assert!(result.reason.contains("agent"), "{}", result.reason);
    assert!(result.stop.as_ref().is_some_and(|stop| stop.confirmed), "{:?}", result.stop);
    assert!(played.took < QUEUE_TIMEOUT + around());
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_id_that_it_needs() {
    let mut own = life(&[(3, "Running")]);
    own.named_after = Duration::from_secs(30);
    let fake = FakeManager::with("e", own);
    let setting = Setting { signal: None, ..Setting::default() };
    let clock = Clock::start();
    let engine = ControlPlaneEngine::new(
        fake.clone(),
        ControlPlaneSettings { dry_run: setting.dry_run, injection: InjectionRule::default(), seed: 1 },
        clock,
        Cancel::new().token().clone(),
    );
    let launched = engine.launch(&plan("shop", "e"), &Unnoted).await.unwrap();
    sleep(Duration::from_secs(25)).await;
    engine.stop(&launched).await.unwrap();
    assert_eq!(engine.look(&launched).await.unwrap().state, State::Stopped);
    assert!(fake.calls_of("stop") >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_in_the_queue_says_what_kept_the_stop() {
    let mut own = life(&[]);
    own.named_after = Duration::from_secs(3_600);
    let fake = FakeManager::with("e", own);
    let setting = Setting { signal: Some((Duration::from_secs(5), Signal::Terminate)), ..Setting::default() };
    let played = run(&fake, &[("shop", "e")], setting).await;
    let result = played.one();
    assert_eq!(result.verdict, Verdict::Cancelled);
    for says in ["the stop was not taken", "NOT confirmed", "could not stop the run n1: no run id"] {
        assert!(result.reason.contains(says), "{says}: {}", result.reason);
    }
    assert!(!result.reason.contains("did not answer"), "{}", result.reason);
}

/// A read that is never answered would tell the run's id.
#[tokio::test(start_paused = true)]
async fn a_stop_goes_out_although_reads_hang() {
    let fake = completes().after("read", &vec![FakeEffect::Hang; 20]);
    let at = Duration::from_secs(10);
    let setting = Setting { signal: Some((at, Signal::Interrupt)), ..Setting::default() };
    let played = run(&fake, &[("shop", "e")], setting).await;
    assert_eq!(played.one().verdict, Verdict::Cancelled);
    assert_eq!(fake.0.borrow().stops.first().map(String::as_str), Some("n1"));
}

/// A signal leaves less time than one request to stop may take.
#[tokio::test(start_paused = true)]
async fn a_stop_that_hangs_is_asked_for_again_beside_it() {
    let fake = completes().after("stop", &[FakeEffect::Hang, FakeEffect::Hang]);
    let setting =
        Setting { signal: Some((Duration::from_secs(10), Signal::Terminate)), ..Setting::default() };
    let played = run(&fake, &[("shop", "e")], setting).await;
    let stop = played.one().stop.as_ref().unwrap();
    assert!(stop.accepted && stop.confirmed, "{}", played.one().reason);
    assert_eq!(fake.calls_of("stop"), 3);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_could_stop_is_said() {
    let mut own = life(&[(3, "Running")]);
    own.deaf = true;
    let played = one(&FakeManager::with("e", own)).await;
    let result = played.one();
    assert_eq!(result.verdict, Verdict::TimedOut);
    assert!(
        result.reason.contains("NOT confirmed") && result.reason.contains("stop n1"),
        "{}",
        result.reason
    );
}

#[tokio::test(start_paused = true)]
async fn a_signal_stops_the_run_within_its_budget() {
    for at in [0, 50, 150, 1_000, 5_000, 60_000] {
        let fake = completes();
        let at = Duration::from_millis(at);
        let setting = Setting { signal: Some((at, Signal::Terminate)), ..Setting::default() };
        let played = run(&fake, &[("shop", "e")], setting).await;
        let result = played.one();
        assert_eq!(result.verdict, Verdict::Cancelled, "{at:?}: {}", result.reason);
        assert!(played.took <= at + Duration::from_millis(6_100), "{at:?}: {:?}", played.took);
        let world = fake.0.borrow();
        for own in &world.runs {
            let said = result.reason.contains("NOT confirmed");
            assert!(own.phase() == "Stopped" || said, "{at:?} {}: {}", own.phase(), result.reason);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_stop_is_an_error() {
    let fake = FakeManager::with("e", life(&[(3, "Running"), (30, "Stopped")]));
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::Errored);
    assert!(played.one().reason.contains("somebody else stopped it"), "{}", played.one().reason);
    assert_eq!(fake.calls_of("stop"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_there_yet_is_pending_and_one_that_vanishes_is_an_error() {
    let fake = completes().after("read", &vec![FakeEffect::Gone; 10]);
    assert_eq!(one(&fake).await.one().verdict, Verdict::Passed);
    let mut effects = vec![OK; 3];
    effects.extend(vec![FakeEffect::Gone; 500]);
    let fake = completes().after("read", &effects);
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::Errored);
    assert!(played.one().reason.contains("does not know it any longer"), "{}", played.one().reason);
    assert_eq!(fake.0.borrow().stops.first().map(String::as_str), Some("n1"), "it may still run");
}

#[tokio::test(start_paused = true)]
async fn trouble_that_passes_is_told_once_and_silence_ends_the_watch() {
    let troubled = |count| {
        let mut effects = vec![OK; 3];
        effects.extend(vec![trouble(TroubleKind::Unanswered); count]);
        FakeManager::with("e", life(&[(3, "Running"), (400, "Completed")])).after("read", &effects)
    };
    let played = one(&troubled(6)).await;
    assert_eq!((played.one().verdict, played.warnings.len()), (Verdict::Passed, 1), "{:?}", played.warnings);
    let fake = troubled(25);
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::Errored, "{}", played.one().reason);
    assert!(played.one().reason.contains("could not be watched"), "{}", played.one().reason);
    assert_eq!(fake.0.borrow().stops.first().map(String::as_str), Some("n1"));
    assert!(played.took > Duration::from_secs(300) && played.took < Duration::from_secs(400));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_ends_the_watch_and_a_passing_refusal_does_not() {
    let denied = trouble(TroubleKind::Unauthenticated);
    let fake = completes().after("read", &[OK, OK, denied.clone(), denied.clone(), OK]);
    assert_eq!(one(&fake).await.one().verdict, Verdict::Passed);
    let mut effects = vec![OK, OK];
    effects.extend(vec![denied; 500]);
    let played = one(&completes().after("read", &effects)).await;
    assert_eq!(played.one().verdict, Verdict::Errored);
    assert!(played.one().reason.contains("renew the token"), "{}", played.one().reason);
}

#[tokio::test(start_paused = true)]
async fn limits_are_respected_by_all_runs() {
    let limited = [OK, OK, FakeEffect::Trouble(TroubleKind::Limited, Some(60))];
    let fake = completes().after("read", &limited);
    fake.0.borrow_mut().lives.insert("f".to_owned(), life(&[(3, "Running"), (120, "Completed")]));
    let played = run(&fake, &[("one", "e"), ("two", "f")], Setting::default()).await;
    assert!(played.results.iter().all(|result| result.verdict == Verdict::Passed));
    let at = fake.0.borrow().at.clone();
    let pauses = at.windows(2).map(|pair| pair[1] - pair[0]).filter(|pause| pause.as_secs() >= 60);
    assert_eq!(pauses.count(), 1, "nobody asks for a minute");
    // The pauses grow if there is no Retry-After.
    let fake = completes().after("read", &vec![trouble(TroubleKind::Limited); 4]);
    assert_eq!(one(&fake).await.one().verdict, Verdict::Passed);
    let at = fake.0.borrow().at.clone();
    let pauses: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).skip(2).take(4).collect();
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0]), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_answer_is_none() {
    let fake = completes().after("read", &[OK, FakeEffect::Another, FakeEffect::Another, OK]);
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::Passed);
    assert!(played.took > Duration::from_secs(100), "{:?}", played.took);
}

#[tokio::test(start_paused = true)]
async fn details_are_tried_again_and_can_be_done_without() {
    let unanswered = trouble(TroubleKind::Unanswered);
    let fake = completes().after("details", &[unanswered.clone(), unanswered.clone()]);
    assert_eq!(one(&fake).await.one().faults.len(), 1);
    let fake = completes().after("details", &vec![unanswered; 9]);
    let played = one(&fake).await;
    assert_eq!((played.one().verdict, fake.calls_of("details")), (Verdict::Passed, 3));
    let evidence = format!("{:?}", played.one().evidence);
    assert!(evidence.contains("are not told here"), "{evidence}");
    let mut own = life(&[(3, "Running"), (9, "Completed")]);
    own.counts = FaultCounts::default();
    let fake = FakeManager::with("e", own).after("details", &[trouble(TroubleKind::Denied)]);
    assert_eq!(one(&fake).await.one().verdict, Verdict::Errored, "nothing says that anything was injected");
}

#[tokio::test(start_paused = true)]
async fn a_score_that_is_late_is_waited_for_and_one_that_does_not_come_is_not_known() {
    let fake = completes();
    fake.0.borrow_mut().lives.get_mut("e").unwrap().score = None;
    let late = async {
        sleep(Duration::from_secs(108)).await;
        for own in &mut fake.0.borrow_mut().runs {
            own.life.score = Some(100.0);
        }
        std::future::pending::<()>().await;
    };
    let played = tokio::select! { played = one(&fake) => played, () = late => unreachable!() };
    assert_eq!(played.one().verdict, Verdict::Passed, "{}", played.one().reason);
    let played = one(&fake).await;
    assert_eq!((played.one().verdict, played.one().score), (Verdict::Errored, None));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_launches_nothing() {
    let fake = completes();
    let played = run(&fake, &[("shop", "e")], Setting { dry_run: true, ..Setting::default() }).await;
    assert_eq!(played.one().verdict, Verdict::Passed, "{}", played.one().reason);
    assert!(fake.0.borrow().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_request_serves_many_runs_and_few_are_made() {
    let fake = FakeManager::with("e", life(&[(3, "Running"), (580, "Completed")]));
    let plans: Vec<(String, String)> = (0..12).map(|n| (format!("e{n}"), "e".to_owned())).collect();
    let plans: Vec<(&str, &str)> = plans.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
    let played = run(&fake, &plans, Setting::default()).await;
    assert!(played.results.iter().all(|result| result.verdict == Verdict::Passed));
    let requests = fake.0.borrow().at.len();
    assert!(requests <= 120, "{requests} in ten minutes");
    // Only the runs that are due are read if each takes a request of its own.
    let fake = FakeManager::with("e", life(&[(3, "Running"), (500, "Completed")]));
    fake.0.borrow_mut().one_by_one = true;
    let played = run(&fake, &plans[..4], Setting::default()).await;
    assert!(played.results.iter().all(|result| result.verdict == Verdict::Passed));
    let requests = fake.0.borrow().at.len();
    assert!((40..=120).contains(&requests), "{requests} in ten minutes");
}
