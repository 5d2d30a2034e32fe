//! The faults of an engine that weighs and judges each of them. Their probes are test cases, and each fault
//! is a line of output.

use jiff::SignedDuration;

use super::suite::{Fate, Rank, TestCase};
use super::text::{MAX_NAME_CHARS, line};
use faultgate_core::model::{ExperimentResult, Fault, FaultProbe, Verdict};
use faultgate_core::text;

/// Returns a case for each probe of each fault.
pub(super) fn probes(experiment: &ExperimentResult) -> impl Iterator<Item = TestCase> {
    let case_of = move |fault| move |probe| case(fault, probe, experiment.verdict);
    experiment.faults.iter().flat_map(move |fault| fault.probes.iter().map(case_of(fault)))
}

fn case(fault: &Fault, probe: &FaultProbe, verdict: Verdict) -> TestCase {
    let why = probe.description.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let word = if probe.verdict.is_empty() { "no verdict" } else { &probe.verdict };
    let message = line(&format!("{word}{why}"));
    let begins = |word: &str| probe.verdict.to_ascii_lowercase().starts_with(word);
    // A probe that failed is skipped and not a failure: the case `gate` has the failure, and one cause is one
    // failure.
    let (rank, fate) = if begins("pass") || (begins("fail") && verdict == Verdict::Passed) {
        (Rank::ProbeThatPassed, Fate::Passed)
    } else if begins("fail") {
        (Rank::Probe, Fate::Skipped { message: message.clone() })
    } else {
        (Rank::ProbeThatPassed, Fate::Skipped { message: message.clone() })
    };
    let name = format!("fault {} probe {} ({})", fault.name, probe.name, probe.kind);
    // The probe ran beside the actions, whose times are counted already.
    TestCase {
        rank,
        name: text::plain(&name, MAX_NAME_CHARS),
        time: SignedDuration::ZERO,
        fate,
        out: vec![message],
    }
}

/// Returns a line for each fault.
pub(super) fn lines(experiment: &ExperimentResult) -> impl Iterator<Item = String> {
    experiment.faults.iter().map(|fault| {
        let verdict = if fault.verdict.is_empty() { "no verdict" } else { &fault.verdict };
        let weight = fault.weight.map(|weight| format!(", weight {weight}")).unwrap_or_default();
        let success = fault.probe_success.map(|it| format!(", probe success {it} %")).unwrap_or_default();
        let step = fault.fail_step.as_deref().map(|step| format!(", {step}")).unwrap_or_default();
        line(&format!("fault {}: {verdict}{weight}{success}{step}", fault.name))
    })
}
