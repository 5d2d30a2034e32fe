//! The counts of the requests to AWS that really go out, retries included, by operation. An interceptor of
//! the SDK counts them where they leave, since only the SDK knows of its retries. The counts also tell if a
//! failed request may have had an effect.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use faultgate_core::panics;

/// The number of requests by operation. Cloning it shares the count.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

tokio::task_local! {
    /// The count of the experiment for which the current task makes its requests.
    static CURRENT: Calls;
    /// The attempts of the request that is under way.
    static ATTEMPTS: Cell<Attempts>;
}

/// The number of attempts of a request, and the number of those that were refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts {
    sent: u32,
    refused: u32,
}

impl Attempts {
    /// Returns `true` if an attempt may have had an effect, because it was not refused. A refusal of the
    /// second attempt says nothing about the first, whose answer was lost.
    pub fn may_have_taken_effect(self) -> bool {
        self.sent > self.refused
    }

    fn change(change: impl FnOnce(&mut Self)) {
        // Outside of `attempts` the numbers are not needed, so they are not kept.
        let _ = ATTEMPTS.try_with(|attempts| {
            let mut now = attempts.get();
            change(&mut now);
            attempts.set(now);
        });
    }
}

/// Sends one request, and returns its result and its attempts.
pub async fn attempts<T>(request: impl Future<Output = T>) -> (T, Attempts) {
    ATTEMPTS.scope(Cell::default(), async { (request.await, ATTEMPTS.with(Cell::get)) }).await
}

impl Calls {
    /// Returns the numbers so far.
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `requests` and counts what it sends in this count, too, besides the total.
    pub async fn count_in<T>(&self, requests: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), requests).await
    }

    fn count(&self, operation: &str) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(operation.to_owned()).or_default() += 1;
    }
}

/// Adds up two counts.
pub fn sum(mut a: BTreeMap<String, u64>, b: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    for (operation, count) in b {
        *a.entry(operation).or_default() += count;
    }
    a
}

/// The interceptor that counts. Each request counts in the total, and besides in the count of the experiment
/// it is made for, or else in the one that all experiments share. Cloning it shares the counts.
#[derive(Debug, Clone, Default)]
pub struct CountCalls {
    pub total: Calls,
    /// The count of the requests that are made for no experiment in particular.
    pub shared: Calls,
}

impl CountCalls {
    /// Counts a request of the current task.
    pub(super) fn count(&self, operation: &str) {
        self.total.count(operation);
        if CURRENT.try_with(|experiment| experiment.count(operation)).is_err() {
            self.shared.count(operation);
        }
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for CountCalls {
    fn name(&self) -> &'static str {
        "CountCalls"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("unknown", Metadata::name);
        panics::point("request");
        Attempts::change(|attempts| attempts.sent += 1);
        self.count(operation);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A service that answers with 4xx, also to throttle, has not carried the request out.
        if context.response().is_some_and(|response| response.status().is_client_error()) {
            Attempts::change(|attempts| attempts.refused += 1);
        }
        Ok(())
    }
}
