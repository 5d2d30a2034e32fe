//! Statuses of very many experiments, at a forge with GitHub's limits.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::Nature;
use crate::fake_forge::FakeForge;
use crate::forge::{CAPACITY_OF_GITHUB, Capacity};
use faultgate_core::model::{Forecast, Outcome, Source, Transition};
use faultgate_testkit::results;

/// The time for all reports.
const REPORTING: Duration = Duration::from_secs(20);
const LATENCY: Duration = Duration::from_millis(150);

/// The outcome of a run.
struct Played {
    /// The state of each context that the forge shows at the end.
    shown: BTreeMap<String, StatusState>,
    reported: Reported,
    took: Duration,
}

impl Played {
    /// Asserts that the run is final, and that whatever is pending is named.
    fn assert_honest(&self) {
        let detail = self.reported.detail.as_deref().unwrap_or_default();
        assert!(self.took <= REPORTING, "{:?}", self.took);
        for (context, state) in &self.shown {
            let named = detail.split([',', ';', ':']).any(|name| name.trim() == context);
            assert!(state.is_final() || named, "{context} is pending in silence: {detail}");
        }
    }

    fn pending(&self) -> usize {
        self.shown.values().filter(|state| !state.is_final()).count()
    }
}

fn tell_running(statuses: &mut CommitStatuses, experiment: usize, state: State) {
    let transition = Transition {
        state,
        raw_state: state.as_str().to_owned(),
        at: jiff::Timestamp::UNIX_EPOCH,
        observed_at: jiff::Timestamp::UNIX_EPOCH,
        source: Source::Event,
        reason: None,
    };
    statuses.on(&RunEvent::Transition { experiment, transition: &transition });
}

