//! The kinds of value that an input or a key of a suite takes: each says how its text is parsed, and how its
//! form is described to people.

use std::ops::RangeInclusive;
use std::time::Duration;

use faultgate_core::duration::exact;
use faultgate_core::mistake::{Problem, nearest};
use faultgate_core::model::{Expectation, Score, Shard};
use faultgate_net::aws::s3::S3Address;
use faultgate_net::syntax;

use crate::inputs::forms;
use crate::inputs::parse;

/// The kind of value that an input or a key takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// One line of at most `max` characters.
    Text {
        max: usize,
    },
    /// Text of at most `max` characters, on any number of lines.
    Lines {
        max: usize,
    },
    Path,
    Bool,
    Choice(&'static [&'static str]),
    Score,
    Duration {
        min: Duration,
        max: Duration,
    },
    Count {
        min: u32,
        max: u32,
    },
    /// A list of FIS experiment template ids.
    Templates,
    /// One FIS experiment template id.
    Template,
    Url,
    QueueUrl,
    Region,
    RoleArn,
    /// A folder in S3: `s3://bucket/chaos/`.
    S3Folder,
    /// The name of an IAM role, with its path.
    RoleName,
    /// The id of an organizational unit, or of a root, of AWS Organizations.
    Unit,
    /// A part of a suite: `2/5`, `auto` or `auto/5`.
    Shard,
    /// Names of experiments, or items of a plan.
    Only,
    /// The name of a repository at any forge, or the URL that it is cloned from.
    Repository,
    /// A full or shortened commit hash.
    Commit,
    /// Digits alone, kept as text.
    Number,
    /// The name of an experiment in a suite.
    ExperimentName,
    /// A host and a port.
    Address,
    /// A comparison with a number: `< 0.5`.
    Comparison,
    /// A status of HTTP, or a range of them: `200-299`.
    Status,
    /// A statistic of CloudWatch.
    Statistic,
    /// A secret in the suite file, where only the name of its variable stands: `${TOKEN}`.
    Variable,
    Secret,
}

/// A value that has been parsed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parsed {
    Text(String),
    Bool(bool),
    Score(Score),
    Duration(Duration),
    Count(u32),
    List(Vec<String>),
    Expectation(Expectation),
    Statuses(RangeInclusive<u16>),
}

