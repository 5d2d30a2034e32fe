//! Tests of each rule on templates that break it, and on a good one.

use super::*;

type Change = fn(&mut Value);

fn changed(change: Change) -> Value {
    let mut template = good();
    change(&mut template);
    template
}

fn judged(template: &Value) -> Vec<(&'static str, Level, String)> {
    let mut lint = Lint::new(None, Vec::new());
    lint.take_described("EXT1", template);
    found_by(&lint)
}

#[test]
fn nothing_is_found_in_a_good_template() {
    assert_eq!(judged(&good()), []);
}

/// The rule, the level, a part of the message, and the change of the good template that leads to this
/// finding.
#[rustfmt::skip]
const BROKEN: &[(&str, Level, &str, Change)] = &[
    ("stop-condition", Error, "its stop condition is none", |t| t["stopConditions"] = json!([{"source": "none"}])),
    ("stop-condition", Error, "it has no stop condition", |t| t["stopConditions"] = json!([])),
    ("stop-condition", Error, "it has no stop condition", |t| t["stopConditions"] = json!(null)),
    ("stop-condition", Error, "names no alarm", |t| t["stopConditions"] = json!([{"source": "aws:cloudwatch:alarm"}])),
    ("stop-condition", Error, "names shop, which is not the ARN", |t| t["stopConditions"][0]["value"] = json!("shop")),
    ("stop-condition", Error, "which FIS does not know", |t| t["stopConditions"][0]["source"] = json!("alarm")),
    ("shape", Error, "actions.stop is not a table", |t| t["actions"]["stop"] = json!("stop")),
    ("shape", Error, "targets.instances.resourceTags is not a table of names",
        |t| t["targets"]["instances"]["resourceTags"] = json!(["chaos"])),
    ("shape", Error, "stopConditions is not a list", |t| t["stopConditions"] = json!({"source": "none"})),
    ("required-field", Error, "no description", |t| t["description"] = json!("")),
    ("required-field", Error, "no role", |t| t["roleArn"] = json!(null)),
    ("required-field", Error, "the role is fis,", |t| t["roleArn"] = json!("fis")),
    ("required-field", Error, "no actions", |t| t["actions"] = json!({})),
    ("required-field", Error, "no actionId", |t| t["actions"]["stop"]["actionId"] = json!(null)),
    ("harmless-only", Error, "settle lets time pass", |t| { t["actions"].as_object_mut().unwrap().remove("stop"); }),
    ("parameter", Error, "settle (aws:fis:wait) has no duration", |t| t["actions"]["settle"]["parameters"] = json!({})),
    ("no-target", Error, "stop acts on no target", |t| t["actions"]["stop"]["targets"] = json!(null)),
    ("undefined-target", Error, "the target instance, which is not", |t| t["actions"]["stop"]["targets"] = json!({"Instances": "instance"})),
    ("target-selector", Error, "nothing says which resources", |t| t["targets"]["instances"]["resourceTags"] = json!({})),
    ("target-selector", Error, "by ARN, and by tags", |t| t["targets"]["instances"]["resourceArns"] = json!(["arn:x"])),
    ("selection-mode", Error, "is COUNT(0)", |t| t["targets"]["instances"]["selectionMode"] = json!("COUNT(0)")),
    ("selection-mode", Error, "has no selection mode", |t| t["targets"]["instances"]["selectionMode"] = json!(null)),
    ("start-after", Error, "after sleep, which is no action", |t| t["actions"]["settle"]["startAfter"] = json!(["sleep"])),
    ("start-after", Error, "wait for each other: settle, stop", |t| t["actions"]["stop"]["startAfter"] = json!(["settle"])),
    ("start-after", Error, "wait for each other: settle", |t| t["actions"]["settle"]["startAfter"] = json!(["settle"])),
    ("duration", Error, "is 2m, which is not", |t| t["actions"]["settle"]["parameters"]["duration"] = json!("2m")),
    ("duration", Error, "longer than 12 hours", |t| t["actions"]["settle"]["parameters"]["duration"] = json!("PT13H")),
    ("duration", Error, "last 12h3m one after another", |t| t["actions"]["settle"]["parameters"]["duration"] = json!("PT12H")),
    ("duration", Error, "no time at all", |t| t["actions"]["settle"]["parameters"]["duration"] = json!("PT0S")),
    ("duration", Error, "the shortest that FIS takes is 1m", |t| t["actions"]["settle"]["parameters"]["duration"] = json!("PT59S")),
    ("quota", Error, "6 stop conditions", |t| {
        let one = t["stopConditions"][0].clone();
        t["stopConditions"] = json!(vec![one; 6]);
    }),
    ("quota", Error, "11 actions that start at once", |t| {
        for number in 0..10 {
            t["actions"][format!("wait-{number}")] = json!({"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}});
        }
    }),
    ("quota", Error, "21 actions,", |t| {
        for number in 0..19 {
            t["actions"][format!("wait-{number}")] =
                json!({"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}, "startAfter": ["stop"]});
        }
    }),
    ("quota", Error, "6 ARNs", |t| {
        t["targets"]["instances"]["resourceTags"] = json!({});
        t["targets"]["instances"]["resourceArns"] = json!(vec!["arn:aws:ec2:eu-west-1:111122223333:instance/i-1"; 6]);
    }),
    ("select-all", Warning, "takes every resource that fits", |t| t["targets"]["instances"]["selectionMode"] = json!("ALL")),
    ("select-all", Warning, "takes every resource", |t| t["targets"]["instances"]["selectionMode"] = json!("PERCENT(100)")),
    ("select-all", Error, "ends them for good", |t| {
        t["targets"]["instances"]["selectionMode"] = json!("ALL");
        t["actions"]["stop"]["actionId"] = json!("aws:ec2:terminate-instances");
    }),
    ("select-all", Warning, "takes 90 % of all", |t| t["targets"]["instances"]["selectionMode"] = json!("PERCENT(90)")),
    ("select-all", Warning, "up to 6 resources, more than the 5", |t| t["targets"]["instances"]["selectionMode"] = json!("COUNT(6)")),
    ("select-all", Error, "the action stop ends them", |t| {
        t["targets"]["instances"]["selectionMode"] = json!("ALL");
        t["actions"]["stop"]["parameters"] = json!({"startInstancesAfterDuration": ""});
    }),
    ("select-all", Warning, "takes every resource that fits", |t| {
        t["targets"]["instances"]["selectionMode"] = json!("ALL");
        t["targets"]["instances"]["filters"] =
            json!([{"path": "Placement.AvailabilityZone", "values": ["eu-west-1a", "eu-west-1b"]}]);
    }),
    ("target-selector", Warning, "tagged or not", |t| {
        t["targets"]["instances"]["resourceTags"] = json!({});
        t["targets"]["instances"]["filters"] = json!([{"path": "State.Name", "values": ["running"]}]);
    }),
    ("select-all", Note, "within an Availability Zone", |t| {
        t["targets"]["instances"]["selectionMode"] = json!("ALL");
        t["targets"]["instances"]["filters"] =
            json!([{"path": "Placement.AvailabilityZone", "values": ["eu-west-1a"]}]);
    }),
    ("irreversible", Warning, "terminates instances", |t| t["actions"]["stop"]["actionId"] = json!("aws:ec2:terminate-instances")),
    ("irreversible", Note, "reboots instances", |t| t["actions"]["stop"]["actionId"] = json!("aws:ec2:reboot-instances")),
    ("restart", Warning, "nothing starts", |t| t["actions"]["stop"]["parameters"]["startInstancesAfterDuration"] = json!("")),
    ("restart", Warning, "nothing starts them again", |t| t["actions"]["stop"]["parameters"] = json!({})),
    ("unknown-action", Warning, "aws:ec2:stop-instanses", |t| t["actions"]["stop"]["actionId"] = json!("aws:ec2:stop-instanses")),
    ("unknown-action", Warning, "aws:ecc2:stop-instances", |t| t["actions"]["stop"]["actionId"] = json!("aws:ecc2:stop-instances")),
    ("unknown-action", Note, "aws:braket:decohere", |t| t["actions"]["stop"]["actionId"] = json!("aws:braket:decohere")),
    ("unknown-action", Error, "and ids are", |t| t["actions"]["stop"]["actionId"] = json!("stop-instances")),
    ("wrong-target", Warning, "which is aws:rds:db", |t| t["targets"]["instances"]["resourceType"] = json!("aws:rds:db")),
    ("unused-target", Warning, "no action acts on the target other", |t| t["targets"]["other"] = t["targets"]["instances"].clone()),
    ("empty-targets", Warning, "find nothing", |t| t["experimentOptions"]["emptyTargetResolutionMode"] = json!("skip")),
    ("small-share", Warning, "percentage of the action stop is 5", |t| share(t, "5")),
    ("small-share", Error, "is 0: nothing", |t| share(t, "0")),
    ("small-share", Error, "is 101, which is no share", |t| share(t, "101")),
    ("log", Warning, "is not logged", |t| t["logConfiguration"] = json!(null)),
    ("log", Warning, "goes nowhere", |t| t["logConfiguration"] = json!({"logSchemaVersion": 2})),
    ("ssm-document", Note, "AWS-RunShellScript of AWS", |t| runs(t, "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript")),
    ("ssm-document", Note, "chaos of your own", |t| runs(t, "arn:aws:ssm:eu-west-1:111122223333:document/chaos")),
    ("ssm-document", Warning, "of the account 444455556666", |t| runs(t, "arn:aws:ssm:eu-west-1:444455556666:document/chaos")),
    ("ssm-document", Warning, "AWSFIS-x of the account 444455556666", |t| {
        t["roleArn"] = json!("arn:aws:iam::1:role/unknown");
        runs(t, "arn:aws:ssm:eu-west-1:444455556666:document/AWSFIS-x");
    }),
    ("ssm-document", Error, "which is not the ARN", |t| runs(t, "AWSFIS-Run-CPU-Stress")),
    ("precondition", Note, "stop needs instances that Systems Manager", |t| runs(t, "arn:aws:ssm:eu-west-1::document/AWSFIS-Run-CPU-Stress")),
    ("report", Note, "no report", |t| t["experimentReportConfiguration"] = json!(null)),
    ("tags", Note, "no tags", |t| t["tags"] = json!({})),
];

fn share(template: &mut Value, percent: &str) {
    template["targets"]["instances"]["resourceType"] = json!("aws:iam:role");
    template["actions"]["stop"] = json!({
        "actionId": "aws:fis:inject-api-throttle-error",
        "parameters": {"duration": "PT3M", "service": "ec2", "operations": "DescribeTags", "percentage": percent},
        "targets": {"Roles": "instances"},
    });
}

fn runs(template: &mut Value, document: &str) {
    template["actions"]["stop"] = json!({
        "actionId": "aws:ssm:send-command",
        "parameters": {"documentArn": document, "duration": "PT3M"},
        "targets": {"Instances": "instances"},
    });
}

#[test]
fn each_rule_finds_what_breaks_it() {
    for (rule, level, part, change) in BROKEN {
        let found = judged(&changed(*change));
        let is_found =
            found.iter().any(|(id, at, message)| id == rule && at == level && message.contains(part));
        assert!(is_found, "{rule} {part}: {found:?}");
    }
}

#[test]
fn every_rule_is_broken_by_some_template_of_these() {
    for rule in RULES.iter().filter(|rule| !["timeout", "unread"].contains(&rule.id)) {
        assert!(BROKEN.iter().any(|(id, ..)| *id == rule.id), "{}", rule.id);
    }
}

#[test]
fn what_breaks_a_rule_is_not_told_where_the_rule_is_left_out() {
    for (rule, _, _, change) in BROKEN {
        let id = Rule::find(rule).unwrap().id;
        let mut lint = Lint::new(None, vec![id]);
        lint.take_described("EXT1", &changed(*change));
        assert!(found_by(&lint).iter().all(|(found, ..)| *found != id), "{id}");
    }
}

#[test]
fn what_is_good_is_not_told() {
    let unbroken: [(&str, Change); 9] = [
        ("stop-condition", |t| t["stopConditions"].as_array_mut().unwrap().push(json!({"source": "none"}))),
        ("select-all", |t| {
            t["targets"]["instances"]["resourceTags"] = json!({});
            t["targets"]["instances"]["resourceArns"] =
                json!(["arn:aws:ec2:eu-west-1:111122223333:instance/i-1"]);
            t["targets"]["instances"]["selectionMode"] = json!("ALL");
        }),
        ("target-selector", |t| {
            t["targets"]["instances"]["resourceTags"] = json!({});
            t["targets"]["instances"]["parameters"] = json!({"namespace": "shop"});
        }),
        ("ssm-document", |t| runs(t, "arn:aws:ssm:eu-west-1::document/AWSFIS-Run-CPU-Stress")),
        ("no-target", |t| {
            let parameters =
                json!({"documentArn": "arn:aws:ssm:eu-west-1::document/AWSFIS-X", "maxDuration": "PT3M"});
            t["actions"]["stop"] =
                json!({"actionId": "aws:ssm:start-automation-execution", "parameters": parameters});
        }),
        ("small-share", |t| share(t, "10")),
        ("select-all", |t| t["targets"]["instances"]["selectionMode"] = json!("COUNT(5)")),
        ("select-all", |t| t["targets"]["instances"]["selectionMode"] = json!("PERCENT(89)")),
        ("duration", |t| {
            t["targets"]["instances"]["resourceType"] = json!("aws:ec2:ebs-volume");
            t["actions"]["stop"] = json!({
                "actionId": "aws:ebs:pause-volume-io",
                "parameters": {"duration": "PT1S"},
                "targets": {"Volumes": "instances"},
            });
        }),
    ];
    for (rule, change) in unbroken {
        let found = judged(&changed(change));
        assert!(found.iter().all(|(id, ..)| *id != rule), "{rule}: {found:?}");
    }
}

#[test]
fn a_timeout_is_held_against_the_longest_way() {
    let judge = |seconds, template: &Value| {
        let mut lint = Lint::new(Some(Duration::from_secs(seconds)), Vec::new());
        lint.take_described("EXT1", template);
        found_by(&lint)
    };
    assert_eq!(judge(301, &good()), []);
    let found = judge(300, &good());
    assert_eq!(found, [("timeout", Error, "the actions last 5m, and the timeout is 5m".to_owned())]);
    // Actions that run beside each other last as long as the longest of them.
    let template = changed(|t| t["actions"]["settle"]["startAfter"] = json!([]));
    assert_eq!(judge(181, &template), []);
}

#[test]
fn the_sentence_of_a_near_name_says_it() {
    let template = changed(|t| t["actions"]["stop"]["actionId"] = json!("aws:ec2:stop-instanses"));
    let mut lint = Lint::new(None, Vec::new());
    lint.take_described("EXT1", &template);
    let finding =
        lint.judge().findings.into_iter().find(|finding| finding.rule.id == "unknown-action").unwrap();
    assert_eq!(finding.remedy, "did you mean aws:ec2:stop-instances?");
}

#[test]
fn more_than_fis_takes_of_anything_is_not_compared() {
    let chain = |length: usize| {
        let mut template = good();
        for number in 0..length {
            let after = if number == 0 { "stop".to_owned() } else { format!("wait-{}", number - 1) };
            template["actions"][format!("wait-{number}")] = json!({"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}, "startAfter": [after]});
        }
        judged(&template)
    };
    assert_eq!(chain(48), [("quota", Error, "there are 50 actions, and FIS takes 20".to_owned())]);
    assert!(chain(10_000).contains(&("shape", Error, "actions is not a list of at most 50".to_owned())));
}

#[test]
fn the_registry_is_in_order_and_the_page_of_rules_has_its_lines() {
    let page = include_str!("../../../../docs/lint.md");
    for line in reference().lines() {
        assert!(page.contains(line), "docs/lint.md does not have: {line}");
    }
    for (place, rule) in RULES.iter().enumerate() {
        let is_kebab = rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(is_kebab && RULES[..place].iter().all(|other| other.id != rule.id), "{}", rule.id);
        assert!(
            !rule.what.is_empty()
                && !rule.why.is_empty()
                && !rule.remedy.is_empty()
                && !rule.source.is_empty()
        );
    }
}
