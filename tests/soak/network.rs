//! Outages of the network in the middle of a run: connections are refused, or nothing comes through.

use std::time::Duration;

use faultgate_rehearsal::{Beat, Step, Which};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, Running, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::ENDLESS;

use crate::gate::{Gate, STOP};

/// The length of an outage. It is longer than one attempt at a request.
const OUTAGE: Duration = Duration::from_secs(12);
/// The time after which something hangs. It is long, since all clients come back at once.
const HANG_TIMEOUT: Duration = Duration::from_mins(2);

#[derive(Debug, Clone, Copy)]
enum Outage {
    Refused,
    Silent,
}

impl Outage {
    const ALL: [Self; 2] = [Self::Refused, Self::Silent];

    fn begin(self, gate: &mut Gate) {
        match self {
            Self::Refused => gate.cut(),
            Self::Silent => gate.silence(true),
        }
    }

    fn end(self, gate: &mut Gate) {
        match self {
            Self::Refused => gate.mend(),
            Self::Silent => gate.silence(false),
        }
    }
}

/// Returns the life of an experiment that runs for this long.
fn lasting(seconds: u64) -> Vec<Beat> {
    let beat = |after, step| Beat { after: Duration::from_secs(after), step };
    vec![
        ENDLESS[0],
        beat(0, Step::Actions { which: Which::All, status: "completed", reason: "Action was completed." }),
        beat(seconds, Step::Experiment { status: "completed", reason: "Experiment completed." }),
    ]
}

struct Remote {
    account: EmbeddedAccount,
    gate: Gate,
}

impl Remote {
    async fn living(beats: &[Beat]) -> Self {
        let account = EmbeddedAccount::living(beats).await;
        let gate = Gate::before(account.world.clone(), "", None);
        Self { account, gate }
    }

    fn behind(&self, faultgate: Faultgate) -> Faultgate {
        faultgate.env("AWS_ENDPOINT_URL", self.gate.aws()).env("FAULTGATE_RECONCILE_INTERVAL", "2s")
    }

    async fn monitoring(&self, timeout: &str) -> Running {
        let running = self.behind(self.account.run()).env("FAULTGATE_TIMEOUT", timeout).spawn();
        self.account.until_running().await;
        self.account.until("it is watched", |seen| seen.count("ReceiveMessage") > 2).await;
        running
    }

    async fn ended(&self, running: Running, code: u8, context: &str) -> Finished {
        let ended = running.ended_within(HANG_TIMEOUT).await;
        ended.assert_code(code, context);
        assert_result(&ended.result(), code);
        ended
    }
}

/// The experiment ends while nobody can hear of it, or when all is well again.
#[tokio::test]
async fn a_run_outlives_an_outage_and_learns_how_it_ended() {
    let cases = Outage::ALL.into_iter().flat_map(|outage| [3, 15].map(|lasts| (outage, lasts)));
    at_once(cases, |(outage, lasts)| async move {
        let context = format!("{outage:?}, {lasts} s");
        let mut remote = Remote::living(&lasting(lasts)).await;
        let running = remote.monitoring("5m").await;
        outage.begin(&mut remote.gate);
        tokio::time::sleep(OUTAGE).await;
        outage.end(&mut remote.gate);
        let ended = remote.ended(running, 0, &context).await;
        assert_eq!(ended.result()["experiments"][0]["raw_state"], "completed", "{context}");
        remote.account.assert_nothing_left(&context);
    })
    .await;
}

/// The time to stop comes in the outage. The stop is requested until it is heard.
#[tokio::test]
async fn a_stop_that_falls_into_an_outage_is_asked_for_until_it_is_heard() {
    at_once(Outage::ALL, |outage| async move {
        let mut remote = Remote::living(ENDLESS).await;
        let running = remote.monitoring("3s").await;
        outage.begin(&mut remote.gate);
        tokio::time::sleep(OUTAGE).await;
        outage.end(&mut remote.gate);
        let ended = remote.ended(running, 4, "a timeout in an outage").await;
        let stop = &ended.result()["experiments"][0]["stop"];
        assert_eq!(
            (&stop["accepted"], &stop["confirmed"]),
            (&true.into(), &true.into()),
            "{outage:?} {stop}"
        );
        remote.account.assert_nothing_left("a timeout in an outage");
    })
    .await;
}

/// A cancelled run has no time to wait. It tells what it could not do, and a stop does it.
#[tokio::test]
async fn a_cancel_in_an_outage_tells_what_is_left_and_a_stop_ends_it() {
    at_once(Outage::ALL, |outage| async move {
        let mut remote = Remote::living(ENDLESS).await;
        let running = remote.monitoring("5m").await;
        outage.begin(&mut remote.gate);
        running.signal("TERM").await;
        // The budget is seven seconds; the limit leaves room for a busy machine.
        let ended = running.ended_within(Duration::from_secs(20)).await;
        ended.assert_code(143, "cancelled in an outage");
        let experiment = ended.result()["experiments"][0].clone();
        assert_eq!(experiment["stop"]["confirmed"], false, "{experiment:#}");
        assert!(ended.stdout.contains("aws fis stop-experiment"), "{}", ended.stdout);
        assert!(ended.stdout.contains("aws sqs delete-queue"), "{}", ended.stdout);
        let asked = remote.gate.passed().iter().any(|passed| passed.request.operation == STOP);
        assert!(!asked, "nothing passed");
        assert_eq!(remote.account.left().len(), 3, "{:?}", remote.account.left());
        outage.end(&mut remote.gate);
        let stopped = remote.behind(remote.account.faultgate(&["stop"])).after(ended).finish().await;
        stopped.assert_code(0, "afterwards");
        remote.account.assert_nothing_left("afterwards");
    })
    .await;
}
