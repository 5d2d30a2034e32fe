//! AWS endpoints embedded in the binary: enough of FIS, `EventBridge`, SQS, `CloudWatch` and STS to play a
//! whole run, and an emergency stop.
//!
//! A [`World`] holds the state of accounts and answers requests in the services' own wire formats, so that
//! any SDK can drive it. Clients reach it over a socket ([`Server`]) or, with no socket and on a paused
//! clock, by an SDK's own client ([`http_client`]). A [`Scenario`] says how its experiments proceed and what
//! goes wrong. Besides the services there is the system that the fault is in, which [suffers](TargetSuffering) from
//! it.
//!
//! Each part uses only those below it:
//!
//! - `wire`: `server`, `in_memory` and `flow`.
//! - `world`: requests and observers (`account`), its state (`region`), its
//!   `limits`, what happens later (`play`), and the
//!   records for observers (`observe`).
//! - `services`: `fis` with `template` and `experiment`; `buses` with `events`, the rules of one, and `pattern`; `sqs` with `queue` and
//!   `policy`; `cloudwatch` with `alarm`; `sts`; and what each sees of the rest (`context`).
//! - `protocol`: calls and answers (`call`), `route` (REST), `query` (the query protocol).
//! - `story`: `scenario`, `plot`, `script`, `fault`, and `target`, the system that the fault is in.
//! - `place`: accounts and Regions, and the keys that lead there.
//! - `forms`: ids, and times as the protocols write them.
//! - `fixtures`: what every world has from the beginning.
//!
//! All waiting is done on tokio's clock. Signatures are not verified; the Region is taken from their scope, and
//! the account from their key.
//! No request ever leaves this machine.

mod fixtures;
mod forms;
mod place;
mod protocol;
mod services;
mod story;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use fixtures::{
    ACCOUNT, ALARM_NAME, DEFAULT_REGION, ORGANIZATION, ORGANIZATION_ROOT, ORGANIZATION_UNIT,
    SECOND_TEMPLATE_ID, SYSTEM_ALARM_NAME, TEMPLATE_ID,
};
pub use place::key_of;
pub use story::fault::{EventFaults, FaultEffect, FaultRule};
pub use story::plot::Plot;
pub use story::scenario::Scenario;
pub use story::script::{Beat, Step, Which};
pub use story::target::TargetSuffering;
pub use wire::in_memory::http_client;
pub use wire::server::Server;
pub use world::account::{WireAnswer, World};
pub use world::observe::{ExperimentEntry, Inventory, Published, QueueEntry, Recorded, RuleEntry, Snapshot};
