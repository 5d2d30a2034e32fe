use fis::error::SdkError;
use fis::operation::get_safety_lever::{GetSafetyLeverError, GetSafetyLeverOutput};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

type IsRight = fn(Looked) -> bool;
type Looked = Result<GetSafetyLeverOutput, SdkError<GetSafetyLeverError>>;

async fn look(clients: &Clients) -> Looked {
    let within = fis::config::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(2))
        .build();
    let once = fis::config::retry::RetryConfig::disabled();
    let config = fis::Config::builder().timeout_config(within).retry_config(once);
    let look = clients.fis.get_safety_lever().id("default").customize();
    look.config_override(config).send().await
}

#[tokio::test(start_paused = true)]
async fn requests_fail_in_every_way() {
    let (world, clients) = world("completed");
    let cases: [(FaultEffect, IsRight); 9] = [
        (FaultEffect::Hang, |looked| matches!(looked, Err(SdkError::TimeoutError(_)))),
        (
            FaultEffect::LoseRequest,
            |looked| matches!(looked, Err(SdkError::DispatchFailure(failure)) if failure.is_io()),
        ),
        (FaultEffect::Garbage, |looked| {
            looked.is_err_and(|error| error.raw_response().is_some_and(|raw| raw.status().as_u16() == 200))
        }),
        (FaultEffect::denied("fis:GetSafetyLever"), |looked| {
            looked.is_err_and(|error| error.code() == Some("AccessDeniedException"))
        }),
        (FaultEffect::Delay(Duration::from_millis(100)), |looked| looked.is_ok()),
        (FaultEffect::Page { status: 503, retry_after: Some(Duration::from_secs(7)) }, |looked| {
            let error = looked.unwrap_err();
            let raw = error.raw_response().unwrap();
            raw.status().as_u16() == 503 && raw.headers().get("retry-after") == Some("7")
        }),
        (FaultEffect::Truncate, |looked| matches!(looked, Err(SdkError::ResponseError(_)))),
        (FaultEffect::Trickle(Duration::from_millis(1)), |looked| looked.is_ok()),
        (FaultEffect::Trickle(Duration::from_secs(1)), |looked| {
            matches!(looked, Err(SdkError::TimeoutError(_)))
        }),
    ];
    for (effect, is_right) in cases {
        world.heal();
        world.inject(FaultRule::on("GetSafetyLever", effect.clone()));
        assert!(is_right(look(&clients).await), "{effect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_took_effect_and_a_lost_request_did_not() {
    let (world, clients) = world("completed");
    world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1));
    let id = clients.start(TEMPLATE_ID, "token").await;
    let snapshot = world.snapshot();
    assert_eq!(snapshot.count("StartExperiment"), 2, "the SDK tried again");
    assert_eq!(snapshot.requests[0].status, None);
    assert_eq!(snapshot.inventory.experiments.len(), 1);
    assert_eq!(snapshot.inventory.experiments[0].id, id);

    world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseRequest));
    let start = clients.fis.start_experiment().experiment_template_id(TEMPLATE_ID);
    assert!(start.send().await.is_err());
    assert_eq!(world.inventory().experiments.len(), 1);
}

#[tokio::test]
async fn a_connection_is_lost_over_a_socket_too() {
    let (world, _) = world("completed");
    world.inject(FaultRule::on("GetSafetyLever", FaultEffect::LoseAnswer));
    let server = Server::bind(world.clone()).await.unwrap();
    let clients = Clients::over_a_socket(&server.url);
    let looked = tokio::select! {
        () = server.serve() => unreachable!(),
        looked = look(&clients) => looked,
    };
    assert!(matches!(looked, Err(SdkError::DispatchFailure(_))));
    assert_eq!(world.requests()[0].status, None);
}

/// Returns what comes back from a request, byte for byte, and how the connection ends.
async fn heard(effect: FaultEffect) -> (String, std::io::Result<()>) {
    let (world, _) = world("completed");
    world.inject(FaultRule::on("GetSafetyLever", effect));
    let server = Server::bind(world).await.unwrap();
    let address = server.url.trim_start_matches("http://").to_owned();
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = b"GET /safetyLevers/default HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).await.map(drop);
        (String::from_utf8(bytes).unwrap(), end)
    };
    tokio::select! {
        () = server.serve() => unreachable!(),
        heard = ask => heard,
    }
}

