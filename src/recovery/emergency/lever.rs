//! The safety lever of one account and Region: FIS itself stops everything there and refuses what is new,
//! until somebody disengages it.

use std::time::Duration;

use super::place::PlaceStop;
use crate::lifecycle::Share;
use crate::terminal::say_line;
use faultgate_net::aws::ask_account_id;

/// Longest time in which a lever may become engaged.
const LEVER_LIMIT: Duration = Duration::from_secs(120);

impl PlaceStop<'_> {
    /// Engages the lever if that was asked for and is confirmed, and tells what became of it.
    pub(super) async fn engage_lever(&self) {
        if !self.stop.request.engages_lever {
            return;
        }
        if let Err(why) = self.try_engaging().await {
            self.fail(&format!(
                "the safety lever in {} is NOT known to be engaged: {why}; look at it: aws fis \
                 get-safety-lever --region {} --id default",
                self.place, self.account.region
            ));
        }
    }

    /// Engages the lever. The error says why that is not known to have happened.
    async fn try_engaging(&self) -> Result<(), String> {
        let (stop, region) = (self.stop, &self.account.region);
        let account = stop.cancel.within(LEVER_LIMIT, Share::Find, ask_account_id(&self.account.sdk)).await;
        let account = account.ok_or("STS did not answer")?.map_err(|failure| failure.with_remedy())?;
        if stop.request.dry_run {
            let word = self.connection.read_lever().await.map_err(|failure| failure.with_remedy())?;
            say_line(&format!(
                "would engage the safety lever of the account {account} in {}, which is {word} now",
                self.place
            ));
            return Ok(());
        }
        tokio::select! {
            biased;
            confirmed = stop.confirmation.confirm(&account, &self.place) => confirmed?,
            signal = stop.cancel.cancelled() => return Err(format!("{} came first", signal.as_str())),
        }
        say_line(&format!(
            "engaging the safety lever of the account {account} in {}: FIS has {} s to say that it is engaged",
            self.place,
            LEVER_LIMIT.as_secs()
        ));
        let deadline = stop.cancel.deadline(LEVER_LIMIT, Share::Confirm);
        let engaged = self.connection.engage_lever(&stop.reason, deadline).await;
        engaged.map_err(|failure| failure.with_remedy())?;
        say_line(&format!(
            "the safety lever of the account {account} in {} is engaged: FIS stops all experiments there, \
             and refuses new ones until you disengage it: aws fis update-safety-lever-state --region \
             {region} --id default --state 'status=disengaged,reason=it is over'",
            self.place
        ));
        Ok(())
    }
}
