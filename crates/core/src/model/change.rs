//! The changes since an earlier run: of its score, its experiments and their probes.
//!
//! All differences are those of the scores as they are shown, with two decimals, so that a reader who
//! subtracts two figures of a report comes to the same decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::score::first_scoring;
use super::{SCORING, Score, Verdict};

/// The comparison with an earlier run: `comparison` in `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunComparison {
    pub earlier: EarlierRun,
    /// Change of the run's score. None for a part of a suite.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<ScoreChange>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_score_drop: Option<Score>,
    /// Changes of the run's experiments in their order, then of those that only the earlier run had.
    pub experiments: Vec<ExperimentChange>,
}

impl RunComparison {
    /// Returns the drop of the run's score if it is larger than allowed.
    pub fn excess(&self) -> Option<ScoreDrop> {
        let score = self.score?;
        let (earlier, now, allowed) = (score.earlier?, score.now?, self.max_score_drop?);
        // Hundredths are whole numbers, so their difference is exact, and a drop of just the allowed size
        // passes.
        let drop = earlier.hundredths() - now.hundredths();
        (drop > allowed.hundredths()).then_some(ScoreDrop { earlier, now, by: drop / 100.0, allowed })
    }

    /// Returns `true` if the earlier scores were computed by other rules, so that a difference may come from
    /// the rules alone.
    pub fn rules_differ(&self) -> bool {
        self.earlier.scoring != SCORING
    }

    /// Returns the change of the experiment of this name.
    pub fn find(&self, experiment: &str) -> Option<&ExperimentChange> {
        self.experiments.iter().find(|change| change.name == experiment)
    }
}

/// A drop of the score that is larger than allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreDrop {
    pub earlier: Score,
    pub now: Score,
    pub by: f64,
    pub allowed: Score,
}

impl std::fmt::Display for ScoreDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { earlier, now, by, allowed } = self;
        write!(
            f,
            "the resilience score {now} is {by} below the earlier {earlier}, and max-score-drop allows {allowed}"
        )
    }
}

/// The identity and the verdict of the earlier run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRun {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    pub ended_at: Timestamp,
    pub verdict: Verdict,
    /// Version of the rules by which its scores were computed; see [`SCORING`].
    #[serde(default = "first_scoring")]
    pub scoring: u32,
}

/// The runs that had an experiment of a name: both of them, only this one, or only the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    Both,
    New,
    Gone,
}

/// An experiment in the earlier run and in this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentChange {
    pub name: String,
    pub presence: Presence,
    pub score: ScoreChange,
    pub verdict: VerdictChange,
    /// Changes of this run's probes in their order, then of those that only the earlier run had.
    pub probes: Vec<ProbeChange>,
}

impl ExperimentChange {
    /// Returns `true` if the experiment itself has changed. Its probes are not considered.
    pub fn has_changed(&self) -> bool {
        self.presence != Presence::Both
            || self.score.has_changed()
            || self.verdict.earlier != self.verdict.now
    }
}

/// A probe in the earlier run and in this one. A score is None if the run did not have the probe, or did not
/// launch its experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeChange {
    pub name: String,
    pub score: ScoreChange,
}

/// A verdict in the earlier run and in this one, each None if the run did not have the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChange {
    pub earlier: Option<Verdict>,
    pub now: Option<Verdict>,
}

/// A score in the earlier run and in this one, each None if it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Ends")]
pub struct ScoreChange {
    earlier: Option<Score>,
    now: Option<Score>,
    change: Option<f64>,
}

/// The fields of a [`ScoreChange`] that are read from a file. The change is computed from them, so that a
/// file cannot contradict itself.
#[derive(Deserialize)]
struct Ends {
    earlier: Option<Score>,
    now: Option<Score>,
}

impl From<Ends> for ScoreChange {
    fn from(ends: Ends) -> Self {
        Self::new(ends.earlier, ends.now)
    }
}

impl ScoreChange {
    pub fn new(earlier: Option<Score>, now: Option<Score>) -> Self {
        let change = earlier.zip(now).map(|(earlier, now)| (now.hundredths() - earlier.hundredths()) / 100.0);
        Self { earlier, now, change }
    }

    pub fn earlier(self) -> Option<Score> {
        self.earlier
    }

    pub fn now(self) -> Option<Score> {
        self.now
    }

    /// Returns the change in points, in whole hundredths, above 0 if the score has become better. None if one
    /// of the two scores is not known.
    pub fn change(self) -> Option<f64> {
        self.change
    }

    /// Returns `true` if the two scores are shown differently, or if only one of them is known.
    pub fn has_changed(self) -> bool {
        match self.change {
            Some(change) => change != 0.0,
            None => self.earlier.is_some() || self.now.is_some(),
        }
    }
}