#[tokio::test]
async fn sockets_reset_cut_and_trickle() {
    let (nothing, end) = heard(FaultEffect::LoseRequest).await;
    assert_eq!(nothing, "");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let (whole, end) = heard(FaultEffect::Trickle(Duration::from_micros(1))).await;
    assert!(end.is_ok() && whole.starts_with("HTTP/1.1 200 OK") && whole.ends_with('}'), "{whole}");
    let (cut, end) = heard(FaultEffect::Truncate).await;
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&cut), body(&whole)[..body(&whole).len() / 2], "{end:?}");
    let length = format!("content-length: {}\r\n", body(&whole).len());
    assert!(cut.contains(&length), "{cut}");
}

#[tokio::test(start_paused = true)]
async fn faults_of_events_change_while_a_run_goes_on() {
    let (world, clients) = world("completed");
    let url = clients.subscribe("q", &state_changes()).await;
    world.set_event_faults(EventFaults {
        lose: vec![0].into(),
        lose_states: vec!["completed"].into(),
        copies: 2,
        ..EventFaults::NONE
    });
    clients.start(TEMPLATE_ID, "token").await;
    assert_eq!(clients.words(&url).await, ["running", "running"]);
}

#[tokio::test(start_paused = true)]
async fn handshakes_are_lost_too() {
    let (world, clients) = world("completed");
    world.set_event_faults(EventFaults { lose_custom: 1, ..EventFaults::NONE });
    let url = clients.subscribe("q", &json!({"source": ["mine"]})).await;
    clients.put("mine", &json!({"n": 1})).await;
    clients.put("mine", &json!({"n": 2})).await;
    let received = clients.receive(&url).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["detail"]["n"], 2);
}

#[tokio::test(start_paused = true)]
async fn scripts_are_data() {
    let (world, clients) = world("completed");
    world.script(
        TEMPLATE_ID,
        [Beat {
            after: Duration::from_secs(5),
            step: Step::Experiment { status: "reticulating", reason: "a word of the future" },
        }],
    );
    let id = clients.start(TEMPLATE_ID, "token").await;
    let start = Instant::now();
    world.until(|now| !now.events.is_empty()).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(clients.status(&id).await.as_str(), "reticulating");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_a_client_sets_stops_what_has_it_as_a_stop_condition() {
    let (world, clients) = world("never-ends");
    let other = json!({
        "AlarmName": "other",
        "Threshold": 5.0,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    });
    clients.ask_cloudwatch("PutMetricAlarm", other).await.unwrap();
    let id = clients.start(TEMPLATE_ID, "token").await;
    world.until(|now| now.inventory.experiments[0].status == "running").await;
    for name in ["other", ALARM_NAME] {
        assert_eq!(clients.status(&id).await, ExperimentStatus::Running);
        let set = json!({"AlarmName": name, "StateValue": "ALARM", "StateReason": "test"});
        clients.ask_cloudwatch("SetAlarmState", set).await.unwrap();
    }
    assert_eq!(clients.status(&id).await, ExperimentStatus::Stopping);
    let firing = clients.ask_cloudwatch("DescribeAlarms", json!({"StateValue": "ALARM"})).await.unwrap();
    assert_eq!(firing["MetricAlarms"].as_array().unwrap().len(), 2);
    assert_eq!(firing["MetricAlarms"][0]["Threshold"], 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_script_ends_where_somebody_stops_the_experiment() {
    let (world, clients) = world("stop-condition");
    let id = clients.start(TEMPLATE_ID, "token").await;
    world.until(|now| now.inventory.experiments[0].status == "running").await;
    clients.fis.stop_experiment().id(&id).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(clients.status(&id).await, ExperimentStatus::Stopped);
    let alarms = clients.ask_cloudwatch("DescribeAlarms", json!({})).await.unwrap();
    assert_eq!(alarms["MetricAlarms"][0]["StateValue"], "OK", "the alarm was never to fire");
}
