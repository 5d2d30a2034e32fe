//! The settings that all commands of a run share.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::life::StopLimits;
use crate::probe::Evaluate;
use faultgate_config::Veil;
use faultgate_core::model::InjectionRule;

/// The settings that all commands of a run share.
#[derive(Clone)]
pub struct CommandSettings {
    /// The run's id, with which the marks of its processes begin.
    pub run: String,
    /// The environment that a command inherits. It holds no credentials.
    pub env: BTreeMap<OsString, OsString>,
    /// The veil over values of the suite's variables that may be secrets.
    pub veil: Veil,
    /// The absolute path of faultgate's working directory.
    pub dir: PathBuf,
    pub dry_run: bool,
    pub injection: InjectionRule,
    pub limits: StopLimits,
    /// The evaluators that tell whether a fault is in, by the experiment's name.
    pub proofs: BTreeMap<String, Arc<dyn Evaluate>>,
}
