//! Tests of `faultgate init`: the other commands take the files that it writes, and files that are there
//! already stay.

use std::os::unix::fs::symlink;

use faultgate_config::{EngineKind, Platform};
use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::engines::init_flags;
use faultgate_testkit::lives::QUICK;

/// The system that a rehearsal's fault is in.
const TARGET: &str = "http://target.rehearsal.invalid/health";

fn init(platform: Platform, engine: EngineKind) -> Faultgate {
    Faultgate::new(&["init", "--platform", platform.as_str(), "--engine", engine.as_str()])
        .args(init_flags(engine))
}

fn contents(ended: &Finished) -> Vec<(std::path::PathBuf, String)> {
    ended.files().into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[tokio::test]
async fn what_is_written_is_a_suite_that_runs_and_is_never_written_again() {
    let every =
        Platform::ALL.into_iter().flat_map(|platform| EngineKind::ALL.map(|engine| (platform, engine)));
    at_once(every, |(platform, engine)| async move {
        let context = format!("{} with {}", platform.as_str(), engine.as_str());
        let ended = init(platform, engine).args(&["--probe-url", TARGET]).finish().await;
        ended.assert_code(0, &context);
        let written = contents(&ended);
        for (path, _) in &written {
            let name = path.strip_prefix(ended.path("")).unwrap().display().to_string();
            assert!(ended.stdout.contains(&format!("wrote {name}\n")), "{name}: {}", ended.stdout);
        }
        assert!(written.len() >= 3 && ended.stdout.contains("\n3. "), "{}", ended.stdout);

        // A rehearsal reads the whole suite, plays its probes and asks nobody else. Its fault is short.
        let suite = ended.read(".faultgate.yml");
        let mut run = Faultgate::new(&["rehearse"]).after(ended);
        run = run.file(".faultgate.yml", &suite.replace("every: 5s", "every: 100ms"));
        for secret in ["FAULTGATE_HARNESS_API_KEY", "FAULTGATE_LITMUS_TOKEN"] {
            run = run.env(secret, "pat.account.key.secret");
        }
        let ended = run.finish().await;
        ended.assert_code(0, &context);
        assert_eq!(ended.result()["experiments"][0]["name"], "first-experiment", "{context}");
        assert!(ended.result()["experiments"][0]["probes"][0]["total"].as_u64() >= Some(2), "{context}");

        let again =
            init(platform, engine).args(&["--probe-url", TARGET]).after(ended).file(".faultgate.yml", &suite);
        let ended = again.finish().await;
        ended.assert_code(2, &context);
        for (path, content) in written {
            let name = path.strip_prefix(ended.path("")).unwrap().display().to_string();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "{context}: {name}");
            // GitLab's own file is there now, and includes the other.
            let told = ended.stderr.contains(&format!("  - {name}\n"));
            assert_eq!(told, name != ".gitlab-ci.yml", "{context}: {name}: {}", ended.stderr);
        }
    })
    .await;
}

#[tokio::test]
async fn check_takes_what_is_written() {
    let account = EmbeddedAccount::living(QUICK).await;
    // CodeBuild has a role already, so that none is assumed.
    let args = ["--experiment-template-id", TEMPLATE_ID, "--aws-region", "us-east-1"];
    let ended =
        Faultgate::new(&["init", "--platform", "codebuild", "--engine", "fis"]).args(&args).finish().await;
    ended.assert_code(0, "written");
    let ended = account.faultgate(&["check"]).after(ended).finish().await;
    ended.assert_code(0, "checked");
    assert!(ended.stdout.ends_with("ready\n"), "{}", ended.stdout);
}

#[tokio::test]
async fn without_a_terminal_every_missing_answer_is_named() {
    let ended = Faultgate::new(&["init"]).finish().await;
    ended.assert_code(2, "nothing was answered");
    for flag in ["--platform", "--engine"] {
        assert!(ended.stderr.contains(flag), "{}", ended.stderr);
    }
    let ended = Faultgate::new(&["init", "--platform", "github", "--engine", "fis"]).finish().await;
    ended.assert_code(2, "no template");
    for flag in ["--experiment-template-id", "--aws-region", "--aws-role-arn"] {
        assert!(ended.stderr.contains(&format!("(from {flag})")), "{}", ended.stderr);
    }
    assert!(ended.stderr.contains("no terminal") && ended.files().is_empty(), "{}", ended.stderr);
}

