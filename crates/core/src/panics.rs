//! A panic is an end like any other: it is caught, what was begun is ended, and the verdict is `errored`.
//!
//! One panic anywhere, also in a task or a thread of its own, ends the run: after it, nobody knows what else is broken.
//! `cli::rescue` does the rest. A panic while another one unwinds aborts the process, as SIGKILL would.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::{LazyLock, Mutex, PoisonError};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::text::plain;

/// Characters of a message.
const LONGEST: usize = 300;

static FIRST: Mutex<Option<Panic>> = Mutex::new(None);
static CAME: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);

/// One panic. Its text asks for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// File, line and column; None where nobody has watched.
    at: Option<String>,
    message: String,
}

impl Panic {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        Self { at: info.location().map(ToString::to_string), message: message(info.payload()) }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    plain(text.unwrap_or("no message"), LONGEST)
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

/// From here on every panic of the process is known, and is told through `tell` instead of by the runtime.
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

/// Ends with a panic of any task or thread.
pub async fn came() -> Panic {
    loop {
        CAME.cancelled().await;
        if let Some(panic) = first() {
            return panic;
        }
    }
}

/// The work's result, or the panic that ended it.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| known(&*payload))
}

/// The same of work that waits for nothing.
pub fn caught_now<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| known(&*payload))
}

/// The first is the cause of those after it.
fn known(payload: &(dyn Any + Send)) -> Panic {
    first().unwrap_or_else(|| Panic { at: None, message: message(payload) })
}

/// A place where a test may let the process panic, by `PANIC_AT=<place>:<number>`: the number counts from 1 how
/// often the place was come to. Release builds have none of it.
#[inline]
#[track_caller]
pub fn point(place: &str) {
    #[cfg(debug_assertions)]
    injected::point(place);
    #[cfg(not(debug_assertions))]
    let _ = place;
}

/// The work, with a [`point`] after each time that it waits.
pub async fn pointed<T>(place: &str, work: impl Future<Output = T>) -> T {
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

    static WANTED: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
        let wanted = std::env::var("PANIC_AT").ok()?;
        let (place, number) = wanted.split_once(':')?;
        Some((place.to_owned(), number.parse().ok()?))
    });
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    #[track_caller]
    #[expect(clippy::panic, reason = "what it is for")]
    pub(super) fn point(place: &str) {
        let Some((wanted, number)) = &*WANTED else { return };
        // Destructors run while another panic unwinds.
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
        let panic = caught(async { panic!("a {} message\n::error::", "strange") }).await.unwrap_err();
        assert_eq!(panic.message, plain("a strange message\n::error::", LONGEST));
        assert!(panic.to_string().contains("please report it"));
        assert!(caught_now(|| panic!("{:500}", "")).unwrap_err().message.len() < 400);
        assert_eq!(caught(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_waits_is_as_it_was() {
        let work = async {
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(pointed("nowhere", work).await, 7);
    }
}
