//! The evaluation of resource policies: whether `EventBridge` may send to a queue, and whether an account may put
//! events on a bus. Only statements of the forms that these need are understood; anything else allows nothing.

use serde_json::Value;

/// A request that a resource's policy has to allow.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) resource: &'a str,
    pub(crate) sender: Sender<'a>,
}

/// The sender of a delivery.
#[derive(Debug)]
pub(crate) enum Sender<'a> {
    /// A rule, by its ARN, sends to a queue.
    Rule(&'a str),
    /// An account puts an event on a bus. The organization is the one that it is in, if it is in any.
    Account { id: &'a str, organization: Option<&'a str> },
}

impl Sender<'_> {
    fn action(&self) -> &'static str {
        match self {
            Self::Rule(_) => "sqs:sendmessage",
            Self::Account { .. } => "events:putevents",
        }
    }

    fn is_named_by(&self, principal: &Value) -> bool {
        let names = |kind: &str, is_named: &dyn Fn(&str) -> bool| {
            each(&principal[kind]).iter().filter_map(|name| name.as_str()).any(is_named)
        };
        let is_anyone = principal == "*" || names("AWS", &|name| name == "*");
        is_anyone
            || match self {
                Self::Rule(_) => names("Service", &|name| name == "events.amazonaws.com"),
                Self::Account { id, .. } => {
                    let root = format!(":iam::{id}:root");
                    names("AWS", &|name| name == *id || name.ends_with(&root))
                }
            }
    }

    /// Returns the value of a condition's key. None for a key that cannot be evaluated, so that the statement
    /// does not apply.
    fn value_of(&self, key: &str) -> Option<&str> {
        match (self, key) {
            (Self::Rule(arn), "aws:sourcearn") => Some(arn),
            (Self::Rule(arn), "aws:sourceaccount") => arn.split(':').nth(4),
            (Self::Account { organization, .. }, "aws:principalorgid") => *organization,
            (Self::Account { id, .. }, "aws:principalaccount") => Some(id),
            _ => None,
        }
    }
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
    let is_action = each(&statement["Action"])
        .iter()
        .filter_map(|action| action.as_str())
        .any(|action| like(&action.to_ascii_lowercase(), delivery.sender.action()));
    let is_resource = each(&statement["Resource"])
        .iter()
        .filter_map(|resource| resource.as_str())
        .any(|resource| like(resource, delivery.resource));
    delivery.sender.is_named_by(&statement["Principal"])
        && is_action
        && is_resource
        && conditions_hold(&statement["Condition"], &delivery.sender)
}

fn conditions_hold(conditions: &Value, sender: &Sender<'_>) -> bool {
    let Some(conditions) = conditions.as_object() else {
        return conditions.is_null();
    };
    conditions.iter().all(|(operator, keys)| {
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, wanted)| condition_holds(operator, key, wanted, sender))
        })
    })
}

fn condition_holds(operator: &str, key: &str, wanted: &Value, sender: &Sender<'_>) -> bool {
    let Some(actual) = sender.value_of(&key.to_ascii_lowercase()) else { return false };
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

    const RULE: &str = "arn:aws:events:us-east-1:123456789012:rule/r";
    const DELIVERY: Delivery<'static> =
        Delivery { resource: "arn:aws:sqs:us-east-1:123456789012:q", sender: Sender::Rule(RULE) };

    fn statement() -> Value {
        json!({
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": DELIVERY.resource,
            "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
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

    #[test]
    fn a_bus_takes_the_events_of_those_it_names_and_of_its_organization() {
        let bus = "arn:aws:events:us-east-1:123456789012:event-bus/hub";
        let admits = |principal: Value, condition: Value, organization| {
            let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "events:PutEvents",
                                   "Resource": bus, "Condition": condition});
            let policy = json!({"Statement": statement}).to_string();
            let sender = Sender::Account { id: "000011112222", organization };
            allows(Some(&policy), &Delivery { resource: bus, sender })
        };
        let of = |organization: &str| json!({"StringEquals": {"aws:PrincipalOrgID": organization}});
        assert!(admits(json!({"AWS": ["000011112222"]}), Value::Null, None));
        assert!(admits(json!({"AWS": "arn:aws:iam::000011112222:root"}), Value::Null, None));
        assert!(!admits(json!({"AWS": "arn:aws:iam::999911112222:root"}), Value::Null, None));
        assert!(admits(json!("*"), of("o-mine"), Some("o-mine")));
        assert!(!admits(json!("*"), of("o-mine"), Some("o-other")));
        assert!(!admits(json!("*"), of("o-mine"), None));
        assert!(!admits(json!({"Service": "events.amazonaws.com"}), Value::Null, None));
    }
}
