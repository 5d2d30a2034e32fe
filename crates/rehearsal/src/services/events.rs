//! `EventBridge`: one bus, its rules and their targets.
//!
//! Rules are matched by patterns, as the service does it; schedules are accepted and never fire. The only
//! targets that receive anything are queues and other buses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::protocol::call::{ApiCall, ApiError, page};
use crate::services::buses::{BusName, DEFAULT_BUS};
use crate::services::context::ServiceContext;
use crate::services::pattern::Pattern;

/// Largest number of targets of a rule.
const MAX_TARGETS: usize = 5;

/// An event bus.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    /// Policy that lets other accounts put events on the bus.
    pub(crate) policy: Option<String>,
    pub(crate) rules: BTreeMap<String, BusRule>,
}

/// A rule of the bus.
#[derive(Debug)]
pub(crate) struct BusRule {
    pub(crate) arn: String,
    /// Pattern as it was given; empty if the rule has only a schedule.
    pub(crate) pattern: String,
    /// Parsed pattern. None matches nothing.
    matcher: Option<Pattern>,
    settings: Map<String, Value>,
    pub(crate) targets: BTreeMap<String, RuleTarget>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A target of a rule.
#[derive(Debug)]
pub(crate) struct RuleTarget {
    pub(crate) arn: String,
    definition: Value,
    /// Time from which the target receives events: a new target takes a while to be known.
    live_at: Instant,
}

/// One delivery of an event: its rule, its target, and its text.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) rule_arn: String,
    pub(crate) target_arn: String,
    pub(crate) body: String,
}

impl Bus {
    /// Answers a request of a client to the bus of this name.
    pub(crate) fn answer(
        &mut self,
        bus: &str,
        call: &ApiCall,
        context: &ServiceContext,
    ) -> Result<Value, ApiError> {
        match call.operation.as_str() {
            "PutRule" => self.put_rule(bus, call, context),
            "DescribeRule" => {
                let name = call.text("Name")?;
                Ok(self.rule(name)?.describe(name, bus))
            }
            "ListRules" => self.list_rules(bus, call),
            "DeleteRule" => self.delete_rule(call),
            "PutTargets" => self.put_targets(call, context),
            "RemoveTargets" => {
                let rule = self.rule(call.text("Rule")?)?;
                for id in call.texts("Ids") {
                    rule.targets.remove(id);
                }
                Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
            }
            "ListTargetsByRule" => {
                let rule = self.rule(call.text("Rule")?)?;
                let targets = rule.targets.values().map(|target| target.definition.clone()).collect();
                list_page("Targets", targets, call)
            }
            "TestEventPattern" => {
                let pattern = parse(call.text("EventPattern")?)?;
                let event: Value = serde_json::from_str(call.text("Event")?)
                    .map_err(|error| invalid_pattern(&format!("the event is not JSON: {error}")))?;
                Ok(json!({"Result": pattern.matches(&event)}))
            }
            "TagResource" => {
                let wanted = tag_list(call);
                self.by_arn(call)?.tags.extend(wanted);
                Ok(json!({}))
            }
            "UntagResource" => {
                let rule = self.by_arn(call)?;
                for key in call.texts("TagKeys") {
                    rule.tags.remove(key);
                }
                Ok(json!({}))
            }
            "ListTagsForResource" => {
                let pair = |(key, value): (&String, &String)| json!({"Key": key, "Value": value});
                let tags: Vec<_> = self.by_arn(call)?.tags.iter().map(pair).collect();
                Ok(json!({"Tags": tags}))
            }
            _ => Err(call.unknown()),
        }
    }

    /// Returns every delivery that an event causes now.
    pub(crate) fn route(&self, event: &Value, now: Instant) -> Vec<Sent> {
        let matching = self.rules.values().filter(|rule| {
            rule.is_enabled() && rule.matcher.as_ref().is_some_and(|matcher| matcher.matches(event))
        });
        matching
            .flat_map(|rule| {
                let live = rule.targets.values().filter(|target| target.live_at <= now);
                live.map(|target| Sent {
                    rule_arn: rule.arn.clone(),
                    target_arn: target.arn.clone(),
                    body: target.render(event),
                })
            })
            .collect()
    }

    fn rule(&mut self, name: &str) -> Result<&mut BusRule, ApiError> {
        self.rules
            .get_mut(name)
            .ok_or_else(|| not_found(format!("rule {name} does not exist on this event bus")))
    }

    fn by_arn(&mut self, call: &ApiCall) -> Result<&mut BusRule, ApiError> {
        let arn = call.text("ResourceARN")?;
        self.rules
            .values_mut()
            .find(|rule| rule.arn == arn)
            .ok_or_else(|| not_found(format!("{arn} does not exist")))
    }

