//! `faultgate completions SHELL`: prints the script by which a shell completes command lines.
//!
//! The scripts are written here, since the library for it would be a large part of the image: commands, flags
//! and the words of flags are all that there is to complete.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Arg, ArgMatches, Command};
use faultgate_core::closed_set;

use super::command as all_commands;
use crate::terminal::say;
use faultgate_config::INPUTS;

closed_set! {
    /// The shells that can complete.
    pub(super) enum CompletingShell {
        Bash = "bash",
        Zsh = "zsh",
        Fish = "fish",
    }
}

/// The words that a flag takes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FlagValues {
    /// The flag stands alone.
    None,
    Words(Vec<String>),
    Path,
    /// Nothing that could be known.
    Any,
}

pub(super) fn command() -> Command {
    Command::new("completions")
        .about("Print the script by which a shell completes faultgate's commands and flags")
        .after_help(
            "bash: source <(faultgate completions bash), in ~/.bashrc\n\n\
             zsh: faultgate completions zsh > _faultgate, in a folder of $fpath\n\n\
             fish: faultgate completions fish > ~/.config/fish/completions/faultgate.fish",
        )
        .arg(
            Arg::new("shell")
                .required(true)
                // The name stands in the message of a command line without a shell.
                .value_name("bash|zsh|fish")
                .value_parser(CompletingShell::WORDS.to_vec()),
        )
}

pub(super) fn completions(matches: &ArgMatches) -> u8 {
    let shell = matches.get_one::<String>("shell").and_then(|word| CompletingShell::find(word));
    let script = match shell {
        Some(CompletingShell::Fish) => for_fish(&all_commands()),
        Some(CompletingShell::Zsh) => {
            format!(
                "#compdef faultgate\nautoload -U +X bashcompinit && bashcompinit\n{}",
                for_bash(&all_commands())
            )
        }
        Some(CompletingShell::Bash) | None => for_bash(&all_commands()),
    };
    say(script.trim_end());
    0
}

/// Returns the flags of a command with what they take.
fn flags(command: &Command) -> Vec<(String, FlagValues, String)> {
    let flags = command.get_arguments().filter_map(|arg| {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        Some((arg.get_long()?.to_owned(), values(arg), help))
    });
    flags.chain([("help".to_owned(), FlagValues::None, "Print help".to_owned())]).collect()
}

fn values(arg: &Arg) -> FlagValues {
    if !arg.get_action().takes_values() || arg.is_require_equals_set() {
        return FlagValues::None;
    }
    let words: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !words.is_empty() {
        return FlagValues::Words(words);
    }
    match INPUTS.iter().find(|input| input.name == arg.get_id().as_str()) {
        Some(input) if input.is_path() => FlagValues::Path,
        Some(input) if !input.choices().is_empty() => {
            FlagValues::Words(input.choices().iter().map(|word| (*word).to_owned()).collect())
        }
        _ if ["FILE", "PATH", "DIR"].iter().any(|word| super::help::placeholder(arg).contains(word)) => {
            FlagValues::Path
        }
        _ => FlagValues::Any,
    }
}

/// Returns the words that stand behind a command: those of its positional arguments.
fn positionals(command: &Command) -> Vec<String> {
    if command.get_name() == "help" {
        let inputs = INPUTS.iter().map(|input| input.name.to_owned());
        return all_commands().get_subcommands().map(|one| one.get_name().to_owned()).chain(inputs).collect();
    }
    let values = command.get_positionals().flat_map(Arg::get_possible_values);
    values.map(|value| value.get_name().to_owned()).collect()
}

