//! `faultgate stop --all`, disturbed by each signal at each of its requests: it says that everything has ended
//! only where it has, and the next one ends the rest.

use std::time::Duration;

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, in_time};
use faultgate_testkit::forges::{ForgeStandIn, GitLabManners, HEAD};
use faultgate_testkit::lives::IN;
use futures_util::stream::{self, StreamExt};

use crate::case::Kill;
use crate::gate::{Gate, Moment, Nth};

const EXPERIMENTS: usize = 3;
const MAX_CASES_AT_ONCE: usize = 8;
/// The time after which something hangs.
const HANG_TIMEOUT: Duration = Duration::from_mins(2);

/// An account in which experiments of several runs go on.
struct Emergency {
    account: EmbeddedAccount,
    gate: Gate,
}

impl Emergency {
    async fn begin(hold: Option<(Nth, Moment)>) -> Self {
        let account = EmbeddedAccount::living(IN).await;
        account.world.set_stopping(Duration::from_millis(20));
        account.begin_runs(EXPERIMENTS, IN);
        let forge = ForgeStandIn::start(GitLabManners { commit: HEAD, git_ref: "main" }).await;
        let gate = Gate::before(account.world.clone(), &forge.url(""), hold);
        Self { account, gate }
    }

    fn stop_all(&self) -> Faultgate {
        let lever = ["--engage-safety-lever", "--confirm-account", faultgate_rehearsal::ACCOUNT];
        let args = [&["stop", "--all"], &lever[..]].concat();
        self.account.faultgate(&args).env("AWS_ENDPOINT_URL", self.gate.aws())
    }
}

async fn play(step: Nth, moment: Moment, kill: Kill) -> Option<String> {
    let case = format!("{kill:?} at {step:?}, {moment:?}");
    let emergency = Emergency::begin(Some((step, moment))).await;
    let mut running = emergency.stop_all().spawn();
    let missed = tokio::select! {
        biased;
        () = in_time(HANG_TIMEOUT, "the moment", emergency.gate.reached()) => false,
        _ = running.over() => true,
    };
    if !missed {
        running.signal(kill.name()).await;
    }
    if !missed && kill == Kill::Outright {
        in_time(HANG_TIMEOUT, "a killed process is gone", running.over()).await;
    }
    emergency.gate.release();
    let ended = running.ended_within(HANG_TIMEOUT).await;
    in_time(HANG_TIMEOUT, "what has arrived takes effect", emergency.gate.settled()).await;
    let told = || format!("{case}: {:?}\n{}{}", ended.code, ended.stdout, ended.stderr);
    let codes = [None, Some(0), Some(3), kill.code().map(i32::from)];
    let left = emergency.account.left();
    if !codes.contains(&ended.code) || (ended.code == Some(0) && !left.is_empty()) {
        return Some(format!("{}\nleft: {left:?}", told()));
    }
    let again = emergency.stop_all().spawn().ended_within(HANG_TIMEOUT).await;
    let left = emergency.account.left();
    (again.code != Some(0) || !left.is_empty())
        .then(|| format!("{}\nthe next one: {:?}\n{}\nleft: {left:?}", told(), again.code, again.stdout))
}

#[tokio::test]
async fn a_stop_of_everything_that_is_killed_says_nothing_untrue_and_the_next_one_ends_the_rest() {
    let undisturbed = Emergency::begin(None).await;
    undisturbed.stop_all().finish().await.assert_code(0, "undisturbed");
    undisturbed.account.assert_nothing_left("undisturbed");
    let steps: Vec<Nth> = undisturbed.gate.passed().into_iter().map(|passed| passed.request).collect();
    let moments = [Moment::Received, Moment::Done, Moment::Answered];
    let mut cases = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        for (turn, kill) in Kill::ALL.into_iter().enumerate() {
            cases.push((step.clone(), moments[(number + turn) % moments.len()], kill));
        }
    }
    let count = cases.len();
    let playing = stream::iter(cases).map(|(step, moment, kill)| play(step, moment, kill));
    let faults: Vec<String> =
        playing.buffer_unordered(MAX_CASES_AT_ONCE).filter_map(|fault| async { fault }).collect().await;
    println!("{count} emergencies, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
