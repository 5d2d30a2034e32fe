//! Tests of what must be known before anything is sent: a token, and names that are safe in a path.

use faultgate_config::Tokens;
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_report::forge::{PullRequest, Subject, connect};
use faultgate_testkit::forges::scripted::*;

fn error(subject: Subject, token: Option<&str>) -> String {
    let token = token.map(Secret::new);
    connect(subject, token.as_ref(), client(), None).err().unwrap().why
}

#[test]
fn a_missing_token_is_named_with_what_it_must_be_allowed() {
    let cases: [(ForgeKind, &[&str]); 6] = [
        (ForgeKind::GitHub, &["FAULTGATE_GITHUB_TOKEN", "`github-token`"]),
        (ForgeKind::Gitea, &["FAULTGATE_GITHUB_TOKEN", "`github-token`"]),
        (ForgeKind::Forgejo, &["FAULTGATE_GITHUB_TOKEN", "`github-token`"]),
        (
            ForgeKind::GitLab,
            &["FAULTGATE_GITLAB_TOKEN", "project access token", "Developer", "`api`", "CI_JOB_TOKEN"],
        ),
        (ForgeKind::Bitbucket, &["FAULTGATE_BITBUCKET_TOKEN", "`repository:write`", "`pullrequest:write`"]),
        (ForgeKind::CodeCommit, &["AWS credentials"]),
    ];
    for (kind, words) in cases {
        let error = error(subject(kind, "https://forge.example"), None);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn each_forge_has_its_token() {
    let secret = |text: &str| Some(Secret::new(text));
    let tokens = Tokens {
        github: secret("hub"),
        gitlab: secret("lab"),
        bitbucket: secret("bucket"),
        ..Tokens::default()
    };
    let token = |kind: ForgeKind| tokens.for_forge(kind).map(Secret::expose);
    assert_eq!(
        ForgeKind::ALL.map(token),
        [Some("hub"), Some("lab"), Some("hub"), Some("hub"), Some("bucket"), None]
    );
}

#[tokio::test]
async fn names_that_would_lead_elsewhere_are_mistakes() {
    for kind in WITH_TOKEN {
        let api = "https://forge.example";
        let good = || subject(kind, api);
        assert!(connect(good(), Some(&Secret::new(TOKEN)), client(), None).is_ok());
        for commit in ["", ".", ".."] {
            let subject = Subject { commit: Some(commit.to_owned()), ..good() };
            assert!(error(subject, Some(TOKEN)).contains("`commit`"));
        }
        for repository in ["", "..", "."] {
            let subject = Subject { repository: repository.to_owned(), ..good() };
            assert!(error(subject, Some(TOKEN)).contains("`repository`"));
            let pull_request = Some(PullRequest { number: 1, repository: Some(repository.to_owned()) });
            assert!(error(Subject { pull_request, ..good() }, Some(TOKEN)).contains("`repository`"));
        }
        if kind != ForgeKind::GitLab {
            for repository in ["shop", "shop/", "/web", "../web", "shop/..", "shop/web/x"] {
                let subject = Subject { repository: repository.to_owned(), ..good() };
                assert!(error(subject, Some(TOKEN)).contains("owner/name"), "{repository}");
            }
        }
        for api in ["forge.example", "ftp://forge.example", "https://u:p@forge.example", "https://f/?x", ""] {
            let error = error(subject(kind, api), Some(TOKEN));
            assert!(error.contains("`forge-api-url`"), "{api}: {error}");
        }
        assert!(!error(good(), Some("a\nb")).contains('\n'));
    }
}

#[tokio::test]
async fn hostile_names_are_encoded() {
    use faultgate_report::forge::StatusState;
    for kind in WITH_TOKEN {
        let stand = Stand::echoing().await;
        let mut hostile = subject(kind, &stand.url());
        hostile.repository = "sh%2e p/w?x=1#é\r\n".to_owned();
        hostile.commit = Some("../../x?a&b".to_owned());
        connected(hostile).set_status(&status(StatusState::Success)).await.unwrap();
        let requests = stand.requests().await;
        let repository = "sh%252e%20p/w%3Fx%3D1%23%C3%A9%0D%0A";
        let (repository, commit) = match kind {
            ForgeKind::GitLab => (repository.replace('/', "%2F"), "..%2F..%2Fx%3Fa%26b"),
            _ => (repository.to_owned(), "..%2F..%2Fx%3Fa%26b"),
        };
        let path = path(&requests[0]);
        assert!(path.contains(&format!("/{repository}/")) && path.contains(&format!("/{commit}")), "{path}");
        assert_eq!((requests.len(), requests[0].url.query()), (1, None), "{path}");
    }
}
