//! The choice of who vouches for a run when it assumes a role. The sources are tried in the order of how
//! plainly the user has named them, so that a token the CI merely offers never displaces keys that somebody
//! has set.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::github::{GithubOidc, PERMISSION};
use super::refusal::{VoucherWords, refusal};
use crate::aws::credentials::CredentialsFailure;
use crate::http::{self, HttpSettings};
use faultgate_core::environment::Environment;
use faultgate_core::files;
use faultgate_core::mistake::Mistake;
use faultgate_core::secret::Secret;

/// Maximum size of a token in a file, in bytes. A token is a few KiB.
const MAX_TOKEN_BYTES: u64 = 64 << 10;
const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
/// Remedy for a job of GitLab that has no token.
const GITLAB: &str = "give the job a token: `id_tokens: { FAULTGATE_AWS_ID_TOKEN: { aud: $CI_SERVER_URL } }` (the audience that \
     your OpenID Connect provider in AWS has)";

/// The means by which the run shows STS who it is.
#[derive(Debug, Clone)]
pub enum Voucher {
    /// The token of the input aws-id-token: GitLab's `id_tokens`, or any other issuer's.
    IdToken(Secret),
    /// A file with a token, which another program keeps fresh.
    File(PathBuf),
    /// GitHub's OpenID token.
    Github(Box<GithubOidc>),
    /// The credentials of the SDK's default chain, in this CI.
    Chain(ChainIn),
}

/// The CI in which the default chain is the only source of credentials. It decides the remedy where the chain
/// is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainIn {
    Github,
    Gitlab,
    Elsewhere,
    /// No CI is known, so that somebody sits at a desk.
    Desk,
}

impl ChainIn {
    /// Returns the remedy where the default chain has no credentials at all.
    pub(in crate::aws) fn remedy(self) -> &'static str {
        match self {
            Self::Desk => "set AWS_PROFILE, or run `aws sso login`",
            Self::Github | Self::Gitlab | Self::Elsewhere => {
                "give the job AWS credentials: aws-role-arn with the CI's own token (docs/aws-access.md), a role for \
                 the runner, or a step such as aws-actions/configure-aws-credentials before this one"
            }
        }
    }
}

impl Voucher {
    /// Chooses the voucher. A token that was given to faultgate alone goes first, then keys or a profile that
    /// somebody has put into the environment (as aws-actions/configure-aws-credentials prefers keys that it
    /// is given), then what the CI offers. An address for tokens that is not safe to ask is a mistake.
    pub fn find(
        env: &Environment,
        id_token: Option<&Secret>,
        role_arn: &str,
        http: &HttpSettings,
        chain: ChainIn,
    ) -> Result<Self, Mistake> {
        if let Some(token) = id_token {
            return Ok(Self::IdToken(token.clone()));
        }
        let chain = Self::Chain(chain);
        if env.get("AWS_ACCESS_KEY_ID").is_some() || env.get("AWS_PROFILE").is_some() {
            return Ok(chain);
        }
        if let Some(file) = env.get("AWS_WEB_IDENTITY_TOKEN_FILE") {
            // The file leads the chain to the role in the environment. Where that is another role, this one
            // is reached from there.
            let other = env.get("AWS_ROLE_ARN").is_some_and(|own| own.trim() != role_arn);
            return Ok(if other { chain } else { Self::File(file.into()) });
        }
        let (Some(url), Some(bearer)) = (env.get(REQUEST_URL), env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
        else {
            return Ok(chain);
        };
        let client = http::client(http).map_err(|failure| http::no_client(&failure))?;
        let github = GithubOidc::new(url.trim(), bearer.trim(), client).map_err(|what| {
            let mistake = Mistake::new(REQUEST_URL, format!("{REQUEST_URL}: the value {what}"));
            mistake.hint("have the runner offer an https address, or unset it to use the SDK's default chain")
        })?;
        Ok(Self::Github(Box::new(github)))
    }

    /// Returns a token that is as fresh as it can be; None where the default chain vouches, which has none.
    pub(super) async fn token(&self, role: &str) -> Result<Option<Secret>, CredentialsFailure> {
        match self {
            Self::Chain(_) => Ok(None),
            Self::IdToken(token) => Ok(Some(token.clone())),
            Self::Github(github) => github.token(role).await.map(Some),
            Self::File(path) => read(path, role).map(Some),
        }
    }

    /// Returns the words about the voucher in a refusal.
    pub(super) fn words(&self) -> VoucherWords {
        VoucherWords { name: self.name(), fresher: self.fresher(), instead: self.instead() }
    }

    /// Returns the name of the voucher, in words for people.
    fn name(&self) -> &'static str {
        match self {
            Self::IdToken(_) => "the token of aws-id-token",
            Self::File(_) => "the token in AWS_WEB_IDENTITY_TOKEN_FILE",
            Self::Github(_) => "GitHub's OpenID token",
            Self::Chain(_) => "the credentials of the SDK's default chain",
        }
    }

    /// Returns the remedy for a token that has expired.
    fn fresher(&self) -> &'static str {
        match self {
            Self::IdToken(_) => {
                "GitLab's token lives as long as the job's timeout, or for 5 minutes where there is none: set \
                 `timeout:` of the job to more than the run takes, and no earlier job's token"
            }
            Self::File(_) => "whoever writes the file of AWS_WEB_IDENTITY_TOKEN_FILE must renew it",
            Self::Github(_) | Self::Chain(_) => "set the clock of the machine",
        }
    }

    /// Returns the remedy where the default chain has no credentials. None where another voucher stands.
    fn instead(&self) -> Option<&'static str> {
        match self {
            Self::Chain(ChainIn::Github) => Some(PERMISSION),
            Self::Chain(ChainIn::Gitlab) => Some(GITLAB),
            Self::Chain(ChainIn::Elsewhere) => {
                Some("give the job AWS credentials, or a token of its own (aws-id-token)")
            }
            Self::Chain(ChainIn::Desk) => Some(ChainIn::Desk.remedy()),
            Self::IdToken(_) | Self::File(_) | Self::Github(_) => None,
        }
    }

    /// Returns the refusal of a token that is no JWT.
    pub(super) fn no_jwt(&self, role: &str) -> CredentialsFailure {
        let refusal = refusal(role, format!("{} is not a JSON Web Token", self.name()));
        match self {
            Self::IdToken(_) => refusal.remedy(GITLAB.to_owned()),
            Self::File(_) | Self::Github(_) | Self::Chain(_) => refusal,
        }
    }
}

fn read(path: &Path, role: &str) -> Result<Secret, CredentialsFailure> {
    let mut token = String::new();
    files::open(path)
        .and_then(|file| file.take(MAX_TOKEN_BYTES).read_to_string(&mut token))
        .map_err(|error| refusal(role, format!("AWS_WEB_IDENTITY_TOKEN_FILE could not be read: {error}")))?;
    Ok(Secret::new(token.trim()))
}
