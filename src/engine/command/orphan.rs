//! A command whose faultgate has died: its fault is undone, and what is left of its processes is ended.

use std::cell::Cell;

use super::life::{Limits, run_stop};
use super::start::Surroundings;
use crate::engine::{Failure, FailureKind, Record};
use crate::model::{CommandSpec, ProcessIdentity, State};
use crate::process_group::{Group, Sight, look_for};

pub(super) struct Orphan {
    name: String,
    spec: CommandSpec,
    surroundings: Surroundings,
    /// None: it was about to be started, or the system did not tell.
    process: Option<ProcessIdentity>,
    ended: Cell<bool>,
}

impl Orphan {
    pub(super) fn new(
        name: &str,
        spec: CommandSpec,
        surroundings: Surroundings,
        process: Option<ProcessIdentity>,
    ) -> Self {
        Self { name: name.to_owned(), spec, surroundings, process, ended: Cell::new(false) }
    }

    /// As at every end: first the fault is undone, then the processes are ended. One that fails does not keep the other.
    pub(super) async fn stop(&self, limits: Limits) -> Result<(), Failure> {
        let undone = self.undo(limits).await;
        let ended = self.end(limits).await;
        let troubles: Vec<String> = [undone, ended].into_iter().filter_map(Result::err).collect();
        if troubles.is_empty() {
            self.ended.set(true);
            return Ok(());
        }
        Err(Failure {
            kind: FailureKind::Refused,
            what: format!("end the command of {}", self.name),
            why: troubles.join("; "),
            remedy: None,
        })
    }

    async fn undo(&self, limits: Limits) -> Result<(), String> {
        let Some(command) = &self.spec.stop else { return Ok(()) };
        if command.args.is_empty() {
            return Err("its stop command is only in the suite file, which does not give it now".to_owned());
        }
        let up = async {
            tokio::time::sleep(limits.stop).await;
            limits.stop
        };
        let undone = run_stop(command, &self.surroundings, &self.name, up).await;
        undone.map_err(|why| format!("its stop command failed, so the fault may still be in: {why}"))
    }

    async fn end(&self, limits: Limits) -> Result<(), String> {
        let Some(known) = &self.process else {
            // With the fault undone, what may be left of it is harmless enough.
            let undone = self.spec.stop.is_some();
            return if undone { Ok(()) } else { Err("which processes are its own is not known".to_owned()) };
        };
        match look_for(known) {
            Sight::Gone => return Ok(()),
            Sight::Elsewhere => {
                return Err(
                    "its processes are, or were, on another machine or in another container".to_owned()
                );
            }
            Sight::Alive => {}
        }
        let Some(group) = Group::orphaned(known.group) else { return Ok(()) };
        group.terminate();
        if tokio::time::timeout(limits.grace, group.gone()).await.is_ok() {
            return Ok(());
        }
        group.kill();
        let killed = tokio::time::timeout(limits.grace, group.gone()).await;
        killed.map_err(|_| "its processes could not be killed".to_owned())
    }

    pub(super) fn record(&self) -> Record {
        let (state, raw) =
            if self.ended.get() { (State::Stopped, "stopped") } else { (State::Running, "running") };
        Record { state, raw_state: raw.to_owned(), ..Record::unknown() }
    }

    pub(super) fn stop_by_hand(&self) -> String {
        let kill = self.process.as_ref().map(|known| format!("kill -s KILL -- -{}", known.group));
        let steps: Vec<String> = self.spec.stop.iter().map(|stop| stop.shown.clone()).chain(kill).collect();
        if steps.is_empty() { format!("look for {}", self.spec.run.shown) } else { steps.join("; ") }
    }
}