/// Plays a run of so many experiments, so many at once, each as long as this.
async fn play(forge: &FakeForge, scope: StatusScope, count: usize, at_once: usize, each: Duration) -> Played {
    let names: Vec<String> = (0..count).map(|number| format!("e{number}")).collect();
    let style = StatusStyle {
        prefix: "faultgate".to_owned(),
        target_url: None,
        attempt: None,
        shard: None,
        part: Vec::new(),
        nature: Nature::Real,
        hides_accounts: false,
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut statuses = CommitStatuses::new(&names, scope, style, forge.connection());
    let mut result = results::passed();
    let one = result.experiments[0].clone();
    let places: Vec<usize> = (0..count).collect();
    for wave in places.chunks(at_once) {
        for experiment in wave {
            statuses.on(&RunEvent::Launched {
                experiment: *experiment,
                id: "EXP1",
                url: None,
                forecast: &Forecast::default(),
            });
            tell_running(&mut statuses, *experiment, State::Running);
        }
        sleep(each).await;
        for experiment in wave {
            tell_running(&mut statuses, *experiment, State::Completed);
            statuses.on(&RunEvent::Ended {
                experiment: *experiment,
                state: State::Completed,
                verdict: Verdict::Passed,
                score: one.score,
                reason: &one.reason,
                warnings: &[],
            });
        }
    }
    result.experiments = names
        .iter()
        .map(|name| faultgate_core::model::ExperimentResult { name: (*name).to_owned(), ..one.clone() })
        .collect();
    statuses.on(&RunEvent::Decided(&result.gate));
    let begun = Instant::now();
    let finished = timeout(REPORTING, statuses.finish(&result)).await;
    let reported = match finished {
        Ok(reported) => reported.unwrap(),
        Err(_) => statuses.cut_off(&result, "no answer within 20.0 s"),
    };
    let took = begun.elapsed();
    let taken = forge.taken();
    let shown = taken.into_iter().map(|status| (status.context, status.state)).collect();
    Played { shown, reported, took }
}

const ALL: StatusScope = StatusScope { experiments: true, run: true };

#[tokio::test(start_paused = true)]
async fn a_thousand_experiments_leave_nothing_pending_in_silence() {
    for (at_once, each) in [(1_000, 60), (100, 30), (50, 300), (5, 20)] {
        let forge = FakeForge::taking(LATENCY).with_limits(CAPACITY_OF_GITHUB, 0);
        let played = play(&forge, ALL, 1_000, at_once, Duration::from_secs(each)).await;
        played.assert_honest();
        assert_eq!(forge.refused(), 0, "{at_once} at once: the limits are kept");
        assert_eq!(played.shown["faultgate"], StatusState::Success);
        assert_eq!(played.pending(), 0, "{at_once} at once: {:?}", played.reported);
        assert_eq!(played.reported.outcome, Outcome::Failed, "some were not told: {:?}", played.reported);
        assert!(played.reported.detail.unwrap().ends_with(LIMIT_OF_EXPERIMENTS));
        // The limits leave room for 480 in an hour.
        let time = each * 1_000 / at_once as u64;
        assert!(played.shown.len() > if time < 600 { 70 } else { 400 }, "{at_once}: {}", played.shown.len());
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_as_the_limits_take_are_all_final() {
    let forge = FakeForge::taking(LATENCY).with_limits(CAPACITY_OF_GITHUB, 0);
    let played = play(&forge, ALL, 200, 20, Duration::from_secs(60)).await;
    assert_eq!((played.shown.len(), played.pending()), (201, 0));
    assert_eq!((played.reported.outcome, forge.refused()), (Outcome::Written, 0));
    let forge = FakeForge::taking(LATENCY).with_limits(CAPACITY_OF_GITHUB, 0);
    let played = play(&forge, StatusScope::RUN, 1_000, 1_000, Duration::from_secs(60)).await;
    assert_eq!(played.shown, BTreeMap::from([("faultgate".to_owned(), StatusState::Success)]));
    assert_eq!((played.reported.outcome, forge.taken().len()), (Outcome::Written, 2));
}

/// A forge without known limits is slow: what could not be told in time was not begun.
#[tokio::test(start_paused = true)]
async fn a_slow_forge_leaves_nothing_pending() {
    let slow = Duration::from_millis(600);
    let capacity = Capacity { at_once: 2, per_minute: None, per_hour: None };
    let forge = FakeForge::taking(slow).with_limits(capacity, 0);
    let played = play(&forge, ALL, 60, 60, Duration::from_secs(300)).await;
    played.assert_honest();
    assert_eq!((played.pending(), played.shown["faultgate"]), (0, StatusState::Success));
}

/// GitLab tells of its limit only when it is reached, and then for up to a minute of every request.
#[tokio::test(start_paused = true)]
async fn a_limit_that_nobody_has_told_of_is_learned() {
    for per_minute in [60, 300, 2_000] {
        for (at_once, each) in [(1_000, 60), (100, 30), (50, 300), (5, 20)] {
            let forge = FakeForge::taking(LATENCY).with_limit_of_gitlab(per_minute);
            let played = play(&forge, ALL, 1_000, at_once, Duration::from_secs(each)).await;
            let case = format!("{per_minute} in a minute, {at_once} at once");
            played.assert_honest();
            assert_eq!(played.shown["faultgate"], StatusState::Success, "{case}: {:?}", played.reported);
            assert_eq!(played.pending(), 0, "{case}: {:?}", played.reported);
            assert!(forge.refused() <= 2, "{case}: as many as were under way: {}", forge.refused());
        }
    }
}

/// GitHub keeps 1,000 statuses of a commit and context, and takes no more of them for ever.
#[tokio::test(start_paused = true)]
async fn a_context_that_is_full_is_named_and_keeps_no_other_from_its_end() {
    for (earlier, shows) in [(1_000, StatusState::Success), (999, StatusState::Pending)] {
        let forge =
            FakeForge::taking(LATENCY).with_limits(CAPACITY_OF_GITHUB, 0).carrying("faultgate", earlier);
        let played = play(&forge, ALL, 30, 30, Duration::from_secs(60)).await;
        played.assert_honest();
        assert_eq!(played.shown["faultgate"], shows, "the last word that was taken");
        let others = played.shown.iter().filter(|(context, _)| *context != "faultgate");
        assert_eq!(others.filter(|(_, state)| **state == StatusState::Success).count(), 30);
        assert_eq!(played.reported.outcome, Outcome::Failed);
        let detail = played.reported.detail.unwrap();
        assert!(detail.contains("set commit status faultgate: no"), "{detail}");
    }
}

/// Others have used up the limits, so nothing more can be told before the pipeline goes on.
#[tokio::test(start_paused = true)]
async fn what_others_have_used_up_is_told_of() {
    let forge = FakeForge::taking(LATENCY).with_limits(CAPACITY_OF_GITHUB, 78);
    let played = play(&forge, ALL, 30, 30, Duration::from_secs(5)).await;
    played.assert_honest();
    assert_eq!(played.reported.outcome, Outcome::Failed);
    let detail = played.reported.detail.unwrap();
    assert!(detail.contains("left pending: faultgate"), "{detail}");
    assert!(detail.ends_with(LIMIT_OF_RUN), "{detail}");
}
