//! The reading of a `result.json` that an earlier run has written.

use std::io::ErrorKind;
use std::path::Path;

use faultgate_core::files;
use faultgate_core::mistake::{Mistake, Problem};
use faultgate_core::model::{RunResult, SCHEMA_VERSION};
use serde::Deserialize;

/// Limit of a result file, in bytes. The result of ten thousand probes, with all the samples that are kept,
/// is smaller.
const MAX_BYTES: u64 = 512 << 20;

/// Reads the result in a file, which must be as a run has written it: its verdict becomes an exit code.
///
/// # Errors
///
/// A mistake if the file cannot be read, or if its parts contradict each other.
pub fn read_result(path: &Path) -> Result<RunResult, Mistake> {
    let place = path.display().to_string();
    let result = read(path).map_err(|problem| Mistake::new(&place, problem.what).maybe_hint(problem.hint))?;
    match result.contradiction() {
        None => Ok(result),
        Some(what) => Err(Mistake::new(&place, what).hint("take the file as faultgate has written it")),
    }
}

/// The problem of a file that is no result.
fn no_result(why: impl std::fmt::Display) -> Problem {
    Problem::new(format!("is no result of faultgate: {why}"))
}

/// Reads the result in a file, whether its parts contradict each other or not.
pub(crate) fn read(path: &Path) -> Result<RunResult, Problem> {
    parse(&bytes(path, MAX_BYTES)?)
}

fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Problem> {
    files::read(path, most).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Problem::new("is not there"),
        ErrorKind::FileTooLarge | ErrorKind::InvalidInput => no_result(error),
        _ => Problem::new(format!("cannot be read: {error}")),
    })
}

/// The part of a result that tells the version of the rest.
#[derive(Deserialize)]
struct Versioned {
    schema_version: Option<serde_json::Number>,
}

fn parse(bytes: &[u8]) -> Result<RunResult, Problem> {
    // Serde would take a list for the fields in their order.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let version = if is_object {
        let versioned: Versioned = serde_json::from_slice(bytes).map_err(no_result)?;
        versioned.schema_version
    } else {
        None
    };
    // The names of another version may mean something else.
    match version {
        Some(version) if version == SCHEMA_VERSION.into() => {
            let mut result: RunResult = serde_json::from_slice(bytes).map_err(no_result)?;
            result.complete();
            Ok(result)
        }
        Some(version) => {
            Err(Problem::new(format!("has schema_version {version}; this faultgate reads {SCHEMA_VERSION}"))
                .hint("use the version that wrote it"))
        }
        None => Err(no_result("it has no schema_version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_a_result_may_have() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        std::fs::write(&path, "{}  ").unwrap();
        assert_eq!(bytes(&path, 4).unwrap(), b"{}  ");
        assert!(bytes(&path, 3).unwrap_err().what.contains("is larger than"));
    }
}
