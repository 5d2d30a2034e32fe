//! Tests of experiments that are launched while everything is stopped.

use super::*;

use faultgate_rehearsal::TEMPLATE_ID;

/// Returns a suite of three experiments with these lines at its top.
fn suite(top: &str) -> String {
    let experiment = |name| format!("  - name: {name}\n    fis: {{ template: {TEMPLATE_ID} }}\n");
    let experiments = ["first", "second", "third"].map(experiment).concat();
    format!("version: 1\n{top}\nexperiments:\n{experiments}")
}

#[tokio::test]
async fn what_is_launched_after_the_list_is_found_by_the_next_one() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 2).await;
    let running = account.stop_all(&[]).spawn();
    // The list was there before anything was asked to stop.
    account.until_asked("StopExperiment").await;
    account.region(VIRGINIA).experiment("late", &tags("run-late", FUTURE)).await;
    let ended = running.ended().await;
    ended.assert_code(0, "the late one too");
    account.assert_nothing_left("the late one too");
    assert_told(&ended, &["experiments found: 3, ended: 3"]);
    assert_eq!(account.requests_of("ListExperiments").len(), 3, "the last one had nothing new");
}

#[tokio::test]
async fn a_place_in_which_experiments_are_launched_without_end_is_told() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 1).await;
    let running = account.stop_all(&[]).spawn();
    let launching = async {
        for stops in 1.. {
            account.until("another stop", |seen| seen.count("StopExperiment") >= stops).await;
            account.region(VIRGINIA).experiment(&format!("late {stops}"), &tags("run-late", FUTURE)).await;
        }
    };
    let ended = tokio::select! {
        ended = running.ended() => ended,
        () = launching => unreachable!(),
    };
    ended.assert_code(3, "it goes on");
    assert_told(&ended, &["NOT everything in us-east-1 is known to have ended", "repeat this"]);
    assert_eq!(account.requests_of("ListExperiments").len(), 10);
}

/// The experiments wait for each other as those of one run do, or for their place.
#[tokio::test]
async fn a_run_whose_experiment_somebody_stops_launches_nothing_more() {
    at_once(["parallel: 1", "parallel: 3\nmax-active: 1"], |top| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let running = account.faultgate(&["run"]).file(".faultgate.yml", &suite(top)).spawn();
        account.until_running().await;
        let id = account.live()[0].id.clone();
        let stopped = account.stop_all(&[]).finish().await;
        stopped.assert_code(0, top);
        assert_told(&stopped, &["experiments found: 1, ended: 1"]);
        let ended = running.ended().await;
        ended.assert_code(3, top);
        let result = ended.result();
        assert_result(&result, 3);
        assert_eq!(account.requests_of("StartExperiment").len(), 1, "{top}");
        let experiments = result["experiments"].as_array().unwrap();
        let (of_it, others): (Vec<_>, Vec<_>) =
            experiments.iter().partition(|experiment| experiment["id"] == id.as_str());
        let name = of_it[0]["name"].as_str().unwrap();
        assert!(of_it[0]["reason"].as_str().unwrap().starts_with("somebody else stopped it"), "{result:#}");
        assert_eq!(others.len(), 2);
        for other in others {
            assert_eq!(other["verdict"], "errored");
            let why = format!(
                "not launched: somebody else stopped {name} ({id}), so this run launches nothing more"
            );
            assert_eq!(other["reason"], why);
        }
        account.assert_nothing_left(top);
    })
    .await;
}
