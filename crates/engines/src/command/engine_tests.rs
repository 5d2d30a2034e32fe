use std::fs;
use std::path::{Path, PathBuf};

use faultgate_config::Veil;
use faultgate_core::clock::Clock;
use faultgate_core::model::{CommandLine, InjectionRule, Level, Proof, Score, Signal, Verdict};
use faultgate_core::processes::group::ProcessGroup;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use rustix::io::Errno;

use super::*;
use crate::Duration;
use crate::Judgement;
use crate::Launched;
use crate::Record;
use crate::StopCause;
use crate::Watcher;
use crate::command::CommandSettings;
use crate::command::StopLimits;
use crate::{FailureKind, Unnoted};

#[path = "engine_proof_tests.rs"]
mod proofs;

/// A limit that is only reached where something hangs.
const HANGS: Duration = Duration::from_secs(60);

/// An engine in a directory of its own.
struct Bench {
    dir: TempDir,
    cancelled: CancellationToken,
    engine: CommandEngine,
}

impl Bench {
    fn new() -> Self {
        Self::with(StopLimits { grace: HANGS, hurried_stop: HANGS, hurried_kill: HANGS }, false)
    }

    fn with(limits: StopLimits, dry_run: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cancelled = CancellationToken::new();
        let settings = CommandSettings {
            run: format!("test-{}", dir.path().file_name().unwrap().display()),
            env: std::env::vars_os().filter(|(name, _)| name == "PATH").collect(),
            veil: Veil::over(["s3cr3t-of-the-suite".to_owned()]),
            dir: dir.path().to_owned(),
            dry_run,
            injection: InjectionRule::default(),
            limits,
            proofs: BTreeMap::new(),
        };
        let engine = CommandEngine::new(settings, Clock::start(), cancelled.clone());
        Self { dir, cancelled, engine }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Waits until a command has written a file, and returns a line of it.
    async fn written(&self, name: &str) -> String {
        let path = self.path(name);
        until(name, || fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))).await;
        fs::read_to_string(path).unwrap().trim().to_owned()
    }

    async fn launch(&self, spec: CommandSpec) -> Launched {
        self.engine.launch(&plan(spec), &Unnoted).await.unwrap()
    }

    async fn run(&self, spec: CommandSpec) -> (Record, Judgement) {
        let launched = self.launch(spec).await;
        self.end(&launched, None).await
    }

    async fn end(&self, launched: &Launched, stop: Option<&StopCause>) -> (Record, Judgement) {
        let following = self.engine.follow(launched, &Silent);
        let record = tokio::time::timeout(HANGS, following).await.expect("it ends").unwrap();
        let judged = self.engine.judge(&record, launched, stop).await;
        (record, judged)
    }
}

struct Silent;

impl Watcher for Silent {
    fn alarm(&self, _: faultgate_core::model::AlarmChange) {}
    fn transition(&self, _: Transition) {}
    fn warning(&self, _: &str) {}
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HANGS, waiting).await.unwrap_or_else(|_| panic!("still waiting: {what}"));
}

fn line(args: &[&str]) -> CommandLine {
    CommandLine { args: args.iter().map(ToString::to_string).collect(), shown: args.join(" ") }
}

fn sh(script: &str) -> CommandSpec {
    CommandSpec {
        run: line(&["sh", "-c", script]),
        stop: None,
        stop_within: HANGS,
        proof: None,
        dir: None,
        env: BTreeMap::new(),
        journal: None,
        expected_exit_code: 0,
        duration: Duration::ZERO,
    }
}

fn undone_by(spec: CommandSpec, script: &str) -> CommandSpec {
    CommandSpec { stop: Some(line(&["sh", "-c", script])), ..spec }
}

fn plan(spec: CommandSpec) -> ExperimentPlan {
    ExperimentPlan {
        probes: Vec::new(),
        name: "freeze".to_owned(),
        spec: EngineSpec::Command(spec),
        weight: 10,
        timeout: HANGS,
        queue_timeout: HANGS,
        expected: None,
    }
}

/// Returns `true` unless the process has ended. A zombie counts as ended: reaping it is not this engine's
/// business.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A process and a child of its own, which both ignore SIGTERM. Their ids are in `pids`.
const STUBBORN: &str =
    "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & echo $$ $! > pids; wait; wait";

