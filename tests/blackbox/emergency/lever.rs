//! Tests of the safety lever in an emergency: who may engage it, and what happens if it cannot be.

use super::*;
use faultgate_rehearsal::Recorded;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "999999999999";
const CONFIRMED: [&str; 3] = ["--engage-safety-lever", "--confirm-account", ACCOUNT];

/// The safety levers of an account.
trait Levered {
    async fn lever(&self, region: &str) -> String;
    async fn turn(&self, region: &str, status: &str);
}

impl Levered for EmbeddedAccount {
    async fn lever(&self, region: &str) -> String {
        let answer = self.region(region).fis.get_safety_lever().id("default").send().await.unwrap();
        answer.safety_lever.unwrap().state.unwrap().status.unwrap().as_str().to_owned()
    }

    async fn turn(&self, region: &str, status: &str) {
        let state = aws_sdk_fis::types::UpdateSafetyLeverStateInput::builder();
        let state = state.status(status.into()).reason("a test").build().unwrap();
        let request = self.region(region).fis.update_safety_lever_state().id("default").state(state);
        request.send().await.unwrap();
    }
}

/// Returns the place of the first request of an operation.
fn first(requests: &[Recorded], operation: &str) -> usize {
    requests.iter().position(|request| request.operation == operation).unwrap()
}

#[tokio::test]
async fn it_is_engaged_before_the_stops_where_it_is_confirmed() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let regions = [IRELAND, VIRGINIA];
    let mut theirs = Vec::new();
    for name in regions {
        account.fill(name, 5).await;
        theirs.push(account.region(name).experiment(&format!("foreign {name}"), &foreign()).await);
    }
    let asked = account.world.requests().len();
    let stop = account.stop_all(&CONFIRMED).args(&["--aws-region", &regions.join(",")]);
    let ended = stop.in_github("1").finish().await;
    ended.assert_code(0, "engaged");
    let requests = account.world.requests().split_off(asked);
    assert!(first(&requests, "UpdateSafetyLeverState") < first(&requests, "StopExperiment"));
    let engaged: Vec<_> = requests.iter().filter(|each| each.operation == "UpdateSafetyLeverState").collect();
    assert_eq!(engaged.len(), 2);
    for request in engaged {
        assert_eq!(request.input["state"]["status"], "engaged");
        let page = "https://github.com/shop/web/actions/runs/1234567890";
        let reason = request.input["state"]["reason"].as_str().unwrap();
        assert!(reason.starts_with("faultgate stop --all, by ") && reason.contains(page), "{reason}");
    }
    for name in regions {
        assert_eq!(account.lever(name).await, "engaged");
        assert_told(
            &ended,
            &[
                &format!("the safety lever of the account {ACCOUNT} in {name} is engaged"),
                &format!("aws fis update-safety-lever-state --region {name} --id default --state"),
                "status=disengaged",
            ],
        );
    }
    // FIS itself has stopped those of others, which have no line.
    account
        .until("those of others end", |seen| {
            seen.inventory.experiments.iter().all(|own| own.status == "stopped")
        })
        .await;
    assert!(theirs.iter().all(|id| !ended.stdout.contains(id)), "{}", ended.stdout);
    assert_told(&ended, &["experiments found: 10, ended: 10"]);

    let new = account.region(VIRGINIA).experiment("new", &tags("new", FUTURE)).await;
    account
        .until("it is cancelled", |seen| {
            seen.inventory.experiments.iter().any(|own| own.id == new && own.status == "cancelled")
        })
        .await;
    let again = account.stop_all(&CONFIRMED).finish().await;
    again.assert_code(0, "engaged already");
    assert_told(&again, &["is engaged"]);
}

