//! The stop of everything that a state names, all at once: each engine is connected to as in a run, and told
//! what another process has begun.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, timeout};

use super::groups::{OpenGroup, group_open};
use super::unanswered::Unanswered;
use super::words::{tell_foreign, tell_removal};
use crate::lifecycle::{
    CLOSE_LIMIT, CONFIRM_LIMIT, Cancel, LostLaunch, MAX_STOPPED_AT_ONCE, STOP_LIMIT, SearchFailure, Share,
    StopFailure, StopRequest,
};
use crate::terminal::say_line;
use crate::wiring::accounts::AwsAccount;
use crate::wiring::endpoints::Endpoints;
use crate::wiring::engines::{ControlPlaneCredentials, EngineTerms, Wiring};
use crate::wiring::places::{Destination, EnginePlace};
use faultgate_config::{StopSettings, Unnamed, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    EngineKind, EngineSpec, ExperimentPlan, ExperimentState, LaunchRecord, RunIdentity, RunPhase, RunState,
    State, SubscriptionState,
};
use faultgate_core::panics;
use faultgate_engines::fis::RunStep;
use faultgate_engines::{Channel, Engine, Launched};

/// Longest search for an experiment whose launch was not answered.
const FIND_LIMIT: Duration = Duration::from_secs(60);
/// Number of subscriptions that are removed at once.
const MAX_CLOSED_AT_ONCE: usize = 64;

/// The inputs of a stop.
pub(crate) struct Stopping<'a> {
    pub(crate) settings: &'a StopSettings,
    pub(crate) env: &'a Environment,
    /// Experiments that a run would have by the settings now. Command lines are nowhere else.
    pub(crate) commands: &'a [ExperimentPlan],
    /// Veil over the secrets of these commands.
    pub(crate) veil: &'a Veil,
    pub(crate) clock: Clock,
}

/// The outcome of a stop.
#[derive(Debug, Default)]
pub(crate) struct Stopped {
    /// Lines for the user, one for each thing that was done or could not be done.
    pub(crate) lines: Vec<String>,
    pub(crate) failed: bool,
    pub(crate) mistakes: Vec<Mistake>,
}

/// The outcome of one experiment.
pub(super) struct Ended {
    pub(super) line: String,
    pub(super) phase: RunPhase,
    /// Launch of an experiment that was found only now.
    launch: Option<LaunchRecord>,
}

