//! The probe `http`: a server answers as it should. A redirect is an answer, and is not followed.

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::access::with_access;
use super::answer::{MAX_BODY_BYTES, body, explain_silence, holds};
use super::question::ProbeQuestion;
use faultgate_core::model::HttpCheck;

/// Content types of bodies that go on for as long as somebody listens.
const STREAMS: [&str; 2] = ["text/event-stream", "multipart/x-mixed-replace"];

/// A request, and the answer that it should get.
pub(super) struct HttpProbe {
    pub(super) client: reqwest::Client,
    pub(super) check: HttpCheck,
}

impl ProbeQuestion for HttpProbe {
    async fn ask(&self) -> Result<String, String> {
        let mut answer = self.send().await?;
        let status = answer.status().as_u16();
        if !self.check.statuses.contains(status) {
            return Err(format!("status {status}, not {}", self.check.statuses));
        }
        self.judge_headers(&answer)?;
        match (&self.check.contains, is_stream(&answer)) {
            // A stream has no end to wait for.
            (None, true) => {}
            (Some(wanted), true) => read_until(&mut answer, wanted).await?,
            (wanted, false) => judge_body(&mut answer, wanted.as_deref()).await?,
        }
        Ok(format!("status {status}"))
    }
}

impl HttpProbe {
    /// Sends the request.
    async fn send(&self) -> Result<Response, String> {
        let check = &self.check;
        let method = check.method.parse().map_err(|_| "its method is not one of HTTP".to_owned())?;
        let mut request = with_access(self.client.request(method, &check.url.0), &check.access);
        if let Some(body) = &check.body {
            request = request.body(body.0.clone());
        }
        request.send().await.map_err(explain_silence)
    }

    /// Refuses an answer without the expected headers.
    fn judge_headers(&self, answer: &Response) -> Result<(), String> {
        for (name, wanted) in &self.check.expect_headers {
            let mut values = answer.headers().get_all(name).iter().peekable();
            if values.peek().is_none() {
                return Err(format!("no header {name}"));
            }
            if !values.any(|value| holds(value.as_bytes(), wanted)) {
                return Err(format!("the header {name} does not contain what is expected"));
            }
        }
        Ok(())
    }
}

/// Returns `true` if the body goes on for as long as somebody listens.
fn is_stream(answer: &Response) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    STREAMS.iter().any(|stream| kind.eq_ignore_ascii_case(stream))
}

/// Reads the whole body, or its first MiB, and looks for the expected text. An answer that breaks off is a
/// failure even where no text is expected.
async fn judge_body(answer: &mut Response, wanted: Option<&str>) -> Result<(), String> {
    let (body, whole) = body(answer).await?;
    match wanted {
        Some(wanted) if !holds(&body, wanted) => Err(lacking(whole)),
        _ => Ok(()),
    }
}

/// Reads a stream until the expected text has come.
async fn read_until(answer: &mut Response, wanted: &str) -> Result<(), String> {
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(explain_silence)? {
        // The text may have begun in an earlier chunk, and with it a character of up to four bytes.
        let begin = read.len().saturating_sub(wanted.len() + 3);
        read.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY_BYTES - read.len())]);
        if holds(&read[begin..], wanted) {
            return Ok(());
        }
        if read.len() == MAX_BODY_BYTES {
            return Err(lacking(false));
        }
    }
    Err(lacking(true))
}

/// Returns the reason of a body without the expected text.
fn lacking(whole: bool) -> String {
    let part = if whole { "the body" } else { "the first MiB of the body" };
    format!("{part} does not contain the expected text")
}
