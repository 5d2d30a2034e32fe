//! The processes that a command has started, wherever they have gone: out of its group, out of its session,
//! or to another parent.
//!
//! Three things identify such a process: its parent, as long as that one lives; a mark in its environment,
//! which it keeps when it has lost its parent; and that it was seen before. A process that has cleared its
//! environment and lost its parent is one of those that faultgate has [taken in](crate::processes::orphans).
//!
//! Nothing here may send a signal to a process that is not of the kin, even if it has the process id of one
//! that has ended.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal};

use crate::processes::group::Stat;
use crate::processes::orphans;
use crate::text;

/// Name of the variable that marks the processes of an experiment. Its value is the run's id and the
/// experiment's name.
pub const EXPERIMENT: &str = "FAULTGATE_EXPERIMENT";
/// Name of the variable that marks the processes of the command that undoes the experiment's fault. Processes
/// which that command starts may live on.
pub const STOP: &str = "FAULTGATE_EXPERIMENT_STOP";

/// Number of characters of a program's name that a message shows.
const MAX_NAME_CHARS: usize = 60;

/// The identity of a process: its id and its start, in ticks since the system booted. The start tells it from
/// a later process with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ProcessKey {
    pid: i32,
    started: u64,
}

impl ProcessKey {
    fn of(stat: &Stat) -> Self {
        Self { pid: stat.pid, started: stat.started }
    }
}

/// A process of the kin, with the name that a message shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    key: ProcessKey,
    name: String,
}

impl Member {
    /// Returns the process id.
    pub fn pid(&self) -> i32 {
        self.key.pid
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.key.pid, self.name)
    }
}

/// The processes that belong together by a mark in their environment, by descent, or because they did so
/// before.
#[derive(Debug)]
pub struct Kin {
    /// The mark, as `NAME=value`, as it stands in the environment of a process.
    mark: Vec<u8>,
    seen: Mutex<Seen>,
}

/// The processes that earlier searches have met.
#[derive(Debug, Default)]
struct Seen {
    /// The processes of the kin at the last search.
    kin: BTreeSet<ProcessKey>,
    /// The processes whose environment has no mark, so that it is read only once. A process never gets the
    /// mark later, except by descent from one that has it.
    others: HashSet<ProcessKey>,
}

impl Kin {
    /// Creates the kin of all processes whose environment has the variable with this value.
    pub fn with_mark(variable: &str, value: &str) -> Self {
        Self { mark: format!("{variable}={value}").into_bytes(), seen: Mutex::default() }
    }

    /// Adds the process with this id and all that descend from it.
    #[must_use]
    pub fn descending_from(self, pid: i32) -> Self {
        self.lock_seen().kin.extend(Stat::of(pid).as_ref().map(ProcessKey::of));
        self
    }

    /// Adds the processes that have cleared their environment and lost their parents. The caller must make
    /// sure that nobody else can have started them.
    pub fn claim_strangers(&self) {
        let unmarked = orphans::strangers().into_iter().filter(|stat| !is_marked_by_anybody(stat.pid));
        self.lock_seen().kin.extend(unmarked.map(|stat| ProcessKey::of(&stat)));
    }

    /// Searches for the processes of the kin and returns those that have not ended.
    pub fn living(&self) -> Vec<Member> {
        let all: Vec<Stat> = Stat::all().collect();
        let mut seen = self.lock_seen();
        let me = ProcessKey { pid: i32::try_from(std::process::id()).unwrap_or_default(), started: 0 };
        let mut children: BTreeMap<i32, Vec<&Stat>> = BTreeMap::new();
        for stat in &all {
            children.entry(stat.parent).or_default().push(stat);
        }
        let mut reached: Vec<&Stat> = all.iter().filter(|stat| self.is_known(&mut seen, stat)).collect();
        let mut kin: BTreeMap<ProcessKey, &Stat> = BTreeMap::new();
        while let Some(stat) = reached.pop() {
            // Neither this process nor the first one of the system is kin, even where a member claims it as a
            // child: a signal to either would end the run or the container.
            if stat.pid > 1 && stat.pid != me.pid && kin.insert(ProcessKey::of(stat), stat).is_none() {
                reached.extend(children.get(&stat.pid).into_iter().flatten());
            }
        }
        // The set is replaced and not extended, which forgets the members that are gone.
        seen.kin = kin.keys().copied().collect();
        let living = kin.into_iter().filter(|(_, stat)| stat.lives);
        living.map(|(key, stat)| Member { key, name: describe(stat) }).collect()
    }

    /// Sends a signal to each process of the kin that has not ended, and returns these processes.
    pub fn send(&self, signal: Signal) -> Vec<Member> {
        let living = self.living();
        for member in &living {
            send(member.key, signal);
        }
        living
    }

