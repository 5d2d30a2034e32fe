//! The commands of this process and of others that died: how one begins, and what is known of each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;
use rustix::process::Signal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::chaos_toolkit::Stamp;
use super::end::CommandProgress;
use super::life::{Hurry, Life};
use super::orphan::Orphan;
use super::outcome::shown_program;
use super::settings::CommandSettings;
use super::start::start;
use super::surroundings::CommandSurroundings;
use super::{outcome, program};
use crate::{EngineFailure, FailureKind, Record};
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    CommandLine, CommandSpec, EngineSpec, ExperimentPlan, Finding, Level, ProcessIdentity, State, Transition,
};
use faultgate_core::processes::group::ProcessGroup;
use faultgate_core::processes::kin;
use faultgate_core::processes::kin::Kin;

/// The engine that runs commands on this machine.
pub struct CommandEngine {
    pub(super) settings: CommandSettings,
    pub(super) clock: Clock,
    pub(super) hurry: Hurry,
    /// Number of commands that were started.
    pub(super) started: Arc<AtomicUsize>,
    /// The experiments of this process, by their ids.
    pub(super) lives: RefCell<HashMap<String, CommandTracking>>,
    /// The experiments of other processes, by their ids.
    pub(super) orphans: RefCell<HashMap<String, Rc<Orphan>>>,
}

/// One experiment that was launched.
pub(super) struct CommandTracking {
    pub(super) spec: CommandSpec,
    /// `None` in a dry run.
    pub(super) process: Option<Process>,
    pub(super) progress: watch::Receiver<CommandProgress>,
    /// Number of transitions that were told.
    pub(super) told: usize,
}

/// A command that was started, with all its processes and the task that leads them.
pub(super) struct Process {
    pub(super) group: Arc<ProcessGroup>,
    pub(super) kin: Arc<Kin>,
    pub(super) stop_asked: CancellationToken,
    _life: AbortOnDropHandle<()>,
}

/// Kills what is left: nothing of a command outlives the engine, even if nobody had the time to stop it.
impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// Kills whatever is left, and what that has started in the meantime.
    pub(super) fn kill(&self) {
        self.group.kill();
        let _ = (0..MAX_KILL_ROUNDS).find(|_| self.kin.send(Signal::KILL).is_empty());
    }
}

/// Number of rounds of SIGKILL, where nobody waits until all processes are gone.
const MAX_KILL_ROUNDS: usize = 3;

impl CommandEngine {
    /// Creates the engine. `cancelled` fires with the first signal.
    pub fn new(settings: CommandSettings, clock: Clock, cancelled: CancellationToken) -> Self {
        Self {
            settings,
            clock,
            hurry: Hurry::new(cancelled),
            started: Arc::default(),
            lives: RefCell::default(),
            orphans: RefCell::default(),
        }
    }

    pub(super) fn surroundings(&self, spec: &CommandSpec) -> CommandSurroundings {
        let mut env = self.settings.env.clone();
        env.extend(spec.env.iter().map(|(name, value)| (name.into(), value.into())));
        let dir =
            spec.dir.as_ref().map_or_else(|| self.settings.dir.clone(), |dir| self.settings.dir.join(dir));
        CommandSurroundings { dir, env, veil: self.settings.veil.clone() }
    }

    /// Returns the mark of an experiment's processes.
    pub(super) fn mark(&self, name: &str) -> String {
        format!("{}/{name}", self.settings.run)
    }

    pub(super) fn look_at(&self, experiment: &ExperimentPlan) -> Vec<Finding> {
        let EngineSpec::Command(spec) = &experiment.spec else { return Vec::new() };
        let surroundings = self.surroundings(spec);
        let subject = format!("command of {}", experiment.name);
        if !surroundings.dir.is_dir() {
            let message = format!("its directory {} is not there", surroundings.dir.display());
            return vec![Finding::new(Level::Error, subject, message).with_remedy("correct dir")];
        }
        let mut findings: Vec<Finding> = std::iter::once(&spec.run)
            .chain(&spec.stop)
            .filter_map(|command| {
                let error = program::find(command.program(), &surroundings).err()?;
                Some(cannot_start(command, error).to_finding(Level::Error, &subject))
            })
            .collect();
        if findings.is_empty() {
            findings.push(Finding::new(Level::Ok, subject, "its programs are there"));
        }
        findings
    }

