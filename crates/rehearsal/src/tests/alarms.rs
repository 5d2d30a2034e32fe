//! Alarms that tell of their changes, and keep a history of them.

use cloudwatch::types::{AlarmType, HistoryItemType, ScanBy, StateValue};

use super::*;

async fn set(clients: &Clients, name: &str, state: StateValue, reason: &str) {
    let set = clients.cloudwatch.set_alarm_state().alarm_name(name).state_value(state);
    set.state_reason(reason).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_alarm_tells_of_each_change_once_and_keeps_it() {
    let (world, clients) = world("completed");
    for (state, reason) in
        [(StateValue::Alarm, "slow"), (StateValue::Alarm, "slower"), (StateValue::Ok, "fast")]
    {
        tokio::time::sleep(Duration::from_secs(10)).await;
        set(&clients, SYSTEM_ALARM_NAME, state, reason).await;
    }
    let events = world.events();
    let told: Vec<_> = events.iter().map(|published| &published.event["detail"]["state"]).collect();
    assert_eq!(told.iter().map(|state| &state["value"]).collect::<Vec<_>>(), ["ALARM", "OK"]);
    assert_eq!(events[1].event["detail"]["previousState"]["reason"], "slower");
    assert!(told[0]["timestamp"].as_str().unwrap().ends_with("+0000"), "{told:?}");

    let ask = || clients.cloudwatch.describe_alarm_history().alarm_name(SYSTEM_ALARM_NAME);
    let newest = ask().max_records(1).send().await.unwrap();
    assert_eq!(newest.alarm_history_items()[0].history_summary(), Some("Alarm updated from ALARM to OK"));
    let ascending = ask().history_item_type(HistoryItemType::StateUpdate).scan_by(ScanBy::TimestampAscending);
    let mut pages = ascending.max_records(1).into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        items.extend(page.unwrap().alarm_history_items.unwrap_or_default());
    }
    let data: Vec<Value> =
        items.iter().map(|item| serde_json::from_str(item.history_data().unwrap()).unwrap()).collect();
    assert_eq!(data[0]["newState"], json!({"stateValue": "ALARM", "stateReason": "slow"}));
    assert_eq!(data[1]["oldState"]["stateValue"], "ALARM");
    let (first, last) = (items[0].timestamp().unwrap(), items[1].timestamp().unwrap());
    assert_eq!(last.secs() - first.secs(), 20);
    let later = ask().start_date(*last).send().await.unwrap();
    assert_eq!(later.alarm_history_items().len(), 1, "both ends of the time belong to it");
    let earlier = ask().end_date(*first).send().await.unwrap();
    assert_eq!(earlier.alarm_history_items()[0].timestamp(), Some(first));
    let composite = clients.cloudwatch.describe_alarm_history().alarm_types(AlarmType::CompositeAlarm);
    assert!(composite.send().await.unwrap().alarm_history_items().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_an_alarm_tells_may_be_lost_and_its_history_has_it_all_the_same() {
    let (world, clients) = world("completed");
    world.set_event_faults(EventFaults { lose_alarms: true, ..EventFaults::NONE });
    set(&clients, SYSTEM_ALARM_NAME, StateValue::Alarm, "slow").await;
    assert!(world.events()[0].lost);
    let history = clients.cloudwatch.describe_alarm_history().send().await.unwrap();
    assert_eq!(history.alarm_history_items().len(), 1);
}
