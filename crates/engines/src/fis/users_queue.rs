//! A queue of the user's, which other runs and programs may read as well (`monitor: queue`). A message of
//! another reader is given back, so that its owner has it; the check before a launch warns of a redrive
//! policy that would take it away.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::reader::QueueReader;
use crate::EngineFailure;
use faultgate_core::model::{Finding, Level};

/// Number of receives that a redrive policy must allow. A message of another reader is received fewer times
/// within an hour, whatever number of runs read the queue.
pub(super) const SAFE_RECEIVES: u64 = 50;

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
