//! The builders of all tests here: an account to run against, the binary in surroundings of its own, and its
//! end.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use faultgate_core::clock::Clock;
use faultgate_rehearsal::{
    Beat, Effect, FaultRule, Recorded, Scenario, Server, Snapshot, TEMPLATE_ID, World,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// The time after which something hangs. Nothing here is timed otherwise.
const HANG_TIMEOUT: Duration = Duration::from_mins(1);

/// Waits for the work, and fails the test if it hangs.
pub(crate) async fn in_time<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or_else(|_| panic!("still waiting after {limit:?}: {what}"))
}

/// An AWS account that lives in this process.
pub(crate) struct Account {
    pub(crate) world: World,
    url: String,
    _serving: AbortOnDropHandle<()>,
}

impl Account {
    /// Makes an account in which the experiments of the template live as these beats say.
    pub(crate) async fn living(beats: &[Beat]) -> Self {
        let account = Self::of(Scenario::find("completed").unwrap()).await;
        account.world.script(TEMPLATE_ID, beats);
        account
    }

    pub(crate) async fn of(scenario: &Scenario) -> Self {
        let world = World::new(scenario, Clock::start());
        let server = Server::bind(world.clone()).await.unwrap();
        Self {
            world,
            url: server.url.clone(),
            _serving: AbortOnDropHandle::new(tokio::spawn(server.serve())),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the binary, pointed at this account.
    pub(crate) fn faultgate(&self, args: &[&str]) -> Faultgate {
        Faultgate::new(args)
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
            .env("AWS_REGION", "us-east-1")
    }

    /// Returns a run of the account's template.
    pub(crate) fn run(&self) -> Faultgate {
        self.faultgate(&["run"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
    }

    pub(crate) fn deny(&self, operation: &'static str, action: &str) {
        self.world.inject(FaultRule::on(operation, Effect::denied(action)));
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) {
        in_time(HANG_TIMEOUT, what, self.world.until(holds)).await;
    }

    /// Waits until the first experiment of the account is running.
    pub(crate) async fn until_running(&self) {
        self.until("the experiment runs", |seen| {
            seen.inventory.experiments.iter().any(|e| e.status == "running")
        })
        .await;
    }

    pub(crate) async fn until_asked(&self, operation: &str) {
        self.until(operation, |seen| seen.count(operation) > 0).await;
    }

    pub(crate) fn requests_of(&self, operation: &str) -> Vec<Recorded> {
        let mut requests = self.world.requests();
        requests.retain(|request| request.operation == operation);
        requests
    }

    /// Returns the operations that FIS was asked for, in order.
    pub(crate) fn fis_operations(&self) -> Vec<String> {
        let requests = self.world.requests().into_iter();
        requests.filter(|request| request.service == "fis").map(|request| request.operation).collect()
    }

    /// Returns the rules and queues that are left, and the experiments that have not ended.
    pub(crate) fn left(&self) -> Vec<String> {
        let there = self.world.inventory();
        let over = ["completed", "stopped", "failed", "cancelled"];
        let rules = there.rules.into_iter().map(|rule| format!("rule {}", rule.name));
        let queues = there.queues.into_iter().map(|queue| format!("queue {}", queue.name));
        let experiments = there
            .experiments
            .into_iter()
            .filter(|experiment| !over.contains(&experiment.status.as_str()))
            .map(|experiment| format!("experiment {} is {}", experiment.id, experiment.status));
        rules.chain(queues).chain(experiments).collect()
    }

    pub(crate) fn assert_nothing_left(&self, context: &str) {
        assert_eq!(self.left(), [""; 0], "{context}: left behind");
    }
}

/// An invocation of the binary. Nothing of the environment of the test reaches it but PATH.
pub(crate) struct Faultgate {
    command: Command,
    home: TempDir,
}

impl Faultgate {
    pub(crate) const REPORTS: &str = "reports";

    pub(crate) fn new(args: &[&str]) -> Self {
        Self::by(env!("CARGO_BIN_EXE_faultgate"), args)
    }

    /// Makes the script of a job, in a shell that finds the binary on its PATH.
    pub(crate) fn job(script: &str) -> Self {
        Self::by("sh", &["-e", "-c", script])
    }

    fn by(program: &str, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let own = Path::new(env!("CARGO_BIN_EXE_faultgate")).parent().map(Path::to_path_buf);
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

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// Moves to the working directory of another invocation.
    pub(crate) fn after(mut self, earlier: Ended) -> Self {
        self.command.current_dir(&earlier.home);
        self.home = earlier.home;
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// The working directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file to the working directory.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.home.path().join(name), content).unwrap();
        self
    }

    /// Makes a folder in the working directory.
    pub(crate) fn folder(self, name: &str) -> Self {
        std::fs::create_dir(self.home.path().join(name)).unwrap();
        self
    }

    /// Writes a file to the working directory and its path to a variable, as CIs do it.
    pub(crate) fn named_file(self, variable: &str, name: &str, content: &str) -> Self {
        let path = self.home.path().join(name);
        self.file(name, content).env(variable, path)
    }

    /// Sets the environment of a step of a GitHub workflow, with a file for its outputs.
    pub(crate) fn in_github(self, attempt: &str) -> Self {
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

    pub(crate) fn spawn(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let stdout = gather(child.stdout.take());
        let stderr = gather(child.stderr.take());
        Running { child, stdout, stderr, home: self.home }
    }

    /// Starts it with a standard output that nobody reads.
    pub(crate) fn spawn_unread(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        drop(child.stdout.take());
        let stderr = gather(child.stderr.take());
        Running { child, stdout: tokio::spawn(async { String::new() }), stderr, home: self.home }
    }

    /// Starts it with outputs that take nothing more, as those of a log driver that hangs. Whoever writes to
    /// them waits for as long as the reader is there.
    pub(crate) fn spawn_stalled(mut self) -> (Running, std::io::PipeReader) {
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
    pub(crate) async fn finish(self) -> Ended {
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
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    home: TempDir,
}

impl Running {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Sends a signal: `INT`, `TERM`, `QUIT`, `HUP` or `KILL`.
    #[expect(clippy::unused_async, reason = "nobody may send it outside of a runtime")]
    pub(crate) async fn signal(&self, name: &str) {
        let signal = match name {
            "INT" => Signal::INT,
            "TERM" => Signal::TERM,
            "QUIT" => Signal::QUIT,
            "HUP" => Signal::HUP,
            "KILL" => Signal::KILL,
            _ => panic!("no signal: {name}"),
        };
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end of the process, and leaves the rest to [`Self::ended`].
    pub(crate) async fn over(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    pub(crate) async fn ended(self) -> Ended {
        self.ended_within(HANG_TIMEOUT).await
    }

    pub(crate) async fn ended_within(mut self, limit: Duration) -> Ended {
        let status = in_time(limit, "faultgate ends", self.over()).await;
        Ended {
            code: status.code(),
            stdout: self.stdout.await.unwrap(),
            stderr: self.stderr.await.unwrap(),
            home: self.home,
        }
    }
}

/// An invocation that has ended.
pub(crate) struct Ended {
    /// The exit code, or `None` if a signal killed the process.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    home: TempDir,
}

impl Ended {
    #[track_caller]
    pub(crate) fn assert_code(&self, code: u8, context: &str) {
        let (stdout, stderr) = (&self.stdout, &self.stderr);
        assert_eq!(self.code, Some(i32::from(code)), "{context}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let read = std::fs::read_to_string(self.path(name));
        read.unwrap_or_else(|error| panic!("{name}: {error}\n{}\n{}", self.stdout, self.stderr))
    }

    pub(crate) fn summary(&self) -> String {
        self.read("reports/summary.md")
    }

    /// Returns `result.json`.
    pub(crate) fn result(&self) -> Value {
        serde_json::from_str(&self.read("reports/result.json")).unwrap()
    }

    /// Returns the step outputs of [`Faultgate::in_github`].
    pub(crate) fn outputs(&self) -> BTreeMap<String, String> {
        crate::contract::file_commands(&self.read("github-output")).unwrap()
    }

    /// Returns every file below the working directory.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
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
pub(crate) async fn at_once<T, F: Future<Output = ()>>(
    cases: impl IntoIterator<Item = T>,
    run: impl Fn(T) -> F,
) {
    use futures_util::stream::{self, StreamExt};
    stream::iter(cases.into_iter().map(run)).buffer_unordered(6).collect::<Vec<()>>().await;
}
