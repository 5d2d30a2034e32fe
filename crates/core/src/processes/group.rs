//! A process and all that it starts, in a process group of its own, so that one signal reaches every member.
//!
//! The module starts nothing itself. It sends signals to groups, waits until they are empty, and recognises a
//! group that another process has started. A group's number is never used after it may belong to somebody
//! else.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{self, Pid, Signal, WaitOptions};
use tokio::process::Child;

use crate::model::ProcessIdentity;
use crate::processes::own::Own;

/// Interval of the looks at whether a group is empty, which no event tells.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A process group, which is killed when this value is dropped unless it was released before.
#[derive(Debug)]
pub struct ProcessGroup {
    /// The process id of the leader, which is the number of the group.
    leader: Pid,
    /// `true` if no signal may be sent any more: the number may belong to somebody else by now, or the
    /// members are free to live on.
    released: AtomicBool,
    /// The registration that keeps the leader from being reaped as an orphan, if this process has started it.
    _own: Option<Own>,
}

impl ProcessGroup {
    /// Takes charge of the group of a child, which must have been started as its leader.
    pub fn led_by(child: &Child) -> io::Result<Self> {
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let leader = leader.ok_or_else(|| io::Error::other("it has no process id"))?;
        Ok(Self { leader, released: AtomicBool::new(false), _own: Some(Own::new(leader.as_raw_pid())) })
    }

    /// Takes charge of a group that another process has started and nobody watches any more. `None` for a number
    /// that no command's group has: a signal to the group 1 would reach every process of the machine.
    pub fn orphaned(id: i32) -> Option<Self> {
        // `from_raw` must not be given a negative number.
        let leader = Pid::from_raw((id > 1).then_some(id)?)?;
        Some(Self { leader, released: AtomicBool::new(false), _own: None })
    }

    /// Waits until no member is left. A leader that is a child of this process must have been waited for
    /// before.
    pub async fn wait_until_gone(&self) {
        while self.has_members() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        self.release();
    }

    /// Returns the number of the group.
    pub fn id(&self) -> i32 {
        self.leader.as_raw_pid()
    }

    /// Sends SIGTERM to all members.
    pub fn terminate(&self) {
        self.send(Signal::TERM);
    }

    /// Sends SIGKILL to all members.
    pub fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// Leaves the members alone from now on: no signal is sent any more, and dropping the value kills nobody.
    pub fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
    }

    /// Releases the group if it is empty. It is called when the leader has ended: the number of an empty
    /// group is free for others.
    pub fn settle(&self) {
        if !self.has_members() {
            self.release();
        }
    }

    /// Returns `true` if a member is alive. It is called after the end of the leader, which this function
    /// must not reap.
    fn has_members(&self) -> bool {
        // The first process of a container inherits orphans, and has to reap those of the group.
        while let Ok(Some(_)) = process::waitpgid(self.leader, WaitOptions::NOHANG) {}
        !self.is_released()
            && process::test_kill_process_group(self.leader).is_ok()
            // An ended member may stay unreaped for ever where another process inherits it, so only the
            // living count. All members count where the system does not tell.
            && any_lives(self.id()).unwrap_or(true)
    }

    fn send(&self, signal: Signal) {
        if !self.is_released()
            && let Err(error) = process::kill_process_group(self.leader, signal)
        {
            tracing::debug!(group = self.id(), %error, "the group was sent a signal and is not there");
        }
    }

    fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }
}

/// Returns `true` if a process of this group has not ended. The error means that the system does not tell.
fn any_lives(group: i32) -> io::Result<bool> {
    let stats = fs::read_dir("/proc")?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    });
    // A process whose file cannot be read any more has ended meanwhile.
    let mut stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    Ok(stats.any(|stat| lives_in(&stat, group)))
}

/// Returns `true` if this line of `/proc/<pid>/stat` is about a living member of the group.
fn lives_in(stat: &str, group: i32) -> bool {
    Stat::parse(stat).is_some_and(|stat| stat.lives && stat.group == group)
}

/// The state of one process, from `/proc/<pid>/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    pub pid: i32,
    pub name: String,
    /// `true` unless the process has ended and waits to be reaped.
    pub lives: bool,
    pub parent: i32,
    group: i32,
    session: i32,
    /// The start of the process, in ticks since the system booted.
    pub started: u64,
}

impl Stat {
    /// Reads the state of one process; `None` if it does not exist or may not be seen.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
    }

    /// Reads the states of all visible processes. The list may be empty, and any process may have ended
    /// meanwhile.
    pub fn all() -> impl Iterator<Item = Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(Self::of)
    }

    /// Parses a line of the form `number (name) state parent group session …`, in which the start is the 22nd
    /// field. A name may contain anything, parentheses and spaces included, so the line is split at the last
    /// `) `.
    fn parse(stat: &str) -> Option<Self> {
        let (begin, rest) = stat.rsplit_once(") ")?;
        let (pid, name) = begin.split_once(" (")?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        Some(Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            lives: !matches!(*words.first()?, "Z" | "X"),
            parent: words.get(1)?.parse().ok()?,
            group: words.get(2)?.parse().ok()?,
            session: words.get(3)?.parse().ok()?,
            started: words.get(19)?.parse().ok()?,
        })
    }
}

