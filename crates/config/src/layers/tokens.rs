//! The secrets that were given.
//!
//! Secrets are read from variables alone. They never enter the layers of settings, since those can be
//! printed.

use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;

use crate::inputs::input::{Input, SecretInput};
use crate::inputs::table;
use crate::layers::variables::{ci_variable, own_variable};

/// The secrets that were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    pub github: Option<Secret>,
    pub gitlab: Option<Secret>,
    pub bitbucket: Option<Secret>,
    pub harness: Option<Secret>,
    pub litmus: Option<Secret>,
    pub litmus_password: Option<Secret>,
    pub aws_id: Option<Secret>,
}

impl Tokens {
    /// The token for a forge. CodeCommit is spoken to with AWS credentials instead.
    pub fn for_forge(&self, kind: ForgeKind) -> Option<&Secret> {
        match kind {
            ForgeKind::GitHub | ForgeKind::Gitea | ForgeKind::Forgejo => self.github.as_ref(),
            ForgeKind::GitLab => self.gitlab.as_ref(),
            ForgeKind::Bitbucket => self.bitbucket.as_ref(),
            ForgeKind::CodeCommit => None,
        }
    }

    /// Reads the secrets straight from the environment: they never enter the layers, which can be printed.
    pub(crate) fn read(env: &Environment, mistakes: &mut Vec<Mistake>) -> Self {
        let mut secret = |handle: SecretInput| secret(&handle.input, env, mistakes);
        Self {
            aws_id: secret(table::AWS_ID_TOKEN),
            harness: secret(table::HARNESS_API_KEY),
            litmus: secret(table::LITMUS_TOKEN),
            litmus_password: secret(table::LITMUS_PASSWORD),
            github: secret(table::GITHUB_TOKEN),
            gitlab: secret(table::GITLAB_TOKEN),
            bitbucket: secret(table::BITBUCKET_TOKEN),
        }
    }
}

fn secret(input: &Input, env: &Environment, mistakes: &mut Vec<Mistake>) -> Option<Secret> {
    // Both variables are read, so that a broken one is told even where the other one wins.
    let from_ci = ci_variable(input, env, mistakes);
    let own = own_variable(input, env, mistakes);
    let (origin, value) = own.or(from_ci)?;
    if value.chars().any(|c| c.is_control() || c.is_whitespace()) {
        // The value would end up in an HTTP header, where a line break is an injection.
        mistakes.push(
            Mistake::new(origin, format!("{}: holds white space or a control character", input.name))
                .hint("set it to the token alone"),
        );
        return None;
    }
    Some(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::table::INPUTS;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("s3cr3t");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "*** *** ***");
        let tokens = Tokens { github: Some(secret), ..Tokens::default() };
        assert!(!format!("{tokens:?}").contains("s3cr3t"));
    }

    #[test]
    fn each_secret_input_has_its_place() {
        for input in INPUTS.iter().filter(|i| i.is_secret()) {
            let env = Environment::from_pairs([(input.variable(), "s3cr3t")]);
            let mut mistakes = Vec::new();
            let tokens = Tokens::read(&env, &mut mistakes);
            assert!(mistakes.is_empty());
            assert_ne!(tokens, Tokens::default(), "{}", input.name);
        }
    }

    #[test]
    fn a_token_of_two_lines_is_a_mistake_that_does_not_show_it() {
        let env = Environment::from_pairs([("INPUT_GITHUB-TOKEN", "s3cr3t\nX-Evil: 1")]);
        let mut mistakes = Vec::new();
        assert_eq!(Tokens::read(&env, &mut mistakes), Tokens::default());
        let shown = mistakes[0].to_string();
        assert!(shown.contains("INPUT_GITHUB-TOKEN") && !shown.contains("s3cr3t"), "{shown}");
    }
}
