//! The policy file: its keys, and what they come to.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use faultgate_config::{EngineKind, bytes, flag_duration};
use faultgate_core::mistake::{Mistake, Problem, nearest, quote, suggestion};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::format;
use super::pattern::{IdKind, NamePattern};
use super::reader::{PlacedValue, PolicyReader};
use super::window::Window;

/// Limit of the numbers in a policy. A larger one is no limit.
const MAX_COUNT: usize = 1_000_000;
/// Limits of `limits.duration`: those of the input `timeout`, and no experiment of FIS is longer.
const DURATIONS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(12));
/// Limits of tags, which are those of AWS, in characters.
const MAX_TAG_KEY_CHARS: usize = 128;
const MAX_TAG_VALUE_CHARS: usize = 256;

const WINDOW_EXAMPLE: &str = "- { allow: \"mon-thu 09:00-16:00\", zone: Europe/Berlin }";

/// One policy, read and whole. What is not set is no rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// The file, as the user knows it.
    pub origin: String,
    pub allow: AllowRules,
    pub deny: DenyRules,
    pub require: RequireRules,
    pub limits: PolicyLimits,
    pub windows: Vec<WindowRule>,
}

/// The only things that may be used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AllowRules {
    pub engines: Option<Vec<EngineKind>>,
    pub accounts: Option<Vec<String>>,
    pub regions: Option<Vec<String>>,
    /// FIS templates.
    pub templates: Option<Vec<NamePattern>>,
}

/// The things that may not be used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DenyRules {
    /// Ids of actions of FIS.
    pub actions: Option<Vec<NamePattern>>,
}

/// The things that each experiment must have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequireRules {
    pub stop_condition: bool,
    pub probes: bool,
    pub logs: bool,
    /// Tags of the FIS template.
    pub tags: BTreeMap<String, String>,
}

/// The largest numbers and times.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyLimits {
    /// Resolved resources of one experiment.
    pub targets: Option<usize>,
    /// Length of one experiment.
    pub duration: Option<Duration>,
    /// Experiments at once.
    pub parallel: Option<usize>,
    /// Experiments of a whole suite.
    pub experiments: Option<usize>,
    /// `true` if an experiment is launched only while no other one runs in its account and Region.
    pub alone: bool,
}

/// A window in which experiments may be launched, or may not.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowRule {
    Allow(Window),
    Deny(Window),
}

impl WindowRule {
    pub fn window(&self) -> &Window {
        match self {
            Self::Allow(window) | Self::Deny(window) => window,
        }
    }
}

impl Policy {
    /// Reads the policy file `name` in `dir`. `named_by` is the flag or variable that names it.
    ///
    /// # Errors
    ///
    /// All the mistakes in it. A file that is not there, unreadable or empty is a mistake.
    pub fn read(dir: &Path, name: &str, named_by: &str) -> Result<Self, Vec<Mistake>> {
        let refused = |what: &str| Mistake::new(named_by, format!("policy: the file {} {what}", quote(name)));
        let limit = u64::try_from(format::MAX_BYTES).unwrap_or(u64::MAX);
        let bytes = bytes(&dir.join(name), limit, "name a YAML, TOML or JSON file")
            .map_err(|problem| vec![refused(&problem.what).maybe_hint(problem.hint)])?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let read = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = read.split(|byte| *byte == b'\n').count();
            vec![refused(&format!("is not valid UTF-8 at line {line}")).hint("write the file in UTF-8")]
        })?;
        Self::parse(name, &text)
    }

    /// Parses the text of a policy file. The extension of its name tells the format.
    ///
    /// # Errors
    ///
    /// All the mistakes in it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        let root = format::tree(name, text).map_err(|unreadable| {
            let mistake = |unreadable: format::UnreadablePolicy| {
                let what = format!("policy: the file {} {}", quote(name), unreadable.what);
                let place = unreadable.mark.map(|mark| mark.in_file(name));
                Mistake::new(name, what).hint(unreadable.hint).at(place)
            };
            unreadable.into_iter().map(mistake).collect::<Vec<_>>()
        })?;
        let mut reader = PolicyReader::new(name);
        let policy = policy(&mut reader, PlacedValue::root(&root), name);
        reader.finish(policy)
    }
}

