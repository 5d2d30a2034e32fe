//! The command `faultgate stop --all`, with the safety lever: it exits with 0 only where everything has ended
//! and the lever is engaged, and stops what it can in any case.

use faultgate_rehearsal::FaultRule;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::lives::ENDLESS;

use crate::matrix::{LONGEST, Matrix};

const ARGS: [&str; 5] =
    ["stop", "--all", "--engage-safety-lever", "--confirm-account", faultgate_rehearsal::ACCOUNT];
const EXPERIMENTS: usize = 3;

/// Returns the ids of the experiments that have not ended.
fn live(account: &EmbeddedAccount) -> Vec<String> {
    account.live().into_iter().map(|own| own.id).collect()
}

async fn play(fault: Option<FaultRule>) -> Vec<String> {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.begin_runs(EXPERIMENTS, ENDLESS);
    let asked_before = account.world.requests().len();
    if let Some(fault) = fault {
        account.world.inject(fault);
    }
    let ended = account.faultgate(&ARGS).spawn().ended_within(LONGEST).await;
    let requests = account.world.requests().split_off(asked_before);
    let (left, told) = (live(&account), &ended.stdout);
    let is_engaged = told.contains("is engaged: FIS stops all experiments there");
    match ended.code {
        Some(0) => assert!(left.is_empty() && is_engaged, "{left:?} are left: {told}"),
        Some(3) => {
            assert!(is_engaged || told.contains("NOT known to be engaged"), "{told}");
            for id in &left {
                let by_id = told.contains("NOT known to have stopped") && told.contains(id.as_str());
                assert!(by_id || told.contains("NOT all experiments in us-east-1"), "{id} is left: {told}");
            }
        }
        code => panic!("{code:?}: {told}\n{}", ended.stderr),
    }
    account.world.heal();
    account.faultgate(&ARGS).finish().await.assert_code(0, "everything is answered");
    assert!(live(&account).is_empty());
    requests.into_iter().map(|request| request.operation).collect()
}

#[tokio::test]
async fn a_stop_of_everything_stops_what_it_can_and_says_what_it_does_not_know() {
    Matrix::usual().run("stop of everything", play).await;
}
