//! Tests of what a check finds before a launch, and that it changes nothing.

use faultgate_core::model::{Finding, HarnessProject, Level, RuntimeInputs};
use faultgate_core::secret::Secret;
use faultgate_engines::control_plane::Manager;
use faultgate_engines::control_plane::harness;
use faultgate_testkit::harness::{EXPERIMENT, HarnessAnswer, HarnessBeat, HarnessStandIn, IDENTITY, KEY};
use serde_json::json;
use std::time::Duration;

use super::support::{client, connected, connected_to, plan, plan_with, project};

/// Returns the only finding, in words.
fn told(findings: &[Finding]) -> (Level, String) {
    let [finding] = findings else { panic!("{findings:#?}") };
    let remedy = finding.remedy.as_deref().unwrap_or_default();
    let words = format!("{}: {}; {remedy}", finding.subject, finding.message);
    assert!(!words.contains(KEY) && !words.contains("mark9harnesskey"), "{words}");
    (finding.level, words)
}

async fn check(stand: &HarnessStandIn, experiment: &str) -> (Level, String) {
    told(&connected(stand).check(&[&plan(experiment)]).await)
}

#[tokio::test]
async fn an_experiment_is_found_by_id_and_by_identity() {
    let stand = HarnessStandIn::living(&[]).await;
    for name in [EXPERIMENT, IDENTITY] {
        let (level, words) = check(&stand, name).await;
        assert_eq!(level, Level::Ok, "{words}");
        assert!(words.contains(name) && words.contains("staging-agent is active"), "{words}");
    }
    // Both experiments are checked at once, and one of them twice.
    let plans = [plan(EXPERIMENT), plan(IDENTITY), plan(EXPERIMENT)];
    assert_eq!(connected(&stand).check(&plans.iter().collect::<Vec<_>>()).await.len(), 2);
    assert!(stand.operations().iter().all(|operation| operation == "listWorkflow"));
    stand.assert_no_faults();
}

#[tokio::test]
async fn an_experiment_that_is_not_there_is_an_error() {
    let stand = HarnessStandIn::living(&[]).await;
    for name in ["00000000-0000-4000-8000-000000000009", "no-such-thing"] {
        let (level, words) = check(&stand, name).await;
        assert_eq!(level, Level::Error);
        assert!(words.contains(name) && words.contains("project shop of organisation default"), "{words}");
    }
    let elsewhere = HarnessProject { project: "other".to_owned(), ..project(&stand.url()) };
    let (level, words) = told(&connected_to(elsewhere).check(&[&plan(EXPERIMENT)]).await);
    assert_eq!(level, Level::Error);
    assert!(words.contains("project other"), "{words}");
}

#[tokio::test]
async fn an_older_server_finds_ids_and_says_that_it_finds_no_identities() {
    let stand = HarnessStandIn::living(&[]).await;
    stand.is_older();
    assert_eq!(check(&stand, EXPERIMENT).await.0, Level::Ok);
    let (level, words) = check(&stand, IDENTITY).await;
    assert_eq!(level, Level::Error);
    assert!(words.contains("not by identity") && words.contains("UUID"), "{words}");
    stand.assert_no_faults();
}

#[tokio::test]
async fn a_key_of_another_account_is_told_without_a_request() {
    let stand = HarnessStandIn::living(&[]).await;
    for key in ["pat.other0account.1.mark9harnesskey", "sat.other0account.1.mark9harnesskey"] {
        let harness =
            harness::Harness::new(project(&stand.url()), Secret::new(key), client(Duration::from_secs(20)));
        let (level, words) = told(&harness.check(&[&plan(EXPERIMENT)]).await);
        assert_eq!(level, Level::Error);
        assert!(words.contains("`harness-account-id`") && !words.contains("other0account"), "{words}");
    }
    assert!(stand.asked().is_empty());
}

#[tokio::test]
async fn an_agent_that_is_not_there_forbids_a_launch() {
    for (active, confirmed, said) in [(false, true, "not active"), (false, false, "never reported")] {
        let stand = HarnessStandIn::living(&[]).await;
        for (infra_type, expected) in [("Kubernetes", Level::Error), ("KubernetesV2", Level::Warning)] {
            stand.world(|world| {
                let experiment = world.experiment(EXPERIMENT).unwrap();
                (experiment.active, experiment.confirmed) = (active, confirmed);
                experiment.infra_type = infra_type.to_owned();
            });
            let (level, words) = check(&stand, EXPERIMENT).await;
            assert_eq!(level, expected, "{infra_type}");
            assert!(words.contains(said) && words.contains("staging-agent"), "{words}");
        }
    }
}

