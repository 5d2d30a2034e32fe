//! The base runs, which between them make every request to AWS that a run can make.

use std::borrow::Cow;
use std::time::Duration;

use faultgate_core::model::{Monitor, Signal};
use faultgate_rehearsal::{EventFaults, FaultEffect, FaultRule};
use faultgate_testkit::paused::chaos::{Chaos, ChaosLife};

/// The timeout of each experiment.
const TIMEOUT: Duration = Duration::from_secs(30);

fn living(life: ChaosLife) -> Chaos {
    Chaos { lives: vec![life], timeout: TIMEOUT, ..Chaos::with_faults(Vec::new()) }
}

fn with(chaos: Chaos, faults: Vec<FaultRule>) -> Chaos {
    Chaos { faults, ..chaos }
}

/// Returns all base runs, each with its name.
pub(crate) fn all() -> Vec<(&'static str, Chaos)> {
    let completes = living(ChaosLife::Completes);
    let endless = living(ChaosLife::NeverEnds);
    let later_refused = vec![
        FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1),
        FaultRule::on("StartExperiment", FaultEffect::denied("fis:StartExperiment")).from(2),
    ];
    let cancelled = |at| Some((Duration::from_secs(at), Signal::Terminate));
    vec![
        ("it completes", completes.clone()),
        ("it is previewed", Chaos { preview: true, ..completes.clone() }),
        ("it completes, polled", Chaos { monitor: Monitor::Poll, ..completes.clone() }),
        (
            "it completes, by a queue of the user's",
            // Another run of the same template is in the queue as well.
            Chaos { monitor: Monitor::Queue, noise: vec![(Duration::from_secs(1), 0)], ..completes.clone() },
        ),
        (
            "no event comes",
            Chaos {
                events: EventFaults { lose_all: true, ..EventFaults::NONE },
                reconcile: Duration::from_secs(2),
                ..completes.clone()
            },
        ),
        (
            "the handshake is lost",
            Chaos { events: EventFaults { lose_custom: u32::MAX, ..EventFaults::NONE }, ..completes.clone() },
        ),
        (
            "the queue's address is lost",
            with(completes.clone(), vec![FaultRule::on("CreateQueue", FaultEffect::LoseAnswer)]),
        ),
        ("an alarm fires", living(ChaosLife::AlarmFires)),
        ("nothing is injected", living(ChaosLife::CompletesWithoutTargets)),
        ("it ends in an unknown word", living(ChaosLife::EndsInAnUnknownWord)),
        ("it never ends", endless.clone()),
        ("the launch is found", with(endless.clone(), later_refused)),
        ("it is cancelled", Chaos { signal: cancelled(5), ..endless.clone() }),
        (
            "its launch is cancelled",
            Chaos {
                signal: cancelled(1),
                ..with(
                    endless,
                    vec![FaultRule::on("StartExperiment", FaultEffect::Delay(Duration::from_millis(1500)))],
                )
            },
        ),
        (
            "two at once",
            Chaos { lives: vec![ChaosLife::Completes, ChaosLife::NeverEnds], parallel: 2, ..completes },
        ),
    ]
}

/// Returns the operations of a run, in the order in which they are first made.
pub(crate) fn operations(chaos: &Chaos) -> Vec<Cow<'static, str>> {
    let mut operations: Vec<Cow<'static, str>> = Vec::new();
    // The test itself makes the requests before the first one of the run.
    let requests = faultgate_testkit::paused::player::play(chaos).world.requests.into_iter();
    for request in requests.skip_while(|request| request.operation != "GetExperimentTemplate") {
        if !operations.contains(&Cow::Owned(request.operation.clone())) {
            operations.push(request.operation.into());
        }
    }
    operations
}
