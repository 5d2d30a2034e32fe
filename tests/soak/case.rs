//! A case of the kill matrix: one run that a signal disturbs at one moment, and the outcome of it.

use std::time::Duration;

use faultgate_testkit::binary::{Faultgate, Finished, Running, in_time};
use tokio::time::Instant;

use crate::gate::{Moment, Nth, Passed, START, STOP};
use crate::laws::{self, Found};
use crate::site::{Site, Story};

/// The time after which something hangs. Nothing here is timed otherwise.
const HANG_TIMEOUT: Duration = Duration::from_mins(2);
/// The time by which a signal has mostly been noticed.
const NOTICE_TIME: Duration = Duration::from_millis(20);

/// The time within which a second signal is sure to be taken for an echo of the first.
const ECHO_TIME: Duration = Duration::from_millis(50);

/// A signal by which a run is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    Hangup,
    Interrupt,
    Terminate,
    /// SIGKILL, which nobody can catch.
    Outright,
}

impl Kill {
    pub(crate) const ALL: [Self; 4] = [Self::Hangup, Self::Interrupt, Self::Terminate, Self::Outright];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Terminate => "TERM",
            Self::Outright => "KILL",
        }
    }

    /// The exit code of a run that the signal cancelled, or `None` if the signal cannot be caught.
    pub(crate) fn code(self) -> Option<u8> {
        match self {
            Self::Hangup => Some(129),
            Self::Interrupt => Some(130),
            Self::Terminate => Some(143),
            Self::Outright => None,
        }
    }
}

/// The moment at which the signal comes.
#[derive(Debug, Clone)]
pub(crate) enum When {
    At(Nth, Moment),
    /// A moment that is this long after this many requests have arrived.
    After(usize, Duration),
}

/// A second signal. It comes `after` the first, or at once if it is an echo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    pub(crate) kill: Kill,
    pub(crate) after: Duration,
    /// `true` if the signal comes too soon to be meant as a second one.
    pub(crate) echo: bool,
}

/// The command that ends what a killed run has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// `faultgate stop`, with the state file.
    Stop,
    /// `faultgate sweep`, for which nobody needs the state file.
    Sweep,
    /// `faultgate stop --all`, after which only the subscription is left to a sweep.
    StopAll,
}

impl Recovery {
    pub(crate) const ALL: [Self; 3] = [Self::Stop, Self::Sweep, Self::StopAll];
}

/// One run and its disturbance.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) story: Story,
    pub(crate) when: When,
    pub(crate) kill: Kill,
    pub(crate) again: Option<Again>,
    pub(crate) recovery: Recovery,
}

impl Case {
    /// Returns `true` if the process is gone without having ended what it began.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.kill == Kill::Outright || self.again.is_some_and(|again| !again.echo)
    }
}

/// The outcome of a case.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `true` if the run came to its end before the moment did.
    pub(crate) missed: bool,
    pub(crate) found: Found,
    /// The time from the signal to the request to stop, of a run that was monitoring.
    pub(crate) to_stop: Option<Duration>,
    /// The times from the start of `faultgate stop` to its request to stop, and to its end.
    pub(crate) stop: Option<(Duration, Duration)>,
}

pub(crate) async fn play(case: &Case) -> Outcome {
    let hold = match &case.when {
        When::At(request, moment) => Some((request.clone(), *moment)),
        When::After(..) => None,
    };
    let site = Site::of(case.story, hold).await;
    let mut running = site.run().spawn();
    let missed = tokio::select! {
        // Biased: a run that ends at the very moment counts as disturbed.
        biased;
        () = in_time(HANG_TIMEOUT, "the moment or the end", moment(&site, &case.when)) => false,
        _ = running.over() => true,
    };
    let before = site.gate.passed();
    let sent = Instant::now();
    let mut case = case.clone();
    if !missed {
        send(&mut case, &site, &mut running).await;
    }
    site.gate.release();
    let ended = running.ended_within(HANG_TIMEOUT).await;
    in_time(HANG_TIMEOUT, "what has arrived takes effect", site.gate.settled()).await;
    let to_stop = was_monitoring(&before).then(|| asked_to_stop(&site, sent)).flatten();
    let mut outcome = Outcome { missed, to_stop, ..Outcome::default() };
    let mut found = laws::of_the_end(&case, &site, &ended, missed, before.is_empty());
    if case.is_cut_short() && !missed {
        outcome.stop = recover(&case, &site, ended, &mut found).await;
    }
    laws::of_what_is_left(&site, &mut found);
    outcome.found = found;
    outcome
}

async fn moment(site: &Site, when: &When) {
    match when {
        When::At(..) => site.gate.reached().await,
        When::After(requests, delay) => {
            site.gate.until(|passed| passed.len() >= *requests).await;
            tokio::time::sleep(*delay).await;
        }
    }
}

async fn send(case: &mut Case, site: &Site, running: &mut Running) {
    running.signal(case.kill.name()).await;
    let first = Instant::now();
    match (&mut case.again, &case.when) {
        (Some(again), _) => {
            if !again.echo {
                tokio::time::sleep(again.after).await;
            }
            running.signal(again.kill.name()).await;
            // The echo of a machine that is too busy to be quick came late, and counts as a second signal.
            again.echo &= first.elapsed() < ECHO_TIME;
        }
        // The request that is held must have no effect before the process is gone.
        (None, _) if case.kill == Kill::Outright => {
            in_time(HANG_TIMEOUT, "a killed process is gone", running.over()).await;
        }
        (None, When::At(_, Moment::Received)) => tokio::time::sleep(NOTICE_TIME).await,
        (None, _) => {}
    }
    site.gate.release();
}

/// Returns `true` if the answer to the launch was on its way and no stop had been requested.
fn was_monitoring(before: &[Passed]) -> bool {
    let answered = |passed: &Passed| passed.request.operation == START && passed.answered.is_some();
    before.iter().any(answered) && before.iter().all(|passed| passed.request.operation != STOP)
}

/// Returns the time from `since` to the next request to stop.
fn asked_to_stop(site: &Site, since: Instant) -> Option<Duration> {
    let passed = site.gate.passed();
    let stop = passed.iter().find(|passed| passed.request.operation == STOP && passed.received >= since);
    stop.map(|stop| stop.received - since)
}

/// Does what a user does after a run was killed: one command, with the state file or without it. Returns the
/// times of `faultgate stop` if there was something to stop.
async fn recover(
    case: &Case,
    site: &Site,
    ended: Finished,
    found: &mut Found,
) -> Option<(Duration, Duration)> {
    let since = Instant::now();
    match case.recovery {
        Recovery::Stop => {
            succeed(site.stop().after(ended), found).await;
            let took = since.elapsed();
            return asked_to_stop(site, since).map(|asked| (asked, took));
        }
        Recovery::Sweep => {}
        Recovery::StopAll => {
            succeed(site.stop_all(), found).await;
            laws::of_what_runs(site, found);
        }
    }
    succeed(site.sweep(), found).await;
    None
}

async fn succeed(command: Faultgate, found: &mut Found) {
    let ended = command.spawn().ended_within(HANG_TIMEOUT).await;
    found.expect(ended.code == Some(0), || {
        format!("the recovery exits with {:?}: {}{}", ended.code, ended.stdout, ended.stderr)
    });
}