impl Parsed {
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Kind {
    /// Parses a text of this kind, without the blanks around it.
    pub(crate) fn parse(&self, text: &str) -> Result<Parsed, Problem> {
        let text = text.trim();
        Ok(match self {
            Self::Text { max } => Parsed::Text(parse::line(text, *max)?),
            Self::Lines { max } => Parsed::Text(parse::lines(text, *max)?),
            Self::Path => Parsed::Text(parse::line(text, 4096)?),
            Self::Bool => Parsed::Bool(parse::boolean(text)?),
            Self::Choice(choices) => Parsed::Text(choice(text, choices)?),
            Self::Score => Parsed::Score(parse::score(text)?),
            Self::Duration { min, max } => Parsed::Duration(parse::duration_within(text, *min, *max)?),
            Self::Count { min, max } => Parsed::Count(parse::count(text, *min, *max)?),
            Self::Templates => Parsed::List(parse::templates(text)?),
            Self::Template => Parsed::Text(parse::template(text)?),
            Self::Url => Parsed::Text(syntax::url(text)?),
            Self::QueueUrl => Parsed::Text(parse::queue_url(text)?),
            Self::Region => Parsed::Text(syntax::region(text)?),
            Self::RoleArn => Parsed::Text(parse::role_arn(text)?),
            Self::S3Folder => Parsed::Text(S3Address::folder(text)?.to_string()),
            Self::RoleName => Parsed::Text(parse::role_name(text)?),
            Self::Unit => Parsed::Text(parse::unit(text)?),
            Self::Shard => parse::shard(text).map(|_| Parsed::Text(text.to_owned()))?,
            Self::Only => parse::only(text).map(|_| Parsed::Text(text.to_owned()))?,
            Self::Repository => Parsed::Text(parse::repository(text)?),
            Self::Commit => Parsed::Text(parse::commit(text)?),
            Self::Number => Parsed::Text(parse::digits(text)?),
            Self::ExperimentName => Parsed::Text(parse::experiment_name(text)?),
            Self::Address => Parsed::Text(parse::address(text)?),
            Self::Comparison => Parsed::Expectation(parse::comparison(text)?),
            Self::Status => Parsed::Statuses(forms::status(text)?),
            Self::Statistic => Parsed::Text(forms::statistic(text)?),
            Self::Variable => Parsed::Text(parse::parse_secret(text)?),
            // Secrets are read by a way of their own, and from variables only.
            Self::Secret => return Err(secret()),
        })
    }

    /// A description of the form, units and range of the values, for people.
    pub(crate) fn forms(&self) -> Option<String> {
        Some(match self {
            Self::Text { .. } | Self::Lines { .. } | Self::Path | Self::Template | Self::Repository => {
                return None;
            }
            Self::Bool => "true or false".to_owned(),
            Self::Choice(choices) => choices.join(", "),
            Self::Score => "a number from 0 to 100, with at most two decimals".to_owned(),
            Self::Duration { min, max } => {
                format!("a duration such as 90s, 5m or 1h30m, from {} to {}", exact(*min), exact(*max))
            }
            Self::Count { min, max } => format!("a number from {min} to {max}"),
            Self::Templates => "ids, separated by commas, lines or spaces".to_owned(),
            Self::Url | Self::QueueUrl => "an http or https URL".to_owned(),
            Self::Region => "a Region such as eu-west-1".to_owned(),
            Self::RoleArn => "an ARN such as arn:aws:iam::111122223333:role/NAME".to_owned(),
            Self::S3Folder => "an address such as s3://bucket/chaos/".to_owned(),
            Self::RoleName => "a name such as chaos or path/chaos".to_owned(),
            Self::Unit => "ou-… or r-…".to_owned(),
            Self::Shard => {
                format!(
                    "n/m, from 1/1 to {0}/{0}; auto takes it from the engine that runs the job, auto/m if that gives \
                     no total",
                    Shard::MAX_PARTS
                )
            }
            Self::Only => {
                "names, separated by commas or lines, or items of faultgate plan --format jsonl".to_owned()
            }
            Self::Commit => "7 to 64 hexadecimal digits".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::ExperimentName => "lower-case letters, digits and hyphens, at most 64".to_owned(),
            Self::Address => "host:port".to_owned(),
            Self::Comparison => "one of < <= > >= == != and a number, in quotes".to_owned(),
            Self::Status => "100 to 599, or a range such as 200-299".to_owned(),
            Self::Statistic => "such as Average, Sum, p99.9 or TM(10%:90%)".to_owned(),
            Self::Variable => "secret, by variable only: \"${NAME}\"".to_owned(),
            Self::Secret => "secret, by variable only".to_owned(),
        })
    }

    /// A value of this kind, for a mistake that has no example of its own.
    pub(crate) fn example(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Lines { .. } => "checkout answers",
            Self::Path => "chaos/suite.yml",
            Self::Bool => "true",
            Self::Choice(choices) => choices.first().copied().unwrap_or_default(),
            Self::Score => "95",
            Self::Duration { .. } => "30s",
            Self::Count { .. } => "3",
            Self::Templates | Self::Template => "EXT1a2b3c4d5e6f7",
            Self::Url => "https://shop.example.com/health",
            Self::QueueUrl => "https://sqs.eu-west-1.amazonaws.com/111122223333/fis-events",
            Self::Region => "eu-west-1",
            Self::RoleArn => "arn:aws:iam::111122223333:role/chaos",
            Self::S3Folder => "s3://bucket/chaos/",
            Self::RoleName => "chaos",
            Self::Unit => "ou-ab12-cd34ef56",
            Self::Shard => "2/5",
            Self::Only | Self::ExperimentName => "az-latency",
            Self::Repository => "octo/shop",
            Self::Commit => "9fceb02d0ae598e95dc970b74767f19372d61af8",
            Self::Number => "42",
            Self::Address => "db:5432",
            Self::Comparison => "< 0.5",
            Self::Status => "200",
            Self::Statistic => "p99",
            Self::Variable | Self::Secret => "${TOKEN}",
        }
    }

    /// `true` where [`forms`](Self::forms) shows as much as an example would.
    pub(crate) fn shows_example(&self) -> bool {
        matches!(self, Self::Bool | Self::Choice(_) | Self::Region | Self::RoleArn | Self::S3Folder)
    }

