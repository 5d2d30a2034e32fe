//! Tests of statuses and comments, as they arrive at the forge under each CI.

use faultgate_rehearsal::{SECOND_TEMPLATE_ID, TEMPLATE_ID};
use serde_json::{Value, json};

use crate::lives::QUICK;
use crate::stand_ins::{Bitbucket, CodeCommit, GitHub, GitLab, HEAD, MERGE, Manners, StandIn, TOKEN};
use crate::support::{Account, Ended, Faultgate, at_once};

/// The context of the experiment in a rehearsal that names none.
const CONTEXT: &str = "faultgate rehearsal/rehearsal";

const GITHUB: GitHub = GitHub { base: "", scheme: "Bearer ", repository: "shop/web" };
const ENTERPRISE: GitHub = GitHub { base: "/api/v3", ..GITHUB };
const GITEA: GitHub = GitHub { base: "/api/v1", scheme: "token ", ..GITHUB };

fn rehearsal() -> Faultgate {
    Faultgate::new(&["rehearse"]).env("FAULTGATE_COMMENT", "on").env("CI", "true")
}

/// Returns the event of a pull request whose merge commit is checked out. The head is another commit.
fn pull_request(from: &str) -> String {
    let head = json!({ "sha": HEAD, "repo": { "full_name": from } });
    let base = json!({ "sha": MERGE, "repo": { "full_name": "shop/web" } });
    json!({ "number": 7, "pull_request": { "number": 7, "head": head, "base": base } }).to_string()
}

/// Returns a step of a workflow of GitHub, of a forge that speaks its language, or of an Enterprise Server.
fn github(forge: &StandIn, api: &str) -> Faultgate {
    in_pull_request(rehearsal(), forge, api)
}

fn in_pull_request(faultgate: Faultgate, forge: &StandIn, api: &str) -> Faultgate {
    faultgate
        .in_github("1")
        .env("GITHUB_API_URL", forge.url(api))
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_REF", "refs/pull/7/merge")
        .env("GITHUB_SHA", MERGE)
        .env("GITHUB_RUN_NUMBER", "12")
        .named_file("GITHUB_EVENT_PATH", "event.json", &pull_request("shop/web"))
        .env("INPUT_GITHUB-TOKEN", TOKEN)
}

fn gitlab(forge: &StandIn) -> Faultgate {
    rehearsal()
        .env("GITLAB_CI", "true")
        .env("CI_API_V4_URL", forge.url("/api/v4"))
        .env("CI_SERVER_URL", forge.url(""))
        .env("CI_PROJECT_ID", "278964")
        .env("CI_PROJECT_PATH", "shop/web")
        .env("CI_PIPELINE_ID", "5150")
        .env("CI_JOB_ID", "42")
        .env("CI_JOB_NAME", "chaos")
        .env("CI_JOB_URL", "https://gitlab.example.com/shop/web/-/jobs/42")
        .env("CI_COMMIT_SHA", HEAD)
        .env("CI_COMMIT_REF_NAME", "faster-checkout")
        .env("CI_MERGE_REQUEST_IID", "7")
        .env("CI_MERGE_REQUEST_PROJECT_ID", "278964")
        .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
}

fn codebuild(source: &str) -> Faultgate {
    rehearsal()
        .env("CODEBUILD_BUILD_ID", "chaos:0a1b2c3d-0000-4000-8000-000000000000")
        .env("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-west-1:111122223333:build/chaos:0a1b2c3d")
        .env("CODEBUILD_SOURCE_REPO_URL", source)
        .env("CODEBUILD_RESOLVED_SOURCE_VERSION", HEAD)
        .env("AWS_REGION", "eu-west-1")
}

struct Case {
    name: &'static str,
    forge: StandIn,
    faultgate: Faultgate,
    /// Words of the forge for waiting, running and passed.
    states: &'static [&'static str],
    /// The page that the statuses link to.
    target: &'static str,
}

async fn stand_in(manners: impl Manners) -> StandIn {
    StandIn::start(manners).await
}

const PENDING: &[&str] = &["pending", "pending", "success"];
const RUNNING: &[&str] = &["pending", "running", "success"];
const IN_PROGRESS: &[&str] = &["INPROGRESS", "INPROGRESS", "SUCCESSFUL"];
const RUN: &str = "https://github.com/shop/web/actions/runs/1234567890";
const NUMBERED: &str = "https://github.com/shop/web/actions/runs/12";