#[tokio::test]
async fn a_schedule_and_a_blocked_run_are_warnings() {
    let stand = HarnessStandIn::living(&[]).await;
    stand.world(|world| {
        world.past_run(EXPERIMENT, HarnessBeat::completed(100.0), 60);
        world.past_run(EXPERIMENT, HarnessBeat::blocked("only at night"), 1);
        world.experiment(EXPERIMENT).unwrap().cron = "0 * * * *".to_owned();
    });
    let findings = connected(&stand).check(&[&plan(EXPERIMENT)]).await;
    let levels: Vec<Level> = findings.iter().map(|finding| finding.level).collect();
    assert_eq!(levels, [Level::Ok, Level::Warning, Level::Warning]);
    assert!(findings[1].message.contains("schedule") && findings[2].message.contains("ChaosGuard"));
}

#[tokio::test]
async fn inputs_are_compared_with_what_the_experiment_takes() {
    let stand = HarnessStandIn::living(&[]).await;
    stand.world(|world| {
        world.experiment(EXPERIMENT).unwrap().variables = json!({
            "experiment": [
                { "name": "region", "required": true, "value": "" },
                { "name": "zone", "required": true, "default": "a", "value": null },
                { "name": "depth", "required": false, "value": "" },
            ],
            "tasks": { "pod-delete": [{ "name": "PODS", "required": true, "value": null }] },
        });
    });
    let of = |name: &str| [(name.to_owned(), "mark9harnesskey".to_owned())].into();
    let given =
        RuntimeInputs { experiment: of("regoin"), tasks: [("pod-delete".to_owned(), of("PODS"))].into() };
    let findings = connected(&stand).check(&[&plan_with(EXPERIMENT, given)]).await;
    let words: Vec<&str> = findings.iter().skip(1).map(|finding| &*finding.message).collect();
    assert_eq!(
        words,
        ["it has no runtime input regoin", "it wants the runtime input region, which is not given"]
    );
    assert!(findings.iter().skip(1).all(|finding| finding.level == Level::Warning));

    stand.has_no_rest();
    let given = RuntimeInputs { experiment: of("region"), tasks: [].into() };
    let findings = connected(&stand).check(&[&plan_with(EXPERIMENT, given)]).await;
    assert_eq!(told(&findings[1..]).0, Level::Error);
    stand.assert_no_faults();
}

#[tokio::test]
async fn each_trouble_has_its_level_and_its_remedy() {
    let cases = [
        (
            HarnessAnswer::Status(401, json!({ "message": format!("{KEY} has expired") })),
            Level::Error,
            "`harness-api-key`",
        ),
        (
            HarnessAnswer::Status(403, json!({ "message": "access denied" })),
            Level::Error,
            "`Chaos Experiment: View`",
        ),
        (HarnessAnswer::Errors("user is not authorized"), Level::Error, "`Chaos Experiment: View`"),
        (HarnessAnswer::Status(404, json!({})), Level::Error, "no Harness chaos API is there"),
        (HarnessAnswer::Page, Level::Error, "up to and without `/ng`"),
        (
            HarnessAnswer::Redirect("https://example.com/signin".to_owned()),
            Level::Error,
            "up to and without `/ng`",
        ),
        (HarnessAnswer::Status(429, json!({})), Level::Warning, "1000 requests a minute"),
        (HarnessAnswer::Status(502, json!({})), Level::Warning, "HTTP 502"),
    ];
    for (answer, level, said) in cases {
        let stand = HarnessStandIn::living(&[]).await;
        let shown = format!("{answer:?}");
        stand.interrupt(None, 1, answer);
        let (found, words) = check(&stand, EXPERIMENT).await;
        assert_eq!(found, level, "{shown}");
        assert!(words.contains(said), "{shown}: {words}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_an_error() {
    // The port was bound and given back, so nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let harness = connected_to(project(&format!("http://{free}")));
    let (level, words) = told(&harness.check(&[&plan(EXPERIMENT)]).await);
    assert_eq!(level, Level::Error);
    assert!(words.contains("check `harness-url`"), "{words}");
    let (level, words) = told(&connected_to(project("mailto:me")).check(&[&plan(EXPERIMENT)]).await);
    assert_eq!(level, Level::Error);
    assert!(words.contains("harness-url"), "{words}");
}
