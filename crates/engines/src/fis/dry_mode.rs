//! The mode of a dry run and of a preview: FIS's own word says if the actions are skipped.

use super::record::RecordDetails;
use super::tracking::ExperimentTracking;
use super::watch::SKIP_ALL;
use crate::{EngineFailure, FailureKind};
use faultgate_core::text;

/// The judgement about the mode of an experiment.
pub(super) enum DryMode {
    /// The experiment is a dry run, or was not meant to be one, or is about to be stopped.
    Fine,
    /// FIS has not told the mode yet.
    Unsaid,
    /// The actions are carried out, so the experiment has to be stopped.
    Broken(EngineFailure),
}

impl DryMode {
    /// Judges the experiment with this id. `asked` is `true` once its record was asked for.
    pub(super) fn judge(id: &str, tracking: &ExperimentTracking, dry_run: bool, asked: bool) -> Self {
        let skips_actions = dry_run || tracking.is_preview;
        if !skips_actions || tracking.stop_requested {
            return Self::Fine;
        }
        // The answer to a launch may lack the mode; a record that lacks it is no dry run.
        let mode = match &tracking.details {
            None => return Self::Unsaid,
            Some(RecordDetails { actions_mode: None, .. }) if !asked => return Self::Unsaid,
            Some(RecordDetails { actions_mode, .. }) => actions_mode.as_deref().unwrap_or("not told"),
        };
        if mode == SKIP_ALL {
            return Self::Fine;
        }
        let why = format!(
            "FIS was asked to skip its actions, and its record does not say that it does (actionsMode is {})",
            text::plain(mode, 40)
        );
        Self::Broken(EngineFailure::new(FailureKind::Refused, format!("make a dry run of {id}"), why))
    }
}
