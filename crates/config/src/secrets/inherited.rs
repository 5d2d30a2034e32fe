//! The environment that the programs of a suite inherit: the variables that programs need to work at all, and
//! those in which a CI describes its run.
//!
//! No credential is handed on. The suite gives its programs everything else by its own `env`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use faultgate_core::environment::Environment;
use faultgate_core::processes::kin;

use crate::secrets::credentials::{is_own, says_secret};

/// Names of variables that are handed on.
const NAMES: &[&str] = &[
    // The user, on this machine.
    "HOME",
    "HOSTNAME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "PWD",
    "SHELL",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    // The way to the network.
    "ALL_PROXY",
    "AWS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    // Tools: their places, and the cluster, daemon or Region that they are for.
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "JAVA_HOME",
    "KUBECONFIG",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    // The CI's description of its run.
    "BRANCH_NAME",
    "BUILDKITE",
    "CI",
    "CIRCLECI",
    "DRONE",
    "EXECUTOR_NUMBER",
    "GITLAB_CI",
    "NODE_NAME",
    "TF_BUILD",
    "WORKSPACE",
    // The marks by which a faultgate around this one finds its processes.
    kin::EXPERIMENT,
    kin::STOP,
];

/// Prefixes of the names of such variables.
const FAMILIES: &[&str] = &[
    "AGENT_",
    "BITBUCKET_",
    "BUILDKITE_",
    "BUILD_",
    "CHANGE_",
    "CIRCLE_",
    "CI_",
    "CODEBUILD_",
    "DRONE_",
    "FORGEJO_",
    "GITEA_",
    "GITHUB_",
    "GIT_",
    "JENKINS_",
    "JOB_",
    "KUBERNETES_",
    "LC_",
    "RUNNER_",
    "SYSTEM_",
    "TEAMCITY_",
    "XDG_",
];

/// Files through which a step sets the environment of later steps. A program of a suite must not write them.
const COMMAND_FILES: [&str; 5] =
    ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"];

/// The variables that a program of the machine's owner inherits: all but those that let in faultgate and the job.
pub fn without_secrets(env: &Environment) -> BTreeMap<OsString, OsString> {
    keep(env, |name, _| !name.to_str().is_some_and(is_own))
}

/// The variables that a program of a suite inherits. The suite gives it all others.
pub fn for_commands(env: &Environment) -> BTreeMap<OsString, OsString> {
    keep(env, is_inherited)
}

fn keep(env: &Environment, wanted: impl Fn(&OsStr, &OsStr) -> bool) -> BTreeMap<OsString, OsString> {
    let wanted = env.iter().filter(|(name, value)| wanted(name, value));
    wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// True of a variable that every program of a suite sees, and that is therefore no secret.
pub(crate) fn is_inherited(name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    // Proxies are often written in small letters.
    let known = NAMES.contains(&name) || name.ends_with("_proxy") && NAMES.contains(&&*name.to_uppercase());
    if known {
        return true;
    }
    FAMILIES.iter().any(|family| name.starts_with(family))
        && !COMMAND_FILES.contains(&name)
        && !says_secret(name)
        // The value may be a URL with a password in it.
        && !value.to_string_lossy().contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited(name: &str, value: &str) -> bool {
        is_inherited(OsStr::new(name), OsStr::new(value))
    }

    #[test]
    fn other_programs_do_not_inherit_secrets() {
        let env = Environment::from_pairs([
            ("FAULTGATE_GITHUB_TOKEN", "s3cr3t"),
            ("INPUT_LITMUS-TOKEN", "s3cr3t"),
            ("INPUT_HARNESS_API_KEY", "s3cr3t"),
            ("FAULTGATE_TIMEOUT", "5m"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
            ("GITHUB_TOKEN", "s3cr3t"),
            ("SHOP_TOKEN", "s3cr3t"),
            ("PATH", "/bin"),
        ]);
        let left: Vec<_> = without_secrets(&env).into_keys().collect();
        assert_eq!(left, ["FAULTGATE_TIMEOUT", "PATH", "SHOP_TOKEN"]);
        let left: Vec<_> = for_commands(&env).into_keys().collect();
        assert_eq!(left, ["PATH"]);
    }

    #[test]
    fn what_a_program_needs_and_what_a_ci_says_is_inherited() {
        for name in [
            "PATH",
            "HOME",
            "LC_ALL",
            "https_proxy",
            "HTTPS_PROXY",
            "CI",
            "CI_COMMIT_SHA",
            "GITHUB_REF",
            "RUNNER_TEMP",
            "KUBECONFIG",
            "AWS_REGION",
        ] {
            assert!(inherited(name, "x"), "{name}");
        }
    }

    #[test]
    fn credentials_and_what_nobody_asked_for_are_not() {
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_PROFILE", "x"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "x"),
            ("GITHUB_TOKEN", "x"),
            ("GITHUB_ENV", "x"),
            ("CI_JOB_TOKEN", "x"),
            ("CI_REPOSITORY_URL", "https://gitlab-ci-token:x@gitlab.example/shop.git"),
            ("CI_MIRROR", "https://user:x@gitlab.example/shop.git"),
            ("FAULTGATE_GITHUB_TOKEN", "x"),
            ("FAULTGATE_TIMEOUT", "5m"),
            ("DATABASE_URL", "x"),
            ("path", "x"),
        ] {
            assert!(!inherited(name, value), "{name}");
        }
    }
}
