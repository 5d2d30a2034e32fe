//! The event patterns of a subscription's rules. A pattern takes the state changes of the run's templates and
//! one handshake. EventBridge limits the length of a pattern, so many templates need several rules.

use serde_json::{Value, json};

use super::events::{FIS_DETAIL_TYPE, FIS_SOURCE, HANDSHAKE_DETAIL_TYPE, HANDSHAKE_SOURCE};

/// Maximum length of a pattern that EventBridge takes, in characters.
const MAX_PATTERN_CHARS: usize = 2048;

/// The pattern of one rule, and the nonce of the handshake by which the rule is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RulePattern {
    pub(super) pattern: String,
    pub(super) nonce: String,
}

/// Returns the patterns that together take the state changes of these templates: several where one would be
/// too long. Each takes a handshake of its own, so that each rule can be proved.
pub(super) fn patterns(templates: &[String], nonce: &str) -> Vec<RulePattern> {
    let mut rules = Vec::new();
    let mut chunk: Vec<&str> = Vec::new();
    for template in templates {
        chunk.push(template);
        // A single template makes a rule even if it is too long: EventBridge's refusal then says so.
        if rule(&chunk, nonce, rules.len()).pattern.chars().count() > MAX_PATTERN_CHARS && chunk.len() > 1 {
            chunk.pop();
            rules.push(rule(&chunk, nonce, rules.len()));
            chunk = vec![template];
        }
    }
    rules.push(rule(&chunk, nonce, rules.len()));
    rules
}

/// Makes the pattern of the rule with this number. The number makes the nonces of several rules differ.
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
            assert!(rule.pattern.chars().count() <= MAX_PATTERN_CHARS, "{}", rule.pattern.len());
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
