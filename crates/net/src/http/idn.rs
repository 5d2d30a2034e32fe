//! Hosts whose names have letters of other alphabets. Requests name them in ASCII, so comparisons of hosts
//! must do so, too.

use std::borrow::Cow;

use reqwest::Url;

/// Returns the URL with its host in ASCII, as requests name it; the rest stays as it is. None where the host
/// has no such name.
pub fn in_ascii(url: &str) -> Option<Cow<'_, str>> {
    let Some((scheme, rest)) = url.split_once("://").filter(|_| !url.is_ascii()) else {
        return Some(Cow::Borrowed(url));
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, server) = match authority.rsplit_once('@') {
        Some((user, server)) => (format!("{user}@"), server),
        None => (String::new(), authority),
    };
    let (host, port) = server.split_at(server.find(':').unwrap_or(server.len()));
    Some(Cow::Owned(format!("{scheme}://{user}{}{port}{path}", ascii_host(host)?)))
}

/// Returns the name of a host in ASCII; None where the text is no host.
pub fn ascii_host(host: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{host}/")).ok()?;
    // The text must be nothing but a host: `a/b` and `a@b` are parsed as well.
    let is_host = url.path() == "/" && url.username().is_empty() && url.port().is_none();
    url.host_str().filter(|_| is_host).map(str::to_owned)
}

/// Returns the host of a URL, without its port.
pub fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_in_ascii_and_the_rest_stays() {
        for (url, expected) in [
            ("https://gitlab.bücher.example/g/p.git", "https://gitlab.xn--bcher-kva.example/g/p.git"),
            ("https://u:p@BÜCHER.example:8443/x?é#é", "https://u:p@xn--bcher-kva.example:8443/x?é#é"),
            ("http://例え.テスト", "http://xn--r8jz45g.xn--zckzah"),
            ("https://git.example/é", "https://git.example/é"),
            ("https://plain.example/x", "https://plain.example/x"),
            ("no url, é", "no url, é"),
        ] {
            assert_eq!(in_ascii(url).as_deref(), Some(expected), "{url}");
        }
        for url in ["https://é é/x", "https://é%2fx/", "https://\u{e9}\u{0}/"] {
            assert_eq!(in_ascii(url), None, "{url}");
        }
        assert_eq!(ascii_host("a/b"), None);
        assert_eq!(ascii_host("a@b"), None);
    }
}
