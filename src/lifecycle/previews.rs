//! The previews of a run: before anything is launched, each experiment's targets are resolved and counted,
//! and the guard judges once more. After the launch they are counted again.
//!
//! A preview is an experiment that acts on nothing. It is ended like any other, since only its record says
//! that its actions are skipped.

use std::collections::BTreeSet;
use std::rc::Rc;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::admission::Begun;
use super::cancel::Share;
use super::growth::count_targets;
use super::guard::{self, Outlook, PreviewedCount};
use super::launching::{LAUNCH_LIMIT, LaunchPermit, no_answer};
use super::run::{Lifecycle, describe_signal};
use super::scheduled::Scheduled;
use super::stop_request::{CONFIRM_LIMIT, STOP_LIMIT, StopRequest};
use super::unreached::MAX_PLACES_AT_ONCE;
use faultgate_core::duration::exact;
use faultgate_core::model::{
    AlarmChange, ExperimentResult, Finding, Level, PreviewRecord, ResourceCount, RunEvent, State, Transition,
    Verdict, count_by_target,
};
use faultgate_core::text;
use faultgate_engines::{Engine, EngineFailure, FailureKind, Launched, Preview, Record, Watcher};

/// Maximum length of a text of the engine, in characters.
const MAX_TEXT_CHARS: usize = 300;

/// The reason for which an experiment has no preview.
struct NoPreview {
    verdict: Verdict,
    why: String,
    /// Words on a preview whose end is not confirmed, and how to stop it.
    left: Option<String>,
    /// `true` if the preview is not known to have ended.
    may_run: bool,
}

impl NoPreview {
    fn refuse(why: impl Into<String>) -> Self {
        Self::of(Verdict::Errored, why)
    }

    fn of(verdict: Verdict, why: impl Into<String>) -> Self {
        Self { verdict, why: why.into(), left: None, may_run: false }
    }
}

/// A listener that passes on warnings and nothing else: a preview has no place in the course of a run.
struct PreviewWatcher<'a>(&'a dyn Fn(&RunEvent<'_>));

impl Watcher for PreviewWatcher<'_> {
    fn transition(&self, _: Transition) {}

    fn alarm(&self, _: AlarmChange) {}

    fn warning(&self, message: &str) {
        (self.0)(&RunEvent::Warning(message));
    }
}

