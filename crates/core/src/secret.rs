//! Secrets: values that are never shown.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::url;

/// A value that no log, report or error may show. Its `Debug` and `Display` show `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text from outside with `***` in place of this value, whether it is repeated as it is or in the way
    /// in which JSON, XML or a URL would write it.
    pub fn veil(&self, said: &str) -> String {
        if self.0.is_empty() {
            return said.to_owned();
        }
        self.forms().into_iter().fold(said.to_owned(), |said, form| said.replace(&form, "***"))
    }

    /// The forms in which others may write the value.
    pub fn forms(&self) -> [String; 5] {
        let json = serde_json::Value::from(self.0.as_str()).to_string();
        let all = utf8_percent_encode(&self.0, NON_ALPHANUMERIC).to_string();
        let reserved = url::escape(&self.0).to_string();
        let xml = quick_xml::escape::escape(&self.0).into_owned();
        // The quotation marks of JSON are cut off, since the value may be a part of a longer text.
        [self.0.clone(), json[1..json.len() - 1].to_owned(), xml, all, reserved]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_veiled_in_every_form() {
        let secret = Secret::new("s3\"c/r3t<-+&_x");
        for said in [
            "s3\"c/r3t<-+&_x",
            "s3\\\"c/r3t<-+&_x",
            "s3&quot;c/r3t&lt;-+&amp;_x",
            "s3%22c%2Fr3t%3C%2D%2B%26%5Fx",
            "s3%22c%2Fr3t%3C-%2B%26_x",
        ] {
            assert_eq!(secret.veil(&format!("a {said} b")), "a *** b", "{said}");
        }
        assert_eq!(Secret::new("").veil("abc"), "abc");
    }
}
