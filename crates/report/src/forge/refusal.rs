//! The judgement of a request that a forge did not grant: the reason, whether trying again may help, and what
//! the user can do.
//!
//! [`RefusingAnswer`] is an answer that refuses, [`Silence`] a request without an answer. No text for people
//! leaves this file before the token is hidden in it and its length is bounded.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::failure::{Again, Denied, ForgeFailure};
use super::request::{ForgeAnswer, RequestPurpose};
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// Maximum number of characters of a forge's text that are passed on.
const MAX_TEXT_CHARS: usize = 600;
/// The pause after a rate limit that does not say how long it lasts.
const DEFAULT_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that is passed on, whatever a forge says.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Words of forges for a thing that keeps every token out, so that no permission helps: the conversation, the
/// repository or the installation is closed, or the organisation lets in nobody from here or in this way.
const CLOSED: [&str; 16] = [
    // The word finds "blocked" as well.
    "locked",
    "archived",
    "suspended",
    "ip allow list",
    "your ip",
    "although you appear to have the correct authorization credentials",
    "saml",
    "single sign-on",
    "sso session",
    "access restrictions",
    "forbids access",
    "administrative rules",
    "two-factor",
    "two-step",
    "terms of service",
    "read-only instance",
];

/// Says whether a forge's message means that no permission of the token would help.
fn is_closed(message: &str) -> bool {
    let said = message.to_lowercase();
    CLOSED.iter().any(|words| said.contains(words))
}

/// The function of a forge that returns what its user can do about an HTTP status and a message of the forge.
pub(super) type Remedies = fn(RequestPurpose, StatusCode, &str) -> Option<String>;

/// Returns the message in the body of an error, in any of the forms that forges use. A page of HTML has none.
pub(super) fn message(answer: &ForgeAnswer) -> String {
    if let Ok(value) = serde_json::from_slice::<Value>(&answer.body) {
        let mut said = Vec::new();
        collect(&value, &mut said);
        said.dedup();
        return said.join("; ");
    }
    let plain =
        answer.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if plain { String::from_utf8_lossy(&answer.body).into_owned() } else { String::new() }
}

/// Collects the texts of an error in JSON. A field that is known to hold a message hides its neighbours; in
/// all other objects each text keeps the name of its field, as GitLab's lists of invalid fields need it.
fn collect(value: &Value, said: &mut Vec<String>) {
    match value {
        Value::String(text) => said.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, said)),
        Value::Object(fields) => {
            let known = ["message", "error", "error_description", "detail", "errors"];
            if known.iter().any(|name| fields.contains_key(*name)) {
                known.iter().filter_map(|name| fields.get(*name)).for_each(|value| collect(value, said));
                return;
            }
            for (name, value) in fields {
                let mut inner = Vec::new();
                collect(value, &mut inner);
                if !inner.is_empty() {
                    said.push(format!("{name}: {}", inner.join(", ")));
                }
            }
        }
        _ => {}
    }
}

/// An answer that is not one of success, with the purpose of its request and the message within it.
pub(super) struct RefusingAnswer<'a> {
    pub(super) purpose: RequestPurpose,
    pub(super) answer: &'a ForgeAnswer,
    pub(super) message: &'a str,
}

impl RefusingAnswer<'_> {
    /// Makes the failure. `what` completes "could not …", and `token` is hidden in the forge's text.
    pub(super) fn failure(&self, what: String, token: Option<&Secret>, of_forge: Remedies) -> ForgeFailure {
        let again = self.again();
        let remedy = match again {
            // A rate limit ends by itself, so time is the remedy.
            Again::After(_) => None,
            Again::Never | Again::Soon | Again::Anew => self.remedy(of_forge),
        };
        let lacks_permission =
            self.is_forbidden() && !is_closed(self.message) && !matches!(again, Again::After(_));
        ForgeFailure::new(Denied { again, lacks_permission }, what, self.why(token)).remedy(remedy)
    }

    fn is_forbidden(&self) -> bool {
        self.answer.status == StatusCode::FORBIDDEN
    }

    fn why(&self, token: Option<&Secret>) -> String {
        let status = self.answer.status.as_u16();
        let location = self.answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        match (location.filter(|_| self.answer.status.is_redirection()), self.message.trim()) {
            (Some(location), _) => {
                // The query is dropped, since it may hold a secret for the one who follows the redirect.
                let (place, _) = location.split_once('?').unwrap_or((location, ""));
                hide_token(&format!("HTTP {status}: it has moved to {place}"), token)
            }
            (None, "") => format!("HTTP {status}"),
            (None, message) => hide_token(&format!("HTTP {status}: {message}"), token),
        }
    }

    fn remedy(&self, of_forge: Remedies) -> Option<String> {
        if self.answer.status.is_redirection() {
            return Some(
                "set `repository` to its present name, or `forge-api-url` to where the API is now".to_owned(),
            );
        }
        if self.is_forbidden() && is_closed(self.message) {
            // The message itself says what is closed, and a remedy about the token would mislead.
            return None;
        }
        of_forge(self.purpose, self.answer.status, self.message)
    }

    /// Says whether the same request may be granted later. An answer of 5xx or 408 may come after the effect,
    /// so a comment is not created again after it.
    fn again(&self) -> Again {
        let (status, purpose) = (self.answer.status, self.purpose);
        if let Some(pause) = find_rate_limit(self.answer, self.message) {
            return Again::After(pause);
        }
        match status {
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE
                if purpose == RequestPurpose::Update =>
            {
                Again::Anew
            }
            StatusCode::CONFLICT => Again::Soon,
            StatusCode::REQUEST_TIMEOUT if purpose != RequestPurpose::Create => Again::Soon,
            _ if status.is_server_error() && purpose != RequestPurpose::Create => Again::Soon,
            _ => Again::Never,
        }
    }
}

