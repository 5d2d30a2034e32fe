use super::*;

#[test]
fn a_run_that_keeps_every_rule_breaks_none() {
    let ruling = judge(&[policy(WHOLE)], &run(), &[experiment()]);
    assert_eq!(ruling, Ruling::default());
}

#[test]
fn all_broken_rules_are_told_at_once_in_the_words_of_the_contract() {
    let run = LaunchFacts {
        experiments: Fact::Known(25),
        parallel: 5,
        moment: Fact::Known(at("2026-12-24T15:00:00Z")),
    };
    let mut experiment = experiment();
    experiment.account = Fact::Known("999988887777".to_owned());
    experiment.target_accounts = Fact::Known(vec!["111122223333".to_owned(), "555566667777".to_owned()]);
    experiment.region = Fact::Known("us-east-1".to_owned());
    experiment.template_id = Fact::Known("ABC".to_owned());
    experiment.probes = 0;
    experiment.targets = Fact::Known(14);
    *template(&mut experiment) = TemplateFacts {
        actions: vec![
            action("reboot", "aws:rds:reboot-db-instances", "PT1H", &[]),
            action("cut", "aws:network:disrupt-connectivity", "PT30M30S", &["reboot"]),
        ],
        stop_alarms: 0,
        has_logs: false,
        tags: [("environment".to_owned(), "production".to_owned())].into(),
    };
    let expected = [
        "policy: limits.parallel: 5, at most 2",
        "policy: limits.experiments: 25, at most 20",
        "policy: windows: thu 2026-12-24 16:00 (Europe/Berlin), only within mon-thu 09:00-16:00 (Europe/Berlin)",
        "policy: windows[1].deny: thu 2026-12-24 15:00 (UTC), not within 2026-12-20..2027-01-05 (UTC)",
        "policy: allow.accounts: 999988887777, only 111122223333",
        "policy: allow.accounts: 555566667777 as a target account, only 111122223333",
        "policy: allow.regions: us-east-1, only eu-west-1",
        "policy: allow.templates: ABC, only EXT*",
        "policy: require.probes: none, at least one",
        "policy: limits.targets: 14, at most 10",
        "policy: deny.actions: aws:rds:reboot-db-instances, denied: aws:rds:*",
        "policy: deny.actions: aws:network:disrupt-connectivity, denied: aws:network:disrupt-connectivity",
        "policy: require.stop-condition: none, at least one",
        "policy: require.logs: none, a log configuration",
        "policy: require.tags.environment: production, only staging",
        "policy: limits.duration: 1h30m30s, at most 30m",
    ];
    let policy = policy(WHOLE);
    assert_eq!(broken(&policy, &run, &experiment), expected);
    let ruling = judge(&[policy], &run, &[experiment]);
    assert_eq!(
        ruling.broken[9].with_experiment(),
        "policy: limits.targets: 14, at most 10 (experiment checkout)"
    );
    assert_eq!(ruling.broken[0].with_experiment(), expected[0]);
}

#[test]
fn what_cannot_be_known_is_broken_and_says_so() {
    let mut experiment = experiment();
    experiment.template = Fact::Unknown("access denied".to_owned());
    experiment.targets = Fact::NotAsked;
    assert_eq!(
        broken(&policy(WHOLE), &run(), &experiment),
        [
            "policy: limits.targets: not known (it was not asked for), at most 10",
            "policy: deny.actions: not known (access denied), denied: aws:rds:*, aws:network:disrupt-connectivity",
            "policy: require.stop-condition: not known (access denied), at least one",
            "policy: require.logs: not known (access denied), a log configuration",
            "policy: require.tags.environment: not known (access denied), only staging",
            "policy: limits.duration: not known (access denied), at most 30m",
        ]
    );
}

