//! Tests of a launch: by GraphQL, by REST if there are inputs, and never by two requests.

use faultgate_core::model::RuntimeInputs;
use faultgate_engines::control_plane::{Manager, TroubleKind};
use faultgate_testkit::harness::{
    ACCOUNT, EXPERIMENT, HarnessAnswer, HarnessBeat, HarnessStandIn, IDENTITY, ORG, PROJECT,
};
use serde_json::json;

use super::support::{connected, connected_to, launched, plan, plan_with, project, read_one, seen};

fn inputs() -> RuntimeInputs {
    let of = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    RuntimeInputs {
        experiment: of("region", "eu-west-1"),
        tasks: [("pod-delete".to_owned(), of("TARGET_PODS", "s3cr3t-pod"))].into(),
    }
}

#[tokio::test]
async fn a_launch_is_one_request_with_the_account_sent_both_ways() {
    let stand = HarnessStandIn::living(&[HarnessBeat::queued()]).await;
    let run = launched(&connected(&stand)).await;
    assert_eq!((&*run.experiment, &*run.notify_id, &run.run_id), (EXPERIMENT, "notify-1", &None));
    // The stand-in itself checks the header, so only the rest of the request is checked here.
    let asked = stand.asked();
    assert_eq!(stand.operations(), ["runChaosExperiment"]);
    assert_eq!(asked[0].path, "/gateway/chaos/manager/api/query");
    assert_eq!(asked[0].query["accountIdentifier"], ACCOUNT);
    let scope = json!({ "accountIdentifier": ACCOUNT, "orgIdentifier": ORG, "projectIdentifier": PROJECT });
    assert_eq!(asked[0].body["variables"], json!({ "workflowID": EXPERIMENT, "identifiers": scope }));
    stand.assert_no_faults();
}

#[tokio::test]
async fn an_installation_below_a_path_is_found_whatever_ends_its_url() {
    let stand = HarnessStandIn::below("/harness", &[HarnessBeat::queued()]).await;
    for end in ["", "/", "//"] {
        let harness = connected_to(project(&format!("{}{end}", stand.url())));
        let run = launched(&harness).await;
        assert!(read_one(&harness, &run).await.unwrap().is_some(), "{end}");
        let page = format!(
            "{}/ng/account/{ACCOUNT}/module/chaos/orgs/{ORG}/projects/{PROJECT}/experiments/{EXPERIMENT}/runs",
            stand.url()
        );
        assert_eq!(harness.link(&run), Some(page));
        assert!(harness.stop_by_hand(&run).contains(&format!("'{}/gateway/chaos/", stand.url())), "{end}");
    }
    stand.assert_no_faults();
}

#[tokio::test]
async fn an_identity_is_looked_up_once_and_the_id_is_launched() {
    let stand = HarnessStandIn::living(&[HarnessBeat::queued()]).await;
    let harness = connected(&stand);
    for _ in 0..2 {
        assert_eq!(harness.launch(&plan(IDENTITY)).await.unwrap().experiment, EXPERIMENT);
    }
    assert_eq!(stand.operations(), ["listWorkflow", "runChaosExperiment", "runChaosExperiment"]);
    stand.assert_no_faults();
}

#[tokio::test]
async fn a_look_up_that_fails_has_launched_nothing() {
    let stand = HarnessStandIn::living(&[HarnessBeat::queued()]).await;
    stand.interrupt("listWorkflow", 1, HarnessAnswer::Status(502, json!({})));
    let harness = connected(&stand);
    let trouble = harness.launch(&plan(IDENTITY)).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unsent);
    let trouble = harness.launch(&plan("no-such-thing")).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Missing);
    assert_eq!(stand.count("runChaosExperiment"), 0);
    stand.assert_no_faults();
}

#[tokio::test]
async fn inputs_go_by_rest_and_are_not_told() {
    let stand = HarnessStandIn::living(&[HarnessBeat::queued()]).await;
    let harness = connected(&stand);
    for name in [EXPERIMENT, IDENTITY] {
        let run = harness.launch(&plan_with(name, inputs())).await.unwrap();
        assert_eq!(run.experiment, EXPERIMENT);
        let got = stand.world(|world| world.run(&run.notify_id).unwrap().inputs.clone());
        let expected = json!({
            "experiment": [{ "name": "region", "value": "eu-west-1" }],
            "tasks": { "pod-delete": [{ "name": "TARGET_PODS", "value": "s3cr3t-pod" }] },
        });
        assert_eq!(got, Some(expected));
    }
    let asked = stand.asked();
    let run = asked.iter().find(|asked| asked.operation == "runChaosV2Experiment").unwrap();
    assert_eq!(run.path, format!("/gateway/chaos/manager/api/rest/v2/experiments/{EXPERIMENT}/run"));
    assert_eq!(run.query["organizationIdentifier"], ORG);
    stand.assert_no_faults();
}

