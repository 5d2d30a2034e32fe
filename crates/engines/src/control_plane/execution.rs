//! The reading of `executionData`, in which a control plane keeps what became of a run's faults. Pure. It
//! comes as an object or as the text of one, with parts missing, and from agents of any age. What cannot be
//! read is left out, and nothing is made up.

use jiff::Timestamp;
use serde_json::Value;

use super::course::{self, FaultCourse, Signs, has_failed, has_passed};
use super::manager::RunDetails;
use super::node::{ExecutionNode, FaultNode, MAX_NAME_CHARS, MAX_PROBES, MAX_SENTENCE_CHARS, text, time};
use super::weights::{self, Worth};
use crate::FaultTimes;
use faultgate_core::model::{Action, Effect, Fault, FaultProbe, FaultWindow, Score, Target};
use faultgate_core::text::plain;

/// Most nodes of a run that are kept, most weights, and most probes that are told apart from the nodes.
const MAX_NODES: usize = 200;

/// Name of the fault under which the probes of the whole experiment are shown.
const WHOLE_EXPERIMENT: &str = "(experiment)";

/// The details of a run, as far as they can be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Execution {
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) message: Option<String>,
    pub(super) faults: Vec<Fault>,
    /// The course of each of the first `faults`, in their order: those of nodes, then those that only the
    /// weights name.
    pub(super) told: Vec<ToldFault>,
    pub(super) actions: Vec<Action>,
    pub(super) targets: Vec<Target>,
    /// Resources whose fault was injected and is not known to be reverted.
    pub(super) unreverted: Vec<String>,
    /// The score that the weights and the faults' probes bear out.
    pub(super) worth: Option<Worth>,
    /// The reason why nothing is known of the faults, if nothing is.
    pub(super) unreadable: Option<String>,
}

/// The course of one fault.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToldFault {
    pub(super) name: String,
    pub(super) course: FaultCourse,
    /// The verdict by which the control plane counts the fault. `None` if it has no node with data, and is
    /// not counted.
    pub(super) counted: Option<String>,
}

impl Execution {
    /// Returns the number of probes that passed or failed: the others said nothing.
    pub(super) fn count_evaluated(&self) -> usize {
        let probes = self.faults.iter().flat_map(|fault| &fault.probes);
        probes.filter(|probe| has_passed(&probe.verdict) || has_failed(&probe.verdict)).count()
    }

    /// Returns `true` if there are probes of the whole experiment, whose weight is not told.
    pub(super) fn has_probes_of_its_own(&self) -> bool {
        self.faults.iter().any(|fault| fault.name == WHOLE_EXPERIMENT)
    }

    /// Returns the fault window, by the times of the faults that were surely injected.
    pub(super) fn fault(&self, run_ended_at: Option<Timestamp>) -> FaultTimes {
        let is_untold = |told: &ToldFault| matches!(told.course, FaultCourse::Untold(_));
        let injecting = || self.actions.iter().filter(|action| action.effect == Effect::Injects);
        let was_in: Vec<&Action> = injecting()
            .zip(&self.told)
            .filter(|(_, told)| told.course.was_in())
            .map(|(action, _)| action)
            .collect();
        if was_in.is_empty() {
            let none_began = !self.told.is_empty() && !self.told.iter().any(is_untold);
            return if none_began { FaultTimes::Never } else { FaultTimes::Untold };
        }
        // The window is known only if every fault tells its start: one that does not may have been the first.
        let starts: Option<Vec<Timestamp>> = was_in.iter().map(|action| action.started_at).collect();
        let Some(started_at) = starts.and_then(|starts| starts.into_iter().min()) else {
            return FaultTimes::Untold;
        };
        let ends: Option<Vec<Timestamp>> = was_in.iter().map(|action| action.ended_at).collect();
        let ended_at = ends.and_then(|ends| ends.into_iter().max());
        let ended_at = ended_at.or(run_ended_at).filter(|ended| started_at <= *ended);
        FaultTimes::In(FaultWindow { started_at, ended_at })
    }
}

/// Reads the details of a run, as far as they can be read.
pub(super) fn read(details: &RunDetails) -> Execution {
    let (data, unreadable) = match parse(details.execution.as_ref()) {
        Ok(data) => (data, None),
        Err(why) => (Value::Null, Some(why.to_owned())),
    };
    let mut nodes: Vec<ExecutionNode> =
        nodes(&data).filter_map(|node| ExecutionNode::read(node, &details.weights)).collect();
    nodes.sort_by(|one, other| place(one).cmp(&place(other)));
    nodes.truncate(MAX_NODES);
    let mut execution = Execution {
        started_at: time(&data["startedAt"]),
        ended_at: time(&data["finishedAt"]),
        message: text(&data["message"], MAX_SENTENCE_CHARS),
        ..Execution::default()
    };
    let mut faults = Vec::new();
    for node in nodes {
        match node {
            ExecutionNode::Fault(fault) => faults.push(*fault),
            ExecutionNode::Step(action) => execution.actions.push(action),
        }
    }
    let without_faults = faults.is_empty().then(|| "executionData tells of no fault".to_owned());
    execution.unreadable = unreadable.or(without_faults);
    // The probes are added before the faults are judged, since a fault's course depends on them.
    let apart = add_probes(&mut faults, &details.probes);
    let matched: Vec<Option<usize>> = faults.iter().map(|fault| fault.matched).collect();
    let borne = faults.iter().map(|fault| (fault.matched, find_borne_out(&fault.fault)));
    execution.worth = weights::worth(&details.weights, borne);
    for fault in faults {
        execution.add(fault);
    }
    execution.add_weights(details, &matched);
    execution.add_apart(apart);
    execution
}

