//! AWS endpoints embedded in the binary: enough of FIS, `EventBridge`, SQS and `CloudWatch` to play a whole
//! run.
//!
//! A [`World`] holds the state of one account and answers requests in the services' own wire formats, so that
//! any SDK can drive it. Clients reach it over a socket ([`Server`]) or, with no socket and on a paused
//! clock, by an SDK's own client ([`http_client`]). A [`Scenario`] says how its experiments proceed and what
//! goes wrong. Besides the services there is the system that the fault is in, which [suffers](Suffering) from
//! it.
//!
//! - The world: `world` (requests, faults, observers), `region` (its state), `play` (what happens later),
//!   `context`, `observe`.
//! - The wire: `server`, `in_memory`, `flow`, `protocol` (calls and answers), `route` (REST), `query` (the
//!   query protocol).
//! - The services: `fis` with `template`, `experiment` and `script`; `events` with `pattern`; `sqs` with
//!   `queue` and `policy`; `cloudwatch`.
//! - The story: `scenario`, `script`, `fault`, `target`.
//!
//! All waiting is done on tokio's clock. Signatures are not verified; the Region is taken from their scope.
//! No request ever leaves this machine.

mod cloudwatch;
mod context;
mod events;
mod experiment;
mod fault;
mod fis;
mod flow;
mod in_memory;
mod observe;
mod pattern;
mod play;
mod policy;
mod protocol;
mod query;
mod queue;
mod region;
mod route;
mod scenario;
mod script;
mod server;
mod sqs;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod world;

pub use fault::{Effect, EventFaults, FaultRule};
pub use in_memory::http_client;
pub use observe::{ExperimentEntry, Inventory, Published, QueueEntry, Recorded, RuleEntry, Snapshot};
pub use scenario::Scenario;
pub use script::{Beat, Step, Which};
pub use server::Server;
pub use target::{Suffering, TARGET_HOST};
pub use template::Plot;
pub use world::{Answer, World};

/// Id of the account that every world is.
pub const ACCOUNT: &str = "123456789012";
/// Region of requests that carry no signature.
pub const DEFAULT_REGION: &str = "us-east-1";
/// Id of the template that every world has from the beginning. Its experiments proceed as the scenario says.
pub const TEMPLATE_ID: &str = "EXTrehearsal";
/// Id of a second template that every world has. Its experiments complete unless [`World::script`] says
/// otherwise.
pub const SECOND_TEMPLATE_ID: &str = "EXTrehearsal2";
/// Name of the alarm that every world has, in OK: the stop condition of both templates.
pub const ALARM_NAME: &str = "rehearsal-steady";
