//! The packing of experiments into jobs that run at the same time.
//!
//! The longest come first, each into the job that has least to do so far. Experiments of one place stay
//! together where that costs little, since jobs that share a place wait for each other there.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use faultgate_core::model::PlanItem;

/// Largest number of jobs: those that a matrix of GitHub makes at most.
pub(crate) const MAX_JOBS: usize = 256;

/// The time that staying together may cost, as a share of the time of the longest job.
const COST: (u64, u64) = (5, 4);

/// Packs items into at most `jobs` jobs, none of which is empty. The order of the items does not matter: a
/// job has its items by name, and jobs stand in the order of their first names.
pub(crate) fn pack(items: &[PlanItem], jobs: usize) -> Vec<Vec<&PlanItem>> {
    let jobs = jobs.clamp(1, MAX_JOBS);
    let mut longest_first: Vec<&PlanItem> = items.iter().collect();
    longest_first.sort_by_key(|item| (Reverse(length(item)), &item.experiment));
    let apart = fill(longest_first.iter().map(|item| vec![*item]).collect(), jobs);
    let together = fill(split_by_place(&longest_first, jobs), jobs);
    let is_cheap = time(&together) * COST.1 <= time(&apart) * COST.0;
    let mut packed = if is_cheap { together } else { apart };
    for job in &mut packed {
        job.sort_by_key(|item| &item.experiment);
    }
    packed.sort_by_key(|job| job.first().map(|item| &item.experiment));
    packed
}

/// Returns the time that an experiment takes, as far as anybody knows before it was run: its limit, in
/// seconds.
fn length(item: &PlanItem) -> u64 {
    item.timeout_seconds.max(1)
}

/// Returns the time of the longest job.
fn time(jobs: &[Vec<&PlanItem>]) -> u64 {
    let lengths = jobs.iter().map(|job| job.iter().map(|item| length(item)).sum());
    lengths.max().unwrap_or_default()
}

/// Puts each block into the job that has least to do so far. The order of blocks of the same length is that
/// of their first names.
fn fill(mut blocks: Vec<Vec<&PlanItem>>, jobs: usize) -> Vec<Vec<&PlanItem>> {
    let whole = |block: &Vec<&PlanItem>| block.iter().map(|item| length(item)).sum::<u64>();
    blocks.sort_by_cached_key(|block| {
        (Reverse(whole(block)), block.first().map(|item| item.experiment.clone()))
    });
    let mut filled = vec![Vec::new(); jobs.min(blocks.len())];
    let mut idlest: BinaryHeap<Reverse<(u64, usize)>> =
        (0..filled.len()).map(|job| Reverse((0, job))).collect();
    for block in blocks {
        let Some(Reverse((busy, job))) = idlest.pop() else { break };
        idlest.push(Reverse((busy + whole(&block), job)));
        filled[job].extend(block);
    }
    filled
}

/// Returns blocks of experiments that share a place, none of them longer than an even share of all jobs,
/// unless it is one experiment.
fn split_by_place<'a>(longest_first: &[&'a PlanItem], jobs: usize) -> Vec<Vec<&'a PlanItem>> {
    let total: u64 = longest_first.iter().map(|item| length(item)).sum();
    let share = total.div_ceil(u64::try_from(jobs).unwrap_or(u64::MAX));
    let mut places: BTreeMap<_, Vec<&PlanItem>> = BTreeMap::new();
    for item in longest_first {
        // Experiments without a role are all in the one account that the credentials lead to.
        let place = (&item.account, &item.role_arn, &item.region, item.engine);
        places.entry(place).or_default().push(item);
    }
    let mut blocks = Vec::new();
    for items in places.into_values() {
        let (mut block, mut busy) = (Vec::new(), 0);
        for item in items {
            if !block.is_empty() && busy + length(item) > share {
                blocks.push(std::mem::take(&mut block));
                busy = 0;
            }
            busy += length(item);
            block.push(item);
        }
        blocks.push(block);
    }
    blocks
}
