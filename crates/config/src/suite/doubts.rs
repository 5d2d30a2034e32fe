//! The doubts about settings that are valid and hardly meant: a gate that measures nothing, a floor on another
//! scale, and the address that only a rehearsal knows.

use std::cmp::Reverse;

use ::config::{Value, ValueKind};
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{EngineSpec, ExperimentPlan, HaltRule, Phase, ProbePlan, Score, TARGET_HOST};

use crate::inputs::table::{DRY_RUN, EACH_SCORE, EXPECTED_SCORE, PARALLEL, REHEARSAL, TEMPLATES};
use crate::layers::file::{Document, below};
use crate::layers::values::Values;
use crate::suite::reader::sort_entries;

/// Key of the experiments in a suite.
const EXPERIMENTS: &str = "experiments";
/// Number of experiments that a warning names.
const MAX_NAMED: usize = 3;

/// Tells of all that is hardly meant.
pub(crate) fn tell(
    values: &Values,
    document: &Result<Option<Document>, ()>,
    plans: &[ExperimentPlan],
    halt: HaltRule,
    warnings: &mut Vec<String>,
    mistakes: &mut Vec<Mistake>,
) {
    let listed =
        document.as_ref().ok().and_then(Option::as_ref).filter(|one| one.root.contains_key(EXPERIMENTS));
    let rehearsed = values.set(REHEARSAL).is_some();
    // A plain rehearsal is given probes, and a dry run measures nothing.
    let is_plain = rehearsed && listed.is_none() && values.set(TEMPLATES).is_none();
    if !is_plain && !values.get(DRY_RUN) {
        unmeasured(plans, warnings);
    }
    tiny_floors(values, plans, warnings);
    unreachable_halt(values, plans, halt, warnings);
    if let Some(document) = listed.filter(|_| !rehearsed) {
        rehearsed_addresses(document, mistakes);
    }
}

/// Warns of experiments whose score says only that they have completed. Control planes and the journals of Chaos
/// Toolkit have probes of their own.
fn unmeasured(plans: &[ExperimentPlan], warnings: &mut Vec<String>) {
    let is_unmeasured = |plan: &&ExperimentPlan| {
        let measures = match &plan.spec {
            EngineSpec::Fis { .. } => false,
            EngineSpec::Command(command) => command.journal.is_some(),
            EngineSpec::Harness(_) | EngineSpec::Litmus(_) => true,
        };
        !measures && plan.probes.is_empty()
    };
    let names: Vec<&str> = plans.iter().filter(is_unmeasured).map(|plan| plan.name.as_str()).collect();
    let of = if names.len() < plans.len() { format!(" in {}", name_some(&names)) } else { String::new() };
    if !names.is_empty() {
        warnings.push(format!(
            "no probe measures the system{of}: the score is 100 as soon as an experiment completes; add one \
             (docs/first-probe.md)"
        ));
    }
}

/// Warns of floors that look like shares of 1: they would let nearly everything pass.
fn tiny_floors(values: &Values, plans: &[ExperimentPlan], warnings: &mut Vec<String>) {
    let expected = values.set(EXPECTED_SCORE).map(|origin| (values.get(EXPECTED_SCORE), origin));
    let each = values.get(EACH_SCORE).zip(values.set(EACH_SCORE));
    for (input, set) in [(EXPECTED_SCORE.name(), expected), (EACH_SCORE.name(), each)] {
        if let Some((floor, origin)) = set.filter(|(floor, _)| is_tiny(*floor)) {
            warnings.push(tell_scale(floor, input, &format!(" (from {origin})")));
        }
    }
    let of_plan = |plan: &ExperimentPlan| plan.expected.filter(|floor| is_tiny(*floor));
    if let Some(floor) = plans.iter().find_map(of_plan) {
        let with_it = plans.iter().filter(|plan| of_plan(plan).is_some());
        let names: Vec<&str> = with_it.map(|plan| plan.name.as_str()).collect();
        warnings.push(tell_scale(floor, EXPECTED_SCORE.name(), &format!(" ({})", name_some(&names))));
    }
}

