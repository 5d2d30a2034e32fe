//! `faultgate init`: asks what no flag says, and writes a pipeline, a suite and a policy.

use std::path::Path;

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::init::{self, list_questions};
use faultgate_config::Question;

pub(super) fn command() -> Command {
    let dir = Arg::new("dir")
        .long("dir")
        .value_name("PATH")
        .value_hint(ValueHint::DirPath)
        .default_value(".")
        .help("Folder of the repository");
    let print =
        Arg::new("print").long("print").action(ArgAction::SetTrue).help("Print the files and write none");
    Command::new("init")
        .about("Write a pipeline, a suite and a policy to start from; on a terminal, ask what no flag says")
        .after_help(
            "All files are written, or none: what exists is never overwritten.\n\nExit codes: 0 written, 2 mistakes, a \
             missing answer, or a file that exists, 3 the files could not be written.",
        )
        .args(list_questions().map(flag))
        .arg(dir)
        .arg(print)
}

fn flag(question: &'static Question) -> Arg {
    let engine = question.engine.map(|engine| format!(" [engine: {}]", engine.as_str())).unwrap_or_default();
    Arg::new(question.name)
        .long(question.name)
        .value_name(question.placeholder())
        .help(format!("{}{engine}", question.description()))
}

pub(super) fn init(matches: &ArgMatches) -> u8 {
    let dir = Path::new(matches.get_one::<String>("dir").map_or(".", String::as_str));
    let given = list_questions().filter_map(|question| {
        let answer = matches.get_one::<String>(question.name)?;
        Some((question.name, answer.clone()))
    });
    init::init(dir, &given.collect(), matches.get_flag("print"))
}