async fn pids(bench: &Bench) -> Vec<String> {
    bench.written("pids").await.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_command_that_ends_as_expected_passes() {
    let bench = Bench::new();
    let launched = bench.launch(sh("pwd > where; echo out; echo err >&2")).await;
    assert!(launched.id.starts_with("command-freeze-"), "{}", launched.id);
    assert_eq!(launched.first.state, State::Running);
    let (record, judged) = bench.end(&launched, None).await;
    assert_eq!((record.state, record.raw_state.as_str()), (State::Completed, "exit code 0"));
    let action = &record.actions[0];
    assert_eq!(
        (action.name.as_str(), action.action_id.as_str(), action.state.as_str()),
        ("run", "sh", "completed")
    );
    assert!(action.started_at.is_some() && action.ended_at >= action.started_at);
    assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Some(Score::FULL)));
    let said: Vec<_> =
        judged.evidence.iter().filter(|e| e.source == "output").map(|e| e.fact.as_str()).collect();
    assert_eq!(said, ["out", "err"]);
    let here = fs::canonicalize(bench.dir.path()).unwrap();
    assert_eq!(fs::canonicalize(bench.written("where").await).unwrap(), here);
    let monitoring = bench.engine.monitoring(&plan(sh("")), Some(&launched.id));
    assert_eq!((monitoring.events, monitoring.api_calls.len()), (1, 0));
}

#[tokio::test]
async fn an_end_that_was_not_expected_is_an_error() {
    let bench = Bench::new();
    let (record, judged) = bench.run(sh("echo no such container >&2; exit 3")).await;
    assert_eq!((record.state, record.raw_state.as_str()), (State::Failed, "exit code 3"));
    assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None));
    assert!(judged.reason.contains("exit code 3, expected 0 (no such container)"), "{}", judged.reason);
    let (record, judged) = bench.run(CommandSpec { expected_exit_code: 3, ..sh("exit 3") }).await;
    assert_eq!((record.state, judged.verdict), (State::Completed, Verdict::Passed));
    let (record, judged) = bench.run(sh("kill -s KILL $$")).await;
    assert_eq!((record.state, record.raw_state.as_str()), (State::Failed, "killed by signal 9"));
    assert_eq!(judged.verdict, Verdict::Errored);
}

#[tokio::test]
async fn the_fault_stays_in_and_is_undone() {
    let bench = Bench::new();
    let spec = CommandSpec { duration: Duration::from_millis(300), ..sh("echo in > fault") };
    let before = tokio::time::Instant::now();
    let (record, judged) = bench.run(undone_by(spec, "cp fault was && rm fault")).await;
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert_eq!((record.state, judged.verdict), (State::Completed, Verdict::Passed));
    assert!(bench.path("was").exists() && !bench.path("fault").exists());
    let [ran, undone] = record.actions.as_slice() else { panic!("{:?}", record.actions) };
    assert_eq!((undone.name.as_str(), undone.state.as_str()), ("stop", "completed"));
    let held = undone.started_at.unwrap().duration_since(ran.ended_at.unwrap());
    assert!(held.as_millis() >= 299, "{held}");
}

#[tokio::test]
async fn a_fault_that_is_not_undone_is_an_error_with_the_command() {
    let bench = Bench::new();
    for (script, why) in
        [("echo broken; exit 4", "exit code 4: broken"), ("kill -s KILL $$", "killed by signal 9")]
    {
        let (record, judged) = bench.run(undone_by(sh("true"), script)).await;
        assert_eq!((record.state, judged.verdict, judged.score), (State::Failed, Verdict::Errored, None));
        assert!(judged.reason.contains(why), "{}", judged.reason);
        assert!(judged.reason.contains(&format!("undo it by: `sh -c {script}`")), "{}", judged.reason);
    }
}

#[tokio::test]
async fn a_stop_undoes_first_and_then_ends_the_whole_group() {
    let limits = StopLimits { grace: Duration::from_millis(50), ..Bench::new().engine.settings.limits };
    let bench = Bench::with(limits, false);
    // The stop command undoes only what is still there.
    let launched = bench.launch(undone_by(sh(STUBBORN), "kill -0 $(cat pids) && echo > undone")).await;
    let pids = pids(&bench).await;
    assert!(pids.iter().all(|pid| lives(pid)));
    bench.engine.stop(&launched).await.unwrap();
    let (record, judged) = bench.end(&launched, Some(&StopCause::Cancelled(Signal::Terminate))).await;
    assert_eq!((record.state, record.raw_state.as_str()), (State::Stopped, "stopped (killed by signal 9)"));
    assert_eq!((judged.state, judged.verdict), (State::Cancelled, Verdict::Cancelled));
    assert!(bench.path("undone").exists(), "it was undone before its end");
    assert!(pids.iter().all(|pid| !lives(pid)), "{pids:?}");
    // A second request is no failure.
    bench.engine.stop(&launched).await.unwrap();
}

