//! What `faultgate init` writes: the pipeline of a platform, the suite and the policy, made of answers. The pipelines are
//! those of `ci-templates/`, which are in the binary, so that there is no second copy.

mod blocks;
mod folder;
mod guess;
mod next;
mod pipeline;
mod policy;
mod suite;

use std::path::Path;

use faultgate_config::{Answers, SUITE_NAMES};

pub use folder::{Failure, write};
pub use guess::{platform, top_above};
pub use next::steps;

/// The suite, by the first name that a run looks for.
const SUITE: &str = SUITE_NAMES[0];
const POLICY: &str = "faultgate-policy.yml";
const GITLAB: &str = ".gitlab-ci.yml";

/// A file to be made, below the folder of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    pub path: &'static str,
    pub content: String,
    /// What may not be there beside it.
    rivals: &'static [&'static str],
}

impl NewFile {
    fn new(path: &'static str, content: String) -> Self {
        Self { path, content, rivals: &[] }
    }
}

/// The files for these answers. None if a template has no longer what is changed in it.
pub fn files(answers: &Answers, dir: &Path) -> Option<Vec<NewFile>> {
    let mut files = pipeline::files(answers, has_pipeline(dir))?;
    files.push(NewFile { rivals: &SUITE_NAMES, ..NewFile::new(SUITE, suite::render(answers)) });
    files.push(NewFile::new(POLICY, policy::render(answers)));
    Some(files)
}

/// Whether a GitLab pipeline is there, which has to include what is written.
pub fn has_pipeline(dir: &Path) -> bool {
    dir.join(GITLAB).symlink_metadata().is_ok()
}

/// The line by which editors find the JSON Schema of this very version.
fn schema_line(file: &str) -> String {
    format!(
        "# yaml-language-server: $schema=https://raw.githubusercontent.com/faultgate/faultgate/v{}/docs/{file}\n",
        env!("CARGO_PKG_VERSION"),
    )
}

/// A page of this version's documentation.
fn page(name: &str) -> String {
    format!("https://github.com/faultgate/faultgate/blob/v{}/{name}", env!("CARGO_PKG_VERSION"))
}

/// JSON's strings are YAML's double-quoted ones.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
