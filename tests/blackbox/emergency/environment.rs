//! Tests of the environment of experiments: who tells it, and what it narrows.

use super::*;
use crate::stop::killed;

const TAG: &str = "faultgate:environment";

/// A variable with its value, or a name with the tag that it becomes.
type Pair = (&'static str, &'static str);

fn of(environment: Option<&str>) -> BTreeMap<String, String> {
    let mut tags = tags("run-1", FUTURE);
    tags.extend(environment.map(|environment| (TAG.to_owned(), environment.to_owned())));
    tags
}

#[tokio::test]
async fn only_experiments_of_the_environment_are_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    let staging = region.experiment("staging", &of(Some("staging"))).await;
    let production = region.experiment("production", &of(Some("production"))).await;
    let untold = region.experiment("untold", &of(None)).await;
    let stop = account.stop_all(&["--environment", "staging"]);
    // No variable narrows an emergency stop, nor does one widen it.
    let ended = stop.env("FAULTGATE_ENVIRONMENT", "production").finish().await;
    ended.assert_code(0, "staging");
    assert_eq!(account.live_in(VIRGINIA), [production.clone(), untold.clone()].into());
    assert_told(&ended, &[&format!("stopped {staging}")]);
    assert_told(&ended, &["left alone", &production, "its environment is production"]);
    assert_told(&ended, &["left alone", &untold, "no tag faultgate:environment"]);
    assert_told(&ended, &["experiments found: 1, ended: 1"]);

    let none = account.stop_all(&["--environment", "test"]).finish().await;
    none.assert_code(0, "none has it");
    assert_told(&none, &["nothing to stop in us-east-1"]);
    let all = account.stop_all(&[]).env("FAULTGATE_ENVIRONMENT", "staging").finish().await;
    all.assert_code(0, "all");
    account.assert_nothing_left("all");
}

#[tokio::test]
async fn a_run_tags_its_experiments_by_the_environment_it_is_told() {
    let gitlab = [("GITLAB_CI", "true"), ("CI_ENVIRONMENT_NAME", "review/shop #7")];
    let cases: [(&[Pair], &[&str], Option<Pair>); 5] = [
        (&[], &[], None),
        (&[("FAULTGATE_ENVIRONMENT", "staging")], &[], Some(("staging", "staging"))),
        (&gitlab, &[], Some(("review/shop #7", "review/shop _7"))),
        (&gitlab, &["--environment", "prod"], Some(("prod", "prod"))),
        (&[("CI_ENVIRONMENT_NAME", "staging")], &[], None),
    ];
    at_once(cases, |(variables, args, told)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let run = variables.iter().fold(account.run(), |run, (name, value)| run.env(name, value));
        let running = run.args(args).spawn();
        account.until_running().await;
        let ended = killed(running).await;
        let state: serde_json::Value = serde_json::from_str(&ended.read("reports/state.json")).unwrap();
        let tag = account.world.inventory().experiments[0].tags.get(TAG).cloned();
        assert_eq!(state["run"]["environment"].as_str(), told.map(|(name, _)| name));
        assert_eq!(tag.as_deref(), told.map(|(_, tag)| tag));
        let Some((name, _)) = told else { return };
        let elsewhere = account.stop_all(&["--environment", "elsewhere"]).finish().await;
        elsewhere.assert_code(0, "another environment");
        assert_eq!(account.live_in(VIRGINIA).len(), 1);
        account.stop_all(&["--environment", name]).finish().await.assert_code(0, name);
        assert!(account.live_in(VIRGINIA).is_empty(), "{name}");
    })
    .await;
}

#[tokio::test]
async fn the_result_tells_the_environment() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.run().env("INPUT_ENVIRONMENT", "staging").finish().await;
    ended.assert_code(0, "run");
    assert_eq!(ended.result()["run"]["environment"], "staging");
    let without = account.run().finish().await;
    without.assert_code(0, "run");
    assert_eq!(without.result()["run"].get("environment"), None);
}
