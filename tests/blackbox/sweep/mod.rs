//! Tests of `faultgate sweep`: leftovers that have expired go, and nothing else.

mod troubles;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_eventbridge::types::{Tag, Target};
use aws_sdk_fis::types::ExperimentStatus;

use faultgate_net::aws::{connect_embedded, in_region};
use faultgate_rehearsal::{FaultEffect, FaultRule, Inventory, TEMPLATE_ID};

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once, in_time};

use crate::stop::killed;
use faultgate_testkit::lives::ENDLESS;

pub(crate) const PAST: &str = "2020-01-02T03:04:05Z";
pub(crate) const FUTURE: &str = "2999-01-02T03:04:05Z";

pub(crate) const IRELAND: &str = "eu-west-1";
pub(crate) const VIRGINIA: &str = "us-east-1";

/// The clients of one Region of the account, by which tests make things there.
pub(crate) struct Region {
    pub(crate) fis: aws_sdk_fis::Client,
    events: aws_sdk_eventbridge::Client,
    sqs: aws_sdk_sqs::Client,
}

pub(crate) fn tags(run: &str, expires_at: &str) -> BTreeMap<String, String> {
    let pairs =
        [("faultgate:run-id", run), ("faultgate:expires-at", expires_at), ("faultgate:url", "https://ci")];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl Region {
    async fn queue(&self, name: &str, tags: &BTreeMap<String, String>) -> String {
        let request = self.sqs.create_queue().queue_name(name);
        let tags = (!tags.is_empty()).then(|| tags.clone().into_iter().collect());
        request.set_tags(tags).send().await.unwrap().queue_url.unwrap()
    }

    async fn rule(&self, name: &str, tags: &BTreeMap<String, String>, targets: &[&str]) -> String {
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build().unwrap();
        let request = self.events.put_rule().name(name).event_pattern(r#"{"source": ["aws.fis"]}"#);
        let made = request.set_tags(Some(tags.iter().map(tag).collect())).send().await.unwrap();
        for id in targets {
            let arn = format!("arn:aws:sqs:{VIRGINIA}:123456789012:{name}");
            let target = Target::builder().id(*id).arn(arn).build().unwrap();
            let put = self.events.put_targets().rule(name).targets(target).send().await.unwrap();
            assert_eq!(put.failed_entry_count(), 0);
        }
        made.rule_arn.unwrap()
    }

    /// Makes a subscription as a run does.
    pub(crate) async fn subscription(&self, name: &str, run: &str, expires_at: &str) {
        let tags = tags(run, expires_at);
        self.queue(name, &tags).await;
        self.rule(name, &tags, &["queue"]).await;
    }

    pub(crate) async fn experiment(&self, name: &str, tags: &BTreeMap<String, String>) -> String {
        let request = self.fis.start_experiment().client_token(name).experiment_template_id(TEMPLATE_ID);
        let started = request.set_tags(Some(tags.clone().into_iter().collect())).send().await.unwrap();
        started.experiment.unwrap().id.unwrap()
    }

    pub(crate) async fn status(&self, id: &str) -> ExperimentStatus {
        let answer = self.fis.get_experiment().id(id).send().await.unwrap();
        answer.experiment.unwrap().state.unwrap().status.unwrap()
    }
}

/// The things that a sweep finds in an account.
pub(crate) trait Swept {
    fn region(&self, name: &str) -> Region;
    fn sweep(&self, args: &[&str]) -> Faultgate;
    /// Returns the names of rules, then of queues, with their Regions.
    fn there(&self) -> Vec<String>;
}

impl Swept for EmbeddedAccount {
    fn region(&self, name: &str) -> Region {
        let sdk = in_region(&connect_embedded(self.url(), None).unwrap(), name);
        Region {
            fis: aws_sdk_fis::Client::new(&sdk),
            events: aws_sdk_eventbridge::Client::new(&sdk),
            sqs: aws_sdk_sqs::Client::new(&sdk),
        }
    }

    fn sweep(&self, args: &[&str]) -> Faultgate {
        self.faultgate(&["sweep"]).args(args)
    }

    fn there(&self) -> Vec<String> {
        let Inventory { rules, queues, .. } = self.world.inventory();
        let rules = rules.into_iter().map(|rule| format!("rule {} {}", rule.region, rule.name));
        rules
            .chain(queues.into_iter().map(|queue| format!("queue {} {}", queue.region, queue.name)))
            .collect()
    }
}

#[track_caller]
pub(crate) fn assert_told(ended: &Finished, parts: &[&str]) {
    let found = ended.stdout.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line with {parts:?}\n{}\n{}", ended.stdout, ended.stderr);
}

#[tokio::test]
async fn what_has_expired_goes_and_nothing_else() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    region.subscription("faultgate-old", "old", PAST).await;
    region.subscription("faultgate-new", "new", FUTURE).await;
    region.subscription("other-old", "other", PAST).await;
    // The rule and the queue of strangers only have such a name.
    region.rule("faultgate-stranger", &BTreeMap::new(), &["theirs"]).await;
    region.queue("faultgate-stranger", &BTreeMap::new()).await;
    let half = BTreeMap::from([("faultgate:run-id".to_owned(), "half".to_owned())]);
    region.queue("faultgate-half", &half).await;

    let ended = account.sweep(&[]).finish().await;
    ended.assert_code(0, "nothing that has expired is left");
    let kept = [
        "rule us-east-1 faultgate-new",
        "rule us-east-1 faultgate-stranger",
        "rule us-east-1 other-old",
        "queue us-east-1 faultgate-half",
        "queue us-east-1 faultgate-new",
        "queue us-east-1 faultgate-stranger",
        "queue us-east-1 other-old",
    ];
    assert_eq!(account.there(), kept, "{}", ended.stdout);
    for kind in ["rule", "queue"] {
        assert_told(
            &ended,
            &[&format!("removed the {kind} faultgate-old in us-east-1: expired since {PAST}")],
        );
        assert_told(&ended, &["left alone", &format!("the {kind} faultgate-new"), FUTURE]);
        assert_told(&ended, &["left alone", &format!("the {kind} faultgate-stranger"), "not faultgate's"]);
    }
    assert_told(&ended, &["left alone the queue faultgate-half", "no tag faultgate:expires-at"]);
    assert!(!ended.stdout.contains("other-old"), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 7, "{}", ended.stdout);
    assert!(account.requests_of("ListExperiments").is_empty(), "nobody asked for experiments");

    let again = account.sweep(&[]).finish().await;
    again.assert_code(0, "again");
    assert_eq!(account.there(), kept);
    assert!(!again.stdout.contains("removed"), "{}", again.stdout);
}

#[tokio::test]
async fn where_there_is_nothing_it_says_so() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let ended = account.sweep(&["--stop-experiments"]).finish().await;
    ended.assert_code(0, "nothing");
    assert_eq!(ended.stdout, "nothing to sweep in us-east-1\n");
}

