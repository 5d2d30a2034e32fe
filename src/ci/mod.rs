//! Which CI this is: pure functions of the environment.

use crate::config::Environment;
use crate::model::RunIdentity;

mod logs;

pub use logs::LogStyle;

/// The longest part of a run id that comes from the CI; rule names take 64 characters in all.
const LONGEST: usize = 28;

/// What identifies one attempt of one job.
struct Attempt {
    ci: &'static str,
    /// Short, for the names of rules and queues.
    short: String,
    /// Everything that tells this attempt of this job from any other.
    key: Vec<String>,
    url: Option<String>,
    repository: Option<String>,
    commit: Option<String>,
}

/// Who runs this. `random` is new for each invocation.
pub fn identify(env: &Environment, random: &str) -> RunIdentity {
    let attempt = [github_actions, gitlab, codebuild].into_iter().find_map(|detect| detect(env));
    let Some(attempt) = attempt else {
        return RunIdentity {
            id: format!("local-{random}"),
            ci: "none".to_owned(),
            url: None,
            repository: None,
            commit: None,
            attempt_key: random.to_owned(),
        };
    };
    let short: String = attempt
        .short
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(LONGEST)
        .collect();
    RunIdentity {
        id: format!("{short}-{random}"),
        ci: attempt.ci.to_owned(),
        url: attempt.url,
        repository: attempt.repository,
        commit: attempt.commit,
        attempt_key: attempt.key.join("\n"),
    }
}

fn owned(env: &Environment, name: &str) -> Option<String> {
    env.get(name).map(str::to_owned)
}

/// Each variable with its name, so that a value that moves from one to another makes another key.
fn key(ci: &str, env: &Environment, names: &[&str]) -> Vec<String> {
    let values = names.iter().map(|name| format!("{name}={}", env.get(name).unwrap_or_default()));
    std::iter::once(ci.to_owned()).chain(values).collect()
}

/// GitHub, and what speaks its language: Gitea and Forgejo set a variable of their own besides.
fn github_actions(env: &Environment) -> Option<Attempt> {
    env.get("GITHUB_ACTIONS")?;
    let ci = if env.get("FORGEJO_ACTIONS").is_some() {
        "forgejo-actions"
    } else if env.get("GITEA_ACTIONS").is_some() {
        "gitea-actions"
    } else {
        "github-actions"
    };
    let run = env.get("GITHUB_RUN_ID").unwrap_or("0");
    let attempt = env.get("GITHUB_RUN_ATTEMPT").unwrap_or("1");
    let url = match (env.get("GITHUB_SERVER_URL"), env.get("GITHUB_REPOSITORY")) {
        (Some(server), Some(repository)) => Some(format!("{server}/{repository}/actions/runs/{run}")),
        _ => None,
    };
    Some(Attempt {
        ci,
        short: format!("{run}-{attempt}"),
        // A run has many jobs, a job many steps, and the legs of a matrix share the names of both: only the
        // runner's name tells them apart.
        key: key(
            ci,
            env,
            &[
                "GITHUB_SERVER_URL",
                "GITHUB_REPOSITORY",
                "GITHUB_RUN_ID",
                "GITHUB_RUN_ATTEMPT",
                "GITHUB_JOB",
                "GITHUB_ACTION",
                "RUNNER_NAME",
            ],
        ),
        url,
        repository: owned(env, "GITHUB_REPOSITORY"),
        commit: owned(env, "GITHUB_SHA"),
    })
}

/// A job that is tried again is a new job with a new id.
fn gitlab(env: &Environment) -> Option<Attempt> {
    env.get("GITLAB_CI")?;
    Some(Attempt {
        ci: "gitlab-ci",
        short: format!(
            "{}-{}",
            env.get("CI_PIPELINE_ID").unwrap_or("0"),
            env.get("CI_JOB_ID").unwrap_or("0")
        ),
        key: key("gitlab-ci", env, &["CI_SERVER_URL", "CI_PROJECT_ID", "CI_PIPELINE_ID", "CI_JOB_ID"]),
        url: owned(env, "CI_JOB_URL").or_else(|| owned(env, "CI_PIPELINE_URL")),
        repository: owned(env, "CI_PROJECT_PATH"),
        commit: owned(env, "CI_COMMIT_SHA"),
    })
}

