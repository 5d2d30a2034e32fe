//! The sinks of a run while it goes on.

use std::cell::RefCell;

use faultgate_config::Veil;
use faultgate_core::model::RunEvent;
use faultgate_core::panics;
use faultgate_report as report;
use faultgate_report::Sink;

/// The sinks of a run while it goes on. Every event passes the veil before a sink hears it.
pub(crate) struct Audience {
    sinks: RefCell<Vec<Box<dyn Sink>>>,
    veil: Veil,
}

impl Audience {
    pub(super) fn new(sinks: Vec<Box<dyn Sink>>, veil: Veil) -> Self {
        Self { sinks: RefCell::new(sinks), veil }
    }

    pub(super) fn tell(&self, event: &RunEvent<'_>) {
        report::tell_veiled(event, &self.veil, &mut |event| {
            for sink in self.sinks.borrow_mut().iter_mut() {
                // The other sinks hear of the event all the same, and the run ends by the panic.
                let _ = panics::catch_now(|| {
                    panics::point("sink");
                    sink.on(event);
                });
            }
        });
    }

    pub(super) fn warn(&self, message: &str) {
        self.tell(&RunEvent::Warning(message));
    }

    /// Returns the sinks, which hear no more events.
    pub(super) fn into_sinks(self) -> Vec<Box<dyn Sink>> {
        self.sinks.into_inner()
    }
}
