//! Events that are lost, late or forged. The score rests on what was measured in the fault window, by FIS's
//! record.

use std::borrow::Cow;
use std::time::Duration;

use faultgate_core::clock::Clock;
use faultgate_core::model::{
    Check, ExperimentResult, Monitor, Phase, Plan, ProbePlan, RunResult, Score, ScoreSource, State, Verdict,
};
use faultgate_rehearsal::{
    Beat, EventFaults, Scenario, Snapshot, Step, TEMPLATE_ID, TargetSuffering, Which, World,
};
use faultgate_testkit::paused::chaos::Chaos;
use faultgate_testkit::paused::player::{engine, plan};
use faultgate_testkit::paused::queue;
use faultgate_testkit::paused::world;
use faultgate_testkit::plans::identity;
use serde_json::json;

const MONITORS: [Monitor; 3] = [Monitor::Events, Monitor::Queue, Monitor::Poll];
const WHENS: [&[Phase]; 3] =
    [&[Phase::During, Phase::After], &[Phase::Before, Phase::During, Phase::After], &[Phase::During]];

/// The disturbance of the events of one run.
#[derive(Debug, Clone)]
struct Disturbance {
    name: &'static str,
    events: EventFaults,
    /// States that a foreign sender announces, with the seconds after the launch.
    forged: &'static [(&'static str, u64)],
}

impl Disturbance {
    const NONE: Self = Self { name: "nothing", events: EventFaults::NONE, forged: &[] };

