//! The end of what runs have begun and not ended, without the runs.
//!
//! - [`stop`] ends what a state names, by [`groups`] of engines, and tells it in [`words`]; [`request`] is
//!   what `faultgate stop` is asked for, and [`unanswered`] the requests to stop that are late.
//! - [`sweep`] removes what has expired, by the policy of [`expired`].
//! - [`emergency`] stops whatever runs, by tags alone.
//! - [`rescue`] ends a run that a panic has broken.
//!
//! Nothing here launches, and nothing is removed that faultgate cannot have made. What could not be ended is
//! told with the way to do it by hand.

pub(crate) mod emergency;
mod expired;
mod groups;
pub(crate) mod request;
pub(crate) mod rescue;
pub(crate) mod stop;
pub(crate) mod sweep;
mod unanswered;
mod words;

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use crate::state_file;
use crate::terminal::{complain, say_line};
use faultgate_core::model::{
    ExperimentPlace, ExperimentState, LaunchRecord, NO_CI, RunIdentity, RunPhase, RunState, Trace,
};

/// Time after which it is told that an answer is waited for: somebody in an emergency watches.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// Waits for an answer. If it is late, `tell` gives the line that says so, or None where the reason was told
/// already.
async fn tell_if_late<T>(tell: impl FnOnce() -> Option<String>, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => return answer,
        () = sleep(TELL_AFTER) => {}
    }
    if let Some(line) = tell() {
        say_line(&line);
    }
    answer.await
}

/// Makes the identity of a command that is not a run, such as a stop or a sweep.
fn make_identity(id: String) -> RunIdentity {
    RunIdentity {
        id,
        ci: NO_CI.to_owned(),
        pipeline: None,
        url: None,
        repository: None,
        commit: None,
        environment: None,
        shard: None,
        plan_run: None,
        attempt_key: String::new(),
    }
}

/// Makes the state of an experiment of which nothing is known but its id.
fn make_launched(name: &str, id: &str, place: ExperimentPlace, now: Timestamp) -> ExperimentState {
    let launch = LaunchRecord { id: id.to_owned(), url: None, at: now, trace: Trace::default() };
    ExperimentState {
        phase: RunPhase::Launched,
        launch: Some(launch),
        ..ExperimentState::planned(name, place)
    }
}

/// Writes what has ended into the state file, so that nobody ends it again. A failure is only a warning,
/// since ending twice does no harm.
pub(crate) fn write_what_ended(file: &Path, state: &RunState) {
    if let Err(error) = state_file::write(file, state) {
        let shown = file.display();
        complain(&format!(
            "warning: the state file {shown} cannot be written, so it tells of the same again: {error}"
        ));
    }
}
