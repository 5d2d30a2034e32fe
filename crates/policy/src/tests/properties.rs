use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn parsed(json: &Value) -> Policy {
    Policy::parse("p.json", &json.to_string())
        .unwrap_or_else(|mistakes| panic!("{json:#}\n{}", lines(&mistakes)))
}

fn rules(ruling: &Ruling) -> BTreeSet<String> {
    ruling.broken.iter().map(|broken| broken.rule.clone()).collect()
}

/// The rules of a policy, each alone: a policy with that rule and no other. Windows that allow are one rule.
fn each_alone(policy: &Value) -> Vec<Value> {
    let mut alone = Vec::new();
    for part in ["allow", "deny", "require", "limits"] {
        for (key, value) in policy[part].as_object().into_iter().flatten() {
            alone.push(serde_json::json!({"version": 1, part: {key: value}}));
        }
    }
    let windows = policy["windows"].as_array().cloned().unwrap_or_default();
    let (allowed, denied): (Vec<_>, Vec<_>) = windows.into_iter().partition(|rule| rule["allow"].is_string());
    alone.extend(denied.into_iter().map(|rule| serde_json::json!({"version": 1, "windows": [rule]})));
    if !allowed.is_empty() {
        alone.push(serde_json::json!({"version": 1, "windows": allowed}));
    }
    alone
}

/// Adds a rule of the other policy, where there is none at its path.
fn add(policy: &mut Value, rule: &Value) {
    let has_allowed = |policy: &Value| {
        policy["windows"].as_array().is_some_and(|rules| rules.iter().any(|rule| rule["allow"].is_string()))
    };
    for part in ["allow", "deny", "require", "limits"] {
        for (key, value) in rule[part].as_object().into_iter().flatten() {
            if policy[part][key].is_null() {
                policy[part][key] = value.clone();
            }
        }
    }
    if let Some(windows) = rule["windows"].as_array()
        && !(has_allowed(policy) && has_allowed(rule))
    {
        let mut all = policy["windows"].as_array().cloned().unwrap_or_default();
        all.extend(windows.clone());
        policy["windows"] = all.into();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_second_implementation_agrees(
        policy in random::policy(),
        run in random::run(),
        experiments in prop::collection::vec(random::experiment(), 0..3),
    ) {
        let parsed = parsed(&policy);
        let ruling = judge(std::slice::from_ref(&parsed), &run, &experiments);
        prop_assert_eq!(rules(&ruling), naive::broken(&policy, &run, &experiments, false), "{:#}", policy);
        let ruling = judge_suite(std::slice::from_ref(&parsed), &run, &experiments);
        prop_assert_eq!(rules(&ruling), naive::broken(&policy, &run, &experiments, true), "{:#}", policy);
    }

    #[test]
    fn a_rule_more_never_lets_more_pass(
        policy in random::policy(),
        other in random::policy(),
        run in random::run(),
        experiment in random::experiment(),
    ) {
        let before = judge(&[parsed(&policy)], &run, std::slice::from_ref(&experiment));
        for rule in each_alone(&other) {
            let mut more = policy.clone();
            add(&mut more, &rule);
            let after = judge(&[parsed(&more)], &run, std::slice::from_ref(&experiment));
            prop_assert!(rules(&before).is_subset(&rules(&after)), "{more:#}");
        }
        let both = judge(&[parsed(&policy), parsed(&other)], &run, std::slice::from_ref(&experiment));
        let second = judge(&[parsed(&other)], &run, std::slice::from_ref(&experiment));
        prop_assert_eq!(both.broken, [before.broken, second.broken].concat());
    }

    /// A rule that the suite alone breaks, the whole run breaks too.
    #[test]
    fn a_plan_refuses_nothing_that_the_run_would_allow(
        policy in random::policy(),
        run in random::run(),
        experiment in random::experiment(),
    ) {
        let policy = [parsed(&policy)];
        let early = judge_suite(&policy, &run, std::slice::from_ref(&experiment));
        let late = judge(&policy, &run, std::slice::from_ref(&experiment));
        prop_assert!(early.broken.iter().all(|broken| late.broken.contains(broken)));
    }

    /// An answer that nobody asked for because no rule needs it changes nothing.
    #[test]
    fn what_no_rule_needs_has_no_say(
        policy in random::policy(),
        run in random::run(),
        experiment in random::experiment(),
    ) {
        let policy = [parsed(&policy)];
        let needed = inquiries(&policy, experiment.engine);
        let mut asked = experiment.clone();
        if experiment.engine == EngineKind::Fis {
            if !needed.contains(&Inquiry::Account) { asked.account = Fact::NotAsked; }
            if !needed.contains(&Inquiry::Region) { asked.region = Fact::NotAsked; }
            if !needed.contains(&Inquiry::Template) { asked.template = Fact::NotAsked; }
            if !needed.contains(&Inquiry::TargetAccounts) { asked.target_accounts = Fact::NotAsked; }
            if !needed.contains(&Inquiry::Targets) { asked.targets = Fact::NotAsked; }
        }
        prop_assert_eq!(judge(&policy, &run, &[experiment]).broken, judge(&policy, &run, &[asked]).broken);
    }

    #[test]
    fn whatever_a_file_holds_is_taken_or_told(text in "\\PC{0,80}", name in "p\\.(yml|json|toml)|p") {
        if let Err(mistakes) = Policy::parse(&name, &text) {
            prop_assert!(!mistakes.is_empty());
        }
    }
}
