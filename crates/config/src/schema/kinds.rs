//! The schema of each kind of value as it may be written in the file.
//!
//! A value may be a word of its kind with white space around it, a number where one is meant, a text with
//! references to variables, or nothing at all, which counts as not set.

use faultgate_core::model::Shard;
use serde_json::{Map, Value, json};

use crate::inputs::kind::{Kind, synonyms};

/// Pattern of a reference to a variable, whose content the schema cannot know.
pub(crate) const REFERENCE: &str = r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}";

/// Pattern of any text that a process can be given as an argument.
pub(crate) const NO_ZERO: &str = r"^[^\u0000]*$";

/// The schema of the value at a key. `needed` is the hint to show if the value is missing, where it must not
/// be.
pub(crate) fn write_schema(kind: &Kind, needed: Option<&str>) -> Map<String, Value> {
    let mut schema = form(kind, needed.is_some());
    let message = message(kind, needed);
    let plain = matches!(kind, Kind::Text { .. } | Kind::Lines { .. } | Kind::Path);
    let wrong_type = if plain { "must be text; put the value in quotes" } else { &message };
    schema.insert("errorMessage".to_owned(), json!(wrong_type));
    schema.insert("patternErrorMessage".to_owned(), json!(message));
    let Kind::Choice(words) = kind else { return schema };
    // The words come first, because editors offer them and name them in messages.
    map(json!({ "anyOf": [{ "enum": words }, schema] }))
}

fn form(kind: &Kind, needed: bool) -> Map<String, Value> {
    let null = (!needed).then_some("null");
    let types = |types: &[&str]| json!(types.iter().copied().chain(null).collect::<Vec<_>>());
    let pattern = match kind {
        Kind::Variable => format!(r"^\s*(?:{})?\s*$", expression(kind)),
        _ => pattern(&expression(kind), needed),
    };
    map(match kind {
        Kind::Text { max } | Kind::Lines { max } => text(kind, *max, needed, &types(&["string"])),
        Kind::Path => text(kind, 4096, needed, &types(&["string"])),
        Kind::Bool => {
            let types = types(&["boolean", "integer", "string"]);
            json!({ "type": types, "minimum": 0, "maximum": 1, "pattern": pattern })
        }
        Kind::Choice(words) if words.contains(&"on") || words.contains(&"true") => {
            json!({ "type": types(&["boolean", "string"]), "pattern": pattern })
        }
        Kind::Score => {
            let types = types(&["number", "string"]);
            json!({ "type": types, "minimum": 0, "maximum": 100, "pattern": pattern })
        }
        Kind::Count { min, max } => {
            let types = types(&["integer", "string"]);
            json!({ "type": types, "minimum": min, "maximum": max, "pattern": pattern })
        }
        Kind::Status => {
            let types = types(&["integer", "string"]);
            // A status between 101 and 200 never ends the exchange of a request.
            let interim = json!({ "type": "number", "exclusiveMinimum": 101, "exclusiveMaximum": 200 });
            json!({ "type": types, "minimum": 101, "maximum": 599, "not": interim, "pattern": pattern })
        }
        Kind::Repository => json!({ "type": types(&["string"]), "maxLength": 255, "pattern": pattern }),
        Kind::Number => {
            let types = types(&["integer", "string"]);
            json!({ "type": types, "minimum": 0, "maximum": 999_999_999_999_999_999_u64, "pattern": pattern })
        }
        Kind::Templates => {
            let types = types(&["string", "array"]);
            let item = json!({ "type": "string", "pattern": pattern });
            json!({ "type": types, "pattern": pattern, "items": item, "minItems": 1 })
        }
        _ => json!({ "type": types(&["string"]), "pattern": pattern }),
    })
}

/// The schema of a text. Its length is that of the text in the file, since the content of variables is not
/// known.
fn text(kind: &Kind, max: usize, needed: bool, types: &Value) -> Value {
    let expression = expression(kind);
    let pattern = if needed { format!(r"^\s*{expression}$") } else { format!(r"^\s*(?:{expression})?$") };
    json!({ "type": types, "maxLength": max, "pattern": pattern })
}

/// The schema of a text that is taken as it stands. The parser limits its bytes, and the schema its
/// characters.
pub(crate) fn verbatim(max: usize, pattern: &str) -> Map<String, Value> {
    map(json!({ "type": "string", "maxLength": max, "pattern": pattern }))
}

