//! The translation of requests into calls, and of outcomes into answers, for four protocols: REST-JSON
//! (FIS), REST-XML (S3), AWS JSON (`EventBridge`, SQS) and query (`CloudWatch`, STS).

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};

use crate::fixtures::DEFAULT_REGION;
use crate::forms::uuid;
use crate::place::{WorldPlace, account_of};
use crate::protocol::query;
use crate::protocol::rest_xml;
use crate::protocol::route;

/// The operation of STS that tells who asks. By its operations its requests are told from those of
/// `CloudWatch`.
pub(crate) const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";
/// The operation of STS that leads into another account.
pub(crate) const ASSUME_ROLE: &str = "AssumeRole";

/// A service that a world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Fis,
    Events,
    Sqs,
    CloudWatch,
    Sts,
    S3,
    Organizations,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fis => "fis",
            Self::Events => "events",
            Self::Sqs => "sqs",
            Self::CloudWatch => "cloudwatch",
            Self::Sts => "sts",
            Self::S3 => S3,
            Self::Organizations => "organizations",
        }
    }

    /// Returns the service with this prefix of the header `X-Amz-Target`.
    fn of_target(prefix: &str) -> Option<Self> {
        match prefix {
            "AWSEvents" => Some(Self::Events),
            "AmazonSQS" => Some(Self::Sqs),
            "AWSOrganizationsV20161128" => Some(Self::Organizations),
            "GraniteServiceVersion20100801" => Some(Self::CloudWatch),
            _ => None,
        }
    }
}

/// The name of S3 in signatures, by which its requests are told from all others.
const S3: &str = "s3";

/// The protocol of a request, in which it has to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WireProtocol {
    RestJson,
    RestXml,
    /// AWS JSON, with its content type.
    Json(&'static str),
    Query,
}

/// A request, understood as far as possible.
#[derive(Debug)]
pub(crate) struct ApiCall {
    /// Service of the request. None if a world does not have it.
    pub(crate) service: Option<Service>,
    pub(crate) service_name: String,
    pub(crate) operation: String,
    /// Input of the operation: an object, or whatever came instead of one.
    pub(crate) input: Value,
    /// Place that the signature is for.
    pub(crate) place: WorldPlace,
    /// Scheme and authority, as the client wrote them; URLs of queues begin with them.
    pub(crate) endpoint: String,
    malformed: bool,
    wire: WireProtocol,
}

impl ApiCall {
    /// Reads a request. Whatever cannot be read is kept as it is and refused by [`check`](Self::check), so
    /// that observers see it too.
    pub(crate) fn decode(request: &Request<Bytes>) -> Self {
        let headers = request.headers();
        let (place, scope_service) = scope(headers);
        let (wire, service, operation, body) =
            if scope_service == S3 { rest_xml::decode(request) } else { operation(request) };
        let mut call = Self {
            service,
            service_name: service.map_or(scope_service, |service| service.name().to_owned()),
            operation,
            malformed: body.is_none(),
            input: body.unwrap_or_default(),
            place,
            endpoint: endpoint(request),
            wire,
        };
        call.malformed |= !call.input.is_object();
        call
    }

    /// Returns the service, or the error for a request to an unknown service or with an input that cannot be
    /// read.
    pub(crate) fn check(&self) -> Result<Service, ApiError> {
        let service = self.service.ok_or_else(|| self.unknown())?;
        if self.malformed {
            return Err(ApiError::new(
                400,
                "SerializationException",
                "the request's body is not what the protocol says",
            ));
        }
        Ok(service)
    }

    /// Returns the error for an operation that a world does not have.
    pub(crate) fn unknown(&self) -> ApiError {
        let status = if self.wire == WireProtocol::RestJson { 404 } else { 400 };
        let message = format!("the rehearsal has no operation {}", self.operation);
        ApiError::new(status, "UnknownOperationException", message)
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, ApiError> {
        self.optional_text(name).ok_or_else(|| self.invalid(format!("{name} is required and is a string")))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<&str> {
        self.input.get(name)?.as_str()
    }

    pub(crate) fn list(&self, name: &str) -> Result<&[Value], ApiError> {
        self.optional_list(name).ok_or_else(|| self.invalid(format!("{name} is required and is a list")))
    }

    pub(crate) fn optional_list(&self, name: &str) -> Option<&[Value]> {
        self.input.get(name)?.as_array().map(Vec::as_slice)
    }

    /// Returns the strings of a list. Other values are left out.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.optional_list(name).unwrap_or_default().iter().filter_map(Value::as_str).collect()
    }

    pub(crate) fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.input.get(name)?.as_object()
    }