fn policy(reader: &mut PolicyReader<'_>, root: PlacedValue<'_>, origin: &str) -> Option<Policy> {
    const KEYS: [&str; 6] = ["version", "allow", "deny", "require", "limits", "windows"];
    if root.is_empty() {
        reader.wrong(&root, "the file is empty", "begin it with version: 1, which alone has no rules");
        return None;
    }
    let root = reader.table(Some(root), &KEYS, "version: 1")?;
    version(reader, &root);
    Some(Policy {
        origin: origin.to_owned(),
        allow: allowed(reader, root.get("allow")),
        deny: denied(reader, root.get("deny")),
        require: required(reader, root.get("require")),
        limits: limits(reader, root.get("limits")),
        windows: windows(reader, root.get("windows")),
    })
}

fn version(reader: &mut PolicyReader<'_>, root: &PlacedValue<'_>) {
    match root.get("version") {
        None => reader.missing(root, "version", "write version: 1"),
        version => {
            reader.count(version, 1, "version: 1");
        }
    }
}

fn allowed(reader: &mut PolicyReader<'_>, found: Option<PlacedValue<'_>>) -> AllowRules {
    const KEYS: [&str; 4] = ["engines", "accounts", "regions", "templates"];
    let Some(table) = reader.table(found, &KEYS, "allow: { regions: [eu-west-1] }") else {
        return AllowRules::default();
    };
    AllowRules {
        engines: reader.list(table.get("engines"), "fis", engine),
        accounts: reader.list(table.get("accounts"), "\"111122223333\"", account),
        regions: reader.list(table.get("regions"), "eu-west-1", region),
        templates: read_patterns(reader, table.get("templates"), IdKind::TEMPLATE),
    }
}

fn denied(reader: &mut PolicyReader<'_>, found: Option<PlacedValue<'_>>) -> DenyRules {
    let table = reader.table(found, &["actions"], "deny: { actions: [\"aws:rds:*\"] }");
    let actions = table.and_then(|table| table.get("actions"));
    DenyRules { actions: read_patterns(reader, actions, IdKind::ACTION) }
}

fn read_patterns(
    reader: &mut PolicyReader<'_>,
    found: Option<PlacedValue<'_>>,
    kind: IdKind,
) -> Option<Vec<NamePattern>> {
    reader.list(found, &kind.quote_example(), |text| NamePattern::parse(text, kind))
}

fn required(reader: &mut PolicyReader<'_>, found: Option<PlacedValue<'_>>) -> RequireRules {
    const KEYS: [&str; 4] = ["stop-condition", "probes", "logs", "tags"];
    let Some(table) = reader.table(found, &KEYS, "require: { probes: true }") else {
        return RequireRules::default();
    };
    RequireRules {
        stop_condition: reader.is_true(table.get("stop-condition")),
        probes: reader.is_true(table.get("probes")),
        logs: reader.is_true(table.get("logs")),
        tags: table.get("tags").map(|tags| self::tags(reader, tags)).unwrap_or_default(),
    }
}

fn tags(reader: &mut PolicyReader<'_>, found: PlacedValue<'_>) -> BTreeMap<String, String> {
    const EXAMPLE: &str = "tags: { environment: staging }";
    let Some(table) = reader.any_table(found, EXAMPLE) else { return BTreeMap::new() };
    if table.is_empty() {
        reader.wrong(&table, "names no tag", format!("leave it out, or write for example {EXAMPLE}"));
    }
    let mut tags = BTreeMap::new();
    for (key, value) in table.entries() {
        if key.is_empty() || key.chars().count() > MAX_TAG_KEY_CHARS {
            let what = format!("a key of a tag has 1 to {MAX_TAG_KEY_CHARS} characters");
            reader.wrong(&value, &what, format!("write for example {EXAMPLE}"));
        }
        if let Some(value) = reader.parsed(Some(value), "environment: \"staging\"", tag_value) {
            tags.insert(key.to_owned(), value);
        }
    }
    tags
}

fn limits(reader: &mut PolicyReader<'_>, found: Option<PlacedValue<'_>>) -> PolicyLimits {
    const KEYS: [&str; 5] = ["targets", "duration", "parallel", "experiments", "alone"];
    let Some(table) = reader.table(found, &KEYS, "limits: { targets: 10 }") else {
        return PolicyLimits::default();
    };
    PolicyLimits {
        targets: reader.count(table.get("targets"), MAX_COUNT, "10"),
        duration: reader.parsed(table.get("duration"), "30m", duration),
        parallel: reader.count(table.get("parallel"), MAX_COUNT, "2"),
        experiments: reader.count(table.get("experiments"), MAX_COUNT, "20"),
        alone: reader.is_true(table.get("alone")),
    }
}