impl Lifecycle<'_> {
    /// Returns `true` if previews are to be made. A dry run is one already.
    pub(super) fn makes_previews(&self) -> bool {
        !self.plan.dry_run && (self.plan.preview || self.guard.max_targets().is_some())
    }

    /// Checks the accounts that the experiments would act in, where what they hit is counted before they act.
    pub(super) async fn check_accounts_to_preview(&self) -> Vec<Finding> {
        if !self.plan.preview && self.guard.max_targets().is_none() {
            return Vec::new();
        }
        let check = async |engine: &Rc<dyn Engine>| {
            let Some(preview) = engine.preview() else { return Vec::new() };
            let own = self.scheduled.iter().filter(|scheduled| Rc::ptr_eq(&scheduled.engine, engine));
            preview.check_accounts(&own.map(|scheduled| scheduled.plan).collect::<Vec<_>>()).await
        };
        self.for_each_engine(MAX_PLACES_AT_ONCE, check).await.into_iter().flatten().collect()
    }

    /// Previews all experiments that can be, and lets the guard judge again. The error holds the results
    /// of all experiments where none may be launched.
    pub(super) async fn preview_all(&self, findings: &mut Vec<Finding>) -> Result<(), Vec<ExperimentResult>> {
        if !self.makes_previews() {
            return Ok(());
        }
        let reached = self.scheduled.iter().filter(|one| self.course.unreached.why(&one.engine).is_none());
        let all = reached.filter_map(|scheduled| Some((scheduled, scheduled.engine.preview()?)));
        let outcomes: Vec<(&Scheduled<'_>, Result<(), NoPreview>)> = stream::iter(all)
            .map(
                |(scheduled, preview)| async move { (scheduled, self.preview_one(scheduled, preview).await) },
            )
            .buffer_unordered(self.scheduled.len().max(1))
            .collect()
            .await;
        if let Some(signal) = self.cancel.signal() {
            let left = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err());
            let left: String = left.filter_map(|none| none.left.as_deref()).collect();
            let why = format!("{}{left}", describe_signal(signal));
            return Err(self.none_launched(Verdict::Cancelled, &why));
        }
        let mut failed: Vec<(usize, NoPreview)> = outcomes
            .into_iter()
            .filter_map(|(scheduled, outcome)| Some((scheduled.number, outcome.err()?)))
            .collect();
        failed.sort_by_key(|(number, _)| *number);
        let late = !failed.is_empty() && failed.iter().all(|(_, none)| none.verdict == Verdict::TimedOut);
        let counts = self.list_counts(&failed);
        let told = failed.into_iter().map(|(number, none)| {
            let name = &self.scheduled[number].plan.name;
            Finding::new(Level::Error, format!("preview of {name}"), none.why)
        });
        let mut news: Vec<Finding> = told.collect();
        news.extend(self.ask_guard(Outlook::Previewed(&counts)).await);
        news.retain(|finding| !findings.contains(finding));
        for finding in &news {
            (self.publish)(&RunEvent::Found(finding));
        }
        let is_refused = news.iter().any(Finding::is_refusal);
        findings.extend(news);
        match guard::why_not_launched(findings) {
            None => {
                self.foretell().await;
                Ok(())
            }
            Some(why) => {
                let verdict = if late && !is_refused { Verdict::TimedOut } else { Verdict::Errored };
                Err(self.none_launched(verdict, &why))
            }
        }
    }

    /// Lists what the previews have counted, in the plan's order. `failed` are the places of those that
    /// failed, each with the reason.
    fn list_counts(&self, failed: &[(usize, NoPreview)]) -> Vec<PreviewedCount> {
        let previews = self.course.previews.borrow();
        let late: BTreeSet<usize> = failed
            .iter()
            .filter(|(_, none)| none.verdict == Verdict::TimedOut)
            .map(|(number, _)| *number)
            .collect();
        let count = |scheduled: &Scheduled<'_>| match previews.get(&scheduled.number) {
            Some(preview) => PreviewedCount::Known(preview.total),
            None if late.contains(&scheduled.number) => PreviewedCount::Late,
            None => PreviewedCount::Missing,
        };
        self.scheduled.iter().map(count).collect()
    }

    /// Previews one experiment, and notes what its targets resolve to.
    async fn preview_one(&self, scheduled: &Scheduled<'_>, preview: &dyn Preview) -> Result<(), NoPreview> {
        let Scheduled { number, .. } = scheduled;
        let cancelled = |signal| NoPreview::of(Verdict::Cancelled, describe_signal(signal));
        let berth = tokio::select! {
            biased;
            signal = self.cancel.cancelled() => return Err(cancelled(signal)),
            berth = self.take_preview_berth(scheduled) => berth,
        };
        let mut permit = self.course.launches.acquire().await.ok();
        if let Some(signal) = self.cancel.signal() {
            return Err(cancelled(signal));
        }
        let duty = self.cancel.take_duty();
        // Written down first: if this process is killed now, another one can look for the preview.
        self.note_previewing(scheduled).await;
        let since = Instant::now();
        let previewed = self.start_and_count(scheduled, preview, &mut permit).await;
        drop(permit);
        let (id, targets) = match previewed {
            Ok(previewed) => previewed,
            Err(none) if none.may_run => return Err(none),
            Err(none) => {
                self.note_previewed(scheduled, None).await;
                return Err(none);
            }
        };
        drop((duty, berth));
        let took_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let record = PreviewRecord::new(&id, took_ms, targets);
        (self.publish)(&RunEvent::Previewed { experiment: *number, preview: &record });
        self.note_previewed(scheduled, Some(&record)).await;
        let empty = find_empty_target(&record.targets).filter(|_| !self.plan.injection.accepts_nothing);
        let refusal = empty.map(|name| {
            let name = text::plain(name, MAX_TEXT_CHARS);
            NoPreview::refuse(format!(
                "the target {name} resolves to no resource ({}); allow-empty-targets accepts that",
                record.experiment_id
            ))
        });
        self.course.previews.borrow_mut().insert(*number, record);
        refusal.map_or(Ok(()), Err)
    }

    /// Starts a preview, and counts what its targets resolve to. Returns the preview's id with the counts.
    async fn start_and_count<'s>(
        &'s self,
        scheduled: &Scheduled<'_>,
        preview: &dyn Preview,
        permit: &mut LaunchPermit<'s>,
    ) -> Result<(String, Vec<ResourceCount>), NoPreview> {
        let plan = scheduled.plan;
        let begun = self.begin(scheduled, permit, async || preview.start_preview(plan).await).await;
        *permit = None;
        let launched = match begun {
            Begun::Answered(Ok(launched)) => launched,
            Begun::Late(why) => return Err(NoPreview::of(Verdict::TimedOut, why)),
            Begun::Forbidden(verdict, why) => return Err(NoPreview::of(verdict, why)),
            Begun::Cancelled(signal) => {
                return Err(NoPreview::of(Verdict::Cancelled, describe_signal(signal)));
            }
            Begun::Answered(Err(failure)) if failure.kind != FailureKind::Unanswered => {
                return Err(NoPreview::refuse(failure.with_remedy()));
            }
            Begun::Answered(Err(failure)) => return Err(self.end_lost(scheduled, preview, failure).await),
            Begun::Unanswered => return Err(self.end_lost(scheduled, preview, no_answer(plan)).await),
        };
        let targets = self.follow_and_count(scheduled, preview, &launched).await?;
        Ok((launched.id, targets))
    }

    /// Follows a preview to its end, and counts what its targets resolve to.
    async fn follow_and_count(
        &self,
        scheduled: &Scheduled<'_>,
        preview: &dyn Preview,
        launched: &Launched,
    ) -> Result<Vec<ResourceCount>, NoPreview> {
        let Scheduled { plan, engine, .. } = scheduled;
        let watcher = PreviewWatcher(self.publish);
        let ended = tokio::select! {
            biased;
            signal = self.cancel.cancelled() => Err((Verdict::Cancelled, describe_signal(signal))),
            ended = engine.follow(launched, &watcher) => {
                ended.map_err(|failure| (Verdict::Errored, failure.with_remedy()))
            }
            () = tokio::time::sleep(plan.queue_timeout) => {
                let why = format!("it did not end within queue-timeout, {}", exact(plan.queue_timeout));
                Err((Verdict::Errored, why))
            }
        };
        let record = match ended {
            Ok(record) => record,
            Err((verdict, why)) => {
                let left = self.end_preview(engine.as_ref(), launched).await;
                let why = format!("{}: {why}{left}", launched.id);
                return Err(NoPreview { verdict, why, may_run: !left.is_empty(), left: Some(left) });
            }
        };
        if record.state != State::Completed {
            return Err(NoPreview::refuse(format!("{}: {}", launched.id, describe_other_end(&record))));
        }
        let counted = tokio::select! {
            biased;
            signal = self.cancel.cancelled() => {
                return Err(NoPreview::of(Verdict::Cancelled, describe_signal(signal)));
            }
            counted = count_targets(preview, launched) => counted,
        };
        counted.map_err(|failure| NoPreview::refuse(format!("{}: {}", launched.id, failure.with_remedy())))
    }

    /// Looks for a preview that an unanswered request may have begun, and ends it: nobody knows if it
    /// skips its actions. Returns why there is no preview.
    async fn end_lost(
        &self,
        scheduled: &Scheduled<'_>,
        preview: &dyn Preview,
        failure: EngineFailure,
    ) -> NoPreview {
        let finding = preview.find_preview(scheduled.plan);
        let (may_run, left) = match self.cancel.within(LAUNCH_LIMIT, Share::Find, finding).await {
            Some(Ok(Some(launched))) => {
                let left = self.end_preview(scheduled.engine.as_ref(), &launched).await;
                (!left.is_empty(), format!("; it had begun all the same, as {}{left}", launched.id))
            }
            Some(Ok(None)) => (true, "; none that has begun is listed".to_owned()),
            Some(Err(failure)) => (true, format!("; one may have begun, and {}", failure.with_remedy())),
            None => (true, "; one may have begun, and could not be looked for in time".to_owned()),
        };
        let why = format!("{}{left}", failure.with_remedy());
        NoPreview { verdict: Verdict::Errored, why, left: Some(left), may_run }
    }

    /// Stops a preview. Returns what a reader has to know of it: nothing if it has ended.
    async fn end_preview(&self, engine: &dyn Engine, launched: &Launched) -> String {
        let request = StopRequest { engine, launched };
        let tell_trouble = |told: &str| (self.publish)(&RunEvent::Warning(told));
        let refused = request.send(self.cancel.deadline(STOP_LIMIT, Share::Stop), tell_trouble).await.err();
        let deadline = self.cancel.deadline(CONFIRM_LIMIT, Share::Confirm);
        if request.confirm(deadline).await.is_ok() {
            return String::new();
        }
        let error = refused.map(|error| format!(" ({error})")).unwrap_or_default();
        format!("; its stop is NOT confirmed: stop it by: {}{error}", engine.stop_command(launched))
    }
}

