//! The laws that hold whenever a run is disturbed.

use faultgate_testkit::binary::Finished;
use faultgate_testkit::contract;
use serde_json::Value;

use crate::case::{Case, Kill};
use crate::site::Site;

/// The violations that were found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) faults: Vec<String>,
    /// `true` if something runs or is there that nobody will end.
    pub(crate) leak: bool,
    /// `true` if `passed` was told somewhere although the experiment did not complete.
    pub(crate) false_green: bool,
}

impl Found {
    pub(crate) fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(otherwise());
        }
    }
}

/// Checks exit code, reports and statuses. `missed` is true if the run ended before the signal, and `early`
/// if the signal came before any request.
pub(crate) fn of_the_end(case: &Case, site: &Site, ended: &Finished, missed: bool, early: bool) -> Found {
    let mut found = Found::default();
    let result = result(ended, &mut found);
    if missed {
        found.expect(ended.code == Some(site.story.code().into()), || told(ended, "undisturbed"));
    } else {
        the_code(case, ended, early, &mut found);
    }
    if let Some(result) = &result {
        the_result(case, ended, result, missed, &mut found);
    } else if (missed || !case.is_cut_short()) && !early {
        found.faults.push(told(ended, "there is no result.json"));
    }
    let cut_short = case.is_cut_short() && !missed;
    the_statuses(site, cut_short, &mut found);
    no_false_green(site, ended, result.as_ref(), &mut found);
    found
}

/// Returns the result, or `None` if there is none. Half a file is a fault.
fn result(ended: &Finished, found: &mut Found) -> Option<Value> {
    let bytes = std::fs::read(ended.path("reports/result.json")).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(result) => Some(result),
        Err(error) => {
            found.faults.push(format!("result.json is not whole: {error}"));
            None
        }
    }
}

fn the_code(case: &Case, ended: &Finished, early: bool, found: &mut Found) {
    let signals = [Some(case.kill), case.again.map(|again| again.kill)];
    let mut codes: Vec<_> = signals.into_iter().flatten().filter_map(Kill::code).collect();
    codes.push(case.story.code());
    let fits = match ended.code {
        // A run that does not listen to signals yet is killed by any of them. It has asked for nothing then.
        None => early || case.kill == Kill::Outright,
        Some(code) => codes.iter().any(|own| code == i32::from(*own)),
    };
    found.expect(fits, || told(ended, "the exit code"));
}

fn the_result(case: &Case, ended: &Finished, result: &Value, missed: bool, found: &mut Found) {
    let gate = &result["gate"];
    let code = gate["exit_code"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
    let whole = std::panic::catch_unwind(|| contract::assert_result(result, code));
    found.expect(whole.is_ok(), || format!("result.json breaks the contract: {result:#}"));
    if missed || !case.is_cut_short() {
        found.expect(ended.code == Some(code.into()), || told(ended, &format!("result.json says {code}")));
    }
    let cancelled = gate["verdict"] == "cancelled";
    found.expect(cancelled == (code > 128), || format!("exit code and verdict: {gate:#}"));
}

/// Checks that the last state of each commit status is a verdict, unless nobody was left to post it.
pub(crate) fn the_statuses(site: &Site, cut_short: bool, found: &mut Found) {
    site.forge.look(|kept| {
        found.expect(kept.faults.is_empty(), || format!("the forge refused: {:?}", kept.faults));
        if cut_short {
            return;
        }
        for status in &kept.statuses {
            let last = kept.statuses.iter().rfind(|other| other.context == status.context);
            let open = last.is_some_and(|last| matches!(last.state.as_str(), "pending" | "running"));
            found.expect(!open, || format!("the last status of {} is {last:?}", status.context));
        }
    });
}

/// Checks that nobody was told of success although an experiment did not complete, or none was begun.
pub(crate) fn no_false_green(site: &Site, ended: &Finished, result: Option<&Value>, found: &mut Found) {
    let mut experiments = site.account.world.inventory().experiments;
    experiments.retain(|experiment| !experiment.skips_actions);
    if !experiments.is_empty() && experiments.iter().all(|experiment| experiment.status == "completed") {
        return;
    }
    let told_passed = result.is_some_and(|result| result["gate"]["verdict"] == "passed");
    let green = site.forge.look(|kept| kept.statuses.iter().any(|status| status.state == "success"));
    found.false_green = ended.code == Some(0) || told_passed || green;
    found.expect(!found.false_green, || told(ended, "a false green"));
}

/// Checks that nothing is left, after all that was to be done about it.
pub(crate) fn of_what_is_left(site: &Site, found: &mut Found) {
    let left = site.account.left();
    found.leak |= !left.is_empty();
    found.expect(left.is_empty(), || format!("left behind: {left:?}"));
    let (previews, begun): (Vec<_>, Vec<_>) =
        site.account.world.inventory().experiments.into_iter().partition(|own| own.skips_actions);
    found.expect(begun.len() <= 1 && previews.len() <= 1, || {
        format!("begun: {} experiments, {} previews", begun.len(), previews.len())
    });
}

/// Checks that no experiment runs any more, whatever is left beside.
pub(crate) fn of_what_runs(site: &Site, found: &mut Found) {
    let left = site.account.left();
    let runs = left.iter().any(|left| left.starts_with("experiment"));
    found.leak |= runs;
    found.expect(!runs, || format!("runs on after a stop of everything: {left:?}"));
}

fn told(ended: &Finished, what: &str) -> String {
    format!("{what}: exited with {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr)
}
