//! The services: what each of them answers, and what it keeps.

pub(crate) mod alarm;
pub(crate) mod buses;
pub(crate) mod cloudwatch;
pub(crate) mod context;
pub(crate) mod events;
pub(crate) mod experiment;
pub(crate) mod fis;
pub(crate) mod organizations;
pub(crate) mod pattern;
pub(crate) mod policy;
pub(crate) mod queue;
pub(crate) mod s3;
pub(crate) mod sqs;
pub(crate) mod sts;
pub(crate) mod target_accounts;
pub(crate) mod template;
