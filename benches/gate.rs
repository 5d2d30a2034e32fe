//! A benchmark of the gate, beside a bare SDK client and beside the polling loop that pipelines use today.
//!
//! It plays runs of the release binary against endpoints embedded in this process, so that the moment of
//! each event is known. `make bench` builds that binary first. Medians are printed; nothing is asserted,
//! since machines differ. With the argument `load` only the large suite is run, with `fleet` only that of
//! many accounts, with `plan` only large suites are planned, with `merge` only the large merge is made, with
//! `halt` only the halts are run, by an alarm and by a probe.
#![expect(clippy::print_stdout, reason = "this is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use faultgate_core::clock::Clock;
use faultgate_net::aws::{connect_embedded, http_client};
use faultgate_net::http::HttpSettings;
use faultgate_rehearsal::{
    Beat, FaultEffect, FaultRule, Scenario, Server, Snapshot, Step, TEMPLATE_ID, Which, World,
};
use tokio::process::Command;
use tokio_util::task::AbortOnDropHandle;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[path = "gate/fleet.rs"]
mod fleet;
#[path = "gate/halt.rs"]
mod halt;
#[path = "gate/load.rs"]
mod load;
#[path = "gate/merge.rs"]
mod merge;
#[path = "gate/peer.rs"]
mod peer;
#[path = "gate/plan.rs"]
mod plan;
#[path = "gate/policy.rs"]
mod policy;
#[path = "gate/usage.rs"]
mod usage;

/// Number of runs of which each median is taken.
const RUNS: usize = 15;
/// Name of the variable that makes this program act as the bare SDK client.
const BARE: &str = "BENCH_BARE_SDK";
/// The interval at which AWS's own samples of Step Functions poll.
const PEER_INTERVAL: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if std::env::var_os(BARE).is_some() {
        return bare_sdk().await;
    }
    let binary =
        std::env::var_os("FAULTGATE_BIN").map_or_else(|| "target/release/faultgate".into(), PathBuf::from);
    assert!(binary.exists(), "{} is not there: cargo build --release --package faultgate", binary.display());
    if std::env::args().any(|argument| argument == "halt") {
        return halts(&binary).await;
    }
    if std::env::args().any(|argument| argument == "plan") {
        return plans(&binary).await;
    }
    if std::env::args().any(|argument| argument == "load") {
        return load::load(&binary).await;
    }
    if std::env::args().any(|argument| argument == "fleet") {
        return fleet::fleet(&binary).await;
    }
    if std::env::args().any(|argument| argument == "merge") {
        return merge::merge(&binary).await;
    }
    println!("{:<68} {:>10}", "what", "median");
    let size = std::fs::metadata(&binary).map(|file| file.len()).unwrap_or_default();
    row("release binary", format!("{:.1} MB", size as f64 / 1e6));

    let itself = std::env::current_exe().expect("this program has a path");
    let (mut start, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        // The two take turns, so that a machine that changes its speed changes both.
        start.push(first_request(&binary, &["check"]).await);
        bare.push(first_request(&itself, &[]).await);
    }
    row("from start to the first request: faultgate", millis(median(start)));
    row("from start to the first request: a bare SDK client", millis(median(bare)));

    let mut near = Vec::new();
    let mut far = Vec::new();
    let mut reporting = Vec::new();
    let forge = forge().await;
    for _ in 0..RUNS {
        near.push(gate(&binary, Duration::ZERO, None).await);
        far.push(gate(&binary, Duration::from_millis(100), None).await);
        reporting.push(gate(&binary, Duration::ZERO, Some(&forge)).await);
    }
    row(
        "from the terminal event to the exit, files written",
        millis(median_of(&near, |run| run.end_to_exit)),
    );
    row("the same with 100 ms added to every request", millis(median_of(&far, |run| run.end_to_exit)));
    let reported = median_of(&reporting, |run| run.whole).saturating_sub(median_of(&near, |run| run.whole));
    row("added by statuses and a comment on a GitHub on loopback", millis(reported));
    let requests = forge.received_requests().await.map_or(0, |requests| requests.len()) / RUNS;
    row("requests to the forge, of one experiment with a comment", requests.to_string());
    let mut stops = Vec::new();
    for _ in 0..RUNS {
        stops.push(stop(&binary).await);
    }
    row("from SIGTERM to StopExperiment", millis(median(stops)));
    halts(&binary).await;
    let judgements = (0..RUNS).map(|_| policy::judge_large_suite()).collect();
    row("a policy of 200 rules read, and 500 experiments judged by it", millis(median(judgements)));
    let poll = poll().await;
    row("the end seen by a loop that polls every 5 s (one run)", millis(poll));
    row("FIS requests of a healthy run", near[0].fis_requests.to_string());
    row(
        "peak memory",
        format!("{:.1} MB", median(near.iter().map(|run| run.peak_kb).collect()) as f64 / 1e3),
    );
    plans(&binary).await;
    load::load(&binary).await;
    fleet::fleet(&binary).await;
    merge::merge(&binary).await;
}

