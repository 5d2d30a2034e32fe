//! Sections that concern the run and no single experiment: resources that are left, findings before the
//! launch, and, folded, how the run itself went.

use maud::{Markup, html};

use super::raw;
use super::tables::table;
use super::words::{MAX_CELL_CHARS, MAX_SENTENCE_CHARS, fold, millis, plain, rows};
use faultgate_core::model::{ExperimentResult, Finding, Level, RunResult};

/// Maximum number of rows of a table.
const MAX_ROWS: usize = 100;

/// Renders what the reader has to do something about: resources that are left, and findings that are more
/// than a confirmation.
pub(super) fn to_do(result: &RunResult) -> Markup {
    let left: Vec<&String> =
        result.subscriptions.iter().flat_map(|subscription| &subscription.leftovers).collect();
    let findings: Vec<&Finding> =
        result.findings.iter().filter(|finding| finding.level > Level::Ok).collect();
    html! {
        @if !left.is_empty() {
            section aria-labelledby="left" {
                h2 #left { "Not removed" }
                p.note { "What is listed here still exists in the account." }
                ul {
                    @for leftover in left.into_iter().take(MAX_ROWS) {
                        li { code { (plain(leftover, MAX_SENTENCE_CHARS)) } }
                    }
                }
            }
        }
        @if !findings.is_empty() {
            section aria-labelledby="findings" {
                h2 #findings { "Before the launch" }
                (table_of_findings(&findings))
            }
        }
    }
}

/// Renders the section that folds: how the run itself went, and the result as it is.
pub(super) fn section(result: &RunResult) -> Markup {
    let findings: Vec<&Finding> = result.findings.iter().collect();
    html! {
        section.diagnostics aria-labelledby="diagnostics" {
            h2 #diagnostics { "Diagnostics" }
            @if !result.experiments.is_empty() { (fold("How each end was learned", &monitors(&result.experiments))) }
            @if !findings.is_empty() { (fold("Checks before the launch", &table_of_findings(&findings))) }
            @if !result.subscriptions.is_empty() { (fold("Subscriptions", &subscriptions(result))) }
            @if !result.api_calls.is_empty() { (fold("Requests", &requests(result))) }
            @if !result.reporting.is_empty() { (fold("Reports", &reports(result))) }
            (raw::fold(result))
        }
    }
}

fn table_of_findings(findings: &[&Finding]) -> Markup {
    let body = rows(findings, MAX_ROWS, 4, |finding| {
        html! {
            tr {
                td class=(tone(finding.level)) { (finding.level.as_str()) }
                th scope="row" { (plain(&finding.subject, MAX_CELL_CHARS)) }
                td.t { (plain(&finding.message, MAX_SENTENCE_CHARS)) }
                td.t { (plain(finding.remedy.as_deref().unwrap_or_default(), MAX_SENTENCE_CHARS)) }
            }
        }
    });
    table("Findings before the launch", &["Level", "Subject", "Finding", "What to do"], &body)
}

fn tone(level: Level) -> &'static str {
    match level {
        Level::Ok => "good",
        Level::Note => "dim",
        Level::Warning => "warn",
        Level::Error => "bad",
    }
}

fn monitors(experiments: &[ExperimentResult]) -> Markup {
    let body = rows(experiments, MAX_ROWS, 9, |experiment| {
        let monitor = &experiment.monitor;
        let requests = monitor.api_calls.values().fold(0_u64, |sum, calls| sum.saturating_add(*calls));
        let learned = if monitor.learned.is_empty() { "it was not" } else { &monitor.learned };
        html! {
            tr {
                th scope="row" { (plain(&experiment.name, MAX_CELL_CHARS)) }
                td.t { (plain(learned, MAX_SENTENCE_CHARS)) }
                td { (monitor.mode.as_str()) }
                @for count in [monitor.events, monitor.duplicates, monitor.malformed, monitor.let_go,
                    monitor.reconciliations, requests] {
                    td.n { (count) }
                }
            }
        }
    });
    let columns = [
        "Experiment",
        "Its end was learned",
        "Monitor",
        "Events",
        "Duplicates",
        "Malformed",
        "Let go",
        "Reconciliations",
        "Requests",
    ];
    table("How each end was learned", &columns, &body)
}

fn subscriptions(result: &RunResult) -> Markup {
    let body = rows(&result.subscriptions, MAX_ROWS, 3, |subscription| {
        html! {
            tr {
                th scope="row" { (plain(&subscription.name, MAX_CELL_CHARS)) }
                td { (plain(subscription.region.as_deref().unwrap_or("–"), 64)) }
                td { (subscription.handshake_ms.map_or_else(|| "–".to_owned(), millis)) }
            }
        }
    });
    table("Subscriptions", &["Subscription", "Region", "Handshake took"], &body)
}

fn requests(result: &RunResult) -> Markup {
    let all: Vec<_> = result.api_calls.iter().collect();
    let body = rows(&all, MAX_ROWS, 2, |(operation, calls)| {
        html! { tr { th scope="row" { (plain(operation, MAX_CELL_CHARS)) } td.n { (calls) } } }
    });
    table("Requests", &["Operation", "Requests"], &body)
}

fn reports(result: &RunResult) -> Markup {
    let body = rows(&result.reporting, MAX_ROWS, 3, |reported| {
        html! {
            tr {
                th scope="row" { (plain(&reported.sink, MAX_CELL_CHARS)) }
                td class=(if reported.is_missing() { "warn" } else { "dim" }) { (reported.outcome.as_str()) }
                td.t { (plain(reported.detail.as_deref().unwrap_or_default(), MAX_SENTENCE_CHARS)) }
            }
        }
    });
    html! {
        p { "As far as they were written before this page; result.json tells of all." }
        (table("Reports", &["Report", "Outcome", "Detail"], &body))
    }
}
