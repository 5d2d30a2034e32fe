//! Tests of sweeps that are denied, disturbed or cut short.

use super::*;

#[tokio::test]
async fn a_region_that_is_denied_keeps_no_other_from_being_swept() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let regions = ["ap-south-1", IRELAND, VIRGINIA];
    for name in regions {
        account.region(name).subscription("faultgate-old", "old", PAST).await;
    }
    let deny = |action| FaultRule::on("*", FaultEffect::denied(action)).in_region(IRELAND);
    account.world.inject(deny("events:ListRules"));
    account.world.inject(FaultRule::on("sqs:*", FaultEffect::denied("sqs:ListQueues")).in_region(IRELAND));
    let flags = ["--aws-region", "ap-south-1,eu-west-1", "--aws-region", VIRGINIA];
    let ended = account.sweep(&flags).without("AWS_REGION").finish().await;
    ended.assert_code(3, "one was denied");
    assert_eq!(account.there(), ["rule eu-west-1 faultgate-old", "queue eu-west-1 faultgate-old"]);
    for action in ["events:ListRules", "sqs:ListQueues"] {
        assert_told(&ended, &["in eu-west-1", "add this statement", &format!("\"{action}\"")]);
    }
    for region in ["ap-south-1", VIRGINIA] {
        assert_told(&ended, &[&format!("removed the queue faultgate-old in {region}")]);
    }
    account.world.heal();
    // A variable may name the Regions too.
    let all = regions.join("\n");
    let again = account.sweep(&[]).env("INPUT_AWS-REGION", &all).finish().await;
    again.assert_code(0, "allowed");
    assert!(account.there().is_empty());
    assert_eq!(again.stdout.matches("nothing to sweep in").count(), 2, "{}", again.stdout);
}

