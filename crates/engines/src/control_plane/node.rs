//! One node of `executionData`: a fault, or a step of the control plane's own. Pure. Agents of many versions
//! write these nodes, so each value is looked for in all the places where it occurs, and one that cannot be
//! read is not known.

use jiff::Timestamp;
use serde_json::Value;

use super::course::{self, FaultCourse, Signs};
use super::step::FailedStep;
use super::weights;
use faultgate_core::model::{Action, Effect, Fault, FaultProbe, Score, Target};
use faultgate_core::text::plain;

/// Most probes of a fault that are kept.
pub(super) const MAX_PROBES: usize = 100;
/// Most resources of a fault that are kept, of each kind.
const MAX_RESOURCES: usize = 200;
/// Most characters of a name that are kept.
pub(super) const MAX_NAME_CHARS: usize = 200;
/// Most characters of a sentence that are kept.
pub(super) const MAX_SENTENCE_CHARS: usize = 400;

/// A fault as its node tells it.
pub(super) struct FaultNode {
    pub(super) name: String,
    /// The names that the fault is known by: its own, its engine's and its node's.
    pub(super) names: Vec<String>,
    pub(super) fault: Fault,
    pub(super) action: Action,
    pub(super) targets: Vec<Target>,
    pub(super) unreverted: Vec<String>,
    /// Index of the fault's weight in the list of weights, if it has one.
    pub(super) matched: Option<usize>,
    /// The details that tell of the fault's course, besides the probes.
    pub(super) signs: Signs,
    phase: String,
}

impl FaultNode {
    /// Returns how the fault went. All of its probes must be known by then.
    pub(super) fn judge(&mut self) -> FaultCourse {
        let course = course::course(&self.signs, &self.fault.probes);
        action_state(&course, &self.phase).clone_into(&mut self.action.state);
        course
    }
}

/// A node, by what it does.
pub(super) enum ExecutionNode {
    Fault(Box<FaultNode>),
    /// A wait, an approval, a script or a check, which injects nothing.
    Step(Action),
}

impl ExecutionNode {
    /// Reads a node. `None` if it only holds others.
    pub(super) fn read(node: &Value, weights: &[(String, u32)]) -> Option<Self> {
        match effect(node)? {
            Effect::Injects => Some(Self::Fault(Box::new(fault_node(node, weights)))),
            effect => Some(Self::Step(step_action(node, effect))),
        }
    }

    pub(super) fn action(&self) -> &Action {
        match self {
            Self::Fault(fault) => &fault.action,
            Self::Step(action) => action,
        }
    }
}

/// Returns what a node does to the system. A node of an unknown kind is a fault only if it carries the data
/// of one.
fn effect(node: &Value) -> Option<Effect> {
    let chaos = &node["chaosData"];
    let has = |name: &str| chaos[name].as_object().is_some_and(|data| !data.is_empty());
    let kind = first(node, &["/type", "/stepType"], MAX_NAME_CHARS).unwrap_or_default().to_ascii_lowercase();
    let is_fault = ["experimentName", "experimentVerdict", "engineName", "faultData", "chaosResult"]
        .iter()
        .any(|name| !chaos[*name].is_null());
    match kind.as_str() {
        "probe" => Some(Effect::Asserts),
        "action" | "delay" | "wait" | "suspend" | "approval" | "script" | "customscript" => {
            Some(Effect::Waits)
        }
        _ if !is_fault && has("probeData") => Some(Effect::Asserts),
        _ if !is_fault && has("actionData") => Some(Effect::Waits),
        "chaosengine" | "k8stask" | "fault" => Some(Effect::Injects),
        _ => chaos.is_object().then_some(Effect::Injects),
    }
}

fn step_action(node: &Value, effect: Effect) -> Action {
    let name = first(node, &["/name", "/stepName"], MAX_NAME_CHARS).unwrap_or_else(|| "(unnamed)".to_owned());
    let phase = first(node, &["/phase", "/status"], MAX_NAME_CHARS).unwrap_or_default();
    let state = match phase.to_ascii_lowercase().as_str() {
        "completed" | "succeeded" | "passed" => "completed",
        other => without_verdict(other),
    };
    let (started_at, ended_at) = times(node);
    Action {
        name,
        action_id: first(node, &["/chaosData/actionData/type", "/type", "/stepType"], MAX_NAME_CHARS)
            .unwrap_or_else(|| "step".to_owned()),
        effect,
        state: state.to_owned(),
        reason: (!phase.is_empty()).then(|| format!("phase {phase}")),
        started_at,
        ended_at,
        targets: Vec::new(),
    }
}

