//! The command-line flags, made from the inputs.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::inputs::input::Input;
use crate::inputs::kind::Kind;
use crate::inputs::table::INPUTS;

/// One flag for every input that may have one. A flag takes any value: the settings judge it, together with
/// all others, so that all mistakes are told at once.
pub fn flags() -> Vec<Arg> {
    INPUTS.iter().filter_map(flag).collect()
}

fn flag(input: &Input) -> Option<Arg> {
    let name = input.flag()?;
    let arg = Arg::new(name)
        .long(name)
        .action(ArgAction::Set)
        .value_parser(value_parser!(OsString))
        .value_name(input.kind.placeholder())
        .help(help(input))
        .help_heading(input.group.title())
        // `--expected-resilience-score -1` is a mistake for the settings to tell, not a flag `-1`.
        .allow_negative_numbers(true);
    Some(match input.kind {
        // `--dry-run` alone means true; `--dry-run poll` must not swallow the next word.
        Kind::Bool => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => arg,
    })
}

fn help(input: &Input) -> String {
    let default = input.default_text().map(|d| format!("default: {d}; ")).unwrap_or_default();
    format!("{} [{default}env: {}]", input.description(), input.variable())
}

/// The inputs that are set by flags on this command line, in the form that [`load`](crate::load) takes.
pub fn read_flags(matches: &ArgMatches) -> Vec<(String, OsString)> {
    INPUTS
        .iter()
        .filter_map(|input| {
            // A command need not define all the flags: clap answers with an error for one that is not
            // defined.
            let value = matches.try_get_one::<OsString>(input.name).ok()??;
            Some((input.name.to_owned(), value.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    fn parse(args: &[&str]) -> Result<Vec<(String, OsString)>, clap::Error> {
        let command = Command::new("faultgate").no_binary_name(true).args(flags());
        command.try_get_matches_from(args).map(|matches| read_flags(&matches))
    }

    fn pair(name: &str, value: &str) -> (String, OsString) {
        (name.to_owned(), value.into())
    }

    #[test]
    fn clap_accepts_the_definitions() {
        Command::new("faultgate").args(flags()).debug_assert();
    }

    #[test]
    fn booleans_stand_alone_or_with_a_value() {
        assert_eq!(parse(&["--dry-run"]).unwrap(), [pair("dry-run", "true")]);
        assert_eq!(parse(&["--dry-run=false"]).unwrap(), [pair("dry-run", "false")]);
        assert_eq!(parse(&["--dry-run="]).unwrap(), [pair("dry-run", "")]);
        assert!(parse(&["--dry-run", "false"]).is_err());
    }

    #[test]
    fn values_are_taken_as_they_come() {
        assert_eq!(
            parse(&["--timeout", "30 parsecs", "--expected-resilience-score", "-1"]).unwrap(),
            [pair("timeout", "30 parsecs"), pair("expected-resilience-score", "-1")]
        );
        assert!(parse(&[]).unwrap().is_empty(), "defaults are not flags");
    }

    #[test]
    fn secrets_have_no_flag() {
        assert!(parse(&["--github-token", "x"]).is_err());
    }

    #[test]
    fn help_names_default_and_variable() {
        let timeout = flags().into_iter().find(|a| a.get_id() == "timeout").unwrap();
        assert_eq!(
            timeout.get_help().unwrap().to_string(),
            "faultgate stops an experiment that has not ended this long after its launch. Value: a duration such as \
             90s, 5m or 1h30m, from 1s to 12h. [default: 30m; env: FAULTGATE_TIMEOUT]"
        );
    }
}
