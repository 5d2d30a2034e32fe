//! The policies that a run has to keep.
//!
//! Flag and variables add up here, where for other inputs one of them goes before the others: whoever sets the
//! flag of a job must not lift the policy that the variable of the platform names.

use std::ffi::OsString;

use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;

use crate::inputs::table::POLICY;
use crate::layers::merge::Layer;

/// A policy file by the name that a setting gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    pub file: String,
    /// The flag or variable that names it.
    pub named_by: String,
}

/// The policies that flags and variables name, each file once. A suite or a state file names none. A setting
/// that cannot be read adds its mistake.
pub fn named_policies(
    env: &Environment,
    flags: &[(String, OsString)],
    mistakes: &mut Vec<Mistake>,
) -> Vec<NamedPolicy> {
    let is_policy = |name: &str| name == POLICY.name();
    let flags = flags.iter().filter(|(name, _)| is_policy(name)).cloned().collect();
    let layers = [
        Layer::own_of(&is_policy, env, mistakes),
        Layer::ci_of(&is_policy, env, mistakes),
        Layer::flags(flags, mistakes),
    ];
    let mut named: Vec<NamedPolicy> = Vec::new();
    for (file, named_by) in layers.iter().filter_map(|layer| layer.text(POLICY)) {
        if !named.iter().any(|known| known.file == file) {
            named.push(NamedPolicy { file, named_by });
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(env: &[(&str, &str)], flags: &[&str]) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        let flags: Vec<_> = flags.iter().map(|file| ("policy".to_owned(), file.into())).collect();
        let env = Environment::from_pairs(env.iter().copied());
        let named = named_policies(&env, &flags, &mut mistakes);
        assert!(mistakes.is_empty());
        named.into_iter().map(|named| (named.file, named.named_by)).collect()
    }

    #[test]
    fn flag_and_variables_add_up() {
        let env = [("FAULTGATE_POLICY", "p.yml"), ("INPUT_POLICY", "q.yml"), ("POLICY", "other.yml")];
        let pair = |file: &str, by: &str| (file.to_owned(), by.to_owned());
        let (own, ci) = (pair("p.yml", "FAULTGATE_POLICY"), pair("q.yml", "INPUT_POLICY"));
        assert_eq!(named(&env, &["r.yml"]), [own.clone(), ci.clone(), pair("r.yml", "--policy")]);
        assert_eq!(named(&env, &[" "]), [own.clone(), ci.clone()], "a blank flag lifts nothing");
        assert_eq!(named(&env, &["q.yml"]), [own, ci], "a file holds once");
        assert_eq!(named(&[("FAULTGATE_POLICY", "")], &[]), []);
    }

    #[test]
    fn a_variable_that_was_not_replaced_is_a_mistake() {
        let mut mistakes = Vec::new();
        let env = Environment::from_pairs([("FAULTGATE_POLICY", "$POLICY_FILE")]);
        assert_eq!(named_policies(&env, &[], &mut mistakes), []);
        assert_eq!(mistakes.len(), 1);
    }
}
