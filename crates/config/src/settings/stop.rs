//! The settings of `faultgate stop`: the state file, and the credentials for the engines.
//!
//! The command launches nothing. Mistakes in all other settings must not keep it from stopping what runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_net::http::HttpSettings;

use super::control_planes::ControlPlanes;
use super::report::some_values;
use super::run;
use super::trust::Trust;
use crate::inputs::choices::LogFormat;
use crate::inputs::table;
use crate::layers::tokens::Tokens;
use crate::layers::values::Values;

/// Inputs that may be set on the command line of `faultgate stop`.
pub const STOP_INPUTS: &[&str] = &[
    table::CONFIG.name(),
    table::STATE_FILE.name(),
    table::REPORT_DIR.name(),
    table::AWS_REGION.name(),
    table::AWS_ROLE_ARN.name(),
    table::HARNESS_URL.name(),
    table::LITMUS_URL.name(),
    table::LITMUS_USERNAME.name(),
    table::CA_BUNDLE.name(),
    table::LOG_FORMAT.name(),
];

/// The settings of `faultgate stop`, and of other commands that ask engines and launch nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct StopSettings {
    pub region: Option<String>,
    pub role_arn: Option<String>,
    pub tokens: Tokens,
    /// The control planes that may receive the tokens. There are none for a command that asks AWS alone.
    pub control_planes: ControlPlanes,
    pub litmus_username: Option<String>,
    pub http: HttpSettings,
    pub log_format: LogFormat,
    pub warnings: Vec<String>,
}

/// The path of the state file that a run with the same settings would write. A suite file is looked for in
/// `dir`.
pub fn state_file(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
) -> Result<PathBuf, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let values =
        some_values(env, flags, dir, &[table::STATE_FILE.name(), table::REPORT_DIR.name()], &mut mistakes)?;
    let report_dir = values.get(table::REPORT_DIR);
    if mistakes.is_empty() { Ok(run::state_file(&values, &report_dir)) } else { Err(mistakes) }
}

/// Reads the settings of `faultgate stop`.
pub fn stop_settings(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
) -> Result<StopSettings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let values = some_values(env, flags, dir, STOP_INPUTS, &mut mistakes)?;
    let settings = StopSettings {
        control_planes: ControlPlanes::read(env, flags, dir),
        ..of_values(&values, env, dir, &mut mistakes)
    };
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

/// The settings from values that have been read, without any control plane.
pub(crate) fn of_values(
    values: &Values,
    env: &Environment,
    dir: &Path,
    mistakes: &mut Vec<Mistake>,
) -> StopSettings {
    let mut warnings = Vec::new();
    let tokens = Tokens::read(env, mistakes);
    let http = Trust { env, dir, rehearsed: false, mistakes, warnings: &mut warnings }.read(values);
    StopSettings {
        region: values.get(table::AWS_REGION),
        role_arn: values.get(table::AWS_ROLE_ARN),
        tokens,
        // No control plane may receive a secret unless the caller reads them from the settings.
        control_planes: ControlPlanes::default(),
        litmus_username: values.get(table::LITMUS_USERNAME),
        http,
        log_format: values.get(table::LOG_FORMAT),
        warnings,
    }
}
