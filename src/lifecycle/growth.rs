//! The second count of an experiment's targets, at its launch, and what the engine's record says of them at
//! the end: it must not hit more than its preview has told.

use std::time::Duration;

use tokio::time::Instant;

use super::progress::Progress;
use super::run::Lifecycle;
use super::scheduled::Scheduled;
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::model::{
    PreviewRecord, ResourceCount, State, Target, Verdict, count_all, count_by_target,
};
use faultgate_core::text;
use faultgate_engines::{Engine, EngineFailure, FailureKind, Launched, Preview, Record};

/// Time within which resolved targets must be read, and before that the record which says that they are
/// resolved. Without an answer nothing is launched, or what was launched is stopped.
const COUNT_LIMIT: Duration = Duration::from_secs(15);
/// Time past `queue-timeout` within which a launched experiment must say what its targets resolved to.
const MAX_LATENESS: Duration = Duration::from_secs(30);
/// Pauses between requests that read.
const READ_PAUSES: Backoff =
    Backoff::new(Duration::from_secs(1), Duration::from_secs(5)).with_jitter(Jitter::Part(0.25));
/// Maximum length of the name of a target, in characters.
const MAX_NAME_CHARS: usize = 300;

impl Lifecycle<'_> {
    /// Counts the resources of a launched experiment that was previewed, as soon as they are resolved.
    /// Returns why it must not go on, if it must not.
    pub(super) async fn find_growth(&self, progress: &Progress<'_>, launched: &Launched) -> Option<String> {
        let Scheduled { number, plan, engine, .. } = progress.scheduled;
        let previewed =
            self.course.previews.borrow().get(number).cloned().filter(|_| self.makes_previews())?;
        let preview = engine.preview()?;
        let limit = plan.queue_timeout.saturating_add(MAX_LATENESS);
        let waiting = wait_until_resolved(progress, engine.as_ref(), launched);
        let resolved = tokio::time::timeout(limit, waiting).await;
        let counted = match resolved {
            Ok(Ok(())) => count_targets(preview, launched).await,
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(make_unanswered("it is pending still")),
        };
        match counted {
            Ok(targets) => describe_growth(&previewed.targets, &targets, self.guard.max_targets()),
            Err(failure) => {
                Some(format!("what its targets resolved to is not known: {}", failure.with_remedy()))
            }
        }
    }

    /// Holds the engine's last record against the preview and the limit, without a request: it may tell of
    /// more than the count at the launch did. Returns why the experiment cannot pass, if it cannot.
    pub(super) fn find_growth_in_record(&self, scheduled: &Scheduled<'_>, record: &Record) -> Option<String> {
        if self.plan.dry_run {
            return None;
        }
        let previews = self.course.previews.borrow();
        let previewed = previews.get(&scheduled.number)?;
        describe_growth(&previewed.targets, &count_recorded(&record.targets), self.guard.max_targets())
    }

    /// Counts the resources of a dry run that has ended, and returns why the policy refuses it, if it does.
    pub(super) async fn find_excess_of_dry_run(
        &self,
        scheduled: &Scheduled<'_>,
        launched: &Launched,
        record: &Record,
    ) -> Option<(Verdict, String)> {
        let most = self.guard.max_targets().filter(|_| self.plan.dry_run)?;
        let preview = scheduled.engine.preview()?;
        let began = launched.first.observed_at;
        let counted = tokio::select! {
            biased;
            signal = self.cancel.cancelled() => {
                return Some((Verdict::Cancelled, format!("{} cancelled the run", signal.as_str())));
            }
            counted = count_targets(preview, launched) => counted,
        };
        match counted {
            Ok(targets) => {
                let took_ms = self.clock.now().duration_since(began).as_millis();
                let preview = PreviewRecord::new(&launched.id, u64::try_from(took_ms).unwrap_or(0), targets);
                let total = preview.total.max(count_all(&count_recorded(&record.targets)));
                self.course.previews.borrow_mut().insert(scheduled.number, preview);
                (total > most)
                    .then(|| (Verdict::Errored, format!("policy: limits.targets: {total}, at most {most}")))
            }
            Err(failure) => {
                let why = failure.with_remedy();
                Some((Verdict::Errored, format!("policy: limits.targets: not known ({why}), at most {most}")))
            }
        }
    }
}

