//! The places of a run that cannot be reached, such as an account that refuses the role or whose bus takes no
//! more rules. Their experiments are errored, and those elsewhere are launched. Where no place is left, the
//! run as a whole is refused.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::guard;
use super::run::Lifecycle;
use super::stages::CLOSE_LIMIT;
use faultgate_core::model::{Finding, Level, RunEvent};
use faultgate_engines::{Channel, Engine, EngineFailure};

/// Number of places that are opened, checked or closed at once. Each takes several connections.
pub(super) const MAX_PLACES_AT_ONCE: usize = 16;

/// Number of channels that are closed at once. Those that hang must not hold the others up for long.
const MAX_CLOSED_AT_ONCE: usize = 64;

/// The engines whose places cannot be reached, each with the reason for which nothing is launched there.
#[derive(Default)]
pub(super) struct Unreached(RefCell<Vec<(Rc<dyn Engine>, String)>>);

impl Unreached {
    /// Returns the reason for which an engine's place cannot be reached; None if it can.
    pub(super) fn why(&self, engine: &Rc<dyn Engine>) -> Option<String> {
        let unreached = self.0.borrow();
        unreached.iter().find(|(known, _)| Rc::ptr_eq(known, engine)).map(|(_, why)| why.clone())
    }

    /// Returns the reason of the first place that cannot be reached, if there is one.
    pub(super) fn first(&self) -> Option<String> {
        self.0.borrow().first().map(|(_, why)| why.clone())
    }

    fn note(&self, engine: &Rc<dyn Engine>, why: &str) {
        self.0.borrow_mut().push((engine.clone(), format!("not launched: {why}")));
    }
}

impl Lifecycle<'_> {
    /// Waits for something of each engine, a few at once, and returns it in the order of the engines.
    pub(super) async fn for_each_engine<'s, T>(
        &'s self,
        at_once: usize,
        of: impl AsyncFn(&'s Rc<dyn Engine>) -> T,
    ) -> Vec<T> {
        let numbered = self.engines.iter().enumerate();
        let waits = numbered.map(|(number, engine)| {
            let of = &of;
            async move { (number, of(engine).await) }
        });
        let mut all: Vec<(usize, T)> = stream::iter(waits).buffer_unordered(at_once.max(1)).collect().await;
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, one)| one).collect()
    }

    /// Notes which places cannot be reached, by the findings about each engine. If that is all of them, none
    /// is noted, and the findings are about the whole run.
    pub(super) fn note_unreached(&self, found: &mut [Vec<Finding>]) {
        for (engine, findings) in self.engines.iter().zip(&*found) {
            let errors = findings.iter().filter(|finding| finding.of_place && finding.level == Level::Error);
            let why: Vec<String> = errors.map(guard::to_reason).collect();
            if !why.is_empty() {
                self.course.unreached.note(engine, &why.join("; "));
            }
        }
        if !self.reaches_any() {
            self.course.unreached.0.take();
            found.iter_mut().flatten().for_each(|finding| finding.of_place = false);
        }
    }

    fn reaches_any(&self) -> bool {
        self.engines.iter().any(|engine| self.course.unreached.why(engine).is_none())
    }

    /// Notes the places whose channels could not be opened. The error holds the reason for which nothing is
    /// launched at all, if no place is left.
    pub(super) fn note_unopened(
        &self,
        opened: Vec<Result<(), EngineFailure>>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), String> {
        let failed = self.engines.iter().zip(opened);
        let failed: Vec<(&Rc<dyn Engine>, EngineFailure)> =
            failed.filter_map(|(engine, opened)| Some((engine, opened.err()?))).collect();
        for (engine, failure) in &failed {
            self.course.unreached.note(engine, &failure.with_remedy());
        }
        if !failed.is_empty() && !self.reaches_any() {
            let all: Vec<String> = failed.into_iter().map(|(_, failure)| failure.with_remedy()).collect();
            return Err(format!("not launched: {}", all.join("; ")));
        }
        for (engine, failure) in failed {
            let place = engine.admission().map(|admission| format!(" in {}", admission.place()));
            let subject = format!("subscription{}", place.unwrap_or_default());
            let finding = failure.to_finding(Level::Error, subject).about_place();
            (self.publish)(&RunEvent::Found(&finding));
            findings.push(finding);
        }
        Ok(())
    }

    /// Opens the channels of all places that can be reached, in turns. None is opened after a signal.
    pub(super) async fn open_channels(&self) -> Vec<Result<(), EngineFailure>> {
        self.for_each_engine(MAX_PLACES_AT_ONCE, async |engine| match engine.channel() {
            Some(channel)
                if self.course.unreached.why(engine).is_none() && self.cancel.signal().is_none() =>
            {
                channel.open().await
            }
            _ => Ok(()),
        })
        .await
    }

    /// Closes all channels, in turns. What cannot be removed in the time that there is stays and is named.
    pub(super) async fn close_channels(&self, within: Duration) {
        let until = Instant::now() + within;
        self.for_each_engine(MAX_CLOSED_AT_ONCE, async |engine| {
            if let Some(channel) = engine.channel() {
                channel.close(until.saturating_duration_since(Instant::now()).min(CLOSE_LIMIT)).await;
            }
        })
        .await;
    }

    /// Returns the channels of the places that can be reached.
    pub(super) fn reached_channels(&self) -> impl Iterator<Item = &dyn Channel> {
        let reached = self.engines.iter().filter(|engine| self.course.unreached.why(engine).is_none());
        reached.filter_map(|engine| engine.channel())
    }
}
