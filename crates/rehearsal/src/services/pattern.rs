//! Event patterns of `EventBridge`: the conditions by which a rule selects events.

use serde_json::{Map, Value};

/// Longest pattern that `EventBridge` accepts, in characters.
pub(crate) const MAX_CHARS: usize = 2048;

/// A valid pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern(PatternNode);

/// An object of a pattern. All its fields must match, and one of its alternatives if it has any.
#[derive(Debug, Clone, PartialEq, Default)]
struct PatternNode {
    fields: Vec<(String, FieldCondition)>,
    /// Objects of an `$or`, of which at least one must match.
    alternatives: Option<Vec<PatternNode>>,
}

/// The condition for one field.
#[derive(Debug, Clone, PartialEq)]
enum FieldCondition {
    Nested(PatternNode),
    /// Tests of which at least one must hold.
    AnyOf(Vec<Test>),
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Value),
    Exists(bool),
    Prefix {
        text: String,
        ignore_case: bool,
    },
    Suffix {
        text: String,
        ignore_case: bool,
    },
    EqualsIgnoreCase(String),
    Wildcard(Vec<Glob>),
    /// Holds if there is a value and none of these tests holds for it.
    AnythingBut(Vec<Test>),
    Numeric(Vec<(NumericSign, f64)>),
}

/// A part of a wildcard pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Glob {
    Any,
    Char(char),
}

/// The sign of a numeric test.
#[derive(Debug, Clone, Copy, PartialEq)]
enum NumericSign {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// The reason why a pattern was refused: a clause that follows "event pattern is not valid: ".
type WhyInvalid = String;

impl Pattern {
    /// Parses a pattern, and refuses what `EventBridge` refuses.
    pub(crate) fn parse(text: &str) -> Result<Self, WhyInvalid> {
        if text.chars().count() > MAX_CHARS {
            return Err(format!("it is longer than {MAX_CHARS} characters"));
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) if map.is_empty() => Err("it is empty".to_owned()),
            Ok(Value::Object(map)) => parse_node(&map).map(Self),
            Ok(_) => Err("it is not an object".to_owned()),
            Err(error) => Err(format!("it is not JSON: {error}")),
        }
    }

    /// Returns `true` if the pattern selects the event.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event))
    }
}

impl PatternNode {
    fn matches(&self, event: Option<&Value>) -> bool {
        // A list of objects matches if one of its objects does.
        if let Some(Value::Array(elements)) = event {
            return elements.iter().any(|element| self.matches(Some(element)));
        }
        let fields =
            self.fields.iter().all(|(name, filter)| filter.matches(event.and_then(|event| event.get(name))));
        let alternatives = self.alternatives.as_ref();
        fields && alternatives.is_none_or(|nodes| nodes.iter().any(|node| node.matches(event)))
    }
}

impl FieldCondition {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Nested(node) => node.matches(value),
            Self::AnyOf(tests) => {
                let leaves = leaves(value);
                tests.iter().any(|test| match test {
                    Test::Exists(wanted) => *wanted != leaves.is_empty(),
                    test => leaves.iter().any(|leaf| test.holds(leaf)),
                })
            }
        }
    }
}

/// Returns the values of a field that can be tested: an object is none, and a list stands for all of its
/// elements.
fn leaves(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Object(_)) => Vec::new(),
        Some(Value::Array(elements)) => elements.iter().flat_map(|element| leaves(Some(element))).collect(),
        Some(leaf) => vec![leaf],
    }
}

