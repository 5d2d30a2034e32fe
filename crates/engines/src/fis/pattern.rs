//! Event patterns of a subscription's rules.

use serde_json::{Value, json};

use super::events::{FIS_DETAIL_TYPE, FIS_SOURCE, HANDSHAKE_DETAIL_TYPE, HANDSHAKE_SOURCE};

/// EventBridge's limit on the text of a pattern, in characters.
const LONGEST: usize = 2048;

/// One rule to make: its pattern, and the nonce by which it proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RulePattern {
    pub(super) pattern: String,
    pub(super) nonce: String,
}

/// The patterns that together take the state changes of these templates: several where one would be too
/// long. Each takes a handshake of its own, so that each can be proved.
pub(super) fn patterns(templates: &[String], nonce: &str) -> Vec<RulePattern> {
    let mut rules = Vec::new();
    let mut chunk: Vec<&str> = Vec::new();
    for template in templates {
        chunk.push(template);
        if rule(&chunk, nonce, rules.len()).pattern.chars().count() > LONGEST && chunk.len() > 1 {
            chunk.pop();
            rules.push(rule(&chunk, nonce, rules.len()));
            chunk = vec![template];
        }
    }
    rules.push(rule(&chunk, nonce, rules.len()));
    rules
}

fn rule(templates: &[&str], nonce: &str, number: usize) -> RulePattern {
    let nonce = format!("{nonce}-{number}");
    let pattern: Value = json!({"$or": [
        {
            "source": [FIS_SOURCE],
            "detail-type": [FIS_DETAIL_TYPE],
            "detail": {"experiment-template-id": templates},
        },
        {
            "source": [HANDSHAKE_SOURCE],
            "detail-type": [HANDSHAKE_DETAIL_TYPE],
            "detail": {"nonce": [nonce]},
        },
    ]});
    RulePattern { pattern: pattern.to_string(), nonce }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_templates_take_several_rules_and_none_is_lost() {
        let templates: Vec<String> = (0..150).map(|n| format!("EXT{n:013}")).collect();
        let rules = patterns(&templates, "nonce");
        assert!(rules.len() > 1);
        let mut taken = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            assert!(rule.pattern.chars().count() <= LONGEST, "{}", rule.pattern.len());
            assert_eq!(rule.nonce, format!("nonce-{number}"));
            let pattern: Value = serde_json::from_str(&rule.pattern).unwrap();
            assert_eq!(pattern["$or"][1]["detail"]["nonce"][0], rule.nonce.as_str());
            let ids = pattern["$or"][0]["detail"]["experiment-template-id"].as_array().unwrap().clone();
            taken.extend(ids.into_iter().map(|id| id.as_str().unwrap().to_owned()));
        }
        assert_eq!(taken, templates);
    }

    #[test]
    fn one_template_takes_one_rule() {
        assert_eq!(patterns(&["EXT1".to_owned()], "n").len(), 1);
    }
}
