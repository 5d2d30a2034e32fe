//! SHA-256 digests in hexadecimal digits, the form that client tokens and names of resources take.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Returns the SHA-256 digest of all parts, in hexadecimal digits. The length of each part is hashed too,
/// which keeps ("a", "bc") and ("ab", "c") apart.
pub fn of_parts(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(hash.finalize())
}

/// Writes bytes in lower-case hexadecimal digits, two for each byte.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        assert_ne!(of_parts(&["a", "bc"]), of_parts(&["ab", "c"]));
        assert_ne!(of_parts(&["a", ""]), of_parts(&["a"]));
        assert_eq!(of_parts(&["a"]), of_parts(&["a"]));
    }

    #[test]
    fn digits_are_small_and_two_a_byte() {
        assert_eq!(hex([0, 0xab, 9]), "00ab09");
    }
}
