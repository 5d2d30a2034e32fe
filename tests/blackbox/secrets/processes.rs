//! Tests of other processes: those that a run starts, and those that look at it.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::in_time;
use faultgate_testkit::lives::QUICK;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::Marked;

#[tokio::test]
async fn a_command_sees_none_of_our_secrets_and_nobody_sees_any_in_an_argument() {
    let account = EmbeddedAccount::living(QUICK).await;
    let script = "cat /proc/self/environ > $0.environ; cat /proc/$$/cmdline /proc/$PPID/cmdline > $0.cmdline";
    let suite = format!(
        "version: 1\nexperiments:\n  - name: one\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
         - {{ name: smoke, command: {{ run: [\"sh\", \"-c\", {script:?}, \"probe\"], env: {{ OF_THE_SHOP: \"${{SHOP_KEY}}\" }} }}, when: [after] }}\n  - name: two\n    \
         command: {{ run: [\"sh\", \"-c\", {script:?}, \"run\"], stop: [\"sh\", \"-c\", {script:?}, \"stop\"], \
         env: {{ OF_THE_SHOP: \"${{SHOP_PASSWORD}}\" }} }}\n"
    );
    let marked = Marked::new();
    let run = account.run().without("FAULTGATE_EXPERIMENT_TEMPLATE_ID").file(".faultgate.yml", &suite);
    let ended = marked.put(run).env("FAULTGATE_COMMIT_STATUS", "false").finish().await;
    ended.assert_code(0, "commands");
    for who in ["probe", "run", "stop"] {
        let environ = ended.read(&format!("{who}.environ"));
        let asked_for: &[&str] = if who == "probe" { &["SHOP_KEY"] } else { &["SHOP_PASSWORD"] };
        assert_eq!(marked.marks.found_in(&environ), asked_for, "{who}: {environ}");
        marked.assert_not_in(&ended.read(&format!("{who}.cmdline")), who);
        std::fs::remove_file(ended.path(&format!("{who}.environ"))).unwrap();
    }
    marked.assert_hidden(&ended, "commands");
}

/// Runs a script with room for a core, and lets the program that it becomes crash.
async fn crashed(script: &str) -> ExitStatus {
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::join_paths(
        [env!("CARGO_BIN_EXE_faultgate").trim_end_matches("/faultgate").into()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", &format!("ulimit -c unlimited; {script}")])
        .env("PATH", path.unwrap())
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let limit = std::time::Duration::from_mins(1);
    in_time(limit, "a line", stdout.read_line(&mut said)).await.unwrap();
    let pid = child.id().unwrap();
    let kill = tokio::process::Command::new("sh").args(["-c", &format!("kill -s ABRT {pid}")]).status();
    assert!(kill.await.unwrap().success());
    in_time(limit, "the end", child.wait()).await.unwrap()
}

/// A core holds the whole memory, with every secret in it.
#[tokio::test]
async fn a_crash_leaves_no_core() {
    let others = crashed("echo; exec sleep 60").await;
    if !others.core_dumped() {
        // The system writes no cores anyway.
        return;
    }
    let ours = crashed("exec faultgate rehearse --serve").await;
    assert_eq!(ours.signal(), others.signal());
    assert!(!ours.core_dumped(), "it left a core");
}
