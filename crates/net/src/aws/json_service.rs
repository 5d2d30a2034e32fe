//! Requests to services of AWS that speak JSON 1.1, for which there is no client of the SDK: it would be larger
//! than the few requests are worth.

use aws_config::SdkConfig;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::endpoint_of;
use super::error::{MAX_MESSAGE_CHARS, is_throttled};
use super::http_client::credentials_in;
use super::patience::Patience;
use super::signer::Signer;
use crate::http::{self, body::read_up_to};
use faultgate_core::duration::exact;
use faultgate_core::text;

/// The names of a service, and the limits of a request to it.
#[derive(Debug)]
pub struct JsonApi {
    /// Name in signatures.
    pub service: &'static str,
    /// Name by which the settings of the SDK know the service.
    pub service_id: &'static str,
    /// Name by which requests name the version of the API.
    pub target: &'static str,
    pub patience: Patience,
    /// Maximum size of an answer in bytes.
    pub max_answer_bytes: usize,
}

/// The connection to a service in one Region.
#[derive(Debug)]
pub struct JsonService {
    api: &'static JsonApi,
    client: reqwest::Client,
    signer: Signer,
    endpoint: Url,
    region: String,
    time: SharedTimeSource,
}

impl JsonService {
    /// Makes a connection without any request. An endpoint in the SDK's configuration goes before the usual one.
    ///
    /// # Errors
    ///
    /// There are no credentials, or the endpoint cannot be one.
    pub fn new(
        api: &'static JsonApi,
        sdk: &SdkConfig,
        client: reqwest::Client,
        region: &str,
        usual_endpoint: &str,
    ) -> Result<Self, String> {
        let configured = endpoint_of(sdk, api.service_id).or_else(|| sdk.endpoint_url().map(str::to_owned));
        let endpoint = Url::parse(configured.as_deref().unwrap_or(usual_endpoint));
        Ok(Self {
            api,
            client,
            signer: Signer::new(api.service, Some(sdk))?,
            endpoint: endpoint.map_err(|_| format!("the endpoint of {} is no URL", api.service_id))?,
            region: region.to_owned(),
            time: sdk.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())),
        })
    }

    /// Returns the Region of the requests.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Sends a request until it is answered for good, or the time is over.
    ///
    /// # Errors
    ///
    /// The request was refused, its answer was lost or is not what the operation gives.
    pub async fn ask<T: DeserializeOwned>(&self, operation: &str, input: &Value) -> Result<T, JsonRefusal> {
        let Patience { time_limit, .. } = self.api.patience;
        let attempt = || self.attempt(operation, input);
        let answer = self.api.patience.send(attempt, |refused| refused.may_help_again).await;
        let late = || Err(JsonRefusal::unanswered(format!("no answer within {}", exact(time_limit))));
        let answer = answer.unwrap_or_else(late)?;
        serde_json::from_value(answer).map_err(|_| JsonRefusal::answered(operation, 200, None, &Value::Null))
    }

    async fn attempt(&self, operation: &str, input: &Value) -> Result<Value, JsonRefusal> {
        let mut request = Request::new(Method::POST, self.endpoint.clone());
        let target = HeaderValue::try_from(format!("{}.{operation}", self.api.target));
        let target =
            target.map_err(|_| JsonRefusal::unanswered("the request could not be made".to_owned()))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        request.headers_mut().insert("x-amz-target", target);
        *request.body_mut() = Some(input.to_string().into());
        let signed = self.signer.sign(&mut request, &self.region, self.time.now()).await;
        signed.map_err(|failure| {
            let usual = || "give the job AWS credentials that are valid and have not expired".to_owned();
            JsonRefusal {
                remedy: Some(failure.remedy.unwrap_or_else(usual)),
                ..JsonRefusal::unanswered(failure.why)
            }
        })?;
        let credentials = credentials_in(|name| request.headers().get(name)?.to_str().ok());
        let mut answer = self.client.execute(request).await.map_err(JsonRefusal::lost)?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        let is_whole = read_up_to(self.api.max_answer_bytes, &mut answer, &mut body).await;
        let is_whole = is_whole.map_err(JsonRefusal::lost)?;
        if status == 200
            && is_whole
            && let Ok(read) = serde_json::from_slice(&body)
        {
            return Ok(read);
        }
        // AWS repeats the request where its signature does not match.
        let said = String::from_utf8_lossy(&body).into_owned();
        let said = credentials.iter().fold(said, |said, credential| credential.veil(&said));
        let error = serde_json::from_str(&said).unwrap_or_default();
        Err(JsonRefusal::answered(operation, status, code_in(&answer), &error))
    }
}

/// Returns the code of the error in the headers of an answer.
fn code_in(answer: &Response) -> Option<&str> {
    answer.headers().get("x-amzn-errortype")?.to_str().ok()
}

/// A request that was not granted.
#[derive(Debug)]
pub struct JsonRefusal {
    /// HTTP status of the answer; 0 where there was none.
    pub status: u16,
    /// Code of the error; empty where the answer has none.
    pub code: String,
    /// The service's words about the error, or else the reason why there are none, without credentials.
    pub message: String,
    /// The instruction for a connection that failed, or for credentials that cannot be had.
    pub remedy: Option<String>,
    may_help_again: bool,
}

impl JsonRefusal {
    /// Returns the code and the message as plain text of a limited length.
    pub fn why(&self) -> String {
        let whole = match (self.code.as_str(), self.message.as_str()) {
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        text::plain(&whole, MAX_MESSAGE_CHARS)
    }

    fn unanswered(message: String) -> Self {
        Self { status: 0, code: String::new(), message, remedy: None, may_help_again: false }
    }

    /// Makes the refusal of a request whose answer was lost.
    fn lost(error: reqwest::Error) -> Self {
        let message = http::cause(&error.without_url());
        let remedy = http::remedy(&message).map(ToOwned::to_owned);
        Self { may_help_again: remedy.is_none(), remedy, ..Self::unanswered(message) }
    }

    /// Makes the refusal in an answer. The code stands in a header or in the body, and some services write a name
    /// space before it or an address behind it.
    fn answered(operation: &str, status: u16, code: Option<&str>, body: &Value) -> Self {
        let member = |name: &str| body.get(name).and_then(Value::as_str);
        let code = code.or_else(|| member("__type")).or_else(|| member("code")).unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let message = match code {
            "" => format!("HTTP {status} with an answer that {operation} does not give"),
            _ => member("message").or_else(|| member("Message")).unwrap_or_default().to_owned(),
        };
        Self {
            status,
            code: code.to_owned(),
            message,
            remedy: None,
            may_help_again: is_throttled(code) || status == 429 || status >= 500,
        }
    }
}
