//! The weighted score, computed from the faults as a cross-check. Pure. The score that counts is the control
//! plane's own: what is computed here never replaces it, and never makes it better.

use faultgate_core::model::Score;

/// Returns the index of the weight that belongs to a fault with these names. The control plane looks for the
/// weight's name within the name of the fault's engine, so this does too. The longest name wins, since
/// `pod-delete` is part of `pod-delete-2` as well.
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

/// Returns `true` if a fault with this name may be the one that `weighted` names.
pub(super) fn is_of(name: &str, weighted: &str) -> bool {
    !weighted.is_empty() && name.contains(weighted)
}

/// The score that the details of a run bear out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Worth {
    /// The weighted mean.
    Mean(Score),
    /// A lower bound of the weighted mean, since not all weights are told.
    Least(Score),
    /// Every weight is 0, so the score says nothing.
    Weightless,
}

/// Computes the mean of the faults' probe successes by their weights, cut after two decimals. A weight
/// without a fault adds nothing, but counts in the sum of the weights. `None` if there are no faults.
pub(super) fn worth(
    weights: &[(String, u32)],
    faults: impl Iterator<Item = (Option<usize>, Score)>,
) -> Option<Worth> {
    let (mut sum, mut least, mut all_matched) = (0.0, None, true);
    for (place, success) in faults {
        least = Some(least.map_or(success, |least: Score| if success < least { success } else { least }));
        match place.and_then(|place| weights.get(place)) {
            Some((_, weight)) => sum += f64::from(*weight) * success.get(),
            None => all_matched = false,
        }
    }
    let least = least?;
    let total: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    if !weights.is_empty() && total <= 0.0 {
        return Some(Worth::Weightless);
    }
    if weights.is_empty() {
        return Some(Worth::Least(least));
    }
    // The sum is a hair too large on purpose, so that 83.4 is not cut to 83.39.
    let mean = Score::new(((sum / total * 100.0 + 1e-6).floor() / 100.0).min(100.0))?;
    Some(if all_matched { Worth::Mean(mean) } else { Worth::Least(if mean < least { mean } else { least }) })
}

/// Returns `true` if the score that is told is no better than what the details make of it. Rounding is
/// allowed for, to as many decimals as the score is told with, but never up to a full score.
pub(super) fn bears_out(worth: Score, told: Score) -> bool {
    if told <= worth {
        return true;
    }
    let is_whole = |value: f64| (value - value.round()).abs() < 1e-6;
    let rounding = match told.get() {
        100.0 => 0.0,
        told if is_whole(told) => 0.5,
        told if is_whole(told * 10.0) => 0.05,
        _ => 0.01,
    };
    told.get() - worth.get() <= rounding + 1e-9
}

/// Returns `true` if two scores are the same but for a hundredth, which is as exact as they are told.
pub(super) fn agree(one: Score, other: Score) -> bool {
    (one.get() - other.get()).abs() <= 0.01 + 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(all: &[(&str, u32)]) -> Vec<(String, u32)> {
        all.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }

    fn score(value: f64) -> Score {
        Score::new(value).unwrap()
    }

    fn computed(all: &[(&str, u32)], successes: &[f64]) -> Option<Worth> {
        let faults = successes.iter().enumerate().map(|(n, success)| (Some(n), score(*success)));
        worth(&weights(all), faults)
    }

    #[test]
    fn the_documented_example_comes_out() {
        let all = [("a", 8), ("b", 6), ("c", 4)];
        let mean = |value| Some(Worth::Mean(score(value)));
        assert_eq!(computed(&all, &[90.0, 75.0, 83.0]), mean(83.44));
        assert_eq!(computed(&[("a", 1), ("b", 1), ("c", 1)], &[100.0, 100.0, 0.0]), mean(66.66));
        assert_eq!(computed(&all, &[100.0]), mean(44.44), "faults that are missing count");
        assert_eq!(computed(&[("a", 0)], &[100.0]), Some(Worth::Weightless));
        assert_eq!(computed(&[], &[100.0, 40.0]), Some(Worth::Least(score(40.0))));
        assert_eq!(computed(&all, &[]), None);
        let unweighted = [(Some(0), score(100.0)), (None, score(40.0))].into_iter();
        assert_eq!(worth(&weights(&[("a", 8)]), unweighted), Some(Worth::Least(score(40.0))));
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
        assert!(agree(score(83.44), score(83.45)) && !agree(score(83.44), score(83.46)));
    }

    #[test]
    fn rounding_is_borne_and_nothing_better() {
        let borne = |worth, told| bears_out(score(worth), score(told));
        for (worth, told) in
            [(66.66, 66.67), (66.66, 66.7), (66.66, 67.0), (83.44, 83.4), (40.0, 0.0), (100.0, 100.0)]
        {
            assert!(borne(worth, told), "{worth} {told}");
        }
        for (worth, told) in [(40.0, 40.02), (66.66, 66.8), (66.4, 67.0), (99.9, 100.0), (0.0, 100.0)] {
            assert!(!borne(worth, told), "{worth} {told}");
        }
    }
}
