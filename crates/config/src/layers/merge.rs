//! The places that settings come from, each a layer over the one before: default, suite file, `INPUT_*`,
//! `FAULTGATE_*`, flag. Every value keeps its origin through the merge, so that a mistake can name it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;

use ::config::builder::DefaultState;
use ::config::{Config, ConfigError, Source, Value};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Mistake, key, nearest};

use crate::inputs::input::{Handle, Input};
use crate::inputs::table::{INPUTS, find};
use crate::layers::variables::{ci_variable, own_variable, text};

/// The origin of values that are defaults.
pub(crate) const DEFAULT: &str = "the default";

/// The origin of values that an earlier step of the run was given.
const HANDED_ON: &str = "the state file";

/// The values of one place, by the names of the inputs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer(HashMap<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<HashMap<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    pub(crate) fn new(values: HashMap<String, Value>) -> Self {
        Self(values)
    }

    /// The defaults of the inputs, or of `others` where those name an input.
    pub(crate) fn defaults(others: &[(&str, &str)]) -> Self {
        let values = INPUTS.iter().filter_map(|i| {
            let other = others.iter().find(|(name, _)| *name == i.name).map(|(_, value)| *value);
            Some((i.name, other.or(i.default)?, DEFAULT.to_owned()))
        });
        Self::of(values.map(|(name, value, origin)| (name, origin, value.to_owned())))
    }

    /// The layer of `INPUT_*`, the variables that a CI makes from an action's inputs.
    pub(crate) fn ci(env: &Environment, mistakes: &mut Vec<Mistake>) -> Self {
        Self::ci_of(&|_| true, env, mistakes)
    }

    /// The layer of `INPUT_*` for the wanted inputs alone.
    pub(crate) fn ci_of(
        wanted: &dyn Fn(&str) -> bool,
        env: &Environment,
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let inputs = open().filter(|input| wanted(input.name));
        Self::of(inputs.filter_map(|i| ci_variable(i, env, mistakes).map(|(o, v)| (i.name, o, v))))
    }

    /// The layer of `FAULTGATE_*`.
    pub(crate) fn own(env: &Environment, mistakes: &mut Vec<Mistake>) -> Self {
        Self::own_of(&|_| true, env, mistakes)
    }

    /// The layer of `FAULTGATE_*` for the wanted inputs alone.
    pub(crate) fn own_of(
        wanted: &dyn Fn(&str) -> bool,
        env: &Environment,
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let inputs = open().filter(|input| wanted(input.name));
        Self::of(inputs.filter_map(|i| own_variable(i, env, mistakes).map(|(o, v)| (i.name, o, v))))
    }

    pub(crate) fn flags(flags: Vec<(String, OsString)>, mistakes: &mut Vec<Mistake>) -> Self {
        Self::of(flags.into_iter().filter_map(|(name, value)| {
            let origin = format!("--{name}");
            let Some(input) = find(&name).filter(|i| !i.is_secret()) else {
                mistakes.push(bad_flag(&name));
                return None;
            };
            let value = text(input, &origin, value, mistakes)?;
            Some((input.name, origin, value))
        }))
    }

    /// The values of an earlier step. The file may say anything, so only inputs that are handed on count.
    pub(crate) fn handed_on(inputs: &BTreeMap<String, String>) -> Self {
        let known = open().filter_map(|input| Some((input, inputs.get(input.name)?.clone())));
        let handed_on = known.filter(|(input, value)| input.is_handed_on(value));
        Self::of(handed_on.map(|(input, value)| (input.name, HANDED_ON.to_owned(), value)))
    }

    /// The text that this layer alone sets an input to, and its origin.
    pub(crate) fn text(&self, handle: impl Handle) -> Option<(String, String)> {
        let value = self.0.get(handle.definition().name)?;
        Some((value.clone().into_string().ok()?, value.origin()?.to_owned()))
    }

    fn of(values: impl Iterator<Item = (&'static str, String, String)>) -> Self {
        Self(
            values.map(|(name, origin, value)| (name.to_owned(), Value::new(Some(&origin), value))).collect(),
        )
    }
}

/// Merges all layers into one map, the later over the earlier.
pub(crate) fn merge(layers: impl IntoIterator<Item = Layer>) -> Result<HashMap<String, Value>, Mistake> {
    layers
        .into_iter()
        .fold(Config::builder(), ::config::ConfigBuilder::<DefaultState>::add_source)
        .build()
        .and_then(|merged| merged.collect())
        // No layer of ours fails to collect. Should the crate ever refuse one, that is told as a mistake.
        .map_err(|error| Mistake::new("all settings", key(&format!("cannot merge settings: {error}"))))
}