/// Warns of a number of failing probes that the experiments which run at the same time do not have.
fn unreachable_halt(values: &Values, plans: &[ExperimentPlan], halt: HaltRule, warnings: &mut Vec<String>) {
    let is_during = |probe: &&ProbePlan| probe.when.contains(&Phase::During);
    let mut counts: Vec<usize> =
        plans.iter().map(|plan| plan.probes.iter().filter(is_during).count()).collect();
    counts.sort_unstable_by_key(|count| Reverse(*count));
    let parallel = values.get(PARALLEL);
    let at_once = counts.iter().take(usize::try_from(parallel).unwrap_or(usize::MAX)).sum();
    if let Some(limit) = halt.failing_probes.filter(|limit| *limit as usize > at_once) {
        warnings.push(format!(
            "abort-when stops nothing: failing-probes is {limit}, and at most {at_once} of this job's probes are \
             evaluated at the same time (parallel {parallel})"
        ));
    }
}

fn is_tiny(floor: Score) -> bool {
    floor > Score::ZERO && floor.get() <= 1.0
}

fn tell_scale(floor: Score, input: &str, whose: &str) -> String {
    let meant = Score::new(floor.get() * 100.0).unwrap_or(Score::FULL);
    format!("{input} {floor} is on a scale from 0 to 100: did you mean {meant}?{whose}")
}

/// Tells of each place in the experiments at which the system of a rehearsal is named. No real run reaches it.
fn rehearsed_addresses(document: &Document, mistakes: &mut Vec<Mistake>) {
    if let Some(experiments) = document.root.get(EXPERIMENTS) {
        find_target(experiments, EXPERIMENTS, document, mistakes);
    }
}

fn find_target(value: &Value, path: &str, document: &Document, mistakes: &mut Vec<Mistake>) {
    match &value.kind {
        ValueKind::String(text) if text.to_ascii_lowercase().contains(TARGET_HOST) => {
            let what = format!("{path}: {TARGET_HOST} exists only in a rehearsal");
            let mistake = Mistake::new(&document.origin, what).hint("write the address of your system");
            mistakes.push(mistake.at(document.value_at(path)));
        }
        ValueKind::Table(table) => {
            for (key, value) in sort_entries(table) {
                find_target(value, &below(path, key), document, mistakes);
            }
        }
        ValueKind::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                find_target(item, &format!("{path}[{place}]"), document, mistakes);
            }
        }
        _ => {}
    }
}

