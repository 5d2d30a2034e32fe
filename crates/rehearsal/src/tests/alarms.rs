//! Alarms that tell of their changes, and keep a history of them.

use super::*;

async fn set(clients: &Clients, name: &str, state: &str, reason: &str) {
    let input = json!({"AlarmName": name, "StateValue": state, "StateReason": reason});
    clients.ask_cloudwatch("SetAlarmState", input).await.unwrap();
}

/// Returns the items of a history, on one page.
async fn history(clients: &Clients, input: Value) -> Vec<Value> {
    let answer = clients.ask_cloudwatch("DescribeAlarmHistory", input).await.unwrap();
    answer["AlarmHistoryItems"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn an_alarm_tells_of_each_change_once_and_keeps_it() {
    let (world, clients) = world("completed");
    for (state, reason) in [("ALARM", "slow"), ("ALARM", "slower"), ("OK", "fast")] {
        tokio::time::sleep(Duration::from_secs(10)).await;
        set(&clients, SYSTEM_ALARM_NAME, state, reason).await;
    }
    let events = world.events();
    let told: Vec<_> = events.iter().map(|published| &published.event["detail"]["state"]).collect();
    assert_eq!(told.iter().map(|state| &state["value"]).collect::<Vec<_>>(), ["ALARM", "OK"]);
    assert_eq!(events[1].event["detail"]["previousState"]["reason"], "slower");
    assert!(told[0]["timestamp"].as_str().unwrap().ends_with("+0000"), "{told:?}");

    let newest = history(&clients, json!({"AlarmName": SYSTEM_ALARM_NAME, "MaxRecords": 1})).await;
    assert_eq!(newest[0]["HistorySummary"], "Alarm updated from ALARM to OK");
    let mut page = json!({
        "AlarmName": SYSTEM_ALARM_NAME,
        "HistoryItemType": "StateUpdate",
        "ScanBy": "TimestampAscending",
        "MaxRecords": 1,
    });
    let mut items = Vec::new();
    loop {
        let answer = clients.ask_cloudwatch("DescribeAlarmHistory", page.clone()).await.unwrap();
        items.extend(answer["AlarmHistoryItems"].as_array().unwrap().clone());
        match answer.get("NextToken") {
            Some(token) => page["NextToken"] = token.clone(),
            None => break,
        }
    }
    let data: Vec<Value> = items
        .iter()
        .map(|item| serde_json::from_str(item["HistoryData"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(data[0]["newState"], json!({"stateValue": "ALARM", "stateReason": "slow"}));
    assert_eq!(data[1]["oldState"]["stateValue"], "ALARM");
    let (first, last) = (items[0]["Timestamp"].clone(), items[1]["Timestamp"].clone());
    assert!((last.as_f64().unwrap() - first.as_f64().unwrap() - 20.0).abs() < 0.1, "{first} {last}");
    let later = history(&clients, json!({"AlarmName": SYSTEM_ALARM_NAME, "StartDate": last})).await;
    assert_eq!(later.len(), 1, "both ends of the time belong to it");
    let earlier = history(&clients, json!({"AlarmName": SYSTEM_ALARM_NAME, "EndDate": first})).await;
    assert_eq!(earlier[0]["Timestamp"], first);
    assert_eq!(history(&clients, json!({"AlarmTypes": ["CompositeAlarm"]})).await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn what_an_alarm_tells_may_be_lost_and_its_history_has_it_all_the_same() {
    let (world, clients) = world("completed");
    world.set_event_faults(EventFaults { lose_alarms: true, ..EventFaults::NONE });
    set(&clients, SYSTEM_ALARM_NAME, "ALARM", "slow").await;
    assert!(world.events()[0].lost);
    assert_eq!(history(&clients, json!({})).await.len(), 1);
}