#[tokio::test]
async fn tags_that_may_not_be_read_are_named_with_the_statement() {
    let cases = [("ListTagsForResource", "events", "rule"), ("ListQueueTags", "sqs", "queue")];
    at_once(cases, |(operation, service, kind)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let region = account.region(VIRGINIA);
        region.subscription("faultgate-old", "old", PAST).await;
        let action = format!("{service}:{operation}");
        account.world.inject(FaultRule::on(operation, FaultEffect::denied(&action)));
        let ended = account.sweep(&[]).finish().await;
        ended.assert_code(3, operation);
        assert_eq!(account.there(), [format!("{kind} us-east-1 faultgate-old")]);
        let statement = format!("\"Action\":[\"{action}\"]");
        assert_told(&ended, &[&format!("left alone the {kind} faultgate-old in us-east-1"), &statement]);
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_removed_is_named_with_the_command() {
    let cases = [
        ("ListTargetsByRule", "rule", "aws events delete-rule --region us-east-1 --name faultgate-old"),
        ("RemoveTargets", "rule", "aws events remove-targets --region us-east-1 --rule faultgate-old"),
        ("DeleteRule", "rule", "aws events delete-rule --region us-east-1 --name faultgate-old"),
        ("DeleteQueue", "queue", "aws sqs delete-queue --region us-east-1 --queue-url http"),
    ];
    at_once(cases, |(operation, kind, command)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.region(VIRGINIA).subscription("faultgate-old", "old", PAST).await;
        account.deny(operation, operation);
        let ended = account.sweep(&[]).finish().await;
        ended.assert_code(3, operation);
        assert_eq!(account.there(), [format!("{kind} us-east-1 faultgate-old")]);
        assert_told(&ended, &["NOT removed in us-east-1", PAST, command, "add this statement"]);
        account.world.heal();
        account.sweep(&[]).finish().await.assert_code(0, "allowed");
        assert!(account.there().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_subscription_stays_while_its_experiment_is_not_known_to_have_stopped() {
    let cases = [("StopExperiment", "NOT known to have stopped"), ("ListExperiments", "could not list")];
    at_once(cases, |(operation, word)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let region = account.region(VIRGINIA);
        region.subscription("faultgate-old", "old", PAST).await;
        region.experiment("1", &tags("old", PAST)).await;
        account.deny(operation, operation);
        let ended = account.sweep(&["--stop-experiments"]).finish().await;
        ended.assert_code(3, operation);
        assert_told(&ended, &[word]);
        assert_eq!(account.there().len(), 2, "{}", ended.stdout);
        for kind in ["rule", "queue"] {
            assert_told(&ended, &["NOT removed", &format!("{kind} faultgate-old"), "found by it"]);
        }
        account.world.heal();
        account.sweep(&["--stop-experiments"]).finish().await.assert_code(0, "allowed");
        account.assert_nothing_left(operation);
    })
    .await;
}

#[tokio::test]
async fn two_sweeps_at_once_do_not_stand_in_each_others_way() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let region = account.region(VIRGINIA);
    for number in 0..12 {
        region.subscription(&format!("faultgate-{number}"), &number.to_string(), PAST).await;
        region.experiment(&number.to_string(), &tags(&number.to_string(), PAST)).await;
    }
    // Both have read everything before either removes anything.
    for operation in ["ListExperiments", "RemoveTargets", "DeleteQueue"] {
        account.world.inject(FaultRule::on(operation, FaultEffect::Delay(Duration::from_millis(150))));
    }
    let sweep = || account.sweep(&["--stop-experiments"]).finish();
    let (one, two) = tokio::join!(sweep(), sweep());
    for ended in [&one, &two] {
        ended.assert_code(0, "one of two");
    }
    account.assert_nothing_left(&format!("{}\n{}", one.stdout, two.stdout));
}

#[tokio::test]
async fn what_goes_away_meanwhile_is_done() {
    let cases =
        [("ListTagsForResource", 1), ("ListQueueTags", 1), ("ListTargetsByRule", 0), ("DeleteQueue", 0)];
    at_once(cases, |(operation, unread)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.region(VIRGINIA).subscription("faultgate-old", "old", PAST).await;
        let (status, code) = match operation {
            "ListTagsForResource" | "ListTargetsByRule" => (400, "ResourceNotFoundException"),
            _ => (400, "QueueDoesNotExist"),
        };
        let gone =
            FaultEffect::Error { status, code: code.into(), message: "it is gone".into(), retry_after: None };
        account.world.inject(FaultRule::on(operation, gone));
        let ended = account.sweep(&[]).finish().await;
        ended.assert_code(0, operation);
        assert_eq!(ended.stdout.lines().count(), 2 - unread, "{operation}: {}", ended.stdout);
    })
    .await;
}

#[tokio::test]
async fn lost_answers_and_outages_that_pass_are_no_matter() {
    let faults = [
        ("DeleteQueue", FaultEffect::LoseAnswer),
        ("DeleteRule", FaultEffect::LoseAnswer),
        ("RemoveTargets", FaultEffect::LoseAnswer),
        ("ListQueueTags", FaultEffect::LoseRequest),
        ("ListRules", FaultEffect::throttled(None)),
        ("StopExperiment", FaultEffect::LoseAnswer),
    ];
    at_once(faults, |(operation, effect)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let region = account.region(VIRGINIA);
        region.subscription("faultgate-old", "old", PAST).await;
        region.experiment("1", &tags("old", PAST)).await;
        account.world.inject(FaultRule::on(operation, effect).times(2));
        let ended = account.sweep(&["--stop-experiments"]).finish().await;
        ended.assert_code(0, operation);
        account.assert_nothing_left(operation);
    })
    .await;
}

#[tokio::test]
async fn settings_that_are_wrong_are_told_together_and_nothing_is_asked() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let cases: [(&[&str], &[&str]); 3] = [
        (&["--aws-region", "eu-west-1,Ireland", "--aws-role-arn", "sweep"], &["\"Ireland\"", "\"sweep\""]),
        (&["--aws-region", "Ireland", "--aws-region", "Virginia"], &["\"Ireland\"", "\"Virginia\""]),
        (&["--ca-bundle", "missing.pem"], &["missing.pem"]),
    ];
    for (args, words) in cases {
        let ended = account.sweep(args).finish().await;
        ended.assert_code(2, words[0]);
        for word in words {
            assert!(ended.stderr.contains(word), "{}", ended.stderr);
        }
        assert!(ended.stderr.contains("nothing was swept"), "{}", ended.stderr);
    }
    let nowhere = account.sweep(&[]).without("AWS_REGION").finish().await;
    nowhere.assert_code(2, "no Region");
    assert!(nowhere.stderr.contains("--aws-region"), "{}", nowhere.stderr);
    account.sweep(&["--no-such-flag"]).finish().await.assert_code(2, "flag");
    assert!(account.world.requests().is_empty());
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_told_once() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.region(VIRGINIA).subscription("faultgate-old", "old", PAST).await;
    account.deny("AssumeRole", "sts:AssumeRole");
    let role = "arn:aws:iam::111122223333:role/sweep";
    let ended = account.sweep(&["--aws-role-arn", role]).finish().await;
    ended.assert_code(3, "no such role");
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert_told(&ended, &[&format!("could not sweep us-east-1 as {role}")]);
    assert_eq!(account.there().len(), 2);
}

#[tokio::test]
async fn a_signal_ends_it_and_the_next_one_goes_on() {
    at_once([("TERM", 143), ("INT", 130), ("HUP", 129)], |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.region(VIRGINIA).subscription("faultgate-old", "old", PAST).await;
        account.world.inject(FaultRule::on("DeleteQueue", FaultEffect::Hang));
        let running = account.sweep(&[]).spawn();
        account.until_asked("DeleteQueue").await;
        running.signal(signal).await;
        let ended = in_time(Duration::from_secs(30), signal, running.ended()).await;
        ended.assert_code(code, signal);
        account.world.heal();
        account.sweep(&[]).finish().await.assert_code(0, "the next one");
        assert!(account.there().is_empty());
    })
    .await;
}
