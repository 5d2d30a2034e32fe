//! The choice of a run's experiments: named by inputs, listed in a suite, or rehearsed.
//!
//! The experiments come from one place alone; two at once are a mistake. What an entry leaves out is
//! completed by the inputs.

use std::collections::BTreeSet;

use super::centers::{self, Completion, HarnessBlock, LitmusBlock};
use super::file::Document;
use super::suite::{Block, Entry};
use super::values::Values;
use crate::tokens::Tokens;
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::Problem;
use faultgate_core::model::{EngineSpec, ExperimentPlan, Shard};

const TEMPLATES: &str = "experiment-template-id";

const HARNESS: &str = "harness-experiment-id";
const LITMUS: &str = "litmus-experiment-id";

/// Inputs that choose an engine by naming its experiment, each with the name of the engine.
pub(super) const CHOOSERS: [(&str, &str); 3] = [(TEMPLATES, "fis"), (HARNESS, "harness"), (LITMUS, "litmus")];

/// Default weight of an experiment, equal to the default in a suite file.
const DEFAULT_WEIGHT: u32 = 10;

/// The suite file, as far as it matters for the choice of experiments.
pub(super) enum SuiteFile<'a> {
    None,
    /// A file that could not be read. Nobody knows what it would have said, so nothing is said to be missing.
    Broken,
    Read {
        document: &'a Document,
        experiments: Option<&'a [Entry]>,
    },
}

