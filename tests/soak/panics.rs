//! Panics at every step of a run and in everything that tells of it. A panic is an end like any other.

use std::time::Duration;

use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::binary::Finished;
use faultgate_testkit::contract::assert_result;
use futures_util::future::join_all;

use crate::gate::{START, STOP};
use crate::laws::{self, Found};
use crate::site::{Site, Story};

/// Names of the places at which the binary can be made to panic, as `crates/core/src/panics.rs` has them: wherever the
/// run waits, in a request to AWS, in a sink, in an evaluation of a probe, in the thread that writes the
/// state file, and in each report.
const PLACES: [&str; 6] = ["wait", "request", "sink", "look", "file", "report"];
const BROKE: &str = " itself broke (a panic";
/// Number of runs that are played at once.
const MAX_RUNS_AT_ONCE: usize = 8;
/// The time after which something hangs.
const HANG_TIMEOUT: Duration = Duration::from_mins(2);

/// Plays a run that panics when it comes to the place for the `number`th time. Returns `None` if it never
/// does.
async fn play(story: Story, place: &str, number: usize) -> Option<Found> {
    let site = Site::of(story, None).await;
    let plan = format!(
        "version: 1\nexperiments:\n  - name: shop\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      - name: answers\n        \
         when: [before, after]\n        command: {{ run: [\"true\"] }}\n"
    );
    let mut run = site.run().env("PANIC_AT", format!("{place}:{number}"));
    // The suite of a run that is halted has a probe already.
    if story != Story::Halted {
        run = run.without("FAULTGATE_EXPERIMENT_TEMPLATE_ID").file("suite.yml", &plan);
        run = run.env("FAULTGATE_CONFIG", "suite.yml");
    }
    let ended = run.spawn().ended_within(HANG_TIMEOUT).await;
    site.gate.settled().await;
    if !ended.stderr.contains(BROKE) {
        ended.assert_code(story.code(), "undisturbed");
        return None;
    }
    let mut found = Found::default();
    of_the_end(&site, &ended, &mut found);
    laws::of_what_is_left(&site, &mut found);
    for fault in &mut found.faults {
        *fault = format!("{story:?} {place}:{number}: {fault}");
    }
    Some(found)
}

fn of_the_end(site: &Site, ended: &Finished, found: &mut Found) {
    let told = |what: &str| format!("{what}: {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr);
    found.expect(ended.code == Some(3), || told("the exit code"));
    found.expect(ended.path("reports/result.json").is_file(), || told("there is no result"));
    if ended.path("reports/result.json").is_file() {
        let result = ended.result();
        let whole = std::panic::catch_unwind(|| assert_result(&result, 3));
        found.expect(whole.is_ok(), || format!("the result breaks the contract: {result:#}"));
        let first = result["gate"]["reasons"][0].as_str().unwrap_or_default();
        found.expect(first.contains(BROKE), || told("the first reason"));
        let requests = site.gate.passed();
        let asked = |operation: &str| requests.iter().any(|passed| passed.request.operation == operation);
        let completed =
            site.account.world.inventory().experiments.iter().all(|one| one.status == "completed");
        found.expect(!asked(START) || completed || asked(STOP), || told("nobody asked for a stop"));
    }
    laws::the_statuses(site, false, found);
    laws::no_false_green(site, ended, None, found);
}

/// Plays a run for each of these numbers, until a run no longer comes to the place that often.
async fn at_each(
    story: Story,
    place: &str,
    mut numbers: impl Iterator<Item = usize>,
) -> (usize, Vec<String>) {
    let (mut runs, mut faults) = (0, Vec::new());
    loop {
        let some: Vec<usize> = numbers.by_ref().take(MAX_RUNS_AT_ONCE).collect();
        let played = join_all(some.iter().map(|number| play(story, place, *number))).await;
        let is_last = played.iter().any(Option::is_none);
        for found in played.into_iter().flatten() {
            runs += 1;
            faults.extend(found.faults);
        }
        if is_last {
            return (runs, faults);
        }
    }
}

async fn everywhere<I: Iterator<Item = usize>>(numbers: impl Fn() -> I) {
    let (mut all, mut faults) = (0, Vec::new());
    for story in Story::ALL {
        for place in PLACES {
            let (runs, found) = at_each(story, place, numbers()).await;
            println!("{story:?} {place}: {runs} runs");
            assert!(runs > 0, "{story:?} never comes to {place}");
            all += runs;
            faults.extend(found);
        }
    }
    println!("{all} panics, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[tokio::test]
async fn wherever_it_panics_nothing_is_left_and_the_gate_is_shut() {
    // The numbers are 1, 2, 4, 7, 11 and so on: most steps come early.
    everywhere(|| (0..).map(|number: usize| 1 + number * (number + 1) / 2)).await;
}

/// The whole of it, which `make soak` plays.
#[tokio::test]
#[ignore = "takes minutes: make soak"]
async fn it_panics_everywhere() {
    everywhere(|| 1..).await;
}
