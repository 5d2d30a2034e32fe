//! The veil: the replacement of secrets by `***` in texts that go out.
//!
//! The veil covers secrets, and those values of a suite's variables that may be secrets. A CI masks its own
//! log alone, but the output of a program and the answer of a server are also repeated in statuses, comments
//! and files.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::Arc;

use faultgate_core::environment::Environment;
use faultgate_core::secret::Secret;

use crate::secrets::credentials::{is_own, says_secret};
use crate::secrets::inherited::is_inherited;

/// Limit below which nothing is hidden, in characters. A shorter value may occur anywhere, so hiding it would
/// tear texts apart; no secret is so short.
const MIN_HIDDEN_CHARS: usize = 4;
/// Limit below which a value is not hidden if only its place suggests that it is a secret, in characters.
const MIN_GUESSED_CHARS: usize = 8;

/// Keys of a suite whose texts go to programs and servers. The texts of other keys are names and ids, which
/// reports have to show.
const GIVEN_AWAY: &[&str] =
    &["body", "contains", "env", "expect-headers", "headers", "run", "runtime-inputs", "stop", "url"];

/// Values that no text may show, in every form that a program or a server may write them in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Veil(Arc<[String]>);

impl Veil {
    /// A veil over these values, without those that are too short.
    pub fn over(values: impl IntoIterator<Item = String>) -> Self {
        let values = values.into_iter().filter(|value| value.chars().count() >= MIN_HIDDEN_CHARS);
        let mut forms: Vec<String> = values.flat_map(|value| Secret::new(value).forms()).collect();
        // A value may be a part of another one, so the longest goes first.
        forms.sort_by(|a, b| Reverse(a.len()).cmp(&Reverse(b.len())).then_with(|| a.cmp(b)));
        forms.dedup();
        Self(forms.into())
    }

    /// A veil over the values of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => {
                let mut forms = [&*self.0, &*other.0].concat();
                forms.sort_by_key(|form| Reverse(form.len()));
                Self(forms.into())
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text from outside with `***` in place of what is hidden. The text must not have been shortened
    /// before: half a secret is a secret too, and would not be found.
    pub fn hide(&self, said: &str) -> String {
        self.0.iter().fold(said.to_owned(), |said, form| {
            if said.contains(form.as_str()) { said.replace(form.as_str(), "***") } else { said }
        })
    }
}

impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Adds the parts of a variable's value that must not be shown, if the value stands at this key path of a
/// suite.
pub(crate) fn add(hidden: &mut BTreeSet<String>, name: &str, value: &str, path: &str, env: &Environment) {
    if says_secret(name) || is_given_away(path) && is_guessed(name, value, env) {
        // A program may show a part of the value: a token without the word before it, or one line of a key.
        let words = value.trim().split_once(' ').map(|(_, rest)| rest);
        let lines = value.lines().filter(|line| line.trim().chars().count() >= MIN_GUESSED_CHARS);
        hidden.extend([value].into_iter().chain(words).chain(lines).map(|text| text.trim().to_owned()));
    }
    hidden.extend(password(value).map(ToOwned::to_owned));
}

/// The values of the job's own variables that must not be shown. All of them count, whether a program
/// inherits them or not, since a program may find more than it was given.
pub(crate) fn of_job(env: &Environment) -> impl Iterator<Item = String> {
    let told = |(name, value): (&OsStr, &OsStr)| {
        Some((name.to_str()?.to_owned(), value.to_str()?.trim().to_owned()))
    };
    env.iter().filter_map(told).flat_map(|(name, value)| {
        // The name says secret, but such a value is the place of one and has to be shown.
        let is_place = ["_FILE", "_SOCK", "_URI", "_URL"].iter().any(|end| name.ends_with(end));
        let is_secret = is_own(&name) || says_secret(&name) && !is_readable(&value);
        let whole = is_secret && !is_place && value.chars().count() >= MIN_GUESSED_CHARS;
        [password(&value).map(ToOwned::to_owned), whole.then_some(value)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    })
}

fn is_given_away(path: &str) -> bool {
    path.split(['.', '[']).any(|key| GIVEN_AWAY.contains(&key))
}

/// `true` for a value that is not short, not readable, and not a part of the CI's description of its run.
fn is_guessed(name: &str, value: &str, env: &Environment) -> bool {
    let is_public = |name: &OsStr, other: &OsStr| other == OsStr::new(value) && is_inherited(name, other);
    value.trim().chars().count() >= MIN_GUESSED_CHARS
        && !is_readable(value.trim())
        && !is_inherited(OsStr::new(name), OsStr::new(value))
        && !env.iter().any(|(name, other)| is_public(name, other))
}

/// `true` for words and numbers, such as `eu-west-1`, `v1.2.3` and `https://staging.example.com`. A longer
/// mixture of letters and digits, or of small letters and capitals, may be a key.
fn is_readable(value: &str) -> bool {
    let is_word = |piece: &str| {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_uppercase());
        let capitals = piece.len() - rest.len();
        piece.bytes().all(|b| b.is_ascii_digit())
            || capitals <= 1 && rest.bytes().all(|b| b.is_ascii_lowercase())
            || rest.is_empty()
    };
    let marks = ['-', '.', '_', '/', ':'];
    let mixed = value.split(marks).filter(|piece| !is_word(piece)).map(str::len);
    value.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(&c))
        && mixed.sum::<usize>() < MIN_GUESSED_CHARS
}

