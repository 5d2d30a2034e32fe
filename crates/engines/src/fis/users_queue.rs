//! A queue of the user's, which other runs and programs may read as well (`monitor: queue`). A message of
//! another reader is given back, so that its owner has it; the check before a launch warns of a redrive
//! policy that would take it away.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::Value;

use super::reader::QueueReader;
use super::shared_queue::HIDDEN_SECONDS;
use crate::EngineFailure;
use faultgate_core::model::{Finding, Level};

/// Maximum time for which a message of another reader is hidden, in seconds. The time grows with each
/// receive, but not beyond the time that the owner waits for events before it asks FIS.
const MAX_HIDDEN_SECONDS: i32 = 300;
/// Number of receives that a redrive policy must allow. A message of another reader is received fewer times
/// within an hour, whatever number of runs read the queue.
const SAFE_RECEIVES: u64 = 50;

const SUBJECT: &str = "event queue";

/// Checks the queue before a launch: if it can be read, and if its redrive policy is safe for the messages of
/// others.
pub(super) async fn look(reader: &QueueReader) -> Vec<Finding> {
    if let Err(failure) = reader.probe().await {
        return vec![failure.to_finding(Level::Error, SUBJECT)];
    }
    let readable = Finding::new(Level::Ok, SUBJECT, "it can be read");
    let redrive = match most_receives(reader).await {
        Ok(Some(most)) if most < SAFE_RECEIVES => Some(Finding {
            remedy: Some(format!(
                "give each pipeline a queue of its own, or set maxReceiveCount to {SAFE_RECEIVES} or more"
            )),
            ..Finding::new(
                Level::Warning,
                SUBJECT,
                format!(
                    "its redrive policy moves a message away after {most} receives, and events of other runs are \
                     received here, too: they may go to the dead-letter queue before their own run has read them"
                ),
            )
        }),
        Ok(_) => None,
        Err(failure) => Some(failure.to_finding(Level::Note, SUBJECT)),
    };
    [readable].into_iter().chain(redrive).collect()
}

/// Returns the number of receives after which the queue's redrive policy moves a message away; None where it
/// has no such policy.
async fn most_receives(reader: &QueueReader) -> Result<Option<u64>, EngineFailure> {
    let request = reader.sqs.get_queue_attributes().queue_url(&reader.queue_url);
    let answer = request.attribute_names(QueueAttributeName::RedrivePolicy).send().await;
    let answer = answer.map_err(|error| reader.failure(error, "GetQueueAttributes"))?;
    let policy = answer.attributes.unwrap_or_default().remove(&QueueAttributeName::RedrivePolicy);
    let policy = policy.and_then(|policy| serde_json::from_str::<Value>(&policy).ok());
    Ok(policy.and_then(|policy| {
        // A policy may have this number as a text.
        let most = &policy["maxReceiveCount"];
        most.as_u64().or_else(|| most.as_str()?.trim().parse().ok())
    }))
}

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
