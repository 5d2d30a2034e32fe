//! The words of a stop about subscriptions.

use faultgate_core::model::{OURS, SubscriptionState};

/// Returns what became of a subscription, in lines.
pub(super) fn tell_removal(subscription: &SubscriptionState) -> Vec<String> {
    if subscription.removed {
        return vec![format!("removed the subscription {} in {}", subscription.name, subscription.region)];
    }
    let left = subscription.leftovers.iter().map(|left| format!("not removed: {left}"));
    let left: Vec<_> = left.collect();
    if left.is_empty() { vec![format!("not removed: the subscription {}", subscription.name)] } else { left }
}

/// Returns the line about a subscription that faultgate cannot have made.
pub(super) fn tell_foreign(subscription: &SubscriptionState) -> String {
    let SubscriptionState { name, region, rules, queue_url, .. } = subscription;
    let queue = queue_url.as_deref().unwrap_or("no known queue");
    format!(
        "not removed: the state file names {name} in {region} (queue: {queue}; rules: {}), and all that faultgate makes \
         is called {OURS}…; look at it by hand",
        rules.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn subscription(removed: bool, leftovers: &[&str]) -> SubscriptionState {
        SubscriptionState {
            handshake_ms: None,
            name: "faultgate-1".to_owned(),
            region: "eu-west-1".to_owned(),
            role_arn: None,
            rules: vec!["faultgate-1-events".to_owned()],
            queue_url: None,
            expires_at: Timestamp::UNIX_EPOCH,
            removed,
            leftovers: leftovers.iter().map(|left| (*left).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_left_is_told_with_its_commands_and_never_as_removed() {
        let removed = tell_removal(&subscription(true, &["the queue: aws sqs …"]));
        assert_eq!(removed, ["removed the subscription faultgate-1 in eu-west-1"]);
        let left = tell_removal(&subscription(false, &["the queue: aws sqs …", "the rule: aws events …"]));
        assert_eq!(left, ["not removed: the queue: aws sqs …", "not removed: the rule: aws events …"]);
        let unknown = tell_removal(&subscription(false, &[]));
        assert_eq!(unknown, ["not removed: the subscription faultgate-1"]);
    }

    #[test]
    fn what_faultgate_cannot_have_made_is_named_for_somebody_to_look_at() {
        let told = tell_foreign(&subscription(false, &[]));
        for part in [
            "not removed: the state file names faultgate-1 in eu-west-1",
            "no known queue",
            "faultgate-1-events",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }
}
