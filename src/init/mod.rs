//! The files that `faultgate init` writes, made of the user's answers: the pipeline of a platform, the suite
//! and the policy.
//!
//! `pipeline.rs` edits the templates of `ci-templates/`, which are in the binary so that there is no second
//! copy, with the help of `blocks.rs`. `suite.rs` and `policy.rs` write their files from nothing. `folder.rs`
//! writes all files or none, `guess.rs` guesses the platform, and `next.rs` tells what is left to do by hand.
//! `engines.rs` has an entry for each engine. The questions themselves are in `config/questions.rs`.

mod blocks;
mod engines;
mod folder;
mod guess;
mod next;
mod pipeline;
mod policy;
mod suite;

use std::path::Path;

use faultgate_config::{Answers, SUITE_NAMES};

pub use folder::{NotWritten, write_files};
pub use guess::{find_top, guess_platform};
pub use next::list_steps;

/// The path of the suite, which is the first one that a run looks for.
const SUITE: &str = SUITE_NAMES[0];
const POLICY: &str = "faultgate-policy.yml";
const GITLAB: &str = ".gitlab-ci.yml";

/// A file that is to be made below the folder of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    pub path: &'static str,
    pub content: String,
    /// The paths of files that must not be there beside this one, since a run would not know which of them
    /// counts.
    rivals: &'static [&'static str],
}

impl NewFile {
    fn new(path: &'static str, content: String) -> Self {
        Self { path, content, rivals: &[] }
    }
}

/// Returns the files for these answers, or `None` if a template no longer has what is changed in it.
pub fn make_files(answers: &Answers, dir: &Path) -> Option<Vec<NewFile>> {
    let mut files = pipeline::make_files(answers, has_pipeline(dir))?;
    files.push(NewFile { rivals: &SUITE_NAMES, ..NewFile::new(SUITE, suite::render(answers)) });
    files.push(NewFile::new(POLICY, policy::render(answers)));
    Some(files)
}

/// Says whether a GitLab pipeline is there already, which then has to include the new one. A link counts as
/// well.
pub fn has_pipeline(dir: &Path) -> bool {
    dir.join(GITLAB).symlink_metadata().is_ok()
}

/// Returns the line by which editors find the JSON Schema of this very version.
fn make_schema_line(file: &str) -> String {
    format!(
        "# yaml-language-server: $schema=https://raw.githubusercontent.com/faultgate/faultgate/v{}/docs/{file}\n",
        env!("CARGO_PKG_VERSION"),
    )
}

/// Returns the URL of a page of this version's documentation.
fn make_link(name: &str) -> String {
    format!("https://github.com/faultgate/faultgate/blob/v{}/{name}", env!("CARGO_PKG_VERSION"))
}

/// Quotes a text for YAML, whose double-quoted strings take every string of JSON.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