impl Stopping<'_> {
    /// Ends all that is open, and writes into the state what has ended. An engine that cannot be connected to
    /// keeps no other from being asked.
    pub(crate) async fn end(&self, state: &mut RunState) -> Stopped {
        let mut stopped = self.leave_alone(state);
        let ended = {
            let state = &*state;
            let groups = group_open(state, |experiment| self.refuse_unnamed(experiment).is_none());
            let end = async |(kind, group): (EngineKind, OpenGroup)| {
                // A panic in one engine keeps no other from being asked.
                let ended = panics::catch(self.end_group(state, &group)).await;
                let ended = ended.unwrap_or_else(|panic| Err(Mistake::new(kind.as_str(), panic.to_string())));
                (ended, group)
            };
            join_all(groups.into_iter().map(end)).await
        };
        for (outcome, OpenGroup { experiments, subscriptions }) in ended {
            let (ended, removed) = match outcome {
                Ok(outcome) => outcome,
                Err(mistake) => {
                    stopped.mistakes.push(mistake);
                    continue;
                }
            };
            for (number, ended) in experiments.into_iter().zip(ended) {
                stopped.failed |= ended.phase.is_open();
                stopped.lines.push(format!("{}: {}", state.experiments[number].name, ended.line));
                state.experiments[number].phase = ended.phase;
                state.experiments[number].launch = ended.launch.or(state.experiments[number].launch.take());
            }
            for (number, removed) in subscriptions.into_iter().zip(removed) {
                stopped.failed |= !removed.removed;
                stopped.lines.extend(tell_removal(&removed));
                state.subscriptions[number] = removed;
            }
        }
        stopped
    }

    /// Tells what is left alone, since only the file vouches for it: no secret is sent to a host that only a
    /// file names, and no queue is removed that no run can have made.
    fn leave_alone(&self, state: &RunState) -> Stopped {
        let unnamed = state.open_experiments().filter_map(|experiment| self.refuse_unnamed(experiment));
        let others =
            state.open_subscriptions().filter(|subscription| !subscription.is_ours()).map(tell_foreign);
        let lines: Vec<_> = unnamed.chain(others).collect();
        Stopped { failed: !lines.is_empty(), lines, mistakes: Vec::new() }
    }

    /// Returns the line about an experiment whose control plane the settings do not name.
    fn refuse_unnamed(&self, experiment: &ExperimentState) -> Option<String> {
        let Unnamed { site, input } = self.settings.control_planes.may_be_told(&experiment.place).err()?;
        let naming =
            input.map_or("name it in the suite file".to_owned(), |input| format!("set {input} to it"));
        Some(format!(
            "{}: NOT stopped: the state file says that it runs on {site}, which the settings of this command do not \
             name, so no secret was sent there; if that host is yours, {naming} and repeat the stop",
            experiment.name
        ))
    }

    /// Ends everything at one kind of engine.
    async fn end_group(
        &self,
        state: &RunState,
        group: &OpenGroup,
    ) -> Result<(Vec<Ended>, Vec<SubscriptionState>), Mistake> {
        let experiments: Vec<&ExperimentState> =
            group.experiments.iter().map(|number| &state.experiments[*number]).collect();
        let subscriptions: Vec<&SubscriptionState> =
            group.subscriptions.iter().map(|number| &state.subscriptions[*number]).collect();
        let plans: Vec<ExperimentPlan> =
            experiments.iter().map(|experiment| self.plan_again(experiment)).collect();
        let of_experiments = plans
            .iter()
            .map(|plan| Destination { name: &plan.name, place: EnginePlace::from_spec(&plan.spec) });
        let of_subscriptions = subscriptions.iter().map(|subscription| Destination {
            name: &subscription.name,
            place: EnginePlace::from_subscription(subscription),
        });
        let destinations: Vec<_> = of_experiments.chain(of_subscriptions).collect();
        let connected = self.connect(&destinations, state).await?;
        let (of_experiments, of_subscriptions) = connected.split_at(experiments.len());
        let mut closing: Vec<&Rc<dyn Engine>> = Vec::new();
        for (subscription, engine) in subscriptions.iter().zip(of_subscriptions) {
            if let Some(channel) = engine.channel() {
                channel.adopt_subscription(subscription);
            }
            if !closing.iter().any(|known| Rc::ptr_eq(known, engine)) {
                closing.push(engine);
            }
        }
        let unsignalled = Cancel::new();
        let unanswered = Unanswered::untold();
        let ending =
            experiments.iter().zip(&plans).zip(of_experiments).map(|((experiment, plan), engine)| {
                let engine = engine.as_ref();
                let (cancel, unanswered) = (&unsignalled, &unanswered);
                End { engine, plan, clock: self.clock, cancel, unanswered }.end_experiment(experiment)
            });
        // Experiments are looked at, not followed by events, so subscriptions are removed at the same time.
        let channels = closing.into_iter().filter_map(|engine| engine.channel());
        let closing = stream::iter(channels.map(|channel| async {
            // The state keeps what could not be removed.
            let _ = panics::catch(channel.close(CLOSE_LIMIT)).await;
        }));
        let closing = closing.buffer_unordered(MAX_CLOSED_AT_ONCE).collect::<()>();
        let ending = stream::iter(ending).buffered(MAX_STOPPED_AT_ONCE).collect::<Vec<Ended>>();
        let (ended, ()) = tokio::join!(ending, closing);
        let removed = subscriptions.iter().zip(of_subscriptions).map(|(subscription, engine)| {
            let channel = engine.channel();
            let states = channel.map(Channel::subscription_states).unwrap_or_default();
            states
                .into_iter()
                .find(|state| state.name == subscription.name)
                .unwrap_or((*subscription).clone())
        });
        Ok((ended, removed.collect()))
    }

    /// Returns the engine of an account that is connected already.
    pub(super) fn reach_engine(
        &self,
        account: &AwsAccount,
        run: &RunIdentity,
        cancel: &Cancel,
    ) -> Rc<dyn Engine> {
        let endpoints = Endpoints::Real(self.settings.http.clone());
        self.make_wiring(run, &endpoints, cancel).reach_account(account, EngineTerms::without_launch(false))
    }

    /// Ends one experiment at such an engine. After a signal it takes no more time than the signal leaves.
    pub(super) async fn end_at(
        &self,
        engine: &dyn Engine,
        experiment: &ExperimentState,
        cancel: &Cancel,
        unanswered: &Unanswered,
    ) -> Ended {
        let plan = self.plan_again(experiment);
        End { engine, plan: &plan, clock: self.clock, cancel, unanswered }.end_experiment(experiment).await
    }

    /// Plans the experiment again, as far as it matters for its end.
    fn plan_again(&self, experiment: &ExperimentState) -> ExperimentPlan {
        let known = experiment.place.spec();
        let of_settings = known.as_command().and_then(|command| {
            let stop = command.stop.as_ref().map(|stop| &*stop.shown);
            self.find_command(&experiment.name, stop)
        });
        ExperimentPlan {
            name: experiment.name.clone(),
            spec: of_settings.unwrap_or(known),
            weight: 1,
            timeout: STOP_LIMIT,
            queue_timeout: STOP_LIMIT,
            expected: None,
            probes: Vec::new(),
        }
    }

    /// Returns the command of the settings with this name, if its `stop` is unchanged.
    fn find_command(&self, name: &str, stop: Option<&str>) -> Option<EngineSpec> {
        let found = self.commands.iter().find(|experiment| experiment.name == name)?;
        (found.spec.as_command()?.stop.as_ref().map(|stop| &*stop.shown) == stop).then(|| found.spec.clone())
    }

    async fn connect(
        &self,
        destinations: &[Destination<'_>],
        state: &RunState,
    ) -> Result<Vec<Rc<dyn Engine>>, Mistake> {
        let (endpoints, cancel) = (Endpoints::Real(self.settings.http.clone()), Cancel::new());
        let wiring = self.make_wiring(&state.run, &endpoints, &cancel);
        wiring.connect(destinations, EngineTerms::without_launch(state.dry_run)).await
    }

    fn make_wiring<'a>(
        &'a self,
        run: &'a RunIdentity,
        endpoints: &'a Endpoints,
        cancel: &'a Cancel,
    ) -> Wiring<'a> {
        let StopSettings { tokens, litmus_username, http, .. } = self.settings;
        Wiring {
            run,
            step: RunStep::Whole,
            endpoints,
            http,
            env: self.env,
            veil: self.veil,
            credentials: ControlPlaneCredentials { tokens, litmus_username: litmus_username.as_deref() },
            clock: self.clock,
            cancel,
        }
    }
}

