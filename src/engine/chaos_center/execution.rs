//! `executionData`: what a control plane keeps of a run's faults. It comes as an object or as its text, with parts
//! missing, and from agents of any age: what cannot be read is left out, and nothing is made up. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::manager::Details;
use super::weights;
use crate::model::{Action, Effect, Fault, FaultProbe, Score, Target};
use crate::text::plain;

/// Most of each that is kept.
const FAULTS: usize = 200;
const PROBES: usize = 100;
const RESOURCES: usize = 200;
/// Characters of a name, and of a sentence.
const NAME: usize = 200;
const SENTENCE: usize = 400;

/// Probes that are of the experiment and of none of its faults.
const WHOLE_EXPERIMENT: &str = "(experiment)";

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Execution {
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) message: Option<String>,
    pub(super) faults: Vec<Fault>,
    pub(super) actions: Vec<Action>,
    pub(super) targets: Vec<Target>,
    /// Faults that were injected and judged, by name, and those that are known not to have been.
    pub(super) ran: Vec<String>,
    pub(super) idle: Vec<String>,
    /// Resources that are not known to be as they were.
    pub(super) unreverted: Vec<String>,
    /// What the weights and the faults' probes make the score.
    pub(super) recomputed: Option<Score>,
    /// Why nothing is known of its faults.
    pub(super) unreadable: Option<String>,
}

impl Execution {
    /// Probes that really said something.
    pub(super) fn evaluated(&self) -> usize {
        let probes = self.faults.iter().flat_map(|fault| &fault.probes);
        probes.filter(|probe| has_passed(&probe.verdict) || has_failed(&probe.verdict)).count()
    }
}

/// Reads what there is.
pub(super) fn read(details: &Details) -> Execution {
    let (data, unreadable) = match parse(details.execution.as_ref()) {
        Ok(data) => (data, None),
        Err(why) => (Value::Null, Some(why.to_owned())),
    };
    let mut nodes: Vec<Node> = nodes(&data).filter_map(|node| Node::of(node, &details.weights)).collect();
    nodes.sort_by(|one, other| (one.started_at, &one.name).cmp(&(other.started_at, &other.name)));
    nodes.truncate(FAULTS);
    let mut execution = Execution {
        started_at: time(&data["startedAt"]),
        ended_at: time(&data["finishedAt"]),
        message: text(&data["message"], SENTENCE),
        recomputed: weights::score(
            &details.weights,
            nodes.iter().map(|node| (node.matched, node.fault.probe_success)),
        ),
        unreadable,
        ..Execution::default()
    };
    let matched: Vec<usize> = nodes.iter().filter_map(|node| node.matched).collect();
    let mut names: Vec<Vec<String>> = nodes.iter().map(|node| node.names.clone()).collect();
    for node in nodes {
        execution.add(node);
    }
    execution.add_weights(details, &matched, &mut names);
    execution.add_probes(details, &mut names);
    execution
}

impl Execution {
    fn add(&mut self, node: Node) {
        let name = node.name.clone();
        if has_run(&node.fault.verdict) {
            self.ran.push(name);
        } else {
            self.idle.push(name);
        }
        self.unreverted.extend(node.unreverted);
        self.actions.push(node.action);
        self.targets.extend(node.targets);
        self.faults.push(node.fault);
    }

    /// Faults that only the weights name. `names` has those of each fault.
    fn add_weights(&mut self, details: &Details, matched: &[usize], names: &mut Vec<Vec<String>>) {
        for (place, (name, weight)) in details.weights.iter().enumerate().take(FAULTS) {
            if !matched.contains(&place) {
                let name = plain(name, NAME);
                self.faults.push(Fault { weight: Some(*weight), ..nothing_known(&name) });
                names.push(vec![name]);
            }
        }
    }

    /// Probes that are told apart from the nodes.
    fn add_probes(&mut self, details: &Details, names: &mut Vec<Vec<String>>) {
        for (fault, probe) in details.probes.iter().take(FAULTS) {
            let fault = match plain(fault, NAME) {
                fault if fault.is_empty() => WHOLE_EXPERIMENT.to_owned(),
                fault => fault,
            };
            let is_its = |names: &Vec<String>| names.iter().any(|name| weights::is_of(name, &fault));
            let place = names.iter().position(is_its).unwrap_or_else(|| {
                self.faults.push(nothing_known(&fault));
                names.push(vec![fault.clone()]);
                self.faults.len() - 1
            });
            let probes = &mut self.faults[place].probes;
            if probes.len() < PROBES && !probes.iter().any(|known| known.name == probe.name) {
                probes.push(FaultProbe {
                    name: plain(&probe.name, NAME),
                    kind: plain(&probe.kind, NAME),
                    mode: probe.mode.as_deref().map(|mode| plain(mode, NAME)),
                    verdict: plain(&probe.verdict, NAME),
                    description: probe.description.as_deref().map(|said| plain(said, SENTENCE)),
                });
            }
        }
    }
}

