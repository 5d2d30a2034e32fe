//! Alarms of CloudWatch whose changes come by the events of a run's subscription.
//!
//! - `feed` keeps what events have told, and connects the subscription that hears them with whoever waits for
//!   them.
//! - `history` is CloudWatch's own record of an alarm's changes, which decides.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

mod feed;
mod history;

pub use feed::{AlarmFeed, HeardChange};
pub(crate) use history::StateUpdate;
pub use history::{AlarmHistory, AlarmStanding};

/// A probe on an alarm that need not be asked at an interval, since events tell of the alarm's changes.
#[async_trait]
pub trait FollowAlarm: Send + Sync {
    /// Returns `true` while the alarm's changes come by events.
    fn is_live(&self) -> bool;

    /// Returns a receiver that is woken at each change that is heard from now on, and whenever events begin
    /// or cease to come.
    fn subscribe(&self) -> watch::Receiver<()>;

    /// Returns the changes that were heard so far, in the order in which they were heard.
    fn heard_changes(&self) -> Vec<HeardChange>;

    /// Reads all changes since a time from CloudWatch's record. The error is the reason why they cannot be
    /// read.
    async fn read_history(&self, since: Timestamp) -> Result<AlarmHistory, String>;
}
