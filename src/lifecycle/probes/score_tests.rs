use std::time::Duration;

use proptest::prelude::*;

use super::*;
use faultgate_core::model::{Check, PhaseEvaluations, Phases, Sample, State};
use faultgate_testkit::plans::probe;

fn named(name: &str, probe: Probe) -> Probe {
    let failed = Sample {
        at: jiff::Timestamp::UNIX_EPOCH,
        phase: Phase::During,
        passed: false,
        latency_ms: None,
        reason: Some("status 503".into()),
    };
    let samples = if probe.passed < probe.total { vec![failed] } else { Vec::new() };
    Probe { name: name.to_owned(), samples, ..probe }
}

/// Returns the probe with one more evaluation that counts, which came after the end.
fn looked_after(probe: Probe, passed: bool) -> Probe {
    let passed_counted = probe.passed_counted + u64::from(passed);
    let counted = probe.counted + 1;
    Probe {
        passed: passed_counted,
        total: counted,
        counted,
        passed_counted,
        unevaluated: None,
        score: Score::of_share(passed_counted, counted),
        phases: Phases {
            after: PhaseEvaluations { total: 1, passed: u64::from(passed), ..PhaseEvaluations::default() },
            ..probe.phases
        },
        ..probe
    }
}

fn plan(name: &str, when: &[Phase]) -> ProbePlan {
    ProbePlan {
        name: name.to_owned(),
        check: Check::Tcp { address: "db:5432".to_owned(), within: Duration::from_secs(1) },
        when: when.to_vec(),
        every: Duration::from_secs(5),
        weight: 10,
        recovers_within: None,
        aborts_after: None,
    }
}

fn judged(source: Option<ScoreSource>) -> Judgement {
    Judgement {
        score: source
            .map(|source| if source == ScoreSource::StopCondition { Score::ZERO } else { Score::FULL }),
        score_source: source,
        injected: vec!["latency".to_owned()],
        ..Judgement::plain(State::Completed, Verdict::Passed, "it completed")
    }
}

fn scored(probes: &[Probe]) -> Judgement {
    held_against(0.0, probes)
}

fn held_against(floor: f64, probes: &[Probe]) -> Judgement {
    let mut judged = judged(Some(ScoreSource::Completion));
    score(&mut judged, Score::new(floor).unwrap(), probes, &[]);
    judged
}

#[test]
fn only_what_completed_is_measured_by_its_probes() {
    let probes = [probe(1, 2, 10)];
    let judged_by = |source| {
        let mut judged = judged(source);
        score(&mut judged, Score::ZERO, &probes, &[]);
        (judged.score.map(Score::get), judged.score_source)
    };
    assert_eq!(judged_by(Some(ScoreSource::Completion)), (Some(50.0), Some(ScoreSource::Probes)));
    assert_eq!(judged_by(Some(ScoreSource::Engine)), (Some(100.0), Some(ScoreSource::Engine)));
    assert_eq!(judged_by(Some(ScoreSource::StopCondition)), (Some(0.0), Some(ScoreSource::StopCondition)));
    assert_eq!(judged_by(None), (None, None));
    assert_eq!(scored(&[]).score_source, Some(ScoreSource::Completion));
    let precondition = Probe { unevaluated: None, ..probe(0, 0, 0) };
    assert_eq!(scored(&[precondition]).score_source, Some(ScoreSource::Completion), "it has no part in it");
}

#[test]
fn the_reason_begins_with_the_score_and_names_what_cost_most() {
    let probes = [
        named("port", probe(9, 10, 1)),
        named("checkout answers", probe(6, 9, 10)),
        named("fine", probe(4, 4, 5)),
    ];
    let failed = held_against(100.0, &probes);
    assert_eq!(failed.verdict, Verdict::Failed);
    assert_eq!(
        failed.reason,
        "score 78.54 < 100: checkout answers failed 3 of 9 looks (status 503) while latency was in; \
         port failed 1 of 10 looks (status 503) while latency was in"
    );
    let passed = held_against(70.0, &probes);
    assert_eq!(passed.verdict, Verdict::Passed);
    assert!(passed.reason.starts_with("score 78.54 >= 70: checkout answers failed 3 of 9 looks"));
    assert_eq!(
        held_against(100.0, &probes[2..]).reason,
        "score 100 >= 100: fine passed all 4 looks while latency was in"
    );
    let many: Vec<Probe> = (0..5).map(|number| named(&format!("p{number}"), probe(0, 1, 1))).collect();
    assert!(held_against(1.0, &many).reason.ends_with("; and 2 more probes"));
}

#[test]
fn probes_that_fail_beside_the_engines_own_score_are_a_warning() {
    let warnings = |source, probes: &[Probe]| {
        let mut judged = judged(Some(source));
        score(&mut judged, Score::FULL, probes, &[]);
        (judged.verdict, judged.score, judged.warnings)
    };
    let failing = [named("checkout answers", probe(6, 9, 10)), named("fine", probe(4, 4, 5))];
    let told = "checkout answers failed 3 of 9 looks (status 503) while latency was in; these looks do not count, \
                since the engine's own score does";
    let passed = (Verdict::Passed, Some(Score::FULL), vec![told.to_owned()]);
    assert_eq!(warnings(ScoreSource::Engine, &failing), passed);
    assert_eq!(warnings(ScoreSource::Engine, &failing[1..]).2, Vec::<String>::new());
    assert_eq!(warnings(ScoreSource::Completion, &failing).2, Vec::<String>::new(), "there they count");
}

