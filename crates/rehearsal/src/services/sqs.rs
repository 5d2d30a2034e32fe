//! SQS: queues by name, and their operations. Receiving, which may wait, is up to the world.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::protocol::call::{ApiCall, ApiError, page, tags};
use crate::services::context::ServiceContext;
use crate::services::policy::{Delivery, Sender, allows};
use crate::services::queue::{Handled, SETTINGS, SqsQueue, md5};

/// Time for which the name of a deleted queue cannot be used again.
const NAME_REUSE_DELAY: Duration = Duration::from_mins(1);
/// Largest number of entries in a batch, and of messages in an answer.
const MAX_BATCH_ENTRIES: usize = 10;

/// The queues of one Region.
#[derive(Debug, Default)]
pub(crate) struct Sqs {
    pub(crate) queues: BTreeMap<String, SqsQueue>,
    /// Times at which queues were deleted, by name.
    deleted: BTreeMap<String, Instant>,
}

impl Sqs {
    /// Answers all operations except `ReceiveMessage`, which may wait.
    pub(crate) fn answer(&mut self, call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
        match call.operation.as_str() {
            "CreateQueue" => self.create(call, context),
            "DeleteQueue" => self.delete(call, context),
            "GetQueueUrl" => {
                self.by_name(call.text("QueueName")?).map(|queue| json!({"QueueUrl": queue.url}))
            }
            "GetQueueAttributes" => attributes(self.queue(call)?, call, context),
            "SetQueueAttributes" => {
                let wanted = settable(call.object("Attributes"))?;
                let queue = self.queue(call)?;
                queue.attributes.extend(wanted);
                queue.modified = context.now;
                Ok(Value::Null)
            }
            "ListQueues" => self.list(call),
            "SendMessage" => self.send(call, context),
            "DeleteMessage" => {
                let handle = call.text("ReceiptHandle")?;
                answer_outcome(self.queue(call)?.delete(handle))
            }
            "DeleteMessageBatch" => {
                let queue = self.queue(call)?;
                batch(call, |entry| answer_outcome(queue.delete(handle_of(entry))))
            }
            "ChangeMessageVisibility" => {
                let handle = call.text("ReceiptHandle")?;
                let seconds = call.number("VisibilityTimeout", 0..=43_200)?.unwrap_or_default();
                answer_outcome(self.queue(call)?.change_visibility(handle, seconds, context.instant))
            }
            "ChangeMessageVisibilityBatch" => {
                let queue = self.queue(call)?;
                batch(call, |entry| {
                    let seconds = entry["VisibilityTimeout"].as_u64().unwrap_or_default();
                    answer_outcome(queue.change_visibility(handle_of(entry), seconds, context.instant))
                })
            }
            "PurgeQueue" => {
                self.queue(call)?.purge();
                Ok(Value::Null)
            }
            "TagQueue" => {
                let wanted = tags(call.object("Tags"));
                self.queue(call)?.tags.extend(wanted);
                Ok(Value::Null)
            }
            "UntagQueue" => {
                let queue = self.queue(call)?;
                for key in call.texts("TagKeys") {
                    queue.tags.remove(key);
                }
                Ok(Value::Null)
            }
            "ListQueueTags" => Ok(json!({"Tags": self.queue(call)?.tags})),
            _ => Err(call.unknown()),
        }
    }

    /// Returns the queue of a call's `QueueUrl`. Only the name at its end counts, so that any host leads to
    /// the queue.
    pub(crate) fn queue(&mut self, call: &ApiCall) -> Result<&mut SqsQueue, ApiError> {
        let url = call.text("QueueUrl")?;
        self.by_name(url.rsplit('/').next().unwrap_or_default())
    }

    fn by_name(&mut self, name: &str) -> Result<&mut SqsQueue, ApiError> {
        self.queues
            .get_mut(name)
            .ok_or_else(|| ApiError::new(400, "QueueDoesNotExist", "the specified queue does not exist"))
    }

    /// Delivers an event to a queue, if the queue's policy allows that rule to send. Otherwise it is lost
    /// without a word, as at AWS.
    pub(crate) fn deliver(&mut self, queue_arn: &str, rule_arn: &str, body: &str, context: &ServiceContext) {
        let delivery = Delivery { resource: queue_arn, sender: Sender::Rule(rule_arn) };
        let allowing = self.queues.values_mut().find(|queue| {
            queue.arn == queue_arn && allows(queue.attributes.get("Policy").map(String::as_str), &delivery)
        });
        if let Some(queue) = allowing {
            queue.push(body.to_owned(), Map::new(), None, context.now, context.instant);
        }
    }