    fn put_rule(&mut self, bus: &str, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let name = call.text("Name")?;
        let is_valid = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_valid) {
            return Err(
                call.invalid("a rule's name is 1 to 64 letters, digits, dots, hyphens and underscores")
            );
        }
        let pattern = call.optional_text("EventPattern").unwrap_or_default();
        let matcher = match pattern {
            "" if call.optional_text("ScheduleExpression").is_none() => {
                return Err(call.invalid("a rule needs an event pattern or a schedule"));
            }
            "" => None,
            text => Some(parse(text)?),
        };
        let is_new = !self.rules.contains_key(name);
        if is_new && context.rule_quota.is_some_and(|quota| self.rules.len() >= quota) {
            let message = "The requested resource exceeds the maximum number allowed.";
            return Err(ApiError::new(400, "LimitExceededException", message));
        }
        let path = if bus == DEFAULT_BUS { format!("rule/{name}") } else { format!("rule/{bus}/{name}") };
        let arn = context.arn("events", &path);
        let kept = ["Description", "State", "RoleArn", "ScheduleExpression"];
        let settings =
            kept.iter().filter_map(|key| Some(((*key).to_owned(), call.input.get(key)?.clone()))).collect();
        let rule = self.rules.entry(name.to_owned()).or_insert_with(|| BusRule {
            arn: arn.clone(),
            pattern: String::new(),
            matcher: None,
            settings: Map::new(),
            targets: BTreeMap::new(),
            // Tags of a rule that exists are not touched by `PutRule`.
            tags: tag_list(call),
        });
        pattern.clone_into(&mut rule.pattern);
        rule.matcher = matcher;
        rule.settings = settings;
        Ok(json!({"RuleArn": arn}))
    }

    fn list_rules(&self, bus: &str, call: &ApiCall) -> Result<Value, ApiError> {
        let prefix = call.optional_text("NamePrefix").unwrap_or_default();
        let rules = self
            .rules
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, rule)| rule.describe(name, bus))
            .collect();
        list_page("Rules", rules, call)
    }

    fn delete_rule(&mut self, call: &ApiCall) -> Result<Value, ApiError> {
        let name = call.text("Name")?;
        if self.rules.get(name).is_some_and(|rule| !rule.targets.is_empty()) {
            return Err(call.invalid("a rule cannot be deleted while it has targets"));
        }
        self.rules.remove(name);
        Ok(Value::Null)
    }

    fn put_targets(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let name = call.text("Rule")?;
        let rule = self.rule(name)?;
        let mut targets = Vec::new();
        for target in call.list("Targets")? {
            let (Some(id), Some(arn)) = (target["Id"].as_str(), target["Arn"].as_str()) else {
                return Err(call.invalid("a target has an Id and an Arn"));
            };
            if target.get("InputTransformer").is_some() {
                return Err(call.invalid("the rehearsal has no input transformers"));
            }
            // A bus of another account lets a role in, and no rule as such.
            let bus = arn.contains(":event-bus/").then(|| BusName::find(arn, &context.place)).flatten();
            if bus.is_some_and(|bus| bus.place.account != context.place.account)
                && target["RoleArn"].as_str().is_none()
            {
                return Err(call.invalid(format!("RoleArn is required for the target {arn}")));
            }
            targets.push((id.to_owned(), arn.to_owned(), target));
        }
        // A target with the id of an existing one replaces it, so it does not count as another.
        let added = targets.iter().filter(|(id, ..)| !rule.targets.contains_key(id)).count();
        if rule.targets.len() + added > MAX_TARGETS {
            return Err(ApiError::new(
                400,
                "LimitExceededException",
                format!("rule {name} may have {MAX_TARGETS} targets"),
            ));
        }
        for (id, arn, definition) in targets {
            let definition = definition.clone();
            let live_at = context.instant + context.rule_latency;
            rule.targets.insert(id, RuleTarget { arn, definition, live_at });
        }
        Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
    }
}

impl BusRule {
    fn is_enabled(&self) -> bool {
        self.settings.get("State").is_none_or(|state| state != "DISABLED")
    }

    fn describe(&self, name: &str, bus: &str) -> Value {
        let mut described = self.settings.clone();
        described.entry("State").or_insert_with(|| "ENABLED".into());
        described.insert("Name".to_owned(), name.into());
        described.insert("Arn".to_owned(), self.arn.as_str().into());
        described.insert("EventBusName".to_owned(), bus.into());
        if !self.pattern.is_empty() {
            described.insert("EventPattern".to_owned(), self.pattern.as_str().into());
        }
        Value::Object(described)
    }
}

impl RuleTarget {
    /// Returns the text that the target receives: a constant, a part of the event, or all of it.
    fn render(&self, event: &Value) -> String {
        if let Some(constant) = self.definition["Input"].as_str() {
            return constant.to_owned();
        }
        let path = self.definition["InputPath"].as_str().unwrap_or("$");
        let steps = path.trim_start_matches('$').split('.').filter(|step| !step.is_empty());
        steps.fold(event, |part, step| &part[step]).to_string()
    }
}

pub(crate) fn list_page(member: &str, items: Vec<Value>, call: &ApiCall) -> Result<Value, ApiError> {
    let (items, next) = page(items, call.number("Limit", 1..=100)?, call.optional_text("NextToken"))?;
    let mut output = json!({member: items});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

fn tag_list(call: &ApiCall) -> BTreeMap<String, String> {
    let pair = |tag: &Value| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned()));
    let tags = call.optional_list("Tags").unwrap_or_default();
    tags.iter().filter_map(pair).collect()
}

fn parse(pattern: &str) -> Result<Pattern, ApiError> {
    Pattern::parse(pattern).map_err(|why| invalid_pattern(&why))
}

fn invalid_pattern(why: &str) -> ApiError {
    ApiError::new(400, "InvalidEventPatternException", format!("Event pattern is not valid. Reason: {why}"))
}

pub(crate) fn not_found(message: String) -> ApiError {
    ApiError::new(400, "ResourceNotFoundException", message)
}
