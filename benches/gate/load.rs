//! A large suite in a rehearsal: 200 experiments at once, each with five probes that are evaluated once a
//! second for two minutes. It measures the time and memory that the process takes, and the lateness of the
//! samples.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use faultgate_core::model::{Phase, Probe, RunResult, Verdict};
use tokio::process::Command;

use super::row;
use super::usage::Usage;

/// Number of experiments of the suite.
const EXPERIMENTS: usize = 200;
/// Number of probes of each experiment.
const PROBES: usize = 5;
/// The length of each fault.
const FAULT_TIME: &str = "2m";
/// The interval of each probe in milliseconds.
const EVERY_MS: i64 = 1_000;

pub(super) async fn load(binary: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(".faultgate.yml"), suite()).expect("the suite is written");
    let binary = std::fs::canonicalize(binary).expect("the binary");
    let child = Command::new(binary)
        .args(["rehearse", "--fault", FAULT_TIME])
        .env_clear()
        .current_dir(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let (status, usage) = Usage::watch(child).await;
    assert!(status.success(), "the run passes: {status}");
    let result = std::fs::read(folder.path().join("faultgate-report/result.json")).expect("result.json");
    let result: RunResult = serde_json::from_slice(&result).expect("a result");
    assert_eq!(result.gate.verdict, Verdict::Passed);
    report(&result, &usage);
    row("how long others kept it from a core meanwhile", format!("{:.1} s", usage.waited.as_secs_f64()));
}

fn report(result: &RunResult, usage: &Usage) {
    let probes: Vec<&Probe> = result.experiments.iter().flat_map(|experiment| &experiment.probes).collect();
    assert_eq!(probes.len(), EXPERIMENTS * PROBES, "all probes are reported");
    let fewest = probes.iter().map(|probe| probe.total).min().unwrap_or_default();
    let samples: u64 = probes.iter().map(|probe| probe.total).sum();
    let worst = probes.iter().map(|probe| probe.late_ms).max().unwrap_or_default();
    let mut late: Vec<i64> = probes.iter().flat_map(|probe| lateness(probe)).collect();
    late.sort_unstable();
    let (cpu, elapsed) = (usage.cpu.as_secs_f64(), usage.elapsed.as_secs_f64());
    row("a suite of 200 experiments and 1,000 probes at 1 s for 2 minutes", format!("{elapsed:.1} s"));
    row("its samples", samples);
    row("samples of the probe with the fewest", fewest);
    row("peak memory, reports written", format!("{:.1} MB", usage.peak_kb as f64 / 1e3));
    row("CPU time", format!("{cpu:.1} s"));
    row("the same, of one core", format!("{:.1} %", 100.0 * cpu / elapsed));
    row("99 of 100 samples are late by less than", format!("{} ms", late[late.len() * 99 / 100] + 1));
    row("the latest sample is late by", format!("{worst} ms"));
}

/// Returns the lateness of each sample in milliseconds, by the times of the samples alone. The schedule is
/// taken to begin at the end of the longest part of a second in which no sample came.
fn lateness(probe: &Probe) -> Vec<i64> {
    let during = probe.samples.iter().filter(|sample| sample.phase == Phase::During);
    let mut times: Vec<i64> = during.map(|sample| sample.at.as_millisecond().rem_euclid(EVERY_MS)).collect();
    times.sort_unstable();
    let before = times.iter().cycle().skip(times.len().saturating_sub(1));
    let gaps = times.iter().zip(before).map(|(at, before)| ((at - before).rem_euclid(EVERY_MS), *at));
    let begin = gaps.max().map_or(0, |(_, at)| at);
    times.iter().map(|at| (at - begin).rem_euclid(EVERY_MS)).collect()
}

fn suite() -> String {
    let mut suite = format!("version: 1\nparallel: {EXPERIMENTS}\nmax-active: {EXPERIMENTS}\nexperiments:\n");
    for experiment in 0..EXPERIMENTS {
        let _ =
            write!(suite, "  - name: e{experiment}\n    fis: {{ template: EXTrehearsal }}\n    probes:\n");
        for probe in 0..PROBES {
            let _ = writeln!(
                suite,
                "      - {{ name: p{probe}, every: 1s, http: {{ url: 'http://target.rehearsal.invalid/e{experiment}/p{probe}' }} }}"
            );
        }
    }
    suite
}