#[tokio::test]
async fn half_made_subscriptions_go_too() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    let past = tags("half", PAST);
    region.queue("faultgate-queue-only", &past).await;
    region.rule("faultgate-rule-only", &past, &[]).await;
    region.rule("faultgate-rule-with-target", &past, &["queue"]).await;
    region.rule("faultgate-rule-with-others-targets", &past, &["queue", "a.b", "-c_", "4"]).await;
    let ended = account.sweep(&[]).finish().await;
    ended.assert_code(0, "halves");
    assert!(account.there().is_empty(), "{:?}", account.there());
}

#[tokio::test]
async fn an_odd_tag_keeps_what_has_it_and_is_no_success() {
    at_once(["soon", "2020-01-02", "20200102T030405Z", ""], |odd| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let region = account.region(VIRGINIA);
        region.subscription("faultgate-odd", "odd", odd).await;
        region.subscription("faultgate-old", "old", PAST).await;
        let experiment = region.experiment("odd", &tags("odd", odd)).await;
        let ended = account.sweep(&["--stop-experiments"]).finish().await;
        ended.assert_code(3, odd);
        assert_eq!(account.there(), ["rule us-east-1 faultgate-odd", "queue us-east-1 faultgate-odd"]);
        for kind in ["rule", "queue", "experiment"] {
            assert_told(&ended, &["left alone", &format!("the {kind}"), &format!("\"{odd}\""), "no time"]);
        }
        assert_ne!(region.status(&experiment).await, ExperimentStatus::Stopped);
    })
    .await;
}

