//! The comparison with an earlier run: a line for the head, and a section with a table.

use super::lists::table;
use super::safe::{link, md};
use crate::words::change::{changed_probes, of_verdict, write_change, write_probe_score, write_score};
use faultgate_core::model::{EarlierRun, ExperimentChange, Presence, ProbeChange, RunComparison, RunResult};

/// Returns a line for the head, or `None` if the scores were not compared. It holds only numbers, so it is
/// always short.
pub(super) fn line(result: &RunResult) -> Option<String> {
    let change = crate::words::change::of_run(result.comparison.as_ref()?)?;
    Some(format!("Compared with the earlier run: **{change}**.\n\n"))
}

/// Returns the section: the earlier run, and a table of the experiments and probes that have changed.
pub(super) fn section(comparison: &RunComparison) -> String {
    let (mut rows, mut unchanged) = (Vec::new(), 0);
    for change in &comparison.experiments {
        let probes: Vec<&ProbeChange> = changed_probes(change).collect();
        if !change.has_changed() && probes.is_empty() {
            unchanged += 1;
            continue;
        }
        rows.push(of_experiment(change));
        rows.extend(probes.into_iter().map(|probe| of_probe(&change.name, probe)));
    }
    let columns = ["Experiment", "Probe", "Earlier", "Now", "Change", "Verdict"];
    let rest = match unchanged {
        0 => String::new(),
        1 => "1 experiment without a change.\n\n".to_owned(),
        _ => format!("{unchanged} experiments without a change.\n\n"),
    };
    format!(
        "### Compared with the earlier run\n\n{}\n\n{}{rest}",
        earlier(&comparison.earlier),
        table(&columns, rows.into_iter())
    )
}

fn earlier(run: &EarlierRun) -> String {
    let name = match run.url.as_deref().and_then(link) {
        Some(url) => format!("[{}]({url})", md(&run.id)),
        None => md(&run.id),
    };
    let commit = run.commit.as_deref().map(|commit| format!(" of commit {}", md(commit))).unwrap_or_default();
    let ended_at = run.ended_at.strftime("%Y-%m-%d %H:%M:%SZ");
    format!("It was {name}{commit}, which ended at {ended_at}: {}.", run.verdict)
}

fn of_experiment(change: &ExperimentChange) -> String {
    let (earlier, now) = (write_score(change.score.earlier()), write_score(change.score.now()));
    let (earlier, now, told) = match change.presence {
        Presence::Both => (earlier, now, write_change(change.score).unwrap_or_else(|| "unknown".to_owned())),
        Presence::New => ("–".to_owned(), now, "new".to_owned()),
        Presence::Gone => (earlier, "–".to_owned(), "gone".to_owned()),
    };
    let verdict = of_verdict(change.verdict);
    format!("| {} | | {earlier} | {now} | {told} | {verdict} |\n", md(&change.name))
}

fn of_probe(experiment: &str, probe: &ProbeChange) -> String {
    let (earlier, now) = (write_probe_score(probe.score.earlier()), write_probe_score(probe.score.now()));
    let told = write_change(probe.score).unwrap_or_else(|| "unknown".to_owned());
    format!("| {} | {} | {earlier} | {now} | {told} | |\n", md(experiment), md(&probe.name))
}
