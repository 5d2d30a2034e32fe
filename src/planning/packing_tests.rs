//! Tests and properties of the packing of experiments into jobs.

use std::collections::BTreeSet;

use faultgate_core::model::{EngineKind, PlanItem};
use proptest::collection::vec;
use proptest::prelude::*;

use super::packing::{MAX_JOBS, pack};

fn item(name: &str, account: u64, seconds: u64) -> PlanItem {
    PlanItem {
        experiment: name.to_owned(),
        engine: EngineKind::Fis,
        template: Some("EXT1".to_owned()),
        account: Some(format!("{account:012}")),
        region: Some("eu-west-1".to_owned()),
        role_arn: Some(format!("arn:aws:iam::{account:012}:role/chaos")),
        weight: 10,
        timeout_seconds: seconds,
        run: "run".to_owned(),
        suite: "digest".to_owned(),
        suite_size: None,
        digest: None,
    }
}

fn names(jobs: &[Vec<&PlanItem>]) -> Vec<Vec<String>> {
    jobs.iter().map(|job| job.iter().map(|item| item.experiment.clone()).collect()).collect()
}

/// Returns the time of the longest job.
fn time(jobs: &[Vec<&PlanItem>]) -> u64 {
    jobs.iter().map(|job| job.iter().map(|item| item.timeout_seconds.max(1)).sum()).max().unwrap_or_default()
}

#[test]
fn the_longest_come_first_and_go_where_least_is_to_be_done() {
    let items = [("a", 1, 50), ("b", 2, 40), ("c", 3, 30), ("d", 4, 30), ("e", 5, 20)];
    let items = items.map(|(name, account, seconds)| item(name, account, seconds));
    assert_eq!(names(&pack(&items, 2)), [vec!["a", "d"], vec!["b", "c", "e"]]);
    assert_eq!(pack(&items, 256).len(), 5, "no job is empty");
    assert_eq!(names(&pack(&items, 1)), [vec!["a", "b", "c", "d", "e"]]);
    assert!(pack(&[], 3).is_empty());
}

#[test]
fn an_account_stays_together_where_that_costs_little() {
    let items: Vec<PlanItem> =
        (0..40).map(|number| item(&format!("e{number:02}"), number % 4, 600)).collect();
    for job in pack(&items, 4) {
        let accounts: BTreeSet<_> = job.iter().map(|item| &item.account).collect();
        assert_eq!(accounts.len(), 1, "{job:?}");
    }
    // One account with all there is would keep one job of four busy.
    let lopsided: Vec<PlanItem> = (0..40).map(|number| item(&format!("e{number:02}"), 1, 600)).collect();
    assert_eq!(pack(&lopsided, 4).iter().map(Vec::len).collect::<Vec<_>>(), [10; 4]);
}

fn some_items() -> impl Strategy<Value = Vec<PlanItem>> {
    vec((0_u64..9, prop_oneof![Just(1800), 1_u64..43_200]), 1..400).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered.map(|(number, (account, seconds))| item(&format!("e{number}"), account, seconds)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn each_experiment_is_in_exactly_one_of_a_few_jobs(items in some_items(), jobs in 1_usize..400) {
        let packed = pack(&items, jobs);
        prop_assert!(packed.len() <= jobs.min(MAX_JOBS) && packed.iter().all(|job| !job.is_empty()));
        let mut seen: Vec<String> = names(&packed).concat();
        seen.sort();
        let mut all: Vec<String> = items.iter().map(|item| item.experiment.clone()).collect();
        all.sort();
        prop_assert_eq!(seen, all);
        // An even share and the longest experiment bound the longest job, whatever the order.
        let share = items.iter().map(|item| item.timeout_seconds).sum::<u64>().div_ceil(jobs.min(MAX_JOBS) as u64);
        let longest = items.iter().map(|item| item.timeout_seconds).max().unwrap_or_default();
        prop_assert!(time(&packed) <= (share + longest) * 5 / 4 + 1);
    }

    #[test]
    fn the_same_names_give_the_same_jobs(items in some_items(), jobs in 1_usize..30, seed in any::<u64>()) {
        let mut shuffled = items.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(names(&pack(&items, jobs)), names(&pack(&shuffled, jobs)));
    }
}
