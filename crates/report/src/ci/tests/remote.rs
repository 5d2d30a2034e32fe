//! Tests of the URLs by which repositories are cloned, and of the pages of pull requests.

use super::super::remote::{parse, pull_request};

/// Returns the forge, the API, the server and the repository of a URL in one line.
fn told(url: &str) -> String {
    let Some(remote) = parse(url) else {
        return "none".to_owned();
    };
    let site =
        remote.site.map_or("unknown".to_owned(), |site| format!("{} {}", site.kind.as_str(), site.api_url));
    format!("{site} {} {}", remote.server.unwrap_or("-".to_owned()), remote.repository)
}

#[test]
fn each_url_of_a_repository_tells_its_forge() {
    let table = [
        ("https://github.com/octo/shop", "github https://api.github.com - octo/shop"),
        ("https://github.com/octo/shop.git/", "github https://api.github.com - octo/shop"),
        ("http://GitHub.com/octo/shop.git", "github https://api.github.com - octo/shop"),
        ("git@github.com:octo/shop.git", "github https://api.github.com - octo/shop"),
        ("github.com:octo/shop", "github https://api.github.com - octo/shop"),
        ("ssh://git@github.com/octo/shop.git", "github https://api.github.com - octo/shop"),
        ("ssh://git@ssh.github.com:443/octo/shop.git", "github https://api.github.com - octo/shop"),
        ("git://github.com/octo/shop.git", "github https://api.github.com - octo/shop"),
        ("https://octo.ghe.com/octo/shop", "github https://api.octo.ghe.com - octo/shop"),
        ("https://gitlab.com/octo/web/shop.git", "gitlab https://gitlab.com/api/v4 - octo/web/shop"),
        ("git@bitbucket.org:octo/shop.git", "bitbucket https://api.bitbucket.org/2.0 - octo/shop"),
        ("https://codeberg.org/octo/shop", "forgejo https://codeberg.org/api/v1 - octo/shop"),
        ("https://gitea.com/octo/shop", "gitea https://gitea.com/api/v1 - octo/shop"),
        (
            "https://github.example.com:8443/octo/shop",
            "github https://github.example.com:8443/api/v3 https://github.example.com:8443 octo/shop",
        ),
        (
            "ssh://git@gitlab.example.com:2222/octo/web/shop.git",
            "gitlab https://gitlab.example.com/api/v4 https://gitlab.example.com octo/web/shop",
        ),
        ("http://gitea:3000/octo/shop", "gitea http://gitea:3000/api/v1 http://gitea:3000 octo/shop"),
        (
            "git@forgejo.example.com:octo/shop",
            "forgejo https://forgejo.example.com/api/v1 https://forgejo.example.com octo/shop",
        ),
        ("git@code.example.com:octo/shop.git", "unknown https://code.example.com octo/shop"),
        (
            "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop",
            "codecommit https://codecommit.eu-west-1.amazonaws.com - shop",
        ),
        (
            "ssh://APKAEXAMPLE@git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/shop",
            "codecommit https://codecommit.cn-north-1.amazonaws.com.cn - shop",
        ),
        (
            "codecommit::eu-west-1://profile@shop",
            "codecommit https://codecommit.eu-west-1.amazonaws.com - shop",
        ),
        // Such hosts are known to be no forge that is talked to.
        ("https://mona@dev.azure.com/octo/web/_git/shop", "unknown - octo/web/_git/shop"),
        ("https://bitbucket.example.com/scm/octo/shop.git", "unknown - scm/octo/shop"),
        (
            "https://codestar-connections.eu-west-1.amazonaws.com/git-http/1/eu-west-1/ab/octo/shop.git",
            "none",
        ),
    ];
    for (url, expected) in table {
        assert_eq!(told(url), expected, "{url}");
    }
}

#[test]
fn what_is_no_url_of_a_repository_is_none() {
    for url in [
        "",
        "octo/shop",
        "/srv/git/shop",
        "../shop",
        "C:\\shop",
        "work:octo/shop",
        "file:///srv/git/shop",
        "s3://bucket/shop.zip",
        "https://github.com",
        "https://github.com/.git",
        "https:///octo/shop",
        "https://github.com:99999/octo/shop",
        "https://github.com/octo/shop\nEvil: 1",
        "git@github.com:octo/shop\u{202e}",
        "https://git-codecommit.eu-west-1.amazonaws.com/shop",
        "https://git-codecommit.evil.com/x.amazonaws.com/v1/repos/shop@evil",
    ] {
        assert!(parse(url).is_none_or(|remote| remote.site.is_none()), "{url}: {}", told(url));
    }
    assert_eq!(told("octo/shop"), "none");
    assert_eq!(told("https://github.com"), "none");
}

#[test]
fn a_host_is_not_taken_for_one_it_only_resembles() {
    for host in ["notgithub.com", "github.com.evil.example", "evilghe.com", "api-github.com"] {
        let told = told(&format!("https://{host}/octo/shop"));
        assert!(!told.contains("api.github.com") && !told.contains("https://api.evil"), "{told}");
    }
}

#[test]
fn credentials_are_dropped() {
    for url in [
        "https://mona:s3cr3t@github.com/octo/shop.git",
        "https://s3cr3t@github.com/octo/shop.git",
        "https://x-access-token:s3cr3t@code.example.com:8443/octo/shop.git",
        "ssh://s3cr3t@gitlab.com/octo/shop.git",
        "s3cr3t@github.com:octo/shop.git",
        "https://a@s3cr3t@github.com/octo/shop",
    ] {
        assert!(!told(url).contains("s3cr3t"), "{}", told(url));
    }
}

#[test]
fn the_page_of_a_pull_request_tells_repository_and_number() {
    for (page, repository, number) in [
        ("https://github.com/octo/shop/pull/7", "octo/shop", 7),
        ("https://gitlab.com/octo/web/shop/-/merge_requests/12/", "octo/web/shop", 12),
        ("https://gitea.com/octo/shop/pulls/3", "octo/shop", 3),
        ("https://bitbucket.org/octo/shop/pull-requests/4", "octo/shop", 4),
    ] {
        let (remote, found) = pull_request(page).unwrap();
        assert_eq!((remote.repository.as_str(), found), (repository, number));
    }
    for page in ["", "https://github.com/octo/shop/issues/7", "https://github.com/octo/shop/pull/x", "7"] {
        assert_eq!(pull_request(page), None, "{page}");
    }
}
