//! The way from the URL that a repository is cloned from to its forge, the forge's API and the repository's
//! name there.
//!
//! Public forges are known by their hosts. Of other hosts the first label may tell; else the user or the only
//! token does. A host that is known to be no forge of ours, such as Azure's, never gets a site, so that no
//! token is sent there.

use super::facts::{api_url, web_url};
use crate::forge::Site;
use faultgate_core::model::ForgeKind;
use faultgate_net::http::idn::{ascii_host, host_of};

/// The facts that the URL of a repository tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// The forge, or `None` where the host does not tell which forge it is.
    pub(super) site: Option<Site>,
    /// The URL of the server, if it is none of the public forges.
    pub(super) server: Option<String>,
    pub(super) repository: String,
    /// `true` if the URL is of http. Such a URL has the path that the forge is below, which is no part of the
    /// repository's name.
    pub(super) is_web: bool,
}

impl Remote {
    /// Returns the remote with the repository's name as the API knows it, if the API is on the same host.
    pub(super) fn at_api(mut self, api: Option<&str>) -> Self {
        if let (Some(api), Some(server), true) = (api, &self.server, self.is_web) {
            self.repository = without_prefix(self.repository, server, api);
            self.is_web = false;
        }
        self
    }
}

/// Returns the name of a repository without the path that its forge is below. The URL of the API tells this
/// path.
pub(super) fn without_prefix(repository: String, server: &str, api: &str) -> String {
    let path =
        api.splitn(4, '/').nth(3).and_then(|path| path.rsplit_once("api/v")).map(|(path, _version)| path);
    let prefix = path.filter(|path| !path.is_empty() && host_of(api) == host_of(server));
    match prefix.and_then(|prefix| repository.strip_prefix(prefix)) {
        Some(rest) => rest.to_owned(),
        None => repository,
    }
}

/// Reads `https://host/owner/name.git`, `ssh://git@host/owner/name`, `git@host:owner/name.git`, and
/// CodeCommit's `codecommit::region://name`. Credentials are dropped, and so is a port of ssh, since the API
/// has another one.
pub(super) fn parse(url: &str) -> Option<Remote> {
    let url = url.trim();
    if let Some(rest) = url.strip_prefix("codecommit::") {
        let (region, name) = rest.split_once("://")?;
        let name = name.rsplit_once('@').map_or(name, |(_profile, name)| name);
        return codecommit(region, name);
    }
    let address = Address::read(url)?;
    let path = address.path.trim_matches('/');
    let repository = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    if repository.is_empty() {
        return None;
    }
    if let Some(region) = address.codecommit_region() {
        return codecommit(region, repository.strip_prefix("v1/repos/")?);
    }
    let host = address.host.as_str();
    if matches_domain(host, "amazonaws.com") || matches_domain(host, "amazonaws.com.cn") {
        // The URL is one of a bucket, or of a connection of CodePipeline, and of no forge that could be
        // talked to.
        return None;
    }
    let kind = kind_of(host);
    // A public forge has one address for its API, whichever host it was cloned from.
    let base = if is_public(host) { format!("https://{}", public_host(host)) } else { address.base() };
    Some(Remote {
        site: kind.and_then(|kind| site_at(kind, &base)),
        server: (!is_public(host) && !is_no_forge(host)).then_some(base),
        repository: repository.to_owned(),
        is_web: address.is_web,
    })
}

/// Returns the repository and the number in the URL of a pull or merge request's page.
pub(super) fn pull_request(url: &str) -> Option<(Remote, u64)> {
    let (before, number) = url.trim().trim_end_matches('/').rsplit_once('/')?;
    let (repository, word) = before.rsplit_once('/')?;
    if !matches!(word, "pull" | "pulls" | "pull-requests" | "merge_requests") {
        return None;
    }
    Some((parse(repository.strip_suffix("/-").unwrap_or(repository))?, number.parse().ok()?))
}

/// Returns the API of a forge of this kind on this server.
pub(super) fn site_at(kind: ForgeKind, server: &str) -> Option<Site> {
    let server = api_url(server)?;
    let host = server.split_once("://").map_or("", |(_, host)| host);
    let api_url = match kind {
        ForgeKind::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
        ForgeKind::GitHub if matches_domain(host, "ghe.com") => format!("https://api.{host}"),
        ForgeKind::GitHub => format!("{server}/api/v3"),
        ForgeKind::GitLab => format!("{server}/api/v4"),
        ForgeKind::Gitea | ForgeKind::Forgejo => format!("{server}/api/v1"),
        ForgeKind::Bitbucket if host == "bitbucket.org" => "https://api.bitbucket.org/2.0".to_owned(),
        // The server edition of Bitbucket has another API.
        ForgeKind::Bitbucket | ForgeKind::CodeCommit => return None,
    };
    Some(Site { kind, api_url })
}

