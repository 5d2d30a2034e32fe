//! The choice of a run's experiments: named by inputs, listed in a suite, or rehearsed.
//!
//! The experiments come from one place alone; two at once are a mistake. What an entry leaves out is
//! completed by the inputs.

use std::collections::BTreeSet;
use std::path::Path;

use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{EngineKind, EngineSpec, ExperimentPlan};

use crate::inputs::input::{Group, Input};
use crate::inputs::table::{
    AWS_REGION, AWS_ROLE_ARN, HARNESS_EXPERIMENT, HARNESS_URL, INPUTS, LITMUS_EXPERIMENT, LITMUS_URL,
    QUEUE_TIMEOUT, REHEARSAL, TEMPLATES, TIMEOUT,
};
use crate::layers::file::{Document, SUITE_NAMES};
use crate::layers::tokens::Tokens;
use crate::layers::values::Values;
use crate::suite::blocks::Block;
use crate::suite::blocks::fis::FisSubject;
use crate::suite::blocks::harness::HarnessBlock;
use crate::suite::blocks::litmus::LitmusBlock;
use crate::suite::completion::{self, Completion};
use crate::suite::content::ListedExperiment;
use crate::suite::query::{QueryAnswers, TemplateQuery};
use crate::suite::times;

/// The input that chooses an engine by naming its experiment; `None` for an engine that only a suite can name.
pub(crate) const fn chooser(engine: EngineKind) -> Option<Input> {
    match engine {
        EngineKind::Fis => Some(TEMPLATES.input()),
        EngineKind::Harness => Some(HARNESS_EXPERIMENT.input()),
        EngineKind::Litmus => Some(LITMUS_EXPERIMENT.input()),
        EngineKind::Command => None,
    }
}

/// The name of the input that tells the address of an engine's control plane; `None` for an engine without one.
pub const fn address_input(engine: EngineKind) -> Option<&'static str> {
    match engine {
        EngineKind::Harness => Some(HARNESS_URL.name()),
        EngineKind::Litmus => Some(LITMUS_URL.name()),
        EngineKind::Fis | EngineKind::Command => None,
    }
}

/// The block that the inputs of an engine with a control plane stand for, as far as they name this control
/// plane.
pub(crate) fn block_of_inputs(engine: EngineKind, values: &Values) -> Option<Block> {
    match engine {
        EngineKind::Harness => {
            let (url, experiment) = (values.get(HARNESS_URL.setting), values.get(HARNESS_EXPERIMENT));
            Some(Block::Harness(String::new(), HarnessBlock { experiment, url, ..HarnessBlock::default() }))
        }
        EngineKind::Litmus => {
            let (url, experiment) = (values.get(LITMUS_URL), values.get(LITMUS_EXPERIMENT));
            Some(Block::Litmus(String::new(), LitmusBlock { experiment, url, ..LitmusBlock::default() }))
        }
        EngineKind::Fis | EngineKind::Command => None,
    }
}

/// The inputs that only one engine reads; `None` for an engine without any.
const fn own_inputs(engine: EngineKind) -> Option<Group> {
    match engine {
        EngineKind::Harness => Some(Group::Harness),
        EngineKind::Litmus => Some(Group::Litmus),
        // The inputs of AWS serve probes as well.
        EngineKind::Fis | EngineKind::Command => None,
    }
}

/// Default weight of an experiment, equal to the default in a suite file.
const DEFAULT_WEIGHT: u32 = 10;

/// The suite file, as far as it matters for the choice of experiments.
pub(crate) enum SuiteFile<'a> {
    None,
    /// A file that could not be read. Nobody knows what it would have said, so nothing is said to be missing.
    Broken,
    Read {
        document: &'a Document,
        experiments: Option<&'a [ListedExperiment]>,
    },
}

/// Returns what to do where nothing is to run: what can be set here, and the suite that may have been meant.
pub(crate) fn advise(env: &Environment, dir: &Path) -> String {
    let mut similar = SUITE_NAMES.into_iter().filter_map(|name| Some((name, name.strip_prefix('.')?)));
    let similar = similar.find(|(_, dotless)| dir.join(dotless).is_file());
    let similar = similar.map(|(name, dotless)| format!("{dotless} is there: did you mean {name}? Or "));
    // Gitea and Forgejo say so too.
    let set = if env.get("GITHUB_ACTIONS").is_some() {
        "write `with: experiment-template-id` in the step, or list experiments in .faultgate.yml, which is there only \
         after actions/checkout"
    } else {
        "set experiment-template-id (--experiment-template-id or FAULTGATE_EXPERIMENT_TEMPLATE_ID), or list experiments \
         in .faultgate.yml"
    };
    format!("{}{set}; faultgate rehearse needs neither", similar.unwrap_or_default())
}

