//! Examples of each engine, for tests that go through all of them.

use faultgate_core::model::{EngineKind, ExperimentPlace};
use faultgate_rehearsal::TEMPLATE_ID;

/// An example of a place of this engine. An engine that is added does not compile before it has one.
pub fn example_place(kind: EngineKind) -> ExperimentPlace {
    let text = |text: &str| text.to_owned();
    match kind {
        EngineKind::Fis => ExperimentPlace::Fis { template: text("EXT1"), region: None, role_arn: None },
        EngineKind::Harness => ExperimentPlace::Harness {
            url: text("https://harness.example"),
            account: text("a"),
            org: text("o"),
            project: text("p"),
            experiment: text("e"),
        },
        EngineKind::Litmus => ExperimentPlace::Litmus {
            url: text("https://litmus.example"),
            project: text("p"),
            origin: None,
            experiment: text("e"),
        },
        EngineKind::Command => ExperimentPlace::Command { run: text("sleep"), stop: None },
    }
}

/// Flags by which `faultgate init` has all answers that this engine needs.
pub fn init_flags(kind: EngineKind) -> &'static [&'static str] {
    match kind {
        EngineKind::Fis => &[
            "--experiment-template-id",
            TEMPLATE_ID,
            "--aws-region",
            "us-east-1",
            "--aws-role-arn",
            "arn:aws:iam::111122223333:role/chaos",
        ],
        EngineKind::Harness => {
            &["--harness-experiment-id", "d7c9d243-0219-4f7c-84c2", "--harness-project-id", "shop"]
        }
        EngineKind::Litmus => &[
            "--litmus-url",
            "https://litmus.example.com",
            "--litmus-project-id",
            "shop",
            "--litmus-experiment-id",
            "pod-kill",
        ],
        EngineKind::Command => &["--run", "touch in", "--stop", "rm in"],
    }
}