impl Test {
    fn holds(&self, leaf: &Value) -> bool {
        let text = leaf.as_str();
        match self {
            // Numbers are equal by value: 5 matches 5.0.
            Self::Equals(wanted) => match (wanted.as_f64(), leaf.as_f64()) {
                (Some(wanted), Some(actual)) => NumericSign::Equal.holds(actual, wanted),
                _ => wanted == leaf,
            },
            Self::Exists(wanted) => *wanted,
            Self::Prefix { text: prefix, ignore_case } => {
                text.is_some_and(|text| fold(text, *ignore_case).starts_with(&fold(prefix, *ignore_case)))
            }
            Self::Suffix { text: suffix, ignore_case } => {
                text.is_some_and(|text| fold(text, *ignore_case).ends_with(&fold(suffix, *ignore_case)))
            }
            Self::EqualsIgnoreCase(wanted) => text.is_some_and(|text| fold(text, true) == fold(wanted, true)),
            Self::Wildcard(glob) => {
                text.is_some_and(|text| glob_matches(glob, &text.chars().collect::<Vec<_>>()))
            }
            Self::AnythingBut(tests) => !tests.iter().any(|test| test.holds(leaf)),
            Self::Numeric(bounds) => leaf.as_f64().is_some_and(|actual| {
                bounds.iter().all(|(comparison, bound)| comparison.holds(actual, *bound))
            }),
        }
    }
}

impl NumericSign {
    fn parse(sign: &str) -> Option<Self> {
        match sign {
            "<" => Some(Self::Less),
            "<=" => Some(Self::LessOrEqual),
            "=" => Some(Self::Equal),
            ">=" => Some(Self::GreaterOrEqual),
            ">" => Some(Self::Greater),
            _ => None,
        }
    }

    fn holds(self, actual: f64, bound: f64) -> bool {
        // NaN compares with nothing, so no test of it holds.
        let ordering = actual.partial_cmp(&bound);
        match self {
            Self::Less => ordering.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => ordering.is_some_and(std::cmp::Ordering::is_le),
            Self::Equal => ordering.is_some_and(std::cmp::Ordering::is_eq),
            Self::GreaterOrEqual => ordering.is_some_and(std::cmp::Ordering::is_ge),
            Self::Greater => ordering.is_some_and(std::cmp::Ordering::is_gt),
        }
    }
}

fn fold(text: &str, ignore_case: bool) -> String {
    if ignore_case { text.to_lowercase() } else { text.to_owned() }
}

/// Matches a text against a wildcard pattern. All positions in the pattern are followed at once, so that many
/// stars cost no more time than one.
fn glob_matches(glob: &[Glob], text: &[char]) -> bool {
    // The entry `reached[i]` says that the first `i` parts can take the text so far.
    let mut reached = vec![false; glob.len() + 1];
    reached[0] = true;
    let spread = |reached: &mut [bool]| {
        for (place, part) in glob.iter().enumerate() {
            if *part == Glob::Any && reached[place] {
                reached[place + 1] = true;
            }
        }
    };
    spread(&mut reached);
    for &character in text {
        let mut next = vec![false; glob.len() + 1];
        for (place, part) in glob.iter().enumerate() {
            match part {
                Glob::Any if reached[place + 1] || reached[place] => next[place + 1] = true,
                Glob::Char(wanted) if reached[place] && *wanted == character => next[place + 1] = true,
                _ => {}
            }
        }
        spread(&mut next);
        reached = next;
    }
    reached[glob.len()]
}

fn parse_node(map: &Map<String, Value>) -> Result<PatternNode, WhyInvalid> {
    let mut node = PatternNode::default();
    for (name, value) in map {
        match value {
            Value::Array(groups) if name == "$or" => node.alternatives = Some(parse_alternatives(groups)?),
            Value::Object(nested) if nested.is_empty() => {
                return Err(format!("{name} must not be an empty object"));
            }
            Value::Object(nested) => {
                let nested = parse_node(nested)?;
                node.fields.push((name.clone(), FieldCondition::Nested(nested)));
            }
            Value::Array(tests) if tests.is_empty() => {
                return Err(format!("{name} must not be an empty list"));
            }
            Value::Array(tests) => {
                let tests = tests.iter().map(parse_test).collect::<Result<_, _>>()?;
                node.fields.push((name.clone(), FieldCondition::AnyOf(tests)));
            }
            _ => return Err(format!("{name} must be an object or a list")),
        }
    }
    Ok(node)
}