/// The key by which nodes are sorted: `executionData` has them in no order.
fn place(node: &ExecutionNode) -> (Option<Timestamp>, &str) {
    (node.action().started_at, &node.action().name)
}

/// Returns the probe success that a fault's own details bear out. If none is told, it is 0, or 100 for a
/// fault that passed.
fn find_borne_out(fault: &Fault) -> Score {
    let failed = fault.probes.iter().any(|probe| has_failed(&probe.verdict));
    let otherwise = if has_passed(&fault.verdict) && !failed { Score::FULL } else { Score::ZERO };
    fault.probe_success.unwrap_or(otherwise)
}

impl Execution {
    fn add(&mut self, mut node: FaultNode) {
        let course = node.judge();
        self.told.push(ToldFault { name: node.name, course, counted: node.signs.own });
        self.unreverted.extend(node.unreverted);
        self.actions.push(node.action);
        self.targets.extend(node.targets);
        self.faults.push(node.fault);
    }

    /// Adds the faults that only the weights name. If no fault is told at all, their course is not known
    /// either.
    fn add_weights(&mut self, details: &RunDetails, matched: &[Option<usize>]) {
        for (place, (name, weight)) in details.weights.iter().enumerate().take(MAX_NODES) {
            if matched.contains(&Some(place)) {
                continue;
            }
            let name = plain(name, MAX_NAME_CHARS);
            if self.unreadable.is_none() {
                let course = course::course(&Signs::default(), &[]);
                self.told.push(ToldFault { name: name.clone(), course, counted: None });
            }
            self.faults.push(Fault { weight: Some(*weight), ..make_unknown(&name) });
        }
    }

    /// Adds the probes of faults that have no node, and those of the whole experiment.
    fn add_apart(&mut self, probes: Vec<(String, FaultProbe)>) {
        for (name, probe) in probes {
            let known = self.faults.iter_mut().find(|fault| weights::is_of(&fault.name, &name));
            match known {
                Some(fault) => add_probe(fault, probe),
                None => self.faults.push(Fault { probes: vec![probe], ..make_unknown(&name) }),
            }
        }
    }
}

/// Adds the probes that are told apart from the nodes to their faults. Returns those that belong to none of
/// them.
fn add_probes(faults: &mut [FaultNode], probes: &[(String, FaultProbe)]) -> Vec<(String, FaultProbe)> {
    let mut left = Vec::new();
    for (fault, probe) in probes.iter().take(MAX_NODES) {
        let fault = match plain(fault, MAX_NAME_CHARS) {
            fault if fault.is_empty() => WHOLE_EXPERIMENT.to_owned(),
            fault => fault,
        };
        let probe = FaultProbe {
            name: plain(&probe.name, MAX_NAME_CHARS),
            kind: plain(&probe.kind, MAX_NAME_CHARS),
            mode: probe.mode.as_deref().map(|mode| plain(mode, MAX_NAME_CHARS)),
            verdict: plain(&probe.verdict, MAX_NAME_CHARS),
            description: probe.description.as_deref().map(|said| plain(said, MAX_SENTENCE_CHARS)),
        };
        let is_its = |node: &&mut FaultNode| node.names.iter().any(|name| weights::is_of(name, &fault));
        match faults.iter_mut().find(is_its) {
            Some(node) => add_probe(&mut node.fault, probe),
            None => left.push((fault, probe)),
        }
    }
    left
}

/// Adds a probe to a fault. The probe may be told in both places: the node's word for it stays.
fn add_probe(fault: &mut Fault, probe: FaultProbe) {
    let probes = &mut fault.probes;
    if probes.len() < MAX_PROBES && !probes.iter().any(|known| known.name == probe.name) {
        probes.push(probe);
    }
}

fn make_unknown(name: &str) -> Fault {
    Fault {
        name: name.to_owned(),
        weight: None,
        verdict: String::new(),
        probe_success: None,
        fail_step: None,
        error_code: None,
        probes: Vec::new(),
    }
}

/// Returns the data as an object. It may be the text of one, and even the text of such a text.
fn parse(data: Option<&Value>) -> Result<Value, &'static str> {
    let mut data = data.cloned().unwrap_or_default();
    for _ in 0..2 {
        match &data {
            Value::String(text) if text.trim().is_empty() => return Err("there is no executionData"),
            Value::String(text) => {
                data = serde_json::from_str(text).map_err(|_| "executionData cannot be read")?;
            }
            _ => break,
        }
    }
    match data {
        Value::Object(_) => Ok(data),
        Value::Null => Err("there is no executionData"),
        _ => Err("executionData cannot be read"),
    }
}

/// Returns the nodes, which are an object by their ids or, from steps of Harness, a list.
fn nodes(data: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match &data["nodes"] {
        Value::Object(nodes) => Box::new(nodes.values()),
        Value::Array(nodes) => Box::new(nodes.iter()),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
#[path = "execution_tests.rs"]
mod tests;
