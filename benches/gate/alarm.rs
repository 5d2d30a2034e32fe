//! The time from an alarm's event to the request that stops the experiment.

use std::path::PathBuf;
use std::time::Duration;

use faultgate_rehearsal::{Beat, SYSTEM_ALARM_NAME, Step, TEMPLATE_ID};

use super::{command, world};

/// Plays a run that an alarm halts, and returns the time from the event on the bus to StopExperiment.
pub(crate) async fn halt(binary: &PathBuf) -> Duration {
    let (world, url, _server) = world().await;
    let forever = Step::Experiment { status: "running", reason: "" };
    world.script(TEMPLATE_ID, vec![Beat { after: Duration::from_millis(100), step: forever }]);
    let folder = tempfile::tempdir().expect("a folder");
    let probe = format!(
        "{{ name: slow, cloudwatch-alarm: {{ name: {SYSTEM_ALARM_NAME} }}, when: [during], aborts-after: 1 }}"
    );
    let suite = format!(
        "version: 1\nexperiments:\n  - name: halted\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes: [{probe}]\n"
    );
    std::fs::write(folder.path().join(".faultgate.yml"), suite).expect("the suite is written");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    let mut run = command(&binary, &url, &folder);
    run.env_remove("FAULTGATE_EXPERIMENT_TEMPLATE_ID");
    let mut child = run.arg("run").spawn().expect("it starts");
    world
        .until(|now| {
            let is_running =
                now.inventory.experiments.iter().any(|experiment| experiment.status == "running");
            is_running && now.count("DescribeAlarmHistory") > 0
        })
        .await;
    // The run has settled: nothing but the long poll of its queue is under way.
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.set_alarm("us-east-1", SYSTEM_ALARM_NAME, "ALARM", "set by the benchmark");
    let is_alarm = |event: &serde_json::Value| event["source"] == "aws.cloudwatch";
    let rang = world.events().iter().find(|published| is_alarm(&published.event)).expect("it rang").at;
    world.until(|now| now.count("StopExperiment") > 0).await;
    let requests = world.requests();
    let stop = requests.iter().find(|request| request.operation == "StopExperiment").expect("it is there");
    child.wait().await.expect("it ends");
    stop.at.duration_since(rang).unsigned_abs()
}
