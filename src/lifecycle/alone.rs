//! The rule that an experiment runs alone in its place: the wait for others before its launch, and the look
//! after it.
//!
//! Two runs may look at the same moment and both launch. So each looks once more, and the one that came later
//! stops.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::run::Lifecycle;
use super::scheduled::Scheduled;
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::duration::exact;
use faultgate_core::model::{RunEvent, Verdict};
use faultgate_engines::{ActiveExperiment, Admission, EngineFailure, FailureKind, Launched, Occupants};

/// Pauses between looks at who is in the place.
const LOOK_PAUSES: Backoff =
    Backoff::new(Duration::from_secs(1), Duration::from_secs(15)).with_jitter(Jitter::Part(0.25));
/// Time within which the place must be looked at after a launch. Without an answer the experiment is stopped.
const LOOK_AGAIN_LIMIT: Duration = Duration::from_secs(15);
/// Time within which the list must hold the experiment that was launched. A list that lacks it may lack others
/// that began at the same time.
const LISTED_LIMIT: Duration = Duration::from_secs(10);
/// Pauses between looks for the experiment that was launched.
const LISTED_PAUSES: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(2));
/// Number of others that a sentence names.
const MAX_NAMED: usize = 5;

/// The wait of one experiment for its place to be empty.
#[derive(Debug, Default)]
pub(super) struct LonelyWait {
    /// Time at which it must be over; None as long as nobody was in the way.
    until: Option<Instant>,
    /// Ids of those of which the user knows that they are in the way.
    told: BTreeSet<String>,
}

impl Lifecycle<'_> {
    /// Waits until nobody else runs in the experiment's place, if a rule wants that. The error says why
    /// nothing may be launched.
    pub(super) async fn wait_until_alone(
        &self,
        scheduled: &Scheduled<'_>,
        wait: &mut LonelyWait,
    ) -> Result<(), (Verdict, String)> {
        let Some(admission) = scheduled.engine.admission().filter(|_| self.guard.wants_alone()) else {
            return Ok(());
        };
        let (name, queue_timeout) = (&scheduled.plan.name, scheduled.plan.queue_timeout);
        for attempt in 0.. {
            let seen = admission.list_active(None).await.map(|seen| seen.active);
            if seen.as_ref().is_ok_and(Vec::is_empty) {
                break;
            }
            let until = *wait.until.get_or_insert_with(|| Instant::now() + queue_timeout);
            match seen {
                Ok(others) => {
                    let (place, who) = (admission.place(), name_some(&others));
                    if Instant::now() >= until {
                        let why = format!(
                            "not launched: policy: limits.alone: {who} in {place} did not end within queue-timeout, {}",
                            exact(queue_timeout)
                        );
                        return Err((Verdict::TimedOut, why));
                    }
                    let ids: BTreeSet<String> = others.into_iter().map(|other| other.id).collect();
                    if !ids.is_subset(&wait.told) {
                        wait.told.extend(ids);
                        let told = format!("{name} waits until it is alone in {place}: {who}");
                        (self.publish)(&RunEvent::Warning(&told));
                    }
                }
                Err(failure) if failure.kind == FailureKind::Unanswered && Instant::now() < until => {}
                Err(failure) => return Err((Verdict::Errored, describe_unseen("not launched: ", &failure))),
            }
            let next = Instant::now() + LOOK_PAUSES.pause(attempt, fastrand::f64());
            tokio::time::sleep_until(next.min(until)).await;
            // Another experiment may have ended without `passed`, or halted the run, meanwhile.
            self.check_launches_allowed()?;
        }
        Ok(())
    }

    /// Looks once more after a launch, and returns why the experiment must not go on, if it must not.
    pub(super) async fn contest(&self, scheduled: &Scheduled<'_>, launched: &Launched) -> Option<String> {
        let admission = scheduled.engine.admission().filter(|_| self.guard.wants_alone())?;
        let begin = Instant::now();
        let mut attempt = 0;
        loop {
            let seen = match look_again(admission, &launched.id, begin + LOOK_AGAIN_LIMIT).await {
                Ok(seen) => seen,
                Err(failure) => return Some(describe_unseen("", &failure)),
            };
            let place = admission.place();
            if let Some(first) = find_first(&seen.active, &launched.id, launched.first.at) {
                let who = name_some(std::slice::from_ref(first));
                return Some(format!("policy: limits.alone: {who} was in {place} before it"));
            }
            if seen.shows_own {
                return None;
            }
            let next = Instant::now() + LISTED_PAUSES.pause(attempt, 0.0);
            if next > begin + LISTED_LIMIT {
                return Some(format!(
                    "policy: limits.alone: who else runs in {place} cannot be seen: the list of experiments there \
                     lacks {} itself, which was launched {} ago",
                    launched.id,
                    exact(Duration::from_secs(begin.elapsed().as_secs()))
                ));
            }
            tokio::time::sleep_until(next).await;
            attempt += 1;
        }
    }
}

