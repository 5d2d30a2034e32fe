//! Which actions of FIS inject a fault. The one list: the outcome, the fault window, the docs and the Step Functions
//! template without a container follow it.

use crate::model::Effect;

/// Actions that inject nothing, and what they do instead. Every other action counts as one that injects.
#[rustfmt::skip]
pub(super) const HARMLESS: &[(&str, Effect)] = &[
    // It lets time pass between other actions.
    ("aws:fis:wait", Effect::Waits),
    // It looks at alarms, and fails if they are not in the state that it expects.
    ("aws:cloudwatch:assert-alarm-state", Effect::Asserts),
    // AWS calls it a recovery action: it moves traffic away from an Availability Zone that is impaired.
    ("aws:arc:start-zonal-autoshift", Effect::Recovers),
];

/// What an action does, by its id. An id that is not known may inject.
pub(super) fn effect(action_id: &str) -> Effect {
    HARMLESS.iter().find(|(id, _)| *id == action_id).map_or(Effect::Injects, |(_, effect)| *effect)
}
