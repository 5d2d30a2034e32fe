//! A run in one process, and the check of one.

use std::time::Duration;

use super::RunSession;
use crate::lifecycle::Journal;
use crate::state_file::RunJournal;
use crate::terminal::refusal::refuse_run;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{Finding, Level, RunEvent};
use faultgate_engines::Unnoted;

/// Carries out a whole run, and returns the exit code. `fault` is the length of the fault in a rehearsal, if
/// not that of the scenario.
pub(crate) async fn run(mut session: RunSession<'_>, fault: Option<Duration>) -> u8 {
    let (_held, left) = match session.take_state_file() {
        Ok(earlier) => earlier,
        Err(mistake) => return refuse_run(&[mistake], session.env),
    };
    let audience = session.open_audience();
    let env = session.env;
    let session = match session.rehearse(fault).await {
        Ok(session) => session,
        Err(mistake) => return refuse_run(&[mistake], env),
    };
    // The look-up of a Region and credentials may take a while, and there is nothing to stop yet.
    let connected = match session.connect_unless_cancelled().await {
        Ok(connected) => connected,
        Err(code) => return code,
    };
    let result = {
        let warn = |message: &str| audience.warn(message);
        let state = session.make_state(&connected, left);
        let kept = RunJournal::new(session.settings.state_file.clone(), session.clock, state, &warn);
        // A rehearsal leaves nothing that outlives it, and its state must not overwrite that of a real run.
        let journal: &dyn Journal = if session.rehearsal_note().is_none() { &kept } else { &Unnoted };
        let publish = |event: &RunEvent<'_>| audience.tell(event);
        let guard = session.guard();
        let herald = session.reporting().make_herald();
        let lifecycle = match session.make_lifecycle(
            connected,
            journal,
            &guard,
            herald.as_ref().map(|herald| herald as _),
            &publish,
        ) {
            Ok(lifecycle) => lifecycle,
            Err(mistake) => return refuse_run(&[mistake], session.env),
        };
        let work = session.rescuer().work(lifecycle, &kept, async |lifecycle| lifecycle.run().await).await;
        work.unwrap_or_else(|rescued| rescued)
    };
    session.finish(audience, result).await
}

/// Does the checks before a launch and nothing else. Returns their findings, preceded by the warnings of a
/// run, and by what it notes about reports only at its end.
pub(crate) async fn check(session: RunSession<'_>) -> Result<Vec<Finding>, Mistake> {
    let told = |subject: &'static str| move |warning| Finding::new(Level::Warning, subject, warning);
    let mut findings: Vec<Finding> =
        session.settings.warnings.iter().cloned().map(told("settings")).collect();
    findings.extend(session.reporting().warnings().into_iter().map(told("reports")));
    let skipped = session.reporting().note_skipped().await;
    findings.extend(skipped.map(|note| Finding::new(Level::Note, "reports", note)));
    let session = session.rehearse(None).await?;
    let connected = session.connect().await?;
    let guard = session.guard();
    findings.extend(session.make_lifecycle(connected, &Unnoted, &guard, None, &|_| {})?.check().await);
    Ok(findings)
}
