//! The hedge of a request that must not wait for one answer alone: while none has come, the same request goes out
//! again beside those under way, and the first answer counts.
//!
//! It is for requests that do no harm twice. One that is answered in time goes out once.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Time without an answer after which the request goes out once more.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(1500);
/// Largest number of requests under way, since each takes a connection. It does not hold when time is short.
const MAX_UNDER_WAY: usize = 4;

/// Waits for the answer to a request, and sends it again until one is answered or all of them have failed; the
/// error is that of the last one. `further` makes another request, or None where there can be none. `hurried` says
/// that time is short, as after a signal.
///
/// # Errors
///
/// All requests have failed.
pub async fn hedge<T, E, F: Future<Output = Result<T, E>>>(
    first: F,
    further: impl Fn() -> Option<F>,
    hurried: &CancellationToken,
) -> Result<T, E> {
    let mut under_way = FuturesUnordered::from_iter([first]);
    let mut sent_at = Instant::now();
    loop {
        let is_hurried = hurried.is_cancelled();
        let has_room = is_hurried || under_way.len() < MAX_UNDER_WAY;
        tokio::select! {
            biased;
            Some(answer) = under_way.next() => match answer {
                Err(_) if !under_way.is_empty() => {}
                answer => return answer,
            },
            () = sleep_until(sent_at + SEND_AGAIN_AFTER), if has_room => {
                under_way.extend(further());
                sent_at = Instant::now();
            }
            () = hurried.cancelled(), if !is_hurried => {}
        }
    }
}
