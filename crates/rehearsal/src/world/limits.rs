//! The limits of a world: how many experiments and rules there may be, how fast requests may come, and which
//! accounts let nobody in.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::place::{WorldPlace, account_of_role};
use crate::protocol::call::{ASSUME_ROLE, ApiCall, ApiError};
use crate::world::account::World;

/// The limits, none of which holds at first, unlike at AWS.
#[derive(Debug, Default)]
pub(crate) struct WorldLimits {
    /// Most experiments that FIS runs at once in one account and Region.
    pub(crate) active: Option<usize>,
    /// Most rules of one bus.
    pub(crate) rules: Option<usize>,
    /// Requests a second, by operation.
    rates: BTreeMap<String, u32>,
    /// The requests that may still come at once, for each place and operation.
    buckets: BTreeMap<(WorldPlace, String), TokenBucket>,
    closed: BTreeSet<String>,
}

/// A bucket of tokens, which is full at first: each request takes one, and time brings them back.
#[derive(Debug)]
struct TokenBucket {
    tokens: f64,
    filled_at: Instant,
}

impl TokenBucket {
    /// Takes a token, if there is one. The bucket holds those of one second.
    fn take(&mut self, rate: f64, now: Instant) -> bool {
        let gained = now.duration_since(self.filled_at).as_secs_f64() * rate;
        (self.tokens, self.filled_at) = ((self.tokens + gained).min(rate), now);
        let is_granted = self.tokens >= 1.0;
        if is_granted {
            self.tokens -= 1.0;
        }
        is_granted
    }
}

impl WorldLimits {
    /// Refuses a request that comes too fast, or that asks for a role of an account which lets nobody in.
    pub(crate) fn admit(&mut self, call: &ApiCall, now: Instant) -> Result<(), ApiError> {
        if let Some(rate) = self.rates.get(&call.operation).copied().map(f64::from) {
            let bucket = self.buckets.entry((call.place.clone(), call.operation.clone()));
            if !bucket.or_insert(TokenBucket { tokens: rate, filled_at: now }).take(rate, now) {
                return Err(ApiError::new(429, "ThrottlingException", "Rate exceeded"));
            }
        }
        let role = call.optional_text("RoleArn").filter(|_| call.operation == ASSUME_ROLE);
        match role {
            Some(role) if account_of_role(role).is_some_and(|account| self.closed.contains(account)) => {
                let message = format!("the caller is not authorized to perform: sts:AssumeRole on {role}");
                Err(ApiError::new(403, "AccessDenied", message))
            }
            _ => Ok(()),
        }
    }
}

impl World {
    /// Sets how many experiments FIS runs at once in one account and Region; a launch beyond that is refused.
    pub fn limit_active(&self, quota: Option<usize>) {
        self.change(|state| state.limits.active = quota);
    }

    /// Sets how many rules a bus takes.
    pub fn limit_rules(&self, quota: Option<usize>) {
        self.change(|state| state.limits.rules = quota);
    }

    /// Sets how many requests of an operation a second are granted in one account and Region; those that
    /// come faster are throttled. As many may come at once after a pause.
    pub fn throttle(&self, operation: &str, a_second: u32) {
        self.change(|state| state.limits.rates.insert(operation.to_owned(), a_second));
    }

    /// Closes an account: nobody can assume a role there any more.
    pub fn close_account(&self, account: &str) {
        self.change(|state| state.limits.closed.insert(account.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_grants_its_rate_and_no_more() {
        let now = Instant::now();
        let mut bucket = TokenBucket { tokens: 10.0, filled_at: now };
        let granted = |bucket: &mut TokenBucket, after: u64| {
            let at = now + Duration::from_millis(after);
            (0..50).filter(|_| bucket.take(10.0, at)).count()
        };
        assert_eq!(granted(&mut bucket, 0), 10);
        assert_eq!(granted(&mut bucket, 250), 2);
        assert_eq!(granted(&mut bucket, 60_000), 10, "no more is saved up than for a second");
    }
}