/// Returns the facts by which another process can recognise this group, or `None` where the system does not
/// tell them.
pub fn identity(group: i32) -> Option<ProcessIdentity> {
    let leader = Stat::of(group)?;
    Some(ProcessIdentity {
        group,
        started: leader.started,
        session: leader.session,
        pid_namespace: pid_namespace()?,
        boot: boot()?,
        under_init: std::process::id() == 1,
    })
}

/// The state of a group that another process has started, as far as this process can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    Alive,
    Gone,
    /// The group is, or was, on another machine or in a namespace where this process cannot look.
    Elsewhere,
}

/// Looks for a group by its identity. Its number alone says nothing, since it may belong to somebody else by
/// now.
pub fn look_for(known: &ProcessIdentity) -> Sight {
    if boot().as_ref() != Some(&known.boot) {
        return Sight::Elsewhere;
    }
    if pid_namespace().as_ref() != Some(&known.pid_namespace) {
        // All processes of a container end with its first one, which was the one that noted the group.
        return if known.under_init { Sight::Gone } else { Sight::Elsewhere };
    }
    let lives = match Stat::of(known.group) {
        Some(leader) if leader.started != known.started => false,
        Some(leader) if leader.lives => true,
        // The leader has ended. As long as other members live, nobody else gets the group's number; the
        // session and the start rule out a group that got it after all.
        _ => members(known.group).any(|stat| stat.session == known.session && stat.started >= known.started),
    };
    if lives { Sight::Alive } else { Sight::Gone }
}

/// Returns the living members of a group.
fn members(group: i32) -> impl Iterator<Item = Stat> {
    Stat::all().filter(move |stat| stat.lives && stat.group == group)
}

/// Returns the id of this boot of the system.
fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// Returns the name of the namespace in which the process ids of this process are valid.
fn pid_namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_every_process_is_taken_for_a_group() {
        for id in [i32::MIN, -1, 0, 1] {
            assert!(ProcessGroup::orphaned(id).is_none(), "{id}");
        }
    }

    #[test]
    fn a_name_in_stat_may_hold_anything() {
        let rest = "1 42 41 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0";
        assert!(lives_in(&format!("7 (a) Z 1 9 (b)) S {rest}"), 42));
        assert!(!lives_in(&format!("7 (a) S {rest}"), 41));
        assert!(!lives_in(&format!("7 (a) Z {rest}"), 42), "it has ended");
        assert!(!lives_in("", 42));
        let stat = Stat::parse(&format!("7 (a) S {rest}")).unwrap();
        assert_eq!((stat.group, stat.session, stat.started), (42, 41, 77));
        let odd = Stat::parse(&format!("7 (a) (Z 1 9 (b)) S {rest}")).unwrap();
        assert_eq!((odd.pid, odd.parent, odd.name.as_str()), (7, 1, "a) (Z 1 9 (b)"));
    }

    #[tokio::test]
    async fn a_group_is_told_from_another_with_its_number() {
        let mut child = tokio::process::Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let group = ProcessGroup::led_by(&child).unwrap();
        let known = identity(group.id()).unwrap();
        assert_eq!(look_for(&known), Sight::Alive);
        let other = |change: fn(&mut ProcessIdentity)| {
            let mut other = known.clone();
            change(&mut other);
            look_for(&other)
        };
        assert_eq!(other(|of| of.started += 1), Sight::Gone, "the number is somebody else's now");
        assert_eq!(other(|of| of.boot = "another".to_owned()), Sight::Elsewhere);
        assert_eq!(other(|of| of.pid_namespace = "another".to_owned()), Sight::Elsewhere);
        let with_its_container = other(|of| {
            of.pid_namespace = "another".to_owned();
            of.under_init = true;
        });
        assert_eq!(with_its_container, Sight::Gone);
        group.kill();
        child.wait().await.unwrap();
        group.wait_until_gone().await;
        assert_eq!(look_for(&known), Sight::Gone);
    }

    #[tokio::test]
    async fn a_group_lives_on_when_its_leader_has_ended() {
        let script = ["-c", "sleep 1000 & echo started"];
        let mut child = tokio::process::Command::new("sh")
            .args(script)
            .process_group(0)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let group = ProcessGroup::led_by(&child).unwrap();
        let known = identity(group.id()).unwrap();
        child.wait().await.unwrap();
        assert_eq!(look_for(&known), Sight::Alive);
        let mut of_another_session = known.clone();
        of_another_session.session += 1;
        assert_eq!(look_for(&of_another_session), Sight::Gone);
        group.kill();
        group.wait_until_gone().await;
        assert_eq!(look_for(&known), Sight::Gone);
    }
}