    /// Returns a whole number within limits. Parameters of a query come as text.
    pub(crate) fn number(
        &self,
        name: &str,
        limits: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.input.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        match number {
            Some(number) if limits.contains(&number) => Ok(Some(number)),
            _ => Err(self.invalid(format!("{name} must be between {} and {}", limits.start(), limits.end()))),
        }
    }

    /// Returns the service's own error for an invalid input.
    pub(crate) fn invalid(&self, message: impl Into<Cow<'static, str>>) -> ApiError {
        let code = match self.service {
            Some(Service::Sqs | Service::CloudWatch) => "InvalidParameterValue",
            _ => "ValidationException",
        };
        ApiError::new(400, code, message)
    }

    /// Makes the response to this call from its outcome.
    pub(crate) fn encode(&self, outcome: &Result<Value, ApiError>) -> Response<Bytes> {
        match outcome {
            _ if self.wire == WireProtocol::RestXml => rest_xml::encode(&self.operation, outcome),
            Ok(output) => self.response(200, output),
            Err(error) => self.refusal(error),
        }
    }

    fn refusal(&self, error: &ApiError) -> Response<Bytes> {
        let mut body = Map::new();
        if self.wire != WireProtocol::RestJson {
            let shape = match self.service {
                Some(Service::Sqs) => format!("com.amazonaws.sqs#{}", error.code),
                Some(Service::CloudWatch) => format!("com.amazonaws.cloudwatch#{}", error.code),
                _ => error.code.to_string(),
            };
            body.insert("__type".to_owned(), shape.into());
        }
        body.insert("message".to_owned(), error.message.as_ref().into());
        let mut response = match self.wire {
            WireProtocol::Query => {
                let body = query::encode_error(error.status, &error.query_code(), &error.message);
                respond(error.status, "text/xml", body)
            }
            _ => self.response(error.status, &Value::Object(body)),
        };
        let headers = response.headers_mut();
        let mut put = |name: &'static str, value: String| {
            // An injected error's code may be any text. If it cannot be a header, it is only in the body.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        if self.wire == WireProtocol::RestJson {
            put("x-amzn-errortype", error.code.to_string());
        }
        // Services that once spoke the query protocol still send its error codes.
        if matches!(self.service, Some(Service::Sqs | Service::CloudWatch)) {
            let fault = if error.status < 500 { "Sender" } else { "Receiver" };
            put("x-amzn-query-error", format!("{};{fault}", error.query_code()));
        }
        if let Some(after) = error.retry_after {
            // The standard header has whole seconds, rounded up so that nobody comes too early. AWS's own has
            // milliseconds.
            put("retry-after", after.as_millis().div_ceil(1000).to_string());
            put("x-amz-retry-after", after.as_millis().to_string());
        }
        response
    }

    fn response(&self, status: u16, output: &Value) -> Response<Bytes> {
        let (content_type, body) = match self.wire {
            WireProtocol::RestJson | WireProtocol::RestXml => {
                ("application/json", output.to_string().into_bytes())
            }
            WireProtocol::Json(version) => (version, output.to_string().into_bytes()),
            WireProtocol::Query => {
                let namespace = match self.service {
                    Some(Service::Sts) => "https://sts.amazonaws.com/doc/2011-06-15/",
                    _ => "http://monitoring.amazonaws.com/doc/2010-08-01/",
                };
                ("text/xml", query::encode(&self.operation, namespace, output))
            }
        };
        // An operation without output is answered with an empty body.
        let body = if output.is_null() { Vec::new() } else { body };
        respond(status, content_type, body)
    }
}

/// Makes a page for people, as a proxy or a captive portal would send it.
pub(crate) fn page_of(status: u16, retry_after: Option<Duration>) -> Response<Bytes> {
    let page = "<!doctype html><title>Sign in</title><p>Sign in to use this network.</p>";
    let mut response = respond(status, "text/html", page.as_bytes().to_vec());
    if let Some(after) = retry_after {
        let seconds = after.as_millis().div_ceil(1000).to_string();
        response.headers_mut().extend(HeaderValue::try_from(seconds).ok().map(|after| (RETRY_AFTER, after)));
    }
    response
}