/// Measures plans of large suites. Twice as many experiments must not take much more than twice as long.
async fn plans(binary: &Path) {
    for (experiments, form) in [(5_000, "jsonl"), (10_000, "jsonl"), (10_000, "github")] {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            times.push(plan::plan(binary, experiments, form).await);
        }
        row(&format!("faultgate plan --format {form} of {experiments} experiments"), millis(median(times)));
    }
    let mut times = Vec::new();
    for _ in 0..RUNS {
        times.extend(plan::plan_by_peer(10_000).await);
    }
    let by_peer = if times.is_empty() { "no PyYAML".to_owned() } else { millis(median(times)) };
    row("10,000 experiments as lines of JSON by Python", by_peer);
}

/// Measures the times from what halts a run to the request that stops the experiment.
async fn halts(binary: &Path) {
    let (mut by_alarm, mut by_probe) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        by_alarm.push(halt::by_alarm(binary).await);
        by_probe.push(halt::by_probe(binary).await);
    }
    row("from an alarm's event to StopExperiment", millis(median(by_alarm)));
    row("from a failing evaluation to StopExperiment", millis(median(by_probe)));
}

fn row(what: &str, value: impl std::fmt::Display) {
    println!("{what:<68} {:>10}", value.to_string());
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn median_of(runs: &[Gated], what: impl Fn(&Gated) -> Duration) -> Duration {
    median(runs.iter().map(what).collect())
}

/// Returns a world whose experiment completes after a moment, its address, and the task that serves it.
async fn world() -> (World, String, AbortOnDropHandle<()>) {
    let world = World::new(Scenario::find("completed").expect("it is there"), Clock::start());
    let beat = |millis, step| Beat { after: Duration::from_millis(millis), step };
    let state = |status| Step::Experiment { status, reason: "" };
    let actions = |status| Step::Actions { which: Which::All, status, reason: "" };
    world.script(
        TEMPLATE_ID,
        vec![
            beat(100, state("running")),
            beat(100, actions("running")),
            beat(300, actions("completed")),
            beat(0, state("completed")),
        ],
    );
    let server = Server::bind(world.clone()).await.expect("a free port");
    let url = server.url.clone();
    (world, url, AbortOnDropHandle::new(tokio::spawn(server.serve())))
}

fn command(binary: &PathBuf, url: &str, folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

async fn first_request(binary: &PathBuf, arguments: &[&str]) -> Duration {
    let (world, url, _server) = world().await;
    let folder = tempfile::tempdir().expect("a folder");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    let begun = world.now();
    let mut child =
        command(&binary, &url, &folder).args(arguments).env(BARE, "1").spawn().expect("it starts");
    let status = child.wait().await.expect("it ends");
    assert!(status.success(), "{}: {status}", binary.display());
    let first = world.requests()[0].at;
    first.duration_since(begun).unsigned_abs()
}

struct Gated {
    end_to_exit: Duration,
    whole: Duration,
    fis_requests: usize,
    peak_kb: u64,
}

/// Returns a GitHub that takes everything.
async fn forge() -> MockServer {
    let forge = MockServer::start().await;
    let comments = ResponseTemplate::new(200).set_body_json(serde_json::json!([]));
    Mock::given(method("GET")).respond_with(comments).mount(&forge).await;
    let created = ResponseTemplate::new(201).set_body_json(serde_json::json!({ "id": 1 }));
    Mock::given(method("POST")).respond_with(created).mount(&forge).await;
    forge
}

/// Puts a command into a job of a workflow, for a pull request.
fn in_github(command: &mut Command, forge: &MockServer) {
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_API_URL", forge.uri())
        .env("GITHUB_REPOSITORY", "shop/web")
        .env("GITHUB_SHA", "ec26c3e57ca3a959ca5aad62de7213c562f8c821")
        .env("GITHUB_EVENT_NAME", "push")
        .env("FAULTGATE_PULL_REQUEST", "7")
        .env("FAULTGATE_COMMENT", "on")
        .env("FAULTGATE_GITHUB_TOKEN", "bench");
}

async fn gate(binary: &PathBuf, delay: Duration, forge: Option<&MockServer>) -> Gated {
    let (world, url, _server) = world().await;
    if !delay.is_zero() {
        world.inject(FaultRule::on("*", FaultEffect::Delay(delay)));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    let mut command = command(&binary, &url, &folder);
    if let Some(forge) = forge {
        in_github(&mut command, forge);
    }
    let begun = world.now();
    let mut child = command.arg("run").spawn().expect("it starts");
    let id = child.id().expect("it runs");
    let (peak_kb, status) = tokio::join!(
        async {
            world.until(|now| now.count("RemoveTargets") > 0).await;
            peak_kb(id)
        },
        child.wait()
    );
    let status = status.expect("it ends");
    let exit = world.now();
    assert!(status.success(), "the run passes: {status}");
    assert!(folder.path().join("faultgate-report/result.json").exists(), "files are written");
    Gated {
        whole: exit.duration_since(begun).unsigned_abs(),
        end_to_exit: exit.duration_since(ended(&world.snapshot())).unsigned_abs(),
        fis_requests: world.requests().iter().filter(|request| request.service == "fis").count(),
        peak_kb,
    }
}

/// Returns the time from a signal to the request that stops the experiment.
async fn stop(binary: &PathBuf) -> Duration {
    let (world, url, _server) = world().await;
    let forever = Step::Experiment { status: "running", reason: "" };
    world.script(TEMPLATE_ID, vec![Beat { after: Duration::from_millis(100), step: forever }]);
    let folder = tempfile::tempdir().expect("a folder");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    let mut child = command(&binary, &url, &folder).arg("run").spawn().expect("it starts");
    world
        .until(|now| now.inventory.experiments.iter().any(|experiment| experiment.status == "running"))
        .await;
    let signalled = world.now();
    let kill = format!("kill -s TERM {}", child.id().expect("it runs"));
    Command::new("sh").args(["-c", &kill]).status().await.expect("it is signalled");
    world.until(|now| now.count("StopExperiment") > 0).await;
    let requests = world.requests();
    let stop = requests.iter().find(|request| request.operation == "StopExperiment").expect("it is there");
    child.wait().await.expect("it ends");
    stop.at.duration_since(signalled).unsigned_abs()
}

fn ended(world: &Snapshot) -> jiff::Timestamp {
    let is_end = |event: &serde_json::Value| event["detail"]["new-state"]["status"] == "completed";
    world.events.iter().find(|published| is_end(&published.event)).expect("it has ended").at
}

/// Returns the peak of the memory that a process held, in KiB, as the kernel tells it.
fn peak_kb(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// Plays the other side of the comparison: it loads the configuration and makes one request.
async fn bare_sdk() {
    let client = http_client(&HttpSettings::default()).expect("a client");
    let loader = aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(client);
    let sdk = loader.load().await;
    let fis = aws_sdk_fis::Client::new(&sdk);
    fis.get_experiment_template().id(TEMPLATE_ID).send().await.expect("the template");
}

/// Plays the loop of today's pipelines: ask, wait, ask again. Returns the time from the end of the experiment
/// until the loop knows of it.
async fn poll() -> Duration {
    let (world, url, _server) = world().await;
    let fis = aws_sdk_fis::Client::new(&connect_embedded(&url, None).expect("a client"));
    let started =
        fis.start_experiment().experiment_template_id(TEMPLATE_ID).client_token("peer").send().await;
    let id = started.expect("it starts").experiment.and_then(|experiment| experiment.id).expect("an id");
    loop {
        tokio::time::sleep(PEER_INTERVAL).await;
        let answer = fis.get_experiment().id(&id).send().await.expect("an answer");
        let state = answer.experiment.and_then(|experiment| experiment.state).and_then(|state| state.status);
        if state.is_some_and(|state| state.as_str() == "completed") {
            return world.now().duration_since(ended(&world.snapshot())).unsigned_abs();
        }
    }
}
