//! A hub: a central bus to which the default buses of member accounts forward, and the queue behind it, as
//! ci-templates/hub makes them.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use faultgate_rehearsal::{ACCOUNT, DEFAULT_REGION, ORGANIZATION, ORGANIZATION_UNIT, World, key_of};
use serde_json::json;

use super::player::sdk;

/// The name of bus, rule and queue.
const NAME: &str = "faultgate-hub";

/// Returns the configuration of a client in this account.
pub fn sdk_of(world: &World, account: &str) -> SdkConfig {
    let keys = Credentials::new(key_of(account), "not-a-secret", None, None, "test");
    sdk(world).to_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build()
}

/// Makes the hub in the account that every world has, with these accounts as members. Returns the queue's URL.
pub async fn make(world: &World, members: &[&str]) -> String {
    let arn =
        |service: &str, resource: String| format!("arn:aws:{service}:{DEFAULT_REGION}:{ACCOUNT}:{resource}");
    let (bus, queue) = (arn("events", format!("event-bus/{NAME}")), arn("sqs", NAME.to_owned()));
    let own = sdk_of(world, ACCOUNT);
    let events = aws_sdk_eventbridge::Client::new(&own);
    events.create_event_bus().name(NAME).send().await.expect("a bus");
    let statement = json!({
        "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": bus,
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
    });
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    events.put_permission().event_bus_name(NAME).policy(policy).send().await.expect("a policy");
    let statement = json!({
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": arn("events", format!("rule/{NAME}/{NAME}"))}},
    });
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let made = aws_sdk_sqs::Client::new(&own)
        .create_queue()
        .queue_name(NAME)
        .attributes(QueueAttributeName::Policy, policy)
        .attributes(QueueAttributeName::MessageRetentionPeriod, "900");
    let url = made.send().await.expect("a queue").queue_url.expect("its address");
    join(&own, Some(NAME), &queue).await;

    let others: Vec<_> = members.iter().filter(|id| **id != ACCOUNT).map(|id| (*id, "ACTIVE")).collect();
    world.organize(ORGANIZATION_UNIT, &others, &[]);
    for member in members {
        join(&sdk_of(world, member), None, &bus).await;
    }
    url
}

/// Makes the permanent rule on a bus.
async fn join(sdk: &SdkConfig, bus: Option<&str>, target: &str) {
    let events = aws_sdk_eventbridge::Client::new(sdk);
    let pattern = json!({"source": ["aws.fis", "faultgate.handshake"]}).to_string();
    let rule = events.put_rule().name(NAME).set_event_bus_name(bus.map(str::to_owned));
    rule.event_pattern(pattern).send().await.expect("a rule");
    let forwarder = format!("arn:aws:iam::{ACCOUNT}:role/forwarder");
    let target = Target::builder().id("next").arn(target).role_arn(forwarder).build().expect("a target");
    let targets = events.put_targets().rule(NAME).set_event_bus_name(bus.map(str::to_owned));
    targets.targets(target).send().await.expect("a target of the rule");
}