/// Returns the forge of this kind that everybody can use. Gitea and Forgejo have many, of which none stands
/// for all.
pub(super) fn public(kind: ForgeKind) -> Option<Site> {
    let server = match kind {
        ForgeKind::GitHub => "https://github.com",
        ForgeKind::GitLab => "https://gitlab.com",
        ForgeKind::Bitbucket => "https://bitbucket.org",
        ForgeKind::Gitea | ForgeKind::Forgejo | ForgeKind::CodeCommit => return None,
    };
    site_at(kind, server)
}

/// Returns CodeCommit in a Region. A text that can be no Region has none, since it would become a part of a
/// host.
pub(super) fn codecommit_site(region: &str) -> Option<Site> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if region.is_empty() || !region.bytes().all(plain) {
        return None;
    }
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    let api_url = format!("https://codecommit.{region}.amazonaws.com{china}");
    Some(Site { kind: ForgeKind::CodeCommit, api_url })
}

fn codecommit(region: &str, name: &str) -> Option<Remote> {
    let site = Some(codecommit_site(region)?);
    (!name.is_empty()).then(|| Remote { site, server: None, repository: name.to_owned(), is_web: false })
}

/// Returns the forge that a host is. The first label of a host that is not known may tell.
fn kind_of(host: &str) -> Option<ForgeKind> {
    if is_no_forge(host) {
        return None;
    }
    Some(match public_host(host) {
        "github.com" => ForgeKind::GitHub,
        "gitlab.com" => ForgeKind::GitLab,
        "bitbucket.org" => ForgeKind::Bitbucket,
        "codeberg.org" => ForgeKind::Forgejo,
        "gitea.com" => ForgeKind::Gitea,
        host if matches_domain(host, "ghe.com") => ForgeKind::GitHub,
        host => match host.split('.').next().unwrap_or_default() {
            "github" | "ghe" => ForgeKind::GitHub,
            "gitlab" => ForgeKind::GitLab,
            "gitea" => ForgeKind::Gitea,
            "forgejo" => ForgeKind::Forgejo,
            _ => return None,
        },
    })
}

/// Returns the host under which a public forge serves more than ssh, such as its API.
fn public_host(host: &str) -> &str {
    match host {
        "www.github.com" | "ssh.github.com" => "github.com",
        "altssh.gitlab.com" => "gitlab.com",
        "altssh.bitbucket.org" => "bitbucket.org",
        host => host,
    }
}

fn is_public(host: &str) -> bool {
    let host = public_host(host);
    matches!(host, "github.com" | "gitlab.com" | "bitbucket.org" | "codeberg.org" | "gitea.com")
        || matches_domain(host, "ghe.com")
}

/// Says whether a host of repositories has none of the APIs that are known. No token is ever sent there.
fn is_no_forge(host: &str) -> bool {
    matches_domain(host, "dev.azure.com")
        || matches_domain(host, "visualstudio.com")
        || host.starts_with("stash.")
        || (host.starts_with("bitbucket.") && host != "bitbucket.org")
}

fn matches_domain(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// The parts of a repository's URL.
struct Address {
    /// The scheme of the server's pages. It is `https` for a URL of ssh or git.
    scheme: &'static str,
    /// The host, in lower case.
    host: String,
    /// The port, if the URL is of http or https.
    port: Option<u16>,
    path: String,
    is_web: bool,
}

impl Address {
    fn read(url: &str) -> Option<Self> {
        if !url.contains("://") {
            return Self::scp_like(url);
        }
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (scheme, has_api) = match scheme.as_str() {
            "http" => ("http", true),
            "https" => ("https", true),
            "ssh" | "git" | "git+ssh" | "ssh+git" => ("https", false),
            _ => return None,
        };
        // The URL is read as the address of a page, whatever its scheme is: the same rules hold, and
        // credentials are dropped.
        let uri: http::Uri = web_url(&format!("{scheme}://{rest}"))?.parse().ok()?;
        let port = uri.port_u16().filter(|_| has_api);
        Some(Self {
            scheme,
            host: uri.host()?.to_ascii_lowercase(),
            port,
            path: uri.path().to_owned(),
            is_web: has_api,
        })
    }

    /// Reads `user@host:path`. If there is no user, a host without a dot is rather a drive or an alias of
    /// ssh's, and is not taken.
    fn scp_like(url: &str) -> Option<Self> {
        let (server, path) = url.split_once(':')?;
        let host = match server.rsplit_once('@') {
            Some((_user, host)) => host,
            None if server.contains('.') => server,
            None => return None,
        };
        let host = if host.is_ascii() { host.to_owned() } else { ascii_host(host)? };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(plain) || !path.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        Some(Self {
            scheme: "https",
            host: host.to_ascii_lowercase(),
            port: None,
            path: path.to_owned(),
            is_web: false,
        })
    }

    fn base(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.scheme, self.host)
    }

    /// Returns the Region of a host of CodeCommit.
    fn codecommit_region(&self) -> Option<&str> {
        let rest =
            self.host.strip_prefix("git-codecommit.").or(self.host.strip_prefix("git-codecommit-fips."))?;
        rest.strip_suffix(".amazonaws.com").or(rest.strip_suffix(".amazonaws.com.cn"))
    }
}
