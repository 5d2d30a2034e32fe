//! All that a process has started, wherever it has gone: out of its group, out of its session, or to another parent.
//!
//! Three things tell them: who their parents are, as long as these live; a mark in their environment, which stays when they
//! have lost their parents; and that they were seen before. What has cleared its environment and lost its parents is one of
//! those that faultgate has [taken in](crate::orphans).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal};

use crate::orphans;
use crate::process_group::Stat;
use crate::text;

/// The variable that marks what an experiment has started: the run's id, and the experiment's name.
pub const EXPERIMENT: &str = "FAULTGATE_EXPERIMENT";
/// The same of what undoes its fault. What that starts lives on.
pub const STOP: &str = "FAULTGATE_EXPERIMENT_STOP";

const LONGEST_NAME: usize = 60;

/// A process, told from another that gets its number later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    pid: i32,
    started: u64,
}

impl Key {
    fn of(stat: &Stat) -> Self {
        Self { pid: stat.pid, started: stat.started }
    }
}

/// One of the kin, as a person knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    key: Key,
    name: String,
}

impl Member {
    pub fn pid(&self) -> i32 {
        self.key.pid
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.key.pid, self.name)
    }
}

#[derive(Debug)]
pub struct Kin {
    /// `NAME=value`, as it stands in the environment.
    mark: Vec<u8>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    kin: BTreeSet<Key>,
    /// Those without the mark. Nobody gets it later, but from one who has it.
    others: HashSet<Key>,
}

impl Kin {
    /// Those that carry a mark.
    pub fn marked(variable: &str, value: &str) -> Self {
        Self { mark: format!("{variable}={value}").into_bytes(), seen: Mutex::default() }
    }

    /// And those that descend from this process.
    pub fn descending_from(self, pid: i32) -> Self {
        self.seen().kin.extend(Stat::of(pid).as_ref().map(Key::of));
        self
    }

    /// Takes those for kin that have cleared their environment and lost their parents. Only where nobody else can have
    /// started them.
    pub fn claim_strangers(&self) {
        let unmarked = orphans::strangers().into_iter().filter(|stat| !is_marked_by_anybody(stat.pid));
        self.seen().kin.extend(unmarked.map(|stat| Key::of(&stat)));
    }

    /// Those that have not ended.
    pub fn living(&self) -> Vec<Member> {
        let all: Vec<Stat> = Stat::all().collect();
        let mut seen = self.seen();
        let me = Key { pid: i32::try_from(std::process::id()).unwrap_or_default(), started: 0 };
        let mut children: BTreeMap<i32, Vec<&Stat>> = BTreeMap::new();
        for stat in &all {
            children.entry(stat.parent).or_default().push(stat);
        }
        let mut reached: Vec<&Stat> = all.iter().filter(|stat| self.is_known(&mut seen, stat)).collect();
        let mut kin: BTreeMap<Key, &Stat> = BTreeMap::new();
        while let Some(stat) = reached.pop() {
            // Neither this process nor the first one is anybody's kin.
            if stat.pid > 1 && stat.pid != me.pid && kin.insert(Key::of(stat), stat).is_none() {
                reached.extend(children.get(&stat.pid).into_iter().flatten());
            }
        }
        seen.kin = kin.keys().copied().collect();
        let living = kin.into_iter().filter(|(_, stat)| stat.lives);
        living.map(|(key, stat)| Member { key, name: described(stat) }).collect()
    }

    /// Sends a signal to each that has not ended, and returns them.
    pub fn send(&self, signal: Signal) -> Vec<Member> {
        let living = self.living();
        for member in &living {
            send(member.key, signal);
        }
        living
    }

    fn is_known(&self, seen: &mut Seen, stat: &Stat) -> bool {
        let key = Key::of(stat);
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

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The environment that a process was started with. Empty where this user may not read it.
fn environment(pid: i32) -> impl Iterator<Item = Vec<u8>> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variables: Vec<Vec<u8>> = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    variables.into_iter()
}

fn is_marked_by_anybody(pid: i32) -> bool {
    let marks = [EXPERIMENT, STOP].map(|variable| format!("{variable}=").into_bytes());
    environment(pid).any(|variable| marks.iter().any(|mark| variable.starts_with(mark)))
}

/// The program alone: its arguments may hold a secret.
fn described(stat: &Stat) -> String {
    text::plain(&stat.name, LONGEST_NAME)
}

/// A number may be somebody else's by now. What a descriptor of it stands for is not.
#[cfg(target_os = "linux")]
fn send(key: Key, signal: Signal) {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(key.pid) else { return };
    let is_same = || Stat::of(key.pid).is_some_and(|stat| Key::of(&stat) == key);
    let sent = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) if is_same() => pidfd_send_signal(process, signal),
        // An old system, or one that is emulated.
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
fn send(key: Key, signal: Signal) {
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

    /// A shell with a mark, and the kin of it.
    fn begun(script: &str, mark: &str) -> (Child, Kin) {
        let child = Command::new("sh")
            .args(["-c", script])
            .env(EXPERIMENT, mark)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        (child, Kin::marked(EXPERIMENT, mark).descending_from(pid))
    }

    /// Until these and no others live.
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
        // Who was seen is known without a parent, too.
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        until(&kin, &["sleep", "sleep", "sleep", "timeout"]).await;
        // Another process finds those that carry the mark.
        let marked = Kin::marked(EXPERIMENT, &mark);
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
        send(Key { started: member.key.started + 1, ..member.key }, Signal::KILL);
        assert_eq!(child.try_wait().unwrap(), None);
        send(member.key, Signal::KILL);
        assert!(!child.wait().await.unwrap().success());
    }
}
