//! One run, disturbed at one moment, and what came of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::gate::{Moment, Nth, Passed, START, STOP};
use crate::laws::{self, Found};
use crate::site::{Site, Story};
use crate::support::{Ended, Running, in_time};

/// Nothing here is timed: past this, something hangs.
const LIMIT: Duration = Duration::from_mins(2);
/// A signal is noticed by then, mostly.
const NOTICED: Duration = Duration::from_millis(20);

/// What comes no later than this is an echo.
const QUICK_ENOUGH: Duration = Duration::from_millis(50);

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

    fn name(self) -> &'static str {
        match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Terminate => "TERM",
            Self::Outright => "KILL",
        }
    }

    /// What a run exits with that it cancelled. None: it cannot be caught.
    pub(crate) fn code(self) -> Option<u8> {
        match self {
            Self::Hangup => Some(129),
            Self::Interrupt => Some(130),
            Self::Terminate => Some(143),
            Self::Outright => None,
        }
    }
}

/// When the signal comes.
#[derive(Debug, Clone)]
pub(crate) enum When {
    At(Nth, Moment),
    /// So long after so many requests have arrived.
    After(usize, Duration),
}

/// A second signal, so long after the first, or at once if it is an echo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    pub(crate) kill: Kill,
    pub(crate) after: Duration,
    /// Too soon to be meant as a second one.
    pub(crate) echo: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) story: Story,
    pub(crate) when: When,
    pub(crate) kill: Kill,
    pub(crate) again: Option<Again>,
    /// Nobody has its state file.
    pub(crate) swept: bool,
}

impl Case {
    /// The process is gone without having ended what it began.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.kill == Kill::Outright || self.again.is_some_and(|again| !again.echo)
    }
}

/// What a case has come to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The run came to its end before the moment did.
    pub(crate) missed: bool,
    pub(crate) found: Found,
    /// From the signal to the request to stop, of a run that was monitoring.
    pub(crate) to_stop: Option<Duration>,
    /// Of `faultgate stop`: to its request to stop, and to its end.
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
        biased;
        () = in_time(LIMIT, "the moment or the end", moment(&site, &case.when)) => false,
        _ = running.over() => true,
    };
    let before = site.gate.passed();
    let sent = Instant::now();
    let mut case = case.clone();
    if !missed {
        send(&mut case, &site, &mut running).await;
    }
    site.gate.release();
    let ended = running.ended_within(LIMIT).await;
    in_time(LIMIT, "what has arrived takes effect", site.gate.settled()).await;
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
            // A machine that is too busy to be quick has sent a second one that counts.
            again.echo &= first.elapsed() < QUICK_ENOUGH;
        }
        // What is held has no effect before the process is gone.
        (None, _) if case.kill == Kill::Outright => {
            in_time(LIMIT, "a killed process is gone", running.over()).await;
        }
        (None, When::At(_, Moment::Received)) => tokio::time::sleep(NOTICED).await,
        (None, _) => {}
    }
    site.gate.release();
}

/// The answer to the launch was on its way, and nothing had been asked to stop.
fn was_monitoring(before: &[Passed]) -> bool {
    let answered = |passed: &Passed| passed.request.operation == START && passed.answered.is_some();
    before.iter().any(answered) && before.iter().all(|passed| passed.request.operation != STOP)
}

fn asked_to_stop(site: &Site, since: Instant) -> Option<Duration> {
    let passed = site.gate.passed();
    let stop = passed.iter().find(|passed| passed.request.operation == STOP && passed.received >= since);
    stop.map(|stop| stop.received - since)
}

/// What a user does after a run was killed: one command, by the state file or without it. The times of the first, if
/// there was something to stop.
async fn recover(case: &Case, site: &Site, ended: Ended, found: &mut Found) -> Option<(Duration, Duration)> {
    if case.swept {
        let swept = site.sweep().spawn().ended_within(LIMIT).await;
        found.expect(swept.code == Some(0), || {
            format!("faultgate sweep exits with {:?}: {}{}", swept.code, swept.stdout, swept.stderr)
        });
        return None;
    }
    let since = Instant::now();
    let stopped = site.stop().after(ended).spawn().ended_within(LIMIT).await;
    let took = since.elapsed();
    found.expect(stopped.code == Some(0), || {
        format!("faultgate stop exits with {:?}: {}{}", stopped.code, stopped.stdout, stopped.stderr)
    });
    asked_to_stop(site, since).map(|asked| (asked, took))
}
