//! Certificates and proxies: the servers that are trusted, and the way to them.
//!
//! Both come from the settings and from the environment. They are checked here, since later a bad one would
//! only show as a handshake that fails, or as a panic of a library.

use std::ffi::OsStr;
use std::path::Path;

use faultgate_core::environment::{Environment, is_blank};
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::{Problem, quote};
use faultgate_net::foreign;
use faultgate_net::foreign::Readers;
use faultgate_net::http::{Except, HttpSettings, Proxies, ProxyUrl};

use crate::inputs::table::CA_BUNDLE;
use crate::layers::certificates::{certificates, some_certificate};
use crate::layers::values::Values;

/// A reader of certificates and proxies, with the places where it tells what is wrong.
pub(crate) struct Trust<'a> {
    pub(crate) env: &'a Environment,
    /// Folder in which relative paths start.
    pub(crate) dir: &'a Path,
    /// `true` in a rehearsal, which needs no other machine: a broken environment is no reason to refuse it.
    pub(crate) rehearsed: bool,
    pub(crate) mistakes: &'a mut Vec<Mistake>,
    pub(crate) warnings: &'a mut Vec<String>,
}

impl Trust<'_> {
    /// Reads certificates and proxies. Everything that is wrong with them is told.
    pub(crate) fn read(mut self, values: &Values) -> HttpSettings {
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

    /// Checks the variables that the AWS SDK reads. If nothing is asked of AWS, mistakes in them are
    /// warnings.
    pub(crate) fn aws(&mut self, reached: bool) {
        for mistake in foreign::mistakes(self.env, Readers::Aws) {
            if reached {
                self.broken(mistake);
            } else {
                self.warnings.push(mistake.to_string());
            }
        }
    }

    /// Hosts that are asked without a proxy. An entry that matches nothing is told, since requests to its
    /// hosts would go through the proxy.
    fn except(&mut self) -> Except {
        let Some((origin, hosts)) = self.variable("NO_PROXY") else { return Except::default() };
        let (except, unread) = Except::parse(&hosts);
        for entry in unread {
            let what = format!(
                "{origin}: {} is neither a host nor a network, so nothing is matched by it",
                quote(&entry)
            );
            let hint = "divide entries by commas; write a domain as example.com, a network as 10.0.0.0/8";
            self.warnings.push(Mistake::new(&origin, what).hint(hint).to_string());
        }
        except
    }

    /// The certificates of AWS_CA_BUNDLE, which is AWS's name for a bundle. They all must be good, since
    /// whoever set it relies on them, for AWS at least.
    fn aws_bundle(&mut self) -> Vec<u8> {
        const NAME: &str = "AWS_CA_BUNDLE";
        let Some(path) = self.env.raw(NAME).filter(|path| !is_blank(path)) else { return Vec::new() };
        certificates(&self.dir.join(path)).unwrap_or_else(|problem| {
            self.broken_file(NAME, path, problem);
            Vec::new()
        })
    }

    /// The certificates of the input `ca-bundle`. They all must be good, since the user relies on them.
    fn bundle(&mut self, values: &Values) -> Vec<u8> {
        let Some(path) = values.get(CA_BUNDLE) else { return Vec::new() };
        certificates(&self.dir.join(path)).unwrap_or_else(|problem| {
            self.mistakes.push(values.mistake(CA_BUNDLE, problem));
            Vec::new()
        })
    }

    /// The certificates of GitLab's server, which its runner leaves in a file. The user did not ask for them,
    /// so a bad file is worth a warning alone.
    fn gitlab(&mut self) -> Vec<u8> {
        const NAME: &str = "CI_SERVER_TLS_CA_FILE";
        let Some(path) = self.env.get(NAME) else { return Vec::new() };
        certificates(&self.dir.join(path)).unwrap_or_else(|problem| {
            let mistake = Mistake::new(NAME, format!("{NAME}: {} {}", quote(path), problem.what));
            self.warnings.push(mistake.hint("set ca-bundle if GitLab has a private CA").to_string());
            Vec::new()
        })
    }

    /// Checks SSL_CERT_FILE, which replaces the certificates of the system wherever TLS is used. The TLS
    /// library passes over broken certificates in it, so it is only refused if none is left: then no server
    /// can be trusted.
    fn system(&mut self) {
        const NAME: &str = "SSL_CERT_FILE";
        let Some(path) = self.env.raw(NAME).filter(|path| !is_blank(path)) else { return };
        if let Err(problem) = some_certificate(&self.dir.join(path)) {
            self.broken_file(NAME, path, problem);
        }
    }

    /// Tells of a file that a variable of the environment names and that is unfit.
    fn broken_file(&mut self, name: &str, path: &OsStr, problem: Problem) {
        let shown = quote(&path.to_string_lossy());
        let mistake = Mistake::new(name, format!("{name}: {shown} {}", problem.what));
        let hint = problem.hint.map(|hint| format!("{hint}, or unset {name}"));
        self.broken(mistake.maybe_hint(hint));
    }

    /// Checks SSL_CERT_DIR, which replaces the certificates of the system as well.
    fn folders(&mut self) {
        const NAME: &str = "SSL_CERT_DIR";
        let Some(folders) = self.env.raw(NAME).filter(|folders| !is_blank(folders)) else { return };
        if std::env::split_paths(folders).any(|folder| self.dir.join(folder).is_dir()) {
            return;
        }
        let shown = quote(&folders.to_string_lossy());
        let mistake = Mistake::new(NAME, format!("{NAME}: {shown} is no folder that is there"));
        self.broken(mistake.hint(format!("name a folder of PEM certificates, or unset {NAME}")));
    }

    /// The proxy for a scheme: that of its own variable, or that of ALL_PROXY.
    fn proxy(&mut self, name: &str) -> Option<ProxyUrl> {
        let (origin, value) = self.variable(name).or_else(|| self.variable("ALL_PROXY"))?;
        ProxyUrl::parse(&value)
            .inspect_err(|what| {
                // The value may contain a password, so it is not shown.
                let mistake = Mistake::new(&origin, format!("{origin}: the value {what}"));
                self.broken(mistake.hint(
                    "write for example http://proxy.example.com:3128, with special characters of a user or password \
                     as %40, or unset it",
                ));
            })
            .ok()
    }

    /// The value of a variable that may be written in capitals or in small letters, with the name that is
    /// set.
    fn variable(&mut self, name: &str) -> Option<(String, String)> {
        let forms = [name.to_owned(), name.to_ascii_lowercase()];
        let (form, value) = forms
            .into_iter()
            .find_map(|form| Some((self.env.raw(&form).filter(|value| !is_blank(value))?, form)))
            .map(|(value, form)| (form, value.to_str().map(|text| text.trim().to_owned())))?;
        // A value that is not UTF-8, or contains a control character, has been told by `foreign`.
        Some((form, value.filter(|text| !text.contains(char::is_control))?))
    }

    /// Tells of a part of the environment that cannot work: as a mistake, or as a warning in a rehearsal.
    fn broken(&mut self, mistake: Mistake) {
        if !self.rehearsed {
            // ALL_PROXY is read for two schemes, but a mistake in it is told once.
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

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