    fn create(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let name = call.text("QueueName")?;
        let is_valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 80 || !name.chars().all(is_valid) {
            return Err(call.invalid("a queue's name is 1 to 80 letters, digits, hyphens and underscores"));
        }
        let wanted = settable(call.object("Attributes"))?;
        if let Some(queue) = self.queues.get(name) {
            let differs = |(name, value): (&String, &String)| queue.attributes.get(name) != Some(value);
            // A queue that exists is returned only if it has all attributes of the request, as at SQS.
            if wanted.iter().any(differs) {
                return Err(ApiError::new(
                    400,
                    "QueueNameExists",
                    format!("a queue {name} with other attributes exists already"),
                ));
            }
            return Ok(json!({"QueueUrl": queue.url}));
        }
        let rests = |deleted: &Instant| context.instant.duration_since(*deleted) < NAME_REUSE_DELAY;
        if self.deleted.get(name).is_some_and(rests) {
            return Err(ApiError::new(
                400,
                "QueueDeletedRecently",
                format!("a queue {name} was deleted less than 60 seconds ago"),
            ));
        }
        let url = format!("{}/{}/{name}", call.endpoint, call.place.account);
        let mut queue = SqsQueue::new(url.clone(), context.arn("sqs", name), context.now);
        queue.attributes = wanted;
        queue.tags = tags(call.object("tags"));
        self.queues.insert(name.to_owned(), queue);
        Ok(json!({"QueueUrl": url}))
    }

    fn delete(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        self.queue(call)?;
        let name = call.text("QueueUrl")?.rsplit('/').next().unwrap_or_default();
        self.queues.remove(name);
        self.deleted.insert(name.to_owned(), context.instant);
        Ok(Value::Null)
    }

    fn list(&self, call: &ApiCall) -> Result<Value, ApiError> {
        let prefix = call.optional_text("QueueNamePrefix").unwrap_or_default();
        let urls = self
            .queues
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(_, queue)| queue.url.as_str().into())
            .collect();
        let size = call.number("MaxResults", 1..=1000)?;
        let (urls, next) = page(urls, size.or(Some(1000)), call.optional_text("NextToken"))?;
        let mut output = json!({"QueueUrls": urls});
        // SQS says that there is more only if `MaxResults` was given.
        if let (Some(next), Some(_)) = (next, size) {
            output["NextToken"] = next.into();
        }
        Ok(output)
    }

    fn send(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let body = call.text("MessageBody")?;
        let delay = call.number("DelaySeconds", 0..=900)?;
        let attributes = call.object("MessageAttributes").cloned().unwrap_or_default();
        let queue = self.queue(call)?;
        if body.is_empty()
            || u64::try_from(body.len()).is_ok_and(|size| size > queue.setting("MaximumMessageSize"))
        {
            return Err(
                call.invalid("a message has one character or more, and no more bytes than the queue takes")
            );
        }
        let id = queue.push(body.to_owned(), attributes, delay, context.now, context.instant);
        Ok(json!({"MessageId": id, "MD5OfMessageBody": md5(body)}))
    }
}

/// The parameters of a call of `ReceiveMessage`.
#[derive(Debug)]
pub(crate) struct Receive {
    most: usize,
    visibility: Option<u64>,
    /// Longest wait in seconds. None if the queue's own setting counts.
    pub(crate) wait: Option<u64>,
}

impl Receive {
    pub(crate) fn from_call(call: &ApiCall) -> Result<Self, ApiError> {
        let most = call.number("MaxNumberOfMessages", 1..=10)?.unwrap_or(1);
        Ok(Self {
            most: usize::try_from(most).unwrap_or(MAX_BATCH_ENTRIES),
            visibility: call.number("VisibilityTimeout", 0..=43_200)?,
            wait: call.number("WaitTimeSeconds", 0..=20)?,
        })
    }

    /// Receives the messages that are visible now, with the attributes that were asked for. None if there are
    /// none.
    pub(crate) fn take(
        &self,
        queue: &mut SqsQueue,
        call: &ApiCall,
        context: &ServiceContext,
    ) -> Option<Value> {
        let mut messages = queue.receive(self.most, self.visibility, context.now, context.instant);
        if messages.is_empty() {
            return None;
        }
        // Older clients ask for system attributes by the name `AttributeNames`.
        let mut system = call.texts("MessageSystemAttributeNames");
        system.extend(call.texts("AttributeNames"));
        let own = call.texts("MessageAttributeNames");
        for message in &mut messages {
            keep(message, "Attributes", &system);
            keep(message, "MessageAttributes", &own);
        }
        Some(json!({"Messages": messages}))
    }
}

