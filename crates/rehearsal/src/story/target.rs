//! The target: the system that a rehearsal's fault is in. It is an HTTP service that suffers as long as the
//! fault is in, so that probes have something to see.
//!
//! Nothing is left to chance or to the speed of the machine: the number of a request decides whether it
//! fails.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;

/// Path of the target at the embedded endpoints. No service of AWS has such a path.
pub(crate) const PLACE: &str = "/target";
/// Largest number of paths whose requests are counted separately. Those of all other paths are counted
/// together.
const MAX_COUNTED_PATHS: usize = 256;

/// The effect of the fault on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetSuffering {
    /// Delay of each answer.
    pub delay: Duration,
    /// Distance between failing requests for a path: the first one fails, and then every one after so many.
    /// None if none fails.
    pub fails_every: Option<u32>,
    /// `true` if the target is well again once the fault is out.
    pub recovers: bool,
}

/// The progress of a fault, over all experiments of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FaultProgress {
    Never,
    Over,
    In,
}

/// The target, and the requests that it has answered while it suffered.
#[derive(Debug)]
pub(crate) struct TargetSystem {
    suffering: TargetSuffering,
    /// Number of requests that came while the target suffered, by path.
    met: BTreeMap<String, u32>,
}

/// The answer to one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Treatment {
    pub(crate) delay: Duration,
    pub(crate) status: StatusCode,
}

impl TargetSystem {
    pub(crate) fn new(suffering: TargetSuffering) -> Self {
        Self { suffering, met: BTreeMap::new() }
    }

    /// Decides how a request is answered.
    pub(crate) fn treat(&mut self, path: &str, fault: FaultProgress) -> Treatment {
        let suffers =
            fault == FaultProgress::In || (fault == FaultProgress::Over && !self.suffering.recovers);
        if !suffers {
            return Treatment { delay: Duration::ZERO, status: StatusCode::OK };
        }
        let before = self.count(path);
        let fails = self.suffering.fails_every.is_some_and(|every| before.is_multiple_of(every));
        let status = if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        Treatment { delay: self.suffering.delay, status }
    }

    /// Counts a request, and returns the number of those for the same path that came before it while the
    /// target suffered.
    fn count(&mut self, path: &str) -> u32 {
        let path = if self.met.len() < MAX_COUNTED_PATHS || self.met.contains_key(path) { path } else { "" };
        if let Some(met) = self.met.get_mut(path) {
            *met = met.wrapping_add(1);
            return *met;
        }
        self.met.insert(path.to_owned(), 0);
        0
    }
}

/// Returns the part of a path below the target's own. None if the path is not the target's.
pub(crate) fn path_of(path: &str) -> Option<&str> {
    path.strip_prefix(PLACE).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: TargetSuffering =
        TargetSuffering { delay: Duration::from_millis(40), fails_every: Some(2), recovers: true };

    fn statuses(target: &mut TargetSystem, path: &str, faults: &[FaultProgress]) -> Vec<u16> {
        faults.iter().map(|fault| target.treat(path, *fault).status.as_u16()).collect()
    }

    #[test]
    fn which_requests_fail_goes_by_their_number_and_by_path() {
        use FaultProgress::{In, Never, Over};
        let mut target = TargetSystem::new(HALF);
        assert_eq!(statuses(&mut target, "/a", &[Never, Never, In, In, In]), [200, 200, 503, 200, 503]);
        assert_eq!(statuses(&mut target, "/b", &[In, In, Over, Over]), [503, 200, 200, 200]);
        assert_eq!(target.treat("/a", In).delay, HALF.delay);
        assert_eq!(target.treat("/a", Over).delay, Duration::ZERO);
    }

    #[test]
    fn one_that_does_not_recover_goes_on_suffering() {
        use FaultProgress::{In, Never, Over};
        let mut target = TargetSystem::new(TargetSuffering { fails_every: Some(1), recovers: false, ..HALF });
        assert_eq!(statuses(&mut target, "/", &[Never, In, In, Over, Over]), [200, 503, 503, 503, 503]);
    }

    #[test]
    fn paths_without_end_are_counted_together() {
        let mut target = TargetSystem::new(HALF);
        for number in 0..2 * MAX_COUNTED_PATHS {
            target.treat(&format!("/{number}"), FaultProgress::In);
        }
        assert!(target.met.len() <= MAX_COUNTED_PATHS + 1);
        assert_eq!(target.treat("/0", FaultProgress::In).status, StatusCode::OK, "its second request");
    }

    #[test]
    fn its_paths_are_no_service_s() {
        assert_eq!(path_of("/target"), Some(""));
        assert_eq!(path_of("/target/checkout"), Some("/checkout"));
        for path in ["/", "/targets", "/experiments/target"] {
            assert_eq!(path_of(path), None, "{path}");
        }
    }
}
