//! The plan of a large suite, printed by the release binary.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;

use super::peer;

/// Returns the time from the start of `faultgate plan` to its end, for a suite of this many experiments in 100
/// accounts.
pub(crate) async fn plan(binary: &Path, experiments: usize, form: &str) -> Duration {
    let home = write_suite(experiments);
    let begun = Instant::now();
    let ended = Command::new(std::path::absolute(binary).expect("a path"))
        .args(["plan", "--format", form])
        .current_dir(home.path())
        .env_clear()
        .stdout(Stdio::null())
        .status()
        .await
        .expect("it starts");
    let took = begun.elapsed();
    assert!(ended.success(), "{ended}");
    took
}

/// Returns the time that the peer takes for the same suite. None if its Python has no YAML.
pub(crate) async fn plan_by_peer(experiments: usize) -> Option<Duration> {
    peer::plan(write_suite(experiments).path()).await
}

/// Writes a suite into a folder of its own.
fn write_suite(experiments: usize) -> TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let mut suite = String::from("version: 1\nexperiments:\n");
    for number in 0..experiments {
        let account = number % 100;
        let role = format!("arn:aws:iam::{account:012}:role/c");
        let _ =
            writeln!(suite, "- {{name: e{number}, fis: {{template: EXT{number}, role-arn: \"{role}\"}}}}");
    }
    std::fs::write(home.path().join(".faultgate.yml"), suite).expect("a suite");
    home
}