/// The stop of one experiment.
struct End<'a> {
    engine: &'a dyn Engine,
    plan: &'a ExperimentPlan,
    clock: Clock,
    cancel: &'a Cancel,
    unanswered: &'a Unanswered,
}

impl End<'_> {
    /// Ends the experiment. A panic keeps no other from being ended.
    async fn end_experiment(self, experiment: &ExperimentState) -> Ended {
        panics::catch(self.end_uncaught(experiment)).await.unwrap_or_else(|panic| {
            let launched = experiment.launch.as_ref().map(Launched::by_another);
            let by_hand = launched.map(|launched| self.engine.stop_command(&launched));
            let by_hand = by_hand.map(|command| format!("; stop it by: {command}")).unwrap_or_default();
            let line = format!("it is NOT known to have stopped: {panic}{by_hand}");
            Ended { line, phase: experiment.phase, launch: None }
        })
    }

    async fn end_uncaught(&self, experiment: &ExperimentState) -> Ended {
        if experiment.phase == RunPhase::Previewing {
            return self.end_preview().await;
        }
        let (launched, launch) = match &experiment.launch {
            Some(launch) if experiment.phase == RunPhase::Launched => {
                (self.engine.takeover().adopt(self.plan, launch), None)
            }
            _ => match self.find(experiment).await {
                Ok(launched) => {
                    let launch = launched.to_record(self.engine.takeover().trace(&launched));
                    (launched, Some(launch))
                }
                Err(ended) => return ended,
            },
        };
        let (over, line) = self.stop_and_tell(&launched).await;
        Ended { line, phase: if over { RunPhase::Over } else { RunPhase::Launched }, launch }
    }

    /// Ends the preview of an experiment that was not launched.
    async fn end_preview(&self) -> Ended {
        let unsought =
            |why: &str| (false, format!("its preview may run, and could NOT be looked for: {why}"));
        let (over, line) = match self.engine.preview() {
            None => unsought("the engine makes no previews"),
            Some(preview) => match timeout(FIND_LIMIT, preview.find_preview(self.plan)).await {
                Ok(Ok(Some(launched))) => {
                    let (over, line) = self.stop_and_tell(&launched).await;
                    (over, format!("its preview: {line}"))
                }
                Ok(Ok(None)) => (true, "it was not launched, and no preview of it is listed".to_owned()),
                Ok(Err(failure)) => unsought(&failure.with_remedy()),
                Err(_) => unsought("the engine did not answer"),
            },
        };
        Ended { line, phase: if over { RunPhase::Planned } else { RunPhase::Previewing }, launch: None }
    }

    /// Stops an experiment. Returns whether it has ended, and the line for the user.
    async fn stop_and_tell(&self, launched: &Launched) -> (bool, String) {
        let id = &launched.id;
        match self.stop(launched).await {
            Ok(State::Stopped) => (true, format!("stopped {id}")),
            Ok(state) => (true, format!("{id} had ended: {state}")),
            Err(why) => {
                let by_hand = self.engine.stop_command(launched);
                let look = format!("look at it, or stop it by: {by_hand}");
                (false, format!("{id} is NOT known to have stopped: {why}; {look}"))
            }
        }
    }

    /// Looks for an experiment whose launch was not answered. The error is the outcome if none is found.
    async fn find(&self, experiment: &ExperimentState) -> Result<Launched, Ended> {
        self.engine.takeover().recall(self.plan, &experiment.intent);
        let found = match timeout(FIND_LIMIT, self.engine.find_unanswered(self.plan)).await {
            Ok(found) => found.map_err(SearchFailure::Failed),
            Err(_) => Err(SearchFailure::NoAnswer),
        };
        let state = Some((experiment, self.clock.now()));
        LostLaunch::weigh(self.engine, self.plan, state, found).map_err(|lost| match lost {
            LostLaunch::NeverBegan => Ended { line: lost.to_string(), phase: RunPhase::Over, launch: None },
            LostLaunch::Unlisted { .. } => Ended {
                line: format!("{lost}; repeat this in some minutes"),
                phase: RunPhase::Intended,
                launch: None,
            },
            LostLaunch::Unsought { .. } => {
                Ended { line: lost.to_string(), phase: RunPhase::Intended, launch: None }
            }
        })
    }

    /// Requests the stop until it is granted, and waits until the engine's own record says that it has ended.
    async fn stop(&self, launched: &Launched) -> Result<State, String> {
        if launched.first.state.is_terminal() {
            return Ok(launched.first.state);
        }
        let request = StopRequest { engine: self.engine, launched };
        // A stop that the run has left to end by itself is waited for first, and then that of this process.
        let longer = self.engine.stop_takes(self.plan) * 2;
        let limit = STOP_LIMIT + longer;
        let sending = request.send(self.cancel.deadline(limit, Share::Stop), say_line);
        let by_hand = || self.engine.stop_command(launched);
        match self.unanswered.watch(&launched.id, by_hand, limit, sending).await {
            Ok(()) | Err(StopFailure::Ended(_)) => {}
            Err(failure) => return Err(failure.to_string()),
        }
        let accepted_at = Instant::now();
        let confirmed = request.confirm(self.cancel.deadline(CONFIRM_LIMIT + longer, Share::Confirm)).await;
        confirmed.map(|record| record.state).map_err(|trouble| {
            let why = trouble.map(|failure| format!(": {}", failure.with_remedy())).unwrap_or_default();
            let seconds = accepted_at.elapsed().as_secs();
            format!("a stop was requested {seconds} s ago and is not confirmed{why}")
        })
    }
}
