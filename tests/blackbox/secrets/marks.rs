//! Secrets that are found again, whole or in part, in whatever form somebody has put them.

use std::collections::HashMap;

use aws_smithy_types::base64;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// So much of a secret is one too.
const PART: usize = 10;
const HALF: usize = 18;
/// What forms of encoding change, and a header may hold.
const AWKWARD: &str = "+/=&%\"\\<";

/// Each place that a secret can be, and the secret there.
#[derive(Default)]
pub(crate) struct Marks {
    /// Every part of every secret, as [`bare`] leaves it, and the places of the secret.
    parts: HashMap<String, String>,
    made: u64,
}

impl Marks {
    /// A new secret, with characters that other forms write differently.
    pub(crate) fn awkward(&mut self, place: &str) -> String {
        let (first, last) = (self.random(), self.random());
        let secret = format!("{first}{AWKWARD}{last}");
        self.remember(place, &secret, &[&first, &last]);
        secret
    }

    /// A new secret that may stand in a URL.
    pub(crate) fn plain(&mut self, place: &str) -> String {
        let secret = self.random();
        self.remember(place, &secret, &[&secret]);
        secret
    }

    /// One that somebody else has made.
    pub(crate) fn known(&mut self, place: &str, secret: &str) {
        self.remember(place, secret, &[secret]);
    }

    fn random(&mut self) -> String {
        self.made += 1;
        let mut random = fastrand::Rng::with_seed(self.made);
        (0..HALF).map(|_| random.lowercase()).collect()
    }

    fn remember(&mut self, place: &str, secret: &str, pieces: &[&str]) {
        let mut add = |text: &str| {
            let text = bare(text);
            for from in 0..=text.len().saturating_sub(PART) {
                self.parts.insert(text[from..from + PART].to_owned(), place.to_owned());
            }
        };
        for piece in pieces {
            add(piece);
        }
        // Three alignments; what depends on the neighbours is left out.
        for before in 0..3 {
            let shifted = format!("{}{secret}", "x".repeat(before));
            let encoded = base64::encode(&shifted);
            add(&encoded[4..encoded.len() - 4]);
        }
    }

    /// The places whose secrets are in a text, or parts of them: plain, wrapped, escaped, in base64 or in a URL.
    pub(crate) fn found_in(&self, text: &str) -> Vec<&str> {
        let bare = bare(text);
        let windows = (0..bare.len().saturating_sub(PART - 1)).map(|from| &bare[from..from + PART]);
        let mut found: Vec<&str> =
            windows.filter_map(|part| self.parts.get(part)).map(String::as_str).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Without all that wrapping and escaping put between the letters.
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