fn nothing_known(name: &str) -> Fault {
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

/// One fault, as its node tells.
struct Node {
    name: String,
    /// It, its engine's and its node's.
    names: Vec<String>,
    started_at: Option<Timestamp>,
    fault: Fault,
    action: Action,
    targets: Vec<Target>,
    unreverted: Vec<String>,
    /// Its place among the weights.
    matched: Option<usize>,
}

impl Node {
    /// None where the node is no fault, but a step that holds others.
    fn of(node: &Value, all: &[(String, u32)]) -> Option<Self> {
        let chaos = &node["chaosData"];
        let kind = node["type"].as_str().unwrap_or_default().to_ascii_lowercase();
        if !chaos.is_object() && !matches!(kind.as_str(), "chaosengine" | "k8stask" | "fault") {
            return None;
        }
        let known_as = |value: &Value, pointers: &[&str]| first(value, pointers, NAME);
        let node_name = known_as(node, &["/name", "/stepName"]);
        let engine = known_as(chaos, &["/engineName", "/engineContext"]);
        let name =
            known_as(chaos, &["/experimentName"]).or_else(|| engine.clone()).or_else(|| node_name.clone());
        let name = name.unwrap_or_else(|| "(unnamed)".to_owned());
        let names: Vec<String> = [Some(name.clone()), engine, node_name].into_iter().flatten().collect();
        let matched = weights::find(all, &names);
        let (targets, unreverted) = targets(&name, chaos);
        let fault = fault(&name, chaos, matched.and_then(|place| Some(all.get(place)?.1)));
        let (started_at, ended_at) = (time(&node["startedAt"]), time(&node["finishedAt"]));
        let phase = first(node, &["/phase", "/status"], NAME).unwrap_or_default();
        let action = Action {
            name: name.clone(),
            action_id: known_as(node, &["/type", "/stepType"]).unwrap_or_else(|| "fault".to_owned()),
            effect: Effect::Injects,
            state: action_state(&fault.verdict, &phase).to_owned(),
            reason: why(&fault, &phase),
            started_at,
            ended_at: ended_at.filter(|ended| started_at.is_none_or(|started| started <= *ended)),
            targets: targets.iter().map(|target| target.name.clone()).collect(),
        };
        Some(Self { name, names, started_at, fault, action, targets, unreverted, matched })
    }
}

fn why(fault: &Fault, phase: &str) -> Option<String> {
    let verdict =
        Some(&fault.verdict).filter(|verdict| !verdict.is_empty()).map(|it| format!("verdict {it}"));
    let phase = Some(phase).filter(|phase| !phase.is_empty()).map(|it| format!("phase {it}"));
    let parts: Vec<String> = [phase, verdict, fault.fail_step.clone()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A fault that was injected has done what it should, also where it found a weakness.
fn action_state(verdict: &str, phase: &str) -> &'static str {
    match verdict.to_ascii_lowercase().as_str() {
        "stopped" => "stopped",
        _ if has_run(verdict) => "completed",
        "error" => "failed",
        _ => match phase.to_ascii_lowercase().as_str() {
            "error" | "failed" => "failed",
            "running" => "running",
            "stopped" => "stopped",
            "skipped" => "skipped",
            _ => "pending",
        },
    }
}

fn fault(name: &str, chaos: &Value, weight: Option<u32>) -> Fault {
    let of_result = &chaos["chaosResult"]["status"]["experimentStatus"];
    let own = first(chaos, &["/experimentVerdict", "/verdict"], NAME);
    let results = first(of_result, &["/verdict"], NAME);
    // The engine may still show `Awaited` where its result is there.
    let verdict = match (own, results) {
        (Some(own), Some(results)) if !has_run(&own) && has_run(&results) => results,
        (own, results) => own.or(results).unwrap_or_default(),
    };
    let fail_step = first(chaos, &["/failStep"], SENTENCE)
        .or_else(|| first(of_result, &["/failStep", "/errorOutput/reason"], SENTENCE))
        .or_else(|| first(chaos, &["/errorOutput/reason"], SENTENCE))
        .filter(|step| !matches!(step.as_str(), "N/A" | "NA"));
    let error_code = first(chaos, &["/errorCode", "/errorOutput/errorCode"], NAME)
        .or_else(|| first(of_result, &["/errorOutput/errorCode"], NAME))
        .or_else(|| code_of(fail_step.as_deref()?));
    let percentage =
        ["/probeSuccessPercentage", "/chaosResult/status/experimentStatus/probeSuccessPercentage"];
    let success = percentage.iter().filter_map(|place| chaos.pointer(place)).find_map(number);
    Fault {
        weight,
        verdict,
        probe_success: success.and_then(Score::new),
        fail_step,
        error_code,
        probes: probes(chaos),
        ..nothing_known(name)
    }
}

/// What stands before the first colon, if it looks like a code.
fn code_of(step: &str) -> Option<String> {
    let code = step.split(':').next()?.trim();
    let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (code.len() < step.len() && code.len() > 2 && code.chars().all(is_code)).then(|| code.to_owned())
}

fn probes(chaos: &Value) -> Vec<FaultProbe> {
    let places = ["/chaosResult/status/probeStatuses", "/chaosResult/probeStatuses", "/probeStatuses"];
    let all = places.iter().find_map(|place| chaos.pointer(place)?.as_array());
    let read = |probe: &Value| {
        Some(FaultProbe {
            name: first(probe, &["/name"], NAME)?,
            kind: first(probe, &["/type"], NAME).unwrap_or_default(),
            mode: first(probe, &["/mode"], NAME),
            verdict: first(probe, &["/status/verdict", "/verdict"], NAME).unwrap_or_default(),
            description: first(probe, &["/status/description", "/description"], SENTENCE),
        })
    };
    all.into_iter().flatten().filter_map(read).take(PROBES).collect()
}

/// What the fault was injected into, by kind, and what is not known to be as it was.
fn targets(fault: &str, chaos: &Value) -> (Vec<Target>, Vec<String>) {
    let (mut targets, mut unreverted): (Vec<Target>, Vec<String>) = (Vec::new(), Vec::new());
    let history = ["/chaosResult/status/history/targets", "/chaosResult/history/targets", "/history/targets"];
    let all = history.iter().find_map(|place| chaos.pointer(place)?.as_array());
    for told in all.into_iter().flatten() {
        let Some(name) = first(told, &["/name"], NAME) else { continue };
        let kind = first(told, &["/kind"], NAME).unwrap_or_else(|| "resource".to_owned());
        let status = first(told, &["/chaosStatus"], NAME).unwrap_or_default();
        if status.eq_ignore_ascii_case("injected") && unreverted.len() < RESOURCES {
            unreverted.push(format!("{kind} {name}"));
        }
        let shown = if status.is_empty() { name } else { format!("{name} ({status})") };
        let place = targets.iter().position(|target| target.resource_type == kind).unwrap_or_else(|| {
            targets.push(Target {
                name: fault.to_owned(),
                resource_type: kind,
                resolved: Some(0),
                has_more: false,
                resources: Vec::new(),
            });
            targets.len() - 1
        });
        let target = &mut targets[place];
        target.resolved = target.resolved.map(|count| count + 1);
        if target.resources.len() < RESOURCES {
            target.resources.push(shown);
        }
    }
    (targets, unreverted)
}

/// The data as an object. A text in a text occurs too.
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

fn nodes(data: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match &data["nodes"] {
        Value::Object(nodes) => Box::new(nodes.values()),
        Value::Array(nodes) => Box::new(nodes.iter()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The first of these places that holds a text.
fn first(value: &Value, pointers: &[&str], longest: usize) -> Option<String> {
    pointers.iter().find_map(|place| text(value.pointer(place)?, longest))
}

fn text(value: &Value, longest: usize) -> Option<String> {
    let text = match value {
        Value::String(text) => plain(text, longest),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().trim_end_matches('%').parse().ok(),
        other => other.as_f64(),
    }
}

/// Seconds or milliseconds since 1970, as a number or its text, or RFC 3339.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    let count = match value {
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(count) => count,
            Err(_) => return text.trim().parse().ok(),
        },
        other => other.as_i64()?,
    };
    match count {
        ..1 => None,
        1..100_000_000_000 => Timestamp::from_second(count).ok(),
        _ => Timestamp::from_millisecond(count).ok(),
    }
}

pub(super) fn has_passed(verdict: &str) -> bool {
    matches!(word(verdict).as_str(), "pass" | "passed")
}

pub(super) fn has_failed(verdict: &str) -> bool {
    matches!(word(verdict).as_str(), "fail" | "failed")
}

/// Whether a fault with this verdict was injected. A word that is not known says nothing.
pub(super) fn has_run(verdict: &str) -> bool {
    has_passed(verdict) || has_failed(verdict) || word(verdict) == "stopped"
}

/// The first word: some agents add a picture.
fn word(verdict: &str) -> String {
    verdict.split_whitespace().next().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
#[path = "execution_tests.rs"]
mod tests;
