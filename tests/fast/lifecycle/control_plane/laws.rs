//! The laws that must hold for any life of a run and any trouble with requests.

use faultgate_testkit::fake_manager::{FakeLife, execution, life};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn any_effect() -> impl Strategy<Value = FakeEffect> {
    let kinds = select(vec![
        TroubleKind::Unsent,
        TroubleKind::Unanswered,
        TroubleKind::Limited,
        TroubleKind::Unauthenticated,
        TroubleKind::Denied,
        TroubleKind::Missing,
        TroubleKind::Refused,
    ]);
    prop_oneof![
        6 => Just(OK),
        4 => (kinds, proptest::option::of(0..400_u64)).prop_map(|(kind, wait)| FakeEffect::Trouble(kind, wait)),
        1 => Just(FakeEffect::LostAnswer),
        1 => Just(FakeEffect::Hang),
        1 => Just(FakeEffect::Gone),
        1 => Just(FakeEffect::Another),
    ]
}

fn any_life() -> impl Strategy<Value = FakeLife> {
    let words = vec![
        "Queued",
        "Running",
        "Completed",
        "Completed_With_Probe_Failure",
        "Stopped",
        "Error",
        "Blocked",
        "Skipped",
        "Timeout",
        "NA",
        "Unheard_Of",
        "",
    ];
    let beats = proptest::collection::vec((0..200_u64, select(words)), 0..6);
    let score =
        proptest::option::weighted(0.8, prop_oneof![Just(100.0), Just(0.0), -5.0..120.0, Just(f64::NAN)]);
    let counted = || proptest::option::weighted(0.8, 0..3_u64);
    let data = prop_oneof![
        3 => Just(Some(execution("Pass"))),
        1 => Just(Some(execution("Awaited"))),
        1 => Just(Some(serde_json::json!("{"))),
        1 => Just(None),
    ];
    (
        beats,
        score,
        (counted(), counted(), counted()),
        data,
        0..60_u64,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.05),
    )
        .prop_map(|(mut beats, score, (total, passed, failed), execution, named, deaf, cron)| {
            beats.sort_by_key(|(after, _)| *after);
            FakeLife {
                score,
                counts: FaultCounts { total, passed, failed, stopped: Some(0), ..FaultCounts::default() },
                execution,
                named_after: Duration::from_secs(named),
                deaf,
                cron,
                ..life(&beats)
            }
        })
}

fn holds(fake: &FakeManager, played: &Played) {
    let world = fake.0.borrow();
    for (name, count) in &world.launches {
        assert!(*count <= 1, "{name} was launched {count} times");
    }
    for stopped in &world.stops {
        if let Some(own) = world.runs.iter().find(|run| run.notify_id == *stopped) {
            assert!(own.ours, "somebody else's run was stopped");
            continue;
        }
        // A launch of a scheduled experiment has an id and begins no run, so a stop by this id meets nobody.
        assert!(world.lives.values().any(|life| life.cron), "{stopped} is no run");
    }
    assert!(played.took <= TIMEOUT + around(), "{:?}", played.took);
    for result in &played.results {
        if result.verdict == Verdict::Passed {
            let id = result.id.as_deref().expect("an id");
            let own = world.runs.iter().find(|run| run.notify_id == id).expect("a run that there is");
            assert!(own.ours && state_of(own.phase()) == State::Completed, "false green: {result:#?}");
            assert!(own.life.score.and_then(Score::new).is_some(), "false green: {result:#?}");
            assert_ne!(own.life.counts.total, Some(0), "false green: {result:#?}");
            // The counts have to do if no faults can be read, and must say that all of them passed.
            if result.faults.is_empty() {
                let FaultCounts { total, passed, failed, .. } = own.life.counts;
                assert!(
                    failed.unwrap_or(0) == 0 && total.is_none_or(|total| passed == Some(total)),
                    "{result:#?}"
                );
            }
            let told = !result.faults.is_empty() && own.life.execution == Some(execution("Awaited"));
            assert!(!told, "false green: {result:#?}");
        }
        // Every run that was begun is over, or the report says that it may not be.
        for own in world.runs.iter().filter(|run| run.ours && run.life.beats.len() < 100) {
            let over = state_of(own.phase()).is_terminal();
            let says = |words: &str| played.results.iter().any(|result| result.reason.contains(words));
            let said = says("NOT confirmed") || says("by hand") || says("look whether one begins");
            assert!(over || said || own.stopped_at.is_some(), "{} is left: {result:#?}", own.notify_id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_ends_and_never_passes_by_mistake(
        lives in proptest::collection::vec(any_life(), 1..3),
        effects in proptest::collection::vec(proptest::collection::vec(any_effect(), 0..12), 5),
        same in any::<bool>(),
        lists_no_notify_ids in prop::bool::weighted(0.3),
        rival in proptest::option::weighted(0.3, 0..2_000_u64),
        signal in proptest::option::weighted(0.3, 0..300_000_u64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            // A launch that was lost on its way and a rival's that came in the same moment cannot be told
            // apart.
            let rival = rival.filter(|_| signal.is_none());
            let begins_none = lives.iter().any(|life| life.cron);
            let is_lost = |effect: &FakeEffect| match effect {
                FakeEffect::Hang | FakeEffect::Trouble(TroubleKind::Unanswered, _) => true,
                effect => matches!(effect, FakeEffect::LostAnswer) && begins_none,
            };
            let mut effects = effects;
            if rival.is_some() {
                effects[0].retain(|effect| !is_lost(effect));
            }
            let mut fake = FakeManager::with("e0", lives[0].clone());
            for (operation, effects) in ["launch", "read", "details", "recent", "stop"].into_iter().zip(effects) {
                fake = fake.after(operation, &effects);
            }
            for (number, life) in lives.iter().enumerate() {
                fake.0.borrow_mut().lives.insert(format!("e{number}"), life.clone());
            }
            fake.0.borrow_mut().lists_no_notify_ids = lists_no_notify_ids;
            fake.begin("e0", false);
            let ids: Vec<(String, String)> = (0..lives.len())
                .map(|number| (format!("x{number}"), format!("e{}", if same { 0 } else { number })))
                .collect();
            let plans: Vec<(&str, &str)> = ids.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
            let setting = Setting {
                dry_run: false,
                signal: signal.map(|at| (Duration::from_millis(at), Signal::Interrupt)),
            };
            let disturb = async {
                if let Some(at) = rival {
                    sleep(Duration::from_millis(at)).await;
                    fake.begin("e0", false);
                }
                std::future::pending::<()>().await;
            };
            let played = tokio::select! {
                played = run(&fake, &plans, setting) => played,
                () = disturb => unreachable!("it never ends"),
            };
            holds(&fake, &played);
        });
    }
}
