//! The part of a suite that one job carries out: first the experiments that `only` names, then their shard.

use std::collections::{BTreeSet, HashMap};

use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Problem, nearest, quote};
use faultgate_core::model::{ExperimentPlan, PlanItem, PlanOrigin, PlanRecord, Shard};

use faultgate_core::mistake::Mistake;

use crate::inputs::choices::{Only, ShardChoice};
use crate::inputs::table::{ONLY, PLAN_RUN, SHARD};
use crate::layers::values::Values;

/// Largest number of experiments whose names the result of some of them repeats.
const MAX_NAMED: usize = 500;
/// Limit of the experiments that one mistake names.
const MAX_TOLD: usize = 5;
/// Hint for an item that no longer fits.
const PLAN_AGAIN: &str = "make the plan again with the suite file and the inputs of this job";

/// Finds the shard that this job is, by the engine that runs it; the number of shards may be known.
pub type FindShard = fn(&Environment, Option<u32>) -> Result<Shard, Problem>;

/// The whole suite, of which a part is chosen.
pub(crate) struct Whole {
    /// Experiments of the suite, as far as they are known.
    pub(crate) experiments: Vec<ExperimentPlan>,
    pub(crate) record: PlanRecord,
    /// `true` if all experiments are known. Where they are found by a query, an item may be all that is known.
    pub(crate) is_known: bool,
}

/// The part of a suite that a job carries out.
pub(crate) struct Chosen {
    pub(crate) experiments: Vec<ExperimentPlan>,
    pub(crate) shard: Option<Shard>,
    pub(crate) is_part: bool,
    pub(crate) record: PlanRecord,
    pub(crate) suite_size: Option<usize>,
    /// Id of the plan: the one that was given, or that of the items that were handed back.
    pub(crate) plan_run: Option<String>,
}

/// The chooser of a part, which collects the mistakes.
pub(crate) struct Chooser<'a> {
    pub(crate) values: &'a Values,
    pub(crate) env: &'a Environment,
    pub(crate) find_shard: FindShard,
    pub(crate) mistakes: &'a mut Vec<Mistake>,
}