/// The experiments to run, in their order.
pub(super) fn experiments(
    values: &Values,
    tokens: &Tokens,
    suite: &SuiteFile<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<ExperimentPlan> {
    let experiments = named(values, tokens, suite, mistakes);
    // A rehearsal talks to embedded endpoints, which need no secrets.
    if values.set("rehearsal").is_none() {
        centers::needed_secrets(experiments.iter().map(|e| &e.spec), values, tokens, mistakes);
    }
    experiments
}

fn named(
    values: &Values,
    tokens: &Tokens,
    suite: &SuiteFile<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<ExperimentPlan> {
    let mut chosen: Vec<(&str, &str)> =
        CHOOSERS.iter().filter_map(|(input, _)| Some((*input, values.set(input)?))).collect();
    let listed = match suite {
        SuiteFile::Read { document, experiments: Some(entries) } => {
            chosen.push(("experiments of the suite file", &document.origin));
            Some(*entries)
        }
        _ => None,
    };
    if chosen.len() > 1 {
        mistakes.push(two_choices(&chosen));
    }
    if let (Some(entries), SuiteFile::Read { document, .. }) = (listed, suite) {
        let completed =
            entries.iter().filter_map(|entry| from_suite(entry, values, tokens, document, mistakes));
        return completed.collect();
    }
    let completion = |input: &str| Completion {
        values,
        tokens,
        origin: values.set(input).unwrap_or_default(),
        block: None,
    };
    // The mistake of two choices has been told by now, so any one of them will do.
    match chosen.first() {
        None => {}
        Some(&(TEMPLATES, _)) => return from_templates(values),
        Some(&(HARNESS, _)) => {
            let spec = completion(HARNESS).harness(&HarnessBlock::default(), mistakes);
            return alone(spec, values);
        }
        Some(_) => return alone(completion(LITMUS).litmus(&LitmusBlock::default(), mistakes), values),
    }
    if values.set("rehearsal").is_some() {
        // A rehearsal needs no experiment: it plays a template that does not exist.
        return vec![plan("rehearsal".to_owned(), fis("EXTrehearsal".to_owned(), values), values)];
    }
    if !matches!(suite, SuiteFile::Broken) {
        mistakes.push(nothing_to_run(suite));
    }
    Vec::new()
}

/// The shard of the experiments that this job runs. The choice goes by their places in the list, which are
/// the same on every machine.
pub(super) fn part(
    experiments: Vec<ExperimentPlan>,
    values: &Values,
    mistakes: &mut Vec<Mistake>,
) -> (Vec<ExperimentPlan>, Option<Shard>) {
    let Some(shard) = values.text("shard").and_then(|text| text.parse::<Shard>().ok()) else {
        return (experiments, None);
    };
    let count = experiments.len();
    // A plan without any experiment has its own mistake.
    if count > 0 && shard.of() as usize > count {
        let plural = if count == 1 { "is 1 experiment" } else { "are only {count} experiments" };
        let problem = Problem::new(format!(
            "has more parts than experiments: there {}",
            plural.replace("{count}", &count.to_string())
        ));
        mistakes.push(values.mistake("shard", problem.hint(format!("write at most n/{count}"))));
    }
    let mine = experiments.into_iter().enumerate().filter(|(place, _)| shard.takes(*place));
    (mine.map(|(_, experiment)| experiment).collect(), Some(shard))
}

fn two_choices(chosen: &[(&str, &str)]) -> Mistake {
    let names: Vec<_> = chosen.iter().map(|(name, _)| *name).collect();
    let origins: Vec<_> = chosen.iter().map(|(_, origin)| *origin).collect();
    Mistake::new(origins.join(" and "), format!("{} are set at once", names.join(" and ")))
        .hint("keep one of them: a run's experiments come from one place")
}

fn nothing_to_run(suite: &SuiteFile<'_>) -> Mistake {
    let origin = match suite {
        SuiteFile::Read { document, .. } => format!("flags, variables and {}", document.origin),
        _ => "flags and variables; there is no suite file".to_owned(),
    };
    Mistake::new(origin, "nothing to run: no experiment is named").hint(
        "set experiment-template-id (--experiment-template-id or FAULTGATE_EXPERIMENT_TEMPLATE_ID), \
         or list experiments in .faultgate.yml; faultgate rehearse needs neither",
    )
}

fn from_templates(values: &Values) -> Vec<ExperimentPlan> {
    let mut taken = BTreeSet::new();
    values
        .list(TEMPLATES)
        .iter()
        .map(|template| {
            let name = unique(&slug(template), &mut taken);
            plan(name, fis(template.clone(), values), values)
        })
        .collect()
}

/// The plan of the one experiment that inputs name.
fn alone(spec: Option<EngineSpec>, values: &Values) -> Vec<ExperimentPlan> {
    spec.map(|spec| plan(slug(spec.source()), spec, values)).into_iter().collect()
}

fn fis(template: String, values: &Values) -> EngineSpec {
    EngineSpec::Fis { template, region: values.text("aws-region"), role_arn: values.text("aws-role-arn") }
}

fn plan(name: String, spec: EngineSpec, values: &Values) -> ExperimentPlan {
    ExperimentPlan {
        name,
        spec,
        weight: DEFAULT_WEIGHT,
        timeout: values.duration("timeout"),
        queue_timeout: values.duration("queue-timeout"),
        expected: None,
        probes: Vec::new(),
    }
}

/// The plan of an entry of the suite; `None` if something is missing, which has been told.
fn from_suite(
    entry: &Entry,
    values: &Values,
    tokens: &Tokens,
    document: &Document,
    mistakes: &mut Vec<Mistake>,
) -> Option<ExperimentPlan> {
    let completion =
        |path| Completion { values, tokens, origin: &document.origin, block: Some((document, path)) };
    let spec = match &entry.block {
        Block::Spec(EngineSpec::Fis { template, region, role_arn }) => EngineSpec::Fis {
            template: template.clone(),
            region: region.clone().or_else(|| values.text("aws-region")),
            role_arn: role_arn.clone().or_else(|| values.text("aws-role-arn")),
        },
        Block::Spec(spec) => spec.clone(),
        Block::Harness(path, block) => completion(path).harness(block, mistakes)?,
        Block::Litmus(path, block) => completion(path).litmus(block, mistakes)?,
    };
    let base = plan(entry.name.clone(), spec, values);
    Some(ExperimentPlan {
        weight: entry.weight,
        timeout: entry.timeout.unwrap_or(base.timeout),
        queue_timeout: entry.queue_timeout.unwrap_or(base.queue_timeout),
        expected: entry.expected,
        probes: entry.probes.clone(),
        ..base
    })
}

/// The id of an engine in the characters and the length that the name of an experiment may have.
fn slug(id: &str) -> String {
    id.chars()
        .take(64)
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect()
}

/// The name, or the first of `name-2`, `name-3`, … that is free. It is never longer than a suite allows.
fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1_usize;
    while !taken.insert(candidate.clone()) {
        number += 1;
        let suffix = format!("-{number}");
        // A slug is ASCII, so it can be cut at any place.
        candidate = format!("{}{suffix}", &name[..name.len().min(64 - suffix.len())]);
    }
    candidate
}

/// Warns of inputs for engines that are not chosen: they have no effect, and whoever set them may believe
/// otherwise.
pub(super) fn without_effect(values: &Values, plans: &[ExperimentPlan], warnings: &mut Vec<String>) {
    for (chooser, engine) in CHOOSERS.iter().filter(|(name, _)| *name != TEMPLATES) {
        let runs = plans.iter().any(|plan| plan.spec.engine() == *engine);
        if runs || values.set(chooser).is_some() {
            continue;
        }
        let prefix = format!("{engine}-");
        for input in super::INPUTS.iter().filter(|i| i.name.starts_with(&prefix)) {
            if let Some(origin) = values.set(input.name) {
                warnings.push(format!("{} has no effect without {chooser} (from {origin})", input.name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_ids_and_stay_unique() {
        let mut taken = BTreeSet::new();
        let names: Vec<_> = ["EXT1a", "ext1A", "EXT1a", "EXT_1é", "EXT1a-2"]
            .iter()
            .map(|id| unique(&slug(id), &mut taken))
            .collect();
        assert_eq!(names, ["ext1a", "ext1a-2", "ext1a-3", "ext-1-", "ext1a-2-2"]);
    }

    #[test]
    fn unique_names_keep_their_limit() {
        let mut taken = BTreeSet::new();
        for _ in 0..12 {
            assert!(unique(&"x".repeat(64), &mut taken).len() <= 64);
        }
        assert_eq!(taken.len(), 12);
    }
}
