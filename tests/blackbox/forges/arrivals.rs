//! Tests of what arrives at the forge under each CI.

use super::*;

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) forge: ForgeStandIn,
    pub(super) faultgate: Faultgate,
    /// Words of the forge for waiting, running and passed.
    pub(super) states: &'static [&'static str],
    /// The page that the statuses link to.
    pub(super) target: &'static str,
}

const PENDING: &[&str] = &["pending", "pending", "success"];

const RUNNING: &[&str] = &["pending", "running", "success"];

const IN_PROGRESS: &[&str] = &["INPROGRESS", "INPROGRESS", "SUCCESSFUL"];

const RUN: &str = "https://github.com/shop/web/actions/runs/1234567890";

const NUMBERED: &str = "https://github.com/shop/web/actions/runs/12";

pub(super) async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |name, forge, faultgate, states, target| {
        cases.push(Case { name, forge, faultgate, states, target });
    };
    let forge = ForgeStandIn::start(GITHUB).await;
    let faultgate = github(&forge, "");
    case("GitHub", forge, faultgate, PENDING, RUN);

    let forge = ForgeStandIn::start(ENTERPRISE).await;
    let faultgate = github(&forge, "/api/v3");
    case("GitHub Enterprise Server", forge, faultgate, PENDING, RUN);

    let forge = ForgeStandIn::start(GITEA).await;
    let faultgate = github(&forge, "/api/v1").env("GITEA_ACTIONS", "true");
    case("Gitea", forge, faultgate, PENDING, NUMBERED);

    let forge = ForgeStandIn::start(GITEA).await;
    let faultgate = github(&forge, "/api/v1").env("GITEA_ACTIONS", "true").env("FORGEJO_ACTIONS", "true");
    case("Forgejo", forge, faultgate, PENDING, NUMBERED);

    let job = "https://gitlab.example.com/shop/web/-/jobs/42";
    let forge = ForgeStandIn::start(GitLabManners { commit: HEAD, git_ref: "faster-checkout" }).await;
    let faultgate = gitlab(&forge);
    case("GitLab", forge, faultgate, RUNNING, job);

    let forge =
        ForgeStandIn::start(GitLabManners { commit: HEAD, git_ref: "refs/merge-requests/7/head" }).await;
    let faultgate = gitlab(&forge);
    case("GitLab, merge request", forge, faultgate, RUNNING, job);

    let forge =
        ForgeStandIn::start(GitLabManners { commit: MERGE, git_ref: "refs/merge-requests/7/merge" }).await;
    let faultgate =
        gitlab(&forge).env("CI_COMMIT_SHA", MERGE).env("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", HEAD);
    case("GitLab, merged results", forge, faultgate, RUNNING, job);

    let console = "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/";
    let forge = ForgeStandIn::start(GITHUB).await;
    let faultgate = codebuild("https://github.com/shop/web.git")
        .env("CODEBUILD_WEBHOOK_TRIGGER", "pr/7")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN);
    case("CodeBuild", forge, faultgate, PENDING, console);

    let forge = ForgeStandIn::start(GITHUB).await;
    let faultgate = codebuild("")
        .env("CODEBUILD_INITIATOR", "codepipeline/release")
        .env("FAULTGATE_REPOSITORY", "shop/web")
        .env("FAULTGATE_COMMIT", HEAD)
        .env("FAULTGATE_PULL_REQUEST", "7")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN);
    case("CodePipeline", forge, faultgate, PENDING, console);

    let forge = ForgeStandIn::start(CodeCommitManners).await;
    let faultgate = codebuild("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
    case("CodeCommit", forge, faultgate, &[], console);

    let forge = ForgeStandIn::start(BitbucketManners).await;
    let faultgate = rehearsal()
        .env("BITBUCKET_BUILD_NUMBER", "12")
        .env("BITBUCKET_COMMIT", HEAD)
        .env("BITBUCKET_REPO_FULL_NAME", "shop/web")
        .env("BITBUCKET_PR_ID", "7")
        .env("FAULTGATE_FORGE_API_URL", forge.url("/2.0"))
        .env("FAULTGATE_BITBUCKET_TOKEN", TOKEN);
    case(
        "Bitbucket Pipelines",
        forge,
        faultgate,
        IN_PROGRESS,
        "https://bitbucket.org/shop/web/pipelines/results/12",
    );

    let forge = ForgeStandIn::start(ENTERPRISE).await;
    let faultgate = rehearsal()
        .env("JENKINS_URL", "https://jenkins.example.com/")
        .env("BUILD_ID", "12")
        .env("BUILD_URL", "https://jenkins.example.com/job/web/12/")
        .env("GIT_URL", "git@github.example.com:shop/web.git")
        .env("GIT_COMMIT", HEAD)
        .env("CHANGE_ID", "7")
        .env("FAULTGATE_FORGE_API_URL", forge.url("/api/v3"))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN);
    case("Jenkins", forge, faultgate, PENDING, "https://jenkins.example.com/job/web/12/");

    let forge = ForgeStandIn::start(GITHUB).await;
    let faultgate = rehearsal()
        .env("BUILDKITE", "true")
        .env("BUILDKITE_REPO", "git@github.com:shop/web.git")
        .env("BUILDKITE_COMMIT", HEAD)
        .env("BUILDKITE_PULL_REQUEST", "7")
        .env("BUILDKITE_BUILD_URL", "https://buildkite.com/shop/web/builds/12")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN);
    case("Buildkite", forge, faultgate, PENDING, "https://buildkite.com/shop/web/builds/12");
    cases
}

#[tokio::test]
async fn what_arrives_is_what_was_meant_under_each_ci() {
    at_once(cases().await, |case| async move {
        let ended = case.faultgate.env("RUST_LOG", "trace").finish().await;
        ended.assert_code(0, case.name);
        case.forge.assert_no_faults();
        assert_hidden(&ended, case.name);
        let name = case.name;
        let result = ended.result();
        assert_eq!(reported(&result, "comment")["outcome"], "written", "{name}");
        // The forge is asked for rivals before each status begins and before it ends.
        assert!(
            case.forge.requests() <= 4 + 2 + 3,
            "{name}: {:#?}",
            case.forge.look(|kept| kept.asked.clone())
        );
        case.forge.look(|kept| {
            let [(_, comment)] = kept.comments.as_slice() else { panic!("{name}: {:#?}", kept.comments) };
            assert!(
                comment.contains("Chaos gate: passed") && comment.contains("ehearsal"),
                "{name}: {comment}"
            );
            for status in &kept.statuses {
                assert_eq!((status.context.as_str(), status.commit.as_str()), (CONTEXT, HEAD), "{name}");
                assert!(status.target_url.starts_with(case.target), "{name}: {}", status.target_url);
                assert!(status.description.contains("rehearsal"), "{name}: {}", status.description);
            }
        });
        // A state that was overtaken by a newer one is left out.
        let states: Vec<String> = case.forge.told().into_iter().map(|(_, state)| state).collect();
        assert_eq!(states.first().map(String::as_str), case.states.first().copied(), "{name}");
        assert_eq!(states.last().map(String::as_str), case.states.last().copied(), "{name}");
        assert!(states.iter().all(|state| case.states.contains(&state.as_str())), "{name}: {states:?}");
        if !case.states.is_empty() {
            assert_eq!(reported(&result, "commit status")["outcome"], "written", "{name}");
            let last = case.forge.look(|kept| kept.statuses.last().unwrap().description.clone());
            assert!(last.contains("passed") && last.contains("100"), "{name}: {last}");
        }
    })
    .await;
}
