use super::safe::link;
use super::*;
use faultgate_core::model::{ExperimentResult, Outcome, Verdict};
use faultgate_testkit::results;

const WHOLE: PageLimits = PageLimits { budget: usize::MAX, html: true, mermaid: true, hides_accounts: false };

#[test]
fn no_page_is_larger_than_its_budget() {
    let worst = "$a&b\"<|#c".repeat(100);
    let sizes: [usize; 6] = [0, 100, 1_000, 4_000, 60_000, 900 * 1024];
    for (result, budgets) in [
        (results::mixed(), &sizes[..]),
        (results::large("short"), &sizes[2..]),
        (results::large(&worst), &sizes[4..]),
    ] {
        for budget in budgets.iter().copied() {
            let page = render(&result, &PageLimits { budget, ..WHOLE });
            assert!(page.len() <= budget, "{} of {budget}", page.len());
            if budget >= 1_000 {
                for part in ["Chaos gate", "**Resilience score", "| Experiment |"] {
                    assert!(page.contains(part), "{part} is missing: {page}");
                }
            }
        }
    }
}

#[test]
fn what_is_left_out_is_said_and_the_least_goes_first() {
    let result = results::mixed();
    let whole = render(&result, &WHOLE);
    assert!(!whole.contains("Left out"), "{whole}");
    let just = render(&result, &PageLimits { budget: whole.len(), ..WHOLE });
    assert_eq!(just, whole);
    let mut less = String::new();
    let mut gone = Vec::new();
    for budget in (1_500..whole.len()).rev().step_by(50) {
        less = render(&result, &PageLimits { budget, ..WHOLE });
        assert!(less.contains("Left out") && less.contains("`result.json` has all of it"), "{less}");
        for part in ["```mermaid", "### Before the launch", "### pod-delete", "### Reports that are missing"]
        {
            if !less.contains(part) && !gone.contains(&part) {
                gone.push(part);
            }
        }
    }
    let order = ["```mermaid", "### Before the launch", "### pod-delete", "### Reports that are missing"];
    assert_eq!(gone, order[..gone.len()], "{less}");
    assert!(gone.len() >= 3, "{gone:?}");
}

#[test]
fn nothing_hangs_below_a_section_that_is_gone() {
    let result = results::mixed();
    for budget in (1_000..6_000).step_by(100) {
        let page = render(&result, &PageLimits { budget, ..WHOLE });
        let count = |part: &str| page.matches(part).count();
        assert!(count("| Action |") <= count("- Template: "), "{page}");
    }
}

#[test]
fn without_html_there_is_none() {
    for result in [results::mixed(), results::stopped(), results::saying(results::HOSTILE)] {
        let page = render(
            &result,
            &PageLimits { budget: 60_000, html: false, mermaid: false, hides_accounts: false },
        );
        assert!(!page.contains('<') && !page.contains("```"), "{page}");
    }
}

#[test]
fn many_that_passed_fold_and_no_other_does() {
    let mixed = results::mixed();
    let (passed, others): (Vec<_>, Vec<_>) =
        mixed.experiments.iter().cloned().partition(|one| one.verdict == Verdict::Passed);
    let open_rows = |result: &RunResult| {
        let page = render(result, &WHOLE);
        let open = page.split("<details>").next().unwrap();
        open.matches(" | ✅ passed | ").count()
    };
    for (count, open) in [(10, 10), (11, 0), (300, 0)] {
        let named =
            (0..count).map(|number| ExperimentResult { name: format!("e{number}"), ..passed[0].clone() });
        let mut result = RunResult { experiments: named.chain(others.clone()).collect(), ..mixed.clone() };
        assert_eq!(open_rows(&result), open);
        let fold = format!("<details><summary>✅ {count} passed</summary>\n\n| Experiment |");
        assert_eq!(render(&result, &WHOLE).contains(&fold), open == 0);
        // A fault that may still be in is seen at once, whatever the verdict is.
        result.experiments[5].fault_may_be_in = true;
        assert_eq!(open_rows(&result), if count == 11 { 11 } else { open.max(1) });
    }
}