impl<'a> SuiteFile<'a> {
    /// Takes what was read of the file, and the experiments that it lists.
    pub(crate) fn of(
        document: Result<&'a Option<Document>, &()>,
        experiments: Option<&'a [ListedExperiment]>,
    ) -> Self {
        match document {
            Err(()) => Self::Broken,
            Ok(None) => Self::None,
            Ok(Some(document)) => Self::Read { document, experiments },
        }
    }
}

/// The experiments to run, in their order. `found` has the answers to the queries of the suite; a query
/// without an answer is one of those that are returned beside. `advice` is for a run without experiments.
pub(crate) fn experiments(
    values: &Values,
    tokens: &Tokens,
    suite: &SuiteFile<'_>,
    found: Option<&QueryAnswers>,
    advice: &str,
    mistakes: &mut Vec<Mistake>,
) -> (Vec<ExperimentPlan>, Vec<TemplateQuery>) {
    let mut queries = Queries { found, open: Vec::new(), advice };
    let experiments = choose(values, tokens, suite, &mut queries, mistakes);
    let mut names = BTreeSet::new();
    for experiment in experiments.iter().filter(|_| found.is_some()) {
        if !names.insert(&experiment.name) {
            let what = format!(
                "two experiments are called {}, which the queries of the suite have found",
                experiment.name
            );
            mistakes.push(Mistake::new("the suite file", what).hint("give their entries other names"));
        }
    }
    // A rehearsal talks to embedded endpoints, which need no secrets.
    if values.set(REHEARSAL).is_none() {
        completion::needed_secrets(&engines(values, suite), values, tokens, mistakes);
    }
    (experiments, queries.open)
}

/// The engines that are chosen, also for experiments that are not whole.
fn engines(values: &Values, suite: &SuiteFile<'_>) -> BTreeSet<EngineKind> {
    if let SuiteFile::Read { experiments: Some(entries), .. } = suite {
        return entries.iter().map(|entry| entry.block.kind()).collect();
    }
    let is_named = |engine: &EngineKind| chooser(*engine).is_some_and(|it| values.origin_of(&it).is_some());
    EngineKind::ALL.into_iter().find(is_named).into_iter().collect()
}

/// The answers to the queries of the suite, and the queries that have none.
struct Queries<'a> {
    found: Option<&'a QueryAnswers>,
    open: Vec<TemplateQuery>,
    /// The advice where nothing is to run.
    advice: &'a str,
}

fn choose(
    values: &Values,
    tokens: &Tokens,
    suite: &SuiteFile<'_>,
    queries: &mut Queries<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<ExperimentPlan> {
    let named = |engine| {
        let input = chooser(engine)?;
        Some((engine, input.name, values.origin_of(&input)?))
    };
    let named: Vec<(EngineKind, &str, &str)> = EngineKind::ALL.into_iter().filter_map(named).collect();
    let mut chosen: Vec<_> = named.iter().map(|(_, input, origin)| (*input, *origin)).collect();
    let listed = match suite {
        SuiteFile::Read { document, experiments: Some(entries) } => {
            chosen.push(("experiments of the suite file", &document.origin));
            Some(*entries)
        }
        SuiteFile::Read { experiments: None, .. } | SuiteFile::None | SuiteFile::Broken => None,
    };
    if chosen.len() > 1 {
        mistakes.push(two_choices(&chosen));
    }
    if let (Some(entries), SuiteFile::Read { document, .. }) = (listed, suite) {
        times::tell(entries, values, document, mistakes);
        let from = SuiteContext { values, tokens, document };
        return entries.iter().flat_map(|entry| from_suite(entry, &from, queries, mistakes)).collect();
    }
    // The mistake of two choices has been told by now, so any one of them will do.
    if let Some((engine, _, origin)) = named.first() {
        let completion = Completion { values, tokens, origin, block: None };
        return match engine {
            EngineKind::Fis => from_templates(values),
            EngineKind::Harness => alone(completion.harness(&HarnessBlock::default(), mistakes), values),
            EngineKind::Litmus => alone(completion.litmus(&LitmusBlock::default(), mistakes), values),
            // No input names a command.
            EngineKind::Command => Vec::new(),
        };
    }
    if values.set(REHEARSAL).is_some() {
        // A rehearsal needs no experiment: it plays a template that does not exist.
        return vec![plan("rehearsal".to_owned(), fis("EXTrehearsal".to_owned(), values), values)];
    }
    if !matches!(suite, SuiteFile::Broken) {
        mistakes.push(nothing_to_run(suite, queries.advice));
    }
    Vec::new()
}

fn two_choices(chosen: &[(&str, &str)]) -> Mistake {
    let names: Vec<_> = chosen.iter().map(|(name, _)| *name).collect();
    let origins: Vec<_> = chosen.iter().map(|(_, origin)| *origin).collect();
    Mistake::new(origins.join(" and "), format!("{} are set at once", names.join(" and ")))
        .hint("keep one of them: a run's experiments come from one place")
}

fn nothing_to_run(suite: &SuiteFile<'_>, advice: &str) -> Mistake {
    let origin = match suite {
        SuiteFile::Read { document, .. } => format!("flags, variables and {}", document.origin),
        SuiteFile::None | SuiteFile::Broken => "flags and variables; there is no suite file".to_owned(),
    };
    Mistake::new(origin, "nothing to run: no experiment is named").hint(advice)
}

fn from_templates(values: &Values) -> Vec<ExperimentPlan> {
    let mut taken = BTreeSet::new();
    let templates = values.get(TEMPLATES).unwrap_or_default();
    templates
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
    EngineSpec::Fis { template, region: values.get(AWS_REGION), role_arn: values.get(AWS_ROLE_ARN) }
}

fn plan(name: String, spec: EngineSpec, values: &Values) -> ExperimentPlan {
    ExperimentPlan {
        name,
        spec,
        weight: DEFAULT_WEIGHT,
        timeout: values.get(TIMEOUT),
        queue_timeout: values.get(QUEUE_TIMEOUT),
        expected: None,
        probes: Vec::new(),
    }
}

/// The context that entries of a suite are completed by.
struct SuiteContext<'a> {
    values: &'a Values,
    tokens: &'a Tokens,
    document: &'a Document,
}