fn fault_node(node: &Value, all: &[(String, u32)]) -> FaultNode {
    let chaos = &node["chaosData"];
    let node_name = first(node, &["/name", "/stepName"], MAX_NAME_CHARS);
    let engine = first(chaos, &["/engineName", "/engineContext"], MAX_NAME_CHARS);
    let name = first(chaos, &["/experimentName"], MAX_NAME_CHARS)
        .or_else(|| engine.clone())
        .or_else(|| node_name.clone());
    let name = name.unwrap_or_else(|| "(unnamed)".to_owned());
    let names: Vec<String> = [Some(name.clone()), engine, node_name].into_iter().flatten().collect();
    let matched = weights::find(all, &names);
    let step = step_of(chaos);
    let targets = targets(&name, chaos);
    let fault = fault(&name, chaos, step.as_ref(), matched.and_then(|place| Some(all.get(place)?.1)));
    let phase = first(node, &["/phase", "/status"], MAX_NAME_CHARS).unwrap_or_default();
    let (started_at, ended_at) = times(node);
    let action = Action {
        name: name.clone(),
        action_id: first(node, &["/type", "/stepType"], MAX_NAME_CHARS).unwrap_or_else(|| "fault".to_owned()),
        effect: Effect::Injects,
        state: String::new(),
        reason: why(&fault, &phase),
        started_at,
        ended_at,
        targets: targets.all.iter().map(|target| target.name.clone()).collect(),
    };
    let signs = signs(chaos, &phase, step, &targets);
    let Targets { all: targets, unreverted, .. } = targets;
    FaultNode { name, names, fault, action, targets, unreverted, matched, signs, phase }
}

fn signs(chaos: &Value, phase: &str, step: Option<FailedStep>, targets: &Targets) -> Signs {
    let places = ["/experimentStatus", "/chaosResult/status/experimentStatus/phase"];
    let told = places.iter().filter_map(|place| text(chaos.pointer(place)?, MAX_NAME_CHARS));
    let mut status: Vec<String> = told.chain([phase.to_owned()]).filter(|word| !word.is_empty()).collect();
    status.dedup();
    Signs {
        has_data: chaos.is_object(),
        own: own_verdict(chaos),
        result: result_verdict(chaos),
        status,
        step,
        targets: targets.told,
    }
}

fn why(fault: &Fault, phase: &str) -> Option<String> {
    let verdict =
        Some(&fault.verdict).filter(|verdict| !verdict.is_empty()).map(|it| format!("verdict {it}"));
    let phase = Some(phase).filter(|phase| !phase.is_empty()).map(|it| format!("phase {it}"));
    let parts: Vec<String> = [phase, verdict, fault.fail_step.clone()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns the state of a fault's action. A fault that was injected has completed, even if it found a
/// weakness.
fn action_state(course: &FaultCourse, phase: &str) -> &'static str {
    match course {
        FaultCourse::Acted => "completed",
        FaultCourse::Cut(_) => "stopped",
        FaultCourse::Broken(why) if why.starts_with("was stopped") => "stopped",
        FaultCourse::Broken(_) | FaultCourse::NoTarget(_) | FaultCourse::Unsteady(_) => "failed",
        FaultCourse::Idle(_) => without_verdict(&phase.to_ascii_lowercase()),
        FaultCourse::Untold(_) => "unknown",
    }
}

fn without_verdict(phase: &str) -> &'static str {
    match phase {
        "error" | "failed" => "failed",
        "running" => "running",
        "stopped" => "stopped",
        "skipped" => "skipped",
        _ => "pending",
    }
}

fn fault(name: &str, chaos: &Value, step: Option<&FailedStep>, weight: Option<u32>) -> Fault {
    let own = own_verdict(chaos).filter(|verdict| !verdict.is_empty());
    // The fault's engine may still show `Awaited` when its result is there.
    let verdict = match (own, result_verdict(chaos)) {
        (Some(own), Some(result)) if is_open(&own) && !is_open(&result) => result,
        (own, result) => own.or(result).unwrap_or_default(),
    };
    let percentage =
        ["/probeSuccessPercentage", "/chaosResult/status/experimentStatus/probeSuccessPercentage"];
    let success = percentage.iter().filter_map(|place| chaos.pointer(place)).find_map(number);
    Fault {
        name: name.to_owned(),
        weight,
        verdict,
        probe_success: success.and_then(Score::new),
        fail_step: step.map(FailedStep::text).filter(|step| !step.is_empty()).map(str::to_owned),
        error_code: step.and_then(FailedStep::code).map(str::to_owned),
        probes: probes(chaos),
    }
}

/// The verdict by which the control plane counts the fault; "" if it is told and says nothing.
fn own_verdict(chaos: &Value) -> Option<String> {
    let told = ["experimentVerdict", "verdict"].iter().find_map(|name| chaos[*name].as_str())?;
    Some(plain(told, MAX_NAME_CHARS))
}

fn result_verdict(chaos: &Value) -> Option<String> {
    first(chaos, &["/chaosResult/status/experimentStatus/verdict"], MAX_NAME_CHARS)
}

/// Returns `true` if the verdict says that none was come to yet.
fn is_open(verdict: &str) -> bool {
    let passed_or_failed = course::has_passed(verdict) || course::has_failed(verdict);
    !passed_or_failed && !course::has_stopped(verdict)
}

