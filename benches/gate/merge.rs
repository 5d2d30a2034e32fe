//! The merge of 2,000 results of one experiment each, every one of whose probes has 100 samples.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::usage::Usage;
use super::{peer, row};

/// Number of results that are merged.
const RESULTS: usize = 2_000;
/// Number of samples of each probe.
const SAMPLES: usize = 100;
/// The suite whose result is copied.
const SUITE: &str = "version: 1\nexperiments:\n  - name: e0\n    fis: { template: EXTrehearsal }\n    probes:\n\
                     \x20     - { name: p0, every: 1s, http: { url: 'http://target.rehearsal.invalid/0' } }\n\
                     \x20     - { name: p1, every: 1s, http: { url: 'http://target.rehearsal.invalid/1' } }\n";

pub(super) async fn merge(binary: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    write_results(&binary, folder.path()).await;
    let (status, usage) = Usage::watch(start(&binary, folder.path(), &["report", "--merge", "parts"])).await;
    assert!(status.success(), "the merge passes: {status}");
    let page = std::fs::metadata(folder.path().join("faultgate-report/report.html")).expect("a page").len();
    row("merge of 2,000 results with 100 samples a probe", seconds(&usage));
    row("peak memory", megabytes(&usage));
    row("its page", format!("{:.1} MB", page as f64 / 1e6));
    let (status, usage) = Usage::watch(peer::merge(folder.path())).await;
    assert!(status.success(), "the peer merges: {status}");
    row("the same results put into one list by Python", seconds(&usage));
    row("peak memory", megabytes(&usage));
}

fn seconds(usage: &Usage) -> String {
    format!("{:.1} s", usage.elapsed.as_secs_f64())
}

fn megabytes(usage: &Usage) -> String {
    format!("{:.1} MB", usage.peak_kb as f64 / 1e3)
}

fn start(binary: &Path, folder: &Path, arguments: &[&str]) -> tokio::process::Child {
    Command::new(binary)
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// Rehearses one experiment, and writes copies of its result.
async fn write_results(binary: &Path, folder: &Path) {
    std::fs::write(folder.join(".faultgate.yml"), SUITE).expect("the suite is written");
    let status = start(binary, folder, &["rehearse", "--fault", "3s"]).wait().await.expect("it ends");
    assert!(status.success(), "the run passes: {status}");
    let result = std::fs::read(folder.join("faultgate-report/result.json")).expect("result.json");
    let mut result: Value = serde_json::from_slice(&result).expect("a result");
    std::fs::remove_file(folder.join(".faultgate.yml")).expect("the suite goes");
    std::fs::create_dir(folder.join("parts")).expect("a folder");
    let names: Vec<String> = (0..RESULTS).map(|number| format!("e{number}")).collect();
    for probe in result["experiments"][0]["probes"].as_array_mut().expect("probes") {
        let sample = probe["samples"][0].clone();
        probe["samples"] = json!(vec![sample; SAMPLES]);
    }
    for name in &names {
        result["experiments"][0]["name"] = json!(name);
        result["plan"]["experiments"] = json!(names);
        let content = serde_json::to_vec_pretty(&result).expect("JSON");
        std::fs::write(folder.join("parts").join(format!("{name}.json")), content).expect("it is written");
    }
}