#[test]
fn what_was_never_evaluated_says_what_to_do() {
    let mut judgement = judged(Some(ScoreSource::Completion));
    let missed = named("checkout", Probe { unevaluated: Some(Phase::During), ..probe(0, 0, 10) });
    let both = [Phase::During, Phase::After];
    score(&mut judgement, Score::FULL, &[missed], &[plan("checkout", &both)]);
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(
        judgement.reason,
        "score 0 < 100: checkout was never evaluated: no look (every 5s) began while latency was in; \
         set a shorter every, let the fault last longer, or look only after"
    );
}

#[test]
fn an_alarm_that_was_measured_by_time_is_told_by_time() {
    let by_time = |ok_ms: u64, failed_after_ms: u64| {
        let time = TimeInOk { fault_ms: 60_000, ok_ms, failed_after_ms, ..TimeInOk::default() };
        let score = time.score();
        Probe { score, counted: 1, by_time: Some(time), ..named("shop", probe(0, 1, 10)) }
    };
    let reason = |probes: &[Probe]| held_against(100.0, probes).reason;
    assert_eq!(
        reason(&[by_time(48_000, 0)]),
        "score 80 < 100: shop was not in OK for 12s of 1m while latency was in"
    );
    assert!(reason(&[by_time(48_000, 5_000)]).ends_with("while latency was in and failed after the end"));
    assert!(reason(&[by_time(60_000, 5_000)]).contains("shop failed after the end (status 503)"));
    let well = by_time(60_000, 0);
    assert_eq!(
        reason(std::slice::from_ref(&well)),
        "score 100 >= 100: shop was in OK all the time while latency was in and after it"
    );
    assert!(reason(&[well.clone(), well.clone()]).contains(": 2 alarms were in OK all the time while "));
    let both = reason(&[well, probe(3, 3, 10)]);
    assert!(both.contains("2 probes passed all 4 looks, 1 of them in OK all the time while "), "{both}");
    let unmeasured = Probe {
        unevaluated: Some(Phase::During),
        unmeasured: Some("no answer".to_owned()),
        ..named("shop", probe(0, 0, 10))
    };
    assert_eq!(reason(&[unmeasured]), "score 0 < 100: shop was not measured while latency was in: no answer");
}

#[test]
fn a_failure_after_the_end_is_told_as_such() {
    let told = |during: (u64, u64), after: bool, when: &[Phase]| {
        let one = looked_after(probe(during.0, during.1, 10), after);
        let mut judgement = judged(Some(ScoreSource::Completion));
        score(&mut judgement, Score::FULL, &[named("shop", one)], &[plan("shop", when)]);
        judgement.reason
    };
    let both = [Phase::During, Phase::After];
    assert_eq!(told((2, 2), false, &both), "score 66.66 < 100: shop failed after the end (status 503)");
    assert_eq!(
        told((1, 2), false, &both),
        "score 33.33 < 100: shop failed 2 of 3 looks (status 503) while latency was in and after the end"
    );
    assert_eq!(
        told((1, 2), true, &both),
        "score 66.66 < 100: shop failed 1 of 3 looks (status 503) while latency was in"
    );
    assert_eq!(told((0, 0), false, &both[1..]), "score 0 < 100: shop failed after the end (status 503)");
}

#[test]
fn what_passed_after_the_end_is_told_where_it_counts() {
    let fine = |weight| named("fine", probe(4, 4, weight));
    let checked_again = |weight| named("shop", looked_after(probe(2, 2, weight), true));
    let before_only = named("port", Probe { unevaluated: None, ..probe(0, 0, 0) });
    for (probes, told) in [
        (vec![checked_again(10)], "shop passed all 3 looks while latency was in and after it"),
        (vec![fine(1), checked_again(10)], "2 probes passed all 7 looks while latency was in and after it"),
        (vec![fine(1), checked_again(0)], "fine passed all 4 looks while latency was in"),
        (vec![fine(1), before_only], "fine passed all 4 looks while latency was in"),
    ] {
        assert_eq!(scored(&probes).reason, format!("score 100 >= 0: {told}"));
    }
}

#[test]
fn a_probe_flaps_in_words_only_where_it_was_looked_at_after_the_end() {
    let told = |probe: Probe, flaps| scored(&[named("shop", Probe { flaps, ..probe })]).reason;
    let (in_fault, looked_at_after) = (probe(1, 2, 10), looked_after(probe(1, 2, 10), true));
    let failed = "shop failed 1 of 3 looks (status 503) while latency was in";
    assert_eq!(told(looked_at_after.clone(), true), format!("score 66.66 >= 0: {failed}, and flaps"));
    assert_eq!(told(looked_at_after, false), format!("score 66.66 >= 0: {failed}"));
    let failed = "shop failed 1 of 2 looks (status 503) while latency was in";
    assert_eq!(told(in_fault, true), format!("score 50 >= 0: {failed}"), "nothing came after the end");
}

