//! AWS Fault Injection Service, watched by its own events.
//!
//! `engine` holds the connection. `preflight` checks the template before the launch, `inspection` tells those who may forbid
//! it what the template says, `subscription` makes a rule and a queue, `launch` starts the experiment, and
//! `doubt` looks for an experiment whose answer was lost. `admission` tells who is in the place, `preview`
//! what an experiment would hit. `reader` fills the `inbox` with events; `watch` waits there for the end
//! and confirms it by FIS's own record. `listing` reads the resources and accounts that the experiment
//! acted on, `outcome` judges the end by the list in `actions`, and `removal` removes the rule and the
//! queue. `sweep` finds leftovers whose time is up.
//!
//! An event alone never decides a verdict: it may be late, lost, doubled or forged.

mod accounts;
mod actions;
mod admission;
mod adopted;
mod channel;
mod clients;
mod doubt;
mod engine;
mod error;
mod events;
mod inbox;
mod inspection;
mod launch;
mod listing;
mod outcome;
mod pages;
mod pattern;
mod pause;
mod port;
mod preflight;
mod preview;
mod reader;
mod record;
mod removal;
mod settings;
mod shared_queue;
mod subscription;
mod sweep;
mod tags;
mod templates;
mod tracking;
mod users_queue;
mod watch;

pub use actions::{effect, is_known_to_inject, known_ids, needs_target, purpose};
pub use engine::FisEngine;
pub use settings::{FisSettings, RunStep};
pub use subscription::HANDSHAKE_TIMEOUT;
pub use sweep::{OpenExperiment, SubscriptionPart, SubscriptionPartKind, SubscriptionParts, Sweeper};
pub use tags::Expiry;
pub use templates::Templates;