/// Names the first few experiments, and counts the others.
fn name_some(names: &[&str]) -> String {
    let first = names[..names.len().min(MAX_NAMED)].join(", ");
    match names.len().saturating_sub(MAX_NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Leaves out the warning that nothing is measured, for tests of other warnings by suites without probes.
#[cfg(test)]
pub(crate) fn without_unmeasured(mut settings: crate::Settings) -> crate::Settings {
    settings.warnings.retain(|warning| !warning.starts_with("no probe measures"));
    settings
}

#[cfg(test)]
mod tests {
    use faultgate_core::environment::Environment;

    use crate::{Outside, Settings, load};

    const PROBE: &str = "probes: [{ name: p, http: { url: 'https://shop.example/' } }]";

    /// Loads a suite with these experiments, by these flags.
    fn try_load(experiments: &str, flags: &[(&str, &str)]) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let suite = format!("version: 1\nexperiments:\n{experiments}");
        std::fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
        let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let outside = Outside { scenarios: &["completed"], ..Outside::default() };
        load(&Environment::default(), flags, dir.path(), outside, &[])
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    fn warnings(experiments: &str, flags: &[(&str, &str)]) -> Vec<String> {
        try_load(experiments, flags).unwrap().warnings
    }

    fn fis(name: &str, more: &str) -> String {
        format!("  - {{ name: {name}, fis: {{ template: EXT1 }}, {more} }}\n")
    }

    #[test]
    fn a_run_without_any_probe_is_told_once() {
        let all: String = (0..300).map(|number| fis(&format!("e{number}"), "")).collect();
        let told = warnings(&all, &[]);
        let [warning] = &told[..] else { panic!("one warning: {told:?}") };
        assert!(warning.starts_with("no probe measures the system: the score is 100"), "{warning}");
        let told = warnings(&(all + &fis("probed", PROBE)), &[]);
        assert!(told[0].starts_with("no probe measures the system in e0, e1, e2 and 297 more: "), "{told:?}");
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn what_measures_by_itself_and_what_measures_nothing_at_all_is_not_told() {
        let journal = "  - { name: a, command: { run: [chaos, run, x.json], journal: journal.json } }\n";
        assert!(warnings(journal, &[]).is_empty());
        assert!(warnings(&fis("a", PROBE), &[]).is_empty());
        assert!(warnings(&fis("a", ""), &[("dry-run", "true")]).is_empty());
        let command = "  - { name: a, command: { run: [docker, pause, x] } }\n";
        assert_eq!(warnings(command, &[]).len(), 1);
        assert_eq!(warnings(&fis("a", ""), &[("rehearsal", "completed")]).len(), 1);
        let plain = Outside { scenarios: &["completed"], ..Outside::default() };
        let dir = tempfile::tempdir().unwrap();
        let flags = vec![("rehearsal".to_owned(), "completed".into())];
        let settings = load(&Environment::default(), flags, dir.path(), plain, &[]).unwrap();
        assert!(settings.warnings.is_empty(), "it is given probes: {:?}", settings.warnings);
    }

    #[test]
    fn a_floor_that_looks_like_a_share_is_told() {
        let own = fis("a", &format!("expected-resilience-score: 0.5, {PROBE}"));
        let told = warnings(&own, &[("expected-resilience-score", "0.95"), ("each-resilience-score", "1")]);
        assert_eq!(
            told,
            [
                "expected-resilience-score 0.95 is on a scale from 0 to 100: did you mean 95? \
                 (from --expected-resilience-score)",
                "each-resilience-score 1 is on a scale from 0 to 100: did you mean 100? \
                 (from --each-resilience-score)",
                "expected-resilience-score 0.5 is on a scale from 0 to 100: did you mean 50? (a)",
            ]
        );
        for score in ["0", "1.01", "95", "100"] {
            let told = warnings(&fis("a", PROBE), &[("expected-resilience-score", score)]);
            assert!(told.is_empty(), "{told:?}");
        }
    }

    #[test]
    fn a_halt_that_the_experiments_at_the_same_time_cannot_reach_is_told() {
        let two = fis("a", PROBE) + &fis("b", PROBE) + "abort-when: { failing-probes: 2 }\n";
        assert_eq!(warnings(&two, &[("parallel", "2")]), [""; 0]);
        for (flags, parallel) in [
            (&[][..], 1),
            (&[("parallel", "2"), ("only", "a")], 2),
            (&[("parallel", "2"), ("shard", "1/2")], 2),
        ] {
            let told = "abort-when stops nothing: failing-probes is 2, and at most 1 of this job's probes are \
                        evaluated at the same time (parallel ";
            assert_eq!(warnings(&two, flags), [format!("{told}{parallel})")]);
        }
    }

    #[test]
    fn the_address_of_a_rehearsal_is_a_mistake_in_a_real_run() {
        let suite = fis("a", "probes: [{ name: p, http: { url: 'http://Target.rehearsal.invalid/x' } }]");
        assert_eq!(
            try_load(&suite, &[]).unwrap_err(),
            "experiments[0].probes[0].http.url: target.rehearsal.invalid exists only in a rehearsal (from \
             .faultgate.yml:3:74); write the address of your system"
        );
        assert!(try_load(&suite, &[("rehearsal", "completed")]).is_ok());
    }
}
