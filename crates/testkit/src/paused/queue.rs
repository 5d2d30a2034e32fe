//! A queue of the user's own, which is fed by a rule of the user's own.

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use faultgate_rehearsal::{ACCOUNT, DEFAULT_REGION, World};
use serde_json::json;

use super::player::sdk;

/// The name of both the queue and the rule.
const NAME: &str = "mine";

/// Creates the queue and the rule, and returns the queue's URL.
pub async fn of_the_users(world: &World) -> String {
    let sdk = sdk(world);
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
