//! The secrets that were given.
//!
//! Secrets are read from variables alone. They never enter the layers of settings, since those can be
//! printed.

use super::inputs::{INPUTS, Input};
use super::layers;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;

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

    /// Read straight from the environment: secrets never enter the layers, which can be printed.
    pub(super) fn read(env: &Environment, mistakes: &mut Vec<Mistake>) -> Self {
        let mut tokens = Self::default();
        for input in INPUTS.iter().filter(|i| i.is_secret()) {
            let place = match input.name {
                "github-token" => &mut tokens.github,
                "gitlab-token" => &mut tokens.gitlab,
                "bitbucket-token" => &mut tokens.bitbucket,
                "harness-api-key" => &mut tokens.harness,
                "litmus-token" => &mut tokens.litmus,
                "aws-id-token" => &mut tokens.aws_id,
                "litmus-password" => &mut tokens.litmus_password,
                _ => continue,
            };
            *place = secret(input, env, mistakes);
        }
        tokens
    }
}

fn secret(input: &Input, env: &Environment, mistakes: &mut Vec<Mistake>) -> Option<Secret> {
    // Both variables are read, so that a broken one is told even where the other one wins.
    let from_ci = layers::ci_variable(input, env, mistakes);
    let own = layers::own_variable(input, env, mistakes);
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

/// `true` for a variable that holds a secret of faultgate, in any of the variable's forms.
pub(super) fn is_secret_variable(name: &str) -> bool {
    INPUTS.iter().filter(|i| i.is_secret()).any(|input| {
        name.eq_ignore_ascii_case(&input.variable())
            || input.ci_variables().iter().any(|form| name.eq_ignore_ascii_case(form))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn every_form_of_a_secret_variable_is_known() {
        for name in
            ["FAULTGATE_GITHUB_TOKEN", "INPUT_GITHUB-TOKEN", "INPUT_GITHUB_TOKEN", "input_github_token"]
        {
            assert!(is_secret_variable(name), "{name}");
        }
        assert!(!is_secret_variable("FAULTGATE_TIMEOUT"));
    }
}
