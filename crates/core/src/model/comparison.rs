//! What has changed since an earlier run. All differences are those of the scores as they are shown, with two decimals,
//! so that whoever reads a report and subtracts comes to the same decision.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::result::first_scoring;
use super::{ExperimentResult, RunResult, SCORING, Score, Verdict, weighted_mean};

/// What a run is compared with, and how far its score may have dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareTo {
    pub earlier: Earlier,
    pub max_score_drop: Option<Score>,
}

/// What is kept of an earlier result.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    run: EarlierRun,
    score: Option<Score>,
    experiments: BTreeMap<String, EarlierExperiment>,
    /// In their order.
    names: Vec<String>,
}

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
    /// Compares. Of a part of a suite only the experiments are compared: a part's mean is not the suite's, and what
    /// is not in it may be in another.
    pub fn compare(&self, experiments: &[ExperimentResult], is_whole: bool) -> RunComparison {
        let earlier = &self.earlier;
        let mut changes: Vec<ExperimentChange> = experiments
            .iter()
            .map(|now| ExperimentChange::of(&now.name, earlier.experiments.get(&now.name), Some(now)))
            .collect();
        if is_whole {
            let there: BTreeSet<&str> =
                experiments.iter().map(|experiment| experiment.name.as_str()).collect();
            let gone = earlier.names.iter().filter(|name| !there.contains(name.as_str()));
            changes.extend(gone.map(|name| ExperimentChange::of(name, earlier.experiments.get(name), None)));
        }
        let score = || {
            let now = weighted_mean(experiments.iter().map(|one| (one.score, one.weight)));
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

/// What has changed since an earlier run: `comparison` in `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunComparison {
    pub earlier: EarlierRun,
    /// None for a part of a suite.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<ScoreChange>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_score_drop: Option<Score>,
    /// Those of the run in their order, then those that are gone.
    pub experiments: Vec<ExperimentChange>,
}

impl RunComparison {
    /// The drop of the run's score, if it is larger than is allowed.
    pub fn excess(&self) -> Option<ScoreDrop> {
        let score = self.score?;
        let (earlier, now, allowed) = (score.earlier?, score.now?, self.max_score_drop?);
        let drop = earlier.hundredths() - now.hundredths();
        (drop > allowed.hundredths()).then_some(ScoreDrop { earlier, now, by: drop / 100.0, allowed })
    }

    /// True where the earlier scores were made by other rules, so that a difference may be that of the rules.
    pub fn rules_differ(&self) -> bool {
        self.earlier.scoring != SCORING
    }

    /// What has become of the experiment of this name.
    pub fn of(&self, experiment: &str) -> Option<&ExperimentChange> {
        self.experiments.iter().find(|change| change.name == experiment)
    }
}

/// A drop that is larger than is allowed.
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

/// Which run it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRun {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    pub ended_at: Timestamp,
    pub verdict: Verdict,
    /// By which rules its scores were made.
    #[serde(default = "first_scoring")]
    pub scoring: u32,
}

/// Whether both runs had an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    Both,
    New,
    Gone,
}

/// An experiment then and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentChange {
    pub name: String,
    pub presence: Presence,
    pub score: ScoreChange,
    pub verdict: VerdictChange,
    /// Those of the experiment in their order, then those that are gone.
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

    /// True if there is anything to tell, probes apart.
    pub fn has_changed(&self) -> bool {
        self.presence != Presence::Both
            || self.score.has_changed()
            || self.verdict.earlier != self.verdict.now
    }
}

fn probes(earlier: Option<&EarlierExperiment>, now: Option<&ExperimentResult>) -> Vec<ProbeChange> {
    let earlier = earlier.map(|one| one.probes.as_slice()).unwrap_or_default();
    let now = now.map(|one| one.probes.as_slice()).unwrap_or_default();
    let before: BTreeMap<&str, Score> = earlier.iter().map(|(name, score)| (name.as_str(), *score)).collect();
    let there: BTreeSet<&str> = now.iter().map(|probe| probe.name.as_str()).collect();
    let change = |name: &str, earlier: Option<Score>, now: Option<Score>| ProbeChange {
        name: name.to_owned(),
        score: ScoreChange::new(earlier, now),
    };
    let kept = now
        .iter()
        .map(|probe| change(&probe.name, before.get(probe.name.as_str()).copied(), Some(probe.score)));
    let gone = earlier.iter().filter(|(name, _)| !there.contains(name.as_str()));
    kept.chain(gone.map(|(name, score)| change(name, Some(*score), None))).collect()
}

/// A probe then and now: without a score where it was not there, or its experiment was not launched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeChange {
    pub name: String,
    pub score: ScoreChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChange {
    pub earlier: Option<Verdict>,
    pub now: Option<Verdict>,
}

/// A score then and now: None where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Ends")]
pub struct ScoreChange {
    earlier: Option<Score>,
    now: Option<Score>,
    change: Option<f64>,
}

/// What is read of a [`ScoreChange`]; the change follows from it.
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

    /// Above 0 where it has become better, in hundredths; None where one of the two is not known.
    pub fn change(self) -> Option<f64> {
        self.change
    }

    /// True if it is shown to have changed, or has come to be known or unknown.
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
