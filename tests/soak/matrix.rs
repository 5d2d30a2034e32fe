//! The kill matrix: each signal at each step, at random moments, and two in a row. The steps are those of a
//! run that nobody disturbs.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::case::{Again, Case, Kill, Recovery, When, play};
use crate::figures::{Figures, median};
use crate::gate::{Moment, Nth, START};
use crate::site::{Site, Story};

/// Number of cases that are played at once.
const MAX_CASES_AT_ONCE: usize = 8;
const MOMENTS: [Moment; 3] = [Moment::Received, Moment::Done, Moment::Answered];
/// The pause after which a second signal is no echo of the first.
const MEANT_PAUSE: Duration = Duration::from_millis(250);

/// Returns the steps of a story. The steps before the first launch, which may be a preview, are the same in all
/// stories, so only one has them.
async fn steps(story: Story) -> Vec<Nth> {
    let mut steps = Site::record(story).await;
    if story != Story::Completes {
        let launch = steps.iter().position(|step| step.operation == START).unwrap();
        steps.drain(..launch);
    }
    steps
}

async fn all_steps() -> Vec<(Story, Nth)> {
    let mut all = Vec::new();
    for story in Story::ALL {
        all.extend(steps(story).await.into_iter().map(|step| (story, step)));
    }
    all
}

fn at(story: Story, step: &Nth, moment: Moment, kill: Kill) -> Case {
    Case { story, when: When::At(step.clone(), moment), kill, again: None, recovery: Recovery::Stop }
}

/// Returns a case for each signal at each step, at one moment of the step. All moments come up in turn.
fn once(steps: &[(Story, Nth)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, (story, step)) in steps.iter().enumerate() {
        for (turn, kill) in Kill::ALL.into_iter().enumerate() {
            cases.push(at(*story, step, MOMENTS[(number + turn) % MOMENTS.len()], kill));
        }
    }
    cases
}

/// Returns a case for each signal at each moment of each step.
fn thorough(steps: &[(Story, Nth)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (story, step) in steps {
        for moment in MOMENTS {
            cases.extend(Kill::ALL.into_iter().map(|kill| at(*story, step, moment, kill)));
        }
    }
    cases
}

/// Returns the cases that kill a run between the intent and the answer of a launch.
fn unheard_launches() -> Vec<Case> {
    let launch = |number| Nth { operation: START.to_owned(), number };
    let of = |moment| {
        let first = Story::ALL.map(|story| at(story, &launch(1), moment, Kill::Outright));
        let after_the_preview = at(Story::Halted, &launch(2), moment, Kill::Outright);
        first.into_iter().chain([after_the_preview])
    };
    MOMENTS.into_iter().flat_map(of).collect()
}

/// Returns cases of two signals at every `every`th step. The second is an echo of the first, or is meant.
fn twice(steps: &[(Story, Nth)], every: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, (story, step)) in steps.iter().enumerate().filter(|(number, _)| number % every == 0) {
        // A second signal after the last answers would find nobody.
        for (echo, after) in [(true, Duration::ZERO), (false, MEANT_PAUSE)] {
            let first = Kill::ALL[number % 3];
            let second = if echo { first } else { Kill::ALL[(number / every + 1) % 3] };
            let again = Some(Again { kill: second, after, echo });
            cases.push(Case { again, ..at(*story, step, Moment::Done, first) });
        }
    }
    cases
}

/// Returns a random case: any signal at any time.
fn random(requests: usize, random: &mut fastrand::Rng) -> Case {
    let delay = Duration::from_micros(random.u64(0..150_000));
    Case {
        story: Story::ALL[random.usize(..Story::ALL.len())],
        when: When::After(random.usize(..=requests), delay),
        kill: Kill::ALL[random.usize(..4)],
        again: None,
        recovery: Recovery::Stop,
    }
}

fn randoms(steps: &[(Story, Nth)], count: usize, seed: u64) -> Vec<Case> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let requests = steps.iter().filter(|(story, _)| *story == Story::Completes).count();
    (0..count).map(|_| random(requests, &mut dice)).collect()
}

async fn play_all(mut cases: Vec<Case>) -> Figures {
    for (number, case) in cases.iter_mut().filter(|case| case.is_cut_short()).enumerate() {
        case.recovery = Recovery::ALL[number % Recovery::ALL.len()];
    }
    let playing = cases.into_iter().map(|case| async move {
        let own = case.clone();
        let outcome = tokio::spawn(async move { play(&own).await }).await;
        (case, outcome)
    });
    let mut playing = stream::iter(playing).buffer_unordered(MAX_CASES_AT_ONCE);
    let mut figures = Figures::default();
    while let Some((case, outcome)) = playing.next().await {
        match outcome {
            Ok(outcome) => figures.add(&case, outcome),
            Err(panic) => figures.faults.push(format!("{case:?}\n{panic}")),
        }
    }
    figures
}

/// Returns the number that a variable of the environment holds.
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seed() -> u64 {
    let seed = given("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SOAK_SEED={seed}");
    seed
}

#[tokio::test]
async fn whatever_the_signal_and_the_step_nothing_is_left_and_nothing_untrue_is_told() {
    let steps = all_steps().await;
    let mut cases = once(&steps);
    cases.extend(unheard_launches());
    cases.extend(twice(&steps, 6));
    cases.extend(randoms(&steps, 16, seed()));
    let figures = play_all(cases).await;
    println!("{figures}");
    figures.assert_no_faults();
    assert!(figures.missed * 4 < figures.runs, "the steps are not those of the runs: {figures}");
}

/// The whole matrix, which `make soak` plays.
#[tokio::test]
#[ignore = "takes minutes: make soak"]
async fn the_whole_matrix_and_hundreds_of_random_moments() {
    let steps = all_steps().await;
    let mut cases = thorough(&steps);
    cases.extend(twice(&steps, 1));
    let count = usize::try_from(given("SOAK_RUNS").unwrap_or(500)).unwrap();
    cases.extend(randoms(&steps, count, seed()));
    let figures = play_all(cases).await;
    println!("{figures}");
    figures.assert_no_faults();
    assert_eq!((figures.leaks, figures.false_greens), (0, 0));
    let worst = figures.to_stop.iter().max().unwrap();
    assert!(median(&figures.to_stop) < Duration::from_millis(100) && *worst < Duration::from_secs(1));
    assert!(median(&figures.stop_ended) < Duration::from_secs(2));
}
