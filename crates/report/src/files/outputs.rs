//! Step outputs: values that later steps and jobs of a GitHub workflow can use.
//!
//! They are written last, since they tell the final verdict. A value must never end early or set another
//! output.

use std::fmt::Write as _;

use async_trait::async_trait;

use super::command_file::CommandFile;
use super::write;
use crate::sink::{Sink, Stage};
use faultgate_core::model::{OutputName, Reported, RunResult, Verdict};
use faultgate_core::text;

/// Maximum length of a value in characters.
pub(crate) const MAX_VALUE_CHARS: usize = 2_000;

/// Returns the outputs with their values. The values are not escaped: whoever writes them makes them safe for
/// the place.
pub(crate) fn outputs(result: &RunResult, report_dir: &str) -> Vec<(OutputName, String)> {
    let gate = &result.gate;
    // One state is told of several experiments: that of the experiment with the worst verdict, which decided.
    let decisive = result.experiments.iter().min_by_key(|experiment| experiment.verdict);
    let ids: Vec<&str> =
        result.experiments.iter().filter_map(|experiment| experiment.id.as_deref()).collect();
    let value = |output| match output {
        OutputName::Verdict => gate.verdict.to_string(),
        OutputName::ResilienceScore => {
            gate.resilience_score.map(|score| score.to_string()).unwrap_or_default()
        }
        OutputName::ExpectedResilienceScore => gate.expected_resilience_score.to_string(),
        OutputName::ExperimentIds => ids.join(","),
        OutputName::State => decisive.map(|experiment| experiment.state.to_string()).unwrap_or_default(),
        OutputName::Reason => gate.reasons.join("; "),
        OutputName::ReportDir => report_dir.to_owned(),
    };
    OutputName::ALL.map(|output| (output, value(output))).into()
}

/// Renders the outputs in the file format of `GITHUB_OUTPUT`: a value between two lines that cannot occur in
/// it.
fn render(outputs: &[(OutputName, String)], random: &str) -> String {
    let mut rendered = String::new();
    for (output, value) in outputs {
        let name = output.as_str();
        let value = text::plain(value, MAX_VALUE_CHARS);
        // `plain` leaves one line, and nobody outside knows `random`, so no value can be its own delimiter.
        let delimiter = format!("faultgate_{random}_{name}");
        let _ = write!(rendered, "{name}<<{delimiter}\n{value}\n{delimiter}\n");
    }
    rendered
}

/// The sink that writes the step outputs.
pub struct StepOutputs {
    file: CommandFile,
    report_dir: String,
    random: String,
}

impl StepOutputs {
    const SINK: &'static str = "step outputs";

    /// Makes the sink. `random` must be new for each run: it keeps values from ending early.
    pub fn new(file: CommandFile, report_dir: &std::path::Path, random: &str) -> Self {
        Self { file, report_dir: report_dir.display().to_string(), random: random.to_owned() }
    }
}

#[async_trait(?Send)]
impl Sink for StepOutputs {
    fn name(&self) -> &str {
        Self::SINK
    }

    fn stage(&self) -> Stage {
        Stage::Record
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let rendered = render(&outputs(result, &self.report_dir), &self.random);
        Some(self.file.outcome(Self::SINK, write::append(self.file.path(), &rendered)))
    }
}

/// Writes the outputs of a run that never began, since its settings hold mistakes. Values that are not known
/// are empty, so that nothing of an earlier step shines through.
pub fn write_mistakes(path: &std::path::Path, reason: &str, random: &str) -> std::io::Result<()> {
    write::append(path, &render(&of_mistakes(reason), random))
}

/// Returns the outputs of a run that never began, for this reason.
pub(crate) fn of_mistakes(reason: &str) -> Vec<(OutputName, String)> {
    let value = |output| match output {
        OutputName::Verdict => Verdict::Errored.to_string(),
        OutputName::Reason => reason.to_owned(),
        OutputName::ResilienceScore
        | OutputName::ExpectedResilienceScore
        | OutputName::ExperimentIds
        | OutputName::State
        | OutputName::ReportDir => String::new(),
    };
    OutputName::ALL.map(|output| (output, value(output))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_early_or_start_another() {
        let hostile = "a\nfaultgate_r_reason\nverdict<<X\npassed\nX\n".to_owned();
        let rendered = render(&[(OutputName::Reason, hostile)], "r");
        let lines: Vec<&str> = rendered.lines().collect();
        assert_eq!(lines.len(), 3, "{rendered}");
        assert_eq!((lines[0], lines[2]), ("reason<<faultgate_r_reason", "faultgate_r_reason"));
    }
}
