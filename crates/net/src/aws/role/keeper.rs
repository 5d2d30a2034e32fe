//! Credentials that are renewed before they expire, for as long as anybody asks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_async::time::SharedTimeSource;

use super::Refusal;

/// Renewed so long before the end, when a request comes: long enough for an outage of who vouches to pass.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// A credential that is so near its end may not survive its request.
const LAST_USE: Duration = Duration::from_secs(15);
/// What it may take to get in.
const FIRST_LIMIT: Duration = Duration::from_secs(30);
/// While the old credentials hold, nothing waits longer for new ones: it may be a stop.
const RENEW_LIMIT: Duration = Duration::from_secs(3);
/// From one renewal to the next.
pub(super) const AGAIN_AFTER: Duration = Duration::from_secs(20);

/// Credentials of one source.
#[derive(Debug)]
pub(crate) struct Keeper {
    time: SharedTimeSource,
    held: Mutex<Held>,
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Held {
    credentials: Option<Credentials>,
    /// No renewal before.
    not_before: Option<SystemTime>,
}

impl Keeper {
    pub(crate) fn new(time: SharedTimeSource) -> Self {
        Self { time, held: Mutex::default(), renewing: tokio::sync::Mutex::new(()) }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.time.now()
    }

    /// Credentials that hold now. `fresh` is begun only where new ones are needed, and dropped where they take too long.
    pub(crate) async fn credentials(
        &self,
        source: &str,
        fresh: impl Future<Output = Result<Credentials, Refusal>>,
    ) -> Result<Credentials, Refusal> {
        let (credentials, due) = self.look();
        let _turn = match credentials {
            Some(credentials) if !due => return Ok(credentials),
            Some(credentials) => match self.renewing.try_lock() {
                Ok(turn) => {
                    let renewed = tokio::time::timeout(RENEW_LIMIT, fresh).await;
                    return Ok(self.renewed(source, renewed, credentials, turn));
                }
                Err(_) => return Ok(credentials),
            },
            None => self.renewing.lock().await,
        };
        // Somebody else may have had the turn before.
        if let (Some(credentials), _) = self.look() {
            return Ok(credentials);
        }
        let late = |_| Err(Refusal::new(format!("no answer within {}s", FIRST_LIMIT.as_secs())));
        let credentials = tokio::time::timeout(FIRST_LIMIT, fresh).await.unwrap_or_else(late)?;
        self.hold(Some(credentials.clone()), self.later());
        Ok(credentials)
    }

    /// The credentials that still hold, and whether it is time for new ones.
    fn look(&self) -> (Option<Credentials>, bool) {
        let now = self.time.now();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that say no end have none.
        let within = |margin| {
            let of = |credentials: &Credentials| credentials.expiry().is_none_or(|end| now + margin < end);
            held.credentials.as_ref().is_some_and(of)
        };
        let may_renew = held.not_before.is_none_or(|time| time <= now);
        (held.credentials.clone().filter(|_| within(LAST_USE)), !within(RENEW_BEFORE) && may_renew)
    }

    fn hold(&self, credentials: Option<Credentials>, not_before: SystemTime) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if credentials.is_some() {
            held.credentials = credentials;
        }
        held.not_before = Some(not_before);
    }

    /// New credentials, or the old ones for a while longer.
    fn renewed(
        &self,
        source: &str,
        renewed: Result<Result<Credentials, Refusal>, tokio::time::error::Elapsed>,
        old: Credentials,
        _turn: tokio::sync::MutexGuard<'_, ()>,
    ) -> Credentials {
        if let Ok(Ok(credentials)) = renewed {
            self.hold(Some(credentials.clone()), self.later());
            return credentials;
        }
        let why = match renewed {
            Ok(Err(refusal)) => refusal.to_string(),
            _ => format!("no answer within {}s", RENEW_LIMIT.as_secs()),
        };
        tracing::warn!(%source, %why, "the credentials were not renewed yet; the old ones still hold");
        self.hold(None, self.later());
        old
    }

    /// Neither an outage nor a session that is short from the beginning makes a request of every request.
    fn later(&self) -> SystemTime {
        self.time.now() + AGAIN_AFTER
    }
}
