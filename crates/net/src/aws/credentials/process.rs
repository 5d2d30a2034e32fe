//! Credentials that a program prints (`credential_process` of a profile), such as AWS's signing helper for
//! IAM Roles Anywhere. The program runs in a process group of its own, for a limited time, and sees no secret
//! of faultgate's. Nothing that it prints to its standard output may get into an error or a log.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::failure::{CredentialsFailure, NotGiven, carry};
use super::keeper::Keeper;
use faultgate_core::processes::group::ProcessGroup;
use faultgate_core::text;

const NAME: &str = "credential_process";
/// The getting of credentials. It completes "could not …".
const WHAT: &str = "get credentials";
/// Maximum size of each output that is kept, in bytes. Credentials are a few KiB.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;
/// Time for reading the rest of the outputs after the program has ended.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum length of the program's own error message, in characters.
const MAX_ERR_CHARS: usize = 300;
const REMEDY: &str =
    "run the command of the profile's credential_process by hand, with the variables of this job";

/// The program, and the credentials that it gave.
#[derive(Debug)]
pub(super) struct CredentialProcess {
    command: CredentialCommand,
    keeper: Keeper,
}

/// The command line and the variables of the program. Both may hold secrets, so neither is shown.
struct CredentialCommand {
    line: String,
    env: BTreeMap<OsString, OsString>,
}

impl std::fmt::Debug for CredentialCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The output that AWS defines for such a program. Fields that are not known are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrintedCredentials {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl CredentialProcess {
    pub(super) fn new(line: String, env: BTreeMap<OsString, OsString>) -> Self {
        let time = SharedTimeSource::new(SystemTimeSource::new());
        Self {
            command: CredentialCommand { line, env },
            keeper: Keeper::new(time, NotGiven::ByProgram, WHAT.to_owned()),
        }
    }
}

impl ProvideCredentials for CredentialProcess {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let given = self.keeper.credentials(NAME, self.command.run()).await;
            given.map_err(carry)
        })
    }
}

impl CredentialCommand {
    /// Runs the program and reads its credentials. When the future is dropped, the program and all that it
    /// has started end.
    async fn run(&self) -> Result<Credentials, CredentialsFailure> {
        let (status, out, err) =
            self.output().await.map_err(|error| failure(&format!("could not run: {error}")))?;
        if !status.success() {
            let said = String::from_utf8_lossy(&err);
            let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
            let last = last.map(|line| format!(": {}", text::plain(line, MAX_ERR_CHARS))).unwrap_or_default();
            return Err(failure(&format!("ended with {status}{last}")));
        }
        read(&out).map_err(|what| failure(&what))
    }

    /// Runs the program and returns its status, its standard output and its error output.
    async fn output(&self) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
        let mut shell = tokio::process::Command::new("sh");
        shell.arg("-c").arg(&self.line).env_clear().envs(&self.env);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The program leads a group of its own, so that all that it starts can be ended with it.
        let mut child = shell.process_group(0).kill_on_drop(true).spawn()?;
        let group = ProcessGroup::led_by(&child)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = {
            let reading = async { tokio::join!(read_into(&mut out, stdout), read_into(&mut err, stderr)) };
            let ended = async {
                let status = child.wait().await;
                group.kill();
                // The number of the group may soon be somebody else's, so nothing may be killed by it from
                // here on.
                group.release();
                status
            };
            tokio::pin!(reading, ended);
            tokio::select! {
                status = &mut ended => {
                    // A process that has left the group may keep the outputs open for ever.
                    let _ = tokio::time::timeout(DRAIN_TIMEOUT, reading).await;
                    status
                }
                _ = &mut reading => ended.await,
            }
        };
        Ok((status?, out, err))
    }
}

/// Reads a pipe to its end, so that the writer is never kept waiting, and keeps the beginning.
async fn read_into(kept: &mut Vec<u8>, pipe: Option<impl AsyncRead + Unpin>) {
    let Some(mut pipe) = pipe else { return };
    let _ = (&mut pipe).take(MAX_OUTPUT_BYTES).read_to_end(kept).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
}

/// Reads the credentials that were printed. The error says what is wrong and holds nothing of what was
/// printed.
fn read(printed: &[u8]) -> Result<Credentials, String> {
    // The parser's error is dropped, since it may quote the text.
    let answer: PrintedCredentials = serde_json::from_slice(printed).map_err(|_| {
        "printed no credentials (JSON with Version, AccessKeyId and SecretAccessKey)".to_owned()
    })?;
    if answer.version != 1 {
        return Err(format!("printed credentials of version {}, not 1", answer.version));
    }
    let moment = |time: String| time.parse::<jiff::Timestamp>().and_then(SystemTime::try_from);
    let expiry = answer.expiration.map(moment).transpose();
    let expiry = expiry.map_err(|_| "printed an Expiration that is no time (RFC 3339)".to_owned())?;
    let PrintedCredentials { access_key_id, secret_access_key, session_token, .. } = answer;
    Ok(Credentials::new(access_key_id, secret_access_key, session_token, expiry, NAME))
}

fn failure(what: &str) -> CredentialsFailure {
    CredentialsFailure::new(NotGiven::ByProgram, WHAT, format!("{NAME}: the program {what}"))
        .remedy(REMEDY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<OsString, OsString> {
        std::env::vars_os().filter(|(name, _)| name == "PATH").collect()
    }

    async fn run(line: &str) -> Result<Credentials, String> {
        let command = CredentialCommand { line: line.to_owned(), env: variables() };
        command.run().await.map_err(|failure| failure.why)
    }

    #[tokio::test]
    async fn what_it_prints_is_read() {
        let printed = r#"echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","Expiration":"2099-01-01T00:00:00Z","More":[]}'"#;
        let given = run(printed).await.unwrap();
        assert_eq!((given.access_key_id(), given.session_token()), ("A", Some("t")));
        assert!(given.expiry().is_some());
        let bare = run(r#"echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}'; sleep 1000 & "#)
            .await
            .unwrap();
        assert_eq!((bare.session_token(), bare.expiry()), (None, None));
    }

    #[tokio::test]
    async fn what_it_cannot_give_is_told_without_what_it_printed() {
        for (line, what) in [
            ("echo s3cr3t", "printed no credentials"),
            ("echo '{\"Version\":1,\"SecretAccessKey\":\"s3cr3t\"}'", "printed no credentials"),
            (r#"echo '{"Version":2,"AccessKeyId":"s3cr3t","SecretAccessKey":"s3cr3t"}'"#, "version 2"),
            (
                r#"echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s3cr3t","Expiration":"s3cr3t"}'"#,
                "no time",
            ),
            ("echo s3cr3t; echo 'no certificate' >&2; exit 7", "exit status: 7: no certificate"),
            ("head -c 200000 /dev/zero", "printed no credentials"),
            ("kill -9 $$", "signal: 9"),
        ] {
            let told = run(line).await.unwrap_err();
            assert!(told.starts_with("credential_process: ") && told.contains(what), "{told}");
            assert!(!told.contains("s3cr3t"), "{told}");
        }
    }

    #[tokio::test]
    async fn nothing_of_it_outlives_whoever_waits() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let line = format!("sleep 1000 & echo $! > '{}'; wait", pid.display());
        let command = CredentialCommand { line, env: variables() };
        let started = async {
            while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = command.run() => panic!("it hangs"),
            () = started => {}
        }
        let pid: u32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let lives = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
        };
        while lives() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
