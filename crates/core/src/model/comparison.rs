//! The changes since an earlier run: of its score, its experiments and their probes.
//!
//! All differences are those of the scores as they are shown, with two decimals, so that a reader who
//! subtracts two figures of a report comes to the same decision.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::result::first_scoring;
use super::{ExperimentResult, RunResult, SCORING, Score, Verdict, weighted_mean};

/// The earlier result that a run is compared with, and the largest drop of its score that passes.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareTo {
    pub earlier: Earlier,
    pub max_score_drop: Option<Score>,
}

/// The extract of an earlier result that a comparison needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    run: EarlierRun,
    score: Option<Score>,
    experiments: BTreeMap<String, EarlierExperiment>,
    /// Names of the experiments, in the order of the earlier run.
    names: Vec<String>,
}

/// The extract of one experiment of an earlier result.
#[derive(Debug, Clone, PartialEq)]
struct EarlierExperiment {
    score: Option<Score>,
    verdict: Verdict,
    probes: Vec<(String, Score)>,
}

impl From<RunResult> for Earlier {
    fn from(result: RunResult) -> Self {
        let names = result.experiments.iter().map(|experiment| experiment.name.clone()).collect();
        let experiments = result.experiments.into_iter().map(|experiment| {
            let probes = experiment.probes.into_iter().map(|probe| (probe.name, probe.score)).collect();
            let (score, verdict) = (experiment.score, experiment.verdict);
            (experiment.name, EarlierExperiment { score, verdict, probes })
        });
        Self {
            run: EarlierRun {
                id: result.run.id,
                url: result.run.url,
                commit: result.run.commit,
                ended_at: result.ended_at,
                verdict: result.gate.verdict,
                scoring: result.scoring,
            },
            score: result.gate.resilience_score,
            experiments: experiments.collect(),
            names,
        }
    }
}

impl CompareTo {
    /// Compares the experiments of this run with those of the earlier one.
    ///
    /// If the run is only a part of a suite (`is_whole` is `false`), nothing but its experiments is compared:
    /// the mean of a part is not that of the suite, and an experiment that is missing here may be in another
    /// part.
    pub fn compare(&self, experiments: &[ExperimentResult], is_whole: bool) -> RunComparison {
        let earlier = &self.earlier;
        let mut changes: Vec<ExperimentChange> = experiments
            .iter()
            .map(|now| ExperimentChange::of(&now.name, earlier.experiments.get(&now.name), Some(now)))
            .collect();
        if is_whole {
            let present: BTreeSet<&str> =
                experiments.iter().map(|experiment| experiment.name.as_str()).collect();
            let gone = earlier.names.iter().filter(|name| !present.contains(name.as_str()));
            changes.extend(gone.map(|name| ExperimentChange::of(name, earlier.experiments.get(name), None)));
        }
        let score = || {
            let now = weighted_mean(experiments.iter().map(|result| (result.score, result.weight)));
            ScoreChange::new(earlier.score, now)
        };
        RunComparison {
            earlier: earlier.run.clone(),
            score: is_whole.then(score),
            max_score_drop: self.max_score_drop.filter(|_| is_whole),
            experiments: changes,
        }
    }
}

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
    fn of(name: &str, earlier: Option<&EarlierExperiment>, now: Option<&ExperimentResult>) -> Self {
        let presence = match (earlier, now) {
            (None, _) => Presence::New,
            (_, None) => Presence::Gone,
            _ => Presence::Both,
        };
        let score = ScoreChange::new(earlier.and_then(|one| one.score), now.and_then(|one| one.score));
        let verdict =
            VerdictChange { earlier: earlier.map(|one| one.verdict), now: now.map(|one| one.verdict) };
        Self { name: name.to_owned(), presence, score, verdict, probes: probes(earlier, now) }
    }

    /// Returns `true` if the experiment itself has changed. Its probes are not considered.
    pub fn has_changed(&self) -> bool {
        self.presence != Presence::Both
            || self.score.has_changed()
            || self.verdict.earlier != self.verdict.now
    }
}

fn probes(earlier: Option<&EarlierExperiment>, now: Option<&ExperimentResult>) -> Vec<ProbeChange> {
    let earlier = earlier.map(|experiment| experiment.probes.as_slice()).unwrap_or_default();
    let now = now.map(|experiment| experiment.probes.as_slice()).unwrap_or_default();
    let before: BTreeMap<&str, Score> = earlier.iter().map(|(name, score)| (name.as_str(), *score)).collect();
    let present: BTreeSet<&str> = now.iter().map(|probe| probe.name.as_str()).collect();
    let change = |name: &str, earlier: Option<Score>, now: Option<Score>| ProbeChange {
        name: name.to_owned(),
        score: ScoreChange::new(earlier, now),
    };
    let kept = now
        .iter()
        .map(|probe| change(&probe.name, before.get(probe.name.as_str()).copied(), Some(probe.score)));
    let gone = earlier.iter().filter(|(name, _)| !present.contains(name.as_str()));
    kept.chain(gone.map(|(name, score)| change(name, Some(*score), None))).collect()
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

#[cfg(test)]
#[path = "comparison_tests.rs"]
mod tests;
