//! The keeper of credentials: it renews them before they expire, whenever a request needs them. While the old
//! ones hold, no request waits long for new ones: it may be a stop. That is why the SDK's own cache stands
//! aside.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_async::time::SharedTimeSource;

use super::failure::{CredentialsFailure, NotGiven, reason_of};

/// Time before the end from which on a request renews the credentials: long enough for an outage of their
/// source to pass.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// Time before the end from which on credentials are not used any more, since they may not survive their
/// request.
const UNUSABLE_BEFORE: Duration = Duration::from_secs(15);
/// Time that new credentials may take where there are none to use.
const FIRST_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that new credentials may take while the old ones hold: the request that waits may be a stop.
const RENEW_TIMEOUT: Duration = Duration::from_secs(3);
/// Time from one renewal to the next, also after one that failed.
pub(in crate::aws) const AGAIN_AFTER: Duration = Duration::from_secs(20);

/// The keeper of the credentials of one source.
#[derive(Debug)]
pub(in crate::aws) struct Keeper {
    from: NotGiven,
    /// The getting of credentials. It completes "could not …".
    what: String,
    time: SharedTimeSource,
    held: Mutex<HeldCredentials>,
    /// Held by the one request that renews.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct HeldCredentials {
    credentials: Option<Credentials>,
    /// The time before which no renewal is tried.
    not_before: Option<SystemTime>,
}

impl Keeper {
    pub(in crate::aws) fn new(time: SharedTimeSource, from: NotGiven, what: String) -> Self {
        Self { from, what, time, held: Mutex::default(), renewing: tokio::sync::Mutex::new(()) }
    }

    pub(in crate::aws) fn now(&self) -> SystemTime {
        self.time.now()
    }

    /// Returns credentials that are valid now. `fresh` is begun only where new ones are needed, and dropped
    /// where they take too long.
    pub(in crate::aws) async fn credentials(
        &self,
        source: &str,
        fresh: impl Future<Output = Result<Credentials, CredentialsFailure>>,
    ) -> Result<Credentials, CredentialsFailure> {
        let (credentials, due) = self.look();
        let _turn = match credentials {
            Some(credentials) if !due => return Ok(credentials),
            Some(credentials) => match self.renewing.try_lock() {
                Ok(turn) => {
                    let renewed = tokio::time::timeout(RENEW_TIMEOUT, fresh).await;
                    return Ok(self.end_renewal(source, renewed, credentials, turn));
                }
                // Another request renews them already.
                Err(_) => return Ok(credentials),
            },
            None => self.renewing.lock().await,
        };
        // Another request may have got new ones while this one waited for the lock.
        if let (Some(credentials), _) = self.look() {
            return Ok(credentials);
        }
        let late = |_| Err(self.failure(format!("no answer within {}s", FIRST_TIMEOUT.as_secs())));
        let credentials = tokio::time::timeout(FIRST_TIMEOUT, fresh).await.unwrap_or_else(late)?;
        self.hold(Some(credentials.clone()), self.later());
        Ok(credentials)
    }

    /// Returns the credentials if they still hold, and `true` if it is time for new ones.
    fn look(&self) -> (Option<Credentials>, bool) {
        let now = self.time.now();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Credentials that do not tell an end have none.
        let within = |margin| {
            let of = |credentials: &Credentials| credentials.expiry().is_none_or(|end| now + margin < end);
            held.credentials.as_ref().is_some_and(of)
        };
        let may_renew = held.not_before.is_none_or(|time| time <= now);
        (held.credentials.clone().filter(|_| within(UNUSABLE_BEFORE)), !within(RENEW_BEFORE) && may_renew)
    }

    /// Keeps new credentials, if there are any, and the time before which no renewal is tried.
    fn hold(&self, credentials: Option<Credentials>, not_before: SystemTime) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if credentials.is_some() {
            held.credentials = credentials;
        }
        held.not_before = Some(not_before);
    }

    /// Ends a renewal: returns the new credentials, or the old ones where there are no new ones.
    fn end_renewal(
        &self,
        source: &str,
        renewed: Result<Result<Credentials, CredentialsFailure>, tokio::time::error::Elapsed>,
        old: Credentials,
        _turn: tokio::sync::MutexGuard<'_, ()>,
    ) -> Credentials {
        if let Ok(Ok(credentials)) = renewed {
            self.hold(Some(credentials.clone()), self.later());
            return credentials;
        }
        let why = match renewed {
            Ok(Err(failure)) => reason_of(&failure),
            _ => format!("no answer within {}s", RENEW_TIMEOUT.as_secs()),
        };
        tracing::warn!(%source, %why, "the credentials were not renewed yet; the old ones still hold");
        self.hold(None, self.later());
        old
    }

    /// Returns the failure to get credentials, for this reason.
    pub(in crate::aws) fn failure(&self, why: impl Into<String>) -> CredentialsFailure {
        CredentialsFailure::new(self.from, self.what.clone(), why)
    }

    /// Returns the time of the next renewal. Without this pause, an outage, or a session that is short from
    /// the beginning, would make every request renew.
    fn later(&self) -> SystemTime {
        self.time.now() + AGAIN_AFTER
    }
}
