//! The tables of keys of a suite and of an experiment, and what tables have in common.

use crate::inputs::kind::Kind;
use crate::inputs::parse::EXPERIMENT_NAME_HINT;
use crate::inputs::table::{EXPECTED_SCORE, TIME_LIMIT};
use crate::suite::keys::{Item, Key};
use faultgate_core::model::HaltScope;

pub(crate) const WEIGHT: Kind = Kind::Count { min: 0, max: 1000 };
pub(crate) const DEFAULT_WEIGHT_TEXT: &str = "10";
/// Limit of one argument, in bytes. A whole script may be an argument.
pub(crate) const MAX_ARGUMENT_BYTES: usize = 64 * 1024;
pub(crate) const ARGUMENT: Item = Item::Verbatim { max: MAX_ARGUMENT_BYTES };

/// The keys at the top of the file that are not inputs and have a single value.
#[rustfmt::skip]
pub(crate) const ROOT: &[Key] = &[
    Key::new("abort", Kind::Choice(HaltScope::WORDS), "Experiments that are stopped when probes ask for it: own, those whose probes they are; all, every one of the run")
        .default("own"),
    Key::new("stop-on-failure", Kind::Bool, "No experiment is launched after one that did not pass").default("false"),
];

/// The keys of `abort-when`.
#[rustfmt::skip]
pub(crate) const ABORT_WHEN: &[Key] = &[
    Key::new("failing-probes", Kind::Count { min: 1, max: 1000 }, "Number of probes that fail at the same time, while the fault is in, and so stop their experiments")
        .needed("write for example failing-probes: 2").example("2"),
];

/// The keys of a link.
#[rustfmt::skip]
pub(crate) const LINK: &[Key] = &[
    Key::new("name", Kind::Text { max: 60 }, "The text of the link").needed("write for example name: Grafana").example("Grafana"),
    Key::new("url", Kind::Text { max: 900 }, "The address of the page, of http or https. In it ${FAULT_START}, ${FAULT_START_MS} and ${FAULT_START_S} are the beginning of the fault as RFC 3339, in milliseconds and in seconds since 1970, and ${FAULT_END}, ${FAULT_END_MS} and ${FAULT_END_S} are its end")
        .needed("write for example url: https://grafana.example/d/shop?from=${FAULT_START_MS}&to=${FAULT_END_MS}")
        .example("https://grafana.example/d/shop?from=${FAULT_START_MS}&to=${FAULT_END_MS}"),
];

/// The keys of an experiment, besides its engine and its probes.
#[rustfmt::skip]
pub(crate) const EXPERIMENT: &[Key] = &[
    Key::new("name", Kind::ExperimentName, "Name of the experiment, unique in the suite")
        .needed(EXPERIMENT_NAME_HINT).example("az-latency"),
    Key::new("weight", WEIGHT, "Its weight in the run's score").default(DEFAULT_WEIGHT_TEXT),
    Key::new("timeout", TIME_LIMIT.kind, "Longest time from launch to end; that of the run unless said otherwise")
        .example("20m"),
    Key::new("queue-timeout", TIME_LIMIT.kind, "Longest time the engine may leave it pending; that of the run unless said otherwise")
        .example("90s"),
    Key::new(EXPECTED_SCORE.name(), Kind::Score, "A floor of its own: lowest score that passes").example("90"),
];
