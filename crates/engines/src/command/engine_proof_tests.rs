//! Tests of proofs that a fault is in.

use super::*;
use crate::Duration;

fn proven(spec: CommandSpec, change: impl FnOnce(&mut Proof)) -> CommandSpec {
    let mut proof = Proof { output: None, no_output: None, check: None, within: HANGS };
    change(&mut proof);
    CommandSpec { proof: Some(proof), ..spec }
}

#[tokio::test]
async fn words_prove_that_the_fault_is_in() {
    let bench = Bench::new();
    let paused = |spec| proven(spec, |proof| proof.output = Some("paused".to_owned()));
    assert_eq!(bench.run(paused(sh("echo cache is paused"))).await.1.verdict, Verdict::Passed);
    let found = |spec| proven(spec, |proof| proof.no_output = Some("no containers".to_owned()));
    assert_eq!(bench.run(found(sh("echo all is well"))).await.1.verdict, Verdict::Passed);
    for (spec, want) in [
        (paused(sh("echo nothing to do")), "run did not print \"paused\""),
        (found(sh("echo warning: no containers found >&2")), "run printed \"no containers\""),
    ] {
        let spec = CommandSpec { duration: HANGS, ..undone_by(spec, "echo > undone; exit 1") };
        let (_, judged) = bench.run(spec).await;
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None));
        assert!(judged.reason.starts_with("nothing proves that the fault was in: "), "{}", judged.reason);
        assert!(judged.reason.contains(want), "{}", judged.reason);
        assert!(judged.reason.contains("nothing shows that there was a fault to undo"), "{}", judged.reason);
        assert!(bench.path("undone").exists(), "it is undone all the same");
        fs::remove_file(bench.path("undone")).unwrap();
    }
}

/// An injector that holds the fault itself, and does not get it in.
#[tokio::test]
async fn a_proof_that_does_not_come_ends_the_experiment() {
    let bench = Bench::new();
    let spec = proven(undone_by(sh("echo waiting; sleep 1000; :"), "echo > undone"), |proof| {
        proof.output = Some("injected".to_owned());
        proof.within = Duration::from_millis(300);
    });
    let (record, judged) = bench.run(spec).await;
    assert_eq!((record.state, judged.verdict), (State::Failed, Verdict::Errored));
    assert!(judged.reason.contains("run did not print \"injected\", within 300ms"), "{}", judged.reason);
    assert!(bench.path("undone").exists());
    // The words may come late, as long as the command runs.
    let late =
        proven(sh("sleep 0.3; echo injected; sleep 0.3"), |proof| proof.output = Some("injected".to_owned()));
    assert_eq!(bench.run(late).await.1.verdict, Verdict::Passed);
}
