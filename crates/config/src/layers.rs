//! The places that settings come from, each a layer over the one before: default, suite file, `INPUT_*`,
//! `FAULTGATE_*`, flag. Every value keeps its origin through the merge, so that a mistake can name it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;

use ::config::builder::DefaultState;
use ::config::{Config, ConfigError, Source, Value};

use super::inputs::{INPUTS, Input, find};
use faultgate_core::environment::{Environment, is_blank};
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::{key, misspelt, nearest};
use faultgate_core::model::OUTPUTS;
use faultgate_core::unreplaced;

/// The origin of values that are defaults.
pub(super) const DEFAULT: &str = "the default";

/// Variables of an input of a later version. Whoever sets one relies on its limits, so it is refused.
const POLICY: [&str; 2] = ["FAULTGATE_POLICY", "INPUT_POLICY"];

/// Variables that faultgate gives to the processes that it starts, among which another faultgate may be.
const MARKS: &[&str] = &[faultgate_core::kin::EXPERIMENT, faultgate_core::kin::STOP];

/// The origin of values that an earlier step of the run was given.
const HANDED_ON: &str = "the state file";

/// The values of one place, by the names of the inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer(HashMap<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<HashMap<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    pub(super) fn new(values: HashMap<String, Value>) -> Self {
        Self(values)
    }

    /// The defaults of the inputs, or of `others` where those name an input.
    pub(super) fn defaults(others: &[(&str, &str)]) -> Self {
        let values = INPUTS.iter().filter_map(|i| {
            let other = others.iter().find(|(name, _)| *name == i.name).map(|(_, value)| *value);
            Some((i.name, other.or(i.default)?, DEFAULT.to_owned()))
        });
        Self::of(values.map(|(name, value, origin)| (name, origin, value.to_owned())))
    }

    /// The layer of `INPUT_*`, the variables that a CI makes from an action's inputs.
    pub(super) fn ci(env: &Environment, mistakes: &mut Vec<Mistake>) -> Self {
        Self::ci_of(&|_| true, env, mistakes)
    }

    /// The layer of `INPUT_*` for the wanted inputs alone.
    pub(super) fn ci_of(
        wanted: &dyn Fn(&str) -> bool,
        env: &Environment,
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let inputs = open().filter(|input| wanted(input.name));
        Self::of(inputs.filter_map(|i| ci_variable(i, env, mistakes).map(|(o, v)| (i.name, o, v))))
    }

    /// The layer of `FAULTGATE_*`.
    pub(super) fn own(env: &Environment, mistakes: &mut Vec<Mistake>) -> Self {
        Self::own_of(&|_| true, env, mistakes)
    }

    /// The layer of `FAULTGATE_*` for the wanted inputs alone.
    pub(super) fn own_of(
        wanted: &dyn Fn(&str) -> bool,
        env: &Environment,
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let inputs = open().filter(|input| wanted(input.name));
        Self::of(inputs.filter_map(|i| own_variable(i, env, mistakes).map(|(o, v)| (i.name, o, v))))
    }

    pub(super) fn flags(flags: Vec<(String, OsString)>, mistakes: &mut Vec<Mistake>) -> Self {
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
    pub(super) fn handed_on(inputs: &BTreeMap<String, String>) -> Self {
        let known = open().filter_map(|input| Some((input, inputs.get(input.name)?.clone())));
        let handed_on = known.filter(|(input, value)| input.is_handed_on(value));
        Self::of(handed_on.map(|(input, value)| (input.name, HANDED_ON.to_owned(), value)))
    }

    fn of(values: impl Iterator<Item = (&'static str, String, String)>) -> Self {
        Self(
            values.map(|(name, origin, value)| (name.to_owned(), Value::new(Some(&origin), value))).collect(),
        )
    }
}

/// Merges all layers into one map, the later over the earlier.
pub(super) fn merge(layers: impl IntoIterator<Item = Layer>) -> Result<HashMap<String, Value>, Mistake> {
    layers
        .into_iter()
        .fold(Config::builder(), ::config::ConfigBuilder::<DefaultState>::add_source)
        .build()
        .and_then(|merged| merged.collect())
        // No layer of ours fails to collect. Should the crate ever refuse one, that is told as a mistake.
        .map_err(|error| Mistake::new("all settings", key(&format!("cannot merge settings: {error}"))))
}

/// The values that a later step of the run has to be given too.
pub(super) fn to_hand_on(merged: &HashMap<String, Value>) -> BTreeMap<String, String> {
    open()
        .filter_map(|input| {
            let value = merged.get(input.name)?.clone().into_string().ok()?;
            input.is_handed_on(&value).then(|| (input.name.to_owned(), value))
        })
        .collect()
}

/// Names of faultgate's own variables, and of inputs of an earlier step, that have set something: a job may
/// have inherited them from elsewhere. Values are left out, since one may be a secret.
pub(super) fn inherited(merged: &HashMap<String, Value>) -> Vec<String> {
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

/// The name and the value of the input's `FAULTGATE_` variable.
pub(super) fn own_variable(
    input: &Input,
    env: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> Option<(String, String)> {
    let name = input.variable();
    let value = text(input, &name, env.raw(&name)?.to_owned(), mistakes)?;
    Some((name, value))
}

/// The name and the value of the input's `INPUT_` variable, in whichever form it is set.
pub(super) fn ci_variable(
    input: &Input,
    env: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> Option<(String, String)> {
    let [hyphens, underscores] = input.ci_variables();
    let mut read = |name: &str| text(input, name, env.raw(name)?.to_owned(), mistakes);
    if hyphens == underscores {
        return read(&hyphens).map(|value| (hyphens, value));
    }
    match (read(&hyphens), read(&underscores)) {
        (Some(a), Some(b)) if a != b => {
            mistakes.push(
                Mistake::new(
                    format!("{hyphens} and {underscores}"),
                    format!("{}: the two forms of its variable differ", input.name),
                )
                .hint("set one of them"),
            );
            None
        }
        (Some(value), _) => Some((hyphens, value)),
        (None, other) => other.map(|value| (underscores, value)),
    }
}

/// A value as trimmed text; `None` if it is blank, which counts as not set.
fn text(input: &Input, origin: &str, value: OsString, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let Ok(value) = value.into_string() else {
        mistakes.push(
            Mistake::new(origin, format!("{}: the value is not valid UTF-8", input.name))
                .hint("write it in UTF-8"),
        );
        return None;
    };
    let value = value.trim();
    if unreplaced::is_reference(value) {
        mistakes.push(unreplaced::mistake(input.name, origin));
        return None;
    }
    Some(value).filter(|v| !v.is_empty()).map(ToOwned::to_owned)
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

/// Judges `FAULTGATE_*` variables that are no input. A name that is probably misspelt is a mistake, since a
/// gate must not miss what it was told. Any other may be the pipeline's own, and is worth a warning.
pub(super) fn unknown_variables(env: &Environment, mistakes: &mut Vec<Mistake>, warnings: &mut Vec<String>) {
    let known: Vec<_> = INPUTS.iter().map(Input::variable).collect();
    for name in POLICY.into_iter().filter(|name| env.get(name).is_some()) {
        let message = "policy: is not applied by this version, so nothing would be refused by it";
        mistakes.push(Mistake::new(name, message).hint("leave it out"));
    }
    for (name, value) in env.iter() {
        if POLICY.iter().any(|policy| name == *policy) {
            continue;
        }
        if !name.as_encoded_bytes().starts_with(b"FAULTGATE_") || is_blank(value) {
            continue;
        }
        let readable = name.to_str().is_some();
        let name = name.to_string_lossy();
        // Outputs of an earlier run are inherited by later jobs.
        let is_output = OUTPUTS.iter().any(|output| output.variable() == name);
        if is_output || MARKS.contains(&name.as_ref()) || known.iter().any(|k| *k == name) {
            continue;
        }
        let names = known.iter().map(|k| &k["FAULTGATE_".len()..]);
        let unknown = Mistake::new(&name, format!("{}: no such input", key(&name)));
        match misspelt(&name["FAULTGATE_".len()..], names) {
            Some(near) => mistakes.push(unknown.hint(format!("did you mean FAULTGATE_{near}?"))),
            None if !readable => mistakes.push(unknown.hint("its name is not UTF-8")),
            None => warnings.push(unknown.hint("faultgate inputs lists all").to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ci(pairs: &[(&str, &str)]) -> (Option<(String, String)>, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let env = Environment::from_pairs(pairs.iter().copied());
        let input = find("experiment-template-id").unwrap();
        (ci_variable(input, &env, &mut mistakes), mistakes)
    }

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
        let named = inherited(&merge(layers).unwrap());
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

    /// A later job inherits the dotenv file as if its lines had been set for that job.
    #[test]
    fn no_name_in_the_dotenv_file_is_an_input() {
        let inputs: Vec<String> = INPUTS
            .iter()
            .flat_map(|input| [&[input.variable()][..], &input.ci_variables()].concat())
            .collect();
        for output in OUTPUTS {
            let is_input = inputs.contains(&output.variable());
            assert_eq!(output.in_dotenv, !is_input, "{}", output.name);
        }
        let left_out = OUTPUTS.iter().filter(|output| !output.in_dotenv).map(|output| output.name);
        assert_eq!(left_out.collect::<Vec<_>>(), ["expected-resilience-score", "report-dir"]);
    }

    #[test]
    fn both_forms_of_a_ci_variable_are_read() {
        for form in ["INPUT_EXPERIMENT-TEMPLATE-ID", "INPUT_EXPERIMENT_TEMPLATE_ID"] {
            let (found, mistakes) = ci(&[(form, " EXT1\n")]);
            assert_eq!(found, Some((form.to_owned(), "EXT1".to_owned())));
            assert!(mistakes.is_empty());
        }
    }

    #[test]
    fn what_the_ci_did_not_replace_is_a_mistake_that_does_not_show_it() {
        let (found, mistakes) = ci(&[("INPUT_EXPERIMENT-TEMPLATE-ID", "$TEMPLATE_S3CR3T")]);
        assert_eq!(found, None);
        let shown = mistakes[0].to_string();
        assert!(shown.contains("(from INPUT_EXPERIMENT-TEMPLATE-ID)"), "{shown}");
        assert!(shown.contains("was not replaced") && shown.contains("protected"), "{shown}");
        assert!(!shown.contains("S3CR3T"), "{shown}");
    }

    #[test]
    fn two_forms_may_agree_but_not_differ() {
        let hyphens = "INPUT_EXPERIMENT-TEMPLATE-ID";
        let underscores = "INPUT_EXPERIMENT_TEMPLATE_ID";
        let (found, mistakes) = ci(&[(hyphens, "EXT1"), (underscores, "EXT1")]);
        assert!(found.is_some() && mistakes.is_empty());
        let (found, mistakes) = ci(&[(hyphens, "EXT1"), (underscores, "")]);
        assert!(found.is_some() && mistakes.is_empty(), "empty is unset");
        let (found, mistakes) = ci(&[(hyphens, "EXT1"), (underscores, "EXT2")]);
        assert_eq!(found, None);
        let shown = mistakes[0].to_string();
        assert!(shown.contains(hyphens) && shown.contains(underscores), "{shown}");
    }

    #[test]
    fn a_policy_that_nobody_applies_is_a_mistake() {
        for name in POLICY {
            let (mut mistakes, mut warnings) = (Vec::new(), Vec::new());
            unknown_variables(&Environment::from_pairs([(name, "p.yml")]), &mut mistakes, &mut warnings);
            assert_eq!((mistakes.len(), warnings.len()), (1, 0), "{name}");
        }
    }

    #[test]
    fn a_misspelt_variable_is_a_mistake_with_the_nearest_name_and_any_other_a_warning() {
        let env = Environment::from_pairs([
            ("FAULTGATE_TIMEOT", "5m"),
            ("FAULTGATE_EXPERIMENT-TEMPLATE-ID", "EXT1"),
            ("FAULTGATE_UNHEARD_OF", ""),
            ("FAULTGATE_IMAGE", "registry.example/faultgate:1"),
            ("FAULTGATE_VERDICT", "passed"),
            ("FAULTGATE_REPORT_DIR", "out"),
            ("INPUT_WHO-TO-GREET", "world"),
        ]);
        let (mut mistakes, mut warnings) = (Vec::new(), Vec::new());
        unknown_variables(&env, &mut mistakes, &mut warnings);
        let [warning] = &warnings[..] else { panic!("one warning: {warnings:?}") };
        assert!(
            warning.contains("FAULTGATE_IMAGE: no such input") && !warning.contains("registry"),
            "{warning}"
        );
        let shown: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "FAULTGATE_EXPERIMENT-TEMPLATE-ID: no such input (from FAULTGATE_EXPERIMENT-TEMPLATE-ID); \
                 did you mean FAULTGATE_EXPERIMENT_TEMPLATE_ID?",
                "FAULTGATE_TIMEOT: no such input (from FAULTGATE_TIMEOT); did you mean FAULTGATE_TIMEOUT?",
            ]
        );
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
