use proptest::prelude::*;

use super::*;

const WINDOW: Duration = Duration::from_secs(600);
/// Most requests in any window: one in 5 s on average.
const MAX_IN_WINDOW: usize = 120;
const SEEDS: u64 = 30;

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn took(seconds: &[i64]) -> Vec<Run> {
    let from = jiff::Timestamp::from_second(1_795_000_000).unwrap();
    seconds
        .iter()
        .map(|seconds| Run {
            phase: "Completed".to_owned(),
            created_at: Some(from),
            updated_at: Some(from + jiff::SignedDuration::from_secs(*seconds)),
            ..Run::default()
        })
        .collect()
}

/// A run that begins and ends at these times after the first launch.
struct Simulated {
    began: Duration,
    runs_after: Duration,
    ended: Duration,
    expected: Option<ExpectedDuration>,
}

/// The moments of all requests, and how late each end was seen.
struct Played {
    requests: Vec<Duration>,
    late: Vec<Duration>,
}

/// Does the poller's arithmetic without a poller. `shared` is `true` if one request tells of all runs.
fn play(runs: &[Simulated], shared: bool, seed: u64) -> Played {
    let start = Instant::now();
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut budget = Budget::new(start);
    let mut played = Played { requests: Vec::new(), late: Vec::new() };
    let ask = |played: &mut Played, budget: &mut Budget, at: Duration, count: usize| {
        budget.spend(start + at, count);
        played.requests.extend(std::iter::repeat_n(at, count));
    };
    let cost = |count: usize| if shared { count.min(1) } else { count };
    // Each launch takes two requests, and each end one more.
    let mut launches: Vec<usize> = (0..runs.len()).collect();
    launches.sort_by_key(|number| runs[*number].began);
    let mut due: Vec<Option<Duration>> = vec![None; runs.len()];
    let mut waiting = launches.into_iter().peekable();
    loop {
        let next = due.iter().flatten().min().copied();
        if let Some(number) = waiting.next_if(|number| next.is_none_or(|next| runs[*number].began <= next)) {
            let at = runs[number].began;
            ask(&mut played, &mut budget, at, 2);
            let all = cost(due.iter().flatten().count() + 1);
            due[number] = Some(at + jitter(budget.pause(start + at, MIN_PENDING_PAUSE, all), &mut rng));
            continue;
        }
        let Some(now) = next else { break };
        let open: Vec<usize> = (0..runs.len()).filter(|number| due[*number].is_some()).collect();
        let all = cost(open.len());
        let read: Vec<usize> = open
            .iter()
            .copied()
            .filter(|number| shared || due[*number].is_some_and(|due| due <= now))
            .collect();
        ask(&mut played, &mut budget, now, cost(read.len()));
        for number in read {
            let run = &runs[number];
            if now >= run.ended {
                played.late.push(now.saturating_sub(run.ended));
                ask(&mut played, &mut budget, now, 1);
                due[number] = None;
                continue;
            }
            let age = now.saturating_sub(run.began);
            let running = age >= run.runs_after;
            let wanted =
                compute_pause(&ScheduleFacts { age, running, expected: run.expected, stopping: None });
            let pause = jitter(budget.pause(start + now, wanted, all), &mut rng);
            due[number] = Some(now + pause);
        }
    }
    played
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn most_in_a_window(requests: &[Duration]) -> usize {
    let mut sorted = requests.to_vec();
    sorted.sort_unstable();
    let mut first = 0;
    let ending = |(last, at): (usize, &Duration)| {
        while sorted[first] + WINDOW <= *at {
            first += 1;
        }
        last + 1 - first
    };
    sorted.iter().enumerate().map(ending).max().unwrap_or_default()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum History {
    None,
    Known,
    TooShort,
    TooLong,
}

const HISTORIES: [History; 4] = [History::None, History::Known, History::TooShort, History::TooLong];

/// Plays runs of 20 s to 40 min that are launched at once, or runs of a minute and more one after the other.
/// Launches of shorter ones alone would take all requests that there are.
fn simulated(count: usize, history: History, staggered: bool, seed: u64) -> Vec<Simulated> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let shortest: f64 = if staggered { 60.0 } else { 20.0 };
    let usual = shortest * (2_400.0 / shortest).powf(rng.f64());
    let factor = match history {
        History::TooShort => 0.3,
        History::TooLong => 3.0,
        _ => 1.0,
    };
    let mut began = Duration::ZERO;
    (0..count)
        .map(|_| {
            #[expect(clippy::cast_possible_truncation, reason = "minutes")]
            let past: Vec<i64> =
                (0..10).map(|_| (usual * factor * (0.97 + rng.f64() * 0.06)) as i64 + 1).collect();
            let length = secs(usual * (0.97 + rng.f64() * 0.06));
            let run = Simulated {
                began,
                runs_after: secs(rng.f64() * 10.0).min(length / 2),
                ended: began + length,
                expected: (history != History::None).then(|| ExpectedDuration::of(&took(&past))).flatten(),
            };
            if staggered {
                began = run.ended + secs(1.0 + rng.f64());
            }
            run
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_end_is_seen_within_5_s_in_the_median_and_requests_stay_within_their_bound() {
    for history in HISTORIES {
        for count in [1, 2, 3, 5, 10, 20] {
            for staggered in [false, true] {
                let mut late = Vec::new();
                for seed in 0..SEEDS {
                    let played = play(&simulated(count, history, staggered, seed), true, seed);
                    let most = most_in_a_window(&played.requests);
                    assert!(
                        most <= MAX_IN_WINDOW,
                        "{history:?} {count} {staggered} {seed}: {most} in ten minutes"
                    );
                    assert_eq!(played.late.len(), count);
                    late.extend(played.late);
                }
                let late = median(late);
                assert!(late <= secs(5.0), "{history:?}, {count} runs, staggered {staggered}: {late:?}");
            }
        }
    }
}

/// The bound holds even if each run takes a request of its own; many ends at once are then seen later.
#[tokio::test(start_paused = true)]
async fn reads_of_their_own_stay_within_the_bound_too() {
    for history in HISTORIES {
        for (count, within) in [(1, 5.0), (2, 7.5), (3, 11.0), (5, 20.0), (10, 45.0), (20, 150.0)] {
            let mut late = Vec::new();
            for seed in 0..SEEDS {
                let played = play(&simulated(count, history, false, seed), false, seed);
                let most = most_in_a_window(&played.requests);
                assert!(most <= MAX_IN_WINDOW, "{history:?} {count} {seed}: {most} in ten minutes");
                late.extend(played.late);
            }
            let late = median(late);
            assert!(late <= secs(within), "{history:?}, {count} runs: {late:?}");
        }
    }
}

#[test]
fn a_history_makes_an_expectation() {
    assert_eq!(ExpectedDuration::of(&[]), None);
    let mut runs = took(&[0, 300, 310, 290]);
    let expected = ExpectedDuration::of(&runs).unwrap();
    assert_eq!((expected.from, expected.to), (Duration::from_secs(275), Duration::from_secs(325)));
    for run in &mut runs {
        run.phase = "Stopped".to_owned();
    }
    assert_eq!(ExpectedDuration::of(&runs), None, "what did not complete teaches nothing");
}

#[test]
fn it_asks_often_at_first_and_near_the_end() {
    let expected = ExpectedDuration::of(&took(&[600; 5]));
    let at = |age: u64, running| {
        compute_pause(&ScheduleFacts { age: Duration::from_secs(age), running, expected, stopping: None })
    };
    assert_eq!(at(0, false), MIN_PENDING_PAUSE);
    assert_eq!(at(200, true), MAX_PAUSE);
    assert_eq!(at(568, true), MIN_PAUSE, "no pause reaches far beyond the beginning of what is expected");
    assert_eq!(at(600, true), MIN_PAUSE);
    assert_eq!(at(700, true), MAX_PAUSE);
    let stopping = Some(Duration::ZERO);
    assert_eq!(
        compute_pause(&ScheduleFacts { age: WINDOW, running: true, expected, stopping }),
        MIN_STOP_PAUSE
    );
}

proptest! {
    #[test]
    fn no_pause_is_zero_or_without_end(
        age in 0..1_000_000_u64,
        running in any::<bool>(),
        stopping in proptest::option::of(0..100_000_u64),
        past in proptest::collection::vec(0..100_000_i64, 0..30),
        spent in 0..10_000_usize,
        requests in 0..100_usize,
        seed in any::<u64>(),
    ) {
        let stopping = stopping.map(Duration::from_secs);
        let seen = ScheduleFacts { age: Duration::from_secs(age), running, expected: ExpectedDuration::of(&took(&past)), stopping };
        let pause = compute_pause(&seen);
        prop_assert!(pause >= MIN_STOP_PAUSE && pause <= MAX_PAUSE, "{pause:?}");
        let now = Instant::now();
        let mut budget = Budget::new(now);
        prop_assert!(budget.pause(now, pause, requests) == pause, "nothing is put off at first");
        budget.spend(now, spent);
        let bearable = budget.pause(now, pause, requests);
        prop_assert!(bearable >= pause && bearable < Duration::from_secs(24 * 3600 * 30), "{bearable:?}");
        prop_assert!(jitter(bearable, &mut fastrand::Rng::with_seed(seed)) > Duration::ZERO);
    }
}
