//! Names of variables that hold credentials: those of faultgate, those of the job, and all others whose names
//! say so.
//!
//! A suite may read none of the first two kinds. The third kind is a guess by the name, and decides what
//! programs inherit and what the veil covers.

use crate::inputs::table::is_secret_variable;

/// Credentials of faultgate, of the AWS SDK in it, or of the job itself, besides the inputs that are secrets.
const OF_THE_JOB: &[&str] = &[
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "BITBUCKET_STEP_OIDC_TOKEN",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    "CI_BUILD_TOKEN",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V1",
    "CI_JOB_JWT_V2",
    "CI_JOB_TOKEN",
    "CI_REGISTRY_PASSWORD",
    "CI_REPOSITORY_URL",
    "CODEBUILD_AUTH_TOKEN",
    "FORGEJO_TOKEN",
    "GITEA_TOKEN",
    "GITHUB_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "SYSTEM_OIDCREQUESTURI",
];

/// Pieces that make a name that of a secret, at any place in it.
const PARTS: &[&str] = &[
    "APIKEY",
    "COOKIE",
    "CREDENTIAL",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PRIVATE",
    "SECRET",
    "SIGNATURE",
    "TOKEN",
    "WEBHOOK",
];

/// Words that make a name that of a secret. They count as whole words alone, since they are parts of harmless
/// ones.
const WORDS: &[&str] = &["AUTH", "DSN", "JWT", "KEY", "KEYS", "PASS", "PAT", "PW", "PWD"];

/// `true` for a credential of faultgate or of the job, which a suite may not read.
pub(crate) fn is_own(name: &str) -> bool {
    is_secret_variable(name) || OF_THE_JOB.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// `true` for a variable whose name says that its value is a secret.
pub(crate) fn says_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // PWD is the working directory and no password.
    if name == "PWD" {
        return false;
    }
    is_own(&name)
        || PARTS.iter().any(|part| name.contains(part))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_that_values_are_secrets() {
        for name in [
            "SHOP_TOKEN",
            "shop_password",
            "APIKEY",
            "DB_PWD",
            "GH_PAT",
            "SENTRY_DSN",
            "AWS_SESSION_TOKEN",
            "KEY",
            "SLACK_WEBHOOK_URL",
            "CI_REPOSITORY_URL",
            "SSH_AUTH_SOCK",
            "FAULTGATE_LITMUS_PASSWORD",
            "INPUT_GITHUB-TOKEN",
        ] {
            assert!(says_secret(name), "{name}");
        }
        for name in
            ["PWD", "OLDPWD", "PATH", "CI_COMMIT_SHA", "GIT_AUTHOR_NAME", "REGION", "KEYBOARD", "MONKEY"]
        {
            assert!(!says_secret(name), "{name}");
        }
    }

    #[test]
    fn what_lets_in_the_job_is_not_the_users_own() {
        for name in ["AWS_SECRET_ACCESS_KEY", "actions_id_token_request_url", "CI_JOB_TOKEN", "GITHUB_TOKEN"]
        {
            assert!(is_own(name), "{name}");
        }
        for name in ["AWS_REGION", "AWS_PROFILE", "SHOP_TOKEN", "CHAOS_AWS_SECRET_ACCESS_KEY"] {
            assert!(!is_own(name), "{name}");
        }
    }
}
