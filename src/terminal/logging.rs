//! The log: what faultgate does inside, written to standard error.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::printing::{Output, screen};
use faultgate_config::{LogFormat, Veil};
use faultgate_core::environment::Environment;

/// Target at which the SDK logs as an error that it cannot close the connection of a failed request. The HTTP client
/// decides that by itself.
const MISTAKEN_ERRORS: &str = "aws_smithy_runtime::client::http::connection_poisoning";

/// Starts the log. `RUST_LOG` sets how much it says: a level, or targets with levels. In JSON it says by
/// default what the plain lines tell people.
///
/// Whatever `RUST_LOG` says, libraries log only errors: below that they may log whole requests and answers,
/// which hold credentials. No line shows what the veil hides.
///
/// Returns the live screen, above which the lines of the log are printed.
pub(crate) fn start(env: &Environment, format: LogFormat, veil: &Veil) -> MultiProgress {
    let screen = screen(env);
    let usual = match format {
        LogFormat::Text => "warn",
        LogFormat::Json => "info",
    };
    let wanted = env.get("RUST_LOG").unwrap_or(usual);
    let (targets, mistake) = match wanted.parse::<Targets>() {
        Ok(targets) => (targets, None),
        Err(error) => (Targets::new().with_default(LevelFilter::WARN), Some(error)),
    };
    let ours = filter_fn(|event| {
        let is_failure = *event.level() == Level::ERROR && event.target() != MISTAKEN_ERRORS;
        is_ours(event.target()) || is_failure
    });
    let writer = LogWriter { screen: screen.clone(), veil: veil.clone() };
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match format {
        LogFormat::Text => layer.with_ansi(false).boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    // The start fails only if a log was started already, as in a test.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets).with_filter(ours)).try_init();
    if let Some(error) = mistake {
        tracing::warn!(%error, "RUST_LOG is not understood; using warn");
    }
    screen
}

/// Returns `true` for a target in one of faultgate's own crates.
fn is_ours(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    name == "faultgate" || name.starts_with("faultgate_")
}

/// Standard error, above the live lines if there are some.
#[derive(Debug, Clone)]
struct LogWriter {
    screen: MultiProgress,
    veil: Veil,
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.veil.is_empty() {
            return self.screen.suspend(|| Output::Stderr.write(line));
        }
        let shown = self.veil.hide(&String::from_utf8_lossy(line));
        self.screen.suspend(|| Output::Stderr.write_all(shown.as_bytes())).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
