//! The way in which the server of a probe is asked: headers, credentials, certificates.

use std::collections::BTreeMap;

use faultgate_core::mistake::{Problem, quote};
use faultgate_core::model::{Access, Credentials, Hidden};
use http::{HeaderName, HeaderValue, header};

use super::identity::UnfitIdentity;
use crate::layers::certificates::certificates;
use crate::layers::file::below;
use crate::suite::keys::Section;
use crate::suite::probes::identity;
use crate::suite::reader::Reader;

impl<'a> Reader<'a> {
    /// Reads the headers, credentials and certificates of a probe's block.
    pub(crate) fn access(&mut self, block: &Section<'a>) -> Access {
        let headers = self.headers(block, "headers");
        let credentials = self.credentials(block);
        let authorized =
            headers.keys().find(|name| name.eq_ignore_ascii_case(header::AUTHORIZATION.as_str()));
        if let (Some(name), Some(_)) = (authorized, &credentials) {
            let path = format!("{}:", below(&block.at("headers"), name));
            self.mistake(&path, "is set beside other credentials", "keep one of them");
        }
        Access {
            headers: headers.into_iter().map(|(name, value)| (name, Hidden(value))).collect(),
            credentials,
            ca_bundle: self.ca_bundle(block),
            identity: self.identity(block),
            insecure: self.yes(block, "insecure"),
        }
    }

    /// The credentials of a probe: a token, or a user and a password.
    fn credentials(&mut self, block: &Section<'a>) -> Option<Credentials> {
        let token = self.text(block, "bearer-token");
        let (username, password) = (self.text(block, "username"), self.text(block, "password"));
        if let Some(other) = ["username", "password"].into_iter().find(|name| block.is_set(name))
            && block.is_set("bearer-token")
        {
            self.mistake(&format!("{}:", block.at(other)), "is set beside bearer-token", "keep one of them");
        }
        for (name, other) in [("username", "password"), ("password", "username")] {
            if block.is_set(name) && !block.is_set(other) {
                let what = format!("is needed beside {name}");
                self.mistake(&format!("{}:", block.at(other)), &what, format!("set it, or remove {name}"));
            }
        }
        if token.as_ref().is_some_and(|token| token.contains(char::is_whitespace) || !token.is_ascii()) {
            // The value is a secret, so it is not shown.
            let path = format!("{}:", block.at("bearer-token"));
            self.mistake(&path, "the value is not a token", "set the variable to the token alone");
            return None;
        }
        if username.as_ref().is_some_and(|username| username.contains(':')) {
            let path = format!("{}:", block.at("username"));
            self.mistake(&path, "the value has a colon, which no user name has", "write the name alone");
        }
        match (token, username, password) {
            (Some(token), _, _) => Some(Credentials::Bearer(Hidden(token))),
            (None, Some(username), Some(password)) => {
                Some(Credentials::Basic { username, password: Hidden(password) })
            }
            _ => None,
        }
    }

    fn ca_bundle(&mut self, block: &Section<'a>) -> Option<Vec<u8>> {
        let file = self.text(block, "ca-bundle")?;
        let read = certificates(&self.dir.join(&file));
        read.map_err(|problem| self.bad_file(block, "ca-bundle", &file, problem)).ok()
    }

    fn identity(&mut self, block: &Section<'a>) -> Option<Hidden<Vec<u8>>> {
        let (certificate, key) = (self.text(block, "client-certificate"), self.text(block, "client-key"));
        let Some(certificate) = certificate else {
            if key.is_some() && !block.is_set("client-certificate") {
                let path = format!("{}:", block.at("client-key"));
                self.mistake(
                    &path,
                    "has no effect without client-certificate",
                    "set it, or remove client-key",
                );
            }
            return None;
        };
        let key_file = key.as_ref().map(|key| self.dir.join(key));
        let read = identity::read(&self.dir.join(&certificate), key_file.as_deref());
        let tell = |unfit| match unfit {
            UnfitIdentity::Certificate(problem) => {
                self.bad_file(block, "client-certificate", &certificate, problem);
            }
            UnfitIdentity::Key(problem) => {
                self.bad_file(block, "client-key", key.as_ref().unwrap_or(&certificate), problem);
            }
        };
        read.map_err(tell).ok().map(Hidden)
    }

    /// Adds the problem of a file that a key names as a mistake.
    pub(crate) fn bad_file(&mut self, block: &Section<'a>, name: &str, file: &str, problem: Problem) {
        let path = block.at(name);
        let written = self.document.written.get(&path).map(String::as_str);
        let mistake = problem.at(&path, file, &self.document.origin, written);
        self.of_value(mistake, &path);
    }

    /// A table of headers. Names and values that HTTP does not take are told as mistakes.
    pub(crate) fn headers(&mut self, block: &Section<'a>, name: &str) -> BTreeMap<String, String> {
        let headers = self.texts(block, name);
        for (header, value) in &headers {
            if header.parse::<HeaderName>().is_err() {
                let path = format!("{}:", block.at(name));
                let what = format!("{} is not a header's name", quote(header));
                self.mistake(&path, &what, "write letters, digits and hyphens");
            } else if value.parse::<HeaderValue>().is_err() {
                // The value may be a secret, so it is not shown.
                let path = format!("{}:", below(&block.at(name), header));
                self.mistake(&path, "the value is not one of a header", "remove control characters");
            }
        }
        headers
    }
}
