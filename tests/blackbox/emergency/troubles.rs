//! Tests of emergency stops that are denied, disturbed or cut short.

use super::*;
use faultgate_testkit::binary::in_time;

/// Longest time in which a request that hangs is sent again, and all that follows from it.
const AGAIN: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_place_that_does_not_answer_keeps_no_other_from_being_stopped() {
    let faults = [
        FaultEffect::Hang,
        FaultEffect::throttled(None),
        FaultEffect::Page { status: 503, retry_after: None },
        FaultEffect::LoseRequest,
    ];
    at_once(faults, |fault| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        for name in REGIONS {
            account.fill(name, 4).await;
        }
        let context = format!("{fault:?}");
        account.world.inject(FaultRule::on("ListExperiments", fault).in_region(IRELAND));
        let running = account.stop_all(&["--aws-region", &REGIONS.join(",")]).spawn();
        account
            .until("the others have ended", |seen| {
                let of_others = seen.inventory.experiments.iter().filter(|own| own.region != IRELAND);
                of_others.map(|own| own.status.as_str()).all(|status| status == "stopped")
            })
            .await;
        assert_eq!(account.live_in(IRELAND).len(), 4, "{context}");
        account.world.heal();
        let ended = running.ended_within(AGAIN).await;
        ended.assert_code(0, &context);
        account.assert_nothing_left(&context);
        // The request that hangs is given up after more than a second.
        if context == "Hang" {
            assert_told(&ended, &["still waiting for the list of experiments in eu-west-1, for up to 2m"]);
        }
    })
    .await;
}

#[tokio::test]
async fn without_credentials_it_says_at_once_what_is_missing_and_goes_on() {
    let script = "faultgate stop --all >told & until grep -q 'tried again' told; do sleep 0.1; done; \
                  kill -TERM $!; wait $!";
    let job = Faultgate::job(script).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", IRELAND);
    let ended = job.finish().await;
    ended.assert_code(143, "it goes on until the signal");
    let told = ended.read("told");
    assert!(told.starts_with("not listed yet in eu-west-1, and tried again for up to 2m: "), "{told}");
    assert!(told.contains("no AWS credentials were found (environment, profile,"), "{told}");
    assert!(told.contains("; set AWS_PROFILE, or run `aws sso login`\n"), "{told}");
}

#[tokio::test]
async fn a_page_that_does_not_come_keeps_nothing_before_it_from_being_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 105).await;
    let denied = FaultEffect::denied("fis:ListExperiments");
    account.world.inject(FaultRule::on("ListExperiments", denied).from(2));
    let ended = account.stop_all(&[]).finish().await;
    ended.assert_code(3, "a page is missing");
    assert_eq!(account.live_in(VIRGINIA).len(), 5, "{}", ended.stdout);
    assert_told(
        &ended,
        &["NOT all experiments in us-east-1 are known", "aws fis list-experiments --region us-east-1"],
    );
    assert_told(&ended, &["experiments found: 100, ended: 100; NOT everything is known"]);
}

#[tokio::test]
async fn a_place_that_is_denied_is_named_with_statement_and_command() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    for name in REGIONS {
        account.fill(name, 2).await;
    }
    let deny = |operation: &'static str, action| FaultRule::on(operation, FaultEffect::denied(action));
    account.world.inject(deny("ListExperiments", "fis:ListExperiments").in_region(IRELAND));
    account.world.inject(deny("StopExperiment", "fis:StopExperiment").in_region(MUMBAI));
    let ended = account.stop_all(&["--aws-region", &REGIONS.join(",")]).finish().await;
    ended.assert_code(3, "denied");
    assert!(account.live_in(VIRGINIA).is_empty() && account.live_in(IRELAND).len() == 2, "{}", ended.stdout);
    assert_told(
        &ended,
        &["NOT all experiments in eu-west-1", "add this statement", "\"fis:ListExperiments\""],
    );
    assert_told(&ended, &["in eu-west-1", "aws fis list-experiments --region eu-west-1"]);
    for id in account.live_in(MUMBAI) {
        assert_by_hand(&ended, &id, MUMBAI);
        assert_told(&ended, &[&id, "add this statement", "\"fis:StopExperiment\""]);
    }
    assert!(!ended.stdout.contains("nothing to stop in eu-west-1"), "{}", ended.stdout);
    account.world.heal();
    account.stop_all(&["--aws-region", &REGIONS.join(",")]).finish().await.assert_code(0, "allowed");
    account.assert_nothing_left("allowed");
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_told_once() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 2).await;
    account.deny("AssumeRole", "sts:AssumeRole");
    let role = "arn:aws:iam::111122223333:role/stop";
    let ended = account.stop_all(&["--aws-role-arn", role]).finish().await;
    ended.assert_code(3, "no such role");
    assert_told(&ended, &[&format!("could not stop anything in us-east-1 as {role}")]);
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
}

