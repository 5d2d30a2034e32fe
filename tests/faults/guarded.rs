//! A run that is previewed first, and that a failing probe halts: whatever is answered, nothing is left in and
//! nothing passes.

use faultgate_core::model::Verdict;
use faultgate_rehearsal::{Beat, FaultRule, Step, TEMPLATE_ID, Which};
use faultgate_testkit::account::EmbeddedAccount;

use crate::aws;
use crate::matrix::{LONGEST, Matrix, result};

/// A life in which the fault is in until somebody stops it.
const HURTING: &[Beat] = &[
    Beat { after: std::time::Duration::ZERO, step: Step::Experiment { status: "running", reason: "" } },
    Beat {
        after: std::time::Duration::ZERO,
        step: Step::Actions { which: Which::All, status: "running", reason: "" },
    },
];
const TARGETS_POLICY: &str = "version: 1\nlimits: { targets: 10 }\n";

async fn play(fault: Option<FaultRule>) -> Vec<String> {
    let account = EmbeddedAccount::living(HURTING).await;
    let suite = format!(
        "version: 1\nexperiments:\n  - name: shop\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
         - {{ name: checkout, tcp: {{ address: '127.0.0.1:1' }}, every: 100ms, aborts-after: 2 }}\n"
    );
    let is_disturbed = fault.is_some();
    if let Some(fault) = fault {
        account.world.inject(fault);
    }
    let run = account.faultgate(&[]).file(".faultgate.yml", &suite).file("policy.yml", TARGETS_POLICY);
    let run = run.env("FAULTGATE_POLICY", "policy.yml").env("FAULTGATE_TIMEOUT", "3s");
    let ended = run.spawn().ended_within(LONGEST).await;
    let gate = result(&ended).gate;
    assert_ne!(gate.verdict, Verdict::Passed, "the probe has failed: {gate:#?}");
    if !is_disturbed {
        assert_eq!(gate.verdict, Verdict::Failed, "{gate:#?}");
        assert!(gate.reasons[0].contains("checkout"), "{gate:#?}");
    }
    let asked = account.world.requests().into_iter().map(|request| request.operation).collect();
    aws::hold(&account, ended).await;
    asked
}

#[tokio::test]
async fn a_previewed_run_that_a_probe_halts_leaves_nothing_in() {
    Matrix::brief().run("a halt after a preview", play).await;
}