#[test]
fn rules_of_fis_alone_are_none_for_other_engines() {
    let rules = policy(
        "version: 1\nrequire: { stop-condition: true, logs: true, tags: { a: b } }\nlimits: { targets: 1, duration: 30m }",
    );
    let mut experiment = experiment();
    experiment.engine = EngineKind::Command;
    experiment.template = Fact::NotAsked;
    experiment.targets = Fact::NotAsked;
    assert!(broken(&rules, &run(), &experiment).is_empty());
    // Another engine is stopped at its timeout, which is how long it may take.
    experiment.timeout = std::time::Duration::from_secs(1801);
    assert_eq!(broken(&rules, &run(), &experiment), ["policy: limits.duration: 30m1s, at most 30m"]);
    let rules = policy(
        "version: 1\nallow: { accounts: [\"111122223333\"] }\ndeny: { actions: [\"*\"] }\nlimits: { alone: true }",
    );
    experiment.account = Fact::NotAsked;
    assert_eq!(
        broken(&rules, &run(), &experiment),
        [
            "policy: allow.accounts: not known (the engine command does not tell), only 111122223333",
            "policy: limits.alone: not known (the engine command does not tell), alone in its account and Region",
            "policy: deny.actions: not known (the engine command does not tell), denied: *",
        ]
    );
}

#[test]
fn durations_are_summed_along_start_after() {
    let rules = policy("version: 1\nlimits: { duration: 10m }");
    for (actions, want) in [
        (vec![("a", "PT6M", vec![]), ("b", "PT6M", vec![])], None),
        (vec![("b", "PT6M", vec!["a"]), ("a", "PT6M", vec![])], Some("12m, at most 10m")),
        (vec![("a", "PT10M", vec![]), ("b", "PT0S", vec!["a"])], None),
        (
            vec![("a", "", vec![])],
            Some("not known (the action a, aws:fis:wait, has no duration), at most 10m"),
        ),
        (
            vec![("a", "PT1M", vec!["b"]), ("b", "PT1M", vec!["a"])],
            Some("not known (the action a starts after one that never ends), at most 10m"),
        ),
        (
            vec![("a", "PT1M", vec!["x"])],
            Some("not known (the action a starts after one that never ends), at most 10m"),
        ),
        (
            vec![("a", "10 minutes", vec![])],
            Some("not known (duration of the action a is 10 minutes, not a duration), at most 10m"),
        ),
        (vec![], None),
    ] {
        let mut experiment = experiment();
        template(&mut experiment).actions = actions
            .iter()
            .map(|(name, duration, after)| action(name, "aws:fis:wait", duration, after))
            .collect();
        let want: Vec<String> =
            want.into_iter().map(|want| format!("policy: limits.duration: {want}")).collect();
        assert_eq!(broken(&rules, &run(), &experiment), want, "{actions:?}");
    }
}

#[test]
fn a_plan_judges_the_suite_and_leaves_the_rest_to_later() {
    let run = LaunchFacts { experiments: Fact::Known(25), parallel: 1, moment: Fact::NotAsked };
    let mut experiment = experiment();
    experiment.account = Fact::NotAsked;
    experiment.target_accounts = Fact::NotAsked;
    experiment.template = Fact::NotAsked;
    experiment.targets = Fact::NotAsked;
    experiment.region = Fact::Known("us-east-1".to_owned());
    let ruling = judge_suite(&[policy(WHOLE)], &run, &[experiment]);
    let told: Vec<String> = ruling.broken.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["policy: limits.experiments: 25, at most 20", "policy: allow.regions: us-east-1, only eu-west-1"]
    );
}

#[test]
fn only_what_a_rule_needs_is_asked_for() {
    let asked = |text: &str| inquiries(&[policy(text)], EngineKind::Fis).into_iter().collect::<Vec<_>>();
    assert!(
        asked("version: 1\nallow: { engines: [fis], templates: [\"*\"] }\nlimits: { parallel: 1 }")
            .is_empty()
    );
    assert_eq!(
        asked("version: 1\nallow: { accounts: [\"111122223333\"] }"),
        [Inquiry::Account, Inquiry::TargetAccounts]
    );
    assert_eq!(asked("version: 1\nlimits: { targets: 1 }"), [Inquiry::Targets]);
    assert_eq!(
        asked("version: 1\nlimits: { alone: true }"),
        [Inquiry::Account, Inquiry::Region, Inquiry::Running]
    );
    assert_eq!(asked("version: 1\nlimits: { duration: 1m }"), [Inquiry::Template]);
    assert_eq!(asked("version: 1\nrequire: { stop-condition: false, probes: true }"), []);
    assert!(inquiries(&[policy(WHOLE)], EngineKind::Command).is_empty());
}
