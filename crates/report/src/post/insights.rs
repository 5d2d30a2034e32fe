//! Code Insights: the report that Bitbucket shows beside a commit, its pull requests and its pipelines.

use async_trait::async_trait;

use crate::forge::ForgeFailure;
use crate::forge::insights::{CodeInsights, Datum, DatumValue, MAX_DATA, Report};
use crate::sink::{Sink, Stage, report_failed, report_refused, report_written};
use crate::summary::plain_without_accounts;
use crate::words::Nature;
use faultgate_core::model::{ExperimentResult, Reported, RunResult, Verdict};

/// The sink that writes the report of a run.
pub struct Insights {
    /// A function that makes the client, which knows where the report goes.
    connect: Box<dyn Fn() -> Result<CodeInsights, ForgeFailure>>,
    /// The key of the report. Every run of a job has the same key, so that it replaces the report of the run
    /// before.
    key: String,
    run_url: Option<String>,
    /// `true` if the report must not tell ARNs and ids of accounts, since everybody may read it.
    hides_accounts: bool,
}

impl Insights {
    const SINK: &'static str = "code insights";

    /// Makes the sink. It connects only when the report is due, so that no launch waits for it.
    pub fn new(
        connect: impl Fn() -> Result<CodeInsights, ForgeFailure> + 'static,
        key: String,
        run_url: Option<String>,
        hides_accounts: bool,
    ) -> Self {
        Self { connect: Box::new(connect), key, run_url, hides_accounts }
    }

    /// Makes the report. The verdict alone decides whether Bitbucket shows it as passed.
    fn report(&self, result: &RunResult) -> Report {
        let gate = &result.gate;
        let number = |title: &str, value| Datum { title: title.to_owned(), value };
        let mut data =
            vec![number("Expected score", DatumValue::Number(gate.expected_resilience_score.get()))];
        data.extend(
            gate.resilience_score.map(|score| number("Resilience score", DatumValue::Number(score.get()))),
        );
        data.extend(experiments(result, MAX_DATA - data.len()));
        let nature = Nature::of_result(result);
        let reasons = gate.reasons.join("; ");
        Report {
            title: format!("Chaos gate: {}{nature}", gate.verdict),
            details: if self.hides_accounts { plain_without_accounts(&reasons) } else { reasons },
            passed: Some(gate.verdict == Verdict::Passed),
            link: self.run_url.clone(),
            data,
        }
    }
}

/// Returns a field for each experiment, at most `room` of them, the worst first. Where not all have room, the
/// last field counts the others.
fn experiments(result: &RunResult, room: usize) -> Vec<Datum> {
    let mut experiments = result.worst_first();
    let is_cut = experiments.len() > room;
    if is_cut {
        experiments.truncate(room.saturating_sub(1));
    }
    let more = result.experiments.len() - experiments.len();
    let field = |(_, experiment): (usize, &ExperimentResult)| Datum {
        title: experiment.name.clone(),
        value: DatumValue::Text(experiment.verdict.to_string()),
    };
    let more = is_cut
        .then(|| Datum { title: "More experiments".to_owned(), value: DatumValue::Text(format!("{more}")) });
    experiments.into_iter().map(field).chain(more).collect()
}

#[async_trait(?Send)]
impl Sink for Insights {
    fn name(&self) -> &str {
        Self::SINK
    }

    fn stage(&self) -> Stage {
        Stage::Network
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let place = match (self.connect)() {
            Ok(place) => place,
            Err(failure) => return Some(report_failed(Self::SINK, failure.why)),
        };
        Some(match place.put(&self.key, &self.report(result)).await {
            Ok(()) => report_written(Self::SINK),
            Err(failure) => report_refused(Self::SINK, &failure),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_testkit::results;

    #[test]
    fn of_a_thousand_experiments_those_that_did_not_pass_are_shown() {
        let unconnected = || unreachable!("the report is made without a connection");
        let insights = Insights::new(unconnected, "k".to_owned(), None, true);
        let result = results::fleet(1_000, &["e700", "e999"]);
        let data = insights.report(&result).data;
        let titles: Vec<&str> = data.iter().map(|datum| datum.title.as_str()).collect();
        assert_eq!(titles.len(), MAX_DATA, "{titles:?}");
        assert_eq!(titles[2..5], ["e700", "e999", "e0"]);
        assert_eq!(data[9].value, DatumValue::Text("993".to_owned()), "{titles:?}");
    }
}