impl Chooser<'_> {
    pub(crate) fn choose(mut self, whole: Whole) -> Chosen {
        let size = whole.experiments.len();
        let suite_size = whole.is_known.then_some(size);
        let plan_run = self.values.get(PLAN_RUN);
        let chosen = match self.values.get(ONLY) {
            None => Chosen {
                experiments: whole.experiments,
                shard: None,
                is_part: false,
                record: whole.record,
                suite_size,
                plan_run,
            },
            Some(Only::Names(names)) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                // A suite without any experiment has its own mistake.
                let is_complete = whole.is_known && size > 0;
                let experiments = self.pick(whole.experiments, &names, is_complete);
                let is_part = experiments.len() != size;
                Chosen {
                    experiments,
                    shard: None,
                    is_part,
                    record: shorten(whole.record),
                    suite_size,
                    plan_run,
                }
            }
            Some(Only::Items(items)) => {
                let chosen = self.hand_back(whole, &items);
                Chosen { plan_run: plan_run.or(chosen.plan_run), ..chosen }
            }
        };
        self.split(chosen)
    }

    /// Picks the experiments of these names. `is_complete` is `true` if a name that is not there is a mistake.
    fn pick(&mut self, all: Vec<ExperimentPlan>, names: &[&str], is_complete: bool) -> Vec<ExperimentPlan> {
        let wanted: BTreeSet<&str> = names.iter().copied().collect();
        let known: BTreeSet<&str> = all.iter().map(|experiment| experiment.name.as_str()).collect();
        let unknown: Vec<&str> = wanted.difference(&known).copied().collect();
        if is_complete {
            for name in unknown.iter().take(MAX_TOLD) {
                let hint = nearest(name, known.iter().copied())
                    .map_or("faultgate plan lists all".to_owned(), |near| format!("did you mean {near}?"));
                self.tell(&format!("names {}, which is no experiment of the suite", quote(name)), &hint);
            }
            if let Some(more) = unknown.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
                let what = format!("names {more} more that are no experiments of the suite");
                self.tell(&what, "faultgate plan lists all");
            }
        }
        all.into_iter().filter(|experiment| wanted.contains(experiment.name.as_str())).collect()
    }

    /// Takes items of a plan back. Each must be what the suite makes of it here too: a plan that another
    /// suite made would be carried out by the probes and weights of this one.
    fn hand_back(&mut self, whole: Whole, items: &[PlanItem]) -> Chosen {
        let Whole { experiments, record, is_known } = whole;
        let size = experiments.len();
        let origin = items.first().map_or_else(
            || PlanOrigin { run: String::new(), suite: record.digest.clone(), suite_size: None },
            PlanItem::origin,
        );
        if items.iter().any(|item| item.origin() != origin) {
            self.tell("holds items of several plans", "hand back items of one plan");
        }
        let has_other_size = origin.suite_size.is_some_and(|told| told != size);
        if is_known && (origin.suite != record.digest || has_other_size) {
            self.tell("is of a plan of another suite", PLAN_AGAIN);
        }
        let mut by_name: HashMap<&str, &PlanItem> = HashMap::new();
        for item in items {
            if by_name.insert(&item.experiment, item).is_some() {
                let what = format!("holds {} twice", quote(&item.experiment));
                self.tell(&what, "hand back each item once");
            }
        }
        let names: Vec<&str> = items.iter().map(|item| item.experiment.as_str()).collect();
        let experiments = self.pick(experiments, &names, !is_known || size > 0);
        let differs = |experiment: &&ExperimentPlan| {
            by_name.get(experiment.name.as_str()).is_some_and(|item| !item.is_still(experiment))
        };
        let differing: Vec<String> = experiments.iter().filter(differs).map(|it| quote(&it.name)).collect();
        if let Some(first) = differing.first() {
            let more = if differing.len() > 1 {
                format!(" and {} more", differing.len() - 1)
            } else {
                String::new()
            };
            self.tell(&format!("has {first}{more} otherwise than the suite does here"), PLAN_AGAIN);
        }
        if origin.suite_size.is_some_and(|size| size < by_name.len()) {
            self.tell("holds more items than its suite has experiments", PLAN_AGAIN);
        }
        let suite_size = if is_known { Some(size) } else { origin.suite_size };
        let names = if is_known { record.experiments } else { Vec::new() };
        Chosen {
            is_part: suite_size != Some(experiments.len()),
            experiments,
            shard: None,
            record: shorten(PlanRecord { digest: origin.suite, experiments: names }),
            suite_size,
            plan_run: Some(origin.run),
        }
    }

    /// Leaves the shard of the experiments that this job runs. The choice goes by their places in the list,
    /// which are the same on every machine.
    fn split(&mut self, chosen: Chosen) -> Chosen {
        let shard = match self.values.get(SHARD) {
            None => return chosen,
            Some(ShardChoice::Fixed(shard)) => shard,
            Some(ShardChoice::Auto(total)) => match (self.find_shard)(self.env, total) {
                Ok(shard) => shard,
                Err(problem) => {
                    self.mistakes.push(self.values.mistake(SHARD, problem));
                    return chosen;
                }
            },
        };
        let count = chosen.experiments.len();
        // A plan without any experiment has its own mistake, and one whose queries are not answered has too few.
        if count > 0 && shard.total() as usize > count && chosen.suite_size.is_some() {
            let plural = if count == 1 {
                "is 1 experiment".to_owned()
            } else {
                format!("are only {count} experiments")
            };
            let problem = Problem::new(format!("has more parts than experiments: there {plural}"));
            self.mistakes.push(self.values.mistake(SHARD, problem.hint(format!("write at most n/{count}"))));
        }
        let mine = chosen.experiments.into_iter().enumerate().filter(|(place, _)| shard.takes(*place));
        Chosen {
            experiments: mine.map(|(_, experiment)| experiment).collect(),
            shard: Some(shard),
            is_part: chosen.is_part || !shard.is_whole(),
            ..chosen
        }
    }

    fn tell(&mut self, what: &str, hint: &str) {
        let mut problem = Problem::new(what).hint(hint);
        // The value may be a list of thousands, so what is wrong names the part of it.
        problem.hide = true;
        self.mistakes.push(self.values.mistake(ONLY, problem));
    }
}

/// Leaves the names out where there are many: each of thousands of results would repeat them.
fn shorten(record: PlanRecord) -> PlanRecord {
    if record.experiments.len() > MAX_NAMED {
        return PlanRecord { experiments: Vec::new(), ..record };
    }
    record
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
