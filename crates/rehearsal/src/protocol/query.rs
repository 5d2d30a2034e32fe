//! The query protocol: translates forms into the JSON values that the services use within the world, and JSON
//! values into XML.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::forms::{read_seconds, uuid};
use crate::protocol::route::unescape;

/// Reads the operation and its input. None if the body is not a form, or names no operation.
pub(crate) fn decode(body: &[u8]) -> Option<(String, Value)> {
    let form = std::str::from_utf8(body).ok()?;
    let mut operation = None;
    let mut input = Map::new();
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (unescape(name), unescape(&value.replace('+', " ")));
        match (name.as_str(), name.split_once(".member.")) {
            ("Action", _) => operation = Some(value),
            ("Version", _) => {}
            // SDKs send the members of a list in the order of their numbers, so the numbers need not be read.
            (_, Some((list, _))) => {
                let members = input.entry(list).or_insert_with(|| Value::Array(Vec::new()));
                members.as_array_mut()?.push(value.into());
            }
            _ => drop(input.insert(name, value.into())),
        }
    }
    Some((operation?, Value::Object(input)))
}

/// Makes the XML of an answer, in the namespace of its service.
pub(crate) fn encode(operation: &str, namespace: &str, output: &Value) -> Vec<u8> {
    let mut xml = String::new();
    element(&mut xml, &format!("{operation}Result"), output);
    let request = uuid();
    format!(
        "<{operation}Response xmlns=\"{namespace}\">{xml}<ResponseMetadata>\
         <RequestId>{request}</RequestId></ResponseMetadata></{operation}Response>"
    )
    .into_bytes()
}

/// Makes the XML of an error.
pub(crate) fn encode_error(status: u16, code: &str, message: &str) -> Vec<u8> {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let (code, message, request) = (escape(code), escape(message), uuid());
    format!(
        "<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>{request}</RequestId></ErrorResponse>"
    )
    .into_bytes()
}

fn element(xml: &mut String, name: &str, value: &Value) {
    let _ = write!(xml, "<{name}>");
    match value {
        Value::Null => {}
        Value::Object(members) => members.iter().for_each(|(member, value)| element(xml, member, value)),
        Value::Array(members) => members.iter().for_each(|value| element(xml, "member", value)),
        Value::Number(seconds) if name.ends_with("Timestamp") => xml.push_str(&time(seconds.as_f64())),
        Value::String(text) => xml.push_str(&escape(text)),
        other => xml.push_str(&other.to_string()),
    }
    let _ = write!(xml, "</{name}>");
}

/// Returns a time in the form of XML, from seconds since the epoch.
fn time(seconds: Option<f64>) -> String {
    read_seconds(seconds.unwrap_or_default()).unwrap_or_default().to_string()
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_is_read() {
        let form = b"Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=a%20b&AlarmNames.member.2=c+d&MaxRecords=5";
        let expected = json!({"AlarmNames": ["a b", "c d"], "MaxRecords": "5"});
        assert_eq!(decode(form), Some(("DescribeAlarms".to_owned(), expected)));
        assert_eq!(decode(b"Version=1"), None);
        assert_eq!(decode(b"\xff"), None);
    }

    #[test]
    fn xml_is_escaped_and_has_times_of_its_own() {
        let output = json!({"MetricAlarms": [{"AlarmName": "<a>", "StateUpdatedTimestamp": 1.5}]});
        let xml = String::from_utf8(encode("DescribeAlarms", "urn:x", &output)).unwrap();
        let expected = "<DescribeAlarmsResult><MetricAlarms><member><AlarmName>&lt;a&gt;</AlarmName>\
                        <StateUpdatedTimestamp>1970-01-01T00:00:01.5Z</StateUpdatedTimestamp></member></MetricAlarms>\
                        </DescribeAlarmsResult>";
        assert!(xml.contains(expected), "{xml}");
    }
}
