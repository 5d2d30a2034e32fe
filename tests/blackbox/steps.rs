//! Tests of a run in three steps: `launch`, `monitor` and `score` over one state file.

use std::time::Duration;

use faultgate_rehearsal::{Beat, FaultEffect, FaultRule, SECOND_TEMPLATE_ID, Step, TEMPLATE_ID, Which};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ALARMING, ENDLESS, QUICK};
use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::stop::{STATE, killed, state};

/// A life that is long enough for two processes to begin to watch.
const UNHURRIED: &[Beat] = &[
    Beat {
        after: Duration::from_millis(50),
        step: Step::Experiment { status: "running", reason: "Experiment is running." },
    },
    Beat {
        after: Duration::ZERO,
        step: Step::Actions { which: Which::All, status: "running", reason: "Action is running." },
    },
    Beat {
        after: Duration::from_secs(4),
        step: Step::Actions { which: Which::All, status: "completed", reason: "Action was completed." },
    },
    Beat {
        after: Duration::ZERO,
        step: Step::Experiment { status: "completed", reason: "Experiment completed." },
    },
];

/// The steps of a run over several processes.
trait Stepping {
    fn launch(&self) -> Faultgate;
    async fn launched(&self) -> Finished;
    async fn until_over(&self, status: &str);
    /// Plays the next step as on another machine: it has the state file, and nothing of the environment.
    async fn step(&self, name: &str, earlier: &Finished, code: u8) -> Finished;
    fn next(&self, name: &str, earlier: &Finished) -> Faultgate;
    /// Monitors and scores, and asserts that nothing is left.
    async fn go_on(&self, launched: &Finished, code: u8) -> Finished;
}

impl Stepping for EmbeddedAccount {
    fn launch(&self) -> Faultgate {
        self.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
    }

    async fn launched(&self) -> Finished {
        let ended = self.launch().finish().await;
        ended.assert_code(0, "launch");
        ended
    }

    async fn until_over(&self, status: &str) {
        self.until("it is over", |seen| {
            let mut all = seen.inventory.experiments.iter();
            all.all(|experiment| experiment.status == status)
        })
        .await;
    }

    async fn step(&self, name: &str, earlier: &Finished, code: u8) -> Finished {
        let next = self.next(name, earlier).finish().await;
        next.assert_code(code, name);
        next
    }

    fn next(&self, name: &str, earlier: &Finished) -> Faultgate {
        self.faultgate(&[name]).folder(Faultgate::REPORTS).file(STATE, &earlier.read(STATE))
    }

    async fn go_on(&self, launched: &Finished, code: u8) -> Finished {
        let monitored = self.step("monitor", launched, 0).await;
        let scored = self.step("score", &monitored, code).await;
        self.assert_nothing_left("all three steps");
        scored
    }
}

fn experiment(ended: &Finished) -> Value {
    ended.result()["experiments"][0].clone()
}

#[tokio::test]
async fn three_machines_do_what_one_run_does() {
    let account = EmbeddedAccount::living(QUICK).await;
    let launched = account.launched().await;
    assert_eq!(account.requests_of("DeleteQueue").len(), 0, "the events are to be kept");
    account.until_over("completed").await;
    let scored = account.go_on(&launched, 0).await;
    assert_result(&scored.result(), 0);
    let experiment = experiment(&scored);
    assert_eq!((&experiment["state"], &experiment["score"]), (&"completed".into(), &100.0.into()));
    assert_eq!(experiment["id"], account.world.inventory().experiments[0].id.as_str());
    let sources: Vec<_> = experiment["transitions"].as_array().unwrap().iter().collect();
    assert!(sources.iter().any(|step| step["source"] == "event" && step["state"] == "completed"));
    assert_eq!(experiment["monitor"]["events"], account.world.events().len() as u64 - handshakes(&account));
    assert_eq!(scored.result()["api_calls"]["StartExperiment"], 1);
    assert!(scored.result()["findings"].as_array().unwrap().len() > 1, "what launch has found");
    assert_eq!(account.requests_of("StartExperiment").len(), 1);
}

fn handshakes(account: &EmbeddedAccount) -> u64 {
    let events = account.world.events();
    events.iter().filter(|put| put.event["source"] == "faultgate.handshake").count() as u64
}

#[tokio::test]
async fn two_monitors_of_one_state_file_both_see_every_event() {
    let account = EmbeddedAccount::living(UNHURRIED).await;
    let launched = account.launched().await;
    let monitors = [account.next("monitor", &launched).spawn(), account.next("monitor", &launched).spawn()];
    let mut seen = Vec::new();
    for monitor in monitors {
        let ended = monitor.ended().await;
        ended.assert_code(0, "one of two monitors");
        let outcome = state(&ended.path(STATE))["experiments"][0]["outcome"].clone();
        assert_eq!(outcome["state"], "completed", "{outcome:#}");
        seen.push(outcome["monitor"]["events"].clone());
    }
    let all = account.world.events().len() as u64 - handshakes(&account);
    assert_eq!(seen, [all, all]);
    assert_eq!(account.requests_of("DeleteQueue").len(), 0, "the other one may still read");
}

