//! The questions to AWS that the rules of a policy need, so that nothing else is asked.

use std::collections::BTreeSet;

use faultgate_config::EngineKind;

use super::policy::Policy;

/// One question to AWS about an experiment, named for the facts that answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inquiry {
    /// The account that FIS runs in.
    Account,
    Region,
    /// The FIS template: its actions, stop conditions, logs and tags.
    Template,
    /// The target account configurations of the FIS template.
    TargetAccounts,
    /// The targets that a preview resolves.
    Targets,
    /// The experiments that run in the account and Region, for `limits.alone`.
    Running,
}

/// Returns what the rules of these policies need to know of an experiment of this engine. FIS alone can be
/// asked: of other engines only the suite tells.
pub fn inquiries(policies: &[Policy], engine: EngineKind) -> BTreeSet<Inquiry> {
    match engine {
        EngineKind::Fis => policies.iter().flat_map(of_policy).collect(),
        EngineKind::Harness | EngineKind::Litmus | EngineKind::Command => BTreeSet::new(),
    }
}

fn of_policy(policy: &Policy) -> impl Iterator<Item = Inquiry> {
    let Policy { allow, deny, require, limits, .. } = policy;
    let reads_template = deny.actions.is_some()
        || require.stop_condition
        || require.logs
        || !require.tags.is_empty()
        || limits.duration.is_some();
    let needed = [
        (allow.accounts.is_some() || limits.alone, Inquiry::Account),
        (allow.regions.is_some() || limits.alone, Inquiry::Region),
        (reads_template, Inquiry::Template),
        (allow.accounts.is_some(), Inquiry::TargetAccounts),
        (limits.targets.is_some(), Inquiry::Targets),
        (limits.alone, Inquiry::Running),
    ];
    needed.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, inquiry)| inquiry)
}
