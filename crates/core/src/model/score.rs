//! Resilience scores, and the arithmetic that all decisions share.

use serde::{Deserialize, Serialize};

/// Version of the rules by which scores are computed. By version 1 every evaluation of a probe counted; by
/// version 2 only those that began while the fault was in, and the one after the end.
pub const SCORING: u32 = 2;

pub(super) fn first_scoring() -> u32 {
    1
}

/// A resilience score, from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Score(f64);

impl Score {
    /// Lowest score.
    pub const ZERO: Self = Self(0.0);
    /// Highest score.
    pub const FULL: Self = Self(100.0);

    /// Makes a score. None if the value is not from 0 to 100.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=100.0).contains(&value).then_some(Self(value))
    }

    /// Returns the share that passed as a score. It is 0 if there is nothing of which a share could pass.
    #[expect(clippy::cast_precision_loss, reason = "no run makes 2^53 evaluations")]
    pub fn of_share(passed: u64, total: u64) -> Self {
        if total == 0 {
            return Self::ZERO;
        }
        Self(round_off_error(passed.min(total) as f64 / total as f64 * 100.0))
    }

    pub fn get(self) -> f64 {
        self.0
    }

    /// Returns the score in whole hundredths as it is shown: cut, not rounded.
    pub fn hundredths(self) -> f64 {
        let nearest = (self.0 * 100.0).round();
        // The product is not simply cut, because it may be a hair too small: 0.29 × 100 is 28.999….
        if nearest / 100.0 <= self.0 { nearest } else { nearest - 1.0 }
    }
}

impl TryFrom<f64> for Score {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        Self::new(value).ok_or_else(|| format!("{value} is not a score between 0 and 100"))
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        score.0
    }
}

/// Shows at most two decimals, cut and not rounded: 89.999 is never shown as 90.
impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&(self.hundredths() / 100.0).to_string())
    }
}

/// Returns the mean of scores by weight. None if one of them is not known, or if all weights are 0.
pub fn weighted_mean(scores: impl IntoIterator<Item = (Option<Score>, u32)>) -> Option<Score> {
    let (mut points, mut weights) = (0.0, 0.0);
    for (score, weight) in scores {
        points += score?.get() * f64::from(weight);
        weights += f64::from(weight);
    }
    (weights > 0.0).then(|| Score(round_off_error(points / weights)))
}

/// Removes the error of binary fractions: 57 of 100 is 57, not 56.99999999999999, which would be cut to 56.99
/// and be less than 57.
fn round_off_error(score: f64) -> f64 {
    const PARTS_PER_POINT: f64 = 1e9;
    ((score * PARTS_PER_POINT).round() / PARTS_PER_POINT).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_outside_the_range_are_none() {
        for value in [-0.1, 100.1, 101.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Score::new(value), None, "{value}");
        }
    }

    #[test]
    fn the_mean_is_known_only_if_each_score_is() {
        let full = Some(Score::FULL);
        assert_eq!(weighted_mean([(full, 3), (Some(Score::ZERO), 1)]), Score::new(75.0));
        assert_eq!(weighted_mean([(full, 3), (None, 1)]), None);
        assert_eq!(weighted_mean([(full, 0)]), None);
        assert_eq!(weighted_mean([]), None);
    }

    #[test]
    fn a_score_is_never_shown_as_more_than_it_is() {
        assert_eq!(Score::new(89.999).unwrap().to_string(), "89.99");
        assert_eq!(Score::FULL.to_string(), "100");
        assert_eq!(Score::new(66.5).unwrap().to_string(), "66.5");
        assert_eq!(Score::new(0.29).unwrap().to_string(), "0.29");
        for hundredths in 0..=10_000 {
            let score = Score::new(f64::from(hundredths) / 100.0).unwrap();
            assert!((score.hundredths() - f64::from(hundredths)).abs() < f64::EPSILON, "{score}");
        }
    }

    #[test]
    fn whole_shares_are_whole_scores() {
        for passed in 0..=100 {
            assert_eq!(Score::of_share(passed, 100).to_string(), passed.to_string());
        }
        let third = Some(Score::of_share(1, 3));
        assert_eq!(weighted_mean([(third, 3), (Some(Score::of_share(2, 3)), 3)]), Score::new(50.0));
    }
}
