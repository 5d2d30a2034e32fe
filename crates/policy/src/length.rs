//! The length of a template: the time that its actions take, one after another.

use std::time::Duration;

use faultgate_core::model::{ActionFacts, time_actions};

/// Returns the time from the start of the first action to the end of the last one.
///
/// # Errors
///
/// The reason why it is not known.
pub(crate) fn measure_length(actions: &[ActionFacts]) -> Result<Duration, String> {
    Ok(time_actions(actions)?.into_iter().map(|action| action.ends).max().unwrap_or_default())
}

/// Returns a duration as settings write it: `1h30m`.
pub(crate) fn write_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let millis = (u64::from(duration.subsec_millis()), "ms");
    let parts = parts.into_iter().chain([millis]).filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.concat() }
}
