//! `EventBridge`: the event buses of a Region, who may put events on each, and how events go from bus to bus.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::forms::whole_seconds;
use crate::place::WorldPlace;
use crate::protocol::call::{ApiCall, ApiError};
use crate::services::context::{Consequence, ServiceContext};
use crate::services::events::{Bus, Sent, list_page, not_found};
use crate::services::policy::{Delivery, Sender, allows};

/// Name of the bus that every Region has.
pub(crate) const DEFAULT_BUS: &str = "default";
/// Largest number of entries in a request of `PutEvents`.
const MAX_ENTRIES: usize = 10;

/// The buses of one Region, by name.
#[derive(Debug)]
pub(crate) struct Buses(BTreeMap<String, Bus>);

/// The place and name of a bus, as its ARN has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BusName {
    pub(crate) place: WorldPlace,
    pub(crate) name: String,
}

/// A bus that an event is forwarded to.
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(crate) bus: BusName,
    /// Account of the rule that forwards.
    pub(crate) account: String,
}

impl Default for Buses {
    fn default() -> Self {
        Self(BTreeMap::from([(DEFAULT_BUS.to_owned(), Bus::default())]))
    }
}

impl BusName {
    /// Returns the bus of an ARN, or of a name in the place of the context.
    pub(crate) fn find(text: &str, here: &WorldPlace) -> Option<Self> {
        match text.split(':').collect::<Vec<_>>().as_slice() {
            [name] => Some(Self { place: here.clone(), name: (*name).to_owned() }),
            ["arn", _, "events", region, account, bus] => Some(Self {
                place: WorldPlace { account: (*account).to_owned(), region: (*region).to_owned() },
                name: bus.strip_prefix("event-bus/")?.to_owned(),
            }),
            _ => None,
        }
    }

    pub(crate) fn arn(&self) -> String {
        let Self { place: WorldPlace { account, region }, name } = self;
        format!("arn:aws:events:{region}:{account}:event-bus/{name}")
    }
}