#[tokio::test]
async fn another_account_than_the_confirmed_one_is_not_touched_and_the_stops_go_out() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 3).await;
    let ended = account.stop_all(&["--engage-safety-lever", "--confirm-account", OTHER]).finish().await;
    ended.assert_code(3, "another account");
    assert_told(&ended, &["NOT known to be engaged", ACCOUNT, OTHER]);
    assert!(account.requests_of("UpdateSafetyLeverState").is_empty());
    assert_eq!(account.lever(VIRGINIA).await, "disengaged");
    account.assert_nothing_left("stopped all the same");

    let both = account.stop_all(&["--engage-safety-lever", "--confirm-account", OTHER]).args(&CONFIRMED[1..]);
    both.finish().await.assert_code(0, "one of two");
    assert_eq!(account.lever(VIRGINIA).await, "engaged");
}

#[tokio::test]
async fn whoever_engages_it_at_the_same_time_it_counts() {
    at_once([false, true], |by_another| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.fill(VIRGINIA, 3).await;
        account.world.set_engaging(Duration::from_millis(700));
        if by_another {
            account.turn(VIRGINIA, "engaged").await;
        }
        let ended = account.stop_all(&CONFIRMED).finish().await;
        ended.assert_code(0, "engaged in the end");
        assert_eq!(account.lever(VIRGINIA).await, "engaged");
        assert_told(&ended, &["is engaged"]);
        let asked = account.requests_of("UpdateSafetyLeverState").len() - usize::from(by_another);
        assert_eq!(asked, 1, "it is on its way, so it is only looked at");
        account.assert_nothing_left("engaged");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_engaged_keeps_nothing_from_being_stopped() {
    let faults = [
        ("UpdateSafetyLeverState", FaultEffect::denied("fis:UpdateSafetyLeverState"), "add this statement"),
        ("GetCallerIdentity", FaultEffect::denied("sts:GetCallerIdentity"), "learn to which account"),
        ("GetCallerIdentity", FaultEffect::Nothing, "no id of an account"),
    ];
    at_once(faults, |(operation, effect, why)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.fill(VIRGINIA, 3).await;
        account.world.inject(FaultRule::on(operation, effect));
        let ended = account.stop_all(&CONFIRMED).finish().await;
        ended.assert_code(3, operation);
        assert_told(&ended, &["NOT known to be engaged", why, "aws fis get-safety-lever --region us-east-1"]);
        assert_eq!(account.lever(VIRGINIA).await, "disengaged");
        account.assert_nothing_left(operation);
    })
    .await;
}

#[tokio::test]
async fn stops_do_not_wait_for_a_lever_that_does_not_answer() {
    at_once(["GetCallerIdentity", "UpdateSafetyLeverState"], |operation| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.fill(VIRGINIA, 3).await;
        account.world.inject(FaultRule::on(operation, FaultEffect::Hang));
        let running = account.stop_all(&CONFIRMED).spawn();
        account
            .until("all have ended", |seen| {
                seen.inventory.experiments.iter().all(|own| own.status == "stopped")
            })
            .await;
        account.world.heal();
        let ended = running.ended_within(Duration::from_mins(2)).await;
        ended.assert_code(0, operation);
        assert_eq!(account.lever(VIRGINIA).await, "engaged");
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_is_refused_because_the_lever_stops_already_counts() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 3).await;
    let refused = FaultEffect::Error {
        status: 400,
        code: "ValidationException".into(),
        message: "the experiment cannot be stopped".into(),
        retry_after: None,
    };
    account.world.inject(FaultRule::on("StopExperiment", refused));
    let without = account.stop_all(&[]).finish().await;
    without.assert_code(3, "nothing stops them");
    for id in account.live_in(VIRGINIA) {
        assert_by_hand(&without, &id, VIRGINIA);
    }
    account.world.set_stopping(Duration::from_millis(300));
    let ended = account.stop_all(&CONFIRMED).finish().await;
    ended.assert_code(0, "FIS has stopped them");
    assert_told(&ended, &["experiments found: 3, ended: 3"]);
}

#[tokio::test]
async fn a_panic_with_the_lever_keeps_nothing_from_being_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 3).await;
    // GetCallerIdentity is not counted as a request of FIS, so the first one is that of the lever.
    let ended = account.stop_all(&CONFIRMED).env("PANIC_AT", "request:1").finish().await;
    ended.assert_code(3, "a panic");
    account.assert_nothing_left(&ended.stdout);
}
