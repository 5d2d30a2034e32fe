//! The attempts of a request that the SDK does not send.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use faultgate_core::backoff::Backoff;

/// The number of attempts of a request, and the time that they may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub max_attempts: u32,
    /// The pauses between the attempts.
    pub backoff: Backoff,
    /// Time for all attempts.
    pub time_limit: Duration,
}

impl Patience {
    /// Makes attempts until one is answered for good; None if the time is over before that.
    pub(super) async fn send<T, R, F: Future<Output = Result<T, R>>>(
        &self,
        attempt: impl Fn() -> F,
        may_help_again: impl Fn(&R) -> bool,
    ) -> Option<Result<T, R>> {
        let attempts = async {
            let mut attempts = 0;
            loop {
                let refused = match attempt().await {
                    Ok(answer) => return Ok(answer),
                    Err(refused) => refused,
                };
                attempts += 1;
                if !may_help_again(&refused) || attempts >= self.max_attempts {
                    return Err(refused);
                }
                sleep(self.backoff.pause(attempts - 1, fastrand::f64())).await;
            }
        };
        timeout(self.time_limit, attempts).await.ok()
    }
}
