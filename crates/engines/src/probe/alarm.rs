//! The probe `cloudwatch-alarm`: an alarm is OK, in the account and the Region of the experiment.
//!
//! The alarm is asked for its state, or followed: then events tell of its changes, and CloudWatch's history
//! of the alarm has the last word. An answer that is partial, or about anything but the question, is a
//! failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use super::alarm_desk::AlarmDesk;
use super::cloudwatch::explain_refusal;
use super::question::{MAX_REASON_CHARS, ProbeQuestion};
use crate::alarms::{AlarmFeed, AlarmHistory, FollowAlarm, HeardChange, StateUpdate};
use crate::cloudwatch::{AlarmHistoryItem, CloudwatchClient, DescribedAlarm, OK};
use faultgate_config::Veil;
use faultgate_core::text;

/// Maximum number of pages of a history. An alarm that changes every second takes an hour to fill them.
const MAX_PAGES: usize = 40;

/// An alarm that should be OK.
pub(super) struct AlarmProbe {
    pub(super) cloudwatch: CloudwatchClient,
    pub(super) name: String,
    pub(super) desk: AlarmDesk,
    pub(super) follower: Option<Arc<AlarmFollower>>,
}

impl ProbeQuestion for AlarmProbe {
    async fn ask(&self) -> Result<String, String> {
        let DescribedAlarm { state, reason, .. } = self.desk.ask(&self.name, &self.cloudwatch).await?;
        match state {
            Some(state) if state == OK => Ok(state),
            state => {
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                Err(format!("{}{reason}", state.as_deref().unwrap_or("no state")))
            }
        }
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.cloudwatch.counted().total.snapshot()
    }

    fn alarm(&self) -> Option<Arc<dyn FollowAlarm>> {
        let follower = self.follower.clone()?;
        Some(follower)
    }
}

/// The follower of one alarm: by the feed of its account, and by its history.
pub(super) struct AlarmFollower {
    pub(super) cloudwatch: CloudwatchClient,
    pub(super) name: String,
    pub(super) feed: AlarmFeed,
    pub(super) veil: Veil,
}

#[async_trait]
impl FollowAlarm for AlarmFollower {
    fn is_live(&self) -> bool {
        self.feed.is_live(&self.name)
    }

    fn subscribe(&self) -> watch::Receiver<()> {
        self.feed.subscribe()
    }

    fn heard_changes(&self) -> Vec<HeardChange> {
        let mut heard = self.feed.heard_changes(&self.name);
        for heard in &mut heard {
            heard.change.reason = self.veil_reason(heard.change.reason.take());
        }
        heard
    }

    async fn read_history(&self, since: Timestamp) -> Result<AlarmHistory, String> {
        let mut updates = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = self.cloudwatch.list_changes(&self.name, since, token.as_deref()).await;
            let page = page.map_err(|error| explain_refusal(&error, "DescribeAlarmHistory"))?;
            for item in &page.items {
                updates.push(self.read_item(item)?);
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(AlarmHistory::of(&self.name, updates));
            }
        }
        Err(format!("CloudWatch's history of it has more than {MAX_PAGES} pages"))
    }
}

impl AlarmFollower {
    fn read_item(&self, item: &AlarmHistoryItem) -> Result<StateUpdate, String> {
        if item.alarm_name.as_deref() != Some(self.name.as_str()) {
            return Err("CloudWatch told of the history of another alarm".to_owned());
        }
        let (data, summary) = (item.history_data.as_deref(), item.history_summary.as_deref());
        let update = item.at().and_then(|at| StateUpdate::read(at, data, summary));
        let mut update = update.ok_or("an item of CloudWatch's history of it cannot be read")?;
        for standing in [&mut update.old, &mut update.new] {
            standing.reason = self.veil_reason(standing.reason.take());
        }
        Ok(update)
    }

    /// Returns a reason as it may be shown.
    fn veil_reason(&self, reason: Option<String>) -> Option<String> {
        reason.map(|reason| text::plain(&self.veil.hide(&reason), MAX_REASON_CHARS))
    }
}
