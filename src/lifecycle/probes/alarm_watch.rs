//! The phase `during` of a probe whose alarm is followed: events tell of its changes, and nobody asks at an
//! interval. A probe that may stop the experiment asks once when an event says that the alarm is not in OK:
//! an event alone decides nothing. Where probes that fail at the same time stop it together, each change is
//! confirmed so, and an alarm that is not in OK is asked at the interval.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::alarm_course::AlarmCourse;
use super::samples::Purpose;
use super::schedule::{ProbeStage, RunningProbe, next_after, wait_for_stage};
use super::trip::Confirming;
use faultgate_core::duration::exact;
use faultgate_core::model::{Phase, Sample};
use faultgate_engines::alarms::{FollowAlarm, HeardChange};

/// Time within which CloudWatch must show that the history of an alarm can be read. Else the alarm is asked
/// at the probe's interval.
const TRIAL_LIMIT: Duration = Duration::from_secs(10);
/// Time after which a probe that may stop the experiment asks although no event has come: one may be lost.
const RECONCILE_INTERVAL: Duration = Duration::from_mins(1);

/// The end of following an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FollowEnd {
    /// The experiment has ended.
    ToTheEnd,
    /// The history cannot be read, so the alarm has to be asked at the probe's interval.
    CannotBe,
}

impl RunningProbe {
    /// Follows the alarm until the experiment ends, unless its history cannot be read.
    pub(super) async fn follow_alarm(
        &self,
        alarm: &dyn FollowAlarm,
        stage: &mut watch::Receiver<ProbeStage>,
    ) -> FollowEnd {
        let (begin, begun_at) = (Instant::now(), self.clock.now());
        let mut changed = alarm.subscribe();
        let taken = alarm.heard_changes().last().map_or(0, |heard| heard.number);
        *self.course() = Some(AlarmCourse::new(begun_at, taken));
        let mut trial = pin!(tokio::time::timeout(TRIAL_LIMIT, alarm.read_history(begun_at)));
        let mut looking = pin!(OptionFuture::from(Some(self.look_at_alarm(begin, None))));
        let (mut is_trying, mut looks) = (true, true);
        let mut was_live = alarm.is_live();
        let mut next_look = self.next_look(was_live, begin);
        let mut fired_at: Option<Instant> = None;
        loop {
            let next = self.next_trip(fired_at).into_iter().chain(next_look).min();
            let (mut has_looked, mut knows_newest) = (false, false);
            tokio::select! {
                // The end comes first, so that no look begins after it. One that is under way is waited for.
                biased;
                _ = wait_for_stage(stage, ProbeStage::Ended) => {
                    if looks {
                        looking.await;
                    }
                    return FollowEnd::ToTheEnd;
                }
                told = &mut looking, if looks => (looks, has_looked, knows_newest) = (false, true, told == Some(true)),
                read = &mut trial, if is_trying => {
                    is_trying = false;
                    let why = match read {
                        Ok(Ok(_)) => None,
                        Ok(Err(why)) => Some(why),
                        Err(_) => Some(format!("no answer within {}", exact(TRIAL_LIMIT))),
                    };
                    if let Some(why) = why {
                        if looks {
                            looking.await;
                        }
                        self.give_up_following(&why);
                        return FollowEnd::CannotBe;
                    }
                }
                _ = changed.changed() => {}
                () = sleep_until(next) => {}
            }
            let has_news = self.hear(&alarm.heard_changes());
            let is_due = next_look.is_some_and(|due| due <= Instant::now());
            let trips = self.trips(fired_at, has_news);
            let confirms_turn = has_news && self.counts_with_others();
            // A look that ends as news comes began before that, and confirms nothing of it.
            let is_confirmed = knows_newest && !has_news;
            if (trips && !is_confirmed) || confirms_turn || (is_due && !looks) {
                // A look that is under way began before the event, so another one takes its place.
                let confirming = (trips || confirms_turn).then(|| self.trip.confirm());
                looking.set(OptionFuture::from(Some(self.look_at_alarm(Instant::now(), confirming))));
                looks = true;
            }
            if trips {
                fired_at = Some(Instant::now());
                self.trip.fire();
            } else if !self.is_failing() {
                fired_at = None;
            }
            let is_live = alarm.is_live();
            if was_live && !is_live {
                // The last events may never have come.
                next_look = Some(Instant::now());
            } else if is_due || has_looked || is_live != was_live {
                next_look = self.next_look(is_live, begin);
            }
            was_live = is_live;
        }
    }

