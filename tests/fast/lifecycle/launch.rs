//! Launches whose answers are lost.

use std::borrow::Cow;
use std::time::Duration;

use faultgate_core::model::{RunPhase, Verdict};
use faultgate_rehearsal::{FaultEffect, FaultRule};
use faultgate_testkit::paused::chaos::{Chaos, ChaosLife};
use faultgate_testkit::paused::laws;
use faultgate_testkit::paused::player::{PlayedChaos, play};

fn played(faults: Vec<FaultRule>) -> PlayedChaos {
    let chaos = Chaos::with_faults(faults);
    let played = play(&chaos);
    laws::hold(&chaos, &played);
    played
}

#[test]
fn lost_answers_start_no_second_experiment() {
    let played = played(vec![FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(3)]);
    assert_eq!(played.world.inventory.experiments.len(), 1);
    assert_eq!(played.result.gate.verdict, Verdict::Passed);
}

/// The experiment runs longer than it may be pending, and no event announces it.
#[test]
fn an_experiment_that_runs_unannounced_is_not_taken_for_pending() {
    let chaos = Chaos::slow_and_unannounced();
    let played = play(&chaos);
    laws::hold(&chaos, &played);
    assert_eq!(played.result.gate.verdict, Verdict::Passed, "{:?}", played.result.gate.reasons);
}

/// The refusal of a later attempt says nothing about the first one, which has begun an experiment.
#[test]
fn an_experiment_begun_by_a_lost_answer_is_found_and_stopped_when_a_later_attempt_is_refused() {
    let denied = FaultEffect::Error {
        status: 403,
        code: Cow::Borrowed("AccessDeniedException"),
        message: Cow::Borrowed("expired"),
        retry_after: None,
    };
    let played = played(vec![
        FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1),
        FaultRule::on("StartExperiment", denied).from(2),
    ]);
    assert_eq!(played.result.gate.verdict, Verdict::Errored);
    let [experiment] = &played.world.inventory.experiments[..] else { panic!("one experiment has begun") };
    assert_eq!(experiment.status, "stopped");
    assert_eq!(played.result.experiments[0].id.as_deref(), Some(experiment.id.as_str()));
}

/// The launch was never carried out: nothing is found, and nothing is claimed.
#[test]
fn a_launch_that_never_arrived_is_an_error_with_nothing_to_stop() {
    let played = played(vec![FaultRule::on("StartExperiment", FaultEffect::LoseRequest)]);
    assert_eq!(played.result.gate.verdict, Verdict::Errored);
    assert!(played.world.inventory.experiments.is_empty());
    assert_eq!(played.world.count("StopExperiment"), 0);
}

/// The experiment is listed only a while after it has begun.
#[test]
fn an_experiment_that_is_listed_late_is_found() {
    let denied = || FaultRule::on("StartExperiment", FaultEffect::denied("fis:StartExperiment")).from(2);
    let lost = || FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1);
    let late = FaultRule::on("ListExperiments", FaultEffect::Nothing).times(4);
    let found = played(vec![lost(), denied(), late]);
    assert_eq!((found.result.gate.verdict, found.world.count("ListExperiments")), (Verdict::Errored, 5));
    let [experiment] = &found.world.inventory.experiments[..] else { panic!("one experiment has begun") };
    assert_eq!(found.result.experiments[0].id.as_deref(), Some(experiment.id.as_str()));

    let unlisted = played(vec![lost(), denied(), FaultRule::on("ListExperiments", FaultEffect::Nothing)]);
    let reason = &unlisted.result.experiments[0].reason;
    assert!(reason.contains("may have begun") && reason.contains("client token faultgate-"), "{reason}");
    assert_eq!(unlisted.result.gate.verdict, Verdict::Errored);
    assert_eq!(unlisted.noted.experiments[0].phase, RunPhase::Intended);
}

/// A launch that was refused each time has begun nothing, whatever a list says.
#[test]
fn a_launch_that_was_throttled_to_the_end_is_over() {
    let played = played(vec![FaultRule::on("StartExperiment", FaultEffect::throttled(None))]);
    assert_eq!(played.result.gate.verdict, Verdict::TimedOut, "it has waited for queue-timeout");
    assert_eq!(played.world.count("ListExperiments"), 0, "there is nothing to look for");
    assert_eq!(played.noted.experiments[0].phase, RunPhase::Over);
}

/// The guard is asked before each launch, since some are hours after the beginning of the run.
#[test]
fn nothing_is_launched_any_more_once_the_windows_have_closed() {
    let two = Chaos { lives: vec![ChaosLife::Completes; 2], ..Chaos::with_faults(Vec::new()) };
    assert_eq!(play(&two).result.gate.verdict, Verdict::Passed);
    let played = play(&Chaos { closes_after: Some(Duration::from_secs(2)), ..two.clone() });
    let verdicts = played.result.experiments.iter().map(|experiment| experiment.verdict);
    assert_eq!(verdicts.collect::<Vec<_>>(), [Verdict::Passed, Verdict::Errored]);
    assert_eq!(played.result.experiments[1].reason, "not launched: the windows are closed");
    assert_eq!((played.result.gate.verdict, played.world.count("StartExperiment")), (Verdict::Errored, 1));

    // Nor is it while a launch waits for a slot.
    let quota = FaultEffect::Error {
        status: 402,
        code: "ServiceQuotaExceededException".into(),
        message: "no more".into(),
        retry_after: None,
    };
    let full = FaultRule::on("StartExperiment", quota).times(3);
    let one = Chaos { closes_after: Some(Duration::from_secs(2)), ..Chaos::with_faults(vec![full]) };
    let played = play(&one);
    assert_eq!(played.result.gate.verdict, Verdict::Errored);
    assert!(played.world.inventory.experiments.is_empty());
}