#[test]
fn only_our_own_links_are_links() {
    for url in [
        "javascript:alert(1)",
        "ftp://plain.example",
        "https://x) [y](https://evil.example",
        "https://x\u{202e}",
        "https://x\ny",
        &format!("https://x/{}", "a".repeat(2_000)),
    ] {
        assert_eq!(link(url), None, "{url}");
    }
    assert!(link("https://eu-west-1.console.aws.amazon.com/fis/home?region=x#Details:Id=1").is_some());
}

#[tokio::test]
async fn the_job_summary_is_replaced_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary");
    std::fs::write(&path, "# Earlier\n").unwrap();
    let mut sink = StepSummary::new(CommandFile::new(path.clone(), true));
    for result in [results::passed(), results::mixed(), results::passed()] {
        assert_eq!(sink.finish(&result).await.unwrap().outcome, Outcome::Written);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.strip_prefix("# Earlier\n").unwrap(), render(&result, &WHOLE));
    }
}

#[tokio::test]
async fn the_job_summary_minds_what_others_have_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary");
    let result = results::large(&"x ".repeat(300));
    for (earlier, outcome) in [(0, Outcome::Written), (800, Outcome::Written), (900, Outcome::Skipped)] {
        std::fs::write(&path, "x".repeat(earlier * 1024)).unwrap();
        let reported = StepSummary::new(CommandFile::new(path.clone(), true)).finish(&result).await.unwrap();
        assert_eq!(reported.outcome, outcome, "{earlier} KiB: {reported:?}");
        let length = std::fs::metadata(&path).unwrap().len();
        assert!(length <= 900 * 1024, "{length}");
    }
}

#[tokio::test]
async fn a_job_summary_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary");
    let reported =
        StepSummary::new(CommandFile::new(path.clone(), true)).finish(&results::passed()).await.unwrap();
    assert_eq!(reported.outcome, Outcome::Failed);
    assert!(!path.exists());
}

#[test]
fn probes_are_shown_with_the_arithmetic_of_the_score() {
    let page = render(&results::probed(), &WHOLE);
    for line in [
        "| checkout answers | http | 9/10 | 90 | 5 | after 500ms | after 0s | status 503, not 200 |",
        "| port open | tcp | 4/4 | 100 | 10 | – | – |  |",
        "| smoke | command | 0/0 | 0 | 1 | – | – | never evaluated |",
        "- az-latency: (90 × 5 + 100 × 10 + 0 × 1) / 16 = 90.62",
        "  - checkout answers, weight 5: 9 of 10 looks that count passed = 90",
        "    - Looks that passed: 90 % during (p50 12ms, p95 20ms, at most 21ms)",
        "- pod-delete: 100, since it completed and has no probes",
        "- **The run**: (90.62 × 10 + 100 × 30) / 40 = 97.65",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
    }
    assert!(!render(&results::mixed(), &WHOLE).contains("How the score came about"));
}

/// The limits of all places, the smallest first.
#[test]
fn what_is_to_be_copied_is_whole_or_says_that_it_is_cut() {
    let statement = format!(
        "`{{\"Sid\":\"Launch\",\"Action\":[\"fis:*\"],\"Resource\":\"https://x/{}\"}}`",
        "y".repeat(500)
    );
    for budget in [10_000, 30_000, 60_000] {
        let page = |statement: &str| {
            let mut result = results::passed();
            let experiment = &mut result.experiments[0];
            experiment.verdict = Verdict::Errored;
            experiment.reason = format!("could not start it; add this: {statement}");
            result.gate.reasons = vec![experiment.reason.clone()];
            render(&result, &PageLimits { budget, html: true, mermaid: true, hides_accounts: true })
        };
        let whole = page(&statement);
        assert!(whole.contains(&statement) && !whole.contains("cut here"), "{whole}");
        let cut = page(&format!("`{}`", "y".repeat(5_000)));
        assert!(cut.contains("y…` (cut here; `result.json` has all of it)"), "{cut}");
    }
}
