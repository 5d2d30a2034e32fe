//! The binary against an account behind sockets, with the answers that only sockets give.

use faultgate_rehearsal::{Beat, FaultEffect, FaultRule};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::answers;
use faultgate_testkit::binary::Finished;
use faultgate_testkit::invariants::{self, There};
use faultgate_testkit::lives::{ENDLESS, QUICK};

use crate::matrix::{LONGEST, Matrix, result, state};

/// Asserts all that must hold after a run, and after the `stop` that follows it.
pub(crate) async fn hold(account: &EmbeddedAccount, ended: Finished) {
    let there = There::in_account(&account.world.snapshot(), true);
    let result = result(&ended);
    assert_eq!(ended.code, Some(i32::from(result.gate.exit_code)), "{}", ended.stdout);
    invariants::hold(&result, &there);
    invariants::written_down_if_at_all(state(&ended).as_ref(), &there);
    if there.left().is_empty() {
        return;
    }
    account.world.heal();
    let stop = account.faultgate(&["stop"]).after(ended).finish().await;
    stop.assert_code(0, "what a run has left is ended by the state file");
    account.assert_nothing_left(&stop.stdout);
}

async fn play(life: &'static [Beat], preset: Vec<FaultRule>, fault: Option<FaultRule>) -> Vec<String> {
    let account = EmbeddedAccount::living(life).await;
    for fault in fault.into_iter().chain(preset) {
        account.world.inject(fault);
    }
    let running = account.run().env("FAULTGATE_TIMEOUT", "2s").spawn();
    let ended = running.ended_within(LONGEST).await;
    let asked = account.world.requests().into_iter().map(|request| request.operation).collect();
    hold(&account, ended).await;
    asked
}

#[tokio::test]
async fn runs_that_complete_and_runs_whose_answers_are_lost_and_that_must_be_stopped() {
    let lost = || {
        vec![
            FaultRule::on("CreateQueue", FaultEffect::LoseAnswer).times(1),
            FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1),
            FaultRule::on("StartExperiment", FaultEffect::denied("fis:StartExperiment")).from(2),
        ]
    };
    let matrix = Matrix::once(answers::of_sockets());
    tokio::join!(
        matrix.run("it completes", |fault| play(QUICK, Vec::new(), fault)),
        matrix.run("it is found and stopped", |fault| play(ENDLESS, lost(), fault)),
    );
}