    /// Asks for the alarm's state. The halt waits for it where it confirms what an event has told. Returns
    /// `true` if the answer knows of the newest change that was heard.
    async fn look_at_alarm(&self, due: Instant, confirming: Option<Confirming>) -> bool {
        let sample = self.evaluate(Phase::During, due).await;
        let knows_newest = self.course().as_mut().is_some_and(|course| course.look(&sample));
        if knows_newest {
            self.post(&sample);
        }
        self.samples().add(sample, Purpose::During);
        drop(confirming);
        knows_newest
    }

    /// Returns the time at which the alarm is to be asked again. None if events are enough.
    fn next_look(&self, is_live: bool, begin: Instant) -> Option<Instant> {
        let counts_with_others = self.counts_with_others();
        if !is_live || (counts_with_others && self.is_failing()) {
            return Some(next_after(begin, self.plan.every));
        }
        // An event that is lost would be found by the history, but too late to stop the experiment.
        let may_stop = counts_with_others || self.plan.aborts_after.is_some();
        may_stop.then(|| Instant::now() + RECONCILE_INTERVAL.max(self.plan.every))
    }

    /// Returns the time at which the failure that goes on asks for a halt, for the first time or again.
    fn next_trip(&self, fired_at: Option<Instant>) -> Option<Instant> {
        let (left, now) = (self.left()?, Instant::now());
        Some(match fired_at.filter(|_| left.is_zero()) {
            Some(fired_at) => fired_at + self.plan.every,
            None => now + left,
        })
    }

    /// Returns `true` if a halt is to be asked for now.
    fn trips(&self, fired_at: Option<Instant>, has_news: bool) -> bool {
        let again = || fired_at.is_none_or(|fired_at| Instant::now() >= fired_at + self.plan.every);
        self.left().is_some_and(|left| left.is_zero()) && (has_news || again())
    }

    /// Returns the time after which the failure that goes on asks for a halt. None if there is no failure, or
    /// the probe stops nothing.
    fn left(&self) -> Option<Duration> {
        let (course, plan) = (self.course(), &self.plan);
        course.as_ref()?.left(self.trip.armed_since(), self.clock.now(), plan.every, plan.aborts_after?)
    }

    fn is_failing(&self) -> bool {
        self.course().as_ref().is_some_and(AlarmCourse::is_failing)
    }

    /// Takes what was heard, and tells of the turns. Returns `true` if there is news.
    fn hear(&self, heard: &[HeardChange]) -> bool {
        let news = self.course().as_mut().map(|course| course.hear(heard)).unwrap_or_default();
        for change in &news {
            let reason = match &change.reason {
                Some(reason) => format!("{}: {reason}", change.state),
                None => change.state.clone(),
            };
            self.teller.observe(&Sample {
                at: change.at,
                phase: Phase::During,
                passed: change.is_ok(),
                latency_ms: None,
                reason: Some(reason.into()),
            });
        }
        !news.is_empty()
    }

    fn give_up_following(&self, why: &str) {
        *self.course() = None;
        self.warn(format!(
            "{} was asked every {}, and not measured by time: {why}",
            self.plan.name,
            exact(self.plan.every)
        ));
    }
}

/// Sleeps until a time, or for ever if there is none.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "alarm_watch_tests.rs"]
mod tests;
