//! Proxies, as curl and the CIs name them in the environment.

use std::fmt;

use aws_smithy_http_client::proxy::ProxyConfig;

/// Never through a proxy: this machine, and where clouds give credentials to it.
const ALWAYS_DIRECT: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10,fd00:ec2::/32";

/// The proxy for each scheme, and the hosts that are asked directly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    pub http: Option<ProxyUrl>,
    pub https: Option<ProxyUrl>,
    /// As NO_PROXY lists them: hosts, domains, addresses, networks, or `*`.
    pub except: String,
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
    /// The error completes a sentence that begins with the value, and does not hold it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let (scheme, _) = url.split_once("://").unwrap_or_default();
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err("names a kind of proxy that faultgate cannot use");
        }
        // Both clients have to take it.
        let taken = reqwest::Url::parse(&url).is_ok()
            && reqwest::Proxy::all(&url).is_ok()
            && ProxyConfig::all(url.as_str()).is_ok();
        if taken { Ok(Self(url)) } else { Err("is not the URL of a proxy") }
    }
}

impl Proxies {
    pub(super) fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    pub(super) fn for_reqwest(&self) -> Result<Vec<reqwest::Proxy>, String> {
        type Make = fn(&str) -> reqwest::Result<reqwest::Proxy>;
        let kinds: [(&Option<ProxyUrl>, Make); 2] =
            [(&self.http, |url| reqwest::Proxy::http(url)), (&self.https, |url| reqwest::Proxy::https(url))];
        let direct = reqwest::NoProxy::from_string(&self.direct());
        kinds
            .into_iter()
            .filter_map(|(url, make)| url.as_ref().map(|url| make(&url.0)))
            .map(|proxy| proxy.map(|proxy| proxy.no_proxy(direct.clone())))
            .collect::<Result<_, _>>()
            .map_err(|_| "a proxy's URL is not one".to_owned())
    }

    /// What the SDK takes for requests that go through this proxy. A proxy is known to be good.
    pub(super) fn for_aws(&self, proxy: Option<&ProxyUrl>) -> Option<ProxyConfig> {
        ProxyConfig::all(proxy?.0.as_str()).ok().map(|config| config.no_proxy(self.direct()))
    }

    /// Hosts that are asked directly, in the form that both clients read: by commas, a domain without its star.
    fn direct(&self) -> String {
        let said = self.except.split([',', ' ', '\t', '\n']).filter(|host| !host.is_empty());
        said.map(|host| host.strip_prefix("*.").unwrap_or(host)).fold(
            ALWAYS_DIRECT.to_owned(),
            |mut all, host| {
                all.push(',');
                all.push_str(host);
                all
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::client::proxy::matcher::Matcher;

    use super::*;

    #[test]
    fn this_machine_and_the_sources_of_credentials_are_asked_directly() {
        let proxies = Proxies { except: "*.corp.example, 10.0.0.0/8 db".to_owned(), ..Proxies::default() };
        // Both clients match with this.
        let matcher = Matcher::builder().all("http://proxy.example:3128").no(proxies.direct()).build();
        let through = |url: &str| matcher.intercept(&url.parse().unwrap()).is_some();
        for url in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://127.0.0.1:4010/",
            "http://[::1]:4010/",
            "https://localhost/",
            "https://git.corp.example/",
            "https://10.1.2.3/",
            "https://db/",
        ] {
            assert!(!through(url), "{url} goes through the proxy");
        }
        for url in ["https://api.github.com/", "https://fis.eu-west-1.amazonaws.com/", "http://11.0.0.1/"] {
            assert!(through(url), "{url} is asked directly");
        }
    }

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