#[tokio::test]
async fn answers_are_no_code() {
    let hostile = [
        "EXT\"\n  x: y",
        "${{github.token}}",
        "$[[inputs.x]]",
        "${HOME}",
        "EXT'",
        "`id`",
        "EXT: {a",
        "a\u{202e}b",
    ];
    at_once(hostile, |hostile| async move {
        let ended =
            Faultgate::new(&["init", "--platform", "gitlub", "--engine", "fis", "--aws-region", hostile])
                .args(&[
                    "--experiment-template-id",
                    hostile,
                    "--aws-role-arn",
                    hostile,
                    "--probe-url",
                    hostile,
                ])
                .args(&["--litmus-url", "https://litmus.example.com"])
                .finish()
                .await;
        ended.assert_code(2, hostile);
        for flag in
            ["--platform", "--aws-region", "--experiment-template-id", "--aws-role-arn", "--probe-url"]
        {
            assert!(ended.stderr.contains(&format!("(from {flag})")), "{hostile}: {flag}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains('\u{202e}') && ended.files().is_empty(), "{}", ended.stderr);
    })
    .await;
}

#[tokio::test]
async fn a_flag_of_another_engine_is_a_mistake() {
    let ended = init(Platform::GitHub, EngineKind::Fis).args(&["--run", "reboot"]).finish().await;
    ended.assert_code(2, "another engine");
    assert!(ended.stderr.contains("run: is no question of the engine fis"), "{}", ended.stderr);
    assert!(ended.files().is_empty());
}

#[tokio::test]
async fn a_fault_stays_in_only_where_somebody_says_so() {
    let command = ["init", "--platform", "gitlab", "--engine", "command", "--run", "touch in"];
    let ended = Faultgate::new(&command).finish().await;
    ended.assert_code(2, "neither a stop nor a proof");
    for flag in ["--stop", "--probe-url"] {
        assert!(ended.stderr.contains(&format!("(from {flag})")), "{flag}: {}", ended.stderr);
    }
    assert!(ended.stderr.contains("--injected") && ended.files().is_empty(), "{}", ended.stderr);
    for none in ["", "none"] {
        let ended = Faultgate::new(&command).args(&["--stop", none, "--injected", "in"]).finish().await;
        ended.assert_code(0, none);
        assert!(ended.read(".faultgate.yml").contains("# Nothing undoes the fault"), "{none}");
    }
}

#[tokio::test]
async fn a_folder_below_the_top_is_told() {
    let asked = init(Platform::GitHub, EngineKind::Fis).args(&["--dir", "below"]);
    for folder in [".git", "below"] {
        std::fs::create_dir(asked.home().join(folder)).unwrap();
    }
    let ended = asked.finish().await;
    ended.assert_code(0, "below");
    assert!(ended.stderr.contains("is below the top of the repository"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_there_keeps_all_from_being_written() {
    let asked = init(Platform::GitHub, EngineKind::Fis)
        .file("faultgate-policy.yml", "mine")
        .file(".faultgate.toml", "mine");
    symlink("/nowhere/at/all", asked.home().join(".github")).unwrap();
    let ended = asked.finish().await;
    ended.assert_code(2, "in the way");
    for name in ["faultgate-policy.yml", ".faultgate.toml", ".github is a link"] {
        assert!(ended.stderr.contains(&format!("  - {name}\n")), "{}", ended.stderr);
    }
    assert_eq!(ended.read("faultgate-policy.yml"), "mine");
    assert!(!ended.path(".faultgate.yml").exists());
}

#[tokio::test]
async fn files_can_be_seen_before_they_are_written() {
    let ended = init(Platform::GitLab, EngineKind::Fis).args(&["--print"]).finish().await;
    ended.assert_code(0, "printed");
    for name in [".gitlab/chaos.gitlab-ci.yml", ".gitlab-ci.yml", ".faultgate.yml", "faultgate-policy.yml"] {
        assert!(ended.stdout.contains(&format!("# --- {name}\n")), "{}", ended.stdout);
    }
    assert!(ended.files().is_empty());
}

#[tokio::test]
async fn a_folder_that_is_none_and_one_that_cannot_be_written_are_told() {
    let ended = init(Platform::GitHub, EngineKind::Fis).args(&["--dir", "nowhere"]).finish().await;
    ended.assert_code(2, "no folder");
    assert!(ended.stderr.contains("dir: nowhere is no folder"), "{}", ended.stderr);
    // The folder is one in which not even root makes a file.
    let ended = init(Platform::CodeBuild, EngineKind::Fis).args(&["--dir", "/proc"]).finish().await;
    ended.assert_code(3, "cannot be written");
    assert!(ended.stderr.contains("none of the files is there"), "{}", ended.stderr);
}
