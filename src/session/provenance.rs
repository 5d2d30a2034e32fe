//! The refusal of files of another run: what was true of one commit says nothing about the next.

use faultgate_core::mistake::Mistake;
use faultgate_core::model::RunIdentity;

/// Returns each difference between the run of a file and the run that reads it, as a mistake.
pub(crate) fn find_differences(
    file: &str,
    run: &RunIdentity,
    here: &RunIdentity,
    hint: &str,
) -> Vec<Mistake> {
    let differs = run.differences(here).into_iter();
    differs
        .map(|found| {
            let what = format!("{file} is of {}, and this is {}", found.own, found.other);
            Mistake::new(file, what).hint(hint)
        })
        .collect()
}
