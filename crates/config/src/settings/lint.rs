//! The settings of `faultgate lint`: the account and the Region from which it reads templates.

use std::ffi::OsString;
use std::path::Path;

use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_net::foreign::aws_mistakes;

use super::report::some_values;
use super::stop::{StopSettings, of_values};
use super::sweep::SWEEP_INPUTS;

/// The settings by which `faultgate lint` reads templates, from one account and Region.
pub fn lint_settings(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
) -> Result<StopSettings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let values = some_values(env, flags, dir, SWEEP_INPUTS, &mut mistakes)?;
    let settings = of_values(&values, env, dir, &mut mistakes);
    mistakes.extend(aws_mistakes(env));
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}
