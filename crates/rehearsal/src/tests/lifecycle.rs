use super::*;

/// Makes all requests of a run, in their order.
async fn whole_lifecycle(world: &World, clients: &Clients) {
    let pattern = json!({"$or": [
        {
            "source": ["aws.fis"],
            "detail-type": ["FIS Experiment State Change"],
            "detail": {"experiment-template-id": [TEMPLATE_ID]},
        },
        {"source": ["faultgate.handshake"], "detail": {"nonce": ["n1"]}},
    ]});
    preflight(clients).await;
    let url = clients.subscribe("faultgate-1", &pattern).await;
    let put = clients.put("faultgate.handshake", &json!({"nonce": "n1"})).await;
    let handshake = clients.receive(&url).await;
    assert_eq!(handshake[0]["id"], put.event_id.unwrap().as_str());
    assert_eq!(handshake[0]["detail"], json!({"nonce": "n1"}));

    let id = clients.start(TEMPLATE_ID, "token-1").await;
    assert_eq!(clients.start(TEMPLATE_ID, "token-1").await, id, "a token starts one experiment");
    let mut words = Vec::new();
    while words.last().is_none_or(|word| word != "completed") {
        for event in clients.receive(&url).await {
            assert_eq!(event["detail"]["experiment-id"], id.as_str());
            assert_eq!(event["region"], "eu-west-1");
            assert_eq!(event["resources"][0], format!("arn:aws:fis:eu-west-1:{ACCOUNT}:experiment/{id}"));
            words.push(event["detail"]["new-state"]["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(words, ["initiating", "running", "completed"]);
    ended(clients, &id).await;
    stopped(clients).await;
    removed(world, clients, &url).await;
}

async fn preflight(clients: &Clients) {
    let template = clients.fis.get_experiment_template().id(TEMPLATE_ID).send().await.unwrap();
    let template = template.experiment_template.unwrap();
    let alarm = template.stop_conditions()[0].value().unwrap();
    assert!(alarm.ends_with(ALARM_NAME));
    let lever = clients.fis.get_safety_lever().id("default").send().await.unwrap();
    let state = lever.safety_lever.unwrap().state.unwrap();
    assert_eq!(state.status.unwrap(), fis::types::SafetyLeverStatus::Disengaged);
    let asked = json!({"AlarmNames": [ALARM_NAME], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]});
    let alarms = clients.ask_cloudwatch("DescribeAlarms", asked).await.unwrap();
    let found = &alarms["MetricAlarms"][0];
    assert_eq!(found["AlarmArn"], alarm);
    assert_eq!(found["StateValue"], "OK");
    assert!(found["StateUpdatedTimestamp"].is_number() && found["StateTransitionedTimestamp"].is_number());
    assert_eq!(alarms["CompositeAlarms"], json!([]));
}

async fn ended(clients: &Clients, id: &str) {
    let experiment = clients.experiment(id).await;
    assert_eq!(experiment.state.unwrap().status, Some(ExperimentStatus::Completed));
    assert!(experiment.start_time.unwrap() < experiment.end_time.unwrap());
    let actions = experiment.actions.unwrap();
    for name in ["latency", "settle"] {
        let action = &actions[name];
        let status = action.state().unwrap().status().unwrap();
        assert_eq!(*status, fis::types::ExperimentActionStatus::Completed);
        assert!(action.start_time() < action.end_time());
    }
    let resolved = clients
        .fis
        .list_experiment_resolved_targets()
        .experiment_id(id)
        .into_paginator()
        .page_size(1)
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    assert_eq!(resolved.len(), 2);
    assert!(resolved[0].target_information().unwrap().contains_key("arn"));
    let refusal = clients.fis.stop_experiment().id(id).send().await.unwrap_err();
    assert!(refusal.into_service_error().is_validation_exception());
}

async fn stopped(clients: &Clients) {
    let id = clients.start(SECOND_TEMPLATE_ID, "token-2").await;
    let stop = clients.fis.stop_experiment().id(&id).send().await.unwrap();
    let state = stop.experiment.unwrap().state.unwrap();
    assert_eq!(state.status, Some(ExperimentStatus::Stopping));
    let used = clients
        .fis
        .start_experiment()
        .client_token("token-2")
        .experiment_template_id(TEMPLATE_ID)
        .send()
        .await;
    assert!(used.unwrap_err().into_service_error().is_conflict_exception());
}

async fn removed(world: &World, clients: &Clients, url: &str) {
    let name = "faultgate-1";
    let early = clients.events.delete_rule().name(name).send().await.unwrap_err();
    assert_eq!(early.code(), Some("ValidationException"));
    let remove = clients.events.remove_targets().rule(name).ids("queue");
    remove.send().await.unwrap();
    for _ in 0..2 {
        clients.events.delete_rule().name(name).send().await.unwrap();
    }
    let again = clients.events.remove_targets().rule(name).ids("queue").send().await;
    assert!(again.unwrap_err().into_service_error().is_resource_not_found_exception());
    clients.sqs.delete_queue().queue_url(url).send().await.unwrap();
    let again = clients.sqs.delete_queue().queue_url(url).send().await.unwrap_err();
    assert!(again.into_service_error().is_queue_does_not_exist());
    let inventory = world.inventory();
    assert!(inventory.rules.is_empty() && inventory.queues.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_sdk_drives_the_whole_lifecycle_in_memory() {
    let (world, clients) = world("completed");
    let start = Instant::now();
    whole_lifecycle(&world, &clients).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let recorded = world.requests();
    let first = &recorded[0];
    assert_eq!((first.service.as_str(), first.operation.as_str()), ("fis", "GetExperimentTemplate"));
    assert_eq!(first.input, json!({"id": TEMPLATE_ID}));
    assert_eq!(first.status, Some(200));
    assert!(recorded.iter().any(|r| r.service == "cloudwatch" && r.input["AlarmNames"][0] == ALARM_NAME));
}

#[tokio::test]
async fn the_sdk_drives_the_whole_lifecycle_over_a_socket() {
    let world = World::new(Scenario::find("completed").unwrap(), Clock::start());
    let server = Server::bind(world.clone()).await.unwrap();
    let clients = Clients::over_a_socket(&server.url);
    tokio::select! {
        () = server.serve() => unreachable!(),
        () = whole_lifecycle(&world, &clients) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_empty_and_wakes_at_once() {
    let (world, clients) = world("completed");
    let url = clients.subscribe("q", &json!({"source": ["mine"]})).await;
    let start = Instant::now();
    assert!(clients.receive(&url).await.is_empty());
    assert_eq!(start.elapsed().as_secs(), 20);

    let (event, received) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            world.put_event(json!({"source": "mine"}));
        },
        clients.receive(&url)
    );
    let () = event;
    assert_eq!(received, [json!({"source": "mine"})]);
    assert_eq!(start.elapsed(), Duration::from_millis(21_500));

    // A message that nobody deleted becomes visible again, and wakes the long poll.
    world.put_event(json!({"source": "mine"}));
    let hold = clients.sqs.receive_message().queue_url(&url).visibility_timeout(7);
    hold.send().await.unwrap();
    assert_eq!(clients.receive(&url).await.len(), 1);
    assert_eq!(start.elapsed(), Duration::from_millis(28_500));
}

#[tokio::test(start_paused = true)]
async fn a_queue_lets_in_only_the_rule_its_policy_names() {
    let (world, clients) = world("completed");
    let pattern = json!({"source": ["mine"]});
    let url = clients.subscribe("mine", &pattern).await;
    // A rule of another name has the same queue as its target.
    let other = clients.events.put_rule().name("other").event_pattern(pattern.to_string());
    other.send().await.unwrap();
    let target = eventbridge::types::Target::builder()
        .id("queue")
        .arn(format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:mine"));
    let put = clients.events.put_targets().rule("other").targets(target.build().unwrap());
    put.send().await.unwrap();
    world.put_event(json!({"source": "mine"}));
    assert_eq!(world.inventory().queues[0].messages.len(), 1);
    let open = clients.sqs.set_queue_attributes().queue_url(&url);
    open.attributes(QueueAttributeName::Policy, "").send().await.unwrap();
    world.put_event(json!({"source": "mine"}));
    assert_eq!(world.inventory().queues[0].messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_codes_of_the_services() {
    let (_world, clients) = world("completed");
    let unknown = clients.fis.get_experiment().id("EXPnone").send().await.unwrap_err();
    assert!(unknown.into_service_error().is_resource_not_found_exception());
    let pattern = clients.events.put_rule().name("r").event_pattern("{\"source\": \"x\"}");
    let refusal = pattern.send().await.unwrap_err().into_service_error();
    assert!(refusal.is_invalid_event_pattern_exception());
    let refused = clients.put("aws.fis", &json!({})).await;
    assert_eq!(refused.error_code(), Some("NotAuthorizedForSourceException"));
    let refused = clients.put("mine", &json!("no object")).await;
    assert_eq!(refused.error_code(), Some("MalformedDetail"));
    let url = clients.subscribe("q", &state_changes()).await;
    let same = clients.sqs.create_queue().queue_name("q");
    let same = same.attributes(QueueAttributeName::VisibilityTimeout, "5").send().await;
    assert!(same.unwrap_err().into_service_error().is_queue_name_exists());
    let same = clients.sqs.create_queue().queue_name("q").send().await.unwrap();
    assert_eq!(same.queue_url(), Some(url.as_str()));
    clients.sqs.delete_queue().queue_url(&url).send().await.unwrap();
    let recent = clients.sqs.create_queue().queue_name("q").send().await;
    assert!(recent.unwrap_err().into_service_error().is_queue_deleted_recently());
    let set = json!({"AlarmName": "none", "StateValue": "OK", "StateReason": "r"});
    let alarm = clients.ask_cloudwatch("SetAlarmState", set).await;
    assert_eq!(alarm.unwrap_err().code(), Some("ResourceNotFound"));
    let unknown = clients.fis.list_actions().send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("UnknownOperationException"));
}

#[tokio::test(start_paused = true)]
async fn templates_can_be_made_tagged_and_deleted() {
    let (world, clients) = world("completed");
    let action = fis::types::CreateExperimentTemplateActionInput::builder().action_id("aws:fis:wait");
    let none = fis::types::CreateExperimentTemplateStopConditionInput::builder().source("none");
    let made = clients
        .fis
        .create_experiment_template()
        .client_token("t")
        .description("d")
        .role_arn("arn:aws:iam::123456789012:role/r")
        .actions("wait", action.build().unwrap())
        .stop_conditions(none.build().unwrap())
        .tags("a", "1")
        .send()
        .await
        .unwrap();
    let template = made.experiment_template.unwrap();
    let (id, arn) = (template.id.unwrap(), template.arn.unwrap());
    clients.fis.tag_resource().resource_arn(&arn).tags("b", "2").send().await.unwrap();
    clients.fis.untag_resource().resource_arn(&arn).tag_keys("a").send().await.unwrap();
    let tags = clients.fis.list_tags_for_resource().resource_arn(&arn).send().await.unwrap();
    assert_eq!(tags.tags.unwrap().into_iter().collect::<Vec<_>>(), [("b".to_owned(), "2".to_owned())]);
    let experiment = clients.start(&id, "token").await;
    world.until(|now| now.inventory.experiments[0].status == "completed").await;
    assert_eq!(clients.status(&experiment).await, ExperimentStatus::Completed);
    clients.fis.delete_experiment_template().id(&id).send().await.unwrap();
    let listed = clients.fis.list_experiment_templates().send().await.unwrap();
    assert_eq!(listed.experiment_templates().len(), 2, "those the world was born with");
    let listed = clients.fis.list_experiments().experiment_template_id(&id).send().await.unwrap();
    assert_eq!(listed.experiments()[0].id(), Some(experiment.as_str()));
}
