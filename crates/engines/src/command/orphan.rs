//! A command whose faultgate has died: its fault is undone, and its remaining processes are ended.

use std::cell::Cell;

use rustix::process::Signal;

use super::context::by_hand;
use super::end::list;
use super::life::{StopLimits, Up, run_stop, wait_until_gone};
use super::surroundings::CommandSurroundings;
use crate::{EngineFailure, FailureKind, Record};
use faultgate_core::model::{CommandSpec, ProcessIdentity, State};
use faultgate_core::processes::group::{ProcessGroup, Sight, Stat, look_for};
use faultgate_core::processes::kin;
use faultgate_core::processes::kin::Kin;

/// An experiment that another process has begun.
pub(super) struct Orphan {
    name: String,
    spec: CommandSpec,
    surroundings: CommandSurroundings,
    /// The group that was started; `None` if it was about to be started, or the system did not tell.
    process: Option<ProcessIdentity>,
    /// The mark that all its processes carry, wherever they have gone.
    mark: String,
    /// `true` once the fault is undone and all processes are gone.
    ended: Cell<bool>,
}

impl Orphan {
    /// Creates an orphan from what the state file says of it.
    pub(super) fn new(
        name: &str,
        spec: CommandSpec,
        surroundings: &CommandSurroundings,
        process: Option<ProcessIdentity>,
        mark: String,
    ) -> Self {
        let surroundings = surroundings.with_mark(kin::STOP, &mark);
        // Only the state file vouches for the group, and 1 would stand for every process of the machine.
        let process = process.filter(|known| known.group > 1);
        Self { name: name.to_owned(), spec, surroundings, process, mark, ended: Cell::new(false) }
    }

    /// Undoes the fault first and then ends the processes, as at every end. A failure of one step does not
    /// keep the other from being tried.
    pub(super) async fn stop(&self, limits: StopLimits) -> Result<(), EngineFailure> {
        let undone = self.undo().await;
        let ended = self.end(limits).await;
        let troubles: Vec<String> = [undone, ended].into_iter().filter_map(Result::err).collect();
        if troubles.is_empty() {
            self.ended.set(true);
            return Ok(());
        }
        let what = format!("end the command of {}", self.name);
        Err(EngineFailure::new(FailureKind::Refused, what, troubles.join("; ")))
    }

    /// Runs the `stop` command.
    async fn undo(&self) -> Result<(), String> {
        let Some(command) = &self.spec.stop else { return Ok(()) };
        if command.args.is_empty() {
            return Err("its stop command is only in the suite file, which does not give it now".to_owned());
        }
        let limit = self.spec.stop_within;
        // The run may have left a stop command to end by itself. Two at once might be in each other's way.
        let earlier = Kin::with_mark(kin::STOP, &self.mark);
        let _ = tokio::time::timeout(limit, wait_until_gone(None, &earlier)).await;
        let up = async {
            tokio::time::sleep(limit).await;
            Up::Limit(limit)
        };
        let undone = run_stop(command, &self.surroundings, &self.name, up).await;
        undone.map_err(|why| format!("its stop command failed, so the fault may still be in: {why}"))
    }

    /// Ends all processes, at first by SIGTERM.
    async fn end(&self, limits: StopLimits) -> Result<(), String> {
        let sight = self.process.as_ref().map(look_for);
        if sight == Some(Sight::Elsewhere) {
            return Err("its processes are, or were, on another machine or in another container".to_owned());
        }
        let (group, kin) = self.find_processes(sight == Some(Sight::Alive));
        if sight.is_none() && self.spec.stop.is_none() && kin.living().is_empty() {
            return Err("which processes are its own is not known".to_owned());
        }
        group.iter().for_each(ProcessGroup::terminate);
        kin.send(Signal::TERM);
        if tokio::time::timeout(limits.grace, wait_until_gone(group.as_ref(), &kin)).await.is_ok() {
            return Ok(());
        }
        group.iter().for_each(ProcessGroup::kill);
        kin.send(Signal::KILL);
        let killed = tokio::time::timeout(limits.grace, wait_until_gone(group.as_ref(), &kin)).await;
        killed.map_err(|_| format!("its processes could not be killed: {}", list(&kin.living())))
    }

    /// Returns the group if its number is still its own, and all other processes that the command has
    /// started.
    fn find_processes(&self, group_is_its_own: bool) -> (Option<ProcessGroup>, Kin) {
        let kin = Kin::with_mark(kin::EXPERIMENT, &self.mark);
        let Some(known) = self.process.as_ref().filter(|_| group_is_its_own) else { return (None, kin) };
        let is_leader = Stat::of(known.group).is_some_and(|leader| leader.started == known.started);
        let kin = if is_leader { kin.descending_from(known.group) } else { kin };
        (ProcessGroup::orphaned(known.group), kin)
    }

    /// Returns the record as far as this process knows it.
    pub(super) fn record(&self) -> Record {
        let (state, raw) =
            if self.ended.get() { (State::Stopped, "stopped") } else { (State::Running, "running") };
        Record { state, raw_state: raw.to_owned(), ..Record::unknown() }
    }

    /// Returns the commands by which a person ends the experiment.
    pub(super) fn stop_by_hand(&self) -> String {
        let kill = self.process.as_ref().map(|known| format!("kill -s KILL -- -{}", known.group));
        let steps: Vec<String> = self.spec.stop.iter().map(|stop| stop.shown.clone()).chain(kill).collect();
        if steps.is_empty() {
            format!("look for {}", self.spec.run.shown)
        } else {
            by_hand(&steps.join("; "))
        }
    }
}
