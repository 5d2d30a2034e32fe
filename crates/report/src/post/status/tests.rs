use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::*;
use crate::Nature;
use crate::fake_forge::{FakeForge, ForgeAsked};
use crate::forge::{Again, Rival};
use faultgate_core::model::{Forecast, Outcome, Shard, Source, Transition};
use faultgate_testkit::results;

const CONTEXT: &str = "faultgate/az";
const NO_TIME: Duration = Duration::ZERO;

fn style() -> StatusStyle {
    StatusStyle {
        prefix: "faultgate".to_owned(),
        target_url: None,
        attempt: Some(1),
        shard: None,
        part: Vec::new(),
        nature: Nature::Real,
        hides_accounts: false,
    }
}

/// Makes the sink with all statuses.
fn all(experiments: &[&str], style: StatusStyle, forge: &FakeForge) -> CommitStatuses {
    let scope = StatusScope::all(experiments.len(), style.shard.is_some());
    CommitStatuses::new(experiments, scope, style, forge.connection())
}

fn alone(forge: &FakeForge) -> CommitStatuses {
    all(&["az"], style(), forge)
}

fn launched(statuses: &mut CommitStatuses, experiment: usize) {
    statuses.on(&RunEvent::Launched { experiment, id: "EXP1", url: None, forecast: &Forecast::default() });
}

fn running(statuses: &mut CommitStatuses, experiment: usize) {
    let transition = Transition {
        state: State::Running,
        raw_state: "running".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        observed_at: Timestamp::UNIX_EPOCH,
        source: Source::Event,
        reason: None,
    };
    statuses.on(&RunEvent::Transition { experiment, transition: &transition });
}

