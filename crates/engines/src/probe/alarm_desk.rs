//! The desk at which the probes on the alarms of one account and Region ask for their states. A few requests
//! are under way at once, and whoever comes meanwhile is served by the next one together with all others, up
//! to a hundred alarms at a time: CloudWatch grants few requests a second, and hundreds of probes may come at
//! the same moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::cloudwatch::explain_refusal;
use crate::cloudwatch::{CloudwatchClient, DescribedAlarm, MAX_ALARMS_PER_REQUEST};
use faultgate_net::aws::error::is_denied;

/// Number of requests that may be under way at once. Of several, one that hangs holds nobody up.
const MAX_UNDER_WAY: usize = 4;
/// Time limit of a request, so that those that hang make room for others.
const LIMIT: Duration = Duration::from_secs(10);

/// The answer about an alarm; the error tells why nothing is known of it.
type AlarmAnswer = Result<DescribedAlarm, String>;

/// The desk. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct AlarmDesk(Arc<Mutex<Counter>>);

/// The state of the desk: who waits, by the alarm that is asked for, and how many requests are under way.
#[derive(Debug, Default)]
struct Counter {
    waiting: BTreeMap<String, Vec<oneshot::Sender<AlarmAnswer>>>,
    under_way: usize,
}

impl AlarmDesk {
    /// Asks for an alarm. The client is of the account and Region of the desk.
    pub(super) async fn ask(&self, name: &str, cloudwatch: &CloudwatchClient) -> AlarmAnswer {
        let (sender, receiver) = oneshot::channel();
        let begins = {
            let mut counter = self.lock();
            counter.waiting.entry(name.to_owned()).or_default().push(sender);
            let begins = counter.under_way < MAX_UNDER_WAY;
            counter.under_way += usize::from(begins);
            begins
        };
        if begins {
            // A task of its own, since others wait for the answer too when this one gives up.
            tokio::spawn(self.clone().serve(cloudwatch.clone()));
        }
        receiver.await.unwrap_or_else(|_| Err("CloudWatch could not be asked".to_owned()))
    }

    /// Serves until nobody waits any more.
    async fn serve(self, cloudwatch: CloudwatchClient) {
        while let Some(batch) = self.take_batch() {
            let names: Vec<&str> = batch.keys().map(String::as_str).collect();
            let told = describe(&cloudwatch, &names).await;
            // One alarm that may not be looked at must not hide the others.
            let is_mixed = names.len() > 1 && told.as_ref().is_err_and(|refusal| refusal.is_denied);
            for (name, waiting) in batch {
                let told = if is_mixed { describe(&cloudwatch, &[&name]).await } else { told.clone() };
                let answer = told.map_err(|refusal| refusal.why).and_then(|told| find(&name, &told));
                for sender in waiting {
                    // Nobody waits for it any more where the sending fails.
                    let _ = sender.send(answer.clone());
                }
            }
        }
    }

    /// Takes those who are served next. None, and one request less, if nobody waits.
    fn take_batch(&self) -> Option<BTreeMap<String, Vec<oneshot::Sender<AlarmAnswer>>>> {
        let mut counter = self.lock();
        let mut batch = BTreeMap::new();
        while batch.len() < MAX_ALARMS_PER_REQUEST {
            let Some((name, mut waiting)) = counter.waiting.pop_first() else { break };
            waiting.retain(|sender| !sender.is_closed());
            if !waiting.is_empty() {
                batch.insert(name, waiting);
            }
        }
        if batch.is_empty() {
            counter.under_way -= 1;
            return None;
        }
        Some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, Counter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason for which CloudWatch does not tell of alarms.
#[derive(Debug, Clone)]
struct UntoldAlarms {
    why: String,
    /// `true` if a permission is missing, be it for one of the alarms.
    is_denied: bool,
}

impl From<String> for UntoldAlarms {
    fn from(why: String) -> Self {
        Self { why, is_denied: false }
    }
}

/// Asks CloudWatch for alarms of both kinds, and for nothing else.
async fn describe(
    cloudwatch: &CloudwatchClient,
    names: &[&str],
) -> Result<Vec<DescribedAlarm>, UntoldAlarms> {
    let answer = timeout(LIMIT, cloudwatch.describe_alarms(names)).await;
    let answer = answer.map_err(|_| "CloudWatch did not answer in time".to_owned())?;
    let answer = answer.map_err(|error| UntoldAlarms {
        why: explain_refusal(&error, "DescribeAlarms"),
        is_denied: error.code().is_some_and(is_denied),
    })?;
    if answer.next_token.is_some() {
        return Err("CloudWatch told of more alarms than it was asked for".to_owned().into());
    }
    let told = answer.into_alarms();
    if told.len() > names.len() {
        return Err(format!("CloudWatch told of {} alarms, not of {}", told.len(), names.len()).into());
    }
    let is_foreign =
        |alarm: &DescribedAlarm| !alarm.name.as_deref().is_some_and(|name| names.contains(&name));
    if told.iter().any(is_foreign) {
        return Err("CloudWatch told of an alarm of another name".to_owned().into());
    }
    Ok(told)
}

/// Finds an alarm in an answer.
fn find(name: &str, told: &[DescribedAlarm]) -> AlarmAnswer {
    let mut of_name = told.iter().filter(|alarm| alarm.name.as_deref() == Some(name));
    match (of_name.next(), of_name.next()) {
        (None, _) => Err("there is no alarm of that name in this account and Region".to_owned()),
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => Err("CloudWatch told of several alarms of that name".to_owned()),
    }
}
