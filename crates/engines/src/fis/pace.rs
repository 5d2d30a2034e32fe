//! The pace of requests that many ask at once, for each operation in one account and Region. Whoever is
//! throttled slows all of them down, and each answer lets them go a little faster: so hundreds of requests
//! come through at whatever rate AWS grants, which nobody tells.
//!
//! The SDK's own retries do not do it: each of its requests waits by itself, gives up after few attempts, and
//! all of them draw on one small budget.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::{Instant, sleep_until};

use faultgate_core::backoff::Jitter;
use faultgate_net::aws::error::{is_throttled, status_of};

/// Number of requests of one operation that may be under way at once.
pub(super) const MAX_LOOKS_AT_ONCE: usize = 16;
/// Time between two requests after the first one that was throttled. It doubles with each further one.
const FIRST_GAP: Duration = Duration::from_millis(100);
const LONGEST_GAP: Duration = Duration::from_secs(5);
/// The gap below which there is none.
const SHORTEST_GAP: Duration = Duration::from_millis(20);
/// Part of the gap that is left after each request that was granted.
const EASE: f64 = 0.95;
/// Number of slower and slower requests in a row after which no more is hoped for.
const MAX_IN_VAIN: u32 = 8;
const JITTER: Jitter = Jitter::Part(0.1);

/// The paces of one account and Region, by operation. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestPace(Arc<Mutex<BTreeMap<&'static str, Tempo>>>);

/// The pace of the requests of one operation.
#[derive(Debug)]
struct Tempo {
    gap: Duration,
    /// Time from which the next request may go out.
    next: Instant,
    /// Number of times that the pace was slowed down, by which a request that is older than that is known:
    /// of several that went out together and were throttled, one slows down.
    slowed: u64,
    /// Number of these times since a request was granted.
    in_vain: u32,
}

impl Tempo {
    fn new() -> Self {
        Self { gap: Duration::ZERO, next: Instant::now(), slowed: 0, in_vain: 0 }
    }

    /// Takes the turn of a request. Returns the time for it, and the number by which its answer is known.
    fn take_turn(&mut self, chance: f64) -> (Instant, u64) {
        let now = Instant::now();
        if self.in_vain > MAX_IN_VAIN {
            return (now, self.slowed);
        }
        let at = self.next.max(now);
        self.next = at + JITTER.apply(self.gap, chance);
        (at, self.slowed)
    }

    fn grant(&mut self) {
        self.in_vain = 0;
        self.gap = self.gap.mul_f64(EASE);
        if self.gap < SHORTEST_GAP {
            self.gap = Duration::ZERO;
        }
    }

    /// Slows down for a request that was throttled. Returns `false` if it is not worth another attempt.
    fn slow_down(&mut self, turn: u64) -> bool {
        if turn == self.slowed {
            self.slowed += 1;
            self.in_vain += 1;
            self.gap = (self.gap * 2).clamp(FIRST_GAP, LONGEST_GAP);
            self.next = self.next.max(Instant::now() + self.gap);
        }
        self.in_vain <= MAX_IN_VAIN
    }
}

impl RequestPace {
    /// Sends a request as soon as its turn has come, and again if it was throttled. The error is that of the
    /// last attempt where AWS throttles on and on.
    pub(super) async fn ask<T, E: ProvideErrorMetadata>(
        &self,
        operation: &'static str,
        request: impl AsyncFn() -> Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T, SdkError<E, HttpResponse>> {
        loop {
            let (at, turn) = self.change(operation, |tempo| tempo.take_turn(fastrand::f64()));
            sleep_until(at).await;
            match request().await {
                Err(error) if status_of(&error) == 429 || error.code().is_some_and(is_throttled) => {
                    if !self.change(operation, |tempo| tempo.slow_down(turn)) {
                        return Err(error);
                    }
                }
                answer => {
                    self.change(operation, Tempo::grant);
                    return answer;
                }
            }
        }
    }

    fn change<T>(&self, operation: &'static str, change: impl FnOnce(&mut Tempo) -> T) -> T {
        let mut tempos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(tempos.entry(operation).or_insert_with(Tempo::new))
    }
}

/// A classifier by which the SDK does not send a request again that was refused with such a code, as it would
/// by itself: somebody else sends it again, or it would be in vain. `E` is the error of the operation.
pub(super) struct Unrepeated<E> {
    concerns: fn(&str) -> bool,
    operation: PhantomData<fn() -> E>,
}

impl<E> Unrepeated<E> {
    pub(super) fn after(concerns: fn(&str) -> bool) -> Self {
        Self { concerns, operation: PhantomData }
    }
}

impl<E> fmt::Debug for Unrepeated<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unrepeated").finish_non_exhaustive()
    }
}

impl<E> ClassifyRetry for Unrepeated<E>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let error = error.and_then(|error| error.as_operation_error()?.downcast_ref::<E>());
        match error.and_then(ProvideErrorMetadata::code) {
            Some(code) if (self.concerns)(code) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Unrepeated"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    /// Plays requests at a service that grants `rate` a second. Returns the number that was throttled, and
    /// the time that all of them took.
    async fn play(rate: f64, requests: usize) -> (usize, Duration) {
        let (mut tempo, begin) = (Tempo::new(), Instant::now());
        let (mut tokens, mut filled, mut throttled, mut left) = (rate, begin, 0, requests);
        while left > 0 {
            // All that may be under way at once go out together, and are answered later.
            let mut turns = Vec::new();
            for _ in 0..left.min(MAX_LOOKS_AT_ONCE) {
                let (at, turn) = tempo.take_turn(0.5);
                sleep_until(at).await;
                let now = Instant::now();
                tokens = (tokens + (now - filled).as_secs_f64() * rate).min(rate);
                filled = now;
                turns.push((turn, tokens >= 1.0));
                tokens -= if tokens >= 1.0 { 1.0 } else { 0.0 };
            }
            tokio::time::sleep(STEP).await;
            for (turn, granted) in turns {
                if granted {
                    tempo.grant();
                    left -= 1;
                } else {
                    throttled += 1;
                    assert!(tempo.slow_down(turn), "{left} of {requests} are left");
                }
            }
        }
        (throttled, begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn all_come_through_whatever_rate_is_granted() {
        for (rate, requests) in [(1.0, 60), (10.0, 300), (50.0, 2_000)] {
            let (throttled, took) = play(rate, requests).await;
            assert!(throttled < requests * 2, "{rate} a second: {throttled} of {requests} were throttled");
            let least = f64::from(u32::try_from(requests).unwrap()) / rate;
            assert!(took.as_secs_f64() < least * 2.5, "{rate} a second: {took:?}, at least {least} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_where_nobody_is_throttled() {
        assert_eq!(play(1e9, 1_000).await.0, 0);
        let mut tempo = Tempo::new();
        assert_eq!(tempo.take_turn(1.0).0, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_grants_nothing_is_given_up_by_all() {
        let (mut tempo, begin) = (Tempo::new(), Instant::now());
        loop {
            let (at, turn) = tempo.take_turn(0.5);
            sleep_until(at).await;
            if !tempo.slow_down(turn) {
                break;
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
        assert_eq!(tempo.take_turn(0.5).0, Instant::now(), "the others learn it at once");
    }
}