    fn losing(name: &'static str, states: &'static [&'static str]) -> Self {
        Self {
            name,
            events: EventFaults { lose_states: Cow::Borrowed(states), ..EventFaults::NONE },
            ..Self::NONE
        }
    }

    fn all() -> Vec<Self> {
        let late = EventFaults {
            delays: Cow::Owned(vec![Duration::ZERO, Duration::from_secs(200)]),
            ..EventFaults::NONE
        };
        vec![
            Self::NONE,
            Self::losing("running is lost", &["running"]),
            Self::losing("completed is lost", &["completed"]),
            Self::losing("all are lost", &["initiating", "running", "completed"]),
            Self { name: "running comes after completed", events: late, ..Self::NONE },
            Self { name: "a forged running", forged: &[("running", 1)], ..Self::NONE },
            Self { name: "a forged completed", forged: &[("completed", 1), ("completed", 30)], ..Self::NONE },
            Self {
                name: "both",
                forged: &[("running", 1), ("completed", 14), ("running", 80)],
                ..Self::NONE
            },
            Self {
                forged: &[("running", 1)],
                ..Self::losing("running is lost and forged", &["running", "completed"])
            },
        ]
    }
}

fn beat(seconds: u64, step: Step) -> Beat {
    Beat { after: Duration::from_secs(seconds), step }
}

fn state(seconds: u64, status: &'static str) -> Beat {
    beat(seconds, Step::Experiment { status, reason: "as it goes" })
}

/// Returns a life in which the system is well for `well` seconds, down for as long as the fault is in, and
/// well again for half a minute.
fn life(well: u64, fault: u64) -> Vec<Beat> {
    let actions = |after, which, status| beat(after, Step::Actions { which, status, reason: "as it goes" });
    // The states change between the full seconds of the probes' schedule, so that no evaluation begins at the
    // very moment of a change.
    let initiating = Beat { after: Duration::from_millis(2_300), ..state(0, "initiating") };
    vec![
        initiating,
        state(2, "running"),
        actions(well, Which::First, "running"),
        actions(fault, Which::First, "completed"),
        actions(0, Which::Rest, "running"),
        actions(30, Which::Rest, "completed"),
        state(1, "completed"),
    ]
}

fn looking(when: &[Phase], every: Duration) -> ProbePlan {
    ProbePlan {
        name: "checkout".to_owned(),
        check: Check::Tcp { address: "checkout:80".to_owned(), within: Duration::from_secs(1) },
        when: when.to_vec(),
        every,
        weight: 10,
        recovers_within: None,
        aborts_after: None,
    }
}

fn planned(monitor: Monitor, probes: Vec<ProbePlan>) -> Plan {
    let mut plan = plan(&Chaos { monitor, ..Chaos::with_faults(Vec::new()) });
    plan.experiments[0].probes = probes;
    plan.reconcile_interval = Duration::from_mins(2);
    plan
}

/// Sends forged events, as everybody can who may write to the bus.
async fn forge(world: &World, forged: &[(&'static str, u64)]) {
    world.until(|seen: &Snapshot| !seen.inventory.experiments.is_empty()).await;
    let id = world.inventory().experiments[0].id.clone();
    let begun = tokio::time::Instant::now();
    for (status, after) in forged {
        tokio::time::sleep_until(begun + Duration::from_secs(*after)).await;
        world.put_event(json!({
            "version": "0", "id": format!("forged-{status}-{after}"), "source": "aws.fis", "account": "999999999999",
            "detail-type": "FIS Experiment State Change", "region": "us-east-1", "resources": [],
            "time": "2026-01-01T00:00:00Z",
            "detail": {"experiment-id": id, "experiment-template-id": TEMPLATE_ID,
                       "new-state": {"status": status, "reason": "forged"}, "old-state": {"status": "pending"}},
        }));
    }
}

async fn play(plan: Plan, life: Vec<Beat>, disturbance: &Disturbance) -> RunResult {
    let clock = Clock::start();
    let completed = *Scenario::find("completed").expect("it is there");
    let suffering = TargetSuffering { delay: Duration::ZERO, fails_every: Some(1), recovers: true };
    let world = World::new(&Scenario { suffering, ..completed }, clock);
    world.script(TEMPLATE_ID, life);
    world.set_event_faults(disturbance.events.clone());
    let event_queue_url = match plan.monitor {
        Monitor::Queue => Some(queue::of_the_users(&world).await),
        _ => None,
    };
    let plan = Plan { event_queue_url, ..plan };
    let fis = |cancel: &_| engine(&world, &plan, &identity("chaos"), clock, cancel);
    world::run(&plan, &world, clock, fis, forge(&world, disturbance.forged)).await
}

/// Asserts that only the evaluations in the fault window and the one after the end count, and that none of
/// those in the window passed.
fn assert_measured(experiment: &ExperimentResult, when: &[Phase], context: &str) {
    let probe = &experiment.probes[0];
    let (during, counted) = (probe.phases.during, (probe.counted, probe.passed_counted));
    assert!(during.total > 0, "{context}: no look in the fault: {probe:#?}");
    assert_eq!(during.passed, 0, "{context}: a look outside of the fault counts as one in it");
    let after = u64::from(when.contains(&Phase::After));
    assert_eq!(counted, (during.total + after, after), "{context}");
    assert!(probe.total > probe.counted, "{context}: looks outside of the fault are shown");
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    let share = 100.0 * after as f64 / (during.total + after) as f64;
    let score = experiment.score.expect("it is known").get();
    assert!((score - share).abs() < 0.01, "{context}: {score} is not {share}");
    assert_eq!(experiment.score_source, Some(ScoreSource::Probes), "{context}");
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_down_for_the_whole_fault_never_passes_whatever_becomes_of_events() {
    for monitor in MONITORS {
        for when in WHENS {
            for disturbance in Disturbance::all() {
                let plan = planned(monitor, vec![looking(when, Duration::from_secs(1))]);
                let result = play(plan, life(6, 10), &disturbance).await;
                let context = format!("{monitor:?}, {when:?}, {}", disturbance.name);
                let experiment = &result.experiments[0];
                assert_eq!(result.gate.verdict, Verdict::Failed, "{context}: {:?}", result.gate.reasons);
                assert_eq!(experiment.state, State::Completed, "{context}");
                assert_measured(experiment, when, &context);
                // The schedule does not depend on any event: the fault is in for 10 s, with one evaluation a
                // second.
                let during = experiment.probes[0].phases.during.total;
                assert_eq!(during, 10, "{context}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_shorter_than_the_pause_between_two_polls_is_measured() {
    for when in WHENS {
        let plan = planned(Monitor::Poll, vec![looking(when, Duration::from_millis(500))]);
        let result = play(plan, life(90, 3), &Disturbance::NONE).await;
        assert_eq!(result.gate.verdict, Verdict::Failed, "{when:?}: {:?}", result.gate.reasons);
        assert_measured(&result.experiments[0], when, &format!("{when:?}"));
    }
}

/// The probe passes before and after the fault window, and that does not stand in for an evaluation within
/// it.
#[tokio::test(start_paused = true)]
async fn a_fault_that_no_look_fell_into_is_not_passed() {
    for monitor in MONITORS {
        for when in WHENS {
            let plan = planned(monitor, vec![looking(when, Duration::from_mins(10))]);
            let result = play(plan, life(6, 10), &Disturbance::NONE).await;
            let context = format!("{monitor:?}, {when:?}: {:?}", result.gate.reasons);
            assert_eq!(result.gate.verdict, Verdict::Failed, "{context}");
            assert!(result.experiments[0].probes[0].unevaluated.is_some(), "{context}");
            assert_eq!(result.experiments[0].probes[0].score, Score::ZERO, "{context}");
            assert!(result.gate.reasons[0].contains("was never evaluated"), "{context}");
        }
    }
}

/// FIS leaves the experiment pending, whatever others say of it.
#[tokio::test(start_paused = true)]
async fn a_forged_event_does_not_end_the_wait_for_a_start() {
    let lives: [(&str, Vec<Beat>); 2] =
        [("pending", Vec::new()), ("initiating", vec![state(2, "initiating")])];
    for monitor in MONITORS {
        for (name, life) in &lives {
            for forged in [&[("running", 1)][..], &[("running", 1), ("stopping", 5), ("running", 58)]] {
                let disturbance = Disturbance { name: "forged", forged, ..Disturbance::NONE };
                let mut plan = planned(monitor, Vec::new());
                plan.experiments[0].timeout = Duration::from_hours(1);
                let result = play(plan, life.clone(), &disturbance).await;
                let experiment = &result.experiments[0];
                let context = format!("{monitor:?}, {name}, {forged:?}: {}", experiment.reason);
                assert_eq!(experiment.verdict, Verdict::TimedOut, "{context}");
                assert!(experiment.reason.contains("queue-timeout"), "{context}");
                assert!(experiment.stop.as_ref().is_some_and(|stop| stop.confirmed), "{context}");
                let waited = result.ended_at.duration_since(result.started_at);
                assert!(waited < jiff::SignedDuration::from_secs(70), "{context}: {waited:?}");
            }
        }
    }
}
