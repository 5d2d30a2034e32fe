//! A process and all that it starts: a group of its own, so that a signal reaches every one of them.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{self, Pid, Signal, WaitOptions};
use tokio::process::Child;

use crate::model::ProcessIdentity;
use crate::orphans::Own;

/// No event tells that a group is empty.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A group that does not outlive this value.
#[derive(Debug)]
pub struct Group {
    leader: Pid,
    /// Its number may belong to somebody else by now, or its members are free to live on.
    released: AtomicBool,
    /// The leader is waited for by who has started it.
    _own: Option<Own>,
}

impl Group {
    /// The child was started as the leader of a group.
    pub fn led_by(child: &Child) -> io::Result<Self> {
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let leader = leader.ok_or_else(|| io::Error::other("it has no process id"))?;
        Ok(Self { leader, released: AtomicBool::new(false), _own: Some(Own::new(leader.as_raw_pid())) })
    }

    /// A group that another process has started and nobody watches any more.
    pub fn orphaned(id: i32) -> Option<Self> {
        Some(Self { leader: Pid::from_raw(id)?, released: AtomicBool::new(false), _own: None })
    }

    /// Waits until nothing of it is left. A leader that is a child of this process has been waited for before.
    pub async fn gone(&self) {
        while self.has_members() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.release();
    }

    pub fn id(&self) -> i32 {
        self.leader.as_raw_pid()
    }

    pub fn terminate(&self) {
        self.send(Signal::TERM);
    }

    pub fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// From here on its members are left alone.
    pub fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
    }

    /// The leader has ended; where nothing else of the group is left, its number is free for others.
    pub fn settle(&self) {
        if !self.has_members() {
            self.release();
        }
    }

    /// Asked after the end of the leader, which is not ours to reap.
    fn has_members(&self) -> bool {
        // As the first process of a container we inherit orphans.
        while let Ok(Some(_)) = process::waitpgid(self.leader, WaitOptions::NOHANG) {}
        !self.is_released()
            && process::test_kill_process_group(self.leader).is_ok()
            // Where somebody else inherits them, they may stay unreaped for ever, and count.
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

/// Whether a process of this group has not ended. The error is that the system does not tell.
fn any_lives(group: i32) -> io::Result<bool> {
    let stats = fs::read_dir("/proc")?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    });
    // Whatever has gone in the meantime does not live.
    let mut stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    Ok(stats.any(|stat| lives_in(&stat, group)))
}

fn lives_in(stat: &str, group: i32) -> bool {
    Stat::parse(stat).is_some_and(|stat| stat.lives && stat.group == group)
}

/// What the system says of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    pub pid: i32,
    pub name: String,
    pub lives: bool,
    pub parent: i32,
    group: i32,
    session: i32,
    /// In ticks since the system booted.
    pub started: u64,
}

impl Stat {
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
    }

    /// Those of all processes that are to be seen. None may be, and any may have gone in the meantime.
    pub fn all() -> impl Iterator<Item = Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(Self::of)
    }

    /// `number (name) state parent group session …`, the start is the 22nd; a name may hold anything.
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

/// What another process can know this group by. None where the system does not tell.
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

/// What is to be seen of a group that another process has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    Alive,
    Gone,
    /// It is, or was, where this process cannot look.
    Elsewhere,
}

/// A number alone says nothing: it may belong to somebody else by now.
pub fn look_for(known: &ProcessIdentity) -> Sight {
    if boot().as_ref() != Some(&known.boot) {
        return Sight::Elsewhere;
    }
    if pid_namespace().as_ref() != Some(&known.pid_namespace) {
        // A container ends with its first process.
        return if known.under_init { Sight::Gone } else { Sight::Elsewhere };
    }
    let lives = match Stat::of(known.group) {
        Some(leader) if leader.started != known.started => false,
        Some(leader) if leader.lives => true,
        // The leader has ended. As long as others of the group live, nobody else gets its number.
        _ => members(known.group).any(|of| of.session == known.session && of.started >= known.started),
    };
    if lives { Sight::Alive } else { Sight::Gone }
}

fn members(group: i32) -> impl Iterator<Item = Stat> {
    Stat::all().filter(move |of| of.lives && of.group == group)
}

fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn pid_namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let group = Group::led_by(&child).unwrap();
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
        group.gone().await;
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
        let group = Group::led_by(&child).unwrap();
        let known = identity(group.id()).unwrap();
        child.wait().await.unwrap();
        assert_eq!(look_for(&known), Sight::Alive);
        let mut of_another_session = known.clone();
        of_another_session.session += 1;
        assert_eq!(look_for(&of_another_session), Sight::Gone);
        group.kill();
        group.gone().await;
        assert_eq!(look_for(&known), Sight::Gone);
    }
}
