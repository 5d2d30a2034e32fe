//! The settings of `faultgate sweep`: the accounts and Regions in which leftovers are looked for.
//!
//! A sweep goes through many of them at once, so these two inputs are lists here.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use ::config::{Value, ValueKind};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_net::foreign::aws_mistakes;

use super::report::some_layers;
use super::stop::{StopSettings, of_values};
use crate::inputs::input::Setting;
use crate::inputs::table::{AWS_REGION, AWS_ROLE_ARN, CA_BUNDLE, CONFIG, LOG_FORMAT};
use crate::layers::file::Document;
use crate::layers::merge::DEFAULT;
use crate::layers::values::{Values, find_written, read};

/// Inputs that may be set on the command line of `faultgate sweep`.
pub const SWEEP_INPUTS: &[&str] =
    &[CONFIG.name(), AWS_REGION.name(), AWS_ROLE_ARN.name(), CA_BUNDLE.name(), LOG_FORMAT.name()];

/// The settings of `faultgate sweep`.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSettings {
    /// Regions to sweep, at least one. `None` stands for the Region of the SDK's default chain.
    pub regions: Vec<Option<String>>,
    /// Roles to assume, at least one. `None` stands for the SDK's default chain.
    pub role_arns: Vec<Option<String>>,
    /// All other settings. Their Region and role are not set.
    pub stop: StopSettings,
}

/// Reads the settings of `faultgate sweep`.
pub fn sweep_settings(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
) -> Result<SweepSettings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let (mut merged, document) = some_layers(env, flags, dir, SWEEP_INPUTS, &mut mistakes)?;
    let mut list = |setting| list(&mut merged, setting, document.as_ref(), &mut mistakes);
    let (regions, role_arns) = (list(AWS_REGION), list(AWS_ROLE_ARN));
    let values = Values::read(&merged, document.as_ref(), &mut mistakes);
    let stop = of_values(&values, env, dir, &mut mistakes);
    mistakes.extend(aws_mistakes(env));
    if mistakes.is_empty() { Ok(SweepSettings { regions, role_arns, stop }) } else { Err(mistakes) }
}

/// Takes an input out of the merged ones, and reads it as a list of values, where a run would read a single
/// one.
fn list(
    merged: &mut HashMap<String, Value>,
    setting: Setting<String>,
    document: Option<&Document>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<Option<String>> {
    let input = setting.input();
    let Some(value) = merged.remove(input.name) else { return vec![None] };
    let origin = value.origin().unwrap_or(DEFAULT).to_owned();
    let written = document.filter(|document| document.origin == origin).and_then(|d| find_written(d, &input));
    let items: Vec<Value> = match value.kind {
        ValueKind::String(text) => text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|item| !item.is_empty())
            .map(|item| Value::new(Some(&origin), item))
            .collect(),
        // A value of another type is a mistake, which the reading of the item tells.
        _ => vec![value],
    };
    let mut found = Vec::new();
    for item in &items {
        match read(&input.kind, input.name, item, &origin, written.as_deref()) {
            Ok(Some(_)) => {
                let text = Some(item.to_string());
                if !found.contains(&text) {
                    found.push(text);
                }
            }
            Ok(None) => {}
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if found.is_empty() { vec![None] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lists = (Vec<Option<String>>, Vec<Option<String>>);

    fn lists(pairs: &[(&str, &str)], flags: &[(&str, &str)], suite: &str) -> Result<Lists, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
        let env = Environment::from_pairs(pairs.iter().copied());
        let flags: Vec<_> = flags.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        let settings = sweep_settings(&env, &flags, dir.path());
        let told = |mistakes: Vec<Mistake>| mistakes.iter().map(ToString::to_string).collect();
        settings.map(|settings| (settings.regions, settings.role_arns)).map_err(told)
    }

    fn some(items: &[&str]) -> Vec<Option<String>> {
        items.iter().map(|item| Some((*item).to_owned())).collect()
    }

    const A: &str = "arn:aws:iam::111122223333:role/sweep";
    const B: &str = "arn:aws-cn:iam::444455556666:role/ops/sweep";

    #[test]
    fn lists_are_divided_by_commas_and_lines_and_each_counts_once() {
        let regions = ("FAULTGATE_AWS_REGION", "eu-west-1, us-east-1,\n eu-west-1 ,,us-east-1\n");
        let roles = ("INPUT_AWS-ROLE-ARN", &*format!("{A},{B}"));
        let found = lists(&[regions, roles], &[], "").unwrap();
        assert_eq!(found, (some(&["eu-west-1", "us-east-1"]), some(&[A, B])));
        assert_eq!(lists(&[], &[], "").unwrap(), (vec![None], vec![None]));
        assert_eq!(lists(&[("FAULTGATE_AWS_REGION", " , ")], &[], "").unwrap(), (vec![None], vec![None]));
    }

    #[test]
    fn a_flag_goes_before_a_variable_and_that_before_the_suite() {
        let suite = "version: 1\naws-region: ap-south-1\nexperiments: []\n";
        let env = [("FAULTGATE_AWS_REGION", "eu-west-1"), ("INPUT_AWS_REGION", "eu-west-2")];
        assert_eq!(lists(&[], &[], suite).unwrap().0, some(&["ap-south-1"]));
        assert_eq!(lists(&env[1..], &[], suite).unwrap().0, some(&["eu-west-2"]));
        assert_eq!(lists(&env, &[], suite).unwrap().0, some(&["eu-west-1"]));
        let flag = [("aws-region", "us-west-2,us-east-1")];
        assert_eq!(lists(&env, &flag, suite).unwrap().0, some(&["us-west-2", "us-east-1"]));
    }

    #[test]
    fn every_mistake_is_told_by_the_item_it_is_about() {
        let env =
            [("FAULTGATE_AWS_REGION", "eu-west-1,Ireland,nowhere"), ("FAULTGATE_AWS_ROLE_ARN", "sweep")];
        let told = lists(&env, &[], "").unwrap_err();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(
            told[0].starts_with("aws-region: \"Ireland\" is not an AWS Region (from FAULTGATE_AWS_REGION)")
        );
        assert!(told[1].starts_with("aws-region: \"nowhere\" "), "{told:?}");
        assert!(told[2].starts_with("aws-role-arn: \"sweep\" is not the ARN of an IAM role"), "{told:?}");
    }

    #[test]
    fn settings_of_runs_are_none_of_its_business() {
        let env = [("FAULTGATE_TIMEOUT", "30 parsecs"), ("FAULTGATE_HARNESS_URL", "no url")];
        assert!(lists(&env, &[], "version: 7\n").is_ok());
    }
}