fn windows(reader: &mut PolicyReader<'_>, found: Option<PlacedValue<'_>>) -> Vec<WindowRule> {
    let Some(items) = found.and_then(|found| reader.items(&found, WINDOW_EXAMPLE)) else { return Vec::new() };
    // The database of the binary, not of the machine: a variable could move that one to another place.
    let zones = TimeZoneDatabase::bundled();
    items.into_iter().filter_map(|item| window(reader, item, &zones)).collect()
}

fn window(
    reader: &mut PolicyReader<'_>,
    found: PlacedValue<'_>,
    zones: &TimeZoneDatabase,
) -> Option<WindowRule> {
    const EXAMPLE: &str = "mon-thu 09:00-16:00";
    let table = reader.table(Some(found), &["allow", "deny", "zone"], WINDOW_EXAMPLE)?;
    let zone = match table.get("zone") {
        None => Some(TimeZone::UTC),
        named => reader.parsed(named, "Europe/Berlin", |name| zone_of(name, zones)),
    };
    // A window is judged even if its zone is wrong, so that all its mistakes are told.
    let zone_or_utc = zone.clone().unwrap_or(TimeZone::UTC);
    let parse = |text: &str| Window::parse(text, zone_or_utc.clone());
    let rule = match (table.get("allow"), table.get("deny")) {
        (Some(allow), None) => reader.parsed(Some(allow), EXAMPLE, parse).map(WindowRule::Allow),
        (None, Some(deny)) => reader.parsed(Some(deny), EXAMPLE, parse).map(WindowRule::Deny),
        (Some(_), Some(_)) => {
            reader.wrong(
                &table,
                "has both allow and deny",
                format!("make two of it, each like {WINDOW_EXAMPLE}"),
            );
            None
        }
        (None, None) => {
            reader.wrong(&table, "has neither allow nor deny", format!("write for example {WINDOW_EXAMPLE}"));
            None
        }
    };
    rule.filter(|_| zone.is_some())
}

fn engine(text: &str) -> Result<EngineKind, Problem> {
    let known = EngineKind::ALL.map(EngineKind::as_str);
    EngineKind::ALL
        .into_iter()
        .find(|engine| engine.as_str() == text)
        .ok_or_else(|| Problem::new("is not an engine").hint(suggestion(text, &known)))
}

fn account(text: &str) -> Result<String, Problem> {
    let is_account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    is_account.then(|| text.to_owned()).ok_or_else(|| {
        Problem::new("is not an AWS account").hint("write its 12 digits, for example \"111122223333\"")
    })
}

fn region(text: &str) -> Result<String, Problem> {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let is_region = parts.len() >= 2
        && parts[0].len() >= 2
        && parts.iter().all(is_word)
        && number.len() == 1
        && number.bytes().all(|b| b.is_ascii_digit());
    is_region
        .then(|| text.to_owned())
        .ok_or_else(|| Problem::new("is not an AWS Region").hint("write for example eu-west-1"))
}

fn tag_value(text: &str) -> Result<String, Problem> {
    if text.chars().count() > MAX_TAG_VALUE_CHARS {
        return Err(Problem::new(format!("is longer than {MAX_TAG_VALUE_CHARS} characters"))
            .hint("write a value that a tag can have, for example staging"));
    }
    Ok(text.to_owned())
}

fn duration(text: &str) -> Result<Duration, Problem> {
    flag_duration(text, DURATIONS.0, DURATIONS.1).map_err(|told| {
        let (what, hint) = told.split_once("; ").unwrap_or((&told, "write for example 30m"));
        Problem::new(what.strip_prefix("it ").unwrap_or(what)).hint(hint)
    })
}

fn zone_of(name: &str, zones: &TimeZoneDatabase) -> Result<TimeZone, Problem> {
    let zone = zones.get(name).ok().filter(|zone| !zone.is_unknown());
    zone.ok_or_else(|| {
        let known: Vec<String> = zones.available().map(|name| name.to_string()).collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "write its IANA name, for example Europe/Berlin".to_owned(),
        };
        Problem::new("is not a time zone").hint(hint)
    })
}
