//! The probe `command`: a program ends as it should. It is run without a shell, in a process group of its
//! own, which does not outlive the evaluation.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::answer::holds;
use super::question::ProbeQuestion;
use faultgate_core::processes::group::ProcessGroup;

/// Number of bytes that are kept of each output.
const MAX_KEPT_BYTES: usize = 64 * 1024;
/// Time for the rest of the output after the end of the program. A process that has left the group may keep
/// the pipes open.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// A program, and how it should end.
pub(super) struct CommandProbe {
    /// The program and its arguments.
    pub(super) run: Vec<String>,
    pub(super) exit_code: i32,
    /// A text that one of its outputs must contain.
    pub(super) output: Option<String>,
    pub(super) env: Arc<BTreeMap<OsString, OsString>>,
}

impl ProbeQuestion for CommandProbe {
    async fn ask(&self) -> Result<String, String> {
        let Some((program, arguments)) = self.run.split_first() else {
            return Err("it names no program".to_owned());
        };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().envs(self.env.iter());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("could not run it: {error}"))?;
        let group = ProcessGroup::led_by(&child).map_err(|error| format!("could not run it: {error}"))?;
        let (mut out, mut err) = (Kept::default(), Kept::default());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let status = {
            let reading = async { tokio::join!(out.read(stdout), err.read(stderr)) };
            tokio::pin!(reading);
            let ended = async {
                let status = child.wait().await;
                group.kill();
                // The group's number may soon belong to somebody else.
                group.release();
                status
            };
            tokio::pin!(ended);
            let (status, read) = tokio::select! {
                status = &mut ended => (status, false),
                _ = &mut reading => (ended.await, true),
            };
            // The program has ended before its outputs have.
            if !read {
                let _ = tokio::time::timeout(DRAIN_LIMIT, reading).await;
            }
            status.map_err(|error| format!("could not wait for it: {error}"))?
        };
        self.judge(status, &out.bytes, &err.bytes)
    }

    fn missing(&self) -> Option<String> {
        let program = self.run.first()?;
        let (path, dir) = (self.env.get(OsStr::new("PATH")), std::env::current_dir().ok()?);
        // The program's name may come from a variable, so the reason does not show it.
        which::which_in(program, path, &dir).is_err().then(|| {
            if program.contains('/') {
                format!("its program is not there, seen from {}, or is no program", dir.display())
            } else {
                "its program is not on PATH".to_owned()
            }
        })
    }
}

impl CommandProbe {
    /// Judges how the program ended and what it printed.
    fn judge(&self, status: ExitStatus, out: &[u8], err: &[u8]) -> Result<String, String> {
        let last =
            last_line(err).or_else(|| last_line(out)).map(|line| format!(": {line}")).unwrap_or_default();
        match status.code() {
            None => Err(format!("it was ended by a signal{last}")),
            Some(code) if code != self.exit_code => {
                Err(format!("exit code {code}, not {}{last}", self.exit_code))
            }
            Some(code) => match &self.output {
                Some(wanted) if !holds(out, wanted) && !holds(err, wanted) => {
                    Err("its output does not contain the expected text".to_owned())
                }
                _ => Ok(format!("exit code {code}")),
            },
        }
    }
}

/// The beginning of an output.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
}

impl Kept {
    /// Reads an output to its end, so that the program never waits for a reader.
    async fn read(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            let room = MAX_KEPT_BYTES - self.bytes.len();
            self.bytes.extend_from_slice(&buffer[..count.min(room)]);
        }
    }
}

/// Returns the last line of an output that is not empty.
fn last_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}