#[tokio::test]
async fn a_well_behaved_command_ends_by_sigterm() {
    let bench = Bench::new();
    let launched = bench
        .launch(sh("trap 'echo bye > bye; exit 7' TERM; echo > begun; while :; do sleep 0.01; done"))
        .await;
    bench.written("begun").await;
    bench.engine.stop(&launched).await.unwrap();
    let (record, _) = bench.end(&launched, None).await;
    assert_eq!((record.state, record.raw_state.as_str()), (State::Stopped, "stopped (exit code 7)"));
    assert_eq!(bench.written("bye").await, "bye");
}

#[tokio::test]
async fn what_it_leaves_behind_ends_with_it() {
    let bench = Bench::new();
    let (record, judged) = bench.run(sh("sleep 1000 & echo $! > pids")).await;
    assert_eq!((record.state, judged.verdict), (State::Completed, Verdict::Passed));
    assert!(!lives(&bench.written("pids").await));
}

#[tokio::test]
async fn nothing_outlives_an_engine_that_is_dropped() {
    let Bench { dir, engine, .. } = {
        let bench = Bench::new();
        bench.launch(sh(STUBBORN)).await;
        pids(&bench).await;
        bench
    };
    let pids = fs::read_to_string(dir.path().join("pids")).unwrap();
    drop(engine);
    until("the group is gone", || pids.split_whitespace().all(|pid| !lives(pid))).await;
}

/// A signal leaves little time: a stop command that takes longer is left to end by itself, and the record
/// says that the fault may be in.
#[tokio::test]
async fn a_signal_hurries_what_ends_an_experiment() {
    let short = Duration::from_millis(100);
    let limits =
        StopLimits { hurried_stop: short, hurried_kill: short * 2, ..Bench::new().engine.settings.limits };
    let bench = Bench::with(limits, false);
    let launched = bench.launch(undone_by(sh(STUBBORN), "echo $$ > stopping; sleep 1000; :")).await;
    let pids = pids(&bench).await;
    bench.engine.stop(&launched).await.unwrap();
    let stopping = bench.written("stopping").await;
    bench.cancelled.cancel();
    let (record, judged) = bench.end(&launched, Some(&StopCause::Cancelled(Signal::Interrupt))).await;
    assert!(!record.has_ended(), "the stop command did not end: {record:?}");
    assert_eq!(judged.verdict, Verdict::Cancelled);
    assert!(judged.reason.contains("did not end within"), "{}", judged.reason);
    assert!(bench.engine.stop_command(&launched).starts_with("`sh -c echo $$ > stopping"));
    assert!(pids.iter().all(|pid| !lives(pid)));
    assert!(judged.reason.contains(&format!("left running as process {stopping}")), "{}", judged.reason);
    drop(bench.engine);
    assert!(lives(&stopping), "it is not cut off in the middle");
    let group = ProcessGroup::orphaned(stopping.parse().unwrap()).unwrap();
    group.kill();
}

#[test]
fn a_limit_of_the_machine_is_no_missing_program() {
    for (errno, want) in
        [(Errno::MFILE, "ulimit -n"), (Errno::NFILE, "ulimit -n"), (Errno::AGAIN, "ulimit -u")]
    {
        let told = cannot_start(&line(&["tc"]), errno.into()).with_remedy();
        assert!(told.contains(want) && !told.contains("install it"), "{told}");
    }
}

