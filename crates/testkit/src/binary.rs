//! The runner of the binary: an invocation in surroundings of its own, and its end.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::contract;

/// The time after which something hangs. Nothing here is timed otherwise.
pub(crate) const HANG_TIMEOUT: Duration = Duration::from_mins(1);

/// Waits for the work, and fails the test if it hangs.
pub async fn in_time<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or_else(|_| panic!("still waiting after {limit:?}: {what}"))
}

/// Returns the path of the binary under test. Cargo builds it beside the folder of the test executables.
pub fn executable() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap();
    built.join("faultgate")
}

/// Returns `true` if the process lives. A zombie is gone: its reaping is none of our business.
pub fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// An invocation of the binary. Nothing of the environment of the test reaches it but PATH.
#[must_use]
pub struct Faultgate {
    command: Command,
    home: TempDir,
}

impl Faultgate {
    pub const REPORTS: &str = "reports";

    pub fn new(args: &[&str]) -> Self {
        Self::by(executable(), args)
    }

    /// Makes the script of a job, in a shell that finds the binary on its PATH.
    pub fn job(script: &str) -> Self {
        Self::by("sh", &["-e", "-c", script])
    }

    fn by(program: impl AsRef<OsStr>, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let own = executable().parent().map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", path)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("FAULTGATE_REPORT_DIR", Self::REPORTS)
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self { command, home }
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// Moves to the working directory of another invocation.
    pub fn after(mut self, earlier: Finished) -> Self {
        self.command.current_dir(&earlier.home);
        self.home = earlier.home;
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// The working directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file to the working directory.
    pub fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.home.path().join(name), content).unwrap();
        self
    }

    /// Makes a folder in the working directory.
    pub fn folder(self, name: &str) -> Self {
        std::fs::create_dir(self.home.path().join(name)).unwrap();
        self
    }

    /// Writes a file to the working directory and its path to a variable, as CIs do it.
    pub fn named_file(self, variable: &str, name: &str, content: &str) -> Self {
        let path = self.home.path().join(name);
        self.file(name, content).env(variable, path)
    }

    /// Sets the environment of a step of a GitHub workflow, with a file for its outputs.
    pub fn in_github(self, attempt: &str) -> Self {
        self.env("GITHUB_ACTIONS", "true")
            .env("CI", "true")
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_REPOSITORY", "shop/web")
            .env("GITHUB_RUN_ID", "1234567890")
            .env("GITHUB_RUN_ATTEMPT", attempt)
            .env("GITHUB_JOB", "chaos")
            .env("GITHUB_ACTION", "__run")
            .env("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567")
            .env("RUNNER_NAME", "runner-1")
            .named_file("GITHUB_OUTPUT", "github-output", "")
    }

    pub fn spawn(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let stdout = gather(child.stdout.take());
        let stderr = gather(child.stderr.take());
        Running { child, stdout, stderr, home: self.home }
    }

    /// Starts it with a standard output that nobody reads.
    pub fn spawn_unread(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        drop(child.stdout.take());
        let stderr = gather(child.stderr.take());
        Running { child, stdout: tokio::spawn(async { String::new() }), stderr, home: self.home }
    }

    /// Starts it with outputs that take nothing more, as those of a log driver that hangs. Whoever writes to
    /// them waits for as long as the reader is there.
    pub fn spawn_stalled(mut self) -> (Running, std::io::PipeReader) {
        let (reader, writer) = std::io::pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        while rustix::io::write(&writer, &[b'.'; 1024]).is_ok() {}
        rustix::fs::fcntl_setfl(&writer, flags).unwrap();
        self.command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = self.command.spawn().unwrap();
        let nothing = || tokio::spawn(async { String::new() });
        let running = Running { child, stdout: nothing(), stderr: nothing(), home: self.home };
        (running, reader)
    }

    /// Runs it from beginning to end.
    pub async fn finish(self) -> Finished {
        self.spawn().ended().await
    }
}

fn gather<R: tokio::io::AsyncRead + Unpin + Send + 'static>(pipe: Option<R>) -> JoinHandle<String> {
    let mut pipe = pipe.unwrap();
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).expect("it prints UTF-8")
    })
}

/// An invocation under way.
pub struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    home: TempDir,
}

impl Running {
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Sends a signal: `INT`, `TERM`, `QUIT`, `HUP`, `XCPU` or `KILL`.
    #[expect(clippy::unused_async, reason = "nobody may send it outside of a runtime")]
    pub async fn signal(&self, name: &str) {
        let signal = match name {
            "INT" => Signal::INT,
            "TERM" => Signal::TERM,
            "QUIT" => Signal::QUIT,
            "HUP" => Signal::HUP,
            "XCPU" => Signal::XCPU,
            "KILL" => Signal::KILL,
            _ => panic!("no signal: {name}"),
        };
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end of the process, and leaves the rest to [`Self::ended`].
    pub async fn over(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    pub async fn ended(self) -> Finished {
        self.ended_within(HANG_TIMEOUT).await
    }

    pub async fn ended_within(mut self, limit: Duration) -> Finished {
        let status = in_time(limit, "faultgate ends", self.over()).await;
        Finished {
            code: status.code(),
            stdout: self.stdout.await.unwrap(),
            stderr: self.stderr.await.unwrap(),
            home: self.home,
        }
    }
}

/// An invocation that has ended.
pub struct Finished {
    /// The exit code, or `None` if a signal killed the process.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    home: TempDir,
}

impl Finished {
    #[track_caller]
    pub fn assert_code(&self, code: u8, context: &str) {
        let (stdout, stderr) = (&self.stdout, &self.stderr);
        assert_eq!(self.code, Some(i32::from(code)), "{context}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        let read = std::fs::read_to_string(self.path(name));
        read.unwrap_or_else(|error| panic!("{name}: {error}\n{}\n{}", self.stdout, self.stderr))
    }

    pub fn summary(&self) -> String {
        self.read("reports/summary.md")
    }

    /// Returns `result.json`.
    pub fn result(&self) -> Value {
        serde_json::from_str(&self.read("reports/result.json")).unwrap()
    }

    /// Returns the step outputs of [`Faultgate::in_github`].
    pub fn outputs(&self) -> BTreeMap<String, String> {
        contract::file_commands(&self.read("github-output")).unwrap()
    }

    /// Returns every file below the working directory.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(self.home.path(), &mut found);
        found.sort();
        found
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Plays cases that mostly wait, several at once.
pub async fn at_once<T, F: Future<Output = ()>>(cases: impl IntoIterator<Item = T>, run: impl Fn(T) -> F) {
    stream::iter(cases.into_iter().map(run)).buffer_unordered(6).collect::<Vec<()>>().await;
}
