//! Whom to trust and which way to go: certificates and proxies of the settings and of the environment, checked here,
//! since later they would be a failed handshake or a panic.

use std::path::Path;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::file;
use super::values::Values;
use faultgate_core::environment::{Environment, is_blank};
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::{Problem, quoted};
use faultgate_net::foreign;
use faultgate_net::foreign::Readers;
use faultgate_net::http::{Except, HttpSettings, Proxies, ProxyUrl};

/// All certificates of a system are a quarter of this.
const MAX_BYTES: u64 = 1 << 20;

const NAME_PEM: &str = "name a file of PEM certificates";

/// What can be done about a file: what is wrong with it, and the hint.
type Refusal = (String, String);

pub(super) struct Trust<'a> {
    pub(super) env: &'a Environment,
    /// Paths start here.
    pub(super) dir: &'a Path,
    /// A rehearsal needs nobody else: what is broken in the environment is no reason not to hold it.
    pub(super) rehearsed: bool,
    pub(super) mistakes: &'a mut Vec<Mistake>,
    pub(super) warnings: &'a mut Vec<String>,
}

impl Trust<'_> {
    pub(super) fn read(mut self, values: &Values) -> HttpSettings {
        for mistake in foreign::mistakes(self.env, Readers::Clients) {
            self.broken(mistake);
        }
        self.system();
        self.folders();
        let mut pem = self.bundle(values);
        pem.extend(self.aws_bundle());
        pem.extend(self.gitlab());
        let http = self.proxy("HTTP_PROXY");
        let https = self.proxy("HTTPS_PROXY");
        let except = self.except();
        HttpSettings { ca_bundle: (!pem.is_empty()).then_some(pem), proxies: Proxies { http, https, except } }
    }

    /// What the AWS SDK reads. Where nothing is asked of AWS it is only told.
    pub(super) fn aws(&mut self, reached: bool) {
        for mistake in foreign::mistakes(self.env, Readers::Aws) {
            if reached {
                self.broken(mistake);
            } else {
                self.warnings.push(mistake.to_string());
            }
        }
    }

    /// Hosts that are asked directly. An entry that nobody can match is told, since all it names would go through the
    /// proxy.
    fn except(&mut self) -> Except {
        let Some((origin, hosts)) = self.variable("NO_PROXY") else { return Except::default() };
        let (except, unread) = Except::parse(&hosts);
        for entry in unread {
            let what = format!(
                "{origin}: {} is neither a host nor a network, so nothing is matched by it",
                quoted(&entry)
            );
            let hint = "divide entries by commas; write a domain as example.com, a network as 10.0.0.0/8";
            self.warnings.push(Mistake::new(&origin, what).hint(hint).to_string());
        }
        except
    }

    /// AWS's own name for a bundle. Somebody counts on it, for AWS at least.
    fn aws_bundle(&mut self) -> Vec<u8> {
        const NAME: &str = "AWS_CA_BUNDLE";
        let Some(path) = self.env.raw(NAME).filter(|path| !is_blank(path)) else { return Vec::new() };
        certificates(&self.dir.join(path)).unwrap_or_else(|(what, hint)| {
            let shown = quoted(&path.to_string_lossy());
            self.broken(
                Mistake::new(NAME, format!("{NAME}: {shown} {what}"))
                    .hint(format!("{hint}, or unset {NAME}")),
            );
            Vec::new()
        })
    }

    /// `ca-bundle`: everything in it must be good, since somebody counts on it.
    fn bundle(&mut self, values: &Values) -> Vec<u8> {
        let Some(path) = values.text("ca-bundle") else { return Vec::new() };
        certificates(&self.dir.join(path)).unwrap_or_else(|(what, hint)| {
            self.mistakes.push(values.mistake("ca-bundle", Problem::new(what).hint(hint)));
            Vec::new()
        })
    }

    /// GitLab's runner leaves the certificates of its server in a file. Nobody asked for it, so it is no mistake.
    fn gitlab(&mut self) -> Vec<u8> {
        const NAME: &str = "CI_SERVER_TLS_CA_FILE";
        let Some(path) = self.env.get(NAME) else { return Vec::new() };
        certificates(&self.dir.join(path)).unwrap_or_else(|(what, _)| {
            let hint = "set ca-bundle if GitLab has a private CA";
            self.warnings
                .push(Mistake::new(NAME, format!("{NAME}: {} {what}", quoted(path))).hint(hint).to_string());
            Vec::new()
        })
    }

    /// SSL_CERT_FILE takes the place of the system's certificates wherever TLS is used; what is broken in it is passed
    /// over there. If nothing is left, nobody can be trusted.
    fn system(&mut self) {
        const NAME: &str = "SSL_CERT_FILE";
        let Some(path) = self.env.raw(NAME).filter(|path| !is_blank(path)) else { return };
        let (what, hint) = match some_certificate(&self.dir.join(path)) {
            Ok(()) => return,
            Err(refusal) => refusal,
        };
        let shown = quoted(&path.to_string_lossy());
        let mistake = Mistake::new(NAME, format!("{NAME}: {shown} {what}"));
        self.broken(mistake.hint(format!("{hint}, or unset {NAME}")));
    }

    /// SSL_CERT_DIR takes the place of the system's certificates as well.
    fn folders(&mut self) {
        const NAME: &str = "SSL_CERT_DIR";
        let Some(folders) = self.env.raw(NAME).filter(|folders| !is_blank(folders)) else { return };
        if std::env::split_paths(folders).any(|folder| self.dir.join(folder).is_dir()) {
            return;
        }
        let shown = quoted(&folders.to_string_lossy());
        let mistake = Mistake::new(NAME, format!("{NAME}: {shown} is no folder that is there"));
        self.broken(mistake.hint(format!("name a folder of PEM certificates, or unset {NAME}")));
    }

    /// The proxy for a scheme: its own variable, or the one for all.
    fn proxy(&mut self, name: &str) -> Option<ProxyUrl> {
        let (origin, value) = self.variable(name).or_else(|| self.variable("ALL_PROXY"))?;
        ProxyUrl::parse(&value)
            .inspect_err(|what| {
                // The value may hold a password.
                let mistake = Mistake::new(&origin, format!("{origin}: the value {what}"));
                self.broken(mistake.hint(
                    "write for example http://proxy.example.com:3128, with special characters of a user or password \
                     as %40, or unset it",
                ));
            })
            .ok()
    }

    /// A variable that is written in capitals or in small letters, with the name that is set.
    fn variable(&mut self, name: &str) -> Option<(String, String)> {
        let forms = [name.to_owned(), name.to_ascii_lowercase()];
        let (form, value) = forms
            .into_iter()
            .find_map(|form| Some((self.env.raw(&form).filter(|value| !is_blank(value))?, form)))
            .map(|(value, form)| (form, value.to_str().map(|text| text.trim().to_owned())))?;
        // One that is not UTF-8, or holds a control character, has been told.
        Some((form, value.filter(|text| !text.contains(char::is_control))?))
    }

    /// Something of the environment that cannot work.
    fn broken(&mut self, mistake: Mistake) {
        if !self.rehearsed {
            if !self.mistakes.contains(&mistake) {
                self.mistakes.push(mistake);
            }
            return;
        }
        let warning = mistake.to_string();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The content of a file in which every certificate is good, and there is one.
pub(super) fn certificates(path: &Path) -> Result<Vec<u8>, Refusal> {
    let mut pem = file::bytes(path, MAX_BYTES, NAME_PEM)?;
    let mut roots = RootCertStore::empty();
    for (place, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let number = place + 1;
        let replace = || "replace that certificate, or take it out".to_owned();
        let certificate = certificate.map_err(|_| {
            (format!("holds a certificate (number {number}) that is not valid PEM"), replace())
        })?;
        roots
            .add(certificate)
            .map_err(|_| (format!("holds a certificate (number {number}) that does not parse"), replace()))?;
    }
    if roots.is_empty() {
        return Err(none(&pem));
    }
    // Another file may follow.
    pem.push(b'\n');
    Ok(pem)
}

/// Whether a file holds a certificate that can be used, as the TLS library reads it.
fn some_certificate(path: &Path) -> Result<(), Refusal> {
    let pem = file::bytes(path, u64::from(u32::MAX), NAME_PEM)?;
    let good = |certificate| RootCertStore::empty().add(certificate).is_ok();
    if CertificateDer::pem_slice_iter(&pem).flatten().any(good) { Ok(()) } else { Err(none(&pem)) }
}

fn none(pem: &[u8]) -> Refusal {
    const BEGIN: &[u8] = b"-----BEGIN ";
    if pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return ("holds no certificate that can be used".to_owned(), NAME_PEM.to_owned());
    }
    let hint = "convert a DER file with: openssl x509 -inform der -in FILE -out ca.pem";
    ("is not PEM".to_owned(), hint.to_owned())
}

#[cfg(test)]
mod tests;
