//! A shard: one part of a suite that is split over CI jobs.

use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Part `number` of `of`, both counted from 1, written `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: NonZeroU32,
    of: NonZeroU32,
}

impl Shard {
    /// Largest number of parts: the children that an array job of AWS Batch has at most.
    pub const MAX_PARTS: u32 = 10_000;

    /// Makes a shard. None unless 1 ≤ number ≤ of ≤ 10000.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        let (number, of) = (NonZeroU32::new(number)?, NonZeroU32::new(of)?);
        (number <= of && of.get() <= Self::MAX_PARTS).then_some(Self { number, of })
    }

    pub fn number(self) -> u32 {
        self.number.get()
    }

    pub fn total(self) -> u32 {
        self.of.get()
    }

    /// Returns `true` if the shard is the whole suite.
    pub fn is_whole(self) -> bool {
        self.of.get() == 1
    }

    /// Returns `true` if the experiment at this place of the suite belongs to the shard. Neighbours, which
    /// are often alike, go to different parts.
    pub fn takes(self, place: usize) -> bool {
        let (number, of) = (self.number.get() as usize, self.of.get() as usize);
        place % of == number - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?;
        text.split_once('/')
            .and_then(|(number, of)| Self::new(digits(number)?, digits(of)?))
            .ok_or_else(|| "not a part of a suite, such as 2/5".to_owned())
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}/{}", self.number, self.of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_part_of_a_whole_is_a_shard() {
        for text in ["1/1", "2/5", "5/5", "10000/10000"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "/",
            "2",
            "0/5",
            "6/5",
            "1/0",
            "1/10001",
            "+1/5",
            "1/ 5",
            "-1/5",
            "1/5/5",
            "1.0/5",
            "4294967297/5",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_place_belongs_to_exactly_one_part() {
        for of in 1..=7 {
            let shards: Vec<Shard> = (1..=of).map(|number| Shard::new(number, of).unwrap()).collect();
            for place in 0..20 {
                assert_eq!(shards.iter().filter(|shard| shard.takes(place)).count(), 1, "{place} of {of}");
            }
        }
    }
}
