//! The answers of servers: the beginning of a body, or the reason why there is none.

use std::error::Error;

use faultgate_net::http::body::read_up_to;
use faultgate_net::http::remedy;

/// Number of bytes of an answer's body that are read.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;

/// Returns the innermost cause of an error: what clients say around it helps nobody.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Returns the reason why a request has failed, without its URL, which may hold a secret.
pub(super) fn explain_silence(error: reqwest::Error) -> String {
    let connecting = error.is_connect();
    let error = error.without_url();
    let why = innermost(&error);
    match remedy(&why) {
        Some(_) => format!("its certificate is not trusted: {why}; set ca-bundle"),
        None if connecting => format!("could not connect: {why}"),
        None => why,
    }
}

/// Reads the beginning of an answer's body. The second value is `true` if that is all of it.
pub(super) async fn body(answer: &mut reqwest::Response) -> Result<(Vec<u8>, bool), String> {
    let mut read = Vec::new();
    let is_whole = read_up_to(MAX_BODY_BYTES, answer, &mut read).await.map_err(explain_silence)?;
    Ok((read, is_whole))
}

/// Returns `true` if bytes, which need not be text, contain a text.
pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}