#[tokio::test]
async fn programs_that_are_not_there_are_found_before_the_launch() {
    let bench = Bench::new();
    fs::write(bench.path("plain.txt"), "x").unwrap();
    for (program, want) in [
        ("no-such-injector", "no program no-such-injector on PATH"),
        ("./plain.txt", "no program at ./plain.txt"),
    ] {
        let spec = CommandSpec { run: line(&[program, "x"]), ..sh("") };
        let findings = bench.engine.check(&[&plan(spec.clone())]).await;
        assert_eq!(findings[0].level, Level::Error);
        assert!(findings[0].message.contains(want), "{}", findings[0].message);
        assert!(findings[0].remedy.is_some());
        let failure = bench.engine.launch(&plan(spec), &Unnoted).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Missing);
        assert!(failure.with_remedy().contains("install it"), "{}", failure.with_remedy());
        let stop = CommandSpec { stop: Some(line(&[program])), ..sh("true") };
        assert_eq!(bench.engine.check(&[&plan(stop)]).await[0].level, Level::Error);
    }
    let nowhere = CommandSpec { dir: Some("nowhere".into()), ..sh("true") };
    assert!(bench.engine.check(&[&plan(nowhere)]).await[0].message.contains("is not there"));
    assert_eq!(bench.engine.check(&[&plan(sh("true"))]).await[0].level, Level::Ok);
}

#[tokio::test]
async fn a_path_is_seen_from_its_directory() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    fs::create_dir(bench.path("chaos")).unwrap();
    fs::write(bench.path("chaos/inject"), "#!/bin/sh\necho $WHO > ran\n").unwrap();
    fs::set_permissions(bench.path("chaos/inject"), fs::Permissions::from_mode(0o755)).unwrap();
    let env = BTreeMap::from([("WHO".to_owned(), "me".to_owned())]);
    let spec = CommandSpec { run: line(&["./inject"]), dir: Some("chaos".into()), env, ..sh("") };
    assert_eq!(bench.engine.check(&[&plan(spec.clone())]).await[0].level, Level::Ok);
    assert_eq!(bench.run(spec).await.1.verdict, Verdict::Passed);
    assert_eq!(bench.written("chaos/ran").await, "me");
}

#[tokio::test]
async fn megabytes_of_output_do_not_stop_it_and_are_not_kept() {
    let bench = Bench::new();
    let (_, judged) =
        bench.run(sh("head -c 5000000 /dev/zero | tr '\\0' y; echo; yes | head -c 5000000; echo last")).await;
    assert_eq!(judged.verdict, Verdict::Passed);
    let kept: usize = judged.evidence.iter().map(|evidence| evidence.fact.len()).sum();
    assert!(kept < 5_000, "{kept}");
    assert_eq!(judged.evidence.last().unwrap().fact, "last");
}

#[tokio::test]
async fn a_dry_run_starts_nothing() {
    let bench = Bench::with(StopLimits::default(), true);
    let (record, judged) = bench.run(undone_by(sh("echo > ran"), "echo > ran")).await;
    assert_eq!((record.state, record.raw_state.as_str()), (State::Completed, "not started"));
    assert_eq!((judged.verdict, judged.score), (Verdict::Passed, None));
    assert!(!bench.path("ran").exists());
}

#[tokio::test]
async fn a_stop_command_has_a_limit_of_its_own() {
    let bench = Bench::new();
    let spec = undone_by(sh("true"), "echo $$ > stopping; sleep 1000; :");
    let spec = CommandSpec { stop_within: Duration::from_millis(300), ..spec };
    let (_, judged) = bench.run(spec).await;
    assert_eq!(judged.verdict, Verdict::Errored);
    assert!(
        judged.reason.contains("did not end within 300ms, its stop-within, and was killed"),
        "{}",
        judged.reason
    );
    let stopping = bench.written("stopping").await;
    until("it was killed", || !lives(&stopping)).await;
}

#[tokio::test]
async fn what_a_stop_command_says_is_told_however_much_it_is() {
    let bench = Bench::new();
    let (_, judged) = bench.run(undone_by(sh("true"), "yes | head -c 500000; echo gone wrong; exit 3")).await;
    assert!(judged.reason.contains("exit code 3: gone wrong"), "{}", judged.reason);
}

#[tokio::test]
async fn what_a_command_prints_is_told_without_secrets() {
    let bench = Bench::new();
    let says = "echo token s3cr3t-of-the-suite; printf 'and s3cr3t-of-the-suite' >&2; exit 7";
    let (record, judgement) = bench.run(undone_by(sh(says), says)).await;
    let told = format!("{record:?} {judgement:?}");
    assert!(told.contains("token ***") && told.contains("and ***"), "{told}");
    assert!(judgement.reason.contains("exit code 7: and ***"), "{}", judgement.reason);
}