fn for_bash(all: &Command) -> String {
    let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
    let (mut arms, mut of_flags) = (String::new(), BTreeMap::new());
    for command in all.get_subcommands().chain([all]) {
        let flags = flags(command);
        let long = flags.iter().map(|(name, ..)| format!("--{name}"));
        let mut words: Vec<String> = positionals(command).into_iter().chain(long).collect();
        let is_top = command.get_name() == all.get_name();
        if is_top {
            words.splice(0..0, names.iter().map(|name| (*name).to_owned()));
        }
        let case = if is_top { "*" } else { command.get_name() };
        let _ = writeln!(arms, "    {case}) words='{}' ;;", words.join(" "));
        of_flags.extend(flags.into_iter().map(|(name, values, _)| (name, values)));
    }
    let mut answers = String::new();
    for (name, values) in of_flags {
        let answer = match values {
            FlagValues::None => continue,
            FlagValues::Words(words) => {
                format!("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", words.join(" "))
            }
            FlagValues::Path => "COMPREPLY=($(compgen -f -- \"$cur\"))".to_owned(),
            FlagValues::Any => "COMPREPLY=()".to_owned(),
        };
        let _ = writeln!(answers, "    --{name}) {answer}; return ;;");
    }
    let names = names.join("|");
    format!(
        "_faultgate() {{
  local cur=\"${{COMP_WORDS[COMP_CWORD]}}\" before=\"${{COMP_WORDS[COMP_CWORD-1]}}\" command='' word words
  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do
    case \"$word\" in {names}) command=\"$word\"; break ;; esac
  done
  case \"$before\" in
{answers}  esac
  case \"$command\" in
{arms}  esac
  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))
  [[ -n \"$cur\" && \"$cur\" != -* && ${{#COMPREPLY[@]}} -eq 0 ]] && COMPREPLY=($(compgen -f -- \"$cur\"))
  return 0
}}
complete -F _faultgate faultgate
"
    )
}

fn for_fish(all: &Command) -> String {
    let mut script = String::new();
    let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
    let is_first = format!("'not __fish_seen_subcommand_from {}'", names.join(" "));
    for command in all.get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            script,
            "complete -c faultgate -f -n {is_first} -a {} -d '{}'",
            command.get_name(),
            for_fish_quotes(&about)
        );
    }
    for command in all.get_subcommands().chain([all]) {
        let is_top = command.get_name() == all.get_name();
        let when = if is_top {
            is_first.clone()
        } else {
            format!("'__fish_seen_subcommand_from {}'", command.get_name())
        };
        for (name, values, help) in flags(command) {
            let takes = match values {
                FlagValues::None => String::new(),
                FlagValues::Words(words) => format!(" -x -a '{}'", words.join(" ")),
                FlagValues::Path => " -r -F".to_owned(),
                FlagValues::Any => " -x".to_owned(),
            };
            let help = for_fish_quotes(help.split(" [").next().unwrap_or_default());
            let _ = writeln!(script, "complete -c faultgate -n {when} -l {name}{takes} -d '{help}'");
        }
        for word in positionals(command) {
            let _ = writeln!(script, "complete -c faultgate -f -n {when} -a {word}");
        }
    }
    script
}

/// Escapes a text for single quotes of fish.
fn for_fish_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use super::*;

    /// Returns what bash completes for the words of a command line, of which the last is not finished.
    fn complete(words: &[&str]) -> Vec<String> {
        let script = format!(
            "{}\nCOMP_WORDS=({}); COMP_CWORD={}; _faultgate; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            for_bash(&all_commands()),
            words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
            words.len() - 1
        );
        let told = Process::new("bash").args(["--norc", "-c", &script]).output().unwrap();
        assert!(told.status.success() && told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_commands_flags_and_words() {
        assert_eq!(complete(&["faultgate", "reh"]), ["rehearse"]);
        assert_eq!(complete(&["faultgate", "run", "--mon"]), ["--monitor"]);
        assert_eq!(complete(&["faultgate", "run", "--monitor", ""]), ["events", "queue", "poll"]);
        assert_eq!(complete(&["faultgate", "--timeo"]), ["--timeout"]);
        assert_eq!(complete(&["faultgate", "help", "max-sc"]), ["max-score-drop"]);
        assert_eq!(complete(&["faultgate", "completions", "z"]), ["zsh"]);
        assert_eq!(complete(&["faultgate", "run", "--timeout", ""]), [""]);
    }

    #[test]
    fn no_flag_of_fish_ends_its_quotes() {
        for line in for_fish(&all_commands()).lines() {
            let quotes = line.replace("\\\\", "").replace("\\'", "").matches('\'').count();
            assert!(line.starts_with("complete -c faultgate ") && quotes.is_multiple_of(2), "{line}");
        }
    }
}
