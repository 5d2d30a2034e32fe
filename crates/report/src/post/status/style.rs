//! The names of commit statuses, and what their descriptions say first.

use crate::forge::{CommitStatus, StatusState};
use crate::summary::plain_without_accounts;
use crate::words::Nature;
use faultgate_core::model::Shard;
use faultgate_core::{digest, text};

/// Maximum length of a description in characters. Each forge cuts it further.
const MAX_DESCRIPTION_CHARS: usize = 400;
/// Maximum length, in characters, of the words that a description is cut from. Ids are looked for in whole words.
const MAX_TOLD_CHARS: usize = 10_000;
/// Maximum length, in characters, of the part of a name that tells a job from its siblings.
const MAX_PART_CHARS: usize = 60;
/// Length, in characters, of the digest that keeps longer parts apart.
const DIGEST_CHARS: usize = 8;

/// The properties that all statuses of a run share.
#[derive(Debug, Clone)]
pub struct StatusStyle {
    /// The prefix of the names of the statuses.
    pub prefix: String,
    /// The page that the statuses link to.
    pub target_url: Option<String>,
    /// The number of the pipeline's attempt, from 1.
    pub attempt: Option<u32>,
    /// The shard of a suite that the run is.
    pub shard: Option<Shard>,
    /// The values that tell the job from its siblings, which report to the same commit.
    pub part: Vec<String>,
    /// The nature of the run: a trial must not look like the real thing.
    pub nature: Nature,
    /// `true` if descriptions must not tell ARNs and ids of accounts, since everybody may read them.
    pub hides_accounts: bool,
}

impl StatusStyle {
    /// The name of an experiment's status, or of the run's status if none is given. No job may speak for the
    /// others that report to the same commit, so the name tells them apart.
    pub(super) fn context(&self, experiment: Option<&str>) -> String {
        let name = experiment.map(|name| format!("/{name}")).unwrap_or_default();
        // No two shards have an experiment in common, so the name of an experiment is enough.
        let shard = self.shard.filter(|_| experiment.is_none());
        format!("{}{name}{}", self.nature.context(&self.prefix, shard), self.part())
    }

    /// The part of a name that tells the job from its siblings, such as ` (eu-west-1, blue)`, without values
    /// that the shard says already.
    fn part(&self) -> String {
        let shard = self.shard.map(|shard| [shard.to_string(), shard.number().to_string()]);
        let tells = |value: &&String| !shard.as_ref().is_some_and(|shard| shard.contains(value));
        let values: Vec<&str> = self.part.iter().filter(tells).map(String::as_str).collect();
        let part = values.join(", ");
        match part.chars().count() {
            0 => String::new(),
            1..=MAX_PART_CHARS => format!(" ({})", text::plain(&part, MAX_PART_CHARS)),
            _ => format!(
                " ({} {})",
                text::plain(&part, MAX_PART_CHARS),
                &digest::of_parts(&[&part])[..DIGEST_CHARS]
            ),
        }
    }

    /// The status of this state, whose description says first if the run is a trial or a later attempt.
    pub(super) fn status(&self, context: String, state: StatusState, what: &str) -> CommitStatus {
        let nature = self.nature.word().map(|word| format!("{word}: ")).unwrap_or_default();
        let attempt = match self.attempt {
            Some(attempt) if attempt > 1 => format!("attempt {attempt}: "),
            _ => String::new(),
        };
        let told = text::plain(&format!("{nature}{attempt}{what}"), MAX_TOLD_CHARS);
        let told = if self.hides_accounts { plain_without_accounts(&told) } else { told };
        let description = text::plain(&told, MAX_DESCRIPTION_CHARS);
        CommitStatus { context, state, description, target_url: self.target_url.clone() }
    }
}