impl Buses {
    /// Answers a request of a client.
    pub(crate) fn answer(&mut self, call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
        match call.operation.as_str() {
            "PutEvents" => put_events(call, context),
            "CreateEventBus" => self.create(call, context),
            "ListEventBuses" => {
                let buses = self.0.iter().map(|(name, bus)| describe(name, bus, context)).collect();
                list_page("EventBuses", buses, call)
            }
            "DescribeEventBus" => {
                let (name, bus) = self.find(call.optional_text("Name"), context)?;
                Ok(describe(&name, bus, context))
            }
            "DeleteEventBus" => {
                let name = call.text("Name")?;
                match self.0.get(name) {
                    _ if name == DEFAULT_BUS => Err(call.invalid("the default bus cannot be deleted")),
                    Some(bus) if !bus.rules.is_empty() => {
                        Err(call.invalid("a bus cannot be deleted while it has rules"))
                    }
                    _ => {
                        self.0.remove(name);
                        Ok(Value::Null)
                    }
                }
            }
            "PutPermission" => {
                let (_, bus) = self.find(call.optional_text("EventBusName"), context)?;
                bus.policy = Some(policy(call.text("Policy")?)?);
                Ok(Value::Null)
            }
            "RemovePermission" => {
                let (_, bus) = self.find(call.optional_text("EventBusName"), context)?;
                bus.policy = None;
                Ok(Value::Null)
            }
            "TagResource" | "UntagResource" | "ListTagsForResource" => {
                let arn = call.text("ResourceARN")?;
                let holds = |bus: &&mut Bus| bus.rules.values().any(|rule| rule.arn == arn);
                let bus = self.0.values_mut().find(holds);
                bus.ok_or_else(|| not_found(format!("{arn} does not exist")))?.answer(
                    DEFAULT_BUS,
                    call,
                    context,
                )
            }
            _ => {
                let (name, bus) = self.find(call.optional_text("EventBusName"), context)?;
                bus.answer(&name, call, context)
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Bus> {
        self.0.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Bus> {
        self.0.values_mut()
    }

    /// Returns every delivery that an event on this bus causes now; none if there is no such bus.
    pub(crate) fn route(&self, name: &str, event: &Value, now: Instant) -> Vec<Sent> {
        self.0.get(name).map(|bus| bus.route(event, now)).unwrap_or_default()
    }

    /// Returns `true` if an account may put events on a bus, which it always may if the bus is its own.
    pub(crate) fn admits(&self, bus: &BusName, account: &str, organization: Option<&str>) -> bool {
        let sender = Sender::Account { id: account, organization };
        let policy = self.0.get(&bus.name).and_then(|bus| bus.policy.as_deref());
        account == bus.place.account || allows(policy, &Delivery { resource: &bus.arn(), sender })
    }

    fn create(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let name = call.text("Name")?;
        let is_valid = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if name.is_empty() || name.len() > 256 || !name.chars().all(is_valid) {
            return Err(call.invalid("a bus's name is letters, digits, dots, hyphens and underscores"));
        }
        if self.0.contains_key(name) {
            let message = format!("event bus {name} exists already");
            return Err(ApiError::new(400, "ResourceAlreadyExistsException", message));
        }
        self.0.insert(name.to_owned(), Bus::default());
        Ok(json!({"EventBusArn": context.arn("events", &format!("event-bus/{name}"))}))
    }

    /// Returns the bus that a request names, and its name.
    fn find(
        &mut self,
        named: Option<&str>,
        context: &ServiceContext,
    ) -> Result<(String, &mut Bus), ApiError> {
        let named = named.unwrap_or(DEFAULT_BUS);
        let bus = BusName::find(named, &context.place).filter(|bus| bus.place == context.place);
        let found = bus.and_then(|bus| Some((self.0.get_mut(&bus.name)?, bus.name)));
        let (bus, name) = found.ok_or_else(|| not_found(format!("event bus {named} does not exist")))?;
        Ok((name, bus))
    }
}

fn describe(name: &str, bus: &Bus, context: &ServiceContext) -> Value {
    let mut described = json!({"Name": name, "Arn": context.arn("events", &format!("event-bus/{name}"))});
    if let Some(policy) = &bus.policy {
        described["Policy"] = policy.as_str().into();
    }
    described
}

/// Returns the policy of a request, if it is an object in JSON.
fn policy(text: &str) -> Result<String, ApiError> {
    serde_json::from_str::<Map<String, Value>>(text)
        .map(|_| text.to_owned())
        .map_err(|_| ApiError::new(400, "ValidationException", "the policy is not a JSON object"))
}

fn put_events(call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
    let entries = call.list("Entries")?;
    if entries.is_empty() || entries.len() > MAX_ENTRIES {
        return Err(call.invalid("a request has 1 to 10 entries"));
    }
    let mut failures = 0;
    let mut results = Vec::new();
    for entry in entries {
        match event_of(entry, context) {
            Ok(event) => {
                results.push(json!({"EventId": event["id"]}));
                let named = entry["EventBusName"].as_str().unwrap_or(DEFAULT_BUS);
                // An event for a bus that does not exist is accepted and lost, as at AWS.
                if let Some(bus) = BusName::find(named, &context.place) {
                    context.consequences.push(Consequence::Put { event, bus });
                }
            }
            Err((code, message)) => {
                failures += 1;
                results.push(json!({"ErrorCode": code, "ErrorMessage": message}));
            }
        }
    }
    Ok(json!({"FailedEntryCount": failures, "Entries": results}))
}

/// Makes the event of an entry of `PutEvents`. The error is a code and a message.
fn event_of(entry: &Value, context: &ServiceContext) -> Result<Value, (&'static str, String)> {
    let member = |name: &str| {
        entry[name]
            .as_str()
            .filter(|text| !text.is_empty())
            .ok_or_else(|| ("InvalidArgument", format!("{name} is required")))
    };
    let (source, detail_type, detail) = (member("Source")?, member("DetailType")?, member("Detail")?);
    if source.starts_with("aws.") && !context.allow_aws_sources {
        return Err(("NotAuthorizedForSourceException", "not authorized for the source".to_owned()));
    }
    let detail: Map<String, Value> = serde_json::from_str(detail)
        .map_err(|_| ("MalformedDetail", "the detail is not a JSON object".to_owned()))?;
    let resources = entry.get("Resources").cloned().unwrap_or_else(|| json!([]));
    let mut event = context.event(source, detail_type, &resources, &Value::Object(detail));
    let time = entry["Time"].as_f64().and_then(|seconds| {
        let since = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
        jiff::Timestamp::from_duration(since).ok()
    });
    if let Some(time) = time {
        event["time"] = whole_seconds(time).into();
    }
    Ok(event)
}
