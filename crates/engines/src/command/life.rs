//! The life of one experiment, from the start of its process to the end of all that the process has started.
//!
//! It is a task of its own, so that it goes on whether or not somebody follows it: the process ends or is
//! told to, the fault stays in for a while, `stop` undoes it, the group is ended, and the journal is read.

use std::io;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::chaos_toolkit::{self, Span, ToolkitJournal};
use super::end::{CommandEnd, CommandProgress, Exit, Undone};
use super::output::CapturedOutput;
use super::proof::{self, Words};
use super::start::start_apart;
use super::surroundings::CommandSurroundings;
use crate::probe::Evaluate;
use faultgate_core::clock::Clock;
use faultgate_core::duration::exact;
use faultgate_core::model::{CommandLine, CommandSpec, Source, State, Transition};
use faultgate_core::processes::group::ProcessGroup;
use faultgate_core::processes::kin::{Kin, Member};
use faultgate_core::text;

/// Time for output that is on its way when a process has ended. A process that has left the group may hold it
/// open for ever.
const OUTPUT_LIMIT: Duration = Duration::from_millis(200);
/// Time for the end of killed processes. They end at once, unless the system itself holds them.
const KILL_LIMIT: Duration = Duration::from_millis(500);
/// Pauses between looks at whether all have ended, which no event tells. Each look costs more the more
/// processes a machine has, so the pauses grow.
const MIN_POLL_PAUSE: Duration = Duration::from_millis(10);
const MAX_POLL_PAUSE: Duration = Duration::from_millis(160);
/// Number of output lines in the evidence, and of characters in each.
const EVIDENCE_LINES: usize = 8;
const EVIDENCE_CHARS: usize = 300;

/// The times that the steps of a stop may take.
#[derive(Debug, Clone, Copy)]
pub struct StopLimits {
    /// Time from SIGTERM to SIGKILL.
    pub grace: Duration,
    /// The point after a signal to faultgate at which the `stop` command is left to end by itself.
    pub hurried_stop: Duration,
    /// The point after a signal at which SIGKILL is sent.
    pub hurried_kill: Duration,
}

impl Default for StopLimits {
    /// Returns limits by which the end is known within 4.5 s of a signal, as the lifecycle expects.
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            hurried_stop: Duration::from_millis(2200),
            hurried_kill: Duration::from_millis(3500),
        }
    }
}

/// A process that has begun, with all that decides how it goes on.
pub(super) struct Life {
    pub(super) name: String,
    pub(super) spec: CommandSpec,
    /// The directory and the environment of its `stop` command.
    pub(super) surroundings: CommandSurroundings,
    /// Number of commands that this run has started.
    pub(super) started: Arc<AtomicUsize>,
    pub(super) limits: StopLimits,
    pub(super) clock: Clock,
    pub(super) started_at: Timestamp,
    /// The stamp of the journal that was there before.
    pub(super) stale: Option<chaos_toolkit::Stamp>,
    /// The time that is left if the whole run is cancelled.
    pub(super) hurry: Hurry,
    pub(super) stop_asked: CancellationToken,
    /// The evaluator that tells whether the fault is in.
    pub(super) check: Option<Arc<dyn Evaluate>>,
    pub(super) progress: watch::Sender<CommandProgress>,
}

