//! The weighted score, computed from the faults as a cross-check: what counts is the engine's own. Pure.

use crate::model::Score;

/// The place of the weight that belongs to a fault known by these names: the control plane looks for the fault's name
/// within the name of its engine. The longest wins, since `pod-delete` is part of `pod-delete-2` too.
pub(super) fn find(weights: &[(String, u32)], names: &[String]) -> Option<usize> {
    let matching = |weighted: &str| names.iter().any(|name| is_of(name, weighted));
    let exact = |weighted: &str| names.iter().any(|name| name == weighted);
    weights
        .iter()
        .enumerate()
        .filter(|(_, (weighted, _))| matching(weighted))
        .max_by_key(|(_, (weighted, _))| (exact(weighted), weighted.len()))
        .map(|(place, _)| place)
}

pub(super) fn is_of(name: &str, weighted: &str) -> bool {
    !weighted.is_empty() && name.contains(weighted)
}

/// Each weight times what its fault's probes gave, by the sum of all weights, cut after two decimals. A weight without
/// a fault adds nothing, and counts. None where something is missing.
pub(super) fn score(
    weights: &[(String, u32)],
    faults: impl Iterator<Item = (Option<usize>, Option<Score>)>,
) -> Option<Score> {
    let mut sum = 0.0;
    let mut matched = false;
    for (place, success) in faults {
        let Some((_, weight)) = place.and_then(|place| weights.get(place)) else { continue };
        sum += f64::from(*weight) * success?.get();
        matched = true;
    }
    let all: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    if !matched || all <= 0.0 {
        return None;
    }
    // A hair above, so that 83.4 is not cut to 83.39.
    Score::new(((sum / all * 100.0 + 1e-6).floor() / 100.0).min(100.0))
}

/// Whether two scores are the same, as exactly as they are told.
pub(super) fn agree(one: Score, other: Score) -> bool {
    (one.get() - other.get()).abs() <= 0.01 + 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(all: &[(&str, u32)]) -> Vec<(String, u32)> {
        all.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }

    fn computed(all: &[(&str, u32)], successes: &[Option<f64>]) -> Option<f64> {
        let faults = successes.iter().enumerate().map(|(n, success)| (Some(n), success.and_then(Score::new)));
        score(&weights(all), faults).map(Score::get)
    }

    #[test]
    fn the_documented_example_comes_out() {
        let all = [("a", 8), ("b", 6), ("c", 4)];
        assert_eq!(computed(&all, &[Some(90.0), Some(75.0), Some(83.0)]), Some(83.44));
        assert_eq!(
            computed(&[("a", 1), ("b", 1), ("c", 1)], &[Some(100.0), Some(100.0), Some(0.0)]),
            Some(66.66)
        );
        assert_eq!(computed(&all, &[Some(100.0)]), Some(44.44), "faults that are missing count");
        assert_eq!(computed(&all, &[Some(100.0), None, Some(1.0)]), None, "one is not known");
        assert_eq!(computed(&[("a", 0)], &[Some(100.0)]), None, "no weight at all");
        assert_eq!(computed(&[], &[]), None);
    }

    #[test]
    fn a_fault_is_found_by_part_of_its_engines_name() {
        let all = weights(&[("pod-delete", 1), ("pod-delete-2", 2), ("", 3)]);
        let place = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            find(&all, &names)
        };
        assert_eq!(place(&["pod-delete", "pod-delete-x7"]), Some(0));
        assert_eq!(place(&["pod-delete-2-x7"]), Some(1));
        assert_eq!(place(&["pod-delete", "pod-delete-2-x7"]), Some(0), "its very name");
        assert_eq!(place(&["network-loss"]), None);
    }

    #[test]
    fn a_hundredth_is_no_difference() {
        let score = |value| Score::new(value).unwrap();
        assert!(agree(score(83.44), score(83.45)) && !agree(score(83.44), score(83.46)));
    }
}
