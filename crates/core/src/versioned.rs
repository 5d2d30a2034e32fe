//! JSON files of faultgate's own that carry a `schema_version`.
//!
//! A file is read up to a limit, and the version is looked at before anything else, since the names of another
//! version may mean something else. Fields that are not known are passed over.

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::files;

/// The format of one kind of such files.
#[derive(Debug, Clone, Copy)]
pub struct JsonFormat {
    /// The kind in words, such as `state file of faultgate`.
    pub name: &'static str,
    /// The one version that is read.
    pub version: u32,
    /// Limit of the size in bytes. A larger file is a wrong one.
    pub max_bytes: u64,
    /// Hint for a file that is not of this kind.
    pub if_foreign: Option<&'static str>,
    /// Hint for a file that may not be read.
    pub if_unreadable: Option<&'static str>,
}

/// The reason why a file gives no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The end of a sentence that begins with the name of the file.
    pub what: String,
    pub hint: Option<String>,
}

/// The part that every version has, by which the version is known.
#[derive(Default, Deserialize)]
struct Versioned {
    schema_version: Option<serde_json::Number>,
}

impl JsonFormat {
    /// Reads a file; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not of this kind, or is of another version.
    pub fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Unreadable> {
        match files::read(path, self.max_bytes) {
            Ok(bytes) => self.parse(&bytes).map(Some),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(None),
                ErrorKind::FileTooLarge | ErrorKind::InvalidInput => Err(self.foreign(error)),
                _ => Err(Unreadable {
                    what: format!("cannot be read: {error}"),
                    hint: self.if_unreadable.map(str::to_owned),
                }),
            },
        }
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    ///
    /// The content is not of this kind, or is of another version.
    pub fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Unreadable> {
        // Serde would take a list for the fields in their order.
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        let versioned: Versioned = if is_object {
            serde_json::from_slice(bytes).map_err(|error| self.foreign(error))?
        } else {
            Versioned::default()
        };
        match versioned.schema_version {
            Some(version) if version == self.version.into() => {
                serde_json::from_slice(bytes).map_err(|error| self.foreign(error))
            }
            Some(version) => Err(Unreadable {
                what: format!("has schema_version {version}; this faultgate reads {}", self.version),
                hint: Some("use the version that wrote it".to_owned()),
            }),
            None => Err(self.foreign("it has no schema_version")),
        }
    }

    fn foreign(&self, why: impl std::fmt::Display) -> Unreadable {
        Unreadable { what: format!("is no {}: {why}", self.name), hint: self.if_foreign.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Letter {
        text: String,
    }

    const LETTER: JsonFormat = JsonFormat {
        name: "letter",
        version: 2,
        max_bytes: 40,
        if_foreign: Some("write one"),
        if_unreadable: None,
    };

    fn refusal(content: &str) -> String {
        let refusal = LETTER.parse::<Letter>(content.as_bytes()).unwrap_err();
        format!("{} ({})", refusal.what, refusal.hint.unwrap_or_default())
    }

    #[test]
    fn the_version_decides_before_anything_else() {
        assert_eq!(refusal("[2]"), "is no letter: it has no schema_version (write one)");
        assert_eq!(refusal("{}"), "is no letter: it has no schema_version (write one)");
        assert_eq!(
            refusal(r#"{"schema_version": 3, "text": 7}"#),
            "has schema_version 3; this faultgate reads 2 (use the version that wrote it)"
        );
        assert!(refusal(r#"{"schema_version": 2}"#).starts_with("is no letter: missing field `text`"));
        let read: Letter = LETTER.parse(br#" {"schema_version": 2, "text": "a", "more": 1}"#).unwrap();
        assert_eq!(read.text, "a");
    }

    #[test]
    fn no_more_is_read_than_such_a_file_may_have() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("letter.json");
        assert_eq!(LETTER.read::<Letter>(&path), Ok(None));
        assert_eq!(LETTER.read::<Letter>(&path.join("below")), Ok(None));
        let letter = r#"{"schema_version": 2, "text": "abcdefg"}"#;
        std::fs::write(&path, letter).unwrap();
        assert_eq!(LETTER.read(&path), Ok(Some(Letter { text: "abcdefg".to_owned() })));
        std::fs::write(&path, format!("{letter} ")).unwrap();
        assert!(LETTER.read::<Letter>(&path).unwrap_err().what.contains("is larger than"));
    }
}
