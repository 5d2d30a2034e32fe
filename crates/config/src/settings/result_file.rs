//! The reading of a `result.json` that an earlier run has written.

use std::path::Path;

use faultgate_core::mistake::{Mistake, Problem};
use faultgate_core::model::{RunResult, SCHEMA_VERSION};
use faultgate_core::versioned::{JsonFormat, Unreadable};

/// Limit of a result file, in bytes. The result of ten thousand probes, with all the samples that are kept,
/// is smaller.
const MAX_BYTES: u64 = 512 << 20;

/// The format of a result file.
const FORMAT: JsonFormat = JsonFormat {
    name: "result of faultgate",
    version: SCHEMA_VERSION,
    max_bytes: MAX_BYTES,
    if_foreign: None,
    if_unreadable: None,
};

/// Reads the result in a file, which must be as a run has written it: its verdict becomes an exit code.
///
/// # Errors
///
/// A mistake if the file cannot be read, or if its parts contradict each other.
pub fn read_result(path: &Path) -> Result<RunResult, Mistake> {
    judge(&path.display().to_string(), read(path))
}

/// Reads a result that was fetched from the place of this name, as [`read_result`] does.
///
/// # Errors
///
/// A mistake if it is no result, or if its parts contradict each other.
pub fn parse_result(place: &str, content: &[u8]) -> Result<RunResult, Mistake> {
    judge(place, FORMAT.parse(content).map_err(unreadable).map(completed))
}

fn judge(place: &str, read: Result<RunResult, Problem>) -> Result<RunResult, Mistake> {
    let result = read.map_err(|problem| {
        let hint = problem.hint.unwrap_or_else(|| "name the result.json that a run has written".to_owned());
        Mistake::new(place, format!("the result {}", problem.what)).hint(hint)
    })?;
    match result.contradiction() {
        None => Ok(result),
        Some(what) => Err(Mistake::new(place, format!("the result {what}"))
            .hint("take the file as faultgate has written it")),
    }
}

/// Reads the result in a file, whether its parts contradict each other or not.
pub(super) fn read(path: &Path) -> Result<RunResult, Problem> {
    let found = FORMAT.read(path).map_err(unreadable)?;
    found.ok_or_else(|| Problem::new("is not there")).map(completed)
}

fn completed(mut result: RunResult) -> RunResult {
    result.complete();
    result
}

fn unreadable(why: Unreadable) -> Problem {
    Problem { hint: why.hint, ..Problem::new(why.what) }
}
