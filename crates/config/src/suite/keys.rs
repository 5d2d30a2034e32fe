//! The tables of keys of a suite, of an experiment, and of the block of an FIS experiment.

use super::super::inputs::TIMEOUT;
use super::super::keys::Key;
use super::super::kind::Kind;
use super::super::parse::EXPERIMENT_NAME_HINT;

pub(crate) const WEIGHT: Kind = Kind::Count { min: 0, max: 1000 };
pub(crate) const DEFAULT_WEIGHT_TEXT: &str = "10";

/// The keys at the top of the file that are not inputs and have a single value.
#[rustfmt::skip]
pub(in crate) const ROOT: &[Key] = &[
    Key::new("stop-on-failure", Kind::Bool, "No experiment is launched after one that did not pass").default("false"),
];

/// The keys of an experiment, besides its engine and its probes.
#[rustfmt::skip]
pub(in crate) const EXPERIMENT: &[Key] = &[
    Key::new("name", Kind::ExperimentName, "Name of the experiment, unique in the suite")
        .needed(EXPERIMENT_NAME_HINT).example("az-latency"),
    Key::new("weight", WEIGHT, "Its weight in the run's score").default(DEFAULT_WEIGHT_TEXT),
    Key::new("timeout", TIMEOUT, "Longest time from launch to end; that of the run unless said otherwise")
        .example("20m"),
    Key::new("queue-timeout", TIMEOUT, "Longest time the engine may leave it pending; that of the run unless said otherwise")
        .example("90s"),
    Key::new("expected-resilience-score", Kind::Score, "A floor of its own: lowest score that passes").example("90"),
];

/// The keys of the block of an FIS experiment.
#[rustfmt::skip]
pub(in crate) const FIS: &[Key] = &[
    Key::new("template", Kind::Template, "FIS experiment template to run")
        .needed("write the template's id, for example EXT1a2b3c4d5e6f7").example("EXT1a2b3c4d5e6f7"),
    Key::new("region", Kind::Region, "AWS Region; that of the run unless said otherwise").example("eu-west-1"),
    Key::new("role-arn", Kind::RoleArn, "Role to assume; that of the run unless said otherwise")
        .example("arn:aws:iam::111122223333:role/chaos"),
];
