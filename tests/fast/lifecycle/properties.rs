//! The laws under random schedules of events, losses, refusals and signals.

use faultgate_testkit::paused::chaos;
use faultgate_testkit::paused::laws;
use faultgate_testkit::paused::player;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_run_always_ends_cleans_up_and_never_passes_on_missing_knowledge(chaos in chaos::strategy()) {
        laws::hold(&chaos, &player::play(&chaos));
    }

    /// Nothing excuses a leftover where requests are neither refused nor lost.
    #[test]
    fn with_endpoints_that_answer_nothing_is_left_and_the_verdict_is_right(chaos in chaos::without_request_faults()) {
        let played = player::play(&chaos);
        laws::hold(&chaos, &played);
        laws::hold_where_requests_are_answered(&chaos, &played);
    }
}
