//! Tests of the SDK's own clients, and of its runtime for CloudWatch, against a world, in memory on a paused clock and over a real socket.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_eventbridge as eventbridge;
use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_fis as fis;
use aws_sdk_sqs as sqs;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use fis::types::ExperimentStatus;
use serde_json::{Value, json};
use sqs::types::QueueAttributeName;
use tokio::time::Instant;

use super::*;
use faultgate_core::clock::Clock;
use faultgate_net::aws::calls::CountCalls;
use faultgate_net::aws::{JsonClient, JsonClientError, JsonNames, connect_embedded, in_region};
use faultgate_net::http::HttpSettings;

mod alarms;
mod faults;
mod lifecycle;
mod scenarios;

/// The SDK's clients of one world.
struct Clients {
    fis: fis::Client,
    events: eventbridge::Client,
    sqs: sqs::Client,
    cloudwatch: JsonClient,
}

static CLOUDWATCH: JsonNames = JsonNames {
    signing: "monitoring",
    service_id: "CloudWatch",
    host: "monitoring",
    target: "GraniteServiceVersion20100801",
};

macro_rules! client {
    ($service:ident, $http:expr, $url:expr) => {{
        let config = $service::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region($service::config::Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("AKIDREHEARSAL", "secret", None, None, "rehearsal"))
            .http_client($http.clone())
            .endpoint_url($url)
            .build();
        $service::Client::from_conf(config)
    }};
}

impl Clients {
    fn new(http: &SharedHttpClient, url: &str) -> Self {
        Self {
            fis: client!(fis, http, url),
            events: client!(eventbridge, http, url),
            sqs: client!(sqs, http, url),
            cloudwatch: {
                let sdk = connect_embedded(url, Some(http.clone())).unwrap();
                JsonClient::new(&CLOUDWATCH, &in_region(&sdk, "eu-west-1"), CountCalls::default())
            },
        }
    }

    fn of(world: &World) -> Self {
        Self::new(&http_client(world.clone()), "http://rehearsal.test")
    }

    fn over_a_socket(url: &str) -> Self {
        Self::new(&faultgate_net::aws::http_client(&HttpSettings::default()).unwrap(), url)
    }

    async fn start(&self, template: &str, token: &str) -> String {
        let started = self
            .fis
            .start_experiment()
            .client_token(token)
            .experiment_template_id(template)
            .send()
            .await
            .unwrap();
        started.experiment.unwrap().id.unwrap()
    }

    async fn ask_cloudwatch(&self, operation: &'static str, input: Value) -> Result<Value, JsonClientError> {
        self.cloudwatch.ask(operation, &input).await
    }

    async fn experiment(&self, id: &str) -> fis::types::Experiment {
        let answer = self.fis.get_experiment().id(id).send().await.unwrap();
        answer.experiment.unwrap()
    }

    async fn status(&self, id: &str) -> ExperimentStatus {
        self.experiment(id).await.state.unwrap().status.unwrap()
    }

    /// Makes a rule and a queue of one name that take what the pattern selects, and returns the queue's URL.
    async fn subscribe(&self, name: &str, pattern: &Value) -> String {
        let rule_arn = format!("arn:aws:events:eu-west-1:{ACCOUNT}:rule/{name}");
        let queue_arn = format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}");
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
        }]});
        let queue = self
            .sqs
            .create_queue()
            .queue_name(name)
            .attributes(QueueAttributeName::Policy, policy.to_string())
            .tags("faultgate:run-id", "1")
            .send()
            .await
            .unwrap();
        let tag = eventbridge::types::Tag::builder().key("faultgate:run-id").value("1");
        self.events
            .put_rule()
            .name(name)
            .event_pattern(pattern.to_string())
            .tags(tag.build().unwrap())
            .send()
            .await
            .unwrap();
        let target = eventbridge::types::Target::builder().id("queue").arn(queue_arn);
        let put = self.events.put_targets().rule(name).targets(target.build().unwrap());
        assert_eq!(put.send().await.unwrap().failed_entry_count, 0);
        queue.queue_url.unwrap()
    }

    async fn put(&self, source: &str, detail: &Value) -> eventbridge::types::PutEventsResultEntry {
        let entry = eventbridge::types::PutEventsRequestEntry::builder()
            .source(source)
            .detail_type("Faultgate Handshake")
            .detail(detail.to_string());
        let put = self.events.put_events().entries(entry.build()).send().await.unwrap();
        put.entries.unwrap().remove(0)
    }

    /// Receives by one long poll, and deletes what was received.
    async fn receive(&self, url: &str) -> Vec<Value> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(url)
            .wait_time_seconds(20)
            .max_number_of_messages(10)
            .send()
            .await
            .unwrap();
        let mut events = Vec::new();
        for message in received.messages.unwrap_or_default() {
            events.push(serde_json::from_str(message.body().unwrap()).unwrap());
            let handle = message.receipt_handle.unwrap();
            let delete = self.sqs.delete_message().queue_url(url).receipt_handle(handle);
            delete.send().await.unwrap();
        }
        events
    }

    /// Returns the words of the state changes in the order of their arrival, until a poll brings none.
    async fn words(&self, url: &str) -> Vec<String> {
        let mut words = Vec::new();
        loop {
            let events = self.receive(url).await;
            if events.is_empty() {
                return words;
            }
            let word = |event: &Value| event["detail"]["new-state"]["status"].as_str().unwrap().to_owned();
            words.extend(events.iter().map(word));
        }
    }
}

fn world(scenario: &str) -> (World, Clients) {
    let world = World::new(Scenario::find(scenario).unwrap(), Clock::start());
    let clients = Clients::of(&world);
    (world, clients)
}

fn state_changes() -> Value {
    json!({"source": ["aws.fis"], "detail": {"experiment-template-id": [TEMPLATE_ID]}})
}