/// A build that is tried again is a new build with a new id.
fn codebuild(env: &Environment) -> Option<Attempt> {
    let build = env.get("CODEBUILD_BUILD_ID")?;
    Some(Attempt {
        ci: "codebuild",
        short: build.rsplit_once(':').map_or(build, |(_, id)| id).to_owned(),
        key: key("codebuild", env, &["CODEBUILD_BUILD_ARN", "CODEBUILD_BUILD_ID"]),
        url: owned(env, "CODEBUILD_PUBLIC_BUILD_URL").or_else(|| {
            let region = env.get("AWS_REGION")?;
            Some(format!(
                "https://console.aws.amazon.com/codebuild/home?region={region}#/builds/{build}/view/new"
            ))
        }),
        repository: owned(env, "CODEBUILD_SOURCE_REPO_URL"),
        commit: owned(env, "CODEBUILD_RESOLVED_SOURCE_VERSION"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(pairs: &[(&str, &str)], random: &str) -> RunIdentity {
        identify(&Environment::from_pairs(pairs.iter().copied()), random)
    }

    const GITHUB: &[(&str, &str)] = &[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "shop/web"),
        ("GITHUB_RUN_ID", "1234567890"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("GITHUB_JOB", "chaos"),
        ("GITHUB_ACTION", "__run"),
        ("GITHUB_SHA", "abc"),
        ("RUNNER_NAME", "r1"),
    ];

    fn github_with(name: &str, value: &str) -> RunIdentity {
        let pairs: Vec<_> = GITHUB.iter().map(|(n, v)| (*n, if *n == name { value } else { *v })).collect();
        identity(&pairs, "aaaaaaaa")
    }

    #[test]
    fn a_retry_keeps_the_attempts_key_and_a_re_run_changes_it() {
        let first = identity(GITHUB, "aaaaaaaa");
        assert_eq!(first.attempt_key, identity(GITHUB, "bbbbbbbb").attempt_key);
        assert_ne!(first.id, identity(GITHUB, "bbbbbbbb").id, "rules and queues are an invocation's own");
        for name in ["GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB", "GITHUB_ACTION", "RUNNER_NAME"] {
            assert_ne!(first.attempt_key, github_with(name, "2").attempt_key, "{name}");
        }
    }

    #[test]
    fn a_run_leads_back_to_its_pipeline() {
        let github = identity(GITHUB, "aaaaaaaa");
        assert_eq!(github.url.as_deref(), Some("https://github.com/shop/web/actions/runs/1234567890"));
        assert_eq!(github.id, "1234567890-1-aaaaaaaa");
        let gitlab = identity(
            &[
                ("GITLAB_CI", "true"),
                ("CI_JOB_ID", "7"),
                ("CI_PIPELINE_ID", "5"),
                ("CI_JOB_URL", "https://x/7"),
            ],
            "aaaaaaaa",
        );
        assert_eq!((gitlab.ci.as_str(), gitlab.url.as_deref()), ("gitlab-ci", Some("https://x/7")));
        let codebuild =
            identity(&[("CODEBUILD_BUILD_ID", "chaos:0a1b-2c"), ("AWS_REGION", "eu-west-1")], "aaaaaaaa");
        assert_eq!((codebuild.ci.as_str(), codebuild.id.as_str()), ("codebuild", "0a1b-2c-aaaaaaaa"));
    }

    #[test]
    fn names_made_of_a_run_id_fit_and_hold_nothing_odd() {
        let long = "9 ✗/".repeat(40);
        let run = identity(&[("GITLAB_CI", "true"), ("CI_PIPELINE_ID", &long)], "aaaaaaaa");
        assert!(
            run.id.len() <= 40 && run.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{}",
            run.id
        );
    }

    #[test]
    fn without_a_ci_each_invocation_is_an_attempt_of_its_own() {
        assert_ne!(identity(&[], "a").attempt_key, identity(&[], "b").attempt_key);
        assert_eq!(identity(&[], "a").ci, "none");
    }
}