#[tokio::test]
async fn a_stop_condition_fails_the_gate_and_not_the_monitor() {
    let account = EmbeddedAccount::living(ALARMING).await;
    let launched = account.launched().await;
    let scored = account.go_on(&launched, 1).await;
    assert_eq!(experiment(&scored)["score_source"], "stop-condition");
}

#[tokio::test]
async fn a_launch_that_was_killed_before_its_answer_is_found_and_monitored() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer));
    let running = account.launch().spawn();
    account.until("it has begun", |seen| !seen.inventory.experiments.is_empty()).await;
    let launched = killed(running).await;
    account.world.heal();
    assert_eq!(state(&launched.path(STATE))["experiments"][0]["phase"], "intended");
    let starts = account.requests_of("StartExperiment").len();
    let scored = account.go_on(&launched, 0).await;
    assert_eq!(experiment(&scored)["id"], account.world.inventory().experiments[0].id.as_str());
    assert_eq!(account.requests_of("StartExperiment").len(), starts, "nothing is launched again");
}

#[tokio::test]
async fn a_launch_that_was_killed_before_it_began_is_no_pass() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::Hang));
    let running = account.launch().spawn();
    account.until_asked("StartExperiment").await;
    let launched = killed(running).await;
    account.world.heal();
    let monitored = account.step("monitor", &launched, 3).await;
    assert!(monitored.stdout.contains("has not begun"), "{}", monitored.stdout);
    account.assert_nothing_left("who finds nothing to score ends it");
    account.step("score", &monitored, 3).await;
}

#[tokio::test]
async fn a_score_without_a_monitor_stops_and_is_no_pass() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let launched = account.launched().await;
    account.until_running().await;
    let scored = account.step("score", &launched, 3).await;
    account.assert_nothing_left("nobody has monitored it");
    assert_eq!(account.world.inventory().experiments[0].status, "stopped");
    assert!(scored.summary().contains("faultgate monitor"), "{}", scored.summary());
}

#[tokio::test]
async fn where_one_is_not_launched_the_others_are_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.script(SECOND_TEMPLATE_ID, ENDLESS);
    account
        .world
        .inject(FaultRule::on("StartExperiment", FaultEffect::denied("fis:StartExperiment")).from(2));
    let launched = account
        .launch()
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", format!("{TEMPLATE_ID},{SECOND_TEMPLATE_ID}"))
        .env("FAULTGATE_PARALLEL", "2")
        .finish()
        .await;
    launched.assert_code(3, "one of two");
    assert_result(&launched.result(), 3);
    account.assert_nothing_left("one of two");
    account.step("monitor", &launched, 3).await;
    account.step("score", &launched, 3).await;
}

#[tokio::test]
async fn a_signal_to_the_monitor_stops_what_was_launched() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let launched = account.launched().await;
    let monitor = account.next("monitor", &launched).spawn();
    account.until("it is watched", |seen| seen.count("GetExperiment") > 0).await;
    account.until_running().await;
    monitor.signal("TERM").await;
    let ended = monitor.ended().await;
    ended.assert_code(143, "monitor");
    account.assert_nothing_left("cancelled");
    assert_eq!(experiment(&ended)["verdict"], "cancelled");
    let scored = account.step("score", &ended, 143).await;
    assert_eq!(experiment(&scored)["verdict"], "cancelled");
}

#[tokio::test]
async fn the_timeout_counts_from_the_launch() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let launched = account.launch().env("FAULTGATE_TIMEOUT", "1s").finish().await;
    launched.assert_code(0, "launch");
    account.until_running().await;
    let monitored = account.step("monitor", &launched, 4).await;
    assert_eq!(experiment(&monitored)["verdict"], "timed-out");
    account.assert_nothing_left("timed out");
    account.step("score", &monitored, 4).await;
}

/// Returns a suite whose probe has these phases.
fn suite(url: &str, phases: &str) -> String {
    format!(
        "version: 1\nexperiments:\n  - name: az\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n\
         \x20     - {{ name: shop, http: {{ url: '{url}' }}, when: [{phases}], every: 100ms }}\n"
    )
}

