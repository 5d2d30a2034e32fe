//! Addresses of objects and folders in S3: `s3://bucket/key`.

use std::fmt;

use faultgate_core::mistake::Problem;

/// Example of an address.
const HINT: &str = "write for example s3://bucket/chaos/";
/// Longest key of an address in bytes. S3 takes 1,024, of which names below a folder need their part.
const MAX_KEY_BYTES: usize = 512;

/// The address of an object, or of a folder: then its key is empty or ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Address {
    pub bucket: String,
    pub key: String,
}

impl S3Address {
    /// Returns `true` for a text that is meant to be an address in S3.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("s3:")
    }

    /// Reads the address of an object.
    ///
    /// # Errors
    ///
    /// The text is no such address.
    pub fn object(text: &str) -> Result<Self, Problem> {
        let address = Self::read(text)?;
        if address.key.is_empty() || address.key.ends_with('/') {
            return Err(
                Problem::new("names no object").hint("write for example s3://bucket/chaos/plan.jsonl")
            );
        }
        Ok(address)
    }

    /// Reads the address of a folder; the slash at its end may be left out.
    ///
    /// # Errors
    ///
    /// The text is no such address.
    pub fn folder(text: &str) -> Result<Self, Problem> {
        let mut address = Self::read(text)?;
        if !address.key.is_empty() && !address.key.ends_with('/') {
            address.key.push('/');
        }
        Ok(address)
    }

    fn read(text: &str) -> Result<Self, Problem> {
        let no_address = || Problem::new("is no address in S3").hint(HINT);
        let rest = text.strip_prefix("s3://").ok_or_else(no_address)?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        let has_end = |end: Option<&u8>| end.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = bucket.as_bytes();
        let is_bucket = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|b| allowed(*b))
            && has_end(bytes.first())
            && has_end(bytes.last());
        if !is_bucket {
            return Err(Problem::new("names no bucket of S3").hint(HINT));
        }
        // Clients and servers take segments of dots out of a path, and would then mean another object.
        let is_odd = |segment: &str| segment.is_empty() || segment.starts_with('.');
        let segments = key.strip_suffix('/').unwrap_or(key);
        let has_odd = !key.is_empty() && segments.split('/').any(is_odd);
        if has_odd || key.len() > MAX_KEY_BYTES || key.chars().any(char::is_control) {
            return Err(Problem::new(
                "has a key that is too long, or a segment that is empty or begins with a dot",
            )
            .hint(HINT));
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// Returns the address of a name below this folder.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { bucket: self.bucket.clone(), key: format!("{}{name}", self.key) }
    }
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_objects_are_read() {
        for (text, folder) in [
            ("s3://bucket", "s3://bucket/"),
            ("s3://bucket/", "s3://bucket/"),
            ("s3://a.bucket-1/x/y", "s3://a.bucket-1/x/y/"),
            ("s3://bucket/x y/ä/", "s3://bucket/x y/ä/"),
        ] {
            assert_eq!(S3Address::folder(text).unwrap().to_string(), folder);
        }
        let plan = S3Address::object("s3://bucket/x/plan.jsonl").unwrap();
        assert_eq!((plan.bucket.as_str(), plan.key.as_str()), ("bucket", "x/plan.jsonl"));
        assert_eq!(S3Address::folder("s3://bucket/x").unwrap().below("7/").key, "x/7/");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "bucket/x",
            "s3:/bucket",
            "s3://",
            "s3://Bucket/x",
            "s3://ab/x",
            "s3://-bucket/x",
            "s3://bucket//",
            "s3://bucket//x",
            "s3://bucket/x//",
            "s3://bucket/../x",
            "s3://bucket/./x",
            "s3://bucket/x\n",
            "https://bucket.s3.amazonaws.com/x",
        ] {
            assert!(S3Address::folder(text).is_err(), "{text:?}");
        }
        assert!(S3Address::object("s3://bucket/x/").is_err() && S3Address::object("s3://bucket").is_err());
        assert!(S3Address::folder(&format!("s3://bucket/{}", "x".repeat(513))).is_err());
    }
}
