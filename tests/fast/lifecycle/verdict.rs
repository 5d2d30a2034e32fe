//! The way of the verdict to the forge. Each request takes one unit of the paused clock, so that the clock counts
//! the round trips that follow one another.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use faultgate::lifecycle::{Cancel, Equipment, Lifecycle, RunInputs};
use faultgate_core::clock::Clock;
use faultgate_core::model::{ForgeKind, RunEvent, Source};
use faultgate_engines::Engine;
use faultgate_rehearsal::{FaultEffect, FaultRule, Scenario, TEMPLATE_ID, World};
use faultgate_report::forge::{
    CommentLimits, CommitStatus, Connection, Forge, ForgeFailure, NoForge, Rival, StatusState,
};
use faultgate_report::{CommitStatuses, Nature, Sink, StatusScope, StatusStyle};
use faultgate_testkit::lives::QUICK;
use faultgate_testkit::paused::noted::Noted;
use faultgate_testkit::paused::player::{engine, inputs};
use faultgate_testkit::plans;

const ROUND_TRIP: Duration = Duration::from_secs(1);

/// A forge that takes every status, one round trip after it was sent, and notes when.
#[derive(Clone, Default)]
struct NotingForge(Arc<Mutex<Vec<(StatusState, Instant)>>>);

#[async_trait]
impl Forge for NotingForge {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitHub
    }

    fn limits(&self) -> CommentLimits {
        CommentLimits { comment: 1_000, html: true, mermaid: true }
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), ForgeFailure> {
        sleep(ROUND_TRIP).await;
        self.0.lock().unwrap().push((status.state, Instant::now()));
        Ok(())
    }

    async fn rival(&self, _context: &str) -> Result<Option<Rival>, ForgeFailure> {
        sleep(ROUND_TRIP).await;
        Ok(None)
    }

    fn no_comment(&self) -> Option<String> {
        None
    }

    async fn find_comment(&self, _marker: &str) -> Result<Option<String>, ForgeFailure> {
        Ok(None)
    }

    async fn create_comment(&self, _body: &str) -> Result<(), ForgeFailure> {
        Ok(())
    }

    async fn update_comment(&self, _id: &str, _body: &str) -> Result<(), ForgeFailure> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_is_final_after_two_round_trips_and_the_run_over_after_three() {
    let clock = Clock::start();
    let world = World::new(Scenario::find("completed").unwrap(), clock);
    let slow =
        |beat: &faultgate_rehearsal::Beat| faultgate_rehearsal::Beat { after: ROUND_TRIP * 10, ..*beat };
    world.script(TEMPLATE_ID, QUICK.iter().map(slow).collect::<Vec<_>>());
    for operation in
        ["GetExperiment", "ListExperimentResolvedTargets", "RemoveTargets", "DeleteRule", "DeleteQueue"]
    {
        world.inject(FaultRule::on(operation, FaultEffect::Delay(ROUND_TRIP)));
    }
    let plan = plans::plan(vec![plans::experiment("az", plans::fis(TEMPLATE_ID))]);
    let (identity, cancel) = (plans::identity("verdict"), Cancel::new());
    let forge = NotingForge::default();
    let connection = {
        let forge = forge.clone();
        Connection::new(move || {
            let forge: Box<dyn Forge> = Box::new(forge.clone());
            async { Ok::<_, NoForge>(forge) }
        })
    };
    let style = StatusStyle {
        prefix: "faultgate".to_owned(),
        target_url: None,
        attempt: None,
        shard: None,
        part: Vec::new(),
        nature: Nature::Real,
        hides_accounts: false,
    };
    let statuses = RefCell::new(CommitStatuses::new(&["az"], StatusScope::all(1, false), style, connection));
    let ended = Cell::new(None);
    let publish = |event: &RunEvent<'_>| {
        statuses.borrow_mut().on(event);
        if let RunEvent::Transition { transition, .. } = event
            && transition.state.is_terminal()
            && transition.source == Source::Event
        {
            ended.set(Some(Instant::now()));
        }
    };
    let noted = Noted::of(&identity, &plan, clock.started_at());
    let engine: Rc<dyn Engine> = Rc::new(engine(&world, &plan, &identity, clock, &cancel));
    let inputs = RunInputs { journal: &noted, publish: &publish, ..inputs(&plan, &identity, clock, &cancel) };
    let equipment = vec![Equipment { engine, evaluators: Vec::new() }];
    let result = Lifecycle::new(inputs, equipment).unwrap().run().await;
    let told = statuses.into_inner().finish(&result).await;
    let over = Instant::now();
    let ended = ended.get().expect("an event has told the end");
    let statuses = forge.0.lock().unwrap().clone();
    let states: Vec<StatusState> = statuses.iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [StatusState::Pending, StatusState::Running, StatusState::Success], "{told:?}");
    // The record is read in the first round trip.
    let after = |then: Instant| then.duration_since(ended).as_secs_f64().round();
    assert!(after(statuses[2].1) <= 2.0, "{:?}", statuses[2].1.duration_since(ended));
    // The targets of the rule are removed in the second one, and the rule in the third.
    assert!(after(over) <= 3.0, "{:?}", over.duration_since(ended));
}