    /// Returns `true` if the process was kin before or carries the mark.
    fn is_known(&self, seen: &mut Seen, stat: &Stat) -> bool {
        let key = ProcessKey::of(stat);
        if seen.kin.contains(&key) {
            return true;
        }
        if !stat.lives || seen.others.contains(&key) {
            return false;
        }
        let marked = environment(stat.pid).any(|variable| variable == self.mark);
        if !marked {
            seen.others.insert(key);
        }
        marked
    }

    fn lock_seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the environment with which a process was started; empty where this user may not read it.
fn environment(pid: i32) -> impl Iterator<Item = Vec<u8>> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variables: Vec<Vec<u8>> = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    variables.into_iter()
}

/// Returns `true` if the process carries the mark of any experiment or of any stop, whatever its value.
fn is_marked_by_anybody(pid: i32) -> bool {
    let marks = [EXPERIMENT, STOP].map(|variable| format!("{variable}=").into_bytes());
    environment(pid).any(|variable| marks.iter().any(|mark| variable.starts_with(mark)))
}

/// Returns the name of the program without its arguments, which may hold a secret.
fn describe(stat: &Stat) -> String {
    text::plain(&stat.name, MAX_NAME_CHARS)
}

/// Sends a signal to the process with this identity. The process id may belong to another process by now, so
/// the signal goes through a descriptor, which stands for one process alone.
#[cfg(target_os = "linux")]
fn send(key: ProcessKey, signal: Signal) {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(key.pid) else { return };
    // The identity is compared after the descriptor is open: from then on the descriptor cannot change its
    // process.
    let is_same = || Stat::of(key.pid).is_some_and(|stat| ProcessKey::of(&stat) == key);
    let sent = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) if is_same() => pidfd_send_signal(process, signal),
        // An old kernel, or an emulated one, has no such descriptors. The id alone has to do then.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) if is_same() => {
            rustix::process::kill_process(pid, signal)
        }
        _ => return,
    };
    if let Err(error) = sent {
        tracing::debug!(pid = key.pid, %error, "a process could not be sent a signal");
    }
}

#[cfg(not(target_os = "linux"))]
fn send(key: ProcessKey, signal: Signal) {
    if let Some(pid) = Pid::from_raw(key.pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::time::Duration;

    use tokio::process::{Child, Command};

    use super::*;

    /// Starts a shell with a mark, and returns it with its kin.
    fn begun(script: &str, mark: &str) -> (Child, Kin) {
        let child = Command::new("sh")
            .args(["-c", script])
            .env(EXPERIMENT, mark)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        (child, Kin::with_mark(EXPERIMENT, mark).descending_from(pid))
    }

    /// Waits until exactly these programs of the kin are alive.
    async fn until(kin: &Kin, programs: &[&str]) {
        let names = || {
            let mut names: Vec<String> = kin.living().into_iter().map(|member| member.name).collect();
            names.sort_unstable();
            names
        };
        let waiting = async {
            while names() != programs {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(waited.is_ok(), "{:?}, not {programs:?}", names());
    }

    fn unique(name: &str) -> String {
        format!("{name}-{}", std::process::id())
    }

    #[tokio::test]
    async fn kin_are_found_wherever_they_have_gone() {
        let mark = unique("wherever");
        let script = "setsid sleep 1001 & (timeout 1002 sleep 1003 &) ; env -i sleep 1004 & wait";
        let (mut child, kin) = begun(script, &mark);
        until(&kin, &["sh", "sleep", "sleep", "sleep", "timeout"]).await;
        // A process that was seen before is still known when it has lost its parent.
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        until(&kin, &["sleep", "sleep", "sleep", "timeout"]).await;
        // Another faultgate, which has seen none of them, finds those that carry the mark.
        let marked = Kin::with_mark(EXPERIMENT, &mark);
        until(&marked, &["sleep", "sleep", "timeout"]).await;
        kin.send(Signal::KILL);
        until(&kin, &[]).await;
        until(&marked, &[]).await;
    }

    #[tokio::test]
    async fn others_are_left_alone() {
        let (mut one, kin) = begun("exec sleep 1005", &unique("one"));
        let (mut other, others) = begun("exec sleep 1006", &unique("one-more"));
        until(&others, &["sleep"]).await;
        kin.send(Signal::KILL);
        one.wait().await.unwrap();
        until(&kin, &[]).await;
        assert_eq!(other.try_wait().unwrap(), None);
        others.send(Signal::KILL);
        other.wait().await.unwrap();
    }

    #[tokio::test]
    async fn a_number_that_is_somebody_elses_is_sent_nothing() {
        let (mut child, kin) = begun("exec sleep 1007", &unique("number"));
        let member = kin.living().remove(0);
        send(ProcessKey { started: member.key.started + 1, ..member.key }, Signal::KILL);
        assert_eq!(child.try_wait().unwrap(), None);
        send(member.key, Signal::KILL);
        assert!(!child.wait().await.unwrap().success());
    }
}
