//! The comparison of a run with an earlier one. Its outcome is in `change`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{
    EarlierRun, ExperimentChange, ExperimentResult, Presence, ProbeChange, RunComparison, RunResult, Score,
    ScoreChange, State, Verdict, VerdictChange, weighted_mean,
};

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
    /// Time that the experiment took, if it completed.
    took: Option<Duration>,
    probes: Vec<(String, Score)>,
}

impl From<RunResult> for Earlier {
    fn from(result: RunResult) -> Self {
        let names = result.experiments.iter().map(|experiment| experiment.name.clone()).collect();
        let experiments = result.experiments.into_iter().map(|experiment| {
            let probes = experiment.probes.into_iter().map(|probe| (probe.name, probe.score)).collect();
            let (score, verdict) = (experiment.score, experiment.verdict);
            let times = experiment.started_at.zip(experiment.ended_at);
            let took = times.filter(|_| experiment.state == State::Completed);
            let took = took.and_then(|(begin, end)| Duration::try_from(end.duration_since(begin)).ok());
            (experiment.name, EarlierExperiment { score, verdict, took, probes })
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
    /// Returns the time that the experiment of this name took in the earlier run, if it completed there.
    pub fn took(&self, experiment: &str) -> Option<Duration> {
        self.earlier.experiments.get(experiment)?.took
    }

    /// Compares the experiments of this run with those of the earlier one.
    ///
    /// If the run is only a part of a suite (`is_whole` is `false`), nothing but its experiments is compared:
    /// the mean of a part is not that of the suite, and an experiment that is missing here may be in another
    /// part.
    pub fn compare(&self, experiments: &[ExperimentResult], is_whole: bool) -> RunComparison {
        let earlier = &self.earlier;
        let mut changes: Vec<ExperimentChange> = experiments
            .iter()
            .map(|now| compare_experiment(&now.name, earlier.experiments.get(&now.name), Some(now)))
            .collect();
        if is_whole {
            let present: BTreeSet<&str> =
                experiments.iter().map(|experiment| experiment.name.as_str()).collect();
            let gone = earlier.names.iter().filter(|name| !present.contains(name.as_str()));
            changes.extend(gone.map(|name| compare_experiment(name, earlier.experiments.get(name), None)));
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

/// Compares one experiment in both runs, each None if the run did not have it.
fn compare_experiment(
    name: &str,
    earlier: Option<&EarlierExperiment>,
    now: Option<&ExperimentResult>,
) -> ExperimentChange {
    let presence = match (earlier, now) {
        (None, _) => Presence::New,
        (_, None) => Presence::Gone,
        _ => Presence::Both,
    };
    let score = ScoreChange::new(earlier.and_then(|one| one.score), now.and_then(|one| one.score));
    let verdict = VerdictChange { earlier: earlier.map(|one| one.verdict), now: now.map(|one| one.verdict) };
    ExperimentChange { name: name.to_owned(), presence, score, verdict, probes: compare_probes(earlier, now) }
}

fn compare_probes(earlier: Option<&EarlierExperiment>, now: Option<&ExperimentResult>) -> Vec<ProbeChange> {
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

#[cfg(test)]
#[path = "comparison_tests.rs"]
mod tests;
