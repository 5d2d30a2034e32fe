//! `faultgate inputs`: prints the reference of all inputs, in the format of its reader.

use clap::{Arg, ArgMatches, Command};

use crate::terminal::say;
use faultgate_config::{Format, render};

pub(super) fn command() -> Command {
    let formats = Format::ALL.map(Format::as_str);
    Command::new("inputs").about("Print the reference of all inputs").arg(
        Arg::new("format")
            .long("format")
            .value_parser(formats)
            .default_value(Format::Markdown.as_str())
            .help("markdown for people, action for action.yml, github-workflow for the workflow that others call, gitlab for the CI/CD component, schema for editors of a suite file"),
    )
}

pub(super) fn inputs(matches: &ArgMatches) -> u8 {
    let name = matches.get_one::<String>("format").map_or("", String::as_str);
    let format = Format::ALL.into_iter().find(|format| format.as_str() == name).unwrap_or(Format::Markdown);
    say(render(format).trim_end());
    0
}
