//! Marks: secrets that are found again, whole or in part, in whatever form somebody has put them.

use std::collections::HashMap;

use aws_smithy_types::base64;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// Length, in characters, of a part of a secret that counts as a secret itself.
const PART_CHARS: usize = 10;
/// Length, in characters, of the random halves of a secret.
const HALF_CHARS: usize = 18;
/// Characters that a header may hold and that encodings change.
const AWKWARD: &str = "+/=&%\"\\<";

/// The secrets of a test, with the places where they were put.
#[derive(Default)]
pub(crate) struct Marks {
    /// Every part of every secret, as [`bare`] leaves it, with the place of the secret.
    parts: HashMap<String, String>,
    made: u64,
}

impl Marks {
    /// Makes a secret with characters that encodings write differently.
    pub(crate) fn awkward(&mut self, place: &str) -> String {
        let (first, last) = (self.random(), self.random());
        let secret = format!("{first}{AWKWARD}{last}");
        self.remember(place, &secret, &[&first, &last]);
        secret
    }

    /// Makes a secret that may stand in a URL.
    pub(crate) fn plain(&mut self, place: &str) -> String {
        let secret = self.random();
        self.remember(place, &secret, &[&secret]);
        secret
    }

    /// Takes in a secret that somebody else has made.
    pub(crate) fn known(&mut self, place: &str, secret: &str) {
        self.remember(place, secret, &[secret]);
    }

    fn random(&mut self) -> String {
        self.made += 1;
        let mut random = fastrand::Rng::with_seed(self.made);
        (0..HALF_CHARS).map(|_| random.lowercase()).collect()
    }

    fn remember(&mut self, place: &str, secret: &str, pieces: &[&str]) {
        let mut add = |text: &str| {
            let text = bare(text);
            for from in 0..=text.len().saturating_sub(PART_CHARS) {
                self.parts.insert(text[from..from + PART_CHARS].to_owned(), place.to_owned());
            }
        };
        for piece in pieces {
            add(piece);
        }
        // Base64 has three alignments. The characters at the ends depend on the neighbours and are left out.
        for before in 0..3 {
            let shifted = format!("{}{secret}", "x".repeat(before));
            let encoded = base64::encode(&shifted);
            add(&encoded[4..encoded.len() - 4]);
        }
    }

    /// Returns the places whose secrets, or parts of them, are in a text: plain, wrapped, escaped, in base64
    /// or in a URL.
    pub(crate) fn found_in(&self, text: &str) -> Vec<&str> {
        let bare = bare(text);
        let windows =
            (0..bare.len().saturating_sub(PART_CHARS - 1)).map(|from| &bare[from..from + PART_CHARS]);
        let mut found: Vec<&str> =
            windows.filter_map(|part| self.parts.get(part)).map(String::as_str).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Returns the text without all that wrapping and escaping put between the letters.
fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[test]
fn every_form_is_found() {
    let mut marks = Marks::default();
    let secret = marks.awkward("here");
    let other = Marks { made: 40, ..Marks::default() }.awkward("elsewhere");
    let wrapped: Vec<String> = secret.chars().map(|c| format!("{c}\\\n  ")).collect();
    let forms = [
        secret.clone(),
        wrapped.concat(),
        serde_json::to_string(&serde_json::to_string(&secret).unwrap()).unwrap(),
        base64::encode(&secret),
        base64::encode(format!("user:{secret}")),
        base64::encode(format!("x:{secret}")),
        percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string(),
        format!("{}…", &secret[..12]),
        secret.to_uppercase(),
    ];
    for form in forms {
        assert_eq!(marks.found_in(&format!("before {form} after")), ["here"], "{form}");
    }
    assert_eq!(marks.found_in(&other), [""; 0]);
}