/// The values that a later step of the run has to be given too.
pub(crate) fn to_hand_on(merged: &HashMap<String, Value>) -> BTreeMap<String, String> {
    open()
        .filter_map(|input| {
            let value = merged.get(input.name)?.clone().into_string().ok()?;
            input.is_handed_on(&value).then(|| (input.name.to_owned(), value))
        })
        .collect()
}

/// Names of faultgate's own variables, and of inputs of an earlier step, that have set something: a job may
/// have inherited them from elsewhere. Values are left out, since one may be a secret.
pub(crate) fn list_inherited(merged: &HashMap<String, Value>) -> Vec<String> {
    let named = open().filter_map(|input| match merged.get(input.name)?.origin()? {
        HANDED_ON => Some(format!("{} ({HANDED_ON})", input.name)),
        origin => (origin == input.variable()).then(|| origin.to_owned()),
    });
    named.collect()
}

/// The inputs that are not secrets.
fn open() -> impl Iterator<Item = &'static Input> {
    INPUTS.iter().filter(|i| !i.is_secret())
}

fn bad_flag(name: &str) -> Mistake {
    let origin = format!("--{name}");
    if let Some(input) = find(name) {
        let variable = input.variable();
        return Mistake::new(origin, format!("{}: a secret has no flag", input.name))
            .hint(format!("set the variable {variable}"));
    }
    let near = nearest(name, open().map(|i| i.name)).map(|n| format!("did you mean --{n}?"));
    Mistake::new(origin, format!("{}: no such input", key(name))).maybe_hint(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_may_have_from_elsewhere_is_named_without_its_value() {
        let mut mistakes = Vec::new();
        let env = Environment::from_pairs([
            ("FAULTGATE_EXPECTED_RESILIENCE_SCORE", "50"),
            ("FAULTGATE_TIMEOUT", "9m"),
            ("INPUT_MONITOR", "poll"),
        ]);
        let handed_on = BTreeMap::from([("parallel".to_owned(), "3".to_owned())]);
        let layers = [
            Layer::defaults(&[]),
            Layer::handed_on(&handed_on),
            Layer::ci(&env, &mut mistakes),
            Layer::own(&env, &mut mistakes),
            Layer::flags(vec![("timeout".to_owned(), "5m".into())], &mut mistakes),
        ];
        let named = list_inherited(&merge(layers).unwrap());
        assert_eq!(named, ["parallel (the state file)", "FAULTGATE_EXPECTED_RESILIENCE_SCORE"]);
    }

    #[test]
    fn a_file_sets_no_address_that_secrets_go_to() {
        let page = "https://evil.example/ng/account/A/module/chaos/orgs/O/projects/P/experiments/E";
        let inputs = [
            ("harness-url", "https://evil.example"),
            ("litmus-url", "https://evil.example"),
            ("harness-experiment-id", page),
            ("forge-api-url", "https://evil.example"),
            ("harness-api-key", "theirs"),
            ("report-dir", "/elsewhere"),
            ("litmus-experiment-id", "e"),
            ("litmus-origin", "https://litmus.example"),
            ("config", "suite.yml"),
        ];
        let inputs = inputs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut taken: Vec<_> = merge([Layer::handed_on(&inputs)]).unwrap().into_keys().collect();
        taken.sort();
        assert_eq!(taken, ["config", "litmus-experiment-id", "litmus-origin"]);
    }

    #[test]
    fn secrets_have_no_flag() {
        let mut mistakes = Vec::new();
        Layer::flags(vec![("github-token".to_owned(), "s3cr3t".into())], &mut mistakes);
        let shown = mistakes[0].to_string();
        assert!(shown.contains("FAULTGATE_GITHUB_TOKEN") && !shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn secrets_never_enter_the_layers() {
        let env =
            Environment::from_pairs([("FAULTGATE_LITMUS_TOKEN", "s3cr3t"), ("INPUT_LITMUS-TOKEN", "s3cr3t")]);
        let mut mistakes = Vec::new();
        let layers = [Layer::ci(&env, &mut mistakes), Layer::own(&env, &mut mistakes)];
        assert!(!format!("{layers:?}").contains("s3cr3t"));
    }
}
