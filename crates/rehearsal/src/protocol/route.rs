//! The REST routes of FIS.

use http::Method;
use serde_json::{Map, Value};

/// An operation, and the values in the path and the query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) operation: &'static str,
    labels: Vec<(String, Value)>,
}

impl Route {
    /// Returns the input of the operation: the body's members, with the values of the path and the query.
    /// None if the body is not an object.
    pub(crate) fn input(self, body: Value) -> Option<Value> {
        let Value::Object(mut input) = body else {
            return None;
        };
        input.extend(self.labels);
        Some(Value::Object(input))
    }
}

/// Returns the route of a request. None if the rehearsal has no such route.
pub(crate) fn of_fis(method: &Method, path: &str, query: &str) -> Option<Route> {
    let path = path.strip_prefix('/')?;
    let segments: Vec<_> = path.split('/').collect();
    let mut labels = parameters(query);
    if let ["experimentTemplates", _, "targetAccountConfigurations", account] = segments.as_slice() {
        labels.push(("accountId".to_owned(), unescape(account).into()));
    }
    let (operation, label) = match (method.as_str(), segments.as_slice()) {
        ("POST", ["experiments"]) => ("StartExperiment", None),
        ("GET", ["experiments"]) => ("ListExperiments", None),
        ("GET", ["experiments", id]) => ("GetExperiment", Some(("id", *id))),
        ("DELETE", ["experiments", id]) => ("StopExperiment", Some(("id", *id))),
        ("GET", ["experiments", id, "resolvedTargets"]) => {
            ("ListExperimentResolvedTargets", Some(("experimentId", *id)))
        }
        ("GET", ["experiments", id, "targetAccountConfigurations"]) => {
            ("ListExperimentTargetAccountConfigurations", Some(("experimentId", *id)))
        }
        ("POST", ["experimentTemplates"]) => ("CreateExperimentTemplate", None),
        ("GET", ["experimentTemplates"]) => ("ListExperimentTemplates", None),
        ("GET", ["experimentTemplates", id]) => ("GetExperimentTemplate", Some(("id", *id))),
        ("DELETE", ["experimentTemplates", id]) => ("DeleteExperimentTemplate", Some(("id", *id))),
        ("GET", ["experimentTemplates", id, "targetAccountConfigurations"]) => {
            ("ListTargetAccountConfigurations", Some(("experimentTemplateId", *id)))
        }
        (method, ["experimentTemplates", id, "targetAccountConfigurations", _]) => {
            let operation = match method {
                "DELETE" => "DeleteTargetAccountConfiguration",
                "GET" => "GetTargetAccountConfiguration",
                "PATCH" => "UpdateTargetAccountConfiguration",
                "POST" => "CreateTargetAccountConfiguration",
                _ => return None,
            };
            (operation, Some(("experimentTemplateId", *id)))
        }
        ("GET", ["safetyLevers", id]) => ("GetSafetyLever", Some(("id", *id))),
        ("PATCH", ["safetyLevers", id, "state"]) => ("UpdateSafetyLeverState", Some(("id", *id))),
        // Some clients do not escape the slash in an ARN, so the whole rest of the path is the label.
        (method, ["tags", ..]) => {
            let operation = match method {
                "GET" => "ListTagsForResource",
                "POST" => "TagResource",
                "DELETE" => "UntagResource",
                _ => return None,
            };
            (operation, Some(("resourceArn", path.strip_prefix("tags/")?)))
        }
        _ => return None,
    };
    if let Some((name, value)) = label {
        labels.push((name.to_owned(), unescape(value).into()));
    }
    Some(Route { operation, labels })
}

/// Returns the parameters of a query. `tagKeys` is a list, and all others are single.
pub(super) fn parameters(query: &str) -> Vec<(String, Value)> {
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Value::from(unescape(value));
        match (name, parameters.get_mut(name)) {
            ("tagKeys", Some(Value::Array(keys))) => keys.push(value),
            ("tagKeys", _) => {
                parameters.insert(name.to_owned(), Value::Array(vec![value]));
            }
            _ => {
                parameters.insert(unescape(name), value);
            }
        }
    }
    parameters.into_iter().collect()
}

/// Undoes percent-encoding. Whatever is not a valid escape stays as it is.
pub(crate) fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        let escaped = (byte == b'%')
            .then(|| bytes.get(place + 1..place + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(escaped.unwrap_or(byte));
        place += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_parameters_join_the_body() {
        let route =
            of_fis(&Method::GET, "/experiments/EXP1/resolvedTargets", "maxResults=5&targetName=a%20b")
                .unwrap();
        assert_eq!(route.operation, "ListExperimentResolvedTargets");
        assert_eq!(
            route.input(json!({})),
            Some(json!({"experimentId": "EXP1", "maxResults": "5", "targetName": "a b"}))
        );
    }

    #[test]
    fn an_arn_is_read_escaped_or_not() {
        for path in
            ["/tags/arn%3Aaws%3Afis%3Ar%3A1%3Aexperiment%2FEXP1", "/tags/arn:aws:fis:r:1:experiment/EXP1"]
        {
            let route = of_fis(&Method::DELETE, path, "tagKeys=a&tagKeys=b%2").unwrap();
            assert_eq!(
                route.input(json!({})),
                Some(json!({"resourceArn": "arn:aws:fis:r:1:experiment/EXP1", "tagKeys": ["a", "b%2"]}))
            );
        }
    }

    #[test]
    fn other_paths_are_no_routes() {
        for path in ["/", "/experiments/EXP1/other", "/actions", ""] {
            assert_eq!(of_fis(&Method::GET, path, ""), None, "{path}");
        }
        assert_eq!(of_fis(&Method::PUT, "/tags/arn", ""), None);
    }
}
