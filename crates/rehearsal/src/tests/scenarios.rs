use super::*;

/// Starts an experiment of a scenario with a rule in place. Returns its id, and the words that arrived as
/// events.
async fn play(scenario: &str) -> (World, Clients, String, Vec<String>) {
    let (world, clients) = world(scenario);
    let url = clients.subscribe("q", &state_changes()).await;
    let id = clients.start(TEMPLATE_ID, "token").await;
    let words = clients.words(&url).await;
    (world, clients, id, words)
}

async fn reason(clients: &Clients, id: &str) -> String {
    clients.experiment(id).await.state.unwrap().reason.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stop_condition_stops_the_experiment() {
    let (_world, clients, id, words) = play("stop-condition").await;
    assert_eq!(words, ["initiating", "running", "stopping", "stopped"]);
    assert!(reason(&clients, &id).await.contains("stop condition"));
    let alarms = clients.ask_cloudwatch("DescribeAlarms", json!({})).await.unwrap();
    assert_eq!(alarms["MetricAlarms"][0]["StateValue"], "ALARM");
    let actions = clients.experiment(&id).await.actions.unwrap();
    let status = |name: &str| actions[name].state().unwrap().status().unwrap().as_str().to_owned();
    assert_eq!((status("latency"), status("settle")), ("stopped".to_owned(), "cancelled".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_failure_has_a_code_and_a_place() {
    let (_world, clients, id, words) = play("failed").await;
    assert_eq!(words.last().unwrap(), "failed");
    let experiment = clients.experiment(&id).await;
    let error = experiment.state.unwrap().error.unwrap();
    assert_eq!(error.code(), Some("AuthorizationFailure"));
    assert_eq!(error.location(), Some("latency"));
    let actions = experiment.actions.unwrap();
    let action = actions["latency"].state().unwrap();
    assert_eq!(action.status(), Some(&fis::types::ExperimentActionStatus::Failed));
}

#[tokio::test(start_paused = true)]
async fn nobody_announces_a_cancellation() {
    let (world, clients, id, words) = play("cancelled").await;
    assert!(words.is_empty());
    assert!(world.events().is_empty());
    assert_eq!(clients.status(&id).await, ExperimentStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn the_safety_lever_stops_what_runs_and_cancels_what_comes() {
    let (_world, clients, id, words) = play("safety-lever").await;
    assert_eq!(words, ["initiating", "running", "stopping", "stopped"]);
    assert!(reason(&clients, &id).await.contains("safety lever"));
    let later = clients.start(TEMPLATE_ID, "another").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(clients.status(&later).await, ExperimentStatus::Cancelled);
    let state = fis::types::UpdateSafetyLeverStateInput::builder()
        .status(fis::types::SafetyLeverStatusInput::Disengaged)
        .reason("over");
    let update = clients.fis.update_safety_lever_state().id("default").state(state.build().unwrap());
    update.clone().send().await.unwrap();
    let again = update.send().await.unwrap_err();
    assert!(again.into_service_error().is_conflict_exception());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_injected_where_nothing_is_found() {
    let (_world, clients, id, words) = play("nothing-injected").await;
    assert_eq!(words.last().unwrap(), "completed");
    let experiment = clients.experiment(&id).await;
    for action in experiment.actions.unwrap().values() {
        let status = action.state().unwrap().status().unwrap();
        assert_eq!(*status, fis::types::ExperimentActionStatus::Skipped);
    }
    let resolved = clients.fis.list_experiment_resolved_targets().experiment_id(&id);
    assert!(resolved.send().await.unwrap().resolved_targets().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_preview_resolves_and_skips() {
    let (world, clients) = world("completed");
    let options = fis::types::StartExperimentExperimentOptionsInput::builder()
        .actions_mode(fis::types::ActionsMode::SkipAll)
        .build();
    let started = clients
        .fis
        .start_experiment()
        .experiment_template_id(TEMPLATE_ID)
        .experiment_options(options)
        .tags("ci", "yes")
        .send()
        .await
        .unwrap();
    let id = started.experiment.unwrap().id.unwrap();
    world.until(|now| now.inventory.experiments[0].status == "completed").await;
    let experiment = clients.experiment(&id).await;
    assert_eq!(experiment.tags.unwrap()["ci"], "yes");
    let status = experiment.actions.unwrap()["latency"].state().unwrap().status().cloned();
    assert_eq!(status, Some(fis::types::ExperimentActionStatus::Skipped));
    let resolved = clients.fis.list_experiment_resolved_targets().experiment_id(&id);
    assert_eq!(resolved.send().await.unwrap().resolved_targets().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_never_ends_can_be_stopped() {
    let (_world, clients, id, words) = play("never-ends").await;
    assert_eq!(words, ["initiating", "running"]);
    clients.fis.stop_experiment().id(&id).send().await.unwrap();
    clients.fis.stop_experiment().id(&id).send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(401)).await;
    assert_eq!(clients.status(&id).await, ExperimentStatus::Stopped);
    assert!(reason(&clients, &id).await.contains("user"));
}

#[tokio::test(start_paused = true)]
async fn events_are_lost_doubled_and_disordered() {
    let (world, clients, id, words) = play("lost-events").await;
    assert!(words.is_empty());
    assert!(world.events().iter().all(|event| event.lost));
    assert_eq!(clients.status(&id).await, ExperimentStatus::Completed);
    let (_world, _clients, _id, words) = play("duplicate-events").await;
    assert_eq!(words.len(), 9);
    let (_world, _clients, _id, words) = play("out-of-order").await;
    assert_eq!(words, ["running", "initiating", "completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_rule_matches_nothing_for_a_while() {
    let (world, clients) = world("slow-propagation");
    let url = clients.subscribe("q", &json!({"source": ["mine"]})).await;
    let early = clients.put("mine", &json!({})).await;
    assert!(early.event_id().is_some());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let later = clients.put("mine", &json!({})).await;
    let received = clients.receive(&url).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["id"], later.event_id().unwrap());
    assert_eq!(world.events().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_sdk_outlasts_the_throttling() {
    let start = Instant::now();
    let (world, _clients, _id, words) = play("throttled").await;
    assert_eq!(words.last().unwrap(), "completed");
    assert_eq!(world.snapshot().count("StartExperiment"), 3);
    let started = world.requests().into_iter().find(|r| r.operation == "StartExperiment").unwrap();
    assert_eq!(started.status, Some(400));
    // The experiment takes 1.8 s, a last poll that brings nothing takes 20 s, and there are short pauses
    // before requests are repeated.
    assert!(start.elapsed() < Duration::from_secs(23), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_denial_names_what_was_denied() {
    let (world, clients) = world("denied");
    let start = clients.fis.start_experiment().experiment_template_id(TEMPLATE_ID);
    let refusal = start.send().await.unwrap_err();
    assert_eq!(refusal.code(), Some("AccessDeniedException"));
    assert!(refusal.message().unwrap().contains("fis:StartExperiment"));
    assert!(world.inventory().experiments.is_empty());
}

/// Returns the status of the target's answer, and the time it took in milliseconds.
async fn asked(world: &World, path: &str) -> (u16, u128) {
    let begun = Instant::now();
    let request =
        http::Request::get(format!("http://rehearsal.test/target/{path}")).body(bytes::Bytes::new());
    match world.handle(request.unwrap()).await {
        WireAnswer::Reply(answer) => (answer.status().as_u16(), begun.elapsed().as_millis()),
        lost => panic!("{lost:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_target_suffers_while_the_fault_is_in_and_no_service_hears_of_it() {
    let (world, clients) = world("degraded");
    assert_eq!(asked(&world, "a").await, (200, 0));
    clients.start(TEMPLATE_ID, "token").await;
    let heard = world.requests().len();
    // The experiment runs after 500 ms, and its last action ends after 1700 ms.
    let mut seen = Vec::new();
    for _ in 0..7 {
        tokio::time::sleep(Duration::from_millis(260)).await;
        seen.push(asked(&world, "a").await);
    }
    // Each answer of 20 ms moves the requests after it.
    assert_eq!(seen, [(200, 0), (503, 20), (200, 20), (503, 20), (200, 20), (503, 20), (200, 0)]);
    assert_eq!(world.requests().len(), heard);
}

#[tokio::test(start_paused = true)]
async fn a_target_bears_a_fault_or_does_not_recover_from_it() {
    for (scenario, during, after) in
        [("completed", (200, 20), (200, 0)), ("not-recovered", (503, 20), (503, 20))]
    {
        let (world, clients) = world(scenario);
        assert_eq!(asked(&world, "").await, (200, 0), "{scenario}");
        clients.start(TEMPLATE_ID, "token").await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(asked(&world, "").await, during, "{scenario}");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(asked(&world, "").await, after, "{scenario}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_injects_nothing_hurts_nothing() {
    let (world, clients) = world("nothing-injected");
    clients.start(TEMPLATE_ID, "token").await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(asked(&world, "").await, (200, 0));
    }
}