/// Pattern of a whole text that is the expression, or refers to variables, or is blank unless it is needed.
pub(crate) fn pattern(expression: &str, needed: bool) -> String {
    let optional = if needed { "" } else { "?" };
    format!(r"^\s*(?:{expression}){optional}\s*$|{REFERENCE}")
}

/// The message that the parser would give for a value that is not of this kind.
fn message(kind: &Kind, needed: Option<&str>) -> String {
    if let (Some(hint), Kind::Text { .. } | Kind::Lines { .. }) = (needed, kind) {
        return hint.to_owned();
    }
    if matches!(kind, Kind::Variable) {
        return "a secret may not stand in the suite file; write the name of a variable that holds it: \"${TOKEN}\""
            .to_owned();
    }
    // Each of these texts is wrong for some kinds: every kind that can be wrong refuses at least one of them.
    let problem = ["/", "a\u{1}b"].iter().find_map(|text| kind.parse(text).err());
    problem.map_or_else(String::new, |problem| match problem.hint {
        Some(hint) => format!("{}; {hint}", problem.what),
        None => problem.what,
    })
}

/// A default or an example as a file would contain it.
pub(crate) fn literal(kind: &Kind, text: &str) -> Value {
    let plain = matches!(kind, Kind::Bool | Kind::Score | Kind::Count { .. } | Kind::Number | Kind::Status);
    // The words of these kinds are words of JSON as well.
    plain.then(|| serde_json::from_str(text).ok()).flatten().unwrap_or_else(|| json!(text))
}

/// The regular expression of a value that is set, without the white space around it. It uses only what ECMA
/// 262, Python and Rust have in common.
fn expression(kind: &Kind) -> String {
    const HOST: &str = r"(?:[^\s/?#@:\[\]\\]+|\[[0-9A-Fa-f:.]+\])";
    const TEMPLATE: &str = r"[^\s,/\\\u0000-\u001f\u007f-\u009f]{1,64}";
    const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
    let port = || range(1, u32::from(u16::MAX));
    let host = || format!("{HOST}(?::{})?", port());
    match kind {
        Kind::Text { .. } | Kind::Path => {
            r"[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*\s*".to_owned()
        }
        Kind::Lines { .. } => {
            const CONTROL: &str = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f";
            format!(r"[^\s{CONTROL}][^{CONTROL}]*\s*")
        }
        Kind::Bool => words(&["true", "yes", "on", "1", "false", "no", "off", "0"]),
        Kind::Choice(choices) => {
            let synonyms = synonyms(choices).map(|(synonym, _)| synonym);
            words(&choices.iter().copied().chain(synonyms).collect::<Vec<_>>())
        }
        Kind::Score => r"0*(?:100(?:\.0*)?|[0-9]{1,2}(?:\.[0-9]{0,2}0*)?|\.[0-9]{1,2}0*)".to_owned(),
        Kind::Duration { .. } => "(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?".to_owned(),
        Kind::Count { min, max } => range(*min, *max),
        Kind::Templates => format!(r"[\s,]*{TEMPLATE}(?:[\s,]+{TEMPLATE})*[\s,]*"),
        Kind::Template => r"[^\s/\\\u0000-\u001f\u007f-\u009f]{1,64}".to_owned(),
        Kind::Url => format!(r"[Hh][Tt][Tt][Pp][Ss]?://{}(?:[/?][^\s@#]*)?(?:#[^@]*)?", host()),
        Kind::QueueUrl => format!(r"[Hh][Tt][Tt][Pp][Ss]?://{}/+[^\s@/?#][^\s@#]*(?:#[^@]*)?", host()),
        Kind::Region => "[a-z]{2,}(?:-[a-z]+)+-[0-9]".to_owned(),
        Kind::RoleArn => "arn:aws(?:-[^:]*)?:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,600}".to_owned(),
        Kind::S3Folder => {
            r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:(?:/[^./\x00-\x1f\x7f-\x9f][^/\x00-\x1f\x7f-\x9f]*)*/?)"
                .to_owned()
        }
        Kind::RoleName => "[A-Za-z0-9+=,.@_/-]{1,600}".to_owned(),
        Kind::Unit => "ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32}".to_owned(),
        Kind::Shard => format!("(?:{0}|auto)/{0}|auto", range(1, Shard::MAX_PARTS)),
        Kind::Repository => {
            const PART: &str = r"\.*[A-Za-z0-9_~{}-][A-Za-z0-9._~{}-]*";
            format!(r"/*{PART}(?:/{PART})*/*|[^\s:{CONTROL}]*:[^\s{CONTROL}]*")
        }
        Kind::Commit => "[0-9A-Fa-f]{7,64}".to_owned(),
        Kind::Number => "[0-9]{1,18}".to_owned(),
        Kind::ExperimentName => "[a-z0-9-]{1,64}".to_owned(),
        Kind::Address => {
            let host = format!(r"(?:[^\s/?#@:\[\]\\{CONTROL}]+|\[[0-9A-Fa-f:.]+(?:%[0-9]+)?\])");
            format!("{host}:{}", port())
        }
        Kind::Status => {
            let status = format!("(?:0*101|{})", range(200, 599));
            format!(r"{status}(?:\s*-\s*{status})?")
        }
        Kind::Statistic => {
            const NUMBER: &str = r"[0-9]+(?:\.[0-9]+)?";
            let percentile = r"(?:p|tm|wm|tc|ts)0*(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?)";
            let edges = format!("(?:{NUMBER}%?:(?:{NUMBER}%?)?|:{NUMBER}%?)");
            format!(
                r"(?:Average|Sum|Minimum|Maximum|SampleCount|IQM|{percentile}|(?:TM|WM|TC|TS|PR)\({edges}\))"
            )
        }
        // The file may only contain the name of the secret's variable.
        Kind::Variable => r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-)?\}".to_owned(),
        Kind::Comparison => {
            r"(?:<=|>=|==|!=|<|>)\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?".to_owned()
        }
        // No secret and no choice of one job may stand in the file, so nothing matches.
        Kind::Secret | Kind::Only => r"[^\s\S]".to_owned(),
    }
}

