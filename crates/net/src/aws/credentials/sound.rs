//! The guard of credentials: a request that is signed with characters that no header can hold would make the
//! SDK panic. It stands before every source of credentials, and says what to do where there are none.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};
use http::HeaderValue;

use super::failure::carry_from_chain;
use crate::aws::role::ChainIn;

/// A provider that gives another one's credentials, or an error where the SDK would panic as it writes them
/// into a header. The CI decides the remedy where there are none.
#[derive(Debug)]
pub(super) struct Sound(pub(super) SharedCredentialsProvider, pub(super) ChainIn);

impl ProvideCredentials for Sound {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match self.0.provide_credentials().await {
                Ok(credentials) => judge(credentials),
                Err(error) => Err(carry_from_chain(error, self.1)),
            }
        })
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
    use super::super::failure::credentials_failure_in;
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
            let sound = Sound(SharedCredentialsProvider::new(credentials), ChainIn::Desk);
            let given = sound.provide_credentials().await;
            assert_eq!(given.is_ok(), good, "{id:?} {token:?}");
            if let Err(error) = given {
                assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
            }
        }
    }

    #[derive(Debug)]
    struct Source(fn() -> CredentialsError);

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(self.0()))
        }
    }

    async fn told(source: fn() -> CredentialsError, chain: ChainIn) -> String {
        let sound = Sound(SharedCredentialsProvider::new(Source(source)), chain);
        let error = sound.provide_credentials().await.unwrap_err();
        credentials_failure_in(&error).expect("the failure is carried").with_remedy()
    }

    #[tokio::test]
    async fn a_chain_without_credentials_says_so_in_short_and_what_to_do_here() {
        let nowhere =
            || CredentialsError::not_loaded("Environment: not set; Profile: none; Ec2: IMDS disabled");
        for (chain, remedy) in [
            (ChainIn::Desk, "set AWS_PROFILE, or run `aws sso login`"),
            (ChainIn::Github, "docs/aws-access.md"),
            (ChainIn::Gitlab, "docs/aws-access.md"),
            (ChainIn::Elsewhere, "docs/aws-access.md"),
        ] {
            let told = told(nowhere, chain).await;
            assert!(told.contains("no AWS credentials were found (environment, profile,"), "{told}");
            assert!(told.contains(remedy) && !told.contains("IMDS"), "{told}");
        }
    }

    #[tokio::test]
    async fn a_source_that_fails_keeps_its_words() {
        let told =
            told(|| CredentialsError::provider_error("the SSO token has expired"), ChainIn::Desk).await;
        assert!(told.contains("the SSO token has expired") && told.contains("aws sso login"), "{told}");
    }
}
