//! The experiment as it was declared, which its journal repeats. Anything that cannot be read here is an
//! error, since it would otherwise count as nothing to be done.

use std::collections::HashMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::activity::{Activity, MAX_TEXT_CHARS};
use faultgate_core::text;

/// The activities that an experiment declares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct DeclaredExperiment {
    #[serde(rename = "steady-state-hypothesis")]
    hypothesis: Option<Hypothesis>,
    method: Vec<Declared>,
    #[serde(default)]
    rollbacks: Vec<Declared>,
    #[serde(default)]
    pub(super) dry: Value,
}

/// The steady-state hypothesis.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Hypothesis {
    #[serde(deserialize_with = "at_least_one")]
    probes: Vec<Declared>,
}

/// A declared activity. It may only be named here by a reference, and stand elsewhere in the experiment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Declared {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
}

impl Declared {
    /// Returns the name of the activity or of the one that it refers to.
    pub(super) fn name(&self) -> String {
        let name = self.name.as_deref().or(self.reference.as_deref());
        text::plain(name.unwrap_or("an activity"), MAX_TEXT_CHARS)
    }
}

impl DeclaredExperiment {
    /// Returns the probes of the hypothesis.
    pub(super) fn probes(&self) -> &[Declared] {
        self.hypothesis.as_ref().map_or(&[], |hypothesis| &hypothesis.probes)
    }

    /// Returns the activities of the method, except its probes, that were never begun.
    pub(super) fn left_out_actions(&self, begun: &[Activity]) -> Vec<String> {
        let mut left = self.left_out(&self.method, begun);
        left.retain(|activity| self.kind(activity) != Some("probe"));
        left.into_iter().map(Declared::name).collect()
    }

    /// Returns the rollbacks that were never begun.
    pub(super) fn left_out_rollbacks(&self, begun: &[Activity]) -> Vec<String> {
        self.left_out(&self.rollbacks, begun).into_iter().map(Declared::name).collect()
    }

    /// Returns the declared activities without a begun one of the same name and type, each begun one counting
    /// once. The order does not matter: activities in the background may begin in another order.
    fn left_out<'a>(&'a self, declared: &'a [Declared], begun: &[Activity]) -> Vec<&'a Declared> {
        let mut times: HashMap<(String, String), usize> = HashMap::new();
        for activity in begun {
            *times.entry((activity.kind().to_owned(), activity.name().to_owned())).or_default() += 1;
        }
        let mut left = Vec::new();
        for activity in declared {
            let kind = self.kind(activity).unwrap_or_default().to_owned();
            match times.get_mut(&(kind, activity.name())) {
                Some(times @ 1..) => *times -= 1,
                _ => left.push(activity),
            }
        }
        left
    }

    /// Returns the type of an activity, or `None` where it refers to one that does not exist.
    fn kind<'a>(&'a self, activity: &'a Declared) -> Option<&'a str> {
        let Some(reference) = &activity.reference else { return activity.kind.as_deref() };
        let mut all = self.probes().iter().chain(&self.method).chain(&self.rollbacks);
        all.find(|other| other.reference.is_none() && other.name.as_ref() == Some(reference))?.kind.as_deref()
    }
}

/// Refuses a hypothesis without probes, which Chaos Toolkit takes for no hypothesis at all.
fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Declared>, D::Error> {
    let probes = Vec::deserialize(deserializer)?;
    if probes.is_empty() {
        return Err(D::Error::invalid_length(0, &"at least one probe"));
    }
    Ok(probes)
}
