//! The command `faultgate stop --all`, with the safety lever: it exits with 0 only where everything has ended
//! and the lever is engaged, and stops what it can in any case.

use faultgate_rehearsal::{FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::lives::ENDLESS;

use crate::matrix::{LONGEST, Matrix};

const ARGS: [&str; 5] =
    ["stop", "--all", "--engage-safety-lever", "--confirm-account", faultgate_rehearsal::ACCOUNT];
const EXPERIMENTS: usize = 3;

/// Returns the ids of the experiments that have not ended.
fn live(account: &EmbeddedAccount) -> Vec<String> {
    let over = ["completed", "stopped", "failed", "cancelled"];
    let there = account.world.inventory().experiments.into_iter();
    there.filter(|own| !over.contains(&own.status.as_str())).map(|own| own.id).collect()
}

/// Starts experiments as runs do, each of another one.
async fn fill(account: &EmbeddedAccount) {
    let sdk = faultgate_net::aws::connect_embedded(account.url(), None).unwrap();
    let fis = aws_sdk_fis::Client::new(&sdk);
    for number in 0..EXPERIMENTS {
        let request =
            fis.start_experiment().client_token(number.to_string()).experiment_template_id(TEMPLATE_ID);
        request.tags("faultgate:run-id", format!("run-{number}")).send().await.unwrap();
    }
}

async fn play(fault: Option<FaultRule>) -> Vec<String> {
    let account = EmbeddedAccount::living(ENDLESS).await;
    fill(&account).await;
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