#[tokio::test]
async fn inputs_need_rest() {
    let stand = HarnessStandIn::living(&[HarnessBeat::queued()]).await;
    stand.is_older();
    let harness = connected(&stand);
    let trouble = harness.launch(&plan_with(EXPERIMENT, inputs())).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Refused);
    assert!(trouble.why.contains("`runtime-inputs`"), "{}", trouble.why);
    assert!(stand.world(|world| world.runs.is_empty()), "nothing runs without its inputs");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_no_refusal_and_its_run_can_be_found() {
    let answers = [
        HarnessAnswer::Status(502, json!({})),
        HarnessAnswer::Garbage,
        HarnessAnswer::Page,
        HarnessAnswer::Errors("internal system error"),
        HarnessAnswer::Body(json!({ "data": null })),
    ];
    for answer in answers {
        let stand = HarnessStandIn::living(&[HarnessBeat::queued()]).await;
        let harness = connected(&stand);
        let shown = format!("{answer:?}");
        stand.garble("runChaosExperiment", answer);
        let trouble = harness.launch(&plan(EXPERIMENT)).await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Unanswered, "{shown}");
        assert_eq!(stand.count("runChaosExperiment"), 1, "{shown}");
        let recent = harness.recent(&plan(EXPERIMENT)).await.unwrap();
        assert_eq!(recent[0].notify_id.as_deref(), Some("notify-1"), "{shown}");
        stand.assert_no_faults();
    }
}

#[tokio::test]
async fn an_empty_notify_id_is_told_as_it_came_and_never_asked_for() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    stand.world(|world| world.experiment(EXPERIMENT).unwrap().cron = "0 * * * *".to_owned());
    let harness = connected(&stand);
    let run = launched(&harness).await;
    assert_eq!(run.notify_id, "");
    assert_eq!(read_one(&harness, &run).await, Ok(None));
    assert!(harness.stop(&run).await.is_err());
    assert_eq!(stand.operations(), ["runChaosExperiment"]);
    assert!(!harness.stop_by_hand(&run).contains("/stop"), "{}", harness.stop_by_hand(&run));
    stand.assert_no_faults();
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    for why in ["experiment re-run failed due to inactive infra", "blocked by governance rule night-only"] {
        let stand = HarnessStandIn::living(&[]).await;
        stand.world(|world| world.experiment(EXPERIMENT).unwrap().refusal = Some(why.to_owned()));
        let harness = connected(&stand);
        let trouble = harness.launch(&plan(EXPERIMENT)).await.unwrap_err();
        assert_eq!((trouble.kind, &*trouble.why), (TroubleKind::Refused, why));
        let remedy = harness.remedy(&trouble, faultgate_engines::control_plane::Asked::Launch).unwrap();
        assert!(remedy.contains(if why.contains("infra") { "start the chaos infra" } else { "ChaosGuard" }));
    }
}

#[tokio::test]
async fn a_refusal_by_rest_is_told_without_the_inputs_that_it_quotes() {
    let stand = HarnessStandIn::living(&[]).await;
    let why = "inactive infra, TARGET_PODS=s3cr3t-pod";
    stand.world(|world| world.experiment(EXPERIMENT).unwrap().refusal = Some(why.to_owned()));
    let trouble = connected(&stand).launch(&plan_with(EXPERIMENT, inputs())).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Refused);
    assert!(trouble.why.ends_with("inactive infra, TARGET_PODS=***"), "{}", trouble.why);
}

#[tokio::test]
async fn requests_are_counted_by_operation() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running(), HarnessBeat::running()]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    seen(&harness, &run).await;
    seen(&harness, &run).await;
    let expected = [("ListWorkflowRun".to_owned(), 2), ("RunChaosExperiment".to_owned(), 1)];
    assert_eq!(harness.calls(), expected.into());
}
