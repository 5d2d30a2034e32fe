//! The event patterns of a subscription's rules. A pattern takes the state changes of the run's templates,
//! one handshake, and the state changes of alarms. EventBridge limits the length of a pattern, so many
//! templates need several rules. Alarms only fill what is left: they can be asked for instead.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::events::{
    ALARM_DETAIL_TYPE, ALARM_SOURCE, FIS_DETAIL_TYPE, FIS_SOURCE, HANDSHAKE_DETAIL_TYPE, HANDSHAKE_SOURCE,
};

/// Maximum length of a pattern that EventBridge takes, in characters.
const MAX_PATTERN_CHARS: usize = 2048;

/// The pattern of one rule, and the nonce of the handshake by which the rule is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RulePattern {
    pub(super) pattern: String,
    pub(super) nonce: String,
    /// Names of the alarms whose changes the pattern takes.
    pub(super) alarms: Vec<String>,
}

/// The alarms of one account that a run wants to hear of.
#[derive(Debug, Clone, Default)]
pub(super) struct AlarmsToTake {
    pub(super) account: String,
    /// Names, the most important ones first.
    pub(super) names: Vec<String>,
}

impl AlarmsToTake {
    /// Returns the alarms that none of the rules takes.
    pub(super) fn left_out(&self, rules: &[RulePattern]) -> Vec<String> {
        let taken: BTreeSet<&String> = rules.iter().flat_map(|rule| &rule.alarms).collect();
        self.names.iter().filter(|name| !taken.contains(name)).cloned().collect()
    }
}

/// Returns the patterns that together take the state changes of these templates: several where one would be
/// too long. Each takes a handshake of its own, so that each rule can be proved, and as many of the alarms as
/// it has room for.
pub(super) fn patterns(templates: &[String], nonce: &str, alarms: &AlarmsToTake) -> Vec<RulePattern> {
    let mut chunks: Vec<Vec<&str>> = Vec::new();
    let mut chunk: Vec<&str> = Vec::new();
    for template in templates {
        chunk.push(template);
        // A single template makes a rule even if it is too long: EventBridge's refusal then says so.
        if !fits(&rule(&chunk, nonce, chunks.len(), &alarms.account, &[])) && chunk.len() > 1 {
            chunk.pop();
            chunks.push(std::mem::replace(&mut chunk, vec![template]));
        }
    }
    chunks.push(chunk);
    let mut waiting: Vec<&str> = alarms.names.iter().map(String::as_str).collect();
    let rules = chunks.iter().enumerate().map(|(number, chunk)| {
        let mut taken: Vec<&str> = Vec::new();
        let mut made = rule(chunk, nonce, number, &alarms.account, &taken);
        // A name that is too long for this rule may be followed by one that is not.
        waiting.retain(|name| {
            taken.push(name);
            let longer = rule(chunk, nonce, number, &alarms.account, &taken);
            let has_room = fits(&longer);
            if has_room {
                made = longer;
            } else {
                taken.pop();
            }
            !has_room
        });
        made
    });
    rules.collect()
}

fn fits(rule: &RulePattern) -> bool {
    rule.pattern.chars().count() <= MAX_PATTERN_CHARS
}

/// Makes the pattern of the rule with this number. The number makes the nonces of several rules differ.
fn rule(templates: &[&str], nonce: &str, number: usize, account: &str, alarms: &[&str]) -> RulePattern {
    let nonce = format!("{nonce}-{number}");
    let mut either = vec![
        json!({
            "source": [FIS_SOURCE],
            "detail-type": [FIS_DETAIL_TYPE],
            "detail": {"experiment-template-id": templates},
        }),
        json!({
            "source": [HANDSHAKE_SOURCE],
            "detail-type": [HANDSHAKE_DETAIL_TYPE],
            "detail": {"nonce": [nonce]},
        }),
    ];
    if !alarms.is_empty() {
        // Names are shorter than ARNs. An event that is not of this account is one of another account's bus.
        either.push(json!({
            "source": [ALARM_SOURCE],
            "detail-type": [ALARM_DETAIL_TYPE],
            "account": [account],
            "detail": {"alarmName": alarms},
        }));
    }
    let pattern: Value = json!({"$or": either});
    let alarms = alarms.iter().map(|&alarm| alarm.to_owned()).collect();
    RulePattern { pattern: pattern.to_string(), nonce, alarms }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn templates(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("EXT{n:013}")).collect()
    }

    fn alarms(names: Vec<String>) -> AlarmsToTake {
        AlarmsToTake { account: "123456789012".to_owned(), names }
    }

    #[test]
    fn many_templates_take_several_rules_and_none_is_lost() {
        let templates = templates(150);
        let rules = patterns(&templates, "nonce", &AlarmsToTake::default());
        assert!(rules.len() > 1);
        let mut taken = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            assert!(fits(rule), "{}", rule.pattern.len());
            assert_eq!(rule.nonce, format!("nonce-{number}"));
            let pattern: Value = serde_json::from_str(&rule.pattern).unwrap();
            assert_eq!(pattern["$or"][1]["detail"]["nonce"][0], rule.nonce.as_str());
            let ids = pattern["$or"][0]["detail"]["experiment-template-id"].as_array().unwrap().clone();
            taken.extend(ids.into_iter().map(|id| id.as_str().unwrap().to_owned()));
        }
        assert_eq!(taken, templates);
    }

    #[test]
    fn without_alarms_the_rules_are_what_they_were() {
        let rules = patterns(&templates(1), "n", &AlarmsToTake::default());
        assert_eq!(rules.len(), 1);
        assert!(!rules[0].pattern.contains(ALARM_SOURCE), "{}", rules[0].pattern);
    }

    #[test]
    fn alarms_fill_the_room_that_is_left_and_the_first_come_first() {
        let names: Vec<String> = (0..30).map(|n| format!("{n}-{}", "é".repeat(200))).collect();
        let wanted = alarms(names.clone());
        let rules = patterns(&templates(1), "n", &wanted);
        assert_eq!(rules.len(), 1, "no rule is made for alarms");
        assert!(fits(&rules[0]));
        assert_eq!(rules[0].alarms, names[..rules[0].alarms.len()]);
        assert!((5..10).contains(&rules[0].alarms.len()), "{}", rules[0].alarms.len());
        assert_eq!(wanted.left_out(&rules), names[rules[0].alarms.len()..]);
        let pattern: Value = serde_json::from_str(&rules[0].pattern).unwrap();
        assert_eq!(pattern["$or"][2]["detail"]["alarmName"][0], names[0].as_str());
        assert_eq!(pattern["$or"][2]["account"], json!(["123456789012"]));
    }

    proptest! {
        #[test]
        fn no_pattern_is_too_long_and_no_alarm_is_taken_twice_or_lost(
            count in 1_usize..200,
            names in prop::collection::btree_set("[\"\\\\a-zé ]{1,255}", 0..40),
        ) {
            let wanted = alarms(names.into_iter().collect());
            let templates = templates(count);
            let rules = patterns(&templates, "nonce", &wanted);
            let plain = patterns(&templates, "nonce", &AlarmsToTake::default());
            prop_assert_eq!(rules.len(), plain.len(), "alarms add no rule");
            prop_assert!(rules.iter().all(fits));
            let mut all: Vec<String> = rules.iter().flat_map(|rule| rule.alarms.clone()).collect();
            all.extend(wanted.left_out(&rules));
            all.sort();
            prop_assert_eq!(all, wanted.names);
        }
    }
}
