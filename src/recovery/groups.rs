//! The grouping of what a state names by the kinds of engines that have to end it.

use std::collections::BTreeMap;

use faultgate_core::model::{EngineKind, ExperimentState, RunState};

/// Everything that is open at the engines of one kind, as indices into the state.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OpenGroup {
    pub(super) experiments: Vec<usize>,
    pub(super) subscriptions: Vec<usize>,
}

/// Groups all that is open, so that every open experiment is in the group of its engine, whatever engines
/// there are. Experiments that `may_be_ended` refuses are left out, and so are subscriptions that faultgate
/// cannot have made.
pub(super) fn group_open(
    state: &RunState,
    may_be_ended: impl Fn(&ExperimentState) -> bool,
) -> BTreeMap<EngineKind, OpenGroup> {
    let mut groups = BTreeMap::<EngineKind, OpenGroup>::new();
    for (number, experiment) in state.experiments.iter().enumerate() {
        if experiment.is_open() && may_be_ended(experiment) {
            groups.entry(experiment.place.kind()).or_default().experiments.push(number);
        }
    }
    for (number, subscription) in state.subscriptions.iter().enumerate() {
        if !subscription.removed && subscription.is_ours() {
            groups.entry(subscription.kind()).or_default().subscriptions.push(number);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use faultgate_core::model::{RunPhase, SubscriptionState};
    use faultgate_testkit::engines::example_place;
    use jiff::Timestamp;

    use super::super::{make_identity, make_launched};
    use super::*;

    fn state() -> RunState {
        let mut state = RunState::of(&make_identity("run-1".to_owned()), false, Timestamp::UNIX_EPOCH);
        state.experiments = EngineKind::ALL
            .map(|kind| make_launched("one", "id", example_place(kind), Timestamp::UNIX_EPOCH))
            .to_vec();
        state
    }

    fn subscription(name: &str, removed: bool) -> SubscriptionState {
        SubscriptionState {
            handshake_ms: None,
            name: name.to_owned(),
            region: "eu-west-1".to_owned(),
            role_arn: None,
            rules: Vec::new(),
            queue_url: None,
            expires_at: Timestamp::UNIX_EPOCH,
            removed,
            leftovers: Vec::new(),
        }
    }

    #[test]
    fn every_open_experiment_is_in_the_group_of_its_engine() {
        let groups = group_open(&state(), |_| true);
        assert_eq!(groups.len(), EngineKind::ALL.len());
        for (number, kind) in EngineKind::ALL.into_iter().enumerate() {
            assert_eq!(groups[&kind], OpenGroup { experiments: vec![number], subscriptions: Vec::new() });
        }
    }

    #[test]
    fn what_is_over_or_was_never_begun_is_in_no_group() {
        let mut state = state();
        state.experiments[0].phase = RunPhase::Over;
        state.experiments[1].phase = RunPhase::Planned;
        state.experiments[2].phase = RunPhase::Intended;
        let kinds: Vec<_> = group_open(&state, |_| true).into_keys().collect();
        assert_eq!(kinds, [EngineKind::ALL[2], EngineKind::ALL[3]]);
        let no_plane = |known: &ExperimentState| known.place.url().is_none();
        let kinds: Vec<_> = group_open(&state, no_plane).into_keys().collect();
        assert_eq!(kinds, [EngineKind::Command], "no secret is sent to a place that may not be told");
    }

    #[test]
    fn subscriptions_are_ended_by_fis_if_faultgate_can_have_made_them() {
        let mut state = state();
        state.experiments.clear();
        state.subscriptions = vec![
            subscription("faultgate-1", false),
            subscription("theirs", false),
            subscription("faultgate-2", true),
        ];
        let groups = group_open(&state, |_| true);
        let fis = OpenGroup { experiments: Vec::new(), subscriptions: vec![0] };
        assert_eq!(groups, BTreeMap::from([(EngineKind::Fis, fis)]));
    }
}