#[test]
fn a_score_that_no_probe_has_part_in_says_so() {
    let warned = |probes: &[Probe]| {
        scored(probes).warnings.iter().any(|told| told.contains("no look of its probes counts"))
    };
    assert!(warned(&[probe(4, 4, 0)]));
    assert!(!warned(&[probe(4, 4, 0), probe(4, 4, 1)]) && !warned(&[]));
}

#[test]
fn at_most_three_faults_are_told_by_name() {
    for (injected, told) in [
        (vec![], "the fault"),
        (vec!["latency", "loss", "cpu"], "latency and loss and cpu"),
        (vec!["latency", "loss", "cpu", "disk"], "latency, loss, cpu and 1 more"),
    ] {
        let injected = injected.into_iter().map(str::to_owned).collect();
        let mut judgement = Judgement { injected, ..judged(Some(ScoreSource::Completion)) };
        score(&mut judgement, Score::ZERO, &[named("fine", probe(4, 4, 5))], &[]);
        assert_eq!(judgement.reason, format!("score 100 >= 0: fine passed all 4 looks while {told} was in"));
    }
}

#[test]
fn the_engines_own_score_is_told_with_its_losses() {
    let mut judgement = Judgement {
        score: Score::new(60.0),
        losses: vec!["pod-delete: Failed".to_owned()],
        ..judged(Some(ScoreSource::Engine))
    };
    score(&mut judgement, Score::new(80.0).unwrap(), &[], &[]);
    assert_eq!(judgement.reason, "score 60 < 80: pod-delete: Failed (it completed)");
    assert_eq!(judgement.verdict, Verdict::Failed);
}

#[test]
fn a_reason_to_fail_does_not_begin_with_a_floor_that_is_reached() {
    let deviated = |floor: f64| {
        let plain =
            Judgement::plain(State::Completed, Verdict::Failed, "the steady state has deviated: whole");
        let score_source = Some(ScoreSource::Engine);
        let mut judgement = Judgement { score: Score::new(75.0), score_source, ..plain };
        score(&mut judgement, Score::new(floor).unwrap(), &[], &[]);
        (judgement.verdict, judgement.reason)
    };
    let reached = (Verdict::Failed, "the steady state has deviated: whole".to_owned());
    assert_eq!(deviated(50.0), reached);
    assert_eq!(deviated(75.0), reached);
    assert_eq!(deviated(80.0).1, "score 75 < 80: the steady state has deviated: whole");
}

#[test]
fn what_has_no_score_keeps_its_reason() {
    let mut judgement = Judgement::plain(State::Failed, Verdict::Errored, "FIS could not carry it out");
    score(&mut judgement, Score::FULL, &[probe(0, 1, 10)], &[]);
    assert_eq!(judgement.reason, "FIS could not carry it out");
}

proptest! {
    #[test]
    fn the_laws_of_the_score(
        parts in prop::collection::vec((0_u64..20, 0_u64..20, 1_u32..1000), 1..8),
        which in any::<prop::sample::Index>(),
        turn in 0_usize..8,
        floor in 0.0..=100.0_f64,
    ) {
        let probes: Vec<Probe> = parts
            .iter()
            .map(|(passed, failed, weight)| probe(*passed, passed + failed, *weight))
            .collect();
        let score = scored(&probes).score.unwrap();
        prop_assert!((0.0..=100.0).contains(&score.get()));
        let close = |one: Score, other: Score| (one.get() - other.get()).abs() < 1e-9;

        // An experiment that passes has reached its floor.
        let held = held_against(floor, &probes);
        prop_assert_eq!(held.verdict == Verdict::Passed, score.get() >= floor);

        // The order does not matter.
        let mut turned = probes.clone();
        turned.rotate_left(turn % probes.len());
        turned.reverse();
        prop_assert!(close(scored(&turned).score.unwrap(), score));

        let place = which.index(probes.len());
        let with = |changed: Probe| {
            let mut probes = probes.clone();
            probes[place] = changed;
            scored(&probes).score.unwrap().get()
        };
        let one = &probes[place];
        // One more pass never lowers the score, and one more failure never raises it.
        prop_assert!(with(probe(one.passed + 1, one.total + 1, one.weight)) >= score.get() - 1e-9);
        prop_assert!(with(probe(one.passed, one.total + 1, one.weight)) <= score.get() + 1e-9);
        // A score that is not known is never better than a failure.
        prop_assert!(with(probe(0, 0, one.weight)) <= with(probe(0, 1, one.weight)));
        prop_assert!(with(probe(0, 0, one.weight)) <= score.get() + 1e-9);
        // A probe that always passed has the full score, to the last digit.
        let full: Vec<Probe> = probes.iter().map(|one| probe(7, 7, one.weight)).collect();
        prop_assert_eq!(scored(&full).score, Some(Score::FULL));
    }
}
