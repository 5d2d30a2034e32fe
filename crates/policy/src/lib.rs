//! The policy: what those who own the platform allow, and the judgement of a run by it.
//!
//! A policy is a file that the suite can neither name nor loosen. [`Policy::read`] reads it whole or tells all
//! the mistakes in it; [`inquiries`] says what has to be asked of AWS for its rules; [`judge`] holds the facts
//! against it and returns every rule that is broken. Several policies add up: each must hold.
//!
//! - The file: `format` turns its text into a tree with places, `reader` takes values from the tree, and
//!   `policy` knows the keys.
//! - The rules: `pattern` and `window` are the two that have a syntax of their own, `closing` finds the moment
//!   at which windows close.
//! - The judgement: `facts` are what is known of a run, `length` sums the durations of actions, `judge` applies
//!   the rules, and `broken` is what the user is told.
//!
//! Nothing here asks anybody, and no rule passes on missing knowledge: what a rule needs and nobody could tell
//! breaks the rule. No variable of the environment has a say, not even on time zones.

mod broken;
mod closing;
mod facts;
mod format;
mod inquiry;
mod judge;
mod length;
mod pattern;
mod policy;
mod reader;
mod window;

pub use broken::{BrokenRule, Ruling};
pub use facts::{ExperimentFacts, Fact, LaunchFacts};
pub use faultgate_core::model::{ActionFacts, TemplateFacts};
pub use inquiry::{Inquiry, inquiries};
pub use judge::{judge, judge_moment, judge_suite};
pub use pattern::NamePattern;
pub use policy::{AllowRules, DenyRules, Policy, PolicyLimits, RequireRules, WindowRule};
pub use window::Window;

#[cfg(test)]
mod tests;
