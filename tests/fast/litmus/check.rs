//! Tests of the check before a launch.

use faultgate_core::model::{Finding, Level};
use faultgate_engines::control_plane::Manager;
use faultgate_testkit::litmus::{CenterExperiment, CenterVersion, EXPERIMENT, LitmusStandIn, TokenStanding};

use super::support::*;

async fn checked(center: &LitmusStandIn) -> Vec<Finding> {
    let findings = litmus(center).check(&[&plan()]).await;
    assert_hidden(&format!("{findings:?}"));
    findings
}

/// Returns the only error that forbids a launch, in one line.
async fn in_the_way(center: &LitmusStandIn) -> String {
    let findings = checked(center).await;
    let mut errors: Vec<_> = findings.iter().filter(|finding| finding.level == Level::Error).collect();
    assert_eq!(errors.len(), 1, "{findings:#?}");
    let error = errors.remove(0);
    format!("{}: {} | {}", error.subject, error.message, error.remedy.as_deref().unwrap_or("no remedy"))
}

#[tokio::test]
async fn all_is_as_it_should_be() {
    let center = LitmusStandIn::start().await;
    let findings = checked(&center).await;
    let told: Vec<_> = findings.iter().map(|f| format!("{}: {}", f.subject, f.message)).collect();
    let reached = format!("LitmusChaos: {} answers, as 3.x", center.url());
    let expected = [
        reached.as_str(),
        "project project-1: launch and stop are permitted: role Executor",
        "experiment experiment-1: exists: shop survives",
        "agent staging: is connected",
    ];
    assert_eq!(told, expected);
    assert!(findings.iter().all(|finding| finding.level == Level::Ok));
    center.assert_no_faults();
}

#[tokio::test]
async fn every_operation_is_validated_and_only_the_look_is_run() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    litmus.check(&[&plan()]).await;
    let asked = center.asked_for("ListExperiment").remove(0);
    let document = asked.body["query"].as_str().unwrap();
    for operation in ["runChaosExperiment", "stopExperimentRuns", "getExperimentRun", "listExperimentRun"] {
        assert!(document.contains(operation), "{document}");
    }
    assert_eq!(center.look(|center| center.runs.len()), 0);
    assert_eq!(litmus.calls().values().sum::<u64>(), 2);
    center.assert_no_faults();
}

#[tokio::test]
async fn many_experiments_are_one_request() {
    let center = LitmusStandIn::start().await;
    let ids: Vec<String> = (0..20).map(|at| format!("e{at}")).collect();
    center.look(|center| {
        let experiment = center.experiments[EXPERIMENT].clone();
        center.experiments.extend(ids.iter().map(|id| (id.clone(), experiment.clone())));
    });
    let plans: Vec<_> = ids.iter().chain(ids.first()).map(|id| plan_of(id)).collect();
    let findings = litmus(&center).check(&plans.iter().collect::<Vec<_>>()).await;
    assert_eq!(findings.iter().filter(|finding| finding.message.starts_with("exists")).count(), 20);
    assert_eq!(center.asked_for("ListExperiment").len(), 1);
}

#[tokio::test]
async fn an_experiment_that_is_not_there() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.experiments.clear());
    let told = in_the_way(&center).await;
    assert!(told.starts_with("experiment experiment-1: does not exist in project project-1 | "), "{told}");
}

#[tokio::test]
async fn an_agent_that_is_not_connected() {
    let center = LitmusStandIn::start().await;
    let set = |infra: Option<(String, bool)>| {
        center.look(|center| center.experiments.get_mut(EXPERIMENT).unwrap().infra = infra);
    };
    set(Some(("staging".to_owned(), false)));
    let told = in_the_way(&center).await;
    assert!(told.starts_with("agent staging: is not connected | see that the subscriber runs"), "{told}");
    set(None);
    let told = in_the_way(&center).await;
    assert!(told.contains("has no chaos infrastructure"), "{told}");
}

#[tokio::test]
async fn an_experiment_on_a_schedule_is_refused() {
    let center = LitmusStandIn::start().await;
    center.look(|center| {
        let experiment = center.experiments.get_mut(EXPERIMENT).unwrap();
        *experiment = CenterExperiment { cron: "0 * * * *".to_owned(), ..experiment.clone() };
    });
    let told = in_the_way(&center).await;
    assert!(told.contains("runs on a schedule") && told.contains("on demand"), "{told}");
}

#[tokio::test]
async fn who_may_only_look_may_not_launch() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.role = "Viewer".to_owned());
    let told = in_the_way(&center).await;
    assert!(told.contains("role Viewer may not launch") && told.contains("as Owner or Executor"), "{told}");
}

#[tokio::test]
async fn a_role_that_is_not_told_is_a_note() {
    let center = LitmusStandIn::start().await;
    let nobody = wiremock::ResponseTemplate::new(404).set_body_string("404 page not found");
    center.mishap(faultgate_testkit::litmus::Mishap::on("/auth/get_project_role/project-1", nobody));
    let findings = checked(&center).await;
    assert_eq!((findings[1].level, findings.len()), (Level::Note, 4));
    assert_eq!(findings[1].message, "the role is not known: HTTP 404: 404 page not found");
}

#[tokio::test]
async fn older_versions_are_told_apart() {
    let center = LitmusStandIn::of(CenterVersion::V2_14, "").await;
    let told = in_the_way(&center).await;
    assert!(told.contains("LitmusChaos 2.x") && told.contains("works with LitmusChaos 3.x"), "{told}");
    let findings = litmus_as(&center, login()).check(&[&plan()]).await;
    assert!(findings[0].message.contains("LitmusChaos 2.x"), "by its login: {findings:?}");

    let center = LitmusStandIn::of(CenterVersion::V3_0, "").await;
    let told = in_the_way(&center).await;
    assert!(told.contains("cannot stop a run"), "{told}");
    assert!(!told.contains("2.x"), "{told}");
}

#[tokio::test]
async fn a_token_that_is_no_good() {
    for standing in [TokenStanding::Expired, TokenStanding::Revoked] {
        let center = LitmusStandIn::start().await;
        center.look(|center| center.end_tokens(standing));
        let told = in_the_way(&center).await;
        assert!(told.contains("FAULTGATE_LITMUS_TOKEN"), "{told}");
    }
    let center = LitmusStandIn::start().await;
    center.look(|center| center.tokens.clear());
    let told = in_the_way(&center).await;
    assert!(told.contains("signature is invalid") && told.contains("FAULTGATE_LITMUS_TOKEN"), "{told}");
}

#[tokio::test]
async fn addresses_that_are_not_of_a_chaos_center() {
    let center = LitmusStandIn::of(CenterVersion::V3_31, "/chaos").await;
    // The address is that of the web server, and its path is wrong.
    let beside = center.url().replace("/chaos", "/order");
    let findings = faultgate_engines::control_plane::litmus::Litmus::new(
        project(&beside),
        token(),
        reqwest::Client::new(),
    )
    .check(&[&plan()])
    .await;
    let told = format!("{} {}", findings[0].message, findings[0].remedy.as_deref().unwrap());
    assert!(told.contains("HTTP 405") && told.contains("check litmus-url"), "{told}");
}
