//! The memory and the time of a processor that a process takes, as the kernel tells them.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::Instant;

use super::peak_kb;

/// The interval at which the kernel is asked. Whatever a process takes after the last time is missed.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// Milliseconds of a tick: Linux tells the times of processes in hundredths of a second.
const TICK_MS: u64 = 10;

/// The memory and the time that a process has taken.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) peak_kb: u64,
    pub(super) cpu: Duration,
    /// The time in which its main thread could have run and did not.
    pub(super) waited: Duration,
    pub(super) elapsed: Duration,
}

impl Usage {
    /// Watches a process until it ends.
    pub(super) async fn watch(mut child: Child) -> (ExitStatus, Self) {
        let begun = Instant::now();
        let id = child.id().expect("it runs");
        let mut usage = Self::default();
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.expect("it ends"),
                () = tokio::time::sleep(LOOK_INTERVAL) => {
                    usage.peak_kb = peak_kb(id).max(usage.peak_kb);
                    usage.cpu = cpu_time(id).max(usage.cpu);
                    usage.waited = waited_for_a_core(id).max(usage.waited);
                }
            }
        };
        usage.elapsed = begun.elapsed();
        (status, usage)
    }
}

/// Returns the time in which the main thread could have run and did not. On a busy machine that is what makes
/// samples late.
fn waited_for_a_core(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap_or_default();
    let waited = stat.split_ascii_whitespace().nth(1).and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(waited.unwrap_or_default())
}

/// Returns the time on a processor, of the program and of the kernel for it.
fn cpu_time(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name of the program stands in parentheses and may hold anything, so the fields are counted after
    // it.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * TICK_MS)
}
