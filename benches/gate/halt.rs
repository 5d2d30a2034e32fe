//! The time from what halts a run, an alarm's event or a failing evaluation, to the request that stops the
//! experiment.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faultgate_rehearsal::{Beat, SYSTEM_ALARM_NAME, Snapshot, Step, TEMPLATE_ID, Which, World};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Child;

use super::{command, world};

/// Plays a run that an alarm halts, and returns the time from the event on the bus to StopExperiment.
pub(crate) async fn by_alarm(binary: &Path) -> Duration {
    let (world, url, _server) = world().await;
    let probe = format!("cloudwatch-alarm: {{ name: {SYSTEM_ALARM_NAME} }}, aborts-after: 1");
    let (mut run, _folder) = start(binary, &world, &url, &probe);
    let is_running = |now: &Snapshot| now.inventory.experiments.iter().any(|own| own.status == "running");
    world.until(|now| is_running(now) && now.count("DescribeAlarmHistory") > 0).await;
    // The run has settled: nothing but the long poll of its queue is under way.
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.set_alarm("us-east-1", SYSTEM_ALARM_NAME, "ALARM", "set by the benchmark");
    let is_alarm = |event: &serde_json::Value| event["source"] == "aws.cloudwatch";
    let rang = world.events().iter().find(|published| is_alarm(&published.event)).expect("it rang").at;
    let stopped = stopped_at(&world).await;
    run.wait().await.expect("it ends");
    stopped.duration_since(rang).unsigned_abs()
}

/// Plays a run that a failing probe halts, and returns the time from the answer that fails it to
/// StopExperiment.
pub(crate) async fn by_probe(binary: &Path) -> Duration {
    let (world, url, _server) = world().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answered = Arc::new(Mutex::new(Vec::new()));
    let serving = tokio::spawn(refuse(listener, answered.clone()));
    let probe = format!("http: {{ url: 'http://{address}/', status: 200 }}, every: 100ms, aborts-after: 3");
    let (mut run, _folder) = start(binary, &world, &url, &probe);
    let stopped = stopped_at(&world).await;
    run.wait().await.expect("it ends");
    serving.abort();
    let answered = answered.lock().expect("nobody panics");
    let last = answered.iter().rfind(|at| **at <= stopped).expect("it was asked");
    stopped.duration_since(*last).unsigned_abs()
}

/// Starts a run of an experiment whose fault is in until it is stopped, with this probe.
fn start(binary: &Path, world: &World, url: &str, probe: &str) -> (Child, TempDir) {
    let running = Step::Experiment { status: "running", reason: "" };
    let injecting = Step::Actions { which: Which::All, status: "running", reason: "" };
    let beats = [(Duration::from_millis(100), running), (Duration::ZERO, injecting)];
    world.script(TEMPLATE_ID, beats.map(|(after, step)| Beat { after, step }).to_vec());
    let folder = tempfile::tempdir().expect("a folder");
    let suite = format!(
        "version: 1\nexperiments:\n  - name: halted\n    fis: {{ template: {TEMPLATE_ID} }}\n    \
         probes: [{{ name: slow, when: [during], {probe} }}]\n"
    );
    std::fs::write(folder.path().join(".faultgate.yml"), suite).expect("the suite is written");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    let mut run = command(&binary, url, &folder);
    run.env_remove("FAULTGATE_EXPERIMENT_TEMPLATE_ID");
    (run.arg("run").spawn().expect("it starts"), folder)
}

async fn stopped_at(world: &World) -> Timestamp {
    world.until(|now| now.count("StopExperiment") > 0).await;
    let requests = world.requests();
    requests.iter().find(|request| request.operation == "StopExperiment").expect("it is there").at
}

/// Answers every request with 503, and notes when.
async fn refuse(listener: TcpListener, answered: Arc<Mutex<Vec<Timestamp>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.read(&mut [0; 4096]).await;
        answered.lock().expect("nobody panics").push(Timestamp::now());
        let _ = stream
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await;
    }
}
