//! A queue of the user's own, which is fed by a rule of the user's own.

use std::time::Duration;

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use faultgate_core::model::Monitor;
use faultgate_rehearsal::{ACCOUNT, DEFAULT_REGION, World};
use serde_json::json;

use crate::chaos::{Chaos, Life, play};

/// The name of both the queue and the rule.
const NAME: &str = "mine";

/// Creates the queue and the rule, and returns the queue's URL.
pub(crate) async fn of_the_users(world: &World) -> String {
    let sdk = crate::chaos::sdk(world);
    let arn =
        |service: &str, resource: &str| format!("arn:aws:{service}:{DEFAULT_REGION}:{ACCOUNT}:{resource}");
    let statement = json!({
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": arn("sqs", NAME),
        "Condition": { "ArnEquals": { "aws:SourceArn": arn("events", &format!("rule/{NAME}")) } },
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let queue = aws_sdk_sqs::Client::new(&sdk).create_queue().queue_name(NAME);
    let queue = queue.attributes(QueueAttributeName::Policy, policy).send().await.expect("a queue");
    let events = aws_sdk_eventbridge::Client::new(&sdk);
    let pattern = json!({ "source": ["aws.fis"] }).to_string();
    events.put_rule().name(NAME).event_pattern(pattern).send().await.expect("a rule");
    let target = Target::builder().id("queue").arn(arn("sqs", NAME)).build().expect("a target");
    events.put_targets().rule(NAME).targets(target).send().await.expect("a target of the rule");
    queue.queue_url.expect("its address")
}

/// Events that are given back must not come round too often: each receive of a message counts towards the
/// maximum of a redrive policy.
#[test]
fn events_of_others_come_round_a_few_times_and_no_more() {
    let half_an_hour = Duration::from_mins(30);
    let chaos = Chaos {
        lives: vec![Life::NeverEnds],
        monitor: Monitor::Queue,
        timeout: half_an_hour,
        reconcile: Duration::from_mins(5),
        noise: vec![(Duration::from_secs(1), 0)],
        ..Chaos::with_faults(Vec::new())
    };
    let played = play(&chaos);
    assert!(played.took > half_an_hour, "{:?}", played.took);
    let given_back = played.world.count("ChangeMessageVisibilityBatch");
    assert!((2..30).contains(&given_back), "{given_back}");
}
