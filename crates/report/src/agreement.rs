//! Property test: no two reports disagree about an experiment. Each report is rendered from random results
//! and asked for its verdict.

use std::time::Duration;

use faultgate_testkit::results;
use proptest::prelude::*;

use super::fake_forge::FakeForge;
use super::summary::{PageLimits, render};
use super::{Medium, Nature, Sink, closing, html, junit};
use crate::files::annotations;
use crate::forge::StatusState;
use crate::{CommitStatuses, StatusScope, StatusStyle};
use faultgate_core::model::{RunResult, Score, Verdict};

/// The fate of an experiment: its verdict, its score, and `true` if it has a warning.
type ExperimentFate = (Verdict, u32, bool);

fn fate() -> impl Strategy<Value = ExperimentFate> {
    let verdicts =
        [Verdict::Passed, Verdict::Failed, Verdict::Errored, Verdict::TimedOut, Verdict::Cancelled];
    (prop::sample::select(verdicts.to_vec()), 0..=100_u32, any::<bool>())
}

fn result(fates: &[ExperimentFate]) -> RunResult {
    let mut result = results::mixed();
    let template = result.experiments.swap_remove(0);
    result.experiments = (0..)
        .zip(fates)
        .map(|(number, fate)| {
            let mut experiment = template.clone();
            let (verdict, score, warned) = *fate;
            let judged = matches!(verdict, Verdict::Passed | Verdict::Failed);
            experiment.name = format!("e{number}");
            experiment.verdict = verdict;
            experiment.score = judged.then(|| Score::new(f64::from(score)).unwrap());
            experiment.reason = format!("the reason of e{number}");
            experiment.warnings =
                if warned { vec![format!("action-{number} did not act")] } else { Vec::new() };
            experiment
        })
        .collect();
    let verdict = Verdict::of_run(fates.iter().map(|(verdict, _, _)| *verdict));
    result.gate.verdict = verdict;
    result.gate.exit_code = verdict.exit_code(None);
    let not_passed = result.experiments.iter().filter(|experiment| experiment.verdict != Verdict::Passed);
    result.gate.reasons =
        not_passed.map(|experiment| format!("{}: {}", experiment.name, experiment.reason)).collect();
    result
}

/// Returns the last state of each commit status, and its text.
fn statuses(result: &RunResult) -> Vec<(StatusState, String)> {
    let names: Vec<&str> = result.experiments.iter().map(|experiment| experiment.name.as_str()).collect();
    let style = StatusStyle {
        prefix: "faultgate".to_owned(),
        target_url: None,
        attempt: None,
        shard: None,
        nature: Nature::Real,
        hides_accounts: false,
        part: Vec::new(),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let forge = FakeForge::taking(Duration::ZERO);
        let mut statuses =
            CommitStatuses::new(&names, StatusScope::all(names.len(), false), style, forge.connection());
        statuses.finish(result).await;
        names.iter().map(|name| forge.last_status(&format!("faultgate/{name}"))).collect()
    })
}

fn page_of(result: &RunResult) -> String {
    let mut page = Vec::new();
    html::write(result, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// Returns the part of the report between the first `begin` and the next `end`.
fn part<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let start = text.find(begin).unwrap_or_else(|| panic!("{begin} is not in {text}"));
    let rest = &text[start..];
    &rest[..rest.find(end).unwrap_or(rest.len())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn no_two_reports_disagree_about_an_experiment(fates in prop::collection::vec(fate(), 2..6)) {
        let result = result(&fates);
        let page = PageLimits { budget: 1 << 20, html: true, mermaid: false, hides_accounts: false };
        let (summary, closing) = (render(&result, &page), closing(&result, "out", Medium::default()));
        let (junit, html) = (junit::render(&result).unwrap(), page_of(&result));
        let annotations = annotations::render(&result);
        let statuses = statuses(&result);
        for (experiment, (state, description)) in result.experiments.iter().zip(statuses) {
            let (name, verdict) = (&experiment.name, experiment.verdict);
            let passed = verdict == Verdict::Passed;
            prop_assert_eq!(state == StatusState::Success, passed);
            prop_assert!(description.starts_with(&format!("{verdict}: ")) && description.contains(&format!("the reason of {name}")), "{}", description);

            let row = part(&summary, &format!("| [{name}]"), "\n");
            prop_assert!(row.contains(&format!(" {verdict} |")), "{}", row);
            let row = part(&closing, &format!("\n{name} "), " the reason");
            prop_assert!(row.contains(verdict.as_str()), "{}", row);
            let row = part(&html, "<tbody>", "</tbody>");
            let row = part(row, &format!(">{name}</a>"), "</tr>");
            prop_assert!(row.contains(verdict.as_str()), "{}", row);
            prop_assert!(annotations.contains(&format!("{name}: {verdict}, ")), "{}", annotations);
            let suite = part(&junit, &format!("<testsuite name=\"faultgate.{name}\""), ">");
            let is_clean = suite.contains("failures=\"0\"") && suite.contains("errors=\"0\"");
            prop_assert_eq!(is_clean, passed, "{}", suite);

            for warning in &experiment.warnings {
                for (report, text) in [
                    ("status", description.as_str()),
                    ("summary", &summary),
                    ("log", &closing),
                    ("junit.xml", &junit),
                    ("report.html", &html),
                ] {
                    prop_assert!(text.contains(warning.as_str()), "{} does not tell: {}", report, text);
                }
            }
        }
        let causes = junit.matches("<failure ").count() + junit.matches("<error ").count();
        let not_passed = fates.iter().filter(|(verdict, _, _)| *verdict != Verdict::Passed).count();
        prop_assert_eq!(causes, not_passed, "one cause is one failure: {}", junit);
        for experiment in &result.experiments {
            let told = summary.matches(&experiment.reason).count();
            prop_assert_eq!(told, 1, "the reason of {} is told once: {}", experiment.name, summary);
        }
    }
}
