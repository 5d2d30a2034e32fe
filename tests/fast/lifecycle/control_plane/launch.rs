//! Tests of launches whose answers are lost, refused or late.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_launch_that_has_surely_had_no_effect_is_tried_again() {
    for effects in [
        &[trouble(TroubleKind::Unsent), trouble(TroubleKind::Unsent)][..],
        &[FakeEffect::Trouble(TroubleKind::Limited, Some(20)), trouble(TroubleKind::Limited)],
    ] {
        let fake = completes().after("launch", effects);
        let played = one(&fake).await;
        assert_eq!(played.one().verdict, Verdict::Passed, "{}", played.one().reason);
        assert_eq!((fake.calls_of("launch"), fake.0.borrow().runs.len()), (3, 1));
    }
    let fake = completes().after("launch", &vec![trouble(TroubleKind::Limited); 100]);
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::TimedOut, "within queue-timeout");
    assert!(played.warnings[0].contains("takes no more requests for now"), "{:?}", played.warnings);
    assert!(fake.calls_of("launch") < 40 && played.took < Duration::from_secs(240), "{:?}", played.took);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told_with_what_to_do() {
    let fake = completes().after("launch", &[trouble(TroubleKind::Unauthenticated)]);
    let played = one(&fake).await;
    assert_eq!((played.one().verdict, fake.calls_of("launch")), (Verdict::Errored, 1));
    assert!(played.one().reason.contains("renew the token"), "{}", played.one().reason);
}

#[tokio::test(start_paused = true)]
async fn a_launch_without_an_answer_finds_its_run_and_is_not_sent_again() {
    let fake =
        completes().after("launch", &[FakeEffect::LostAnswer]).after("recent", &[OK, FakeEffect::LostAnswer]);
    fake.begin("e", false);
    fake.begin("e", false);
    let played = one(&fake).await;
    assert_eq!(played.one().id.as_deref(), Some("n3"));
    assert_eq!(played.one().verdict, Verdict::Passed, "{}", played.one().reason);
    assert_eq!(fake.calls_of("launch"), 1);
    assert!(played.warnings[0].contains("the only run that is new"), "{:?}", played.warnings);
}

/// The lists have no notify ids, and the run is over before it is looked for.
#[tokio::test(start_paused = true)]
async fn a_launch_without_an_answer_finds_a_run_that_is_over_already() {
    let mut own = life(&[(0, "Completed")]);
    own.named_after = Duration::ZERO;
    let fake = FakeManager::with("e", own).after("launch", &[FakeEffect::LostAnswer]);
    fake.0.borrow_mut().lists_no_notify_ids = true;
    fake.begin("e", false);
    let played = one(&fake).await;
    assert_eq!(played.one().id.as_deref(), Some("n2"), "{}", played.one().reason);
    assert_eq!((played.one().verdict, fake.calls_of("launch")), (Verdict::Passed, 1));
    // Neither of two launches of one experiment is taken for the other, even if one is over.
    let fake = fake.after("launch", &[OK, FakeEffect::LostAnswer]);
    let played = run(&fake, &[("one", "e"), ("two", "e")], Setting::default()).await;
    let ids: Vec<_> = played.results.iter().map(|result| result.id.as_deref()).collect();
    assert_eq!(ids, [Some("n3"), Some("n4")]);
}

/// Somebody else's run gets its id after ours was launched, and is not taken for it.
#[tokio::test(start_paused = true)]
async fn a_run_that_waited_before_is_not_taken_for_ours() {
    let mut own = life(&[(3, "Running"), (100, "Completed")]);
    own.named_after = Duration::from_secs(3);
    let fake = FakeManager::with("e", own).after("launch", &[trouble(TroubleKind::Unanswered)]);
    fake.0.borrow_mut().lists_no_notify_ids = true;
    fake.begin("e", false);
    let played = one(&fake).await;
    assert_eq!((played.one().verdict, played.one().id.as_deref()), (Verdict::Errored, None));
    assert!(played.one().reason.contains("no run of it has begun"), "{}", played.one().reason);
    assert_eq!(fake.calls_of("stop"), 0);
}