async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |name, forge, faultgate, states, target| {
        cases.push(Case { name, forge, faultgate, states, target });
    };
    let forge = stand_in(GITHUB).await;
    let faultgate = github(&forge, "");
    case("GitHub", forge, faultgate, PENDING, RUN);

    let forge = stand_in(ENTERPRISE).await;
    let faultgate = github(&forge, "/api/v3");
    case("GitHub Enterprise Server", forge, faultgate, PENDING, RUN);

    let forge = stand_in(GITEA).await;
    let faultgate = github(&forge, "/api/v1").env("GITEA_ACTIONS", "true");
    case("Gitea", forge, faultgate, PENDING, NUMBERED);

    let forge = stand_in(GITEA).await;
    let faultgate = github(&forge, "/api/v1").env("GITEA_ACTIONS", "true").env("FORGEJO_ACTIONS", "true");
    case("Forgejo", forge, faultgate, PENDING, NUMBERED);

    let job = "https://gitlab.example.com/shop/web/-/jobs/42";
    let forge = stand_in(GitLab { commit: HEAD, git_ref: "faster-checkout" }).await;
    let faultgate = gitlab(&forge);
    case("GitLab", forge, faultgate, RUNNING, job);

    let forge = stand_in(GitLab { commit: HEAD, git_ref: "refs/merge-requests/7/head" }).await;
    let faultgate = gitlab(&forge);
    case("GitLab, merge request", forge, faultgate, RUNNING, job);

    let forge = stand_in(GitLab { commit: MERGE, git_ref: "refs/merge-requests/7/merge" }).await;
    let faultgate =
        gitlab(&forge).env("CI_COMMIT_SHA", MERGE).env("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", HEAD);
    case("GitLab, merged results", forge, faultgate, RUNNING, job);

    let console = "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/";
    let forge = stand_in(GITHUB).await;
    let faultgate = codebuild("https://github.com/shop/web.git")
        .env("CODEBUILD_WEBHOOK_TRIGGER", "pr/7")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN);
    case("CodeBuild", forge, faultgate, PENDING, console);

    let forge = stand_in(GITHUB).await;
    let faultgate = codebuild("")
        .env("CODEBUILD_INITIATOR", "codepipeline/release")
        .env("FAULTGATE_REPOSITORY", "shop/web")
        .env("FAULTGATE_COMMIT", HEAD)
        .env("FAULTGATE_PULL_REQUEST", "7")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN);
    case("CodePipeline", forge, faultgate, PENDING, console);

    let forge = stand_in(CodeCommit).await;
    let faultgate = codebuild("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
    case("CodeCommit", forge, faultgate, &[], console);

    let forge = stand_in(Bitbucket).await;
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

    let forge = stand_in(ENTERPRISE).await;
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

    let forge = stand_in(GITHUB).await;
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

/// Asserts that the token is in no output and no file but the one that the test itself wrote.
#[track_caller]
fn assert_hidden(ended: &Ended, context: &str) {
    assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN), "{context}: the token is shown");
    for path in ended.files() {
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !String::from_utf8_lossy(&bytes).contains(TOKEN),
            "{context}: the token is in {}",
            path.display()
        );
    }
}

fn reported<'r>(result: &'r Value, sink: &str) -> &'r Value {
    let reporting = result["reporting"].as_array().unwrap();
    reporting
        .iter()
        .find(|reported| reported["sink"] == sink)
        .unwrap_or_else(|| panic!("{sink}: {reporting:#?}"))
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

#[tokio::test]
async fn a_comment_is_found_over_all_pages_and_updated_in_place() {
    let forge = stand_in(GITHUB).await;
    forge.look(|kept| {
        for number in 0..250 {
            kept.comment(&format!("no marker, {number}"));
        }
    });
    for round in ["creates", "updates"] {
        let ended = github(&forge, "").env("FAULTGATE_REHEARSAL", "completed").finish().await;
        ended.assert_code(0, round);
    }
    forge.assert_no_faults();
    forge.look(|kept| {
        assert_eq!(kept.comments.len(), 251);
        let created =
            kept.asked.iter().filter(|asked| asked.method == "POST" && asked.path.ends_with("/comments"));
        assert_eq!(created.count(), 1);
    });
}