/// Returns the name of the first target that resolves to nothing.
fn find_empty_target(targets: &[ResourceCount]) -> Option<&str> {
    count_by_target(targets).into_iter().find(|(_, count)| *count == 0).map(|(name, _)| name)
}

/// Tells how a preview has ended that did not complete, in the engine's words.
fn describe_other_end(record: &Record) -> String {
    let code = record.error.as_ref().and_then(|error| error.code.as_deref());
    let said = [code, record.reason.as_deref()].into_iter().flatten();
    let said: Vec<String> = said.map(|said| text::plain(said, MAX_TEXT_CHARS)).collect();
    let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(": ")) };
    format!("it is {}{said}", text::plain(&record.raw_state, MAX_TEXT_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(counts: &[(&str, &str, u64)]) -> Vec<ResourceCount> {
        let row = |(name, account, count): &(&str, &str, u64)| ResourceCount {
            name: (*name).to_owned(),
            resource_type: "aws:ecs:task".to_owned(),
            account: Some((*account).to_owned()),
            region: None,
            count: *count,
        };
        counts.iter().map(row).collect()
    }

    #[test]
    fn a_target_is_empty_only_in_all_its_accounts() {
        assert_eq!(find_empty_target(&targets(&[("web", "1", 0), ("web", "2", 1)])), None);
        assert_eq!(find_empty_target(&targets(&[("web", "1", 2), ("db", "1", 0)])), Some("db"));
        assert_eq!(find_empty_target(&[]), None, "an experiment without targets");
    }
}
