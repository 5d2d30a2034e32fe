//! The reading and writing of a state file, whole or not at all.

use std::io;
use std::path::Path;

use faultgate_core::files::{self, Survives};
use faultgate_core::model::{RunState, STATE_VERSION};
use faultgate_core::versioned::{JsonFormat, Unreadable};

/// Number of bytes of the largest file that is read. A larger one is a wrong file: this is enough for a
/// hundred times the experiments that a run may have.
const MAX_BYTES: u64 = 32 << 20;

/// The format of a state file.
const FORMAT: JsonFormat = JsonFormat {
    name: "state file of faultgate",
    version: STATE_VERSION,
    max_bytes: MAX_BYTES,
    if_foreign: Some("name the right file with --state-file, or remove this one"),
    if_unreadable: Some("let faultgate run as the user who made it"),
};

/// Reads a state file; `None` if it does not exist.
pub fn read(path: &Path) -> Result<Option<RunState>, Unreadable> {
    FORMAT.read(path)
}

/// Puts a new file in the place of the old one in one step, so that there is never half a file. It is on the
/// disk when this returns.
pub fn write(path: &Path, state: &RunState) -> io::Result<()> {
    files::write_whole(path, Survives::Machine, |file| {
        serde_json::to_writer_pretty(&mut *file, state)?;
        file.write_all(b"\n")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use faultgate_core::model::{
        ExperimentPlace, ExperimentState, Intent, LaunchRecord, ProcessIdentity, RunIdentity, RunPhase,
        SubscriptionState, Trace,
    };

    fn state() -> RunState {
        let run = RunIdentity {
            id: "1a2b3c4d".to_owned(),
            ci: "none".to_owned(),
            pipeline: None,
            url: None,
            repository: Some("shop/web".to_owned()),
            commit: None,
            environment: None,
            shard: None,
            plan_run: None,
            attempt_key: "not to be written".to_owned(),
        };
        let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let mut state = RunState::of(&run, false, at);
        let fis = ExperimentPlace::Fis {
            template: "EXT1".to_owned(),
            region: Some("eu-west-1".to_owned()),
            role_arn: None,
        };
        state.experiments.push(ExperimentState {
            phase: RunPhase::Intended,
            intended_at: Some(at),
            intent: Intent { client_tokens: vec!["faultgate-1".to_owned()], earlier_runs: None },
            ..ExperimentState::planned("az", fis)
        });
        let command =
            ExperimentPlace::Command { run: "tc add".to_owned(), stop: Some("tc del ${DEV}".to_owned()) };
        state.experiments.push(ExperimentState {
            phase: RunPhase::Launched,
            launch: Some(LaunchRecord {
                id: "command-tc-77".to_owned(),
                url: None,
                at,
                trace: Trace {
                    launched_experiment: None,
                    process: Some(ProcessIdentity {
                        group: 77,
                        started: 123,
                        session: 1,
                        pid_namespace: "pid:[1]".to_owned(),
                        boot: "b".to_owned(),
                        under_init: true,
                    }),
                },
            }),
            ..ExperimentState::planned("tc", command)
        });
        let litmus = ExperimentPlace::Litmus {
            url: "https://litmus.example".to_owned(),
            project: "p".to_owned(),
            origin: None,
            experiment: "e".to_owned(),
        };
        state.experiments.push(ExperimentState {
            intent: Intent { client_tokens: Vec::new(), earlier_runs: Some(Vec::new()) },
            ..ExperimentState::planned("pod", litmus)
        });
        state.subscriptions.push(SubscriptionState {
            name: "faultgate-1a2b3c4d".to_owned(),
            region: "eu-west-1".to_owned(),
            role_arn: None,
            rules: vec!["faultgate-1a2b3c4d".to_owned()],
            queue_url: None,
            expires_at: at,
            handshake_ms: None,
            removed: false,
            leftovers: Vec::new(),
        });
        state
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/folder/state.json");
        assert_eq!(read(&path), Ok(None));
        let mut state = state();
        write(&path, &state).unwrap();
        state.run.attempt_key.clear();
        assert_eq!(read(&path), Ok(Some(state)));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert!(!fs::read_to_string(&path).unwrap().contains("not to be written"));
        let names: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["state.json"], "no draft stays");
    }

    /// Templates and scripts of users may read the file, so these names stay.
    #[test]
    fn its_names_are_those_of_version_1() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&RunState {
                faultgate: faultgate_core::model::ToolInfo { version: "0.0.0".to_owned() },
                ..state()
            })
            .unwrap()
        );
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_another_version_is_refused() {
        let mut value = serde_json::to_value(state()).unwrap();
        value["experiments"][0]["later"] = 7.into();
        assert!(FORMAT.parse::<RunState>(value.to_string().as_bytes()).is_ok());
        value["schema_version"] = 2.into();
        let refused = FORMAT.parse::<RunState>(value.to_string().as_bytes()).unwrap_err();
        assert!(refused.what.contains("schema_version 2"), "{refused:?}");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        write(&path, &state()).unwrap();
        // No file can be created in the folder now, unless by root.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let mut other = state();
        other.experiments.clear();
        let written = write(&path, &other).is_ok();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().experiments.len(), if written { 0 } else { 3 });
    }

    proptest! {
        #[test]
        fn no_content_makes_it_panic(bytes: Vec<u8>) {
            let _ = FORMAT.parse::<RunState>(&bytes);
        }

        #[test]
        fn no_cut_and_no_changed_byte_makes_it_panic(cut in 0_usize..3_000, at in 0_usize..3_000, byte: u8) {
            let mut bytes = serde_json::to_vec(&state()).unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut.max(1));
            let _ = FORMAT.parse::<RunState>(&bytes);
        }
    }
}
