//! A process and all that it starts: a group of its own, so that a signal reaches every one of them.

use std::fs;
use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{self, Pid, Signal, WaitOptions};
use tokio::process::Child;

/// No event tells that a group is empty.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A group that does not outlive this value.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Pid,
    /// Its number may belong to somebody else by now, or its members are free to live on.
    released: AtomicBool,
}

impl Group {
    /// The child was started as the leader of a group.
    pub(crate) fn led_by(child: &Child) -> io::Result<Self> {
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let leader = leader.ok_or_else(|| io::Error::other("it has no process id"))?;
        Ok(Self { leader, released: AtomicBool::new(false) })
    }

    pub(crate) fn id(&self) -> i32 {
        self.leader.as_raw_pid()
    }

    pub(crate) fn terminate(&self) {
        self.send(Signal::TERM);
    }

    pub(crate) fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// From here on its members are left alone.
    pub(crate) fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
    }

    /// Waits for the leader, and for all that it has started and not set free.
    pub(crate) async fn ended(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let status = child.wait().await?;
        while self.has_members() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.release();
        Ok(status)
    }

    /// The leader has ended; where nothing else of the group is left, its number is free for others.
    pub(crate) fn settle(&self) {
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

/// `number (name) state parent group …`; a name may hold anything.
fn lives_in(stat: &str, group: i32) -> bool {
    let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
    let mut words = rest.split(' ');
    let has_ended = words.next().is_none_or(|state| matches!(state, "Z" | "X"));
    !has_ended && words.nth(1).and_then(|word| word.parse().ok()) == Some(group)
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
        assert!(lives_in("7 (a) Z 1 9 (b)) S 1 42 42 0", 42));
        assert!(!lives_in("7 (a) S 1 42 42", 41));
        assert!(!lives_in("7 (a) Z 1 42 42", 42), "it has ended");
        assert!(!lives_in("", 42));
    }
}
