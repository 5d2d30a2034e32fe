//! Panics: a panic is caught like any other end, what the run has begun is ended, and the verdict is
//! `errored`.
//!
//! One panic anywhere, even in a task or a thread of its own, ends the run, since nobody knows what else is
//! broken after it. `recovery/rescue.rs` of the binary does the rest. A panic during the unwinding of another one aborts the
//! process, with the same consequences as SIGKILL.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::{LazyLock, Mutex, PoisonError};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::text::plain;

/// Number of characters of a panic's message that are kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// The first panic of the process.
static FIRST: Mutex<Option<Panic>> = Mutex::new(None);
/// The token that is cancelled by the first panic.
static CAME: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);

/// One panic. Its text asks the user to report it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// File, line and column of the panic; `None` where the hook of [`watch`] was not installed.
    at: Option<String>,
    message: String,
}

impl Panic {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        Self { at: info.location().map(ToString::to_string), message: message(info.payload()) }
    }
}

/// Returns the message of a panic, cut and on one line.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    plain(text.unwrap_or("no message"), MAX_MESSAGE_CHARS)
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
        write!(
            f,
            "faultgate {} itself broke (a panic{at}: {}): this is a bug, please report it with this line",
            env!("CARGO_PKG_VERSION"),
            self.message
        )
    }
}

/// Installs a hook by which every panic of the process is noted, and told through `tell` instead of by the
/// runtime.
pub fn watch(tell: fn(&str)) {
    std::panic::set_hook(Box::new(move |info| {
        let panic = Panic::of(info);
        FIRST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| panic.clone());
        CAME.cancel();
        tell(&panic.to_string());
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            tell(&trace.to_string());
        }
    }));
}

/// The first panic of the process so far.
pub fn first() -> Option<Panic> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Waits for the first panic of any task or thread, and returns it.
pub async fn wait_for_panic() -> Panic {
    loop {
        CAME.cancelled().await;
        if let Some(panic) = first() {
            return panic;
        }
    }
}

/// Returns the result of a future, or the panic that ended it.
pub async fn catch<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| find_cause(&*payload))
}

/// Returns the result of a function, or the panic that ended it.
pub fn catch_now<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| find_cause(&*payload))
}

/// Returns the first panic of the process, which is the cause of those after it; without a hook it is made
/// from the payload.
fn find_cause(payload: &(dyn Any + Send)) -> Panic {
    first().unwrap_or_else(|| Panic { at: None, message: message(payload) })
}

/// Panics where a test asks for it by `PANIC_AT=<place>:<number>`: the number says which passage through the
/// place panics, and counts from 1. Release builds contain no such code.
#[inline]
#[track_caller]
pub fn point(place: &str) {
    #[cfg(debug_assertions)]
    injected::point(place);
    #[cfg(not(debug_assertions))]
    let _ = place;
}

/// Returns the result of a future, with a [`point`] after each poll in which it had to wait.
pub async fn with_points<T>(place: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            point(place);
        }
        polled
    })
    .await
}

#[cfg(debug_assertions)]
mod injected {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The place, and the number of the passage through it that panics.
    static WANTED: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
        let wanted = std::env::var("PANIC_AT").ok()?;
        let (place, number) = wanted.split_once(':')?;
        Some((place.to_owned(), number.parse().ok()?))
    });
    /// Number of passages through that place.
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    #[track_caller]
    #[expect(clippy::panic, reason = "what it is for")]
    pub(super) fn point(place: &str) {
        let Some((wanted, number)) = &*WANTED else { return };
        // Destructors pass such places while another panic unwinds, and a second panic would abort the
        // process.
        if wanted == place
            && !std::thread::panicking()
            && COUNT.fetch_add(1, Ordering::Relaxed) + 1 == *number
        {
            panic!("injected at {place} {number}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_is_caught_with_its_message() {
        let panic = catch(async { panic!("a {} message\n::error::", "strange") }).await.unwrap_err();
        assert_eq!(panic.message, plain("a strange message\n::error::", MAX_MESSAGE_CHARS));
        assert!(panic.to_string().contains("please report it"));
        assert!(catch_now(|| panic!("{:500}", "")).unwrap_err().message.len() < 400);
        assert_eq!(catch(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_waits_is_as_it_was() {
        let work = async {
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(with_points("nowhere", work).await, 7);
    }
}
