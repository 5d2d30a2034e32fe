//! The hosts that are asked directly, as NO_PROXY lists them. curl and Go read the list a little differently,
//! and so do the HTTP libraries here. This is the one reading that all clients follow.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

/// Hosts that are never asked through a proxy: this machine, and the addresses at which clouds give
/// credentials to it.
const ALWAYS_DIRECT: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10,fd00:ec2::/32";

/// The hosts that are asked directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Except(Vec<NoProxyEntry>);

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NoProxyEntry {
    hosts: Hosts,
    /// The port that the entry is limited to; None for every port.
    port: Option<u16>,
}

/// The hosts that an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    All,
    Network(IpNet),
    /// A domain and all names below it.
    Domain(String),
}

impl Default for Except {
    fn default() -> Self {
        Self::parse("").0
    }
}

impl Except {
    /// Reads a list whose entries are divided by commas or blanks. The entries that cannot be read are
    /// returned as well.
    pub fn parse(list: &str) -> (Self, Vec<String>) {
        let (mut entries, mut unread) = (Vec::new(), Vec::new());
        let said = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        for entry in ALWAYS_DIRECT.split(',').chain(said) {
            match NoProxyEntry::parse(entry) {
                Some(entry) => entries.push(entry),
                None => unread.push(entry.to_owned()),
            }
        }
        (Self(entries), unread)
    }

    /// Returns `true` if this address, of `http` or `https`, is asked directly. A text that is no address is
    /// not.
    pub(crate) fn has(&self, address: &str) -> bool {
        let Ok(uri) = address.parse::<http::Uri>() else { return false };
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        uri.host().is_some_and(|host| self.matches(host, uri.port_u16().unwrap_or(usual)))
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        let host = bare(host).trim_end_matches('.');
        let address = host.parse::<IpAddr>().ok();
        let mut of_port = self.0.iter().filter(|entry| entry.port.is_none_or(|own| own == port));
        of_port.any(|entry| entry.hosts.have(host, address))
    }
}

impl NoProxyEntry {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self { hosts: Hosts::All, port: None });
        }
        // An IPv6 address has colons of its own, so it is tried before a colon counts as that of a port.
        if let Some(hosts) = network(entry) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (entry, None),
        };
        let hosts = if host == "*" { Hosts::All } else { network(host).or_else(|| domain(host))? };
        Some(Self { hosts, port })
    }
}

impl Hosts {
    fn have(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::All, _) => true,
            (Self::Network(network), Some(address)) => network.contains(&address),
            // An address belongs to no domain, so only names are compared.
            (Self::Domain(domain), None) => {
                let tail = host.len().checked_sub(domain.len());
                tail.and_then(|tail| Some((host.get(..tail)?, host.get(tail..)?))).is_some_and(
                    |(head, tail)| {
                        tail.eq_ignore_ascii_case(domain) && (head.is_empty() || head.ends_with('.'))
                    },
                )
            }
            _ => false,
        }
    }
}

/// Reads one IP address or a network.
fn network(text: &str) -> Option<Hosts> {
    let one = bare(text).parse::<IpAddr>().map(IpNet::from);
    one.ok().or_else(|| text.parse().ok()).map(Hosts::Network)
}

/// Reads a domain. `example.com`, `.example.com` and `*.example.com` are the same, with or without the dot of
/// the root.
fn domain(text: &str) -> Option<Hosts> {
    let name = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.contains([':', '/', '@', '?', '#', '\\', '[', ']', '*', ';', '|']) {
        return None;
    }
    // The name is written as a URL has it: there, a number is an address, and letters of other alphabets are
    // encoded.
    let url = Url::parse(&format!("http://{name}")).ok()?;
    url.domain().map(|domain| Hosts::Domain(domain.to_owned()))
}

/// Takes off the brackets that an IPv6 address has in a URL.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn direct(list: &str, address: &str) -> bool {
        let (except, unread) = Except::parse(list);
        assert!(unread.is_empty(), "{unread:?}");
        except.has(address)
    }

    #[test]
    fn this_machine_and_the_sources_of_credentials_are_asked_directly() {
        for url in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://127.0.0.1:4010/",
            "http://[::1]:4010/",
            "https://localhost/",
        ] {
            assert!(direct("", url), "{url} goes through the proxy");
        }
        for url in ["https://api.github.com/", "https://fis.eu-west-1.amazonaws.com/", "http://11.0.0.1/"] {
            assert!(!direct("", url), "{url} is asked directly");
        }
    }

    #[test]
    fn an_entry_matches_as_curl_and_go_read_it() {
        for (entry, address, want) in [
            ("svc.corp.test:8080", "http://svc.corp.test:8080/", true),
            ("svc.corp.test:8080", "http://svc.corp.test:9090/", false),
            ("svc.corp.test:443", "https://svc.corp.test/", true),
            ("svc.corp.test:80", "http://svc.corp.test/x", true),
            ("svc.corp.test:80", "https://svc.corp.test/", false),
            ("corp.test:8080", "http://svc.corp.test:8080/", true),
            ("10.1.2.3", "http://10.1.2.3:8080/", true),
            ("10.1.2.3:8080", "http://10.1.2.3:8080/", true),
            ("10.1.2.3:9999", "http://10.1.2.3:8080/", false),
            ("[fd00::5]", "http://[fd00::5]:8080/", true),
            ("fd00::5", "http://[fd00::5]:8080/", true),
            ("[fd00::5]:8080", "http://[fd00::5]:8080/", true),
            ("[fd00::5]:8081", "http://[fd00::5]:8080/", false),
            ("fd00::/8", "http://[fd00::5]:8080/", true),
            ("10.0.0.0/8", "http://10.200.0.1/", true),
            ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("example.com.", "https://example.com/", true),
            ("example.com", "https://example.com./", true),
            (".example.com", "https://example.com/", true),
            (".example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://a.example.com/", true),
            ("Example.COM", "https://a.EXAMPLE.com/", true),
            ("example.com", "https://notexample.com/", false),
            ("example.com", "https://example.com.evil.test/", false),
            ("*", "https://example.com/", true),
            ("*", "http://[2001:db8::1]/", true),
            ("*:8080", "http://example.com:8080/", true),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
            ("db", "http://db:5432/", true),
            ("a.test b.test,c.test", "http://b.test/", true),
        ] {
            assert_eq!(direct(entry, address), want, "{entry} and {address}");
        }
    }

    #[test]
    fn what_nobody_can_match_is_returned() {
        for entry in [
            "10.*",
            "a.test;svc.corp.test",
            "10.1",
            "a*.test",
            "http://a.test",
            "a.test:x",
            "10.0.0.0/33",
            "a.test:0",
        ] {
            let (except, unread) = Except::parse(&format!("b.test,{entry}"));
            assert_eq!(unread, [entry]);
            assert!(except.has("http://b.test/"), "the others hold");
        }
    }

    proptest! {
        #[test]
        fn any_list_is_read_and_any_address_asked_for(list in "[a-c.:*/0-9\\[\\]é, -]{0,20}", host in "\\PC{0,12}") {
            let (except, _) = Except::parse(&list);
            let _ = except.has(&format!("http://{host}/"));
        }
    }
}
