//! The work of `faultgate init`: it asks what no flag says, and writes the pipeline of a platform, the suite and the
//! policy. All files are written or none, and a file that exists is never overwritten.
//!
//! `asking.rs` collects the answers, and the questions themselves are in `config/questions.rs`.
//! `pipeline.rs` edits the templates of `ci-templates/`, which are in the binary so that there is no second
//! copy, with the help of `blocks.rs`. `suite.rs` and `policy.rs` write their files from nothing. `folder.rs`
//! writes all files or none, `guess.rs` guesses the platform, and `next.rs` tells what is left to do by hand.
//! `engines.rs` has an entry for each engine, `new_file.rs` says where each file is, and `texts.rs` has what several of
//! them say.

mod asking;
mod blocks;
mod engines;
mod folder;
mod guess;
mod new_file;
mod next;
mod pipeline;
mod policy;
mod suite;
mod texts;

use std::collections::BTreeMap;
use std::path::Path;

use self::asking::collect_answers;
use self::folder::{NotWritten, write_files};
use self::guess::find_top;
use self::new_file::{NewFile, POLICY, SUITE, has_pipeline};
use self::next::list_steps;
use self::texts::MAX_TEXT_CHARS;
use crate::terminal::refusal::{EXIT_MISTAKES, Refused, refuse};
use crate::terminal::{complain, say};
use faultgate_config::{Answers, SUITE_NAMES};
use faultgate_core::model::Verdict;
use faultgate_core::text;

pub(crate) use self::asking::list_questions;

/// Writes the files, or prints them alone, and returns the exit code. `given` holds the answers of flags by the
/// names of their questions.
pub(crate) fn init(dir: &Path, given: &BTreeMap<&'static str, String>, print_only: bool) -> u8 {
    let answers = match collect_answers(given, dir) {
        Ok(answers) => answers,
        Err(mistakes) => return refuse(Refused::Init, &mistakes),
    };
    // The folder is asked before the files are written: afterwards it always has a pipeline.
    let had_pipeline = has_pipeline(dir);
    let Some(files) = make_files(&answers, dir) else {
        complain("faultgate cannot make the pipeline of its own template; please report this");
        return Verdict::Errored.exit_code(None);
    };
    if print_only {
        for file in &files {
            say(&format!("# --- {}\n{}", file.path, file.content));
        }
        return 0;
    }
    if let Err(problem) = write_files(dir, &files) {
        return refuse_files(problem);
    }
    for file in &files {
        say(&format!("wrote {}", file.path));
    }
    if let Some(top) = find_top(dir) {
        complain(&format!(
            "warning: {} is below the top of the repository, {}, where alone {} looks for its pipeline; move the files there",
            text::plain(&dir.display().to_string(), MAX_TEXT_CHARS),
            text::plain(&top.display().to_string(), MAX_TEXT_CHARS),
            answers.platform.as_str(),
        ));
    }
    say("\nNext:");
    for (number, step) in list_steps(&answers, dir, had_pipeline).iter().enumerate() {
        say(&format!("{}. {}", number + 1, text::plain(step, MAX_TEXT_CHARS)));
    }
    0
}

/// Tells why the files are not written, and returns the exit code.
fn refuse_files(problem: NotWritten) -> u8 {
    match problem {
        NotWritten::Exists(names) => {
            let list: Vec<String> =
                names.iter().map(|name| format!("\n  - {}", text::plain(name, MAX_TEXT_CHARS))).collect();
            complain(&format!(
                "faultgate wrote nothing, since what exists is never overwritten:{}\nmove it away, or take what you need \
                 from `faultgate init --print`",
                list.concat()
            ));
            EXIT_MISTAKES
        }
        NotWritten::Io { problem, left } => {
            let left = if left.is_empty() {
                "none of the files is there".to_owned()
            } else {
                format!("remove what was written: {}", left.join(", "))
            };
            complain(&format!("faultgate could not write {}; {left}", text::plain(&problem, MAX_TEXT_CHARS)));
            Verdict::Errored.exit_code(None)
        }
    }
}

/// Returns the files for these answers, or `None` if a template no longer has what is changed in it.
fn make_files(answers: &Answers, dir: &Path) -> Option<Vec<NewFile>> {
    let mut files = pipeline::make_files(answers, has_pipeline(dir))?;
    files.push(NewFile { rivals: &SUITE_NAMES, ..NewFile::new(SUITE, suite::render(answers)) });
    files.push(NewFile::new(POLICY, policy::render(answers)));
    Some(files)
}

#[cfg(test)]
mod tests;