/// The password in a URL.
fn password(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    // A password may contain an @ itself, so the last one ends it.
    let (user, _) = authority.rsplit_once('@')?;
    Some(user.split_once(':')?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(path: &str, name: &str, value: &str) -> Vec<String> {
        let env = Environment::from_pairs([
            (name, value),
            ("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("CI_MIRROR", "https://user:s3cr3t@mirror.example"),
        ]);
        let mut hidden = BTreeSet::new();
        add(&mut hidden, name, value, path, &env);
        hidden.into_iter().collect()
    }

    #[test]
    fn what_the_job_has_is_hidden_unless_it_is_words_or_a_place() {
        let env = Environment::from_pairs([
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
            ("GITHUB_TOKEN", "ghp_0123456789"),
            ("SHOP_API_KEY", "Xy12Xy12Xy12"),
            ("CACHE_KEY", "production"),
            ("DB_URL", "postgres://shop:s3cr3t@db"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://runner.example/token"),
            ("HOME", "/home/Xy12Xy12Xy12"),
        ]);
        let hidden: BTreeSet<String> = of_job(&env).collect();
        let wanted = ["Xy12Xy12Xy12", "ghp_0123456789", "not-a-secret", "s3cr3t"];
        assert_eq!(hidden.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_secret_is_one_by_its_name_wherever_it_stands() {
        for path in ["experiments[0].command.env.X", "experiments[0].name", "gate.compare-to"] {
            assert_eq!(hidden(path, "DB_PASSWORD", "swordfish"), ["swordfish"], "{path}");
        }
        assert_eq!(hidden("experiments[0].name", "SHOP", "Xy12Xy12Xy12"), [""; 0]);
    }

    #[test]
    fn what_goes_to_a_program_or_a_server_is_one_unless_it_is_readable_or_known() {
        let places = [
            "experiments[0].command.env.X",
            "experiments[0].command.run[2]",
            "experiments[0].probes[1].http.headers.X-Key",
            "experiments[0].probes[1].http.body",
            "experiments[0].probes[1].prometheus.url",
            "experiments[0].harness.runtime-inputs.tasks.a.b",
        ];
        for path in places {
            for value in [
                "Xy12Xy12Xy12",
                "hunter22",
                "correct horse",
                "d7c9d243-0219-4f7c-84c2-3004e59e4505",
                "postgres://shop:letmein@db/shop",
                "https://hooks.example/services/T0AB/B0CD/x7Y9z2W4",
                "AKIAIOSFODNN7EXAMPLE",
            ] {
                assert!(hidden(path, "SHOP", value).contains(&value.to_owned()), "{path}: {value}");
            }
            for value in [
                "prod",
                "1",
                "true",
                "eu-west-1",
                "us-gov-west-1",
                "production",
                "v1.2.3-rc.1",
                "https://staging.example.com:8443/shop/",
                "registry.example/shop:1.2",
                "111122223333",
                "0123456789abcdef0123456789abcdef01234567",
                "feature/faster-checkout",
                "Staging",
                "STAGING",
            ] {
                assert_eq!(hidden(path, "SHOP", value), [""; 0], "{path}: {value}");
            }
            assert_eq!(hidden(path, "CI_PIPELINE_SOURCE", "Xy12Xy12Xy12"), [""; 0]);
        }
    }

    #[test]
    fn of_long_values_each_part_is_hidden() {
        let key = "-----BEGIN KEY-----\nAbCdEfGh12345678\nx\n";
        assert_eq!(
            hidden("a", "TLS_KEY", key),
            [
                "-----BEGIN KEY-----",
                "-----BEGIN KEY-----\nAbCdEfGh12345678\nx",
                "AbCdEfGh12345678",
                "KEY-----\nAbCdEfGh12345678\nx"
            ]
        );
        assert_eq!(hidden("a", "TOKEN", "Bearer abcd"), ["Bearer abcd", "abcd"]);
        assert_eq!(hidden("a", "SHOP", "https://user:s3cr3t@mirror.example"), ["s3cr3t"]);
    }

    #[test]
    fn it_hides_the_longest_first_and_nothing_that_is_short() {
        let veil = Veil::over(["abcd", "abcd-efgh", "abc", ""].map(str::to_owned));
        assert_eq!(veil.hide("abcd-efgh abcd abc"), "*** *** abc");
        let both = Veil::over(["abcd".to_owned()]).and(&Veil::over(["abcd-efgh".to_owned()]));
        assert_eq!(both.hide("abcd-efgh abcd"), "*** ***");
        assert_eq!(Veil::default().hide("abcd"), "abcd");
        assert_eq!(format!("{veil:?}"), "***");
    }
}