    pub(super) fn begin(
        &self,
        name: &str,
        spec: &CommandSpec,
    ) -> io::Result<(String, Process, watch::Receiver<CommandProgress>)> {
        let surroundings = self.surroundings(spec);
        // The journal is stamped before the start: an old one must not be taken for that of this run.
        let stale = spec.journal.as_ref().and_then(|path| Stamp::of(&surroundings.dir.join(path)));
        let mark = self.mark(name);
        let (child, group) = start(&spec.run, &surroundings.with_mark(kin::EXPERIMENT, &mark))?;
        self.started.fetch_add(1, Ordering::Relaxed);
        let kin = Arc::new(Kin::with_mark(kin::EXPERIMENT, &mark).descending_from(group.id()));
        let (progress, seen) = watch::channel(CommandProgress::default());
        let group = Arc::new(group);
        let stop_asked = CancellationToken::new();
        let life = Life {
            name: name.to_owned(),
            spec: spec.clone(),
            surroundings: surroundings.with_mark(kin::STOP, &mark),
            started: self.started.clone(),
            limits: self.settings.limits,
            clock: self.clock,
            started_at: self.clock.now(),
            stale,
            hurry: self.hurry.clone(),
            stop_asked: stop_asked.clone(),
            check: self.settings.proofs.get(name).cloned(),
            progress,
        };
        let id = format!("command-{name}-{}", group.id());
        let life = AbortOnDropHandle::new(tokio::spawn(life.live(child, group.clone(), kin.clone())));
        Ok((id, Process { group, kin, stop_asked, _life: life }, seen))
    }

    pub(super) fn take_up(&self, id: String, experiment: &ExperimentPlan, process: Option<ProcessIdentity>) {
        let EngineSpec::Command(spec) = &experiment.spec else { return };
        let name = &experiment.name;
        let orphan = Orphan::new(name, spec.clone(), &self.surroundings(spec), process, self.mark(name));
        self.orphans.borrow_mut().insert(id, Rc::new(orphan));
    }

    /// Returns what became known since the last call, and the record if the experiment is over.
    pub(super) fn news(&self, id: &str) -> Result<(Vec<Transition>, Option<Record>), EngineFailure> {
        let mut lives = self.lives.borrow_mut();
        let tracking = lives.get_mut(id).ok_or_else(|| fail_as_unknown(id))?;
        let (news, record) = {
            let progress = tracking.progress.borrow();
            (progress.transitions[tracking.told..].to_vec(), tracking.record(&progress))
        };
        tracking.told += news.len();
        Ok((news, record))
    }
}

impl CommandTracking {
    pub(super) fn record(&self, progress: &CommandProgress) -> Option<Record> {
        if self.process.is_none() {
            return Some(Record {
                state: State::Completed,
                raw_state: NOT_STARTED.to_owned(),
                ..Record::unknown()
            });
        }
        let program = shown_program(self.spec.run.program(), &self.spec.run.shown);
        progress.end.as_ref().map(|end| outcome::record(end, &self.spec, &program))
    }
}

/// The raw state of an experiment in a dry run.
pub(super) const NOT_STARTED: &str = "not started";

pub(super) fn cannot_start(command: &CommandLine, error: io::Error) -> EngineFailure {
    let (kind, remedy) = match error.kind() {
        io::ErrorKind::PermissionDenied => (FailureKind::Denied, "make the program executable"),
        _ if matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE)) => {
            (FailureKind::Refused, "raise the limit of open files (ulimit -n), or lower parallel")
        }
        _ if Errno::from_io_error(&error) == Some(Errno::AGAIN) => {
            (FailureKind::Refused, "raise the limit of processes (ulimit -u), or lower parallel")
        }
        _ => (FailureKind::Missing, "install it, or name it by its path; a path is seen from dir"),
    };
    EngineFailure::new(kind, format!("start {}", command.shown), error.to_string())
        .remedy(remedy.to_owned())
        .caused_by(error)
}

pub(super) fn fail_as_unknown(id: &str) -> EngineFailure {
    fail_as_unfollowed(id, "this run has not started it")
}

pub(super) fn fail_as_unfollowed(id: &str, why: &str) -> EngineFailure {
    EngineFailure::new(FailureKind::Missing, format!("follow {id}"), why)
}
