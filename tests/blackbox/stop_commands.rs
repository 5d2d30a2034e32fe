//! Tests of `faultgate stop` after runs of local commands that were killed.

use std::time::Duration;

use faultgate_testkit::binary::{Faultgate, Running, in_time, lives};

use crate::stop::{STATE, killed, state};

fn suite(run: &str, stop: &str) -> String {
    let line = |script: &str| serde_json::json!(["sh", "-c", script]);
    format!(
        "version: 1\nexperiments:\n  - name: freeze\n    command: {{ run: {}, stop: {}, env: {{ MARK: mark9secret }} }}\n",
        line(run),
        line(stop)
    )
}

/// Waits until the command has begun and the state file says so. Returns the id of a grandchild.
async fn begun(running: &Running) -> String {
    let (pid, file) = (running.path("pid"), running.path(STATE));
    let reading = async {
        loop {
            match std::fs::read_to_string(&pid) {
                Ok(text)
                    if text.ends_with('\n')
                        && file.exists()
                        && state(&file)["experiments"][0]["phase"] == "launched" =>
                {
                    return text.trim().to_owned();
                }
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    in_time(Duration::from_secs(60), "the command has begun", reading).await
}

const GRANDCHILD: &str = "sh -c 'echo $$ > pid; sleep 1000; :' & wait";

#[tokio::test]
async fn the_fault_is_undone_and_nothing_of_the_group_is_left() {
    // The leader of the group lives in one case and is gone in the other.
    for run in [
        GRANDCHILD.to_owned(),
        format!("({GRANDCHILD}) & while ! test -s pid; do sleep 0.01; done; sleep 0.2; kill -9 $$"),
    ] {
        let suite =
            suite(&run, "echo $MARK > undone").replace("env:", "duration: 10m, expect-exit-code: 0, env:");
        let running = Faultgate::new(&["run"]).file(".faultgate.yml", &suite).spawn();
        let pid = begun(&running).await;
        let ended = killed(running).await;
        assert!(lives(&pid), "it outlives faultgate");
        assert!(!ended.read(STATE).contains("mark9secret"));
        let stop = Faultgate::new(&["stop"]).after(ended).finish().await;
        stop.assert_code(0, &run);
        assert_eq!(stop.read("undone"), "mark9secret\n");
        assert!(!lives(&pid), "{}", stop.stdout);
        std::fs::remove_file(stop.path("undone")).unwrap();
        let again = Faultgate::new(&["stop"]).after(stop).finish().await;
        again.assert_code(0, "again");
        assert!(!again.path("undone").exists(), "it is undone once");
    }
}

#[tokio::test]
async fn without_the_suite_its_processes_are_ended_and_the_rest_is_told() {
    let suite = suite(GRANDCHILD, "echo > undone");
    let running = Faultgate::new(&["run"]).file(".faultgate.yml", &suite).spawn();
    let pid = begun(&running).await;
    let ended = killed(running).await;
    std::fs::remove_file(ended.path(".faultgate.yml")).unwrap();
    let stop = Faultgate::new(&["stop"]).after(ended).finish().await;
    stop.assert_code(3, "nobody knows how to undo it");
    assert!(!lives(&pid));
    assert!(stop.stdout.contains("sh -c 'echo > undone'"), "{}", stop.stdout);
    // The suite is there again, so the fault is undone.
    let stop = Faultgate::new(&["stop"]).file(".faultgate.yml", "").after(stop);
    let stop = stop.file(".faultgate.yml", &suite).finish().await;
    stop.assert_code(0, "with the suite");
    assert!(stop.path("undone").exists());
}

#[tokio::test]
async fn a_number_that_belongs_to_somebody_else_is_left_alone() {
    // The processes lack the mark by which they are found.
    let run = "exec env -u FAULTGATE_EXPERIMENT sh -c \"sh -c 'echo \\$\\$ > pid; sleep 1000; :' & wait\"";
    let running = Faultgate::new(&["run"]).file(".faultgate.yml", &suite(run, "true")).spawn();
    let pid = begun(&running).await;
    let ended = killed(running).await;
    let mut file = state(&ended.path(STATE));
    let process = &mut file["experiments"][0]["launch"]["process"];
    process["started"] = (process["started"].as_u64().unwrap() - 1).into();
    let group = process["group"].as_i64().unwrap();
    std::fs::write(ended.path(STATE), file.to_string()).unwrap();
    let stop = Faultgate::new(&["stop"]).after(ended).finish().await;
    stop.assert_code(0, "the group of the file is gone");
    assert!(lives(&pid), "it is another's");
    let kill = std::process::Command::new("sh").args(["-c", &format!("kill -s KILL -- -{group}")]).status();
    assert!(kill.unwrap().success());
}

#[tokio::test]
async fn what_has_left_the_group_is_found_by_its_mark() {
    for run in [
        "setsid sh -c 'echo $$ > pid; sleep 1000; :' & wait",
        "timeout 900 sh -c 'echo $$ > pid; sleep 1000; :'; :",
        "(setsid sh -c 'echo $$ > pid; trap \"\" TERM; while :; do sleep 1; done' &) ; while ! test -s pid; do sleep 0.01; done",
    ] {
        let suite = suite(run, "echo > undone").replace("env:", "duration: 10m, env:");
        let running = Faultgate::new(&["run"]).file(".faultgate.yml", &suite).spawn();
        let pid = begun(&running).await;
        let ended = killed(running).await;
        assert!(lives(&pid), "it outlives faultgate");
        let stop = Faultgate::new(&["stop"]).after(ended).finish().await;
        stop.assert_code(0, run);
        assert!(stop.path("undone").exists() && !lives(&pid), "{}", stop.stdout);
    }
}
