//! The reasons why a request to S3 fails, in words, with what to do about it.

use faultgate_core::failure::Failure;
use faultgate_core::text;

use super::xml::S3Error;
use crate::aws::error::{MAX_MESSAGE_CHARS, is_denied};
use crate::aws::iam::{PolicyTarget, statements};
use crate::aws::partition_of;
use crate::http;

/// A request to S3 that failed.
pub type S3Failure = Failure<S3Refusal>;

/// The kinds of a failure, by which code decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3Refusal {
    /// The object that must be new is there already.
    Exists,
    /// The object or its bucket is not there.
    Absent,
    /// The object is larger than it may be.
    TooLarge,
    /// There is no answer, or none but that S3 cannot serve the request now.
    Unavailable,
    Other,
}

/// A refusal of one attempt.
#[derive(Debug)]
pub(super) enum S3Refused {
    /// The request could not be made.
    Unsent(String),
    Unsigned(Failure<()>),
    /// There was no answer, or no whole one.
    Silent(String),
    TooLarge(usize),
    Answered {
        status: u16,
        error: S3Error,
        region: Option<String>,
    },
}

impl S3Refused {
    /// Makes the refusal of a request whose answer was lost. The address stays out of it: it is told anyway.
    pub(super) fn lost(error: reqwest::Error) -> Self {
        Self::Silent(text::plain(&http::cause(&error.without_url()), MAX_MESSAGE_CHARS))
    }

    /// Returns `true` if another attempt may help.
    pub(super) fn may_help_again(&self) -> bool {
        match self {
            Self::Silent(why) => http::remedy(why).is_none(),
            Self::Answered { status, error, .. } => {
                matches!(status, 429 | 500 | 502 | 503 | 504)
                    || matches!(
                        error.code.as_str(),
                        "RequestTimeout" | "ConditionalRequestConflict" | "SlowDown"
                    )
            }
            Self::Unsent(_) | Self::Unsigned(_) | Self::TooLarge(_) => false,
        }
    }

    /// Returns the Region to which the answer sends the request.
    pub(super) fn region(&self) -> Option<&str> {
        if let Self::Answered { region, .. } = self { region.as_deref() } else { None }
    }

    /// Says what was tried, why it failed and what to do.
    pub(super) fn explain(self, operation: &'static str, bucket: &str, key: &str, region: &str) -> S3Failure {
        let verb = match operation {
            "PutObject" => "put",
            "GetObject" => "get",
            _ => "list",
        };
        let what = format!("{verb} s3://{bucket}/{}", text::plain(key, 300));
        // A request that another attempt may help is not wrong: S3 is out of order.
        let other = if self.may_help_again() { S3Refusal::Unavailable } else { S3Refusal::Other };
        match self {
            Self::Unsent(why) => Failure::new(S3Refusal::Other, what, why),
            Self::Unsigned(failure) => {
                Failure::new(S3Refusal::Other, what, failure.why).remedy(failure.remedy)
            }
            Self::Silent(why) => {
                let remedy = http::remedy(&why).map(ToOwned::to_owned);
                Failure::new(other, what, why).remedy(remedy)
            }
            Self::TooLarge(most) => {
                Failure::new(S3Refusal::TooLarge, what, format!("it is larger than {} MiB", most >> 20))
            }
            Self::Answered { status, error, .. } => {
                let kind = match (status, error.code.as_str()) {
                    (412, _) => S3Refusal::Exists,
                    (404, _) => S3Refusal::Absent,
                    _ => other,
                };
                let remedy = remedy(status, &error.code, operation, bucket, region);
                let words = match (error.code.as_str(), error.message.as_str()) {
                    ("", _) => format!("HTTP {status}"),
                    (code, "") => format!("HTTP {status}: {code}"),
                    (code, message) => format!("HTTP {status}: {code}: {message}"),
                };
                Failure::new(kind, what, text::plain(&words, MAX_MESSAGE_CHARS)).remedy(remedy)
            }
        }
    }
}

/// Returns what to do about an answer, where that is known.
fn remedy(status: u16, code: &str, operation: &str, bucket: &str, region: &str) -> Option<String> {
    if status == 403 && (is_denied(code) || code.is_empty()) {
        let target =
            PolicyTarget { bucket: bucket.to_owned(), ..PolicyTarget::of(partition_of(region), region, "*") };
        let statement = statements(operation, &target)?;
        return Some(format!("allow it by {statement}; for a key of KMS, see docs/fleet.md"));
    }
    match code {
        "NoSuchBucket" => Some("create the bucket, or correct its name".to_owned()),
        "RequestTimeTooSkewed" => Some("set the clock of this machine".to_owned()),
        _ => None,
    }
}
