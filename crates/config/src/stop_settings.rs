//! The settings of `faultgate stop`: the state file, and the credentials for the engines.
//!
//! The command launches nothing. Mistakes in all other settings must not keep it from stopping what runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::control_planes::{ControlPlanes, HARNESS_URL, LITMUS_URL};
use super::report_settings::some_values;
use super::settings::LogFormat;
use super::sweep_settings::SWEEP_INPUTS;
use super::trust::Trust;
use super::values::Values;
use crate::tokens::Tokens;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_net::foreign::aws_mistakes;
use faultgate_net::http::HttpSettings;

const STATE_FILE: &str = "state-file";
const REPORT_DIR: &str = "report-dir";
pub(super) const REGION: &str = "aws-region";
pub(super) const ROLE: &str = "aws-role-arn";
const USERNAME: &str = "litmus-username";
pub(super) const CA_BUNDLE: &str = "ca-bundle";
pub(super) const LOG_FORMAT: &str = "log-format";

/// Inputs that may be set on the command line of `faultgate stop`.
pub const STOP_INPUTS: &[&str] = &[
    "config",
    STATE_FILE,
    REPORT_DIR,
    REGION,
    ROLE,
    HARNESS_URL,
    LITMUS_URL,
    USERNAME,
    CA_BUNDLE,
    LOG_FORMAT,
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
    let values = some_values(env, flags, dir, &[STATE_FILE, REPORT_DIR], &mut mistakes)?;
    let report_dir = PathBuf::from(values.text(REPORT_DIR).unwrap_or_default());
    if mistakes.is_empty() { Ok(super::settings::state_file(&values, &report_dir)) } else { Err(mistakes) }
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

/// The settings from values that have been read, without any control plane.
pub(super) fn of_values(
    values: &Values,
    env: &Environment,
    dir: &Path,
    mistakes: &mut Vec<Mistake>,
) -> StopSettings {
    let mut warnings = Vec::new();
    let tokens = Tokens::read(env, mistakes);
    let http = Trust { env, dir, rehearsed: false, mistakes, warnings: &mut warnings }.read(values);
    StopSettings {
        region: values.text(REGION),
        role_arn: values.text(ROLE),
        tokens,
        // No control plane may receive a secret unless the caller reads them from the settings.
        control_planes: ControlPlanes::default(),
        litmus_username: values.text(USERNAME),
        http,
        log_format: LogFormat::of(values),
        warnings,
    }
}