#[tokio::test]
async fn on_failure_a_comment_appears_with_the_failure_and_is_updated_by_the_next_pass() {
    let forge = stand_in(GITHUB).await;
    for (scenario, code, comments, says) in [
        ("completed", 0, 0, ""),
        ("stop-condition", 1, 1, "Chaos gate: failed"),
        ("completed", 0, 1, "Chaos gate: passed"),
    ] {
        let ended = github(&forge, "")
            .args(&["--scenario", scenario])
            .env("FAULTGATE_COMMENT", "on-failure")
            .finish()
            .await;
        ended.assert_code(code, scenario);
        forge.look(|kept| {
            assert_eq!(kept.comments.len(), comments, "{scenario}");
            assert!(kept.comments.iter().all(|(_, text)| text.contains(says)), "{:?}", kept.comments);
        });
    }
    forge.assert_no_faults();
}

#[tokio::test]
async fn several_experiments_have_a_status_each_and_the_run_has_one() {
    let forge = stand_in(GITHUB).await;
    let suite = "version: 1\nexperiments:\n  - { name: az-latency, fis: { template: EXTrehearsal } }\n  - { name: pod-delete, fis: { template: EXTrehearsal2 } }\n";
    let ended = github(&forge, "").file(".faultgate.yml", suite).finish().await;
    ended.assert_code(0, "several");
    forge.assert_no_faults();
    let told = forge.told();
    let run = "faultgate rehearsal";
    for context in [run.to_owned(), format!("{run}/az-latency"), format!("{run}/pod-delete")] {
        let states: Vec<&str> =
            told.iter().filter(|(name, _)| *name == context).map(|(_, state)| state.as_str()).collect();
        assert_eq!((states.first(), states.last()), (Some(&"pending"), Some(&"success")), "{context}");
        assert!(states[1..states.len() - 1].iter().all(|state| *state == "pending"), "{context}: {states:?}");
    }
    assert!(forge.requests() <= (4 + 2) * 3 + 3, "{:#?}", forge.look(|kept| kept.asked.clone()));
}

