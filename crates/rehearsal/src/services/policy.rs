//! The evaluation of a queue's policy: it says whether `EventBridge` may send to the queue. Only statements
//! of the form that rules need are understood; anything else allows nothing.

use serde_json::Value;

/// One delivery to a queue.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) queue_arn: &'a str,
    pub(crate) rule_arn: &'a str,
}

/// Returns `true` if the policy allows the delivery. No policy and one that cannot be read allow nothing, and
/// a matching Deny overrides any Allow.
pub(crate) fn allows(policy: Option<&str>, delivery: &Delivery<'_>) -> bool {
    let Some(policy) = policy.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return false;
    };
    let matching = |effect: &str| {
        each(&policy["Statement"])
            .iter()
            .any(|statement| statement["Effect"] == effect && concerns(statement, delivery))
    };
    matching("Allow") && !matching("Deny")
}

/// Returns `true` if a statement applies to the delivery, whatever its effect.
fn concerns(statement: &Value, delivery: &Delivery<'_>) -> bool {
    let principal = &statement["Principal"];
    let is_service = each(&principal["Service"]).iter().any(|service| *service == "events.amazonaws.com");
    let is_anyone = principal == "*" || each(&principal["AWS"]).iter().any(|anyone| *anyone == "*");
    let is_action = each(&statement["Action"])
        .iter()
        .filter_map(|action| action.as_str())
        .any(|action| like(&action.to_ascii_lowercase(), "sqs:sendmessage"));
    let is_resource = each(&statement["Resource"])
        .iter()
        .filter_map(|resource| resource.as_str())
        .any(|resource| like(resource, delivery.queue_arn));
    (is_service || is_anyone)
        && is_action
        && is_resource
        && conditions_hold(&statement["Condition"], delivery)
}

fn conditions_hold(conditions: &Value, delivery: &Delivery<'_>) -> bool {
    let Some(conditions) = conditions.as_object() else {
        return conditions.is_null();
    };
    conditions.iter().all(|(operator, keys)| {
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, wanted)| condition_holds(operator, key, wanted, delivery))
        })
    })
}

fn condition_holds(operator: &str, key: &str, wanted: &Value, delivery: &Delivery<'_>) -> bool {
    let actual = match key.to_ascii_lowercase().as_str() {
        "aws:sourcearn" => delivery.rule_arn,
        "aws:sourceaccount" => delivery.rule_arn.split(':').nth(4).unwrap_or_default(),
        // A condition on any other key cannot be evaluated, so the statement does not apply.
        _ => return false,
    };
    let mut wanted = each(wanted).into_iter().filter_map(Value::as_str);
    match operator {
        // `ArnEquals` and `ArnLike` are the same to AWS: both accept wildcards.
        "ArnEquals" | "ArnLike" | "StringLike" => wanted.any(|pattern| like(pattern, actual)),
        "StringEquals" => wanted.any(|text| text == actual),
        _ => false,
    }
}

/// Returns the values of a member that is one value or a list of them.
fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        single => vec![single],
    }
}

/// Matches a text against a pattern in which `*` stands for any text, and `?` for any one character.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The place of the last star is kept, with the length of the text up to the end of what it has taken.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((place, taken)) = star else {
                    return false;
                };
                star = Some((place, taken + 1));
                p = place + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DELIVERY: Delivery<'static> = Delivery {
        queue_arn: "arn:aws:sqs:us-east-1:123456789012:q",
        rule_arn: "arn:aws:events:us-east-1:123456789012:rule/r",
    };

    fn statement() -> Value {
        json!({
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": DELIVERY.queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": DELIVERY.rule_arn}},
        })
    }

    fn allowed(statements: &Value) -> bool {
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        allows(Some(&policy), &DELIVERY)
    }

    #[test]
    fn the_statement_that_rules_need_lets_them_in() {
        assert!(allowed(&statement()));
        assert!(allowed(&json!([statement()])));
        let mut wide = statement();
        wide["Action"] = json!(["SQS:*"]);
        wide["Condition"] = json!({"ArnLike": {"AWS:SourceArn": "arn:aws:events:*:*:rule/?"}});
        assert!(allowed(&wide));
    }

    #[test]
    fn anything_else_does_not() {
        assert!(!allows(None, &DELIVERY));
        assert!(!allows(Some("not a policy"), &DELIVERY));
        for (member, value) in [
            ("Effect", json!("Deny")),
            ("Principal", json!({"Service": "sns.amazonaws.com"})),
            ("Action", json!("sqs:ReceiveMessage")),
            ("Resource", json!("arn:aws:sqs:us-east-1:123456789012:other")),
            (
                "Condition",
                json!({"ArnEquals": {"aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/other"}}),
            ),
            ("Condition", json!({"Bool": {"aws:SecureTransport": "true"}})),
        ] {
            let mut other = statement();
            other[member] = value;
            assert!(!allowed(&other), "{other}");
        }
    }

    #[test]
    fn a_denial_goes_first() {
        let mut denial = statement();
        denial["Effect"] = json!("Deny");
        assert!(!allowed(&json!([statement(), denial])));
    }
}