/// A run without a notify id cannot be told from any other that waits.
#[tokio::test(start_paused = true)]
async fn a_launch_without_an_answer_whose_run_stays_in_the_queue_is_told() {
    let mut own = life(&[]);
    own.named_after = Duration::from_secs(3_600);
    let fake = FakeManager::with("e", own).after("launch", &[FakeEffect::LostAnswer]);
    fake.0.borrow_mut().lists_no_notify_ids = true;
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::Errored);
    for says in ["a new run has no notify id", "look by hand"] {
        assert!(played.one().reason.contains(says), "{}", played.one().reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_of_which_nothing_has_come_is_an_error() {
    for effect in [trouble(TroubleKind::Unanswered), FakeEffect::Hang] {
        let fake = completes().after("launch", &[effect]);
        let foreign = fake.begin("e", false);
        let played = one(&fake).await;
        assert_eq!((played.one().verdict, played.one().id.as_deref()), (Verdict::Errored, None));
        assert!(played.one().reason.contains("no run of it has begun"), "{}", played.one().reason);
        assert_eq!((fake.calls_of("launch"), fake.calls_of("stop")), (1, 0), "{foreign}");
    }
}

/// The run that is ours cannot be told, and to stop the other one would be somebody else's loss.
#[tokio::test(start_paused = true)]
async fn two_new_runs_are_left_alone() {
    let fake = completes().after("launch", &[FakeEffect::LostAnswer]);
    let rival = async {
        sleep(Duration::from_millis(250)).await;
        fake.begin("e", false);
        std::future::pending::<()>().await;
    };
    let played = tokio::select! { played = one(&fake) => played, () = rival => unreachable!() };
    assert_eq!(played.one().verdict, Verdict::Errored);
    assert!(played.one().reason.contains("2 runs are new") && played.one().reason.contains("by hand"));
    assert_eq!((fake.calls_of("launch"), fake.calls_of("stop")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn without_earlier_runs_a_launch_goes_on_and_an_unanswered_one_says_so() {
    let fake = completes().after("recent", &[trouble(TroubleKind::Denied)]);
    assert_eq!(one(&fake).await.one().verdict, Verdict::Passed);
    let fake =
        fake.after("recent", &[trouble(TroubleKind::Denied)]).after("launch", &[FakeEffect::LostAnswer]);
    let played = one(&fake).await;
    assert!(
        played.one().reason.contains("which runs there were before is not known"),
        "{}",
        played.one().reason
    );
    let fake = completes().after("recent", &vec![trouble(TroubleKind::Unanswered); 9]);
    let played = one(&fake).await;
    assert_eq!((played.one().verdict, fake.calls_of("launch")), (Verdict::Errored, 0));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_has_no_run_of_its_own() {
    let mut own = life(&[]);
    own.cron = true;
    let fake = FakeManager::with("e", own);
    let played = one(&fake).await;
    assert_eq!(played.one().verdict, Verdict::Errored);
    for says in ["scheduled (cron)", "may have had an effect"] {
        assert!(played.one().reason.contains(says), "{}", played.one().reason);
    }
    assert_eq!(fake.calls_of("launch"), 1);
}

/// The control plane took the request, so a run that nobody can name may have begun.
#[tokio::test(start_paused = true)]
async fn a_launch_that_names_no_run_stays_in_doubt() {
    let mut own = life(&[]);
    own.cron = true;
    let settings = ControlPlaneSettings { dry_run: false, injection: InjectionRule::default(), seed: 1 };
    let engine = ControlPlaneEngine::new(
        FakeManager::with("e", own),
        settings,
        Clock::start(),
        Cancel::new().token().clone(),
    );
    let plan = plan("shop", "e");
    assert!(engine.launch(&plan, &Unnoted).await.is_err());
    assert!(engine.how_to_look(&plan).is_some_and(|how| how.contains("look by hand")));
}

#[tokio::test(start_paused = true)]
async fn two_launches_of_one_experiment_are_two_runs() {
    let fake = completes().after("launch", &[OK, FakeEffect::LostAnswer]);
    let played = run(&fake, &[("one", "e"), ("two", "e")], Setting::default()).await;
    let ids: Vec<_> = played.results.iter().map(|result| result.id.as_deref()).collect();
    assert_eq!(ids, [Some("n1"), Some("n2")]);
    assert!(played.results.iter().all(|result| result.verdict == Verdict::Passed));
}
