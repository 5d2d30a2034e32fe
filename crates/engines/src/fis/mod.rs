//! AWS Fault Injection Service, watched by its own events.
//!
//! - `engine` is the connection to one account and Region, with its `settings` and the SDK's `clients`.
//!   `port` is FIS behind the port of all engines, and `channel` is how its events come.
//! - `preflight` checks the template before the launch, and `inspection` tells those who may forbid it what
//!   the template says. `launch` starts the experiment, `doubt` looks for one whose answer was lost, and
//!   `tracking` is what this process knows of it.
//! - `admission` tells who is in the account and Region, and `preview` what an experiment would hit.
//! - `subscription` makes the rules and the queue, whose event patterns are in `pattern`; `adopted` takes
//!   over those of other processes, and `removal` removes them.
//! - `reader` fills the `inbox` with the messages that `events` reads, or the `inboxes` of several accounts.
//!   `shared_queue` is a queue that several processes read, and `users_queue` one of the user's, where
//!   `queue_proof` proves that events come through, and `hiding` is how long messages of others stay hidden.
//! - `watch` waits for the end and confirms it by FIS's own `record`, with a `pause` between attempts;
//!   `dry_mode` tells whether the actions of a dry run or preview are skipped.
//! - `listing` reads the resources and accounts that the experiment acted on, and `accounts` names those
//!   without any. `outcome` judges the end by the list in `actions`.
//! - `sweep` finds leftovers whose time is up by their `tags`, and `emergency` whatever runs, whether or not
//!   its time is up. `templates` reads templates for the lint.
//! - `error` makes failures of the SDK's errors, and `pages` goes through lists that have no paginator.
//!   `pace` is how fast many looks at once may come.
//!
//! An event alone never decides a verdict: it may be late, lost, doubled or forged.

mod accounts;
mod actions;
mod admission;
mod adopted;
mod channel;
mod clients;
mod doubt;
mod dry_mode;
mod emergency;
mod engine;
mod error;
mod events;
mod hiding;
mod inbox;
mod inboxes;
mod inspection;
mod launch;
mod listing;
mod outcome;
mod pace;
mod pages;
mod pattern;
mod pause;
mod port;
mod preflight;
mod preview;
mod queue_proof;
mod reader;
mod record;
mod removal;
mod settings;
mod shared_queue;
mod subscription;
mod sweep;
mod tags;
mod target_accounts;
mod templates;
mod tracking;
mod users_queue;
mod watch;

pub use actions::{effect, is_known_to_inject, known_ids, needs_target, purpose};
pub use emergency::{Emergency, ListedPage, LiveExperiment};
pub use engine::FisEngine;
pub use settings::{FisSettings, RegionTurns, RunStep};
pub use subscription::handshake::HANDSHAKE_TIMEOUT;
pub use sweep::{OpenExperiment, SubscriptionPart, SubscriptionPartKind, SubscriptionParts, Sweeper};
pub use tags::Expiry;
pub use templates::Templates;
pub use users_queue::EventQueue;
