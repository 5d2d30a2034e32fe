//! A fleet in one process: 2,000 experiments in 100 accounts, of which 500 run at once, as many as the quotas
//! of FIS allow there. It measures the memory and the time of a processor that the process takes.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use faultgate_core::clock::Clock;
use faultgate_core::model::{RunResult, Verdict};
use faultgate_rehearsal::{Beat, Scenario, Server, Step, TEMPLATE_ID, Which, World};
use tokio_util::task::AbortOnDropHandle;

use super::usage::Usage;
use super::{command, peer, row};

const ACCOUNTS: usize = 100;
/// Number of experiments in each account.
const OF_EACH: usize = 20;
/// The quota of FIS in each account and Region.
const QUOTA: usize = 5;
/// The length of each fault.
const FAULT_TIME: Duration = Duration::from_secs(30);

pub(super) async fn fleet(binary: &Path) {
    let (world, url, _serving) = serve().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(".faultgate.yml"), suite()).expect("the suite is written");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    let mut command = command(&binary, &url, &folder);
    command.env_remove("FAULTGATE_EXPERIMENT_TEMPLATE_ID");
    let child = command.arg("run").stdout(Stdio::null()).spawn().expect("it starts");
    let (status, usage) = Usage::watch(child).await;
    assert!(status.success(), "the run passes: {status}");
    let result = std::fs::read(folder.path().join("faultgate-report/result.json")).expect("result.json");
    let result: RunResult = serde_json::from_slice(&result).expect("a result");
    assert_eq!(result.gate.verdict, Verdict::Passed);
    assert_eq!(result.experiments.len(), ACCOUNTS * OF_EACH);
    assert_eq!(world.inventory().most_active, QUOTA, "the quota is used up and kept");
    tell("2,000 experiments of 30 s in 100 accounts, 500 at once", &usage);
    let (world, url, _serving) = serve().await;
    let (status, usage) = Usage::watch(peer::fleet(&url, ACCOUNTS, QUOTA, OF_EACH / QUOTA)).await;
    if !status.success() {
        return row("the same by boto3, which asks every 10 s", "no boto3");
    }
    assert_eq!(world.inventory().most_active, QUOTA, "the peer is no faster by breaking the quota");
    tell("the same by boto3, which asks every 10 s and reports nothing", &usage);
}

fn tell(what: &str, usage: &Usage) {
    row(what, format!("{:.1} s", usage.elapsed.as_secs_f64()));
    row("peak memory", format!("{:.1} MB", usage.peak_kb as f64 / 1e3));
    row("CPU time", format!("{:.1} s", usage.cpu.as_secs_f64()));
    let share = usage.cpu.as_secs_f64() / usage.elapsed.as_secs_f64();
    row("the same, of one core", format!("{:.1} %", 100.0 * share));
}

/// Makes the accounts, and serves them.
async fn serve() -> (World, String, AbortOnDropHandle<()>) {
    let world = World::new(Scenario::find("completed").expect("it is there"), Clock::start());
    let beat = |after, step| Beat { after, step };
    let state = |status| Step::Experiment { status, reason: "" };
    let actions = |status| Step::Actions { which: Which::All, status, reason: "" };
    let moment = Duration::from_millis(100);
    world.script(
        TEMPLATE_ID,
        vec![
            beat(moment, state("running")),
            beat(moment, actions("running")),
            beat(FAULT_TIME, actions("completed")),
            beat(Duration::ZERO, state("completed")),
        ],
    );
    world.limit_active(Some(QUOTA));
    let server = Server::bind(world.clone()).await.expect("a free port");
    let url = server.url.clone();
    let serving = AbortOnDropHandle::new(tokio::spawn(server.serve()));
    (world, url, serving)
}

fn suite() -> String {
    let parallel = ACCOUNTS * QUOTA;
    let mut suite = format!("version: 1\nparallel: {parallel}\nmax-active: {QUOTA}\nexperiments:\n");
    for account in 0..ACCOUNTS {
        let role = format!("arn:aws:iam::{:012}:role/chaos", account + 1);
        for number in 0..OF_EACH {
            let _ = writeln!(
                suite,
                "  - {{ name: a{account}-e{number}, fis: {{ template: {TEMPLATE_ID}, region: us-east-1, role-arn: '{role}' }} }}"
            );
        }
    }
    suite
}
