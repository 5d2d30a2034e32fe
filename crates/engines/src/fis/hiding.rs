//! The time for which messages of other readers of a user's queue stay hidden.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};

use super::shared_queue::HIDDEN_SECONDS;

/// Maximum time for which a message of another reader is hidden, in seconds. The time grows with each
/// receive, but not beyond the time that the owner waits for events before it asks FIS.
const MAX_HIDDEN_SECONDS: i32 = 300;

/// Returns the time for which a message of another reader stays hidden, in seconds. A message that has just
/// come is not hidden at all, so that its owner has it at once. Each receive counts towards the maximum of a
/// redrive policy, so a message that comes again and again is hidden for longer each time.
pub(super) fn hidden_seconds(message: &Message) -> i32 {
    let attributes = message.attributes.as_ref();
    let receives = attributes.and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    let receives: u32 = receives.and_then(|count| count.parse().ok()).unwrap_or(1);
    match receives.checked_sub(2) {
        None => 0,
        Some(doublings) => {
            let hidden = i32::from(HIDDEN_SECONDS).saturating_mul(2_i32.saturating_pow(doublings));
            hidden.min(MAX_HIDDEN_SECONDS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::users_queue::SAFE_RECEIVES;
    use super::*;

    fn received(times: Option<&str>) -> Message {
        let count =
            times.map(|times| (MessageSystemAttributeName::ApproximateReceiveCount, times.to_owned()));
        Message::builder().set_attributes(count.map(|count| [count].into())).build()
    }

    #[test]
    fn what_comes_round_and_round_comes_less_and_less_often() {
        let told = |times: &str| hidden_seconds(&received(Some(times)));
        let hidden = ["1", "2", "3", "4", "5", "6", "7", "8", "99", "4000000000"].map(told);
        assert_eq!(hidden, [0, 10, 20, 40, 80, 160, 300, 300, 300, 300]);
        assert_eq!([told("0"), told("many"), hidden_seconds(&received(None))], [0, 0, 0]);
        let in_an_hour = (1..).map(|times: u32| told(&times.to_string()).max(1)).scan(0, |sum, hidden| {
            *sum += hidden;
            (*sum <= 3600).then_some(())
        });
        assert!((in_an_hour.count() as u64) < SAFE_RECEIVES / 2);
    }
}
