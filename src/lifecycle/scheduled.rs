//! The experiments of a run, each with the engine that carries it out and the evaluators of its probes.

use std::rc::Rc;
use std::sync::Arc;

use faultgate_core::model::{ExperimentPlan, Phase, Plan};
use faultgate_engines::Engine;
use faultgate_engines::probe::Evaluate;

/// The engine and the evaluators of one experiment of the plan. Experiments in one place share an engine.
#[derive(Clone)]
pub struct Equipment {
    pub engine: Rc<dyn Engine>,
    /// Evaluators of the experiment's probes, in their order. A dry run evaluates nothing and needs none.
    pub evaluators: Vec<Arc<dyn Evaluate>>,
}

/// An experiment of the plan with its equipment.
pub(super) struct Scheduled<'a> {
    /// The experiment's place in the plan, by which events and the journal name it.
    pub(super) number: usize,
    pub(super) plan: &'a ExperimentPlan,
    pub(super) engine: Rc<dyn Engine>,
    pub(super) evaluators: Vec<Arc<dyn Evaluate>>,
}

impl Scheduled<'_> {
    /// Returns `true` if probes are evaluated before the launch.
    pub(super) fn has_probes_before(&self) -> bool {
        self.plan.probes.iter().any(|probe| probe.when.contains(&Phase::Before))
    }
}

/// Equipment that does not fit the plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("the plan has {planned} experiments, and {equipped} are equipped")]
    Experiments { planned: usize, equipped: usize },
    #[error("{experiment} has {planned} probes, and {equipped} of them have an evaluator")]
    Probes { experiment: String, planned: usize, equipped: usize },
}

/// Gives each experiment of the plan its equipment, which comes in the plan's order.
pub(super) fn schedule(plan: &Plan, equipment: Vec<Equipment>) -> Result<Vec<Scheduled<'_>>, Misfit> {
    if plan.experiments.len() != equipment.len() {
        return Err(Misfit::Experiments { planned: plan.experiments.len(), equipped: equipment.len() });
    }
    let both = plan.experiments.iter().zip(equipment).enumerate();
    both.map(|(number, (experiment, Equipment { engine, evaluators }))| {
        let (planned, equipped) = (experiment.probes.len(), evaluators.len());
        if planned != equipped && !plan.dry_run {
            return Err(Misfit::Probes { experiment: experiment.name.clone(), planned, equipped });
        }
        Ok(Scheduled { number, plan: experiment, engine, evaluators })
    })
    .collect()
}

/// Returns each engine once, in the order in which experiments need them.
pub(super) fn engines(scheduled: &[Scheduled<'_>]) -> Vec<Rc<dyn Engine>> {
    let mut engines: Vec<Rc<dyn Engine>> = Vec::new();
    for Scheduled { engine, .. } in scheduled {
        if !engines.iter().any(|known| Rc::ptr_eq(known, engine)) {
            engines.push(engine.clone());
        }
    }
    engines
}
