//! Tests of a queue that others read as well.

use std::time::Duration;

use faultgate_core::model::Monitor;
use faultgate_testkit::paused::chaos::{Chaos, ChaosLife};
use faultgate_testkit::paused::player::play;

/// Events that are given back must not come round too often: each receive of a message counts towards the
/// maximum of a redrive policy.
#[test]
fn events_of_others_come_round_a_few_times_and_no_more() {
    let half_an_hour = Duration::from_mins(30);
    let chaos = Chaos {
        lives: vec![ChaosLife::NeverEnds],
        monitor: Monitor::Queue,
        timeout: half_an_hour,
        reconcile: Duration::from_mins(5),
        noise: vec![(Duration::from_secs(1), 0)],
        ..Chaos::with_faults(Vec::new())
    };
    let played = play(&chaos);
    assert!(played.took > half_an_hour, "{:?}", played.took);
    let given_back = played.world.count("ChangeMessageVisibilityBatch");
    assert!((2..30).contains(&given_back), "{given_back}");
}
