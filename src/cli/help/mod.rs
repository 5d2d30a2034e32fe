//! The help: of a command on one screen, and of a group of inputs or one input by `faultgate help TOPIC`.
//!
//! `page` lays texts out for the width and the colours of the output. clap knows the arguments, and parses
//! them; its own help lists each input of a run in full, which are far more than a screen holds.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgMatches, Command};

mod page;
mod topics;

use self::page::Page;
use self::topics::Topic;
use super::command;
use crate::terminal::asking::at_terminal;
use crate::terminal::medium::find_medium;
use crate::terminal::printing::Output;
use crate::terminal::refusal::{Refused, refuse};
use crate::terminal::say;
use crate::wiring::settings::load_settings;
use faultgate_config::{Group, SUITE_DIR, SUITE_NAMES, find_page};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Mistake, nearest, quote};

/// Number of inputs that the help of a command tells of in full. Of more it lists the names.
const MAX_INPUTS: usize = 8;

pub(super) fn command_of_help() -> Command {
    Command::new("help")
        .about("Tell of a command, a group of inputs (such as gate), or one input (such as timeout)")
        .arg(Arg::new("topic").value_name("TOPIC").help("What to tell of; without it, of faultgate"))
}

/// Prints the help of a topic.
pub(super) fn help(matches: &ArgMatches, env: &Environment) -> u8 {
    let named = matches.get_one::<String>("topic").map(String::as_str);
    let page = match named.map(Topic::find) {
        None => describe(&command(), true),
        Some(Some(topic)) => topic.page(),
        Some(None) => {
            let named = named.unwrap_or_default();
            let near = nearest(&Topic::plain_name(named), Topic::names());
            let topics =
                || format!("name a command, an input, or one of {}", topics::group_words().join(", "));
            let near = near.map(|near| format!("did you mean {near}?"));
            let page = find_page(named).map(|page| format!("it is a key of the suite file: see {page}"));
            let hint = page.or(near).unwrap_or_else(topics);
            let mistake = Mistake::new("the command line", format!("{} is no topic", quote(named)));
            return refuse(Refused::Help, &[mistake.hint(hint)]);
        }
    };
    say(page.render(find_medium(Output::Stdout, env)).trim_end());
    0
}

/// Returns `true` if somebody at a terminal, who has typed no argument, can only want to know what to type: nothing
/// here says what is to run.
pub(super) fn is_wanted(env: &Environment) -> bool {
    at_terminal() && env.get("CI").is_none() && says_nothing(env, Path::new(SUITE_DIR))
}

fn says_nothing(env: &Environment, dir: &Path) -> bool {
    let is_input = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name.starts_with(b"FAULTGATE_") || name.starts_with(b"INPUT_")
    };
    !env.iter().any(|(name, _)| is_input(name))
        && !SUITE_NAMES.iter().any(|name| dir.join(name).symlink_metadata().is_ok())
}

/// Prints the help, and then why nothing runs. Nothing is removed: there is no run.
pub(super) fn help_without_run(env: &Environment) -> u8 {
    say(describe(&command(), true).render(find_medium(Output::Stdout, env)).trim_end());
    refuse(Refused::Launch, &load_settings(Vec::new(), env, None).err().unwrap_or_default())
}

/// Gives each command its help, laid out for standard output.
pub(super) fn with_help(command: Command, env: &Environment) -> Command {
    let medium = find_medium(Output::Stdout, env);
    let page = describe(&command, true).render(medium);
    command.override_help(page).mut_subcommands(|command| {
        let page = describe(&command, false).render(medium);
        command.override_help(page)
    })
}

/// Returns the page of a command.
fn describe(command: &Command, is_top: bool) -> Page {
    let mut page = Page::default();
    page.paragraph(&command.get_about().map(ToString::to_string).unwrap_or_default());
    page.usage(&usage(command, is_top));
    let commands = command.get_subcommands().map(|command| {
        (command.get_name().to_owned(), command.get_about().map(ToString::to_string).unwrap_or_default())
    });
    page.rows("Commands", commands);
    let own = command.get_arguments().filter(|arg| arg.get_help_heading().is_none());
    page.rows("Options", own.map(row).chain([("-h, --help".to_owned(), "Print this help".to_owned())]));
    let mut headings: Vec<&str> = command.get_arguments().filter_map(Arg::get_help_heading).collect();
    headings.dedup();
    let of = |heading: &str| {
        let heading = heading.to_owned();
        command.get_arguments().filter(move |arg| arg.get_help_heading() == Some(&heading))
    };
    let (groups, others): (Vec<&str>, Vec<&str>) =
        headings.into_iter().partition(|heading| Group::ALL.iter().any(|group| group.title() == *heading));
    for heading in others {
        page.rows(heading, of(heading).map(row));
    }
    if is_top {
        page.paragraph(&format!(
            "The options are inputs, such as --timeout 20m. faultgate help GROUP tells of some of them ({}), and \
             faultgate help INPUT of one.",
            topics::group_words().join(", ")
        ));
    } else if groups.iter().map(|group| of(group).count()).sum::<usize>() <= MAX_INPUTS {
        page.rows("Inputs", groups.iter().flat_map(|group| of(group).map(row)));
    } else {
        let names = |group: &&str| of(group).map(name).collect::<Vec<_>>().join(" ");
        page.rows("Inputs", groups.iter().map(|group| ((*group).to_owned(), names(group))));
        page.paragraph(
            "faultgate help GROUP tells of the inputs of a group, such as gate, and faultgate help INPUT of one.",
        );
    }
    page.block(&command.get_after_help().map(ToString::to_string).unwrap_or_default());
    page
}