#[tokio::test]
async fn probes_look_in_the_step_that_their_phase_is_in() {
    let shop = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&shop).await;
    // A probe that nobody has evaluated while the experiment ran has not held.
    for (phases, code, looks) in [("before, after", 0, 2), ("before, during, after", 0, 3), ("during", 1, 0)]
    {
        let account = EmbeddedAccount::living(if code == 0 { UNHURRIED } else { QUICK }).await;
        let suite = suite(&shop.uri(), phases);
        let launched = account.faultgate(&["launch"]).file(".faultgate.yml", &suite).finish().await;
        launched.assert_code(0, phases);
        if code != 0 {
            account.until_over("completed").await;
        }
        let monitored = account.next("monitor", &launched).file(".faultgate.yml", &suite).finish().await;
        monitored.assert_code(0, phases);
        let scored = account.next("score", &monitored).file(".faultgate.yml", &suite).finish().await;
        scored.assert_code(code, phases);
        let probe = experiment(&scored)["probes"][0].clone();
        let phases = if looks == 3 { 3..=400 } else { looks..=looks };
        assert!(phases.contains(&probe["total"].as_u64().unwrap()), "{probe:#}");
        account.assert_nothing_left("probes");
    }
}

#[tokio::test]
async fn the_suite_file_must_be_the_same() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let suite = suite("http://127.0.0.1:9", "after");
    let launched = account.faultgate(&["launch"]).file(".faultgate.yml", &suite).finish().await;
    launched.assert_code(0, "launch");
    let asked = account.world.requests().len();
    let none = account.step("monitor", &launched, 2).await;
    assert!(none.stderr.contains("no experiment"), "{}", none.stderr);
    for (other, told) in
        [("- name: other", "other experiments: az"), ("template: EXTother", "another experiment")]
    {
        let (from, _) = other.split_once(": ").unwrap();
        let from =
            if from == "template" { format!("template: {TEMPLATE_ID}") } else { "- name: az".to_owned() };
        let changed = suite.replace(&from, other);
        for step in ["monitor", "score"] {
            let ended = account.next(step, &launched).file(".faultgate.yml", &changed).finish().await;
            ended.assert_code(2, other);
            assert!(ended.stderr.contains(told), "{}", ended.stderr);
        }
    }
    assert_eq!(account.world.requests().len(), asked, "nobody is asked");
}

#[tokio::test]
async fn what_cannot_be_split_is_not_launched() {
    let account = EmbeddedAccount::living(QUICK).await;
    let suite = format!(
        "version: 1\nexperiments:\n  - name: az\n    fis: {{ template: {TEMPLATE_ID} }}\n\
         \x20 - name: tc\n    command: {{ run: [\"sleep\", \"9\"] }}\n"
    );
    let ended = account.faultgate(&["launch"]).file(".faultgate.yml", &suite).finish().await;
    ended.assert_code(2, "a command, and one at a time");
    assert!(
        ended.stderr.contains("tc: a command") && ended.stderr.contains("set parallel to 2"),
        "{}",
        ended.stderr
    );
    let rehearsal = account.launch().env("FAULTGATE_REHEARSAL", "completed").finish().await;
    rehearsal.assert_code(2, "a rehearsal");
    let nowhere =
        account.launch().file("blocked", "").env("FAULTGATE_STATE_FILE", "blocked/state.json").finish().await;
    nowhere.assert_code(2, "no state file");
    for step in ["monitor", "score"] {
        let ended = account.faultgate(&[step]).finish().await;
        ended.assert_code(2, step);
        assert!(ended.stderr.contains("faultgate launch"), "{}", ended.stderr);
    }
    assert_eq!(account.requests_of("StartExperiment").len(), 0);
    account.assert_nothing_left("nothing was launched");
}

#[tokio::test]
async fn a_whole_run_is_not_gone_on_with() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let run = killed(running).await;
    let monitored = account.step("monitor", &run, 2).await;
    assert!(monitored.stderr.contains("faultgate stop"), "{}", monitored.stderr);
}

#[tokio::test]
async fn a_second_launch_waits_for_the_first_one_to_be_over() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let launched = account.launched().await;
    let again = account.launch().after(launched).finish().await;
    again.assert_code(2, "one runs");
    assert!(again.stderr.contains("faultgate stop"), "{}", again.stderr);
    let stopped = account.faultgate(&["stop"]).after(again).finish().await;
    stopped.assert_code(0, "stop");
    account.assert_nothing_left("stop after launch");
    account.launch().after(stopped).finish().await.assert_code(0, "nothing runs");
}

#[tokio::test]
async fn a_monitor_that_may_not_look_at_the_template_goes_on() {
    let account = EmbeddedAccount::living(QUICK).await;
    let launched = account.launched().await;
    account.deny("GetExperimentTemplate", "fis:GetExperimentTemplate");
    account.go_on(&launched, 0).await;
}

#[tokio::test]
async fn asking_takes_the_place_of_events_where_there_are_none() {
    for mode in ["poll", "events"] {
        let account = EmbeddedAccount::living(UNHURRIED).await;
        let launched = account.launch().env("FAULTGATE_MONITOR", mode).finish().await;
        launched.assert_code(0, mode);
        if mode == "events" {
            account.deny("ReceiveMessage", "sqs:ReceiveMessage");
        }
        account.go_on(&launched, 0).await;
    }
}
