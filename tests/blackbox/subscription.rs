//! Tests of the rules and the queue of a run: names, tags, patterns, policy, proof.

use std::collections::BTreeMap;

use faultgate_rehearsal::{EventFaults, QueueEntry, RuleEntry, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::Value;

#[tokio::test]
async fn rule_and_queue_are_named_and_tagged_for_whoever_finds_them() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().in_github("1").spawn();
    account.until_running().await;
    let there = account.world.inventory();
    running.signal("INT").await;
    let result = running.ended().await.result();

    let id = result["run"]["id"].as_str().unwrap();
    let name = format!("faultgate-{id}");
    let ([rule], [queue]) = (there.rules.as_slice(), there.queues.as_slice()) else {
        panic!("one rule and one queue: {there:#?}");
    };
    assert_eq!((&rule.name, &queue.name), (&name, &name));
    assert_eq!(rule.targets.len(), 1);
    assert!(rule.targets[0].ends_with(&format!(":{name}")), "{rule:?}");
    for tags in [&rule.tags, &queue.tags] {
        assert_tags(tags, id);
    }
    let experiment = &there.experiments[0].tags;
    assert_eq!(experiment["faultgate:run-id"], id);
    assert_eq!(experiment["faultgate:url"], "https://github.com/shop/web/actions/runs/1234567890");
    assert_eq!(experiment["faultgate:repository"], "shop/web");
    account.assert_nothing_left("after SIGINT");
}

fn assert_tags(tags: &BTreeMap<String, String>, id: &str) {
    assert_eq!(tags["faultgate:run-id"], id);
    assert_eq!(tags["faultgate:url"], "https://github.com/shop/web/actions/runs/1234567890");
    let expires: jiff::Timestamp = tags["faultgate:expires-at"].parse().expect("RFC 3339");
    let now = jiff::Timestamp::try_from(std::time::SystemTime::now()).unwrap();
    assert!(expires > now, "{expires} is not in the future");
}

#[tokio::test]
async fn the_policy_comes_with_the_queue_and_the_pattern_takes_what_is_ours() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.run().finish().await.assert_code(0, "a plain run");

    let created = &account.requests_of("CreateQueue")[0].input;
    let policy: Value = serde_json::from_str(created["Attributes"]["Policy"].as_str().unwrap()).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Principal"]["Service"], "events.amazonaws.com");
    assert_eq!(statement["Action"], "sqs:SendMessage");
    let rule = account.requests_of("PutRule")[0].input.clone();
    let sources = &statement["Condition"]["ArnEquals"]["aws:SourceArn"];
    let arn = sources[0].as_str().unwrap();
    assert!(arn.ends_with(&format!("rule/{}", rule["Name"].as_str().unwrap())));
    assert!(account.requests_of("SetQueueAttributes").is_empty());

    let pattern: Value = serde_json::from_str(rule["EventPattern"].as_str().unwrap()).unwrap();
    let parts = pattern["$or"].as_array().unwrap();
    let part = |source: &str| parts.iter().find(|part| part["source"][0] == source).unwrap();
    let fis = part("aws.fis");
    assert_eq!(fis["detail-type"][0], "FIS Experiment State Change");
    assert_eq!(fis["detail"]["experiment-template-id"], serde_json::json!([TEMPLATE_ID]));
    let own = part("faultgate.handshake");
    assert_eq!(own["detail-type"][0], "Faultgate Handshake");
    assert_eq!(own["detail"]["nonce"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_experiment_begins_before_a_handshake_has_come_through() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.set_event_faults(EventFaults { lose_custom: 2, ..EventFaults::NONE });
    account.run().finish().await.assert_code(0, "two handshakes are lost");
    let seen = account.world.snapshot();
    let start = seen.requests.iter().position(|r| r.operation == "StartExperiment");
    let handshakes = |requests: &[faultgate_rehearsal::Recorded]| {
        requests.iter().filter(|r| r.operation == "PutEvents").count()
    };
    assert_eq!(handshakes(&seen.requests[..start.unwrap()]), 3);
    assert_eq!(handshakes(&seen.requests), 3, "one that has come through is enough");
}

#[tokio::test]
async fn many_templates_take_several_rules_that_all_work_and_all_go() {
    let account = EmbeddedAccount::living(QUICK).await;
    let templates: Vec<String> = (0..150).map(|number| format!("EXT{number:014}")).collect();
    for template in &templates {
        account.world.script(template, QUICK);
    }
    let running = account
        .run()
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", templates.join(","))
        .env("FAULTGATE_PARALLEL", "50")
        .spawn();
    account.until_asked("StartExperiment").await;
    let there = account.world.inventory();
    let ended = running.ended().await;
    ended.assert_code(0, "150 templates");

    assert_rules(&there.rules, &there.queues, &templates);
    let result = ended.result();
    let experiments = result["experiments"].as_array().unwrap();
    assert_eq!(experiments.len(), 150);
    for experiment in experiments {
        let learned = experiment["monitor"]["learned"].as_str().unwrap();
        assert!(learned.contains("by an event"), "{experiment:#}");
    }
    account.assert_nothing_left("150 templates");
}

fn assert_rules(rules: &[RuleEntry], queues: &[QueueEntry], templates: &[String]) {
    assert!(rules.len() > 1, "{} rules", rules.len());
    assert_eq!(queues.len(), 1);
    let mut taken = Vec::new();
    for rule in rules {
        assert!(rule.name.starts_with(&queues[0].name), "{}", rule.name);
        assert!(rule.pattern.chars().count() <= 2048, "{}", rule.pattern.len());
        let pattern: Value = serde_json::from_str(&rule.pattern).unwrap();
        let ids = pattern["$or"][0]["detail"]["experiment-template-id"].clone();
        let ids: Vec<String> = serde_json::from_value(ids).unwrap();
        taken.extend(ids);
    }
    taken.sort_unstable();
    assert_eq!(taken, templates);
}