/// Returns the contexts that a run of a suite of two posts to, and the marker of its comment.
async fn posted(run: impl FnOnce(Faultgate) -> Faultgate) -> (Vec<String>, String) {
    let account = Account::living(QUICK).await;
    account.world.script(SECOND_TEMPLATE_ID, QUICK);
    let forge = stand_in(GITHUB).await;
    let suite = format!(
        "version: 1\nexperiments:\n  - {{ name: az, fis: {{ template: {TEMPLATE_ID} }} }}\n  - {{ name: pods, fis: {{ template: {SECOND_TEMPLATE_ID} }} }}\n"
    );
    let faultgate = account.faultgate(&["run"]).env("FAULTGATE_COMMENT", "on").file(".faultgate.yml", &suite);
    let ended = run(in_pull_request(faultgate, &forge, "")).finish().await;
    ended.assert_code(0, "posted");
    forge.assert_no_faults();
    let mut contexts: Vec<String> = forge.told().into_iter().map(|(context, _)| context).collect();
    contexts.sort();
    contexts.dedup();
    let comment = forge.look(|kept| kept.comments[0].1.clone());
    (contexts, comment.lines().next().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_tried_out_and_what_is_a_part_have_names_of_their_own() {
    let (plain, of_plain) = posted(|run| run).await;
    assert_eq!(plain, ["faultgate", "faultgate/az", "faultgate/pods"]);
    let (dry, of_dry) = posted(|run| run.env("FAULTGATE_DRY_RUN", "true")).await;
    assert_eq!(dry, ["faultgate dry run", "faultgate dry run/az", "faultgate dry run/pods"]);
    let (rehearsed, of_rehearsal) = posted(|run| run.env("FAULTGATE_REHEARSAL", "completed")).await;
    assert_eq!(rehearsed, ["faultgate rehearsal", "faultgate rehearsal/az", "faultgate rehearsal/pods"]);
    let (part, of_part) = posted(|run| run.env("FAULTGATE_SHARD", "2/2")).await;
    assert_eq!(part, ["faultgate 2/2", "faultgate/pods"]);
    let markers = std::collections::BTreeSet::from([of_plain, of_dry, of_rehearsal, of_part]);
    assert_eq!(markers.len(), 4, "none takes the comment of another: {markers:?}");
}

#[tokio::test]
async fn a_verdict_that_is_not_passed_is_told_as_what_it_is() {
    let cases = [("stop-condition", 1, "failure", "failed"), ("failed", 3, "error", "errored")];
    at_once(cases, |(scenario, code, state, verdict)| async move {
        let forge = stand_in(GITHUB).await;
        let ended = github(&forge, "").args(&["--scenario", scenario]).finish().await;
        ended.assert_code(code, scenario);
        let last = forge.look(|kept| kept.statuses.last().cloned()).unwrap();
        assert_eq!(last.state, state);
        assert!(last.description.contains(verdict), "{}", last.description);
        forge.assert_no_faults();
    })
    .await;
}

#[tokio::test]
async fn a_forge_that_refuses_is_told_of_with_what_to_do_and_the_verdict_stands() {
    let cases = [
        (401, "Bad credentials", "github-token"),
        (403, "Resource not accessible by integration", "statuses: write"),
        (404, "Not Found", "repository"),
        (422, "Validation Failed", "Validation Failed"),
    ];
    at_once(cases, |(status, message, helps)| async move {
        let forge = stand_in(GITHUB).await;
        // A forge, or a proxy before it, may tell the token back.
        forge.refuse(status, json!({ "message": format!("{message} {TOKEN}") }));
        let ended = github(&forge, "").finish().await;
        ended.assert_code(0, message);
        assert_hidden(&ended, message);
        let result = ended.result();
        for sink in ["commit status", "comment"] {
            let reported = reported(&result, sink);
            assert_eq!(reported["outcome"], "failed", "{reported}");
            assert!(reported["detail"].as_str().unwrap().contains(message), "{reported}");
        }
        let detail = reported(&result, "commit status")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(helps), "{detail}");
        assert!(ended.stdout.contains("warning: commit status"), "{}", ended.stdout);
    })
    .await;
}

#[tokio::test]
async fn with_reporting_fail_a_refusal_is_no_pass_in_any_report() {
    let forge = stand_in(GITHUB).await;
    forge.refuse(403, json!({ "message": "Resource not accessible by integration" }));
    let ended = github(&forge, "").env("FAULTGATE_REPORTING", "fail").finish().await;
    ended.assert_code(3, "must be reported");
    let result = ended.result();
    assert_eq!(result["gate"]["verdict"], "errored");
    assert_eq!(ended.outputs()["verdict"], "errored");
    assert!(ended.summary().contains("Chaos gate: errored"), "{}", ended.summary());
    assert!(ended.read("reports/faultgate.env").contains("FAULTGATE_VERDICT=errored\n"));
    assert!(ended.read("reports/junit.xml").contains("<error"));
}

/// Returns a build that a step of GitHub Actions started. The step handed over all of its variables, without
/// the files that they name.
fn started_by_github(forge: &StandIn) -> Faultgate {
    codebuild("https://github.com/shop/web.git")
        .env("CODEBUILD_SOURCE_VERSION", HEAD)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "shop/web")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", "/home/runner/work/_temp/_github_workflow/event.json")
        .env("GITHUB_REF", "refs/pull/7/merge")
        .env("GITHUB_SHA", MERGE)
        .env("GITHUB_RUN_ID", "1658821493")
        .env("GITHUB_OUTPUT", "/home/runner/work/_temp/_runner_file_commands/set_output_1")
        .env("GITHUB_STEP_SUMMARY", "/home/runner/work/_temp/_runner_file_commands/step_summary_1")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN)
        .env("FAULTGATE_REPORTING", "fail")
}