fn usage(command: &Command, is_top: bool) -> String {
    if is_top {
        return "faultgate [COMMAND] [OPTIONS]".to_owned();
    }
    let mut usage = format!("faultgate {} [OPTIONS]", command.get_name());
    for arg in command.get_positionals() {
        let dots = if arg.get_num_args().is_some_and(|range| range.max_values() > 1) { "..." } else { "" };
        let name = placeholder(arg);
        let (open, close) = if arg.is_required_set() { ('<', '>') } else { ('[', ']') };
        let _ = write!(usage, " {open}{name}{close}{dots}");
    }
    usage
}

/// Returns an argument as it is written, and its meaning.
pub(super) fn row(arg: &Arg) -> (String, String) {
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(help, " [default: {}]", defaults.join(", "));
    }
    let words: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if arg.get_action().takes_values() && !words.is_empty() {
        let _ = write!(help, " [{}]", words.join(", "));
    }
    let Some(long) = arg.get_long() else { return (format!("[{}]", placeholder(arg)), help) };
    let takes_value = arg.get_action().takes_values() && !arg.is_require_equals_set();
    (if takes_value { format!("--{long} <{}>", placeholder(arg)) } else { format!("--{long}") }, help)
}

fn name(arg: &Arg) -> String {
    format!("--{}", arg.get_long().unwrap_or_default())
}

pub(super) fn placeholder(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(|names| names.first());
    name.map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_config::INPUTS;
    use faultgate_report::{Medium, measure};

    const SCREEN: Medium = Medium { colours: false, symbols: true, columns: Some(80) };

    #[test]
    fn the_help_of_each_command_fits_the_width_and_most_a_screen() {
        let all = command();
        for (command, is_top) in all.get_subcommands().map(|one| (one, false)).chain([(&all, true)]) {
            let page = describe(command, is_top).render(SCREEN);
            let name = command.get_name();
            for line in page.lines() {
                assert!(measure(line) <= 80, "{name}: {line}");
            }
            // The scenarios of a rehearsal, and the questions of init, take more.
            if !["rehearse", "init"].contains(&name) {
                assert!(page.lines().count() <= 60, "{name} has {} lines:\n{page}", page.lines().count());
            }
        }
    }

    #[test]
    fn each_input_has_a_page_with_all_that_is_known_of_it() {
        for input in INPUTS {
            for name in [format!("--{}", input.name), input.variable()] {
                let page = Topic::find(&name).unwrap_or_else(|| panic!("{name}")).page().render(SCREEN);
                assert!(page.contains(&input.variable()), "{page}");
                for text in [input.default_text(), input.example()].into_iter().flatten() {
                    let folded = page.split_whitespace().collect::<Vec<_>>().join(" ");
                    assert!(folded.contains(text), "{text}: {page}");
                }
                assert_eq!(page.contains(&format!("--{}", input.name)), input.flag().is_some(), "{page}");
                assert!(page.lines().all(|line| measure(line) <= 80 || !line.contains(' ')), "{page}");
            }
        }
        for group in Group::ALL {
            let page = Topic::find(&group.title().to_lowercase()).unwrap().page().render(SCREEN);
            for input in INPUTS.iter().filter(|input| input.group == group) {
                assert!(page.contains(input.name), "{page}");
            }
        }
        assert!(Topic::find("timeuot").is_none());
        for misspelt in ["timeuot", "--timeuot", "FAULTGATE_TIMOUT", "INPUT_TIMEUOT"] {
            assert_eq!(nearest(&Topic::plain_name(misspelt), Topic::names()), Some("timeout"), "{misspelt}");
        }
    }
}
