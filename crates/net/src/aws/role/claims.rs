//! The claims of an OpenID token: what it says of itself. They are read for messages only. Nothing is
//! verified here, since STS does that. The claims are no secrets, but the token is.

use aws_smithy_types::base64;
use serde::Deserialize;

use faultgate_core::text;

/// Maximum length of a claim in a message, in characters.
const MAX_CLAIM_CHARS: usize = 300;

/// The claims that messages name, fit to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    /// The end of the token, in seconds since 1970.
    pub(super) expires: Option<i64>,
}

/// The payload of a token. All claims may be missing, since none of them is needed to send the token to STS.
#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    aud: AudienceClaim,
    exp: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AudienceClaim {
    One(String),
    Several(Vec<String>),
}

impl Default for AudienceClaim {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl Claims {
    /// Reads the claims of a token; None where it is no JWT.
    pub(super) fn read(token: &str) -> Option<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let [_, payload, _] = parts.as_slice() else { return None };
        let payload: Payload = serde_json::from_slice(&decode(payload)?).ok()?;
        let audience = match payload.aud {
            AudienceClaim::One(audience) => audience,
            AudienceClaim::Several(audiences) => audiences.into_iter().next().unwrap_or_default(),
        };
        let plain = |claim: &str| text::plain(claim, MAX_CLAIM_CHARS);
        Some(Self {
            issuer: plain(&payload.iss),
            subject: plain(&payload.sub),
            audience: plain(&audience),
            expires: payload.exp,
        })
    }

    /// Returns the issuer as IAM names its provider: without the scheme and a slash at the end.
    pub(super) fn provider(&self) -> &str {
        self.issuer.strip_prefix("https://").unwrap_or(&self.issuer).trim_end_matches('/')
    }
}

/// Decodes Base64 in the alphabet of URLs without padding, which the SDK's decoder does not know.
fn decode(part: &str) -> Option<Vec<u8>> {
    let mut usual = part.replace('-', "+").replace('_', "/");
    usual.push_str(&"=".repeat((4 - usual.len() % 4) % 4));
    base64::decode(usual).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a token with these claims, which nobody has signed.
    pub(in crate::aws::role) fn jwt(claims: &serde_json::Value) -> String {
        let part = |text: &str| {
            base64::encode(text).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
        };
        format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()), part("s1gnature"))
    }

    #[test]
    fn claims_are_read_and_made_plain() {
        let claims = Claims::read(&jwt(&serde_json::json!({
            "iss": "https://gitlab.example.com/", "sub": "project_path:a/b?>\u{1b}[31m", "aud": ["one", "two"], "exp": 7,
        })))
        .unwrap();
        assert_eq!(claims.provider(), "gitlab.example.com");
        assert!(!claims.subject.contains('\u{1b}') && claims.subject.starts_with("project_path:a/b?>"));
        assert_eq!((claims.audience.as_str(), claims.expires), ("one", Some(7)));
        let bare = Claims::read(&jwt(&serde_json::json!({}))).unwrap();
        assert_eq!((bare.issuer.as_str(), bare.expires), ("", None));
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for token in ["", "abc", "a.b.c", "a.e30.c.d", "..", "a.W10.c"] {
            assert_eq!(Claims::read(token), None, "{token}");
        }
    }
}
