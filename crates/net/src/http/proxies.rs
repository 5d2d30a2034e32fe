//! The proxies, as curl and the CIs name them in the environment, in the form that the HTTP library takes.

use std::fmt;

use super::no_proxy::Except;

/// The proxy for each scheme, and the hosts that are asked directly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    pub http: Option<ProxyUrl>,
    pub https: Option<ProxyUrl>,
    pub except: Except,
}

/// The URL of a proxy. It may hold a password, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl ProxyUrl {
    /// Reads the URL of a proxy; `http` is assumed where it has no scheme. The error completes a sentence
    /// that begins with the value, and does not hold it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let (scheme, _) = url.split_once("://").unwrap_or_default();
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err("names a kind of proxy that faultgate cannot use");
        }
        // Both have to take the URL, so that no request fails later.
        let taken = reqwest::Url::parse(&url).is_ok() && reqwest::Proxy::all(&url).is_ok();
        if taken { Ok(Self(url)) } else { Err("is not the URL of a proxy") }
    }
}

impl Proxies {
    fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// Returns one proxy for all requests, which decides by their addresses: `reqwest`'s own NO_PROXY matches
    /// hosts only.
    pub(super) fn for_reqwest(&self) -> Option<reqwest::Proxy> {
        if self.is_empty() {
            return None;
        }
        let Self { http, https, except } = self.clone();
        Some(reqwest::Proxy::custom(move |address| {
            let proxy = if address.scheme() == "https" { &https } else { &http };
            proxy.as_ref().filter(|_| !except.has(address.as_str())).map(|proxy| proxy.0.clone())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_http_url_with_or_without_its_scheme() {
        for text in [
            "http://proxy:3128",
            "https://proxy.example",
            "proxy.example:3128",
            "HTTP://user:p%40ss@proxy:3128/",
            "http://[::1]:8080",
        ] {
            assert!(ProxyUrl::parse(text).is_ok(), "{text}");
        }
        for text in
            ["socks5h://proxy:1080", "http://", "http://proxy:port", "http://user:p#ss@proxy:80", "a b"]
        {
            assert!(ProxyUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let proxy = ProxyUrl::parse("http://user:s3cr3t@proxy").unwrap();
        let proxies = Proxies { http: Some(proxy), ..Proxies::default() };
        assert!(!format!("{proxies:?}").contains("s3cr3t"));
    }
}
