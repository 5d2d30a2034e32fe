//! The words of the SDK's errors, which all that ask AWS have in common.
//!
//! Each user decides by itself what an error means for it and what the reader can do.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Maximum length of a service's text that is passed on, in characters.
pub const MAX_MESSAGE_CHARS: usize = 600;

/// Returns the HTTP status of the answer; 0 where there was none.
pub fn status_of<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

/// Returns the words of the service: the code of the error and its message. None where the answer has no
/// code, or there was none.
pub fn words_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let code = error.code()?;
    Some(error.message().map_or_else(|| code.to_owned(), |message| format!("{code}: {message}")))
}

/// Returns `true` for the code of a request that is not permitted.
pub fn is_denied(code: &str) -> bool {
    code.contains("AccessDenied") || code == "UnauthorizedOperation" || code == "NotAuthorized"
}

/// Returns `true` for the code of a request that came too fast.
pub fn is_throttled(code: &str) -> bool {
    code.contains("Throttl") || code.contains("TooManyRequests")
}
