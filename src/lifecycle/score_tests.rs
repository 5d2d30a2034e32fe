use proptest::prelude::*;

use super::*;
use crate::model::State;

fn probe(passed: u64, total: u64, weight: u32) -> Probe {
    Probe {
        name: "p".to_owned(),
        kind: "http".to_owned(),
        passed,
        total,
        score: Score::of_share(passed, total),
        weight,
        limit_ms: None,
        detected_after_ms: None,
        recovered_after_ms: None,
        samples: Vec::new(),
        late_ms: 0,
        samples_left_out: 0,
    }
}

fn judged(source: Option<ScoreSource>) -> Judgement {
    Judgement {
        state: State::Completed,
        verdict: Verdict::Passed,
        score: source
            .map(|source| if source == ScoreSource::StopCondition { Score::ZERO } else { Score::FULL }),
        score_source: source,
        reason: "it completed".to_owned(),
        evidence: Vec::new(),
    }
}

fn scored(probes: &[Probe]) -> Judgement {
    let mut judged = judged(Some(ScoreSource::Completion));
    measured(&mut judged, probes);
    judged
}

#[test]
fn only_what_completed_is_measured_by_its_probes() {
    let probes = [probe(1, 2, 10)];
    let judged_by = |source| {
        let mut judged = judged(source);
        measured(&mut judged, &probes);
        (judged.score.map(Score::get), judged.score_source)
    };
    assert_eq!(judged_by(Some(ScoreSource::Completion)), (Some(50.0), Some(ScoreSource::Probes)));
    assert_eq!(judged_by(Some(ScoreSource::Engine)), (Some(100.0), Some(ScoreSource::Engine)));
    assert_eq!(judged_by(Some(ScoreSource::StopCondition)), (Some(0.0), Some(ScoreSource::StopCondition)));
    assert_eq!(judged_by(None), (None, None));
    assert_eq!(scored(&[]).score_source, Some(ScoreSource::Completion));
}

#[test]
fn below_its_floor_it_fails_and_names_what_cost_most() {
    let mut probes = vec![probe(9, 10, 1), probe(0, 0, 10), probe(4, 4, 5)];
    (probes[1].name, probes[2].name) = ("smoke".to_owned(), "fine".to_owned());
    let judged = |floor| {
        let mut judged = scored(&probes);
        apply_floor(&mut judged, Score::new(floor), &probes);
        judged
    };
    // (90 × 1 + 0 × 10 + 100 × 5) / 16
    assert_eq!(judged(36.875).verdict, Verdict::Passed);
    let failed = judged(37.0);
    assert_eq!(failed.verdict, Verdict::Failed);
    assert_eq!(
        failed.reason,
        "it completed; its probes score 36.87; its score 36.87 is below the expected 37; \
         smoke passed 0 of 0 (it was never evaluated); p passed 9 of 10 (no reason given)"
    );
}

proptest! {
    #[test]
    fn the_laws_of_the_score(
        parts in prop::collection::vec((0_u64..20, 0_u64..20, 0_u32..1000), 1..8),
        which in any::<prop::sample::Index>(),
        turn in 0_usize..8,
    ) {
        let probes: Vec<Probe> = parts
            .iter()
            .map(|(passed, failed, weight)| probe(*passed, passed + failed, *weight))
            .collect();
        let score = scored(&probes).score;
        let Some(score) = score else {
            prop_assert!(probes.iter().all(|probe| probe.weight == 0));
            return Ok(());
        };
        prop_assert!((0.0..=100.0).contains(&score.get()));
        let close = |one: Score, other: Score| (one.get() - other.get()).abs() < 1e-9;

        // Order does not matter.
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
        // One more pass never lowers it, one more failure never raises it.
        prop_assert!(with(probe(one.passed + 1, one.total + 1, one.weight)) >= score.get() - 1e-9);
        prop_assert!(with(probe(one.passed, one.total + 1, one.weight)) <= score.get() + 1e-9);
        // What is not known is never better than what has failed.
        prop_assert!(with(probe(0, 0, one.weight)) <= with(probe(0, 1, one.weight)));
        prop_assert!(with(probe(0, 0, one.weight)) <= score.get() + 1e-9);
        // All that passed is full, to the last digit.
        let full: Vec<Probe> = probes.iter().map(|one| probe(7, 7, one.weight)).collect();
        prop_assert_eq!(scored(&full).score, Some(Score::FULL));
    }
}
