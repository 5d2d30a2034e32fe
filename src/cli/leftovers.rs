//! The removal of reports that an earlier run has left in the report folder.
//!
//! The removal comes before anything can fail, so that the files of an earlier run that passed are never
//! taken for those of this one, whatever way this one ends. Files that the command still has to read are
//! kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::command_name::CommandName;
use crate::session::clear_reports;
use crate::terminal::complain;
use crate::terminal::refusal::MISTAKEN;
use faultgate_config as config;
use faultgate_config::SUITE_DIR;
use faultgate_core::environment::Environment;
use faultgate_report as report;
use faultgate_report::ci::{Ci, Surroundings};

/// The report folder of a command, and the files in it that are kept.
pub(super) struct Leftovers {
    /// `true` if nothing was launched before this command, so that a refusal means that nothing runs.
    begins_run: bool,
    report_dir: PathBuf,
    /// Files in the folder that the command is asked to read.
    named: Vec<PathBuf>,
    /// Earlier result that is compared with, which is read together with the settings.
    earlier: Option<PathBuf>,
}

impl Leftovers {
    /// Finds the leftovers of a command. None for a command that writes no reports.
    pub(super) fn find(matches: &ArgMatches, env: &Environment) -> Option<Self> {
        let (word, matches) = matches.subcommand().unwrap_or((CommandName::Run.as_str(), matches));
        let command = CommandName::find(word)?;
        let only_serves = command == CommandName::Rehearse && matches.get_flag("serve");
        if !command.writes_reports() || only_serves {
            return None;
        }
        let mut found = Self::in_folder(env, command, &config::read_flags(matches));
        if command == CommandName::Report {
            found.named = super::report::list_named(matches, &found.report_dir);
        }
        Some(found)
    }

    /// Finds the leftovers by words that are no valid command line, so that their meaning can only be
    /// guessed.
    pub(super) fn guess(words: &[OsString], env: &Environment) -> Option<Self> {
        let words: Vec<&str> = words.iter().skip(1).map(|word| word.to_str().unwrap_or_default()).collect();
        let word = words.first().filter(|word| !word.starts_with('-')).copied();
        let command = word.map_or(Some(CommandName::Run), CommandName::find)?;
        if !command.writes_reports() {
            return None;
        }
        let flags = ["report-dir", "config"].into_iter().filter_map(|name| find_flag(&words, name));
        let mut found = Self::in_folder(env, command, &flags.collect::<Vec<_>>());
        if command == CommandName::Report {
            let words = words.iter().map(PathBuf::from);
            found.named = words.chain([found.report_dir.join(report::RESULT_FILE)]).collect();
        }
        Some(found)
    }

    fn in_folder(env: &Environment, command: CommandName, flags: &[(String, OsString)]) -> Self {
        let (report_dir, earlier) = config::report_places(env, flags, Path::new(SUITE_DIR));
        Self { begins_run: command.begins_run(), report_dir, named: Vec::new(), earlier }
    }

    /// Removes all reports except those that are still to be read.
    pub(super) fn remove(&self) {
        let kept = self.named.iter().chain(&self.earlier).cloned().collect::<Vec<_>>();
        clear_reports(&self.report_dir, &kept);
    }

    /// Removes the earlier result as well, which nobody reads any more because there is no run.
    pub(super) fn remove_all(&self) {
        clear_reports(&self.report_dir, &self.named);
    }

    /// Removes all reports because the settings hold mistakes. Later jobs of GitLab are told so by a file of
    /// variables, as GitHub's are by the outputs.
    pub(super) fn remove_refused(&self, env: &Environment) {
        self.remove_all();
        if self.begins_run && Surroundings::detect(env, None, None).ci == Ci::GitLabCi {
            let reason = format!("{MISTAKEN}: the log has them");
            if let Err(error) = report::write_mistakes_as_variables(&self.report_dir, &reason) {
                complain(&format!("warning: later jobs are told nothing: {error}"));
            }
        }
    }
}

/// Returns the last value of a flag among words, with the name of the flag.
fn find_flag(words: &[&str], name: &str) -> Option<(String, OsString)> {
    let long = format!("--{name}");
    let separate =
        words.iter().zip(words.iter().skip(1)).filter(|(word, _)| **word == long).map(|(_, value)| *value);
    let joined = words.iter().filter_map(|word| word.strip_prefix(&long)?.strip_prefix('='));
    Some((name.to_owned(), joined.chain(separate).last()?.into()))
}