impl Life {
    /// Lives from the start of the process to the end of the experiment.
    pub(super) async fn live(self, mut child: Child, group: Arc<ProcessGroup>, kin: Arc<Kin>) {
        let words = Arc::new(Words::of(self.spec.proof.as_ref()));
        let mut output = CapturedOutput::of(&mut child, &self.name, &words, &self.surroundings.veil);
        let mut proving = pin!(proof::wait_for_proof(self.spec.proof.as_ref(), &words, self.check.clone()));
        let mut proved = None;
        let mut exit = loop {
            tokio::select! {
                // The end comes first: a process that has ended needs no stop.
                biased;
                status = child.wait() => break Some(Exit::of(status)),
                () = self.stop_asked.cancelled() => break None,
                seen = &mut proving, if proved.is_none() => {
                    if proved.insert(seen).is_err() {
                        break None;
                    }
                }
            }
        };
        let mut exited_at = self.clock.now();
        let expected = exit == Some(Exit::Code(i32::from(self.spec.expected_exit_code)));
        if exit.is_some() {
            group.settle();
        }
        if expected && self.spec.proof.is_some() {
            let _ = tokio::time::timeout(OUTPUT_LIMIT, output.wait_until_ended()).await;
            if let Some(why) = words.against(true) {
                proved = Some(Err(why));
            } else if proved.is_none() {
                proved = tokio::select! {
                    biased;
                    () = self.stop_asked.cancelled() => None,
                    seen = proving => Some(seen),
                };
            }
        }
        if expected && proved.as_ref().is_none_or(Result::is_ok) {
            self.hold().await;
        }
        // A stop that comes after this line finds the experiment at its end anyway.
        let stopped = self.stop_asked.is_cancelled();
        if stopped {
            self.tell(State::Stopping, "stopping".to_owned());
        }
        // Orphans without a mark have one possible origin only if this run has started no other command.
        if self.started.load(Ordering::Relaxed) == 1 {
            kin.claim_strangers();
        }
        let undone = self.undo().await;
        let mut ending = self.end(&mut child, &group, &kin).await;
        if exit.is_none() {
            exit = ending.exit;
            exited_at = self.clock.now();
            ending.left.clear();
        }
        let _ = tokio::time::timeout(OUTPUT_LIMIT, output.wait_until_ended()).await;
        let journal = self.journal().await;
        let end = CommandEnd {
            exit,
            expected,
            stopped,
            started_at: self.started_at,
            exited_at,
            ended_at: self.clock.now(),
            undone,
            unproved: proved.and_then(Result::err).or_else(|| words.against(false)),
            left: ending.left,
            survivors: ending.survivors,
            journal,
            output: output.last(EVIDENCE_LINES, EVIDENCE_CHARS),
        };
        let (state, raw) = super::outcome::state(&end);
        if state != State::Unknown {
            self.tell(state, raw);
        }
        self.progress.send_modify(|progress| progress.end = Some(end));
    }

    /// Leaves the fault in until its time is over or a stop is asked for.
    async fn hold(&self) {
        if self.spec.duration.is_zero() {
            return;
        }
        tracing::debug!(experiment = self.name, duration = ?self.spec.duration, "the fault stays in");
        tokio::select! {
            biased;
            () = self.stop_asked.cancelled() => {}
            () = tokio::time::sleep(self.spec.duration) => {}
        }
    }

    async fn undo(&self) -> Option<Undone> {
        let command = self.spec.stop.as_ref()?;
        let started_at = self.clock.now();
        let failed = self.run_stop(command).await.err();
        Some(Undone { started_at, ended_at: self.clock.now(), failed })
    }

    async fn run_stop(&self, command: &CommandLine) -> Result<(), String> {
        let up = self.hurry.up(self.spec.stop_within, self.limits.hurried_stop);
        run_stop(command, &self.surroundings, &self.name, up).await
    }

    /// Ends all processes that the command has started.
    async fn end(&self, child: &mut Child, group: &ProcessGroup, kin: &Kin) -> Ending {
        group.terminate();
        let left = kin.send(Signal::TERM);
        let up = tokio::select! {
            biased;
            status = wait_until_all_ended(child, group, kin) => {
                return Ending { exit: Some(Exit::of(status)), left, survivors: Vec::new() };
            }
            up = self.hurry.up(self.limits.grace, self.limits.hurried_kill) => up,
        };
        tracing::debug!(experiment = self.name, ?up, "SIGTERM did not end all: they are killed");
        let killed = tokio::time::timeout(KILL_LIMIT, async {
            loop {
                // A process may have started another one while it was killed, so SIGKILL is sent until none
                // is left.
                group.kill();
                kin.send(Signal::KILL);
                let ended = tokio::time::timeout(MIN_POLL_PAUSE * 2, wait_until_all_ended(child, group, kin));
                if let Ok(status) = ended.await {
                    return status;
                }
            }
        });
        if let Ok(status) = killed.await {
            return Ending { exit: Some(Exit::of(status)), left, survivors: Vec::new() };
        }
        let exit = child.try_wait().transpose().map(Exit::of);
        Ending { exit, left, survivors: kin.living() }
    }

