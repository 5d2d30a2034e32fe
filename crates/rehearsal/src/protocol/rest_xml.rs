//! The protocol of S3: methods and paths of objects, and answers in XML. The bucket stands first in the path.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ETAG, HeaderMap, HeaderValue};
use http::{Request, Response};
use serde_json::{Map, Value};

use crate::forms::uuid;
use crate::protocol::call::{ApiError, Service, WireProtocol, respond};
use crate::protocol::query::escape;
use crate::protocol::route::{parameters, unescape};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// The name of an object's content in inputs and outputs.
pub(crate) const BODY: &str = "Body";
/// The name of the Region that a redirect leads to.
pub(crate) const BUCKET_REGION: &str = "BucketRegion";

/// Reads the operation and its input. The input is None for a body that is not text.
pub(super) fn decode(request: &Request<Bytes>) -> (WireProtocol, Option<Service>, String, Option<Value>) {
    let path = request.uri().path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let mut input: Map<String, Value> =
        parameters(request.uri().query().unwrap_or_default()).into_iter().collect();
    let operation = match (request.method().as_str(), key.is_empty()) {
        ("PUT", true) => "CreateBucket",
        ("GET", true) if input.contains_key("list-type") => "ListObjectsV2",
        ("PUT", false) => "PutObject",
        ("GET", false) => "GetObject",
        ("DELETE", false) => "DeleteObject",
        _ => {
            return (WireProtocol::RestXml, Some(Service::S3), format!("{} /{path}", request.method()), None);
        }
    };
    input.insert("Bucket".to_owned(), unescape(bucket).into());
    if !key.is_empty() {
        input.insert("Key".to_owned(), unescape(key).into());
    }
    let header = |headers: &HeaderMap, name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    input.extend(
        header(request.headers(), "if-none-match").map(|value| ("IfNoneMatch".to_owned(), value.into())),
    );
    let Ok(body) = std::str::from_utf8(request.body()) else {
        return (WireProtocol::RestXml, Some(Service::S3), operation.to_owned(), None);
    };
    if !body.is_empty() {
        input.insert(BODY.to_owned(), body.into());
    }
    (WireProtocol::RestXml, Some(Service::S3), operation.to_owned(), Some(Value::Object(input)))
}

/// Makes the response from an outcome.
pub(super) fn encode(operation: &str, outcome: &Result<Value, ApiError>) -> Response<Bytes> {
    let output = match outcome {
        Ok(output) => output,
        Err(error) => return refusal(error),
    };
    let mut response = match operation {
        "GetObject" => {
            respond(200, "application/json", output[BODY].as_str().unwrap_or_default().as_bytes().to_vec())
        }
        "ListObjectsV2" => respond(200, "application/xml", list(output).into_bytes()),
        "DeleteObject" => respond(204, "application/xml", Vec::new()),
        _ => respond(200, "application/xml", Vec::new()),
    };
    if let Some(Ok(etag)) = output["ETag"].as_str().map(HeaderValue::try_from) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

fn refusal(error: &ApiError) -> Response<Bytes> {
    // A redirect names the Region of the bucket in its message alone, from where it goes to the header.
    let region =
        error.message.strip_prefix(BUCKET_REGION).map(|region| region.trim_start_matches(": ").to_owned());
    let (code, message, request) = (escape(&error.code), escape(&error.message), uuid());
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request}</RequestId></Error>"
    );
    let mut response = respond(error.status, "application/xml", xml.into_bytes());
    if let Some(Ok(region)) = region.map(HeaderValue::try_from) {
        response.headers_mut().insert("x-amz-bucket-region", region);
    }
    response
}

fn list(output: &Value) -> String {
    let mut xml =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"{NAMESPACE}\">");
    for (name, value) in output.as_object().into_iter().flatten() {
        match value {
            Value::Array(members) => {
                for member in members.iter().filter_map(Value::as_object) {
                    let _ = write!(xml, "<{name}>");
                    member.iter().for_each(|(name, value)| leaf(&mut xml, name, value));
                    let _ = write!(xml, "</{name}>");
                }
            }
            Value::Null => {}
            value => leaf(&mut xml, name, value),
        }
    }
    xml.push_str("</ListBucketResult>");
    xml
}

fn leaf(xml: &mut String, name: &str, value: &Value) {
    let text = value.as_str().map_or_else(|| value.to_string(), escape);
    let _ = write!(xml, "<{name}>{text}</{name}>");
}
