//! AWS endpoints embedded in the binary: enough of FIS, `EventBridge`, SQS and `CloudWatch` to play a whole run.
//!
//! A [`World`] holds the state of one account and answers requests in the services' own wire formats, so that
//! any SDK can drive it. It is reached over a socket ([`Server`]) or, with no socket and on a paused clock, by
//! an SDK's own client ([`http_client`]). A [`Scenario`] says how its experiments live and what goes wrong.
//! Beside the services there is the system that the fault is in, which [suffers](Suffering) from it.
//!
//! All waiting is done on tokio's clock. Signatures are not verified; the Region is taken from their scope.

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

/// The account that every world is.
pub const ACCOUNT: &str = "123456789012";
/// The Region of requests that carry no signature.
pub const DEFAULT_REGION: &str = "us-east-1";
/// The template every world is born with; its experiments live as the scenario says.
pub const TEMPLATE_ID: &str = "EXTrehearsal";
/// A second template every world is born with; its experiments complete unless [`World::script`] says otherwise.
pub const SECOND_TEMPLATE_ID: &str = "EXTrehearsal2";
/// The alarm every world is born with, in OK: the stop condition of both templates.
pub const ALARM_NAME: &str = "rehearsal-steady";