#[tokio::test]
async fn lost_answers_are_no_matter() {
    let faults = [
        ("ListExperiments", FaultEffect::LoseAnswer),
        ("ListExperiments", FaultEffect::Garbage),
        ("StopExperiment", FaultEffect::LoseAnswer),
        ("StopExperiment", FaultEffect::throttled(None)),
        ("GetExperiment", FaultEffect::Garbage),
    ];
    at_once(faults, |(operation, effect)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.fill(VIRGINIA, 6).await;
        account.world.inject(FaultRule::on(operation, effect).times(3));
        let ended = account.stop_all(&[]).finish().await;
        ended.assert_code(0, operation);
        account.assert_nothing_left(operation);
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_is_not_answered_is_told_before_the_next_one_is() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let ids = account.fill(VIRGINIA, 1).await;
    account.world.inject(FaultRule::on("StopExperiment", FaultEffect::Hang).times(1));
    let ended = account.stop_all(&[]).finish().await;
    ended.assert_code(0, "the second request is answered");
    let id = ids.first().unwrap();
    let told = |line: &str| ended.stdout.find(line).unwrap_or_else(|| panic!("{line}: {}", ended.stdout));
    let waiting = format!(
        "still waiting for the answer to the request to stop {id}; it is repeated for up to 2m; by hand: \
         `aws fis stop-experiment --region {VIRGINIA} --id {id}`"
    );
    assert!(told(&waiting) < told(&format!("stopped {id}")), "{}", ended.stdout);
}

#[tokio::test]
async fn a_signal_leaves_nothing_unasked_and_nothing_unnamed() {
    at_once([("TERM", 143), ("INT", 130), ("HUP", 129)], |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        // Experiments are asked to stop, and never say that they have.
        account.world.set_stopping(Duration::from_hours(1));
        let mut ids = BTreeMap::new();
        for name in REGIONS {
            ids.insert(name, account.fill(name, 6).await);
        }
        let running = account.stop_all(&["--aws-region", &REGIONS.join(",")]).spawn();
        account.until_asked("StopExperiment").await;
        running.signal(signal).await;
        let ended = in_time(Duration::from_secs(30), signal, running.ended()).await;
        ended.assert_code(code, signal);
        for entry in account.world.inventory().experiments {
            assert_eq!(entry.status, "stopping", "{signal}: it was not asked: {}", ended.stdout);
        }
        for (region, ids) in &ids {
            for id in ids {
                assert_by_hand(&ended, id, region);
            }
        }
        assert_told(&ended, &["experiments found: 18, ended: 0; NOT everything is known"]);
    })
    .await;
}

#[tokio::test]
async fn a_signal_before_the_list_is_there_names_the_place() {
    at_once([1, 2], |signals| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.fill(VIRGINIA, 2).await;
        account.world.inject(FaultRule::on("ListExperiments", FaultEffect::Hang));
        let running = account.stop_all(&[]).spawn();
        account.until_asked("ListExperiments").await;
        for _ in 0..signals {
            running.signal("TERM").await;
        }
        let ended = in_time(Duration::from_secs(30), "it ends", running.ended()).await;
        ended.assert_code(143, "a signal");
        assert_told(
            &ended,
            &["NOT all experiments in us-east-1", "aws fis list-experiments --region us-east-1"],
        );
        account.world.heal();
        account.stop_all(&[]).finish().await.assert_code(0, "the next one");
        account.assert_nothing_left("the next one");
    })
    .await;
}

#[tokio::test]
async fn a_panic_keeps_no_other_place_and_no_other_experiment_from_being_stopped() {
    at_once(1..=12, |number| async move {
        let context = format!("request:{number}");
        let account = EmbeddedAccount::living(ENDLESS).await;
        for name in REGIONS {
            account.fill(name, 3).await;
        }
        let all = REGIONS.join(",");
        let ended = account.stop_all(&["--aws-region", &all]).env("PANIC_AT", &context).finish().await;
        ended.assert_code(3, &context);
        assert!(ended.stderr.contains("itself broke"), "{context}: {}", ended.stderr);
        let untouched: Vec<_> = REGIONS.iter().filter(|name| account.live_in(name).is_empty()).collect();
        assert!(untouched.len() >= 2, "{context}: {}", ended.stdout);
        // One request has broken: that of a list, whose place is named, or that of one experiment, which is
        // named.
        let left: usize = REGIONS.iter().map(|name| account.live_in(name).len()).sum();
        assert!([0, 1, 3].contains(&left), "{context}: {left} are left\n{}", ended.stdout);
        for name in REGIONS {
            for id in account.live_in(name) {
                let place = format!("NOT all experiments in {name} are known");
                let told = ended.stdout.contains(&place) || ended.stdout.contains(&id);
                assert!(told, "{context}: {}", ended.stdout);
            }
        }
        assert_told(&ended, &["NOT"]);
        account.stop_all(&["--aws-region", &all]).finish().await.assert_code(0, "again");
        account.assert_nothing_left(&context);
    })
    .await;
}