fn words(words: &[&str]) -> String {
    words.iter().map(|word| anycase(word)).collect::<Vec<_>>().join("|")
}

/// Pattern of a word in capital and small letters.
pub(crate) fn anycase(word: &str) -> String {
    word.chars()
        .map(
            |c| {
                if c.is_ascii_alphabetic() {
                    format!("[{}{c}]", c.to_ascii_uppercase())
                } else {
                    c.to_string()
                }
            },
        )
        .collect()
}

/// Pattern of the whole numbers in this range, with any number of zeros in front.
fn range(min: u32, max: u32) -> String {
    let lengths = min.to_string().len()..=max.to_string().len();
    let parts: Vec<_> = lengths
        .map(|length| {
            let smallest = if length == 1 { "0".to_owned() } else { format!("1{}", "0".repeat(length - 1)) };
            let low = if min.to_string().len() == length { min.to_string() } else { smallest };
            let high = if max.to_string().len() == length { max.to_string() } else { "9".repeat(length) };
            between(low.as_bytes(), high.as_bytes())
        })
        .collect();
    format!("0*(?:{})", parts.join("|"))
}

/// Pattern of the numbers from `low` to `high`, both of which have the same number of digits.
fn between(low: &[u8], high: &[u8]) -> String {
    let ([first, low_rest @ ..], [last, high_rest @ ..]) = (low, high) else { return String::new() };
    if low.iter().all(|digit| *digit == b'0') && high.iter().all(|digit| *digit == b'9') {
        return format!("[0-9]{{{}}}", low.len());
    }
    if first == last {
        return format!("{}{}", char::from(*first), between(low_rest, high_rest));
    }
    let rest = low_rest.len();
    let mut parts = vec![format!("{}{}", char::from(*first), between(low_rest, "9".repeat(rest).as_bytes()))];
    if first + 1 < *last {
        let middle = format!("[{}-{}]", char::from(first + 1), char::from(last - 1));
        parts.push(format!("{middle}{}", "[0-9]".repeat(rest)));
    }
    parts.push(format!("{}{}", char::from(*last), between("0".repeat(rest).as_bytes(), high_rest)));
    format!("(?:{})", parts.join("|"))
}

/// Returns the members of an object.
pub(super) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_takes_its_numbers_and_no_other() {
        for (min, max) in [(0, 0), (0, 9), (1, 50), (0, 255), (100, 599), (0, 1000), (7, 12), (1, 65535)] {
            let schema = json!({ "pattern": format!("^(?:{})$", range(min, max)) });
            let schema = jsonschema::validator_for(&schema).unwrap();
            let edges =
                (min.saturating_sub(2)..=min + 2).chain(max.saturating_sub(2)..=max + 2).chain(0..1500);
            for number in edges {
                let wanted = (min..=max).contains(&number);
                assert_eq!(schema.is_valid(&json!(number.to_string())), wanted, "{number} of {min} to {max}");
                assert_eq!(schema.is_valid(&json!(format!("0{number}"))), wanted, "0{number}");
            }
        }
    }
}