/// Keeps only the named attributes of a message.
fn keep(message: &mut Value, member: &str, names: &[&str]) {
    let Some(map) = message[member].as_object_mut() else {
        return;
    };
    map.retain(|name, _| names.iter().any(|wanted| *wanted == "All" || wanted == name));
    if map.is_empty()
        && let Some(message) = message.as_object_mut()
    {
        message.remove(member);
    }
}

/// Returns the attributes of a request, if a client may set all of them and each is within its limits.
fn settable(map: Option<&Map<String, Value>>) -> Result<BTreeMap<String, String>, ApiError> {
    let attributes = tags(map);
    for (name, value) in &attributes {
        let limits = SETTINGS.iter().find(|(known, ..)| known == name);
        let is_valid = match (limits, name.as_str()) {
            (Some((_, _, limits)), _) => value.parse().is_ok_and(|number| limits.contains(&number)),
            (None, "Policy") => value.is_empty() || serde_json::from_str::<Map<String, Value>>(value).is_ok(),
            (None, "RedrivePolicy") => serde_json::from_str::<Map<String, Value>>(value).is_ok(),
            (None, "SqsManagedSseEnabled" | "KmsMasterKeyId" | "KmsDataKeyReusePeriodSeconds") => true,
            _ => {
                let message = format!("unknown attribute {name}");
                return Err(ApiError::new(400, "InvalidAttributeName", message));
            }
        };
        if !is_valid {
            let message = format!("invalid value for the attribute {name}");
            return Err(ApiError::new(400, "InvalidAttributeValue", message));
        }
    }
    Ok(attributes)
}

fn attributes(queue: &SqsQueue, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
    let (visible, held, delayed) = queue.counts(context.instant);
    let mut all: BTreeMap<String, String> =
        SETTINGS.iter().map(|(name, ..)| ((*name).to_owned(), queue.setting(name).to_string())).collect();
    all.extend(queue.attributes.clone());
    let computed = [
        ("QueueArn", queue.arn.clone()),
        ("ApproximateNumberOfMessages", visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", held.to_string()),
        ("ApproximateNumberOfMessagesDelayed", delayed.to_string()),
        ("CreatedTimestamp", queue.created.as_second().to_string()),
        ("LastModifiedTimestamp", queue.modified.as_second().to_string()),
    ];
    all.extend(computed.map(|(name, value)| (name.to_owned(), value)));
    all.entry("SqsManagedSseEnabled".to_owned()).or_insert_with(|| "true".to_owned());
    let wanted = call.texts("AttributeNames");
    let optional = ["Policy", "RedrivePolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"];
    // Optional attributes that are not set are no error, they are just left out.
    let is_unknown = |name: &&&str| **name != "All" && !optional.contains(*name) && !all.contains_key(**name);
    if let Some(name) = wanted.iter().find(is_unknown) {
        let message = format!("unknown attribute {name}");
        return Err(ApiError::new(400, "InvalidAttributeName", message));
    }
    all.retain(|name, _| wanted.iter().any(|wanted| *wanted == "All" || wanted == name));
    Ok(if all.is_empty() { json!({}) } else { json!({"Attributes": all}) })
}

fn handle_of(entry: &Value) -> &str {
    entry["ReceiptHandle"].as_str().unwrap_or_default()
}

/// Turns the outcome of a receipt handle into the answer of the service.
fn answer_outcome(outcome: Handled) -> Result<Value, ApiError> {
    match outcome {
        Handled::Done => Ok(Value::Null),
        Handled::NotInFlight => Err(ApiError::new(400, "MessageNotInflight", "the message is not in flight")),
        Handled::NotAHandle => {
            Err(ApiError::new(400, "ReceiptHandleIsInvalid", "the input receipt handle is not valid"))
        }
    }
}

/// Carries out the entries of a batch one by one. The batch as a whole is refused only for its form.
fn batch(
    call: &ApiCall,
    mut handle: impl FnMut(&Value) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let entries = call.list("Entries")?;
    let mut ids: Vec<_> = entries.iter().map(|entry| entry["Id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let refusal = match entries.len() {
        0 => Some(("EmptyBatchRequest", "the batch has no entries")),
        count if count > MAX_BATCH_ENTRIES => {
            Some(("TooManyEntriesInBatchRequest", "the batch has more than ten entries"))
        }
        count if count != ids.len() => Some(("BatchEntryIdsNotDistinct", "two entries have the same id")),
        _ => None,
    };
    if let Some((code, message)) = refusal {
        return Err(ApiError::new(400, code, message));
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match handle(entry) {
            Ok(_) => successful.push(json!({"Id": entry["Id"]})),
            Err(error) => failed.push(json!({
                "Id": entry["Id"],
                "Code": error.code,
                "Message": error.message,
                "SenderFault": true,
            })),
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}
