//! The consequences of requests and scripts: experiments proceed, and events reach their queues.
//!
//! Everything that takes time is a task that holds its world only weakly, so that a world which nobody uses
//! any more ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use serde_json::Value;
use tokio::time::sleep;

use crate::fixtures::FOREIGN_TEMPLATE_ID;
use crate::place::WorldPlace;
use crate::services::buses::DEFAULT_BUS;
use crate::services::context::Consequence;
use crate::services::experiment::FisExperiment;
use crate::story::scenario::Scenario;
use crate::story::script::{self, Beat, Step};
use crate::world::account::SharedWorld;
use crate::world::account::{World, WorldState};
use crate::world::observe::Published;

impl World {
    /// Lets FIS tell from now on that the targets of all experiments so far have resolved to so many resources
    /// more.
    pub fn resolve_more(&self, more: usize) {
        self.change(|state| state.regions.resolve_more(more));
    }

    /// Carries out a consequence, now or in a task.
    pub(crate) fn follow(&self, consequence: Consequence) {
        match consequence {
            Consequence::Announce(event) => self.announce(event),
            Consequence::TellOfAlarm(event) => self.tell_of_alarm(&event),
            Consequence::Put { event, bus } => {
                let lost = self.change(|state| {
                    let left = &mut state.event_faults.lose_custom;
                    let lost = *left > 0;
                    *left = left.saturating_sub(1);
                    lost
                });
                self.record(event.clone(), lost);
                let account = event["account"].as_str().unwrap_or_default();
                let is_own = account == bus.place.account && event["region"] == bus.place.region.as_str();
                if !lost && is_own && bus.name == DEFAULT_BUS {
                    self.deliver(&event, 1);
                } else if !lost {
                    self.act(&bus.place, |state, context| {
                        let WorldState { regions, organization, .. } = state;
                        regions.deliver_to(&bus, &event, 1, account, organization, context);
                    });
                }
            }
            Consequence::Live { place, experiment } => self.live(place, experiment),
            Consequence::Engage { place, after } => {
                let world = Arc::downgrade(&self.shared);
                tokio::spawn(async move {
                    sleep(after).await;
                    if let Some(world) = Self::still_there(&world) {
                        world.act(&place, |state, context| state.regions.get(context).engage());
                    }
                });
            }
            Consequence::Finish { place, experiment, after, reason } => {
                let world = Arc::downgrade(&self.shared);
                tokio::spawn(async move {
                    sleep(after).await;
                    if let Some(world) = Self::still_there(&world) {
                        world.act(&place, |state, context| {
                            state.regions.get(context).finish(&experiment, &reason, context);
                        });
                    }
                });
            }
        }
    }

    /// Begins what others do in the account when the scenario begins.
    pub fn begin_others(&self, scenario: &Scenario) {
        if let Some(beats) = scenario.others {
            let url = ("faultgate:url".to_owned(), "https://ci.example.com/builds/41".to_owned());
            self.start_foreign(beats, BTreeMap::from([url]));
        }
    }

    /// Begins an experiment of somebody else in the default Region, which lives as these beats say, and
    /// returns its id.
    pub fn start_foreign(&self, beats: impl Into<Vec<Beat>>, tags: BTreeMap<String, String>) -> String {
        self.script(FOREIGN_TEMPLATE_ID, beats);
        self.act(&WorldPlace::default(), |state, context| {
            state.regions.get(context).fis_mut().start_foreign(FOREIGN_TEMPLATE_ID, tags, context)
        })
    }

    /// Puts a state change of FIS on the bus, as the faults of events allow.
    fn announce(&self, event: Value) {
        let (lost, delay, copies) = self.change(|state| {
            let (index, faults) = (state.announced, &state.event_faults);
            state.announced += 1;
            let status = event["detail"]["new-state"]["status"].as_str().unwrap_or_default();
            (faults.loses(index, status), faults.delay(index), faults.copies.max(1))
        });
        self.record(event.clone(), lost);
        if lost {
            return;
        }
        if delay.is_zero() {
            self.deliver(&event, copies);
            return;
        }
        let world = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            sleep(delay).await;
            if let Some(world) = Self::still_there(&world) {
                world.deliver(&event, copies);
            }
        });
    }

    /// Puts the state change of an alarm on the bus, as the faults of events allow.
    fn tell_of_alarm(&self, event: &Value) {
        let (lost, copies) = self.read(|state| {
            let faults = &state.event_faults;
            (faults.lose_alarms, faults.copies.max(1))
        });
        self.record(event.clone(), lost);
        if !lost {
            self.deliver(event, copies);
        }
    }

    /// Notes an event for observers.
    pub(crate) fn record(&self, event: Value, lost: bool) {
        let at = self.shared.clock.now();
        self.change(|state| state.published.push(Published { at, event, lost }));
    }

    /// Puts an event on the bus just as it is, past all faults.
    pub fn put_event(&self, event: impl Into<Value>) {
        let event = event.into();
        self.deliver(&event, 1);
        self.record(event, false);
    }

    /// Delivers an event to the queues of all matching rules.
    pub(crate) fn deliver(&self, event: &Value, copies: u32) {
        self.act(&WorldPlace::default(), |state, context| {
            state.regions.deliver(event, copies, &state.organization, context);
        });
    }

    /// Plays an experiment's script to its end, or until something else ends the experiment.
    fn live(&self, place: WorldPlace, experiment: String) {
        let beats = self.peek(&place, |state, context| {
            let inventory = &state.regions.get(context).fis().experiments;
            let template = inventory.get(&experiment).map(|experiment| experiment.template.clone());
            let skips = inventory.get(&experiment).is_some_and(FisExperiment::skips_actions);
            let script = template.and_then(|template| state.scripts.get(&template).cloned());
            let script = if skips { Some(state.previews.clone()) } else { script };
            let script = script.unwrap_or_else(|| script::COMPLETED.to_vec());
            state.regions.get(context).fis().life(script)
        });
        let world = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            for beat in beats {
                // Each step is timed from the one before: on a machine that was too busy, a fault that began
                // late still lasts its full time.
                sleep(beat.after).await;
                let Some(world) = Self::still_there(&world) else {
                    return;
                };
                if !world.advance_in(&place, &experiment, &beat.step) {
                    return;
                }
            }
        });
    }

    /// Carries out a step of a script. Returns `false` if the rest of the script no longer counts.
    pub fn advance(&self, region: &str, experiment: &str, step: &Step) -> bool {
        self.advance_in(&WorldPlace::in_region(region), experiment, step)
    }

    fn advance_in(&self, place: &WorldPlace, experiment: &str, step: &Step) -> bool {
        self.act(place, |state, context| state.regions.get(context).advance(experiment, step, context))
    }

    /// Returns the world if somebody still uses it.
    fn still_there(shared: &Weak<SharedWorld>) -> Option<Self> {
        shared.upgrade().map(|shared| Self { shared })
    }
}