#[tokio::test]
async fn lists_of_many_pages_are_read_to_their_end() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    for number in 0..105 {
        region.subscription(&format!("faultgate-{number}"), "many", PAST).await;
        region.experiment(&number.to_string(), &tags(&number.to_string(), PAST)).await;
    }
    let ended = account.sweep(&["--stop-experiments"]).finish().await;
    ended.assert_code(0, "many");
    account.assert_nothing_left("many");
    for list in ["ListRules", "ListQueues", "ListExperiments"] {
        assert_eq!(account.requests_of(list).len(), 2, "{list}");
    }
    assert_eq!(ended.stdout.lines().count(), 3 * 105);
}

#[tokio::test]
async fn a_dry_run_only_reads() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    region.subscription("faultgate-old", "old", PAST).await;
    region.subscription("faultgate-new", "new", FUTURE).await;
    let id = region.experiment("old", &tags("old", PAST)).await;
    account.until_running().await;
    let (before, asked) = (account.world.inventory(), account.world.requests().len());
    let ended = account.sweep(&["--dry-run", "--stop-experiments"]).finish().await;
    ended.assert_code(0, "dry");
    assert_eq!(account.world.inventory(), before);
    let asked: Vec<String> =
        account.world.requests().into_iter().skip(asked).map(|request| request.operation).collect();
    assert!(!asked.is_empty() && asked.iter().all(|operation| operation.starts_with("List")), "{asked:?}");
    assert_told(&ended, &["would stop the experiment", &id, "in us-east-1", PAST]);
    for kind in ["rule", "queue"] {
        assert_told(&ended, &[&format!("would remove the {kind} faultgate-old in us-east-1"), PAST]);
    }
    assert!(!ended.stdout.contains(": stopped") && !ended.stdout.contains("\nremoved"), "{}", ended.stdout);
}

#[tokio::test]
async fn only_experiments_whose_run_is_over_are_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    region.subscription("faultgate-old", "old", PAST).await;
    region.subscription("faultgate-new", "new", FUTURE).await;
    let mut named = tags("old", FUTURE);
    named.remove("faultgate:expires-at");
    named.insert("faultgate:experiment".to_owned(), "az-latency".to_owned());
    let by_subscription = region.experiment("1", &named).await;
    let by_itself = region.experiment("2", &tags("polled", PAST)).await;
    let mut others = Vec::new();
    others.push(region.experiment("3", &tags("new", FUTURE)).await);
    others.push(region.experiment("4", &tags("elsewhere", FUTURE)).await);
    others.push(region.experiment("5", &BTreeMap::new()).await);
    let mut foreign = tags("old", PAST);
    foreign.remove("faultgate:run-id");
    others.push(region.experiment("6", &foreign).await);
    let abroad = account.region(IRELAND).experiment("7", &tags("old", PAST)).await;

    account.sweep(&["--dry-run"]).finish().await.assert_code(0, "it may be tried before");
    assert!(account.requests_of("StopExperiment").is_empty());
    let ended = account.sweep(&["--stop-experiments"]).finish().await;
    ended.assert_code(0, "stopped");
    assert_eq!(region.status(&by_subscription).await, ExperimentStatus::Stopped);
    assert_eq!(region.status(&by_itself).await, ExperimentStatus::Stopped);
    for other in &others {
        assert_ne!(region.status(other).await, ExperimentStatus::Stopped);
    }
    assert_ne!(account.region(IRELAND).status(&abroad).await, ExperimentStatus::Stopped);
    assert_eq!(account.requests_of("StopExperiment").len(), 2);
    assert_told(&ended, &["(az-latency)", PAST, &format!(": stopped {by_subscription}")]);
    assert_told(&ended, &[PAST, &format!(": stopped {by_itself}")]);
    assert_told(&ended, &["left alone the experiment", &others[0], FUTURE]);
    assert_eq!(account.there(), ["rule us-east-1 faultgate-new", "queue us-east-1 faultgate-new"]);

    // The experiments are stopped, and known to have stopped, before the first removal.
    let order = account.world.requests();
    let last = |operation: &str| order.iter().rposition(|request| request.operation == operation).unwrap();
    let first = |operation: &str| order.iter().position(|request| request.operation == operation).unwrap();
    assert!(last("StopExperiment") < first("DeleteQueue").min(first("RemoveTargets")));

    let asked = account.requests_of("StopExperiment").len();
    account.sweep(&["--stop-experiments"]).finish().await.assert_code(0, "again");
    assert_eq!(account.requests_of("StopExperiment").len(), asked, "what is over is not stopped again");
}