pub(super) fn respond(status: u16, content_type: &'static str, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::try_from(uuid()) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

/// An error of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    pub(crate) retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after: None }
    }

    /// Returns the error's name in the query protocol, which some errors of SQS have besides.
    fn query_code(&self) -> Cow<'_, str> {
        match self.code.as_ref() {
            "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".into(),
            "QueueNameExists" => "QueueAlreadyExists".into(),
            code @ ("BatchEntryIdsNotDistinct"
            | "EmptyBatchRequest"
            | "InvalidBatchEntryId"
            | "MessageNotInflight"
            | "PurgeQueueInProgress"
            | "QueueDeletedRecently"
            | "TooManyEntriesInBatchRequest"
            | "UnsupportedOperation") => format!("AWS.SimpleQueueService.{code}").into(),
            code => code.into(),
        }
    }
}

/// Finds out the protocol, the service, the operation and the input of a request. The input is None if it
/// cannot be read.
fn operation(request: &Request<Bytes>) -> (WireProtocol, Option<Service>, String, Option<Value>) {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let path = request.uri().path();
    let media_type = header("content-type").and_then(|value| value.split(';').next());
    if media_type == Some("application/x-www-form-urlencoded") {
        // The services that are spoken to in the query protocol have no operation in common.
        let (operation, input) = query::decode(request.body()).unzip();
        let operation = operation.unwrap_or_default();
        let of_sts = [GET_CALLER_IDENTITY, ASSUME_ROLE].contains(&operation.as_str());
        let service = if of_sts { Service::Sts } else { Service::CloudWatch };
        return (WireProtocol::Query, Some(service), operation, input);
    }
    let body = if request.body().is_empty() {
        Some(Value::Object(Map::new()))
    } else {
        serde_json::from_slice(request.body()).ok()
    };
    if let Some(target) = header("x-amz-target") {
        let (prefix, operation) = target.split_once('.').unwrap_or(("", target));
        let version = match header("content-type") {
            Some("application/x-amz-json-1.1") => "application/x-amz-json-1.1",
            _ => "application/x-amz-json-1.0",
        };
        return (WireProtocol::Json(version), Service::of_target(prefix), operation.to_owned(), body);
    }
    let query = request.uri().query().unwrap_or_default();
    let Some(route) = route::of_fis(request.method(), path, query) else {
        let operation = format!("{} {path}", request.method());
        return (WireProtocol::RestJson, None, operation, body);
    };
    let operation = route.operation.to_owned();
    let input = body.and_then(|body| route.input(body));
    (WireProtocol::RestJson, Some(Service::Fis), operation, input)
}

/// Returns the place and the service of the signature's credential scope.
fn scope(headers: &HeaderMap) -> (WorldPlace, String) {
    let parts: Vec<_> = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once("Credential="))
        .and_then(|(_, rest)| rest.split(',').next())
        .map(|scope| scope.split('/').collect())
        .unwrap_or_default();
    let part = |place: usize, otherwise: &str| (*parts.get(place).unwrap_or(&otherwise)).to_owned();
    let account = account_of(&part(0, "")).to_owned();
    (WorldPlace { account, region: part(2, DEFAULT_REGION) }, part(3, "unknown"))
}

fn endpoint(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    if let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) {
        return format!("{scheme}://{authority}");
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("localhost"))
}

/// Returns one page of a list, and the token of the next page.
pub(crate) fn page(
    items: Vec<Value>,
    size: Option<u64>,
    token: Option<&str>,
) -> Result<(Vec<Value>, Option<String>), ApiError> {
    let start: usize = match token {
        None => 0,
        Some(token) => token.strip_prefix("from-").and_then(|place| place.parse().ok()).ok_or_else(|| {
            ApiError::new(400, "ValidationException", "the token of the next page is not valid")
        })?,
    };
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(100);
    let more = items.len() > start.saturating_add(size);
    let next = more.then(|| format!("from-{}", start + size));
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

/// Returns the tags of a map. Values that are not strings are left out.
pub(crate) fn tags(map: Option<&Map<String, Value>>) -> std::collections::BTreeMap<String, String> {
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    map.into_iter().flatten().filter_map(pair).collect()
}
