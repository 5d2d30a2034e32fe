//! The guard of credentials: a request that is signed with characters that no header can hold would make the
//! SDK panic. It stands before every source of credentials.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};
use http::HeaderValue;

/// A provider that gives another one's credentials, or an error where the SDK would panic as it writes them
/// into a header.
#[derive(Debug)]
pub(super) struct Sound(pub(super) SharedCredentialsProvider);

impl ProvideCredentials for Sound {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { judge(self.0.provide_credentials().await?) })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.0.fallback_on_interrupt().filter(is_sound)
    }
}

/// Returns the credentials if they can be signed with, or an error that does not show them.
fn judge(credentials: Credentials) -> Result {
    if is_sound(&credentials) {
        return Ok(credentials);
    }
    // The SDK names the source of the credentials; their content must not be named at all.
    Err(CredentialsError::provider_error(
        "the AWS access key id or session token holds a line break or another character that no request can carry; \
         set it again, on one line",
    ))
}

fn is_sound(credentials: &Credentials) -> bool {
    let parts = [Some(credentials.access_key_id()), credentials.session_token()];
    parts.into_iter().flatten().all(is_sendable)
}

/// Returns `true` if a header can hold the text.
pub(super) fn is_sendable(text: &str) -> bool {
    HeaderValue::from_str(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_no_header_can_hold_is_an_error_that_does_not_show_it() {
        for (id, token, good) in [
            ("AKID", None, true),
            ("AKID", Some("+/=%\"\\<"), true),
            ("AKID\n", None, false),
            ("AK\u{1}ID", None, false),
            ("AKID", Some("s3cr3t\r\nX: y"), false),
        ] {
            let credentials = Credentials::new(id, "s3cr3t", token.map(str::to_owned), None, "test");
            let given = Sound(SharedCredentialsProvider::new(credentials)).provide_credentials().await;
            assert_eq!(given.is_ok(), good, "{id:?} {token:?}");
            if let Err(error) = given {
                assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
            }
        }
    }
}
