//! The JSON that Python writes, which is not always JSON: it has `NaN` and infinities, integers of any
//! length, and halves of surrogate pairs.

use std::borrow::Cow;

/// Number of digits beyond which no number type here can hold an integer.
const MAX_DIGITS: usize = 300;
/// The replacement for half a character.
const NO_CHARACTER: &str = "\\ufffd";

/// Returns the text as JSON. A number that JSON cannot hold becomes `null`, since its value is not known.
pub(super) fn as_json(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut json = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(first) = rest.chars().next() {
        let token = match first {
            '"' => string(rest),
            'N' | 'I' | '-' | '0'..='9' => number(rest),
            _ => &rest[..first.len_utf8()],
        };
        match first {
            '"' => json.push_str(&whole_characters(token)),
            _ if is_beyond_json(token) => json.push_str("null"),
            _ => json.push_str(token),
        }
        rest = &rest[token.len()..];
    }
    json
}

/// Returns the string with which the text begins, quotes included.
fn string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text, |end| &text[..end + 2])
}

/// Returns the number with which the text begins, or the word in place of one.
fn number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'));
    end.map_or(text, |end| &text[..end])
}

/// Returns `true` for a number that JSON or Rust cannot hold.
fn is_beyond_json(token: &str) -> bool {
    matches!(token, "NaN" | "Infinity" | "-Infinity")
        || (token.len() > MAX_DIGITS && token.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()))
}

/// Returns the string with a replacement for each half of a surrogate pair that has lost its other half.
fn whole_characters(string: &str) -> Cow<'_, str> {
    if !string.contains("\\u") {
        return Cow::Borrowed(string);
    }
    let mut whole = String::with_capacity(string.len());
    let mut rest = string;
    while let Some(place) = rest.find('\\') {
        whole.push_str(&rest[..place]);
        rest = &rest[place..];
        let (escape, instead) = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
            (Some(0xd800..=0xdfff), _) => (6, Some(NO_CHARACTER)),
            (Some(_), _) => (6, None),
            // The character after a backslash may be a backslash, so both are taken together.
            (None, _) => (1 + rest.chars().nth(1).map_or(0, char::len_utf8), None),
        };
        whole.push_str(instead.unwrap_or(&rest[..escape]));
        rest = &rest[escape..];
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}

/// Returns the UTF-16 unit of the escape with which the text begins.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(&as_json(text.as_bytes())).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn numbers_that_json_does_not_have_are_not_known() {
        let long = "9".repeat(400);
        let text =
            format!("{{\"a\": NaN, \"b\":[Infinity,-Infinity, {long}, -{long}], \"c\": -1.5e-7, \"d\": 2}}");
        let want = json!({ "a": null, "b": [null, null, null, null], "c": -1.5e-7, "d": 2 });
        assert_eq!(read(&text), want);
        assert_eq!(read("NaN"), Value::Null);
    }

    #[test]
    fn strings_stay_as_they_are_but_for_half_characters() {
        for (text, want) in [
            (r#""NaN, -Infinity""#, "NaN, -Infinity"),
            (r#""a\"NaN\\""#, "a\"NaN\\"),
            (r#""\ud800""#, "\u{fffd}"),
            (r#""x\udc00y""#, "x\u{fffd}y"),
            (r#""\ud83d\ude00 \ud83dA \ud83d\ud83d\ude00""#, "\u{1f600} \u{fffd}A \u{fffd}\u{1f600}"),
            (r#""\\ud800 \\\ud800""#, "\\ud800 \\\u{fffd}"),
            (r#""ä\u00e4""#, "ää"),
        ] {
            assert_eq!(read(text), json!(want), "{text}");
        }
        let broken = as_json(b"\"a\xffb\"");
        assert_eq!(serde_json::from_str::<String>(&broken).unwrap(), "a\u{fffd}b");
    }

    proptest! {
        #[test]
        fn json_is_left_alone(text in "[\"\\\\u0-9a-fNI{}\\[\\]:, d8-]{0,60}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(serde_json::from_str::<Value>(&as_json(text.as_bytes())).unwrap(), value);
            }
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\"\\\\u8dD-N]{0,40}") {
            as_json(&bytes);
            as_json(text.as_bytes());
        }
    }
}