#[tokio::test]
async fn a_build_that_a_step_of_github_started_speaks_codebuild_and_stays_passed() {
    let forge = stand_in(GITHUB).await;
    let ended = started_by_github(&forge).finish().await;
    ended.assert_code(0, "the files are on another machine");
    let result = ended.result();
    for sink in ["step outputs", "job summary"] {
        assert_eq!(reported(&result, sink)["outcome"], "skipped", "{result:#}");
    }
    assert_eq!(result["run"]["ci"], "codebuild");
    assert!(!ended.stdout.contains("::group::") && !ended.stdout.contains("::notice"), "{}", ended.stdout);
    forge.assert_no_faults();
    forge.look(|kept| {
        assert!(kept.statuses.iter().all(|status| status.commit == HEAD), "{:#?}", kept.statuses);
        assert_eq!(kept.comments.len(), 1, "on the pull request of the step");
    });

    let ended = started_by_github(&forge).env("FAULTGATE_TIMEOUT", "soon").finish().await;
    ended.assert_code(2, "a mistake");
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!told.contains("::error") && !told.contains("step outputs"), "{told}");
}

/// HEAD is the head, and MERGE merges it on trial. A comment goes to pull request 7.
#[tokio::test]
async fn codebuild_reports_to_the_head_of_the_pull_request_that_it_merges_on_trial() {
    let head = format!("refs/pull/7/head^{{{HEAD}}}");
    let cases =
        [("refs/pull/7/merge", MERGE), (head.as_str(), HEAD), ("refs/pull/7/head", HEAD), ("pr/7", HEAD)];
    at_once(cases, |(version, resolved)| async move {
        let forge = stand_in(GITHUB).await;
        let ended = codebuild("https://github.com/shop/web.git")
            .env("CODEBUILD_SOURCE_VERSION", version)
            .env("CODEBUILD_RESOLVED_SOURCE_VERSION", resolved)
            .env("FAULTGATE_FORGE_API_URL", forge.url(""))
            .env("FAULTGATE_GITHUB_TOKEN", TOKEN)
            .finish()
            .await;
        ended.assert_code(0, version);
        forge.assert_no_faults();
        forge.look(|kept| {
            assert!(!kept.statuses.is_empty(), "{version}");
            assert!(
                kept.statuses.iter().all(|status| status.commit == HEAD),
                "{version}: {:#?}",
                kept.statuses
            );
            assert_eq!(kept.comments.len(), 1, "{version}");
        });
    })
    .await;
}

/// Returns a run that may only read by default: of a pull request from a fork, or of Dependabot.
fn read_only(forge: &StandIn, why: &str) -> Faultgate {
    let run = github(forge, "").env("FAULTGATE_REPORTING", "fail");
    match why {
        "fork" => run.file("event.json", &pull_request("stranger/web")),
        _ => run.env("GITHUB_ACTOR", "dependabot[bot]"),
    }
}