/// The plans of an entry of the suite: one, unless it has a query. There is none if something is missing,
/// which has been told, or if the query has no answer yet.
fn from_suite(
    entry: &ListedExperiment,
    from: &SuiteContext<'_>,
    queries: &mut Queries<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<ExperimentPlan> {
    let SuiteContext { values, tokens, document } = *from;
    let completion =
        |path| Completion { values, tokens, origin: &document.origin, block: Some((document, path)) };
    let spec = match &entry.block {
        Block::Fis(block) => match &block.subject {
            FisSubject::Template(template) => Some(EngineSpec::Fis {
                template: template.clone(),
                region: block.region.clone().or_else(|| values.get(AWS_REGION)),
                role_arn: block.role_arn.clone().or_else(|| values.get(AWS_ROLE_ARN)),
            }),
            // A rehearsal has nobody to ask, and plays one template that does not exist.
            FisSubject::Query(_) if values.set(REHEARSAL).is_some() => {
                Some(fis("EXTrehearsal".to_owned(), values))
            }
            FisSubject::Query(query) => {
                let query = TemplateQuery::new(&entry.name, block, query, values, document);
                let Some(found) = query.expand(queries.found) else {
                    queries.open.push(query);
                    return Vec::new();
                };
                return found.into_iter().map(|(name, spec)| complete(entry, name, spec, values)).collect();
            }
        },
        Block::Command(command) => Some(EngineSpec::Command(command.clone())),
        Block::Harness(path, block) => completion(path).harness(block, mistakes),
        Block::Litmus(path, block) => completion(path).litmus(block, mistakes),
    };
    spec.map(|spec| complete(entry, entry.name.clone(), spec, values)).into_iter().collect()
}

/// The plan of an experiment, with what its entry says.
fn complete(entry: &ListedExperiment, name: String, spec: EngineSpec, values: &Values) -> ExperimentPlan {
    let base = plan(name, spec, values);
    ExperimentPlan {
        weight: entry.weight,
        timeout: entry.timeout.unwrap_or(base.timeout),
        queue_timeout: entry.queue_timeout.unwrap_or(base.queue_timeout),
        expected: entry.expected,
        probes: entry.probes.clone(),
        ..base
    }
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
pub(crate) fn without_effect(values: &Values, plans: &[ExperimentPlan], warnings: &mut Vec<String>) {
    for engine in EngineKind::ALL {
        let (Some(chooser), Some(group)) = (chooser(engine), own_inputs(engine)) else { continue };
        let runs = plans.iter().any(|plan| plan.spec.kind() == engine);
        if runs || values.origin_of(&chooser).is_some() {
            continue;
        }
        for input in INPUTS.iter().filter(|input| input.group == group) {
            if let Some(origin) = values.origin_of(input) {
                warnings
                    .push(format!("{} has no effect without {} (from {origin})", input.name, chooser.name));
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

    #[test]
    fn the_advice_is_what_can_be_done_here() {
        let dir = tempfile::tempdir().unwrap();
        let github = Environment::from_pairs([("GITHUB_ACTIONS", "true")]);
        let told = advise(&github, dir.path());
        assert!(told.starts_with("write `with: experiment-template-id`"), "{told}");
        assert!(told.contains("only after actions/checkout"), "{told}");
        let told = advise(&Environment::default(), dir.path());
        assert!(told.starts_with("set experiment-template-id (--experiment-template-id or"), "{told}");
        std::fs::write(dir.path().join("faultgate.yaml"), "version: 1").unwrap();
        let told = advise(&github, dir.path());
        assert!(
            told.starts_with("faultgate.yaml is there: did you mean .faultgate.yaml? Or write"),
            "{told}"
        );
    }
}
