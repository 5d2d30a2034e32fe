//! Counts the requests to AWS that really go out, retries included, by operation name.

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

/// Requests by operation. Cloning shares the count.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

tokio::task_local! {
    /// The experiment for which the current task makes its requests.
    static CURRENT: Calls;
    /// How the request under way has fared so far.
    static ATTEMPTS: Cell<Attempts>;
}

/// How often a request went out, and how often it was refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts {
    sent: u32,
    refused: u32,
}

impl Attempts {
    /// A refusal of a second attempt says nothing about the first, whose answer was lost.
    pub fn may_have_taken_effect(self) -> bool {
        self.sent > self.refused
    }

    fn change(change: impl FnOnce(&mut Self)) {
        // Outside of `attempts` nobody asks.
        let _ = ATTEMPTS.try_with(|attempts| {
            let mut now = attempts.get();
            change(&mut now);
            attempts.set(now);
        });
    }
}

/// Sends one request, and says how its attempts fared.
pub async fn attempts<T>(request: impl Future<Output = T>) -> (T, Attempts) {
    ATTEMPTS.scope(Cell::default(), async { (request.await, ATTEMPTS.with(Cell::get)) }).await
}

impl Calls {
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts what `requests` sends here, besides the total.
    pub async fn of<T>(&self, requests: impl Future<Output = T>) -> T {
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

/// The interceptor that counts: each request into the total, and besides into the experiment it is made for,
/// or into what all experiments share. Cloning shares the counts.
#[derive(Debug, Clone, Default)]
pub struct CountCalls {
    pub total: Calls,
    pub shared: Calls,
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
        self.total.count(operation);
        panics::point("request");
        Attempts::change(|attempts| attempts.sent += 1);
        if CURRENT.try_with(|experiment| experiment.count(operation)).is_err() {
            self.shared.count(operation);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Whoever answers with 4xx, to throttle too, has not carried it out.
        if context.response().is_some_and(|response| response.status().is_client_error()) {
            Attempts::change(|attempts| attempts.refused += 1);
        }
        Ok(())
    }
}