/// Waits until the engine's record says that the experiment has resolved its targets.
async fn wait_until_resolved(
    progress: &Progress<'_>,
    engine: &dyn Engine,
    launched: &Launched,
) -> Result<(), EngineFailure> {
    let mut silent_until = None;
    for attempt in 0.. {
        // An event is a reason to ask sooner.
        tokio::select! {
            () = progress.stirred.notified() => {}
            () = tokio::time::sleep(READ_PAUSES.pause(attempt, fastrand::f64())) => {}
        }
        let until = *silent_until.get_or_insert_with(|| Instant::now() + COUNT_LIMIT);
        match tokio::time::timeout_at(until, engine.look(launched)).await {
            Ok(Ok(record)) if record.state != State::Pending => break,
            Ok(Ok(_)) => silent_until = None,
            Ok(Err(failure)) if failure.kind == FailureKind::Unanswered && Instant::now() < until => {}
            Ok(Err(failure)) => return Err(failure),
            Err(_) => return Err(make_unanswered("the engine did not answer")),
        }
    }
    Ok(())
}

/// Counts resolved targets. A request that is not answered goes out again, as long as there is time.
pub(super) async fn count_targets(
    preview: &dyn Preview,
    launched: &Launched,
) -> Result<Vec<ResourceCount>, EngineFailure> {
    let until = Instant::now() + COUNT_LIMIT;
    let mut attempt = 0;
    loop {
        let failure = match tokio::time::timeout_at(until, preview.count_resolved(launched)).await {
            Ok(Ok(targets)) => return Ok(targets),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(make_unanswered("the engine did not answer")),
        };
        let next = Instant::now() + READ_PAUSES.pause(attempt, fastrand::f64());
        if failure.kind != FailureKind::Unanswered || next >= until {
            return Err(failure);
        }
        tokio::time::sleep_until(next).await;
        attempt += 1;
    }
}

/// Returns the counts that a record tells. A target of which it tells nothing, or not all, is counted with
/// what is certain.
fn count_recorded(targets: &[Target]) -> Vec<ResourceCount> {
    let count = |target: &Target| ResourceCount {
        name: text::plain(&target.name, MAX_NAME_CHARS),
        resource_type: target.resource_type.clone(),
        account: None,
        region: None,
        count: target.resolved.unwrap_or_default(),
    };
    targets.iter().map(count).collect()
}

fn make_unanswered(why: &str) -> EngineFailure {
    EngineFailure::new(FailureKind::Unanswered, "count the resolved targets", why)
}

/// Returns why an experiment must not go on whose targets have resolved to these resources, or None where
/// they are no more than those of the preview. `most` is the limit of a policy.
fn describe_growth(
    previewed: &[ResourceCount],
    launched: &[ResourceCount],
    most: Option<u64>,
) -> Option<String> {
    let (before, now) = (count_all(previewed), count_all(launched));
    if let Some(most) = most.filter(|most| now > *most) {
        return Some(format!(
            "policy: limits.targets: {now} at the launch and {before} in the preview, at most {most}"
        ));
    }
    let known = count_by_target(previewed);
    let more = count_by_target(launched).into_iter().find_map(|(name, count)| {
        let before = known.get(name).copied().unwrap_or_default();
        (count > before).then_some((name, count, before))
    });
    more.map(|(name, count, before)| {
        let name = text::plain(name, MAX_NAME_CHARS);
        format!(
            "the target {name} resolved to {count} resources at the launch, and to {before} in the preview"
        )
    })
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
    fn what_was_not_previewed_is_not_hit() {
        let before = targets(&[("web", "1", 2), ("web", "2", 1), ("db", "1", 1)]);
        let after = |counts: &[_], most| describe_growth(&before, &targets(counts), most);
        assert_eq!(after(&[("web", "1", 2), ("db", "1", 1)], None), None, "fewer");
        // FIS picks at random: another account is no growth of the target.
        assert_eq!(after(&[("web", "3", 3), ("db", "1", 1)], Some(4)), None);
        assert_eq!(after(&[], Some(0)), None);
        let more = after(&[("web", "1", 4)], None).unwrap();
        assert_eq!(more, "the target web resolved to 4 resources at the launch, and to 3 in the preview");
        let new = after(&[("cache", "1", 1)], Some(9)).unwrap();
        assert!(new.contains("target cache resolved to 1 resources at the launch, and to 0"), "{new}");
        let over = after(&[("web", "1", 6)], Some(5)).unwrap();
        assert_eq!(over, "policy: limits.targets: 6 at the launch and 4 in the preview, at most 5");
    }
}
