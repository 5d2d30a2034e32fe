//! Processes that have lost their parents.
//!
//! faultgate takes in the orphans of all that it starts (it is a child subreaper), so that none of them gets
//! out of sight, and it reaps them when they end: as the first process of a container it is the only one who
//! can. It never reaps a child that it has started itself, since the code that waits for this child needs its
//! exit status.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::processes::group::Stat;
use crate::processes::own::own;

/// Pause between two searches for ended orphans. Many may end at once, and each search reads all of `/proc`.
const REAP_PAUSE: Duration = Duration::from_millis(20);

/// `true` once the system hands orphans to this process.
static TAKEN_IN: AtomicBool = AtomicBool::new(false);

/// Makes this process the parent of every descendant that loses its own. Where the system does not offer
/// that, orphans go to the first process, as is usual.
pub fn take_in() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!(%error, "orphans go to the first process of this system");
        return;
    }
    TAKEN_IN.store(cfg!(target_os = "linux"), Ordering::Relaxed);
}

/// Returns the orphans that were taken in and have not ended. The list is empty where this process is the
/// first one of a container: such a process inherits the orphans of others too, so that an orphan says
/// nothing about its origin.
pub fn strangers() -> Vec<Stat> {
    let me = std::process::id();
    if me == 1 || !TAKEN_IN.load(Ordering::Relaxed) {
        return Vec::new();
    }
    find_adopted(me).filter(|stat| stat.lives).collect()
}

/// Returns the children of this process that it has not started.
fn find_adopted(me: u32) -> impl Iterator<Item = Stat> {
    let own = own().clone();
    Stat::all().filter(move |stat| u32::try_from(stat.parent) == Ok(me) && !own.contains(&stat.pid))
}

/// Reaps orphans as they end, until the future is dropped.
pub async fn reap() {
    if !TAKEN_IN.load(Ordering::Relaxed) {
        return pending().await;
    }
    let Ok(mut ended) = signal(SignalKind::child()) else { return pending().await };
    // The search comes before the first signal, since orphans may have ended before the signal was listened
    // for. One signal may stand for many of them.
    loop {
        for stat in find_adopted(std::process::id()).filter(|stat| !stat.lives) {
            let reaped = Pid::from_raw(stat.pid).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
            tracing::debug!(pid = stat.pid, name = stat.name, ?reaped, "an orphan has ended");
        }
        ended.recv().await;
        sleep(REAP_PAUSE).await;
    }
}