/// Asks who is in the place until there is an answer, or the time is over. `own` is the id of the experiment
/// that was launched.
async fn look_again(
    admission: &dyn Admission,
    own: &str,
    until: Instant,
) -> Result<Occupants, EngineFailure> {
    let mut attempt = 0;
    loop {
        let failure = match tokio::time::timeout_at(until, admission.list_active(Some(own))).await {
            Ok(Ok(seen)) => return Ok(seen),
            Ok(Err(failure)) => failure,
            Err(_) => {
                let what = "see which experiments run";
                return Err(EngineFailure::new(FailureKind::Unanswered, what, "the engine did not answer"));
            }
        };
        if failure.kind != FailureKind::Unanswered || Instant::now() >= until {
            return Err(failure);
        }
        tokio::time::sleep_until(until.min(Instant::now() + LOOK_PAUSES.pause(attempt, fastrand::f64())))
            .await;
        attempt += 1;
    }
}

/// Returns the one that was in the place before the experiment `own`, if there is one: the time of the begin
/// decides, and then the id. One whose time is not known counts as earlier.
fn find_first<'a>(
    active: &'a [ActiveExperiment],
    own: &str,
    launched_at: Timestamp,
) -> Option<&'a ActiveExperiment> {
    let listed = active.iter().find(|one| one.id == own).and_then(|one| one.created_at);
    let own_order = (listed.or(Some(launched_at)), own);
    let others = active.iter().filter(|other| other.id != own);
    others
        .filter(|other| (other.created_at, other.id.as_str()) < own_order)
        .min_by_key(|other| other.created_at)
}

fn describe_unseen(prefix: &str, failure: &EngineFailure) -> String {
    format!("{prefix}policy: limits.alone: who else runs is not known: {}", failure.with_remedy())
}

/// Names the first experiments of a list, each with its template and the run that began it.
fn name_some(active: &[ActiveExperiment]) -> String {
    let name = |one: &ActiveExperiment| {
        let url = one.run_url.as_deref().map(|url| format!(", {url}")).unwrap_or_default();
        format!("{} (template {}{url})", one.id, one.template)
    };
    let mut names: Vec<String> = active.iter().take(MAX_NAMED).map(name).collect();
    let more = active.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(id: &str, second: Option<i64>) -> ActiveExperiment {
        ActiveExperiment {
            id: id.to_owned(),
            template: "EXT1".to_owned(),
            created_at: second.map(|second| Timestamp::from_second(second).unwrap()),
            run_url: None,
        }
    }

    fn winner(active: &[ActiveExperiment], own: &str) -> Option<String> {
        find_first(active, own, Timestamp::from_second(50).unwrap()).map(|first| first.id.clone())
    }

    #[test]
    fn of_two_that_launched_at_once_exactly_the_later_one_goes() {
        for (one, other, goes) in [(10, 11, "EXPb"), (11, 10, "EXPa"), (10, 10, "EXPb")] {
            let both = [at("EXPb", Some(other)), at("EXPa", Some(one))];
            let objections: Vec<&str> =
                ["EXPa", "EXPb"].into_iter().filter(|own| winner(&both, own).is_some()).collect();
            assert_eq!(objections, [goes], "{one} and {other}");
        }
        let three = [at("EXPc", Some(3)), at("EXPa", Some(2)), at("EXPb", Some(1))];
        assert_eq!(winner(&three, "EXPc").as_deref(), Some("EXPb"));
        assert_eq!(winner(&three, "EXPb"), None);
    }

    #[test]
    fn what_is_not_known_is_no_reason_to_go_on() {
        assert_eq!(winner(&[at("EXPz", None), at("EXPa", Some(1))], "EXPa").as_deref(), Some("EXPz"));
        // The list may lack the experiment that was launched a moment ago.
        assert_eq!(winner(&[at("EXPz", Some(49))], "EXPa").as_deref(), Some("EXPz"));
        assert_eq!(winner(&[at("EXPz", Some(51))], "EXPa"), None);
        assert_eq!(winner(&[at("EXPa", Some(51))], "EXPa"), None);
    }

    #[test]
    fn the_others_are_named_with_their_runs() {
        let mut others: Vec<_> = (1..=7).map(|n| at(&format!("EXP{n}"), None)).collect();
        others[0].run_url = Some("https://ci.example.com/7".to_owned());
        let told = name_some(&others);
        assert!(
            told.starts_with("EXP1 (template EXT1, https://ci.example.com/7), EXP2 (template EXT1), "),
            "{told}"
        );
        assert!(told.ends_with("EXP5 (template EXT1), 2 more"), "{told}");
    }
}
