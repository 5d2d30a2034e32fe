//! Why a forge did not grant a request, whether to try again, and what the user can do.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::exchange::{Answer, Purpose};
use super::{Again, Refusal};
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// The longest text of a forge that is passed on.
const LONGEST: usize = 600;
/// The pause after a limit that does not say how long it lasts.
const PAUSE: Duration = Duration::from_secs(60);
/// No forge is waited for longer than this, whatever it says.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Words of forges for what keeps every token out, so that no permission helps: the conversation, the repository or the
/// installation is closed, or the organisation lets in nobody from here or in this way.
const CLOSED: [&str; 16] = [
    // And "blocked".
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

/// Whether a forge's message says that no permission of the token would help.
fn is_closed(message: &str) -> bool {
    let said = message.to_lowercase();
    CLOSED.iter().any(|words| said.contains(words))
}

/// What a forge's user can do about a status, by the forge's message.
pub(super) type Remedies = fn(Purpose, StatusCode, &str) -> Option<String>;

/// What the forge says in the body of an error, in any of the forms that forges use.
pub(super) fn message(answer: &Answer) -> String {
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

/// An answer that is not one of success.
pub(super) struct Told<'a> {
    pub(super) purpose: Purpose,
    pub(super) answer: &'a Answer,
    pub(super) message: &'a str,
}

impl Told<'_> {
    pub(super) fn refusal(&self, what: String, token: Option<&Secret>, of_forge: Remedies) -> Refusal {
        let again = self.again();
        let remedy = match again {
            // Time is the remedy.
            Again::After(_) => None,
            _ => self.remedy(of_forge),
        };
        let lacks_permission =
            self.is_forbidden() && !is_closed(self.message) && !matches!(again, Again::After(_));
        Refusal { what, why: self.why(token), remedy, again, lacks_permission }
    }

    fn is_forbidden(&self) -> bool {
        self.answer.status == StatusCode::FORBIDDEN
    }

    fn why(&self, token: Option<&Secret>) -> String {
        let status = self.answer.status.as_u16();
        let location = self.answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        match (location.filter(|_| self.answer.status.is_redirection()), self.message.trim()) {
            (Some(location), _) => {
                // Whatever a query holds is for whoever follows it.
                let (place, _) = location.split_once('?').unwrap_or((location, ""));
                shown(&format!("HTTP {status}: it has moved to {place}"), token)
            }
            (None, "") => format!("HTTP {status}"),
            (None, message) => shown(&format!("HTTP {status}: {message}"), token),
        }
    }

    fn remedy(&self, of_forge: Remedies) -> Option<String> {
        if self.answer.status.is_redirection() {
            return Some(
                "set `repository` to its present name, or `forge-api-url` to where the API is now".to_owned(),
            );
        }
        if self.is_forbidden() && is_closed(self.message) {
            // The message says all.
            return None;
        }
        of_forge(self.purpose, self.answer.status, self.message)
    }

    /// Whether the same request may be granted later.
    fn again(&self) -> Again {
        let (status, purpose) = (self.answer.status, self.purpose);
        if let Some(pause) = limited(self.answer, self.message) {
            return Again::After(pause);
        }
        match status {
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE
                if purpose == Purpose::Update =>
            {
                Again::Anew
            }
            StatusCode::CONFLICT => Again::Soon,
            StatusCode::REQUEST_TIMEOUT if purpose != Purpose::Create => Again::Soon,
            _ if status.is_server_error() && purpose != Purpose::Create => Again::Soon,
            _ => Again::Never,
        }
    }
}

/// One line without the token, even if the forge repeats it.
fn shown(said: &str, token: Option<&Secret>) -> String {
    let hide = |said: &str| token.map_or_else(|| said.to_owned(), |token| token.veil(said));
    // Once more afterwards: what `plain` leaves out may have hidden it.
    text::plain(&hide(&text::plain(&hide(said), usize::MAX)), LONGEST)
}

/// How long a rate limit lasts, if this is one. GitHub tells some of them by 403.
fn limited(answer: &Answer, message: &str) -> Option<Duration> {
    let pause = announced_pause(&answer.headers);
    let said = message.to_lowercase();
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Some(pause.unwrap_or(PAUSE)),
        StatusCode::FORBIDDEN if said.contains("resource not accessible") => None,
        StatusCode::FORBIDDEN if said.contains("rate limit") || said.contains("abuse detection") => {
            Some(pause.unwrap_or(PAUSE))
        }
        StatusCode::FORBIDDEN => pause,
        _ => None,
    }
}

/// What the headers say of a limit. Moments are compared with the answer's own date: the forge's clock is not ours.
fn announced_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let now = text(DATE.as_str()).and_then(moment);
    let until = |then: Timestamp| match now {
        Some(now) => Duration::try_from(then.duration_since(now)).unwrap_or_default(),
        None => PAUSE,
    };
    let pause = if let Some(said) = text(RETRY_AFTER.as_str()) {
        said.parse().map(Duration::from_secs).ok().or_else(|| moment(said).map(until)).unwrap_or(PAUSE)
    } else {
        let spent =
            ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| text(name) == Some("0"));
        if !spent {
            return None;
        }
        let reset = ["x-ratelimit-reset", "ratelimit-reset"].iter().find_map(|name| text(name)?.parse().ok());
        reset.and_then(|second| Timestamp::from_second(second).ok()).map_or(PAUSE, until)
    };
    Some(pause.clamp(Duration::from_secs(1), LONGEST_PAUSE))
}

/// A date of HTTP.
fn moment(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// A request that was not answered.
pub(super) struct Failure {
    /// Nothing was sent.
    unsent: bool,
    timed_out: bool,
    /// The client could not even make the request.
    impossible: bool,
    cause: String,
}

impl Failure {
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let chain = || std::iter::successors(Some(error), |error| error.source());
        let client = chain().find_map(|error| error.downcast_ref::<reqwest::Error>());
        // The innermost error names the cause; those around it repeat the URL.
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
        shown(&said, token)
    }

    pub(super) fn remedy(&self) -> Option<String> {
        faultgate_net::http::remedy(&self.cause).map(str::to_owned)
    }

    pub(super) fn again(&self, purpose: Purpose) -> Again {
        match (self.impossible, self.unsent, purpose) {
            (true, ..) | (false, false, Purpose::Create) => Again::Never,
            _ => Again::Soon,
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
        let failure = Failure::of(&error);
        assert_eq!(
            failure.why("git.example", None),
            "no answer of git.example: invalid peer certificate: UnknownIssuer"
        );
        assert!(failure.remedy().is_some_and(|remedy| remedy.contains("ca-bundle")));
    }

    #[test]
    fn what_is_not_about_certificates_has_no_such_remedy() {
        let error = Outer(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(Failure::of(&error).remedy(), None);
    }
}