    async fn journal(&self) -> Option<Result<ToolkitJournal, String>> {
        let path = self.surroundings.dir.join(self.spec.journal.as_ref()?);
        let (stale, veil) = (self.stale, self.surroundings.veil.clone());
        let span = Span { began: self.started_at, ended: self.clock.now() };
        let read = tokio::task::spawn_blocking(move || chaos_toolkit::read(&path, stale, span, &veil)).await;
        Some(read.unwrap_or_else(|error| Err(error.to_string())))
    }

    fn tell(&self, state: State, raw_state: String) {
        let now = self.clock.now();
        self.progress.send_modify(|progress| {
            progress.transitions.push(Transition {
                state,
                raw_state,
                at: now,
                observed_at: now,
                source: Source::Event,
                reason: None,
            });
        });
    }
}

/// The outcome of ending all that a process has started.
struct Ending {
    /// `None` if the process itself could not be killed.
    exit: Option<Exit>,
    /// The processes that were left when the ending began.
    left: Vec<Member>,
    survivors: Vec<Member>,
}

/// Waits for the process and for all that it has started.
async fn wait_until_all_ended(child: &mut Child, group: &ProcessGroup, kin: &Kin) -> io::Result<ExitStatus> {
    let status = child.wait().await;
    wait_until_gone(Some(group), kin).await;
    status
}

/// Waits until nothing of a group and of its kin is left.
pub(super) async fn wait_until_gone(group: Option<&ProcessGroup>, kin: &Kin) {
    if let Some(group) = group {
        group.wait_until_gone().await;
    }
    let mut pause = MIN_POLL_PAUSE;
    while !kin.living().is_empty() {
        tokio::time::sleep(pause).await;
        pause = MAX_POLL_PAUSE.min(pause * 2);
    }
}

/// The reason why a step has no more time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Up {
    /// The step has used up its own limit.
    Limit(Duration),
    /// The signal leaves no more time, counted from the signal.
    Hurry(Duration),
}

/// Runs the command that undoes a fault. `up` ends when the command has had all its time, and says why. If
/// that is a signal, the command is not cut off in the middle: it goes on by itself, and nobody will know how
/// it ended.
pub(super) async fn run_stop(
    command: &CommandLine,
    surroundings: &CommandSurroundings,
    name: &str,
    up: impl Future<Output = Up>,
) -> Result<(), String> {
    let started = start_apart(command, surroundings);
    let (mut child, group, printed) = started.map_err(|error| format!("it could not be started: {error}"))?;
    let exit = tokio::select! {
        biased;
        status = child.wait() => Exit::of(status),
        up = up => return Err(match up {
            Up::Limit(limit) => {
                format!("it did not end within {}, its stop-within, and was killed", exact(limit))
            }
            Up::Hurry(left) => {
                group.release();
                format!(
                    "it did not end within {} of the signal, and was left running as process {}",
                    exact(left),
                    group.id()
                )
            }
        }),
    };
    let lines = printed.last_lines();
    let lines = lines.iter().map(|line| text::plain(&surroundings.veil.hide(line), EVIDENCE_CHARS));
    let lines: Vec<String> = lines.collect();
    for line in &lines {
        tracing::debug!(experiment = name, "stop: {line}");
    }
    if exit == Exit::Code(0) {
        // Processes that it has started may be what makes the system whole again.
        group.release();
        return Ok(());
    }
    let said = lines.last().map(|line| format!(": {line}")).unwrap_or_default();
    Err(format!("{exit}{said}"))
}

/// A watch on the signal, which tells how much time is left.
#[derive(Debug, Clone)]
pub(super) struct Hurry {
    cancelled: CancellationToken,
    since: Arc<OnceLock<Instant>>,
}

impl Hurry {
    /// Creates the watch on a run's signal.
    pub(super) fn new(cancelled: CancellationToken) -> Self {
        Self { cancelled, since: Arc::default() }
    }

    /// Waits until `limit` is over or a point after the signal is reached, and says which it was.
    async fn up(&self, limit: Duration, hurried: Duration) -> Up {
        tokio::select! {
            biased;
            () = tokio::time::sleep(limit) => Up::Limit(limit),
            () = async {
                self.cancelled.cancelled().await;
                let since = *self.since.get_or_init(Instant::now);
                tokio::time::sleep_until(since + hurried).await;
            } => Up::Hurry(hurried),
        }
    }
}
