//! Processes that have lost their parents. faultgate takes in those of all that it starts, so that none of them gets out of
//! sight, and reaps them when they end: as the first process of a container it is the only one who can.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::process_group::Stat;

/// Many may end at once, and each look at them costs a little.
const PAUSE: Duration = Duration::from_millis(20);

/// Children that this process has started itself. Somebody waits for each of them, and wants to know how it ended.
static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
static TAKEN_IN: AtomicBool = AtomicBool::new(false);

/// A child that somebody waits for, and that nobody else may reap.
#[derive(Debug)]
pub struct Own(i32);

impl Own {
    pub fn new(pid: i32) -> Self {
        own().insert(pid);
        Self(pid)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        own().remove(&self.0);
    }
}

fn own() -> MutexGuard<'static, BTreeSet<i32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on whoever loses its parent and descends from this process becomes its child. Where the system cannot do that,
/// such processes go to the first process, as ever.
pub fn take_in() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!(%error, "orphans go to the first process of this system");
        return;
    }
    TAKEN_IN.store(cfg!(target_os = "linux"), Ordering::Relaxed);
}

/// Processes that were taken in and have not ended. As the first process of a container this one inherits those of
/// others too, so that nothing is known of whose they are.
pub fn strangers() -> Vec<Stat> {
    let me = std::process::id();
    if me == 1 || !TAKEN_IN.load(Ordering::Relaxed) {
        return Vec::new();
    }
    adopted(me).filter(|stat| stat.lives).collect()
}

/// Children of this process that it has not started.
fn adopted(me: u32) -> impl Iterator<Item = Stat> {
    let own = own().clone();
    Stat::all().filter(move |stat| u32::try_from(stat.parent) == Ok(me) && !own.contains(&stat.pid))
}

/// Reaps orphans as they end, for as long as it is not dropped.
pub async fn reap() {
    if !TAKEN_IN.load(Ordering::Relaxed) {
        return pending().await;
    }
    let Ok(mut ended) = signal(SignalKind::child()) else { return pending().await };
    loop {
        for stat in adopted(std::process::id()).filter(|stat| !stat.lives) {
            let reaped = Pid::from_raw(stat.pid).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
            tracing::debug!(pid = stat.pid, name = stat.name, ?reaped, "an orphan has ended");
        }
        ended.recv().await;
        sleep(PAUSE).await;
    }
}
