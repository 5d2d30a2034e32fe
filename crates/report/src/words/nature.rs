//! The names under which a run posts statuses, comments and annotations. Whoever reads one takes it for the
//! gate of its commit, so a run that is only a trial, or only a part of a suite, must have a name of its own.

use faultgate_core::model::{RunResult, Shard};

/// The nature of a run: it says something of the real system, or it is only a trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nature {
    #[default]
    Real,
    /// A run that resolved its targets and injected nothing.
    DryRun,
    Rehearsal,
}

impl Nature {
    pub fn of(is_rehearsal: bool, is_dry_run: bool) -> Self {
        match (is_rehearsal, is_dry_run) {
            (true, _) => Self::Rehearsal,
            (false, true) => Self::DryRun,
            (false, false) => Self::Real,
        }
    }

    /// Writes the nature of a run behind a title: ` (dry run)`, or nothing for a real one.
    pub(crate) fn of_result(result: &RunResult) -> String {
        let nature = Self::of(result.rehearsal.is_some(), result.dry_run).word();
        nature.map(|word| format!(" ({word})")).unwrap_or_default()
    }

    /// The word for this nature, or `None` for a real run, which need not say so.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Real => None,
            Self::DryRun => Some("dry run"),
            Self::Rehearsal => Some("rehearsal"),
        }
    }

    /// Returns the name under which a whole run posts, or a part of one: `faultgate`, `faultgate 2/5`,
    /// `faultgate dry run 2/5`.
    pub fn context(self, prefix: &str, shard: Option<Shard>) -> String {
        let shard = shard.map(|shard| shard.to_string());
        let words = [Some(prefix), self.word(), shard.as_deref()];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_run_and_every_part_has_a_name_of_its_own() {
        let second = "2/5".parse().ok();
        for (nature, shard, name) in [
            (Nature::of(false, false), None, "chaos"),
            (Nature::of(false, false), second, "chaos 2/5"),
            (Nature::of(false, true), None, "chaos dry run"),
            (Nature::of(false, true), second, "chaos dry run 2/5"),
            (Nature::of(true, false), None, "chaos rehearsal"),
            (Nature::of(true, true), second, "chaos rehearsal 2/5"),
        ] {
            assert_eq!(nature.context("chaos", shard), name);
        }
    }
}
