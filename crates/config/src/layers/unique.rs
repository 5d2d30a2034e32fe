//! The check that no key of a JSON text occurs twice. Most readers take the last of two equal keys and some
//! the first, so that nobody can know which one is meant.

use std::collections::HashSet;
use std::fmt;

use faultgate_core::text::plain;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Limit of a key that the error repeats, in characters.
const MAX_SHOWN_CHARS: usize = 80;

/// Any JSON whose keys are unique. The content is dropped: only reading it can fail.
pub struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("has the key {} twice", plain(&key, MAX_SHOWN_CHARS))));
            }
            keys.insert(key);
            map.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<UniqueKeys, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_that_is_there_twice_is_told_with_its_place_wherever_it_stands() {
        for text in [
            "{\"a\": 1, \"a\": 2}",
            "[{\"b\": {\"a\": [], \"c\": 0, \"a\": null}}]",
            "{\"a\": 1, \"\\u0061\": 1}",
        ] {
            let Err(error) = read(text) else { panic!("{text} was taken") };
            assert!(error.contains("has the key a twice at line 1 column"), "{error}");
        }
        let fine = "{\"a\": {\"a\": [true, -1, 1, 0.5, \"a\", null]}, \"b\": {\"a\": {}}}";
        assert!(read(fine).is_ok());
    }
}
