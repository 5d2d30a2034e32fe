//! Tests of certificates and proxies, good and bad.

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;

use super::*;
use crate::suite::doubts::without_unmeasured;
use crate::{Settings, load};

fn certificate() -> String {
    let key = KeyPair::generate().unwrap();
    CertificateParams::new(["ca.example".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
}

struct Case {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

impl Case {
    fn new() -> Self {
        let template = ("FAULTGATE_EXPERIMENT_TEMPLATE_ID".to_owned(), "EXT1".to_owned());
        Self { dir: tempfile::tempdir().unwrap(), variables: vec![template] }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, variable: &str, name: &str, content: &[u8]) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        self.with(variable, name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn load(&self) -> Result<Settings, Vec<Mistake>> {
        let env = Environment::from_pairs(self.variables.iter().map(|(name, value)| (name, value)));
        load(
            &env,
            Vec::new(),
            self.dir.path(),
            crate::Outside { scenarios: &["completed"], ..crate::Outside::default() },
            &[],
        )
        .map(without_unmeasured)
    }

    #[track_caller]
    fn settings(&self) -> Settings {
        self.load().unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }

    #[track_caller]
    fn mistake(&self) -> String {
        let mistakes = self.load().expect_err("a mistake");
        let [mistake] = &mistakes[..] else { panic!("one mistake: {mistakes:?}") };
        mistake.to_string()
    }
}

/// Contents that no file of certificates may have, each with a part of the message about it.
fn broken() -> Vec<(Vec<u8>, &'static str)> {
    let good = certificate();
    let half = good[..good.len() / 2].to_owned();
    let garbled = format!("{good}-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let other = format!("{good}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    vec![
        (Vec::new(), "is not PEM"),
        (vec![0x30, 0x82, 0x01, 0x00, 0xff], "is not PEM"),
        (KeyPair::generate().unwrap().serialize_pem().into(), "holds no certificate"),
        (half.into(), "number 1) that is not valid PEM"),
        (garbled.into(), "number 2) that is not valid PEM"),
        (other.into(), "number 2) that does not parse"),
    ]
}

#[test]
fn certificates_of_a_bundle_and_of_gitlab_are_trusted_together() {
    let (one, other) = (certificate(), certificate());
    let settings = Case::new()
        .file("FAULTGATE_CA_BUNDLE", "ca.pem", one.trim_end().as_bytes())
        .file("CI_SERVER_TLS_CA_FILE", "gitlab.pem", other.as_bytes())
        .settings();
    let pem = settings.http.ca_bundle.clone().unwrap();
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    assert_eq!(read.unwrap().len(), 2);
    assert!(faultgate_net::http::client(&settings.http).is_ok());
    assert!(faultgate_net::aws::http_client(&settings.http).is_ok());
    assert_eq!(Case::new().settings().http, HttpSettings::default());
}

#[test]
fn a_bundle_that_cannot_work_is_a_mistake() {
    for (content, what) in broken() {
        let told = Case::new().file("FAULTGATE_CA_BUNDLE", "ca.pem", &content).mistake();
        assert!(told.starts_with("ca-bundle: \"ca.pem\" ") && told.contains(what), "{what}: {told}");
        assert!(told.contains("(from FAULTGATE_CA_BUNDLE); "), "{told}");
    }
    let told = Case::new().with("INPUT_CA-BUNDLE", "not-there.pem").mistake();
    assert!(told.contains("\"not-there.pem\" is not there (from INPUT_CA-BUNDLE)"), "{told}");
    let told = Case::new().with("FAULTGATE_CA_BUNDLE", ".").mistake();
    assert!(told.contains("is not a file"), "{told}");
}

#[test]
fn a_broken_ssl_cert_file_is_a_mistake_and_in_a_rehearsal_a_warning() {
    let good = certificate();
    // The TLS library passes over a broken certificate beside a good one.
    let mixed = format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{good}");
    let settings = Case::new().file("SSL_CERT_FILE", "ca.pem", mixed.as_bytes()).settings();
    assert_eq!((settings.http.ca_bundle, settings.warnings), (None, vec![]), "it is read where TLS is used");

    for (name, what) in [("not-there.pem", "is not there"), (".", "is not a file")] {
        let case = Case::new().with("SSL_CERT_FILE", name);
        let told = case.mistake();
        assert!(told.contains(what) && told.contains("unset SSL_CERT_FILE"), "{told}");
        let rehearsed = case.with("FAULTGATE_REHEARSAL", "completed").settings();
        assert!(rehearsed.warnings.contains(&told), "{:?}", rehearsed.warnings);
    }
    let told = Case::new().file("SSL_CERT_FILE", "ca.pem", b"no certificate").mistake();
    assert!(told.contains("\"ca.pem\" is not PEM (from SSL_CERT_FILE)"), "{told}");
}

#[test]
fn what_gitlabs_runner_left_is_at_most_a_warning() {
    for (content, what) in broken() {
        let settings = Case::new().file("CI_SERVER_TLS_CA_FILE", "gitlab.pem", &content).settings();
        let [warning] = &settings.warnings[..] else { panic!("one warning: {:?}", settings.warnings) };
        assert!(warning.contains(what) && warning.contains("CI_SERVER_TLS_CA_FILE"), "{warning}");
        assert_eq!(settings.http.ca_bundle, None);
    }
}

#[test]
fn proxies_come_from_the_environment_in_capitals_or_not() {
    let url = |text| Some(ProxyUrl::parse(text).unwrap());
    let settings = Case::new()
        .with("HTTP_PROXY", "")
        .with("http_proxy", "one.example:3128")
        .with("ALL_PROXY", "http://all.example")
        .with("no_proxy", "db.example")
        .settings();
    let expected = Proxies {
        http: url("http://one.example:3128"),
        https: url("http://all.example"),
        except: Except::parse("db.example").0,
    };
    assert_eq!(settings.http.proxies, expected);
    assert!(faultgate_net::aws::http_client(&settings.http).is_ok());
}

#[test]
fn a_proxy_that_cannot_work_is_a_mistake_told_once_and_without_its_value() {
    let case = Case::new().with("all_proxy", "socks5h://user:s3cr3t@proxy:1080");
    let told = case.mistake();
    assert!(told.contains("(from all_proxy)") && told.contains("kind of proxy"), "{told}");
    assert!(!told.contains("s3cr3t"), "{told}");
    let rehearsed = case.with("FAULTGATE_REHEARSAL", "completed").settings();
    assert_eq!(rehearsed.http, HttpSettings::default());
    assert!(rehearsed.warnings.contains(&told), "{:?}", rehearsed.warnings);

    // A proxy that is not used cannot be a mistake.
    let used = "http://proxy.example";
    let case = Case::new().with("HTTP_PROXY", used).with("HTTPS_PROXY", used).with("ALL_PROXY", "socks5://x");
    assert!(case.load().is_ok());
}
