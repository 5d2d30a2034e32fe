//! Tests of the binary as the entrypoint of an image: it acts as a shell, and answers to its other name.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const FAULTGATE: &str = env!("CARGO_BIN_EXE_faultgate");

fn called(program: impl AsRef<OsStr>, args: &[&str], path: &Path) -> Output {
    Command::new(program).args(args).env_clear().env("PATH", path).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn it_becomes_the_shell_it_is_asked_for() {
    let empty = tempfile::tempdir().unwrap();
    for shell in ["sh", "bash", "/bin/sh", "/bin/bash"] {
        let args = [shell, "-c", "echo \"<$1>\"; exit 7", "script", "a b"];
        let ended = called(FAULTGATE, &args, empty.path());
        assert_eq!(text(&ended.stdout), "<a b>\n", "{shell}: {}", text(&ended.stderr));
        assert_eq!(ended.status.code(), Some(7), "{shell}");
    }
}

#[test]
fn a_shell_of_the_path_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    symlink("/bin/echo", folder.path().join("bash")).unwrap();
    let ended = called(FAULTGATE, &["bash", "--login"], folder.path());
    assert_eq!(text(&ended.stdout), "--login\n");
}

#[test]
fn the_other_name_is_the_command_that_stops() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("faultgate-stop");
    symlink(FAULTGATE, &link).unwrap();
    let by_name = called(&link, &["--help"], folder.path());
    let by_command = called(FAULTGATE, &["stop", "--help"], folder.path());
    assert_eq!(by_name.status.code(), by_command.status.code());
    assert_eq!(by_name.stdout, by_command.stdout);
    assert_ne!(by_name.stdout, called(FAULTGATE, &["--help"], folder.path()).stdout);
}
