//! Secrets: values that are never shown.
//!
//! Secrets are read from variables alone. They never enter the layers of settings, since those can be
//! printed.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Mistake;
use super::environment::Environment;
use super::inputs::{INPUTS, Input};
use super::layers;

/// A value that no log, report or error may show. Its `Debug` and `Display` show `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text from outside with `***` in place of this value, whether it is repeated as it is or in the way
    /// in which JSON, XML or a URL would write it.
    pub fn veil(&self, said: &str) -> String {
        if self.0.is_empty() {
            return said.to_owned();
        }
        self.forms().into_iter().fold(said.to_owned(), |said, form| said.replace(&form, "***"))
    }

    /// The forms in which others may write the value.
    pub(super) fn forms(&self) -> [String; 5] {
        let json = serde_json::Value::from(self.0.as_str()).to_string();
        let url = utf8_percent_encode(&self.0, NON_ALPHANUMERIC).to_string();
        let form = utf8_percent_encode(&self.0, QUERY).to_string();
        let xml = quick_xml::escape::escape(&self.0).into_owned();
        // The quotation marks of JSON are cut off, since the value may be a part of a longer text.
        [self.0.clone(), json[1..json.len() - 1].to_owned(), xml, url, form]
    }
}

/// Characters that must be escaped in a query: RFC 3986 leaves the others as they are.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

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
    /// Reads the secrets straight from the environment: they never enter the layers, which can be printed.
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
    Some(Secret(value))
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
    fn it_is_veiled_in_every_form() {
        let secret = Secret::new("s3\"c/r3t<-+&_x");
        for said in [
            "s3\"c/r3t<-+&_x",
            "s3\\\"c/r3t<-+&_x",
            "s3&quot;c/r3t&lt;-+&amp;_x",
            "s3%22c%2Fr3t%3C%2D%2B%26%5Fx",
            "s3%22c%2Fr3t%3C-%2B%26_x",
        ] {
            assert_eq!(secret.veil(&format!("a {said} b")), "a *** b", "{said}");
        }
        assert_eq!(Secret::new("").veil("abc"), "abc");
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
