//! A queue of the user's, which other runs and programs may read as well (`monitor: queue`), such as that of a hub.
//! The process has one reader of it for all accounts. A message of another run is given back, so that its
//! owner has it; the check before a launch warns of a redrive policy that would take it away.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::clients::{make_sqs, make_sqs_reader};
use super::hiding::Sightings;
use super::inbox::Inbox;
use super::inboxes::Inboxes;
use super::reader::{Keeping, QueueReader};
use crate::EngineFailure;
use faultgate_core::clock::Clock;
use faultgate_core::model::{Finding, Level};
use faultgate_core::text;
use faultgate_net::aws::calls::CountCalls;
use faultgate_net::aws::iam::{PolicyTarget, Use, statements_for};
use faultgate_net::aws::{AwsPlace, QueueAddress};

/// Number of receives that a redrive policy must allow, the most that SQS knows. A message of another run is
/// received fewer times within an hour by dozens of runs.
pub(super) const SAFE_RECEIVES: u64 = 1_000;
/// Time in which the reader deletes or gives back its last messages.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

const SUBJECT: &str = "event queue";

/// A queue of the user's, and its reader. Clones are the same queue.
#[derive(Debug, Clone)]
pub struct EventQueue(Rc<SharedParts>);

#[derive(Debug)]
struct SharedParts {
    url: String,
    place: AwsPlace,
    sdk: SdkConfig,
    clock: Clock,
    /// `true` if the queue was checked, or is about to be.
    checked: Cell<bool>,
    inboxes: Inboxes,
    sightings: Sightings,
    reader: RefCell<Option<AbortOnDropHandle<()>>>,
    leaving: CancellationToken,
}

impl EventQueue {
    /// Makes a queue without any request. `sdk` has its Region, and credentials that may read it.
    pub fn new(sdk: &SdkConfig, url: &str, clock: Clock) -> Self {
        let region = sdk.region().map(AsRef::as_ref).unwrap_or_default();
        let known = AwsPlace::in_region(region);
        let account = QueueAddress::of(url).account.unwrap_or_else(|| known.account.clone());
        Self(Rc::new(SharedParts {
            url: url.to_owned(),
            place: AwsPlace { account, ..known },
            sdk: sdk.clone(),
            clock,
            checked: Cell::new(false),
            inboxes: Inboxes::default(),
            sightings: Sightings::default(),
            reader: RefCell::default(),
            leaving: CancellationToken::new(),
        }))
    }

    pub(super) fn name(&self) -> String {
        QueueAddress::of(&self.0.url).name
    }

    /// Checks the queue before a launch, once for all accounts: if it can be read, and if its redrive policy
    /// is safe for the messages of others.
    pub(super) async fn look(&self, counted: &CountCalls) -> Vec<Finding> {
        if self.0.checked.replace(true) {
            return Vec::new();
        }
        let reader = self.reader(make_sqs(&self.0.sdk, counted));
        if let Err(failure) = reader.probe().await {
            return vec![failure.to_finding(Level::Error, SUBJECT)];
        }
        let readable = Finding::new(Level::Ok, SUBJECT, "it can be read");
        let redrive = match most_receives(&reader).await {
            Ok(Some(most)) if most < SAFE_RECEIVES => Some(Finding {
                remedy: Some(format!("remove it, or set maxReceiveCount to {SAFE_RECEIVES}")),
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

    /// Lets the reader fill this inbox as well. The first one starts the reader.
    pub(super) fn join(&self, inbox: Inbox, counted: &CountCalls) {
        if self.0.inboxes.add(inbox) && self.0.reader.borrow().is_none() {
            let reader = self.reader(make_sqs_reader(&self.0.sdk, counted));
            *self.0.reader.borrow_mut() = Some(AbortOnDropHandle::new(tokio::spawn(reader.run())));
        }
    }

    /// Takes this inbox away from the reader, which ends with the last one: it deletes or gives back what it
    /// holds before.
    pub(super) async fn leave(&self, inbox: &Inbox, within: Duration) {
        if self.0.inboxes.remove(inbox) {
            let reader = self.0.reader.borrow_mut().take();
            if let Some(reader) = reader {
                self.0.leaving.cancel();
                let _ = tokio::time::timeout(within.min(LEAVE_TIMEOUT), reader).await;
            }
        }
    }

    fn reader(&self, sqs: aws_sdk_sqs::Client) -> QueueReader {
        let parts = &*self.0;
        QueueReader {
            sqs,
            queue_url: parts.url.clone(),
            inboxes: parts.inboxes.clone(),
            clock: parts.clock,
            place: parts.place.clone(),
            keeping: Keeping::OfUser(parts.sightings.clone()),
            leaving: parts.leaving.clone(),
        }
    }
}

/// Returns an instruction with the statement that a request on a user's queue needs.
pub(super) fn statement(operation: &str, url: &str, place: &AwsPlace) -> Option<String> {
    let target = PolicyTarget::of(&place.partition, &place.region, &place.account);
    let target = PolicyTarget { queue: QueueAddress::of(url).name, ..target };
    let statements = statements_for(Use::Queue, operation, &target)?;
    Some(format!(
        "add this statement to the policy of the role that reads the queue: {}",
        text::code(&statements)
    ))
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
