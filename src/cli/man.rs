//! `faultgate man DIR`: writes the pages of the manual, one for faultgate and one for each command.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};

use super::command as all_commands;
use super::help::{placeholder, row};
use crate::terminal::{complain, say};
use faultgate_core::files::{self, Survives};
use faultgate_core::model::Verdict;

pub(super) fn command() -> Command {
    Command::new("man").about("Write the pages of the manual: faultgate.1, and one for each command").arg(
        Arg::new("dir")
            .required(true)
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .help("Folder for the pages, which is made if there is none"),
    )
}

pub(super) fn man(matches: &ArgMatches) -> u8 {
    let Some(dir) = matches.get_one::<PathBuf>("dir") else { return 0 };
    match write_pages(dir) {
        Ok(count) => {
            say(&format!("{count} pages are in {}", dir.display()));
            0
        }
        Err(error) => {
            complain(&format!("the pages could not be written to {}: {error}", dir.display()));
            Verdict::Errored.exit_code(None)
        }
    }
}

fn write_pages(dir: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    let pages = pages();
    for (name, page) in &pages {
        files::write_whole(&dir.join(name), Survives::Process, |file| file.write_all(page.as_bytes()))?;
    }
    Ok(pages.len())
}

/// Returns all pages with the names of their files.
fn pages() -> Vec<(String, String)> {
    let all = all_commands();
    let names: Vec<String> =
        all.get_subcommands().map(|command| format!("faultgate-{}(1)", command.get_name())).collect();
    let of_commands = all.get_subcommands().map(|command| {
        let name = format!("faultgate-{}", command.get_name());
        (format!("{name}.1"), page(command, &name, &["faultgate(1)".to_owned()]))
    });
    let top = ("faultgate.1".to_owned(), page(&all, "faultgate", &names));
    of_commands.chain([top]).collect()
}

fn page(command: &Command, name: &str, others: &[String]) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = format!(
        ".TH \"{}\" 1 \"\" \"faultgate {}\" \"faultgate\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n[\\fIOPTIONS\\fR]",
        escape(&name.to_uppercase()),
        env!("CARGO_PKG_VERSION"),
        escape(name),
        escape(&about),
        escape(&name.replacen('-', " ", 1)),
    );
    for arg in command.get_positionals() {
        let _ = write!(page, " [\\fI{}\\fR]", escape(&placeholder(arg)));
    }
    page.push('\n');
    if command.has_subcommands() {
        page.push_str(".SH COMMANDS\n");
        for command in command.get_subcommands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(page, ".TP\n\\fB{}\\fR\n{}", escape(command.get_name()), escape(&about));
        }
    }
    let mut heading = None;
    for arg in command.get_arguments() {
        let of_it = arg.get_help_heading().unwrap_or("Options");
        if heading != Some(of_it) {
            let _ = writeln!(page, ".SH {}", escape(&of_it.to_uppercase()));
            heading = Some(of_it);
        }
        let (left, right) = row(arg);
        let _ = writeln!(page, ".TP\n\\fB{}\\fR\n{}", escape(&left), escape(&right));
    }
    if let Some(after) = command.get_after_help() {
        page.push_str(".SH NOTES\n");
        for line in after.to_string().lines() {
            let line = if line.is_empty() { ".PP".to_owned() } else { escape(line) };
            // A line that is indented is one of a table.
            let gap = if line.starts_with(' ') { ".br\n" } else { "" };
            let _ = writeln!(page, "{gap}{line}");
        }
    }
    let _ = writeln!(page, ".SH SEE ALSO\n{}", escape(&others.join(", ")));
    page
}

/// Escapes a text for roff: no character of it is a command.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.chars().next() {
        Some('.' | '\'') => format!("\\&{text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_and_no_text_is_a_request_of_roff() {
        let pages = pages();
        assert_eq!(pages.len(), all_commands().get_subcommands().count() + 1);
        for (name, page) in &pages {
            for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
                let known = [".TH ", ".SH ", ".TP", ".B ", ".PP", ".br"];
                assert!(known.iter().any(|request| line.starts_with(request)), "{name}: {line}");
            }
        }
        let run = &pages.iter().find(|(name, _)| name == "faultgate-run.1").unwrap().1;
        assert!(run.contains("\\fB\\-\\-timeout <DURATION>\\fR\n"), "{run}");
    }

    #[test]
    fn roff_takes_no_text_for_a_command() {
        assert_eq!(escape(".so /etc/passwd"), "\\&.so /etc/passwd");
        assert_eq!(escape("'a\\fB-"), "\\&'a\\efB\\-");
    }
}