#[tokio::test]
async fn a_token_that_may_only_read_is_tried_and_what_it_may_not_is_skipped() {
    let refusal = json!({ "message": "Resource not accessible by integration" });
    at_once(["fork", "Dependabot"], |why| {
        let refusal = refusal.clone();
        async move {
            let forge = stand_in(GITHUB).await;
            forge.refuse(403, refusal);
            let ended = read_only(&forge, why).finish().await;
            ended.assert_code(0, why);
            assert!(forge.requests() > 0, "{why}: it is tried");
            let result = ended.result();
            for sink in ["commit status", "comment"] {
                let reported = reported(&result, sink);
                assert_eq!(reported["outcome"], "skipped", "{reported}");
                let detail = reported["detail"].as_str().unwrap();
                assert!(detail.contains(why) && detail.contains("403"), "{reported}");
            }
            assert!(ended.stdout.contains("note: commit status was skipped"), "{}", ended.stdout);
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_of_dependabots_that_was_let_to_write_writes() {
    let forge = stand_in(GITHUB).await;
    let ended = read_only(&forge, "Dependabot").finish().await;
    ended.assert_code(0, "permissions: { statuses: write }");
    for sink in ["commit status", "comment"] {
        assert_eq!(reported(&ended.result(), sink)["outcome"], "written");
    }
    assert_eq!(forge.told().last().unwrap().1, "success");
}

/// A report that is refused for another reason, to another token or to another run is not excused.
#[tokio::test]
async fn with_reporting_fail_only_what_a_reading_token_may_not_is_excused() {
    let forbidden = "Resource not accessible by integration";
    let cases = [
        ("fork", TOKEN, 403, "Unable to create comment because issue is locked."),
        ("fork", TOKEN, 404, "Not Found"),
        ("fork", "ghp_a_persons", 403, forbidden),
        ("Dependabot", "github_pat_a_persons", 403, forbidden),
    ];
    at_once(cases, |(why, token, status, message)| async move {
        let forge = stand_in(GITHUB).await;
        forge.refuse(status, json!({ "message": message }));
        let ended = read_only(&forge, why).env("INPUT_GITHUB-TOKEN", token).finish().await;
        ended.assert_code(3, message);
    })
    .await;
}

/// The jobs are those of a matrix that is not told, so that their statuses have the same names.
#[tokio::test]
async fn a_job_that_passes_does_not_hide_the_failure_of_its_sibling() {
    let forge = stand_in(GITHUB).await;
    let failed = github(&forge, "").args(&["--scenario", "stop-condition"]).finish().await;
    failed.assert_code(1, "the first job");
    let passed = github(&forge, "").env("FAULTGATE_REPORTING", "fail").finish().await;
    passed.assert_code(0, "the second job has passed");
    assert_eq!(forge.told().last().unwrap(), &(CONTEXT.to_owned(), "failure".to_owned()));
    let result = passed.result();
    let status = reported(&result, "commit status");
    assert_eq!(status["outcome"], "skipped", "{status}");
    assert!(status["detail"].as_str().unwrap().contains("`matrix`"), "{status}");
    forge.assert_no_faults();

    // A job that is told apart, or that runs in the next attempt, says what it has to say.
    let context = format!("{CONTEXT} (blue)");
    let apart = github(&forge, "").env("INPUT_MATRIX", "{ \"color\": \"blue\" }").finish().await;
    apart.assert_code(0, "a job of a matrix");
    assert_eq!(forge.told().last().unwrap(), &(context, "success".to_owned()));
    let again = github(&forge, "").env("GITHUB_RUN_ATTEMPT", "2").finish().await;
    again.assert_code(0, "the second attempt");
    assert_eq!(forge.told().last().unwrap(), &(CONTEXT.to_owned(), "success".to_owned()));
}

#[tokio::test]
async fn a_workflow_that_follows_a_forks_reports_to_its_head_and_its_pull_request() {
    let forge = stand_in(GITHUB).await;
    let run = json!({
        "head_sha": HEAD,
        "head_branch": "retry",
        "head_repository": { "full_name": "stranger/web" },
        "pull_requests": [],
    });
    let ended = github(&forge, "")
        .env("GITHUB_EVENT_NAME", "workflow_run")
        .env("GITHUB_REF", "refs/heads/main")
        .file("event.json", &json!({ "workflow_run": run }).to_string())
        .env("FAULTGATE_REPORTING", "fail")
        .finish()
        .await;
    ended.assert_code(0, "workflow_run");
    forge.assert_no_faults();
    forge.look(|kept| {
        assert!(kept.statuses.iter().all(|status| status.commit == HEAD), "{:#?}", kept.statuses);
        assert_eq!(kept.comments.len(), 1, "on the fork's pull request");
    });
}

/// Somebody answers with success in the place of the forge, by a page or by JSON of another kind.
#[tokio::test]
async fn a_sign_in_page_is_no_posted_report_on_any_forge() {
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, ResponseTemplate};
    let answer = ResponseTemplate::new(200);
    for answer in [
        answer.clone().set_body_raw("<html>Welcome to the guest network</html>", "text/html"),
        answer.clone().set_body_json(json!({ "status": "ok" })),
        answer.set_body_json(json!([])),
    ] {
        let portal = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&portal).await;
        let portal = &portal.uri();
        at_once(cases().await, |case| async move {
            let Case { name, faultgate, .. } = case;
            let run = faultgate.env("FAULTGATE_FORGE_API_URL", portal).env("FAULTGATE_REPORTING", "fail");
            let ended = run.finish().await;
            ended.assert_code(3, name);
            let result = ended.result();
            for sink in result["reporting"].as_array().unwrap() {
                let is_posted =
                    ["commit status", "comment", "code insights"].contains(&sink["sink"].as_str().unwrap());
                assert!(!is_posted || sink["outcome"] != "written", "{name}: {sink}");
            }
            let told = reported(&result, "comment");
            assert_eq!(told["outcome"], "failed", "{name}: {told}");
            assert!(told["detail"].as_str().unwrap().contains("could not"), "{name}: {told}");
        })
        .await;
    }
}

/// The run is in somebody's shell, or in a CI that is not known.
#[tokio::test]
async fn a_token_without_a_place_to_report_to_is_told_before_and_after() {
    let ended = Faultgate::new(&["rehearse"])
        .env("FAULTGATE_FORGE", "gitlab")
        .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
        .env("FAULTGATE_REPORTING", "fail")
        .finish()
        .await;
    ended.assert_code(3, "nothing can be posted");
    let reported = reported(&ended.result(), "commit status").clone();
    assert_eq!(reported["outcome"], "failed", "{reported}");
    for input in ["`repository`", "`commit`", "`forge`"] {
        assert!(reported["detail"].as_str().unwrap().contains(input), "{reported}");
    }
    let warned = ended.stdout.find("no commit status and no comment can be posted").unwrap();
    assert!(warned < ended.stdout.find("ERRORED").unwrap(), "{}", ended.stdout);
    assert_hidden(&ended, "no CI");

    let checked = Faultgate::new(&["check"])
        .env("FAULTGATE_REHEARSAL", "completed")
        .env("FAULTGATE_FORGE", "gitlab")
        .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
        .finish()
        .await;
    checked.assert_code(0, "a run would go on");
    let told = checked.stdout.lines().find(|line| line.contains("no commit status and no comment"));
    assert!(
        told.is_some_and(|line| line.starts_with("warning") && line.contains("reports")),
        "{}",
        checked.stdout
    );

    let ended = Faultgate::new(&["rehearse"]).env("FAULTGATE_REPORTING", "fail").finish().await;
    ended.assert_code(0, "nobody asked for a report");
}

#[tokio::test]
async fn a_job_token_of_gitlabs_is_told_before_the_launch() {
    let forge = stand_in(GitLab { commit: HEAD, git_ref: "faster-checkout" }).await;
    let ended = gitlab(&forge).env("CI_JOB_TOKEN", TOKEN).finish().await;
    ended.assert_code(0, "reports only warn");
    assert_eq!(forge.requests(), 0);
    assert!(
        ended.stdout.contains("CI_JOB_TOKEN, which can post neither statuses nor notes"),
        "{}",
        ended.stdout
    );
    let result = ended.result();
    assert_eq!(reported(&result, "commit status")["outcome"], "failed");
    assert_hidden(&ended, "job token");

    let ended = gitlab(&forge).env("CI_JOB_TOKEN", "another").finish().await;
    ended.assert_code(0, "a project's token");
    assert_eq!(reported(&ended.result(), "commit status")["outcome"], "written");
}

#[tokio::test]
async fn without_a_token_or_a_wish_nothing_is_asked() {
    let forge = stand_in(GITHUB).await;
    let ended = github(&forge, "").without("INPUT_GITHUB-TOKEN").finish().await;
    ended.assert_code(0, "no token");
    let result = ended.result();
    let status = reported(&result, "commit status");
    assert_eq!(status["outcome"], "skipped");
    assert!(status["detail"].as_str().unwrap().contains("github-token"), "{status}");

    let ended = github(&forge, "")
        .env("FAULTGATE_COMMIT_STATUS", "false")
        .env("FAULTGATE_COMMENT", "off")
        .finish()
        .await;
    ended.assert_code(0, "not wished");
    assert_eq!(forge.requests(), 0);
}

/// The forge takes connections and never answers.
#[tokio::test]
async fn a_forge_that_hangs_ends_in_a_failed_report_and_the_verdict_stands() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let forge = stand_in(GITHUB).await;
    let ended = github(&forge, "").env("GITHUB_API_URL", &url).finish().await;
    ended.assert_code(0, "hangs");
    let result = ended.result();
    for sink in ["commit status", "comment"] {
        assert_eq!(reported(&result, sink)["outcome"], "failed", "{sink}");
    }
    let experiment = &result["experiments"][0];
    assert_eq!(experiment["monitor"]["reconciliations"], 0, "the end was learned by its event: {experiment}");
    drop(listener);
}
