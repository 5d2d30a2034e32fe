//! The plan of a run: its inputs, validated and complete.
//!
//! A plan is made once, by `config/`, and does not change afterwards.

use crate::closed_set;
use std::path::PathBuf;
use std::time::Duration;

use super::{CompareTo, DashboardLink, ExperimentPlan, InjectionRule, Monitor, PlanRecord, Score, Shard};

closed_set! {
    /// The experiments that a halt stops.
    #[derive(Default)]
    pub enum HaltScope {
        /// The experiments whose probes ask for it.
        #[default]
        Own = "own",
        /// Every experiment of the run; none is launched any more.
        All = "all",
    }
}

/// The rule that says what halts experiments beside `aborts-after` of a probe, and which of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HaltRule {
    /// Number of probes that have to fail at the same time while the fault is in (`abort-when`).
    pub failing_probes: Option<u32>,
    /// The experiments that are stopped (`abort`).
    pub scope: HaltScope,
}

/// Everything that a run is to do, complete before anything is launched.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an input of its own")]
pub struct Plan {
    pub experiments: Vec<ExperimentPlan>,
    /// Shard that the experiments are, if the suite is split over jobs.
    pub shard: Option<Shard>,
    /// `true` if the experiments are not the whole suite, since some were chosen by name or by shard.
    pub is_part: bool,
    /// Record of the whole suite, of which the experiments may be a part. None if nobody merges the result.
    pub suite: Option<PlanRecord>,
    /// Number of experiments of the whole suite. None if nobody has told it to this process.
    pub suite_size: Option<usize>,
    pub expected: Score,
    /// Expected score of each experiment that has none of its own. None if it is `expected`.
    pub each: Option<Score>,
    /// Earlier result that this run is compared with.
    pub compare_to: Option<CompareTo>,
    /// Number of experiments that run at the same time, 1 or more.
    pub parallel: usize,
    /// Number of experiments that run at the same time in one account and Region, 1 or more.
    pub max_active: usize,
    pub monitor: Monitor,
    pub event_queue_url: Option<String>,
    pub reconcile_interval: Duration,
    /// `true` if targets are only resolved and nothing is injected.
    pub dry_run: bool,
    /// `true` if the targets of each experiment are resolved by a preview before anything is launched.
    pub preview: bool,
    pub injection: InjectionRule,
    /// `true` if no other experiment is launched after one that did not pass.
    pub stop_on_failure: bool,
    pub halt: HaltRule,
    /// Links to pages about the system under test.
    pub links: Vec<DashboardLink>,
    pub report_dir: PathBuf,
    /// `true` if a report that could not be posted fails the run.
    pub reporting_must_succeed: bool,
}
