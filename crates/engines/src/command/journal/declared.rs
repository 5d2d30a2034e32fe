//! What an experiment declares, as its journal repeats it. What cannot be read here is an error: it would count as nothing.

use std::collections::HashMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::LONGEST;
use super::activity::Activity;
use faultgate_core::text;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Experiment {
    #[serde(rename = "steady-state-hypothesis")]
    hypothesis: Option<Hypothesis>,
    method: Vec<Declared>,
    #[serde(default)]
    rollbacks: Vec<Declared>,
    #[serde(default)]
    pub(super) dry: Value,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Hypothesis {
    #[serde(deserialize_with = "at_least_one")]
    probes: Vec<Declared>,
}

/// An activity may stand elsewhere in the experiment, and only be named here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Declared {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
}

impl Declared {
    pub(super) fn name(&self) -> String {
        let name = self.name.as_deref().or(self.reference.as_deref());
        text::plain(name.unwrap_or("an activity"), LONGEST)
    }
}

impl Experiment {
    pub(super) fn probes(&self) -> &[Declared] {
        self.hypothesis.as_ref().map_or(&[], |hypothesis| &hypothesis.probes)
    }

    /// Activities of the method that were never begun, but for its probes.
    pub(super) fn left_out_actions(&self, begun: &[Activity]) -> Vec<String> {
        let mut left = self.left_out(&self.method, begun);
        left.retain(|activity| self.kind(activity) != Some("probe"));
        left.into_iter().map(Declared::name).collect()
    }

    /// Rollbacks that were never begun.
    pub(super) fn left_out_rollbacks(&self, begun: &[Activity]) -> Vec<String> {
        self.left_out(&self.rollbacks, begun).into_iter().map(Declared::name).collect()
    }

    /// An activity was begun where one of its name and its type was, once for each time that it is declared. Those in the
    /// background may begin in another order.
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

    /// None where nobody knows the type.
    fn kind<'a>(&'a self, activity: &'a Declared) -> Option<&'a str> {
        let Some(reference) = &activity.reference else { return activity.kind.as_deref() };
        let mut all = self.probes().iter().chain(&self.method).chain(&self.rollbacks);
        all.find(|other| other.reference.is_none() && other.name.as_ref() == Some(reference))?.kind.as_deref()
    }
}

/// Chaos Toolkit takes a hypothesis without probes for none at all.
fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Declared>, D::Error> {
    let probes = Vec::deserialize(deserializer)?;
    if probes.is_empty() {
        return Err(D::Error::invalid_length(0, &"at least one probe"));
    }
    Ok(probes)
}