    /// The word that stands for the value in a usage line.
    pub(crate) fn placeholder(&self) -> &'static str {
        match self {
            Self::Text { .. }
            | Self::Lines { .. }
            | Self::Comparison
            | Self::Statistic
            | Self::Repository => "TEXT",
            Self::ExperimentName | Self::RoleName => "NAME",
            Self::Address => "HOST:PORT",
            Self::Path => "PATH",
            Self::Bool => "BOOL",
            Self::Choice(_) => "CHOICE",
            Self::Score => "SCORE",
            Self::Duration { .. } => "DURATION",
            Self::Count { .. } | Self::Number => "NUMBER",
            Self::Templates => "IDS",
            Self::Template | Self::Unit => "ID",
            Self::Url | Self::QueueUrl => "URL",
            Self::Region => "REGION",
            Self::RoleArn => "ARN",
            Self::S3Folder => "ADDRESS",
            Self::Shard => "N/M",
            Self::Only => "NAMES",
            Self::Commit => "COMMIT",
            Self::Status => "STATUS",
            Self::Variable | Self::Secret => "SECRET",
        }
    }

    /// `true` where a bare number in a suite file is what the user means. Elsewhere a bare number may have
    /// lost something already: a YAML parser reads the id `0012` as 12 and `12e4567` as infinity.
    pub(crate) fn takes_numbers(&self) -> bool {
        matches!(
            self,
            Self::Score
                | Self::Count { .. }
                | Self::Duration { .. }
                | Self::Number
                | Self::Bool
                | Self::Status
        )
    }

    /// `true` where `true` and `false` in a suite file are words of this kind.
    pub(crate) fn takes_booleans(&self) -> bool {
        matches!(self, Self::Bool | Self::Choice(_))
    }
}

/// Returns the words that stand for some of these choices, each with the choice that it means. GitLab's YAML
/// reads an unquoted `on` as true, and a choice that has `true` takes every word of a yes or a no.
pub(crate) fn synonyms(choices: &[&str]) -> impl Iterator<Item = (&'static str, &'static str)> {
    const OF_SWITCH: &[(&str, &str)] = &[("true", "on"), ("false", "off")];
    const OF_TRUTH: &[(&str, &str)] =
        &[("yes", "true"), ("on", "true"), ("1", "true"), ("no", "false"), ("0", "false")];
    let all = if choices.contains(&"true") { OF_TRUTH } else { OF_SWITCH };
    all.iter().copied().filter(|(_, meant)| choices.contains(meant))
}

/// Parses one of several words.
fn choice(text: &str, choices: &[&str]) -> Result<String, Problem> {
    let word = text.to_ascii_lowercase();
    let synonym = synonyms(choices).find(|(synonym, _)| *synonym == word);
    let meant = synonym.map_or(word.as_str(), |(_, meant)| meant);
    if choices.contains(&meant) {
        return Ok(meant.to_owned());
    }
    let all = choices.join(", ");
    let hint = nearest(meant, choices.iter().copied()).map_or_else(
        || format!("write one of {all}"),
        |near| format!("did you mean {near}? it is one of {all}"),
    );
    Err(Problem::new("is not a choice here").hint(hint))
}

fn secret() -> Problem {
    let mut problem = Problem::new("is a secret").hint("set its variable");
    problem.hide = true;
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: Kind = Kind::Choice(&["off", "on", "on-failure"]);

    #[test]
    fn choices() {
        for (text, want) in [("off", "off"), ("On-Failure", "on-failure"), ("true", "on"), ("false", "off")] {
            assert_eq!(COMMENT.parse(text), Ok(Parsed::Text(want.to_owned())), "{text}");
        }
        let problem = COMMENT.parse("on-failures").unwrap_err();
        assert_eq!(problem.hint.unwrap(), "did you mean on-failure? it is one of off, on, on-failure");
        assert!(Kind::Choice(&["warn", "fail"]).parse("true").is_err());
    }

    #[test]
    fn each_example_is_right() {
        let duration = Kind::Duration { min: Duration::from_secs(1), max: Duration::from_hours(12) };
        for kind in [
            Kind::Text { max: 20 },
            Kind::Lines { max: 20 },
            Kind::Path,
            Kind::Bool,
            COMMENT,
            Kind::Score,
            duration,
            Kind::Count { min: 1, max: 5 },
            Kind::Templates,
            Kind::Template,
            Kind::Url,
            Kind::QueueUrl,
            Kind::Region,
            Kind::RoleArn,
            Kind::S3Folder,
            Kind::RoleName,
            Kind::Unit,
            Kind::Shard,
            Kind::Only,
            Kind::Repository,
            Kind::Commit,
            Kind::Number,
            Kind::ExperimentName,
            Kind::Address,
            Kind::Comparison,
            Kind::Status,
            Kind::Statistic,
            Kind::Variable,
        ] {
            assert!(kind.parse(kind.example()).is_ok(), "{kind:?}");
        }
    }

    #[test]
    fn surrounding_white_space_is_no_part_of_a_value() {
        assert_eq!(Kind::Bool.parse(" true\n"), Ok(Parsed::Bool(true)));
    }
}
