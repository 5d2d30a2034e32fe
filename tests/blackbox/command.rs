//! Tests of local commands: real processes, and all that is left of them.

use std::path::Path;
use std::time::Duration;

use faultgate_testkit::binary::{Faultgate, Finished, Running, in_time, lives};
use faultgate_testkit::contract::assert_result;

/// Returns a suite of one command. `run` and `stop` are scripts.
fn suite(run: &str, stop: Option<&str>, more: &str) -> String {
    let line = |script: &str| serde_json::json!(["sh", "-c", script]);
    let stop = stop.map(|stop| format!(", stop: {}", line(stop))).unwrap_or_default();
    format!("version: 1\nexperiments:\n  - name: freeze\n    command: {{ run: {}{stop}{more} }}\n", line(run))
}

fn faultgate(suite: &str) -> Faultgate {
    Faultgate::new(&["run"]).file(".faultgate.yml", suite)
}

/// Waits until a command has written a line to a file, and returns it.
async fn written(running: &Running, name: &str) -> String {
    let path = running.path(name);
    let waiting = async {
        loop {
            match std::fs::read_to_string(&path) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    in_time(Duration::from_secs(60), name, waiting).await
}

/// The script of a process and a grandchild which ignore SIGTERM.
const STUBBORN: &str = "trap '' TERM; sh -c 'sh -c \"trap \\\"\\\" TERM; echo \\$\\$ > pid; while :; do sleep 1000; done\" & \
                        wait' & wait; wait";

fn assert_experiment(ended: &Finished, code: u8, state: &str) -> serde_json::Value {
    ended.assert_code(code, state);
    let result = ended.result();
    assert_result(&result, code);
    let experiment = result["experiments"][0].clone();
    assert_eq!(experiment["engine"], "command");
    assert_eq!(experiment["state"], state, "{experiment:#}");
    experiment
}

#[tokio::test]
async fn a_command_passes_without_any_account() {
    let run = faultgate(&suite("echo frozen; echo > fault", Some("rm fault"), "")).finish().await;
    let experiment = assert_experiment(&run, 0, "completed");
    assert_eq!((&experiment["score"], &experiment["score_source"]), (&100.0.into(), &"completion".into()));
    assert!(experiment["id"].as_str().unwrap().starts_with("command-freeze-"));
    let names: Vec<_> =
        experiment["actions"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["run", "stop"]);
    assert_eq!(experiment["transitions"][1]["source"], "event");
    assert_eq!(experiment["monitor"]["api_calls"], serde_json::json!({}));
    assert!(!run.path("fault").exists());
}

#[tokio::test]
async fn another_exit_code_is_an_error() {
    let run = faultgate(&suite("echo no such container >&2; exit 3", None, "")).finish().await;
    let experiment = assert_experiment(&run, 3, "failed");
    assert!(experiment["reason"].as_str().unwrap().contains("exit code 3, expected 0 (no such container)"));
    faultgate(&suite("exit 3", None, ", expect-exit-code: 3")).finish().await.assert_code(0, "as expected");
}

#[tokio::test]
async fn a_signal_undoes_and_leaves_nothing_of_the_group() {
    let suite = suite(STUBBORN, Some("kill -0 $(cat pid) && echo > undone"), "");
    let running = faultgate(&suite).spawn();
    let pid = written(&running, "pid").await;
    assert!(lives(&pid));
    running.signal("TERM").await;
    // The budget is seven seconds; the limit leaves room for a busy machine.
    let ended = running.ended_within(Duration::from_secs(20)).await;
    let experiment = assert_experiment(&ended, 143, "cancelled");
    assert_eq!(experiment["stop"]["confirmed"], true, "{experiment:#}");
    assert!(ended.path("undone").exists(), "it was undone while the fault was in");
    assert!(!lives(&pid));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_leaves_nothing_of_the_group() {
    let running = faultgate(&suite(STUBBORN, Some("echo $$ > stopping; sleep 1000; :"), "")).spawn();
    let pid = written(&running, "pid").await;
    running.signal("INT").await;
    let stopping = written(&running, "stopping").await;
    // A second signal that came sooner would be an echo of the first.
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.signal("TERM").await;
    running.ended_within(Duration::from_secs(20)).await.assert_code(143, "the second signal");
    // Both processes were killed, and the system takes a moment to do so.
    let gone = async {
        while lives(&pid) || lives(&stopping) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    in_time(Duration::from_secs(20), "both groups are gone", gone).await;
}

#[tokio::test]
async fn a_stop_command_that_hangs_is_given_up_and_told() {
    let running = faultgate(&suite(STUBBORN, Some("sleep 1000; :"), "")).spawn();
    let pid = written(&running, "pid").await;
    running.signal("TERM").await;
    let ended = running.ended_within(Duration::from_secs(20)).await;
    let experiment = assert_experiment(&ended, 143, "cancelled");
    assert_eq!(experiment["stop"]["confirmed"], false);
    let reason = experiment["reason"].as_str().unwrap();
    assert!(
        reason.contains("a fault may be left in") && reason.contains("stop it by: `sh -c 'sleep 1000; :'`"),
        "{reason}"
    );
    assert!(!lives(&pid));
}

#[tokio::test]
async fn past_its_timeout_it_is_stopped() {
    let suite = suite("echo $$ > pid; sleep 1000; :", Some("echo > undone"), "") + "    timeout: 1s\n";
    let running = faultgate(&suite).spawn();
    let pid = written(&running, "pid").await;
    let ended = running.ended().await;
    let experiment = assert_experiment(&ended, 4, "timed-out");
    assert_eq!(experiment["stop"]["confirmed"], true);
    assert!(ended.path("undone").exists() && !lives(&pid));
}

#[tokio::test]
async fn a_program_that_is_missing_is_told_with_what_to_do() {
    let suite = "version: 1\nexperiments: [{ name: a, command: { run: [no-such-injector] } }]";
    for (command, args) in [("run", 3), ("check", 3)] {
        let ended = Faultgate::new(&[command]).file(".faultgate.yml", suite).finish().await;
        ended.assert_code(args, command);
        assert!(ended.stdout.contains("no program no-such-injector on PATH"), "{}", ended.stdout);
        assert!(ended.stdout.contains("install it, or name it by its path"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_command_does_not_inherit_our_secrets() {
    let ended = faultgate(&suite("env > env.txt", None, ", env: { MINE: yes-please, THEIRS: '${THEIRS}' }"))
        .env("FAULTGATE_GITHUB_TOKEN", "mark1")
        .env("INPUT_GITHUB-TOKEN", "mark2")
        .env("FAULTGATE_HARNESS_API_KEY", "mark3")
        .env("INPUT_LITMUS_TOKEN", "mark4")
        .env("FAULTGATE_COMMIT_STATUS", "false")
        .env("AWS_SECRET_ACCESS_KEY", "mark5")
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "mark6")
        .env("CI_JOB_TOKEN", "mark7")
        .env("NOT_ASKED_FOR", "mark8")
        .env("CI_COMMIT_SHA", "0123abcd")
        .env("THEIRS", "kept")
        .finish()
        .await;
    ended.assert_code(0, "env");
    let seen = ended.read("env.txt");
    assert!(!seen.contains("mark"), "{seen}");
    for kept in ["THEIRS=kept", "MINE=yes-please", "PATH=", "CI_COMMIT_SHA=0123abcd"] {
        assert!(seen.contains(kept), "{kept}: {seen}");
    }
}

#[tokio::test]
async fn megabytes_of_output_stay_out_of_the_reports() {
    let ended = faultgate(&suite("yes '::error::<b>' | head -c 5000000", None, "")).finish().await;
    let experiment = assert_experiment(&ended, 0, "completed");
    assert!(experiment.to_string().len() < 10_000);
    assert!(!ended.stdout.lines().chain(ended.stderr.lines()).any(|line| line.starts_with("::error::<b>")));
}

#[tokio::test]
async fn a_rehearsal_starts_no_command() {
    let suite = suite("echo > ran", Some("echo > ran"), "");
    let ended = Faultgate::new(&["rehearse"]).file(".faultgate.yml", &suite).finish().await;
    ended.assert_code(0, "rehearse");
    let result = ended.result();
    assert_eq!(result["experiments"][0]["name"], "freeze");
    let note = result["rehearsal"]["note"].as_str().unwrap();
    assert!(note.contains("nothing of freeze was started"), "{note}");
    assert!(!ended.path("ran").exists());
}

/// The service is frozen, thawed and left whole, and its probe has seen all of it.
#[tokio::test]
async fn the_example_freezes_a_service_and_thaws_it() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/freeze");
    let read = |name: &str| std::fs::read_to_string(here.join(name)).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".faultgate.yml"), read(".faultgate.yml")).unwrap();
    std::fs::write(dir.path().join("run.sh"), read("run.sh")).unwrap();
    let run = tokio::process::Command::new("sh")
        .arg("run.sh")
        .current_dir(&dir)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("FAULTGATE", env!("CARGO_BIN_EXE_faultgate"))
        .env("PORT", port)
        .kill_on_drop(true)
        .output();
    let output = in_time(Duration::from_secs(60), "the example", run).await.unwrap();
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let result = std::fs::read_to_string(dir.path().join("faultgate-report/result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    assert_result(&result, 0);
    let probe = &result["experiments"][0]["probes"][0];
    let (passed, total) = (probe["passed"].as_u64().unwrap(), probe["total"].as_u64().unwrap());
    assert!(0 < passed && passed < total, "{probe}");
    assert_eq!(result["experiments"][0]["score_source"], "probes");
    let log = std::fs::read_to_string(dir.path().join("service.log")).unwrap();
    assert!(log.contains("GET / "), "it has answered: {log}");
    assert!(!dir.path().join("service.pid").exists(), "the service was ended");
}

/// A script that starts processes in a group of their own, in a session of their own, without a parent, and
/// without the environment. Each writes its id to a file.
const SCATTERED: &str = "timeout 600 sh -c 'echo $$ > grouped; sleep 601; :' & \
                         setsid sh -c 'echo $$ > session; sleep 602; :' & \
                         (setsid nohup sh -c 'echo $$ > orphan; sleep 603; :' &) ; \
                         (setsid env -i sh -c 'echo $$ > bare; sleep 604; :' &) ; \
                         (trap '' TERM; setsid sh -c 'echo $$ > stubborn; while :; do sleep 1; done' &) ; ";
const PLACES: [&str; 5] = ["grouped", "session", "orphan", "bare", "stubborn"];

async fn scattered(running: &Running) -> Vec<String> {
    let mut pids = Vec::new();
    for place in PLACES {
        let pid = written(running, place).await;
        assert!(lives(&pid), "{place}");
        pids.push(pid);
    }
    pids
}

fn assert_gone(pids: &[String]) {
    for (pid, place) in pids.iter().zip(PLACES) {
        assert!(!lives(pid), "{place} lives on");
    }
}

#[tokio::test]
async fn a_signal_ends_all_that_a_command_has_started_wherever_it_has_gone() {
    for signal in ["TERM", "QUIT"] {
        let running = faultgate(&suite(&format!("{SCATTERED} wait; :"), None, "")).spawn();
        let pids = scattered(&running).await;
        running.signal(signal).await;
        let ended = running.ended_within(Duration::from_secs(20)).await;
        let experiment = assert_experiment(&ended, 143, "cancelled");
        assert_eq!(experiment["stop"]["confirmed"], true, "{experiment:#}");
        assert_gone(&pids);
    }
}

#[tokio::test]
async fn past_its_timeout_all_that_a_command_has_started_is_ended() {
    let suite = suite(&format!("{SCATTERED} wait; :"), None, "") + "    timeout: 3s\n";
    let running = faultgate(&suite).spawn();
    let pids = scattered(&running).await;
    let ended = running.ended().await;
    let experiment = assert_experiment(&ended, 4, "timed-out");
    assert_eq!(experiment["stop"]["confirmed"], true, "{experiment:#}");
    assert_gone(&pids);
}

#[tokio::test]
async fn a_second_signal_kills_all_that_a_command_has_started() {
    let script = format!("{SCATTERED} wait; :");
    let running = faultgate(&suite(&script, Some("echo $$ > stopping; sleep 1000; :"), "")).spawn();
    let pids = scattered(&running).await;
    running.signal("INT").await;
    written(&running, "stopping").await;
    // A second signal that came sooner would be an echo of the first.
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.signal("TERM").await;
    running.ended_within(Duration::from_secs(20)).await.assert_code(143, "the second signal");
    let gone = async {
        while pids.iter().any(|pid| lives(pid)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    in_time(Duration::from_secs(20), "all are gone", gone).await;
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_ended_and_told() {
    let waits =
        "for f in grouped session orphan bare stubborn; do until test -s $f; do sleep 0.01; done; done";
    let running = faultgate(&suite(&format!("{SCATTERED} {waits}"), None, ", duration: 1s")).spawn();
    let pids = scattered(&running).await;
    let ended = running.ended().await;
    let experiment = assert_experiment(&ended, 0, "completed");
    let warnings = experiment["warnings"].to_string();
    assert!(warnings.contains("left processes behind") && warnings.contains(&pids[2]), "{warnings}");
    assert_gone(&pids);
}

/// A process that makes the system whole again is not part of the fault.
#[tokio::test]
async fn what_a_stop_command_has_started_lives_on() {
    let stop = "setsid sh -c 'echo $$ > whole; sleep 605; :' & until test -s whole; do sleep 0.01; done";
    let ended = faultgate(&suite("echo > fault", Some(stop), "")).finish().await;
    let experiment = assert_experiment(&ended, 0, "completed");
    assert_eq!(experiment["warnings"].as_array().map_or(0, Vec::len), 0, "{experiment:#}");
    let pid = ended.read("whole").trim().to_owned();
    assert!(lives(&pid), "the healer lives on");
    let killed = std::process::Command::new("sh").args(["-c", &format!("kill -s KILL -- -{pid}")]).status();
    assert!(killed.unwrap().success());
}

/// The first process of a container inherits every orphan in it, and nobody else reaps them.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests has to know what was left out")]
async fn the_first_process_of_a_container_reaps_orphans() {
    let namespace = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let permitted = std::process::Command::new("unshare").args(namespace).arg("true").output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        eprintln!("left out: process namespaces are not permitted here");
        return;
    }
    // The script ends when it is the only child of faultgate that is left, living or not.
    let script = "test $PPID = 1 || exit 9; n=0; while [ $n -lt 100 ]; do (sh -c : &) ; n=$((n + 1)); done; \
                  until [ $(cat /proc/[0-9]*/stat 2> /dev/null | grep -c ') [A-Z] 1 ') = 1 ]; do sleep 0.05; done";
    let dir = tempfile::tempdir().unwrap();
    let suite = suite(script, None, "") + "    timeout: 40s\n";
    std::fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
    let run = tokio::process::Command::new("unshare")
        .args(namespace)
        .args([env!("CARGO_BIN_EXE_faultgate"), "run"])
        .current_dir(&dir)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .kill_on_drop(true)
        .output();
    let output = in_time(Duration::from_secs(60), "a run as the first process", run).await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
}

/// A CI system does not wait for the stop command, and yet it is not cut off in the middle.
#[tokio::test]
async fn a_stop_command_goes_on_after_a_signal_and_is_waited_for() {
    let stop = "echo $$ >> stops; echo begun; until test -e go; do sleep 0.05; done; echo done >> healed";
    let running = faultgate(&suite("echo > begun; sleep 1000; :", Some(stop), "")).spawn();
    written(&running, "begun").await;
    running.signal("TERM").await;
    let ended = running.ended_within(Duration::from_secs(20)).await;
    let experiment = assert_experiment(&ended, 143, "cancelled");
    assert_eq!(experiment["stop"]["confirmed"], false);
    let pid = ended.read("stops").trim().to_owned();
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("was left running as process {pid}")), "{reason}");
    assert!(lives(&pid), "it goes on");
    std::fs::write(ended.path("go"), "").unwrap();
    let stopped = Faultgate::new(&["stop"]).after(ended).finish().await;
    stopped.assert_code(0, "it is run again");
    assert!(!lives(&pid));
    assert_eq!(stopped.read("healed"), "done\ndone\n", "one after the other");
}

#[tokio::test]
async fn a_fault_that_nothing_proves_is_an_error() {
    let check = |run: &str| {
        let look = serde_json::json!(["test", "-e", "/proc/self/cwd/fault"]);
        let more =
            format!(", injected: {{ command: {{ run: {look} }}, no-output: nothing to do, within: 2s }}");
        faultgate(&suite(run, Some("rm -f fault; echo > undone"), &more)).finish()
    };
    check("echo > fault").await.assert_code(0, "the fault is seen");
    for (run, want) in [
        ("true", "exit code 1, not 0, within 2s"),
        ("echo > fault; echo there is nothing to do", "run printed \"nothing to do\""),
        ("sleep 1000; :", "exit code 1, not 0, within 2s"),
    ] {
        let ended = check(run).await;
        ended.assert_code(3, run);
        let experiment = ended.result()["experiments"][0].clone();
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains("nothing proves that the fault was in") && reason.contains(want), "{reason}");
        assert!(experiment["score"].is_null() && ended.path("undone").exists());
    }
}