/// Waits long enough for every request that is not refused.
async fn a_while() {
    sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_experiment_is_told_as_pending_running_and_ended() {
    let forge = FakeForge::taking(NO_TIME);
    let mut statuses = alone(&forge);
    launched(&mut statuses, 0);
    a_while().await;
    running(&mut statuses, 0);
    a_while().await;
    // A state that is known already is not posted again.
    running(&mut statuses, 0);
    a_while().await;
    let reported = statuses.finish(&results::passed()).await.unwrap();
    assert_eq!(reported.outcome, Outcome::Written);
    assert_eq!(forge.states(CONTEXT), [StatusState::Pending, StatusState::Running, StatusState::Success]);
    let Some(ForgeAsked::Status(_, _, description)) = forge.asked().pop() else { panic!("a status") };
    assert!(description.starts_with("passed: score 100: it completed"), "{description}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_forge_delays_nobody_and_is_told_the_newest() {
    let forge = FakeForge::taking(Duration::from_secs(4));
    let mut statuses = alone(&forge);
    let begun = Instant::now();
    launched(&mut statuses, 0);
    tokio::task::yield_now().await;
    running(&mut statuses, 0);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    statuses.finish(&results::passed()).await;
    let states = forge.states(CONTEXT);
    assert_eq!(states.last(), Some(&StatusState::Success));
    assert!(!states.contains(&StatusState::Running), "{states:?}");
    assert!(begun.elapsed() <= Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_may_help_is_tried_again() {
    let again = [Some(Again::Soon), Some(Again::After(Duration::from_secs(30))), None];
    let forge = FakeForge::taking(NO_TIME).refusing(&again);
    let mut statuses = alone(&forge);
    launched(&mut statuses, 0);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(forge.states(CONTEXT), [StatusState::Pending; 3]);
    let reported = statuses.finish(&results::passed()).await.unwrap();
    assert_eq!(reported.outcome, Outcome::Written);
}

#[tokio::test(start_paused = true)]
async fn a_newer_word_does_not_wait_for_an_older_one() {
    let forge = FakeForge::taking(NO_TIME).refusing(&[Some(Again::Soon)]);
    let mut statuses = alone(&forge);
    launched(&mut statuses, 0);
    sleep(Duration::from_millis(100)).await;
    running(&mut statuses, 0);
    a_while().await;
    assert_eq!(forge.states(CONTEXT), [StatusState::Pending, StatusState::Running]);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_for_good_is_tried_once_more_at_the_end() {
    let forge = FakeForge::taking(NO_TIME).refusing(&[Some(Again::Never), Some(Again::Never)]);
    let mut statuses = alone(&forge);
    launched(&mut statuses, 0);
    a_while().await;
    running(&mut statuses, 0);
    a_while().await;
    let reported = statuses.finish(&results::passed()).await.unwrap();
    assert_eq!(forge.states(CONTEXT), [StatusState::Pending, StatusState::Success]);
    assert_eq!(reported.outcome, Outcome::Failed);
    assert_eq!(reported.detail.as_deref(), Some("could not do it: no; allow it"));
}

#[tokio::test(start_paused = true)]
async fn at_the_end_nobody_waits_for_a_long_pause() {
    let forge = FakeForge::taking(NO_TIME).refusing(&[Some(Again::After(Duration::from_secs(60)))]);
    let begun = Instant::now();
    let reported = alone(&forge).finish(&results::passed()).await.unwrap();
    assert_eq!((reported.outcome, begun.elapsed()), (Outcome::Failed, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn of_several_each_ends_when_it_ends_and_the_run_at_last() {
    let forge = FakeForge::taking(NO_TIME);
    let result = results::mixed();
    let names: Vec<&str> = result.experiments.iter().map(|experiment| experiment.name.as_str()).collect();
    let mut statuses = all(&names, style(), &forge);
    launched(&mut statuses, 0);
    a_while().await;
    let first = &result.experiments[0];
    statuses.on(&RunEvent::Ended {
        experiment: 0,
        state: first.state,
        verdict: first.verdict,
        score: first.score,
        reason: &first.reason,
        warnings: &first.warnings,
    });
    a_while().await;
    let context = format!("faultgate/{}", names[0]);
    assert_eq!(forge.states(&context), [StatusState::Pending, state_of(first.verdict)]);
    assert_eq!(forge.states("faultgate"), [StatusState::Pending]);
    statuses.finish(&result).await;
    assert_eq!(forge.states(&context).len(), 2, "told once");
    assert_eq!(forge.states("faultgate"), [StatusState::Pending, state_of(result.gate.verdict)]);
    for (name, experiment) in names.iter().zip(&result.experiments) {
        let states = forge.states(&format!("faultgate/{name}"));
        assert_eq!(states.last(), Some(&state_of(experiment.verdict)), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_verdict_that_turned_is_told_when_it_is_finished_again() {
    let forge = FakeForge::taking(NO_TIME);
    let mut statuses = alone(&forge);
    let mut result = results::passed();
    statuses.finish(&result).await;
    result.gate.verdict = Verdict::Errored;
    result.gate.reasons.insert(0, "the report comment could not be posted".to_owned());
    statuses.finish(&result).await;
    assert_eq!(forge.states(CONTEXT), [StatusState::Success, StatusState::Error]);
    let Some(ForgeAsked::Status(_, _, description)) = forge.asked().pop() else { panic!("a status") };
    assert!(description.contains("could not be posted"), "{description}");
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_and_a_later_attempt_say_so() {
    let forge = FakeForge::taking(NO_TIME);
    let style = StatusStyle { attempt: Some(3), nature: Nature::Rehearsal, ..style() };
    all(&["az"], style, &forge).finish(&results::passed()).await;
    let Some(ForgeAsked::Status(_, _, description)) = forge.asked().pop() else { panic!("a status") };
    assert!(description.starts_with("rehearsal: attempt 3: passed"), "{description}");
}

/// Returns the contexts that a run of these experiments posts to at its end.
async fn contexts(experiments: &[&str], style: StatusStyle) -> Vec<String> {
    let forge = FakeForge::taking(NO_TIME);
    let mut result = results::passed();
    let one = result.experiments[0].clone();
    result.experiments = vec![one; experiments.len()];
    all(experiments, style, &forge).finish(&result).await;
    let mut contexts: Vec<_> = forge
        .asked()
        .into_iter()
        .filter_map(|asked| match asked {
            ForgeAsked::Status(context, state, _) => {
                assert_eq!(state, StatusState::Success);
                Some(context)
            }
            _ => None,
        })
        .collect();
    contexts.sort();
    contexts
}

#[tokio::test(start_paused = true)]
async fn a_part_and_what_is_only_tried_out_never_speak_for_the_gate() {
    let plain = contexts(&["az", "pods"], style()).await;
    assert_eq!(plain, ["faultgate", "faultgate/az", "faultgate/pods"]);
    let shard = StatusStyle { shard: Shard::new(2, 5), ..style() };
    assert_eq!(contexts(&["az"], shard).await, ["faultgate 2/5", "faultgate/az"]);
    let dry = StatusStyle { nature: Nature::DryRun, ..style() };
    let dry = contexts(&["az", "pods"], dry).await;
    assert_eq!(dry, ["faultgate dry run", "faultgate dry run/az", "faultgate dry run/pods"]);
    let rehearsed = StatusStyle { nature: Nature::Rehearsal, ..style() };
    assert_eq!(contexts(&["az"], rehearsed).await, ["faultgate rehearsal/az"]);
}

#[test]
fn a_description_that_everybody_may_read_tells_no_accounts() {
    let role = "User: arn:aws:sts::111122223333:assumed-role/ci is denied in 111122223333";
    let described = |what: &str, hides_accounts| {
        let style = StatusStyle { hides_accounts, ..style() };
        style.status("faultgate".to_owned(), StatusState::Error, what).description
    };
    assert_eq!(described(role, true), "User: assumed-role/ci is denied in …");
    assert_eq!(described(role, false), role);
    // An account is found before the end is cut off.
    let cut = described(&format!("{} {role}", "x".repeat(360)), true);
    assert!(!cut.contains("1111"), "{cut}");
}

#[test]
fn no_job_speaks_for_its_siblings() {
    let of = |shard: Option<(u32, u32)>, part: &[&str]| {
        let style = StatusStyle {
            shard: shard.and_then(|(number, of)| Shard::new(number, of)),
            part: part.iter().map(|value| (*value).to_owned()).collect(),
            ..style()
        };
        (style.context(None), style.context(Some("az")))
    };
    let names = |run: &str, experiment: &str| (run.to_owned(), experiment.to_owned());
    assert_eq!(of(None, &[]), names("faultgate", "faultgate/az"));
    assert_eq!(of(None, &["eu", "blue"]), names("faultgate (eu, blue)", "faultgate/az (eu, blue)"));
    // An experiment is in one shard only, whichever that is: its name stays.
    assert_eq!(of(Some((2, 5)), &["2/5"]), of(Some((2, 5)), &[]));
    assert_eq!(of(Some((2, 5)), &["2"]).1, "faultgate/az");
    assert_eq!(of(Some((2, 5)), &["eu", "2"]).1, "faultgate/az (eu)");
    let long = |end: &str| of(None, &[&format!("{}{end}", "x".repeat(80))]).1;
    assert_ne!(long("a"), long("b"));
    assert!(long("a").chars().count() < 90, "{}", long("a"));
    assert!(!of(None, &["a\nb"]).0.contains('\n'));
}

const PAGE: &str = "https://ci.example/run/1";

fn rival(has_failed: bool, is_newer: bool, description: &str) -> Rival {
    Rival { has_failed, is_newer, description: description.to_owned(), target_url: Some(PAGE.to_owned()) }
}

/// Plays a run of attempt 2, with the status of another job at its beginning and at its end. Returns the
/// states that the run posted, and its report.
async fn beside(
    begins: Option<Rival>,
    ends: Option<Rival>,
    result: RunResult,
) -> (Vec<StatusState>, Reported) {
    let forge = FakeForge::taking(NO_TIME);
    let style = StatusStyle { target_url: Some(PAGE.to_owned()), attempt: Some(2), ..style() };
    let mut statuses = all(&["az"], style, &forge);
    *forge.rival.lock().unwrap() = begins;
    launched(&mut statuses, 0);
    a_while().await;
    *forge.rival.lock().unwrap() = ends;
    let reported = statuses.finish(&result).await.unwrap();
    (forge.states(CONTEXT), reported)
}

#[tokio::test(start_paused = true)]
async fn a_success_hides_no_failure_of_another_job() {
    use StatusState::{Pending, Success};
    let newer = rival(true, true, "failed: it broke");
    let (states, reported) = beside(None, Some(newer), results::passed()).await;
    assert_eq!((states.as_slice(), reported.outcome), ([Pending].as_slice(), Outcome::Skipped));
    let detail = reported.detail.unwrap();
    assert!(detail.contains("failed: it broke") && detail.contains("`status-context`"), "{detail}");
    assert!(reported.to_do);

    // A sibling of the same attempt had failed before this job began.
    let sibling = Some(rival(true, false, "attempt 2: failed: it broke"));
    let (states, reported) = beside(sibling.clone(), sibling, results::passed()).await;
    assert_eq!((states, reported.outcome), (vec![], Outcome::Skipped));

    // The failure of an earlier attempt is of no interest any more.
    let earlier = Some(rival(true, false, "failed: it broke"));
    let (states, reported) = beside(earlier, None, results::passed()).await;
    assert_eq!((states, reported.outcome), (vec![Pending, Success], Outcome::Written));

    let passed = Some(rival(false, true, "passed"));
    let (states, reported) = beside(None, passed, results::passed()).await;
    assert_eq!((states, reported.outcome), (vec![Pending, Success], Outcome::Written));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_whoever_else_has_failed() {
    let newer = Some(rival(true, true, "failed: it broke"));
    let (states, reported) = beside(None, newer, results::stopped()).await;
    assert_eq!(states, [StatusState::Pending, StatusState::Failure]);
    assert_eq!(reported.outcome, Outcome::Written);
}