/// Returns the text as one line without the token, even if the forge repeats it.
fn hide_token(said: &str, token: Option<&Secret>) -> String {
    let hide = |said: &str| token.map_or_else(|| said.to_owned(), |token| token.veil(said));
    // The token is hidden once more afterwards, since characters that `plain` leaves out may have split it.
    text::plain(&hide(&text::plain(&hide(said), usize::MAX)), MAX_TEXT_CHARS)
}

/// Returns how long a rate limit lasts, if the answer is one. GitHub tells some limits by 403, with which it
/// also tells missing permissions.
fn find_rate_limit(answer: &ForgeAnswer, message: &str) -> Option<Duration> {
    let pause = announced_pause(&answer.headers);
    let said = message.to_lowercase();
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Some(pause.unwrap_or(DEFAULT_PAUSE)),
        StatusCode::FORBIDDEN if said.contains("resource not accessible") => None,
        StatusCode::FORBIDDEN if said.contains("rate limit") || said.contains("abuse detection") => {
            Some(pause.unwrap_or(DEFAULT_PAUSE))
        }
        StatusCode::FORBIDDEN => pause,
        _ => None,
    }
}

/// Returns the pause that the headers announce. A moment is compared with the answer's own date, since the
/// forge's clock is not ours.
fn announced_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let now = text(DATE.as_str()).and_then(moment);
    let until = |then: Timestamp| match now {
        Some(now) => Duration::try_from(then.duration_since(now)).unwrap_or_default(),
        None => DEFAULT_PAUSE,
    };
    let pause = if let Some(said) = text(RETRY_AFTER.as_str()) {
        said.parse()
            .map(Duration::from_secs)
            .ok()
            .or_else(|| moment(said).map(until))
            .unwrap_or(DEFAULT_PAUSE)
    } else {
        // Forges send the moment of the reset with every answer, so it counts only if nothing is left.
        let spent =
            ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| text(name) == Some("0"));
        if !spent {
            return None;
        }
        let reset = ["x-ratelimit-reset", "ratelimit-reset"].iter().find_map(|name| text(name)?.parse().ok());
        reset.and_then(|second| Timestamp::from_second(second).ok()).map_or(DEFAULT_PAUSE, until)
    };
    Some(pause.clamp(Duration::from_secs(1), MAX_PAUSE))
}

/// Reads a date of HTTP.
fn moment(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The lack of a whole answer to a request.
pub(super) struct Silence {
    /// `true` if nothing was sent, because no connection could be made.
    unsent: bool,
    timed_out: bool,
    /// `true` if the client could not even make the request.
    impossible: bool,
    /// The innermost error.
    cause: String,
}

impl Silence {
    /// Reads the error that ended the wait for an answer.
    pub(super) fn after(error: &(dyn std::error::Error + 'static)) -> Self {
        let chain = || std::iter::successors(Some(error), |error| error.source());
        let client = chain().find_map(|error| error.downcast_ref::<reqwest::Error>());
        // The innermost error names the cause, while those around it repeat the URL.
        let cause = chain().last().map_or_else(String::new, ToString::to_string);
        Self {
            unsent: client.is_some_and(reqwest::Error::is_connect),
            timed_out: client.is_some_and(reqwest::Error::is_timeout),
            impossible: client.is_none_or(reqwest::Error::is_builder),
            cause,
        }
    }

    pub(super) fn why(&self, host: &str, token: Option<&Secret>) -> String {
        let said = match (self.unsent, self.timed_out) {
            (true, _) => format!("{host} could not be reached: {}", self.cause),
            (false, true) => format!("{host} did not answer in time"),
            (false, false) => format!("no answer of {host}: {}", self.cause),
        };
        hide_token(&said, token)
    }

    pub(super) fn remedy(&self) -> Option<String> {
        faultgate_net::http::remedy(&self.cause).map(str::to_owned)
    }

    pub(super) fn again(&self, purpose: RequestPurpose) -> Again {
        // A request that never left may be sent again, even if it creates a comment.
        match (self.impossible, self.unsent, purpose) {
            (true, ..) | (false, false, RequestPurpose::Create) => Again::Never,
            (false, ..) => Again::Soon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("error sending request for url (https://git.example)")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_certificate_that_is_not_trusted_says_what_to_set() {
        let error = Outer(std::io::Error::other("invalid peer certificate: UnknownIssuer"));
        let silence = Silence::after(&error);
        assert_eq!(
            silence.why("git.example", None),
            "no answer of git.example: invalid peer certificate: UnknownIssuer"
        );
        assert!(silence.remedy().is_some_and(|remedy| remedy.contains("ca-bundle")));
    }

    #[test]
    fn what_is_not_about_certificates_has_no_such_remedy() {
        let error = Outer(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(Silence::after(&error).remedy(), None);
    }
}