#[tokio::test]
async fn what_a_killed_run_has_left_is_swept_when_its_time_is_up() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    killed(running).await;
    let Inventory { rules, queues, experiments, .. } = account.world.inventory();
    let expires_at = &rules[0].tags["faultgate:expires-at"];
    assert_eq!(&queues[0].tags["faultgate:expires-at"], expires_at);
    assert_eq!(
        &experiments[0].tags["faultgate:expires-at"], expires_at,
        "the experiment has the same moment"
    );
    assert_eq!(experiments[0].tags["faultgate:run-id"], rules[0].tags["faultgate:run-id"]);

    let early = account.sweep(&["--stop-experiments"]).finish().await;
    early.assert_code(0, "too early");
    assert_eq!(account.left().len(), 3, "{:?}", account.left());
    for kind in ["experiment", "rule", "queue"] {
        assert_told(&early, &[&format!("left alone the {kind}"), expires_at]);
    }

    account.world.tag_anew("faultgate:expires-at", PAST);
    let ended = account.sweep(&["--stop-experiments"]).finish().await;
    ended.assert_code(0, "in time");
    account.assert_nothing_left(&ended.stdout);
    assert_eq!(account.world.inventory().experiments[0].status, "stopped");
}

/// Anybody who may make a queue may write the id of another run on it, and any date.
#[tokio::test]
async fn a_queue_with_an_old_date_stops_no_experiment_whose_own_time_lies_ahead() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    let live = region.experiment("live", &tags("live", FUTURE)).await;
    let untagged = BTreeMap::from([("faultgate:run-id".to_owned(), "live".to_owned())]);
    let bare = region.experiment("bare", &untagged).await;
    region.queue("faultgate-planted", &tags("live", PAST)).await;
    let ended = account.sweep(&["--stop-experiments"]).finish().await;
    ended.assert_code(0, "what has expired is gone");
    assert_ne!(region.status(&live).await, ExperimentStatus::Stopped);
    assert_told(&ended, &["left alone the experiment", &live, FUTURE]);
    assert_eq!(region.status(&bare).await, ExperimentStatus::Stopped, "it says nothing itself");
    assert!(account.there().is_empty());
}

/// The expiry of a subscription allows for everything that a run may wait for.
#[tokio::test]
async fn a_run_that_waits_for_recoveries_may_last_that_much_longer() {
    let expires_in = async |recovers_within: &str| {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let suite = format!(
            "version: 1\nexperiments:\n  - name: az\n    fis: {{ template: {TEMPLATE_ID} }}\n    timeout: 30m\n    \
             probes: [{{ name: port, tcp: {{ address: \"127.0.0.1:1\" }}, when: [after]{recovers_within} }}]\n"
        );
        let running = account.faultgate(&["run"]).file(".faultgate.yml", &suite).spawn();
        account.until_running().await;
        let started = account.world.now();
        killed(running).await;
        let Inventory { queues, experiments, .. } = account.world.inventory();
        let said = &queues[0].tags["faultgate:expires-at"];
        assert_eq!(said, &experiments[0].tags["faultgate:expires-at"]);
        let expires_at: jiff::Timestamp = said.parse().unwrap();
        expires_at.duration_since(started).as_mins()
    };
    let without = expires_in("").await;
    let with = expires_in(", recovers-within: 180m").await;
    assert!(without >= 30 + 60, "{without}");
    assert!((178..=182).contains(&(with - without)), "{with} and {without}");
}
