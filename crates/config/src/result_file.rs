//! The reading of a `result.json` that an earlier run has written.

use std::path::Path;

use faultgate_core::mistake::Mistake;
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
    let place = path.display().to_string();
    let result = read(path).map_err(|why| Mistake::new(&place, why.what).maybe_hint(why.hint))?;
    match result.contradiction() {
        None => Ok(result),
        Some(what) => Err(Mistake::new(&place, what).hint("take the file as faultgate has written it")),
    }
}

/// Reads the result in a file, whether its parts contradict each other or not.
pub(super) fn read(path: &Path) -> Result<RunResult, Unreadable> {
    let missing = || Unreadable { what: "is not there".to_owned(), hint: None };
    let mut result: RunResult = FORMAT.read(path)?.ok_or_else(missing)?;
    result.complete();
    Ok(result)
}
