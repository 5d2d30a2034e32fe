use serde_json::{Value, json};

use super::*;

fn matches(pattern: &Value, event: &Value) -> bool {
    Pattern::parse(&pattern.to_string()).unwrap().matches(event)
}

fn refused(pattern: &Value) -> String {
    Pattern::parse(&pattern.to_string()).unwrap_err()
}

#[test]
fn the_pattern_of_a_subscription_takes_its_own_events_only() {
    let pattern = json!({"$or": [
        {
            "source": ["aws.fis"],
            "detail-type": ["FIS Experiment State Change"],
            "detail": {"experiment-template-id": ["EXT1", "EXT2"]},
        },
        {"source": ["faultgate.handshake"], "detail": {"nonce": ["n1"]}},
    ]});
    let change = |template: &str| {
        json!({
            "source": "aws.fis",
            "detail-type": "FIS Experiment State Change",
            "detail": {"experiment-template-id": template, "new-state": {"status": "running"}},
        })
    };
    assert!(matches(&pattern, &change("EXT2")));
    assert!(!matches(&pattern, &change("EXT3")));
    assert!(matches(&pattern, &json!({"source": "faultgate.handshake", "detail": {"nonce": "n1"}})));
    assert!(!matches(&pattern, &json!({"source": "faultgate.handshake", "detail": {"nonce": "n2"}})));
    assert!(!matches(&pattern, &json!("not even an object")));
}

#[test]
fn alternatives_are_beside_the_fields_that_must_match() {
    let pattern = json!({"source": ["s"], "detail": {"$or": [{"a": [1]}, {"b": [2]}]}});
    assert!(matches(&pattern, &json!({"source": "s", "detail": {"a": 1}})));
    assert!(matches(&pattern, &json!({"source": "s", "detail": {"b": 2}})));
    assert!(!matches(&pattern, &json!({"source": "s", "detail": {"b": 1}})));
    assert!(!matches(&pattern, &json!({"source": "t", "detail": {"a": 1}})));
}

#[test]
fn values_are_equal_by_kind() {
    let pattern = json!({"a": ["x", 5, true, null]});
    for value in [json!("x"), json!(5), json!(5.0), json!(true), json!(null)] {
        assert!(matches(&pattern, &json!({"a": value})), "{value}");
    }
    for value in [json!("X"), json!("5"), json!(6), json!(false), json!({"x": 1})] {
        assert!(!matches(&pattern, &json!({"a": value})), "{value}");
    }
    assert!(!matches(&pattern, &json!({})), "a field that is not there is not null");
}

#[test]
fn any_element_of_a_list_may_match() {
    let pattern = json!({"resources": [{"suffix": "EXP1"}]});
    assert!(matches(&pattern, &json!({"resources": ["a/EXP0", "a/EXP1"]})));
    assert!(!matches(&pattern, &json!({"resources": ["a/EXP0"]})));
    assert!(!matches(&pattern, &json!({"resources": []})));
    let nested = json!({"list": {"a": ["x"]}});
    assert!(matches(&nested, &json!({"list": [{"a": "y"}, {"a": "x"}]})));
}

#[test]
fn text_is_matched_by_its_ends() {
    let pattern = json!({"a": [{"prefix": "ab"}, {"suffix": {"equals-ignore-case": ".PNG"}}]});
    assert!(matches(&pattern, &json!({"a": "abc"})));
    assert!(matches(&pattern, &json!({"a": "x.png"})));
    assert!(!matches(&pattern, &json!({"a": "ABC"})));
    assert!(!matches(&pattern, &json!({"a": 12})));
    assert!(matches(&json!({"a": [{"equals-ignore-case": "Ab"}]}), &json!({"a": "aB"})));
}

#[test]
fn anything_but_wants_a_value() {
    for (operand, yes, no) in [
        (json!("x"), "y", "x"),
        (json!(["x", "z"]), "y", "z"),
        (json!({"prefix": "x"}), "yx", "xy"),
        (json!({"suffix": ["x", "z"]}), "xy", "yz"),
        (json!({"wildcard": "*x*"}), "y", "yxy"),
        (json!({"equals-ignore-case": ["x", "z"]}), "y", "Z"),
    ] {
        let pattern = json!({"a": [{"anything-but": operand}]});
        assert!(matches(&pattern, &json!({"a": yes})), "{pattern}");
        assert!(!matches(&pattern, &json!({"a": no})), "{pattern}");
        assert!(!matches(&pattern, &json!({})), "{pattern}");
    }
}

#[test]
fn existence_is_of_leaves() {
    let there = json!({"d": {"a": [{"exists": true}]}});
    let absent = json!({"d": {"a": [{"exists": false}]}});
    for event in [json!({"d": {"a": 1}}), json!({"d": {"a": null}}), json!({"d": {"a": ["x"]}})] {
        assert!(matches(&there, &event) && !matches(&absent, &event), "{event}");
    }
    for event in [json!({"d": {}}), json!({}), json!({"d": {"a": {"b": 1}}})] {
        assert!(!matches(&there, &event) && matches(&absent, &event), "{event}");
    }
}

#[test]
fn wildcards_take_any_text() {
    for (glob, text, expected) in [
        ("*", "", true),
        ("EXP*", "EXP1", true),
        ("*/EXP*9", "a/EXP19/EXP9", true),
        ("a*b", "ab", true),
        ("a*b", "abc", false),
        ("a*b", "acbdb", true),
        (r"a\*", "a*", true),
        (r"a\*", "ab", false),
    ] {
        let pattern = json!({"a": [{"wildcard": glob}]});
        assert_eq!(matches(&pattern, &json!({"a": text})), expected, "{glob} {text}");
    }
}

#[test]
fn numbers_are_within_bounds() {
    let pattern = json!({"a": [{"numeric": [">", 0, "<=", 5]}]});
    assert!(matches(&pattern, &json!({"a": 5})));
    assert!(!matches(&pattern, &json!({"a": 0})));
    assert!(!matches(&pattern, &json!({"a": "3"})));
}

#[test]
fn patterns_that_mean_nothing_are_refused() {
    for pattern in [
        json!({}),
        json!([]),
        json!({"source": "aws.fis"}),
        json!({"source": []}),
        json!({"detail": {}}),
        json!({"source": [["x"]]}),
        json!({"source": [{}]}),
        json!({"source": [{"prefix": 1}]}),
        json!({"source": [{"postfix": "x"}]}),
        json!({"source": [{"prefix": "x", "suffix": "y"}]}),
        json!({"source": [{"wildcard": "a**"}]}),
        json!({"source": [{"wildcard": "a\\b"}]}),
        json!({"source": [{"anything-but": []}]}),
        json!({"source": [{"numeric": [">"]}]}),
        json!({"$or": [{"source": ["x"]}]}),
    ] {
        assert!(!refused(&pattern).is_empty(), "{pattern}");
    }
    assert!(Pattern::parse("{").is_err());
    assert!(refused(&json!({"source": ["x".repeat(MAX_CHARS)]})).contains("longer"));
}