/// The step that failed. `None` if nothing is said of one, not even that there is none.
fn step_of(chaos: &Value) -> Option<FailedStep> {
    let of_result = "/chaosResult/status/experimentStatus";
    let texts =
        ["/failStep".to_owned(), format!("{of_result}/failStep"), format!("{of_result}/errorOutput/reason")];
    let texts: Vec<&str> = texts
        .iter()
        .chain([&"/errorOutput/reason".to_owned()])
        .filter_map(|place| chaos.pointer(place)?.as_str())
        .collect();
    let codes = [
        "/errorCode".to_owned(),
        "/errorOutput/errorCode".to_owned(),
        format!("{of_result}/errorOutput/errorCode"),
    ];
    let codes: Vec<&str> = codes.iter().filter_map(|place| chaos.pointer(place)?.as_str()).collect();
    let told = !texts.is_empty() || codes.iter().any(|code| !code.is_empty());
    told.then(|| FailedStep::of(&texts, &codes))
}

fn probes(chaos: &Value) -> Vec<FaultProbe> {
    let places = ["/chaosResult/status/probeStatuses", "/chaosResult/probeStatuses", "/probeStatuses"];
    let all = places.iter().find_map(|place| chaos.pointer(place)?.as_array());
    let read = |probe: &Value| {
        Some(FaultProbe {
            name: first(probe, &["/name"], MAX_NAME_CHARS)?,
            kind: first(probe, &["/type"], MAX_NAME_CHARS).unwrap_or_default(),
            mode: first(probe, &["/mode"], MAX_NAME_CHARS),
            verdict: first(probe, &["/status/verdict", "/verdict"], MAX_NAME_CHARS).unwrap_or_default(),
            description: first(probe, &["/status/description", "/description"], MAX_SENTENCE_CHARS),
        })
    };
    all.into_iter().flatten().filter_map(read).take(MAX_PROBES).collect()
}

/// The resources that a fault was aimed at.
struct Targets {
    /// Number of resources that are told; `None` if the node has no list of them.
    told: Option<usize>,
    /// The resources, one target for each kind.
    all: Vec<Target>,
    /// Resources whose fault was injected and is not known to be reverted.
    unreverted: Vec<String>,
}

fn targets(fault: &str, chaos: &Value) -> Targets {
    let mut targets = Targets { told: None, all: Vec::new(), unreverted: Vec::new() };
    let history = ["/chaosResult/status/history/targets", "/chaosResult/history/targets", "/history/targets"];
    let Some(told) = history.iter().find_map(|place| chaos.pointer(place)?.as_array()) else {
        return targets;
    };
    // An empty list is told, and says that nothing was hit: that is not the same as no list.
    targets.told =
        Some(told.iter().filter(|target| first(target, &["/name"], MAX_NAME_CHARS).is_some()).count());
    for told in told {
        targets.add(fault, told);
    }
    targets
}

impl Targets {
    fn add(&mut self, fault: &str, told: &Value) {
        let Some(name) = first(told, &["/name"], MAX_NAME_CHARS) else { return };
        let kind = first(told, &["/kind"], MAX_NAME_CHARS).unwrap_or_else(|| "resource".to_owned());
        let status = first(told, &["/chaosStatus"], MAX_NAME_CHARS).unwrap_or_default();
        if status.eq_ignore_ascii_case("injected") && self.unreverted.len() < MAX_RESOURCES {
            self.unreverted.push(format!("{kind} {name}"));
        }
        let shown = if status.is_empty() { name } else { format!("{name} ({status})") };
        let place = self.all.iter().position(|target| target.resource_type == kind).unwrap_or_else(|| {
            self.all.push(Target {
                name: fault.to_owned(),
                resource_type: kind,
                resolved: Some(0),
                has_more: false,
                resources: Vec::new(),
            });
            self.all.len() - 1
        });
        let target = &mut self.all[place];
        target.resolved = target.resolved.map(|count| count + 1);
        if target.resources.len() < MAX_RESOURCES {
            target.resources.push(shown);
        }
    }
}

/// The times at which a node began and ended. An end before the beginning is not known.
fn times(node: &Value) -> (Option<Timestamp>, Option<Timestamp>) {
    let (started_at, ended_at) = (time(&node["startedAt"]), time(&node["finishedAt"]));
    (started_at, ended_at.filter(|ended| started_at.is_none_or(|started| started <= *ended)))
}

/// The text at the first of these places that holds one, cut to `longest` characters.
fn first(value: &Value, pointers: &[&str], longest: usize) -> Option<String> {
    pointers.iter().find_map(|place| text(value.pointer(place)?, longest))
}

/// A text, or the digits of a number, made plain and cut to `longest` characters. `None` if it is empty.
pub(super) fn text(value: &Value, longest: usize) -> Option<String> {
    let text = match value {
        Value::String(text) => plain(text, longest),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A number, or the text of one, which may end with a percent sign.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().trim_end_matches('%').parse().ok(),
        other => other.as_f64(),
    }
}

/// A time in seconds or milliseconds since 1970, as a number or the text of one, or in RFC 3339.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    let count = match value {
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(count) => count,
            Err(_) => return text.trim().parse().ok(),
        },
        other => other.as_i64()?,
    };
    match count {
        // Agents write 0 for a time that is not known.
        ..1 => None,
        1..100_000_000_000 => Timestamp::from_second(count).ok(),
        _ => Timestamp::from_millisecond(count).ok(),
    }
}