fn parse_alternatives(groups: &[Value]) -> Result<Vec<PatternNode>, WhyInvalid> {
    if groups.len() < 2 {
        return Err("$or needs two objects or more".to_owned());
    }
    let group = |group: &Value| match group.as_object() {
        Some(map) if !map.is_empty() => parse_node(map),
        _ => Err("$or takes a list of objects that are not empty".to_owned()),
    };
    groups.iter().map(group).collect()
}

fn parse_test(value: &Value) -> Result<Test, WhyInvalid> {
    let map = match value {
        Value::Object(map) => map,
        Value::Array(_) => return Err("a list may not hold a list".to_owned()),
        scalar => return Ok(Test::Equals(scalar.clone())),
    };
    let mut members = map.iter();
    let (Some((name, operand)), None) = (members.next(), members.next()) else {
        return Err("a match expression has exactly one member".to_owned());
    };
    parse_operator(name, operand)
}

fn parse_operator(name: &str, operand: &Value) -> Result<Test, WhyInvalid> {
    let wrong = || format!("{name} has an operand of the wrong kind");
    let text = |operand: &Value| operand.as_str().map(str::to_owned).ok_or_else(wrong);
    match name {
        "exists" => operand.as_bool().map(Test::Exists).ok_or_else(wrong),
        "prefix" => parse_affix(operand)
            .map(|(text, ignore_case)| Test::Prefix { text, ignore_case })
            .ok_or_else(wrong),
        "suffix" => parse_affix(operand)
            .map(|(text, ignore_case)| Test::Suffix { text, ignore_case })
            .ok_or_else(wrong),
        "equals-ignore-case" => text(operand).map(Test::EqualsIgnoreCase),
        "wildcard" => parse_glob(&text(operand)?).map(Test::Wildcard),
        "anything-but" => parse_anything_but(operand),
        "numeric" => parse_numeric(operand).ok_or_else(wrong),
        other => Err(format!("the match type {other} is not known")),
    }
}

fn parse_affix(operand: &Value) -> Option<(String, bool)> {
    match operand {
        Value::String(text) => Some((text.clone(), false)),
        Value::Object(map) if map.len() == 1 => {
            let text = map.get("equals-ignore-case")?.as_str()?;
            Some((text.to_owned(), true))
        }
        _ => None,
    }
}

fn parse_anything_but(operand: &Value) -> Result<Test, WhyInvalid> {
    let wrong = || "anything-but has an operand of the wrong kind".to_owned();
    let tests = match operand {
        Value::Object(map) => {
            let mut members = map.iter();
            let (Some((name, operand)), None) = (members.next(), members.next()) else {
                return Err(wrong());
            };
            if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&name.as_str()) {
                return Err(wrong());
            }
            let operands = operand.as_array().map_or(std::slice::from_ref(operand), Vec::as_slice);
            operands.iter().map(|operand| parse_operator(name, operand)).collect::<Result<_, _>>()?
        }
        Value::Array(values) if !values.is_empty() && values.iter().all(is_scalar) => {
            values.iter().cloned().map(Test::Equals).collect()
        }
        scalar if is_scalar(scalar) => vec![Test::Equals(scalar.clone())],
        _ => return Err(wrong()),
    };
    Ok(Test::AnythingBut(tests))
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

fn parse_numeric(operand: &Value) -> Option<Test> {
    let parts = operand.as_array()?;
    if parts.is_empty() || parts.len() % 2 == 1 {
        return None;
    }
    parts
        .chunks(2)
        .map(|pair| Some((NumericSign::parse(pair[0].as_str()?)?, pair[1].as_f64()?)))
        .collect::<Option<_>>()
        .map(Test::Numeric)
}

fn parse_glob(text: &str) -> Result<Vec<Glob>, WhyInvalid> {
    let mut glob = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' if glob.last() == Some(&Glob::Any) => {
                return Err("a wildcard may not follow a wildcard".to_owned());
            }
            '*' => glob.push(Glob::Any),
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '\\')) => glob.push(Glob::Char(escaped)),
                _ => return Err("a backslash may escape only a star or a backslash".to_owned()),
            },
            other => glob.push(Glob::Char(other)),
        }
    }
    Ok(glob)
}

#[cfg(test)]
mod tests;
