//! Objects in S3: a small client of our own, since the SDK's would double the image. It puts an object, gets
//! one, and lists a folder; nothing else is asked of S3.
//!
//! `address` reads addresses, `host` says where a bucket is asked, `xml` reads answers, and `refusal` tells
//! why a request failed and what to do.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, IF_NONE_MATCH};
use reqwest::{Method, Request, Response, StatusCode};

mod address;
mod host;
mod refusal;
mod xml;

pub use self::address::S3Address;
pub use self::refusal::{S3Failure, S3Refusal};

use self::host::BucketHost;
use self::refusal::S3Refused;
use super::config::OPERATION_TIMEOUT;
use super::patience::Patience;
use super::signer::Signer;
use crate::http::{self, HttpSettings, body::read_up_to};
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::duration::exact;
use faultgate_core::failure::Failure;

/// Name of the service in signatures.
const SERVICE: &str = "s3";
/// Time for one attempt with its whole answer, which may be the largest object.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const PATIENCE: Patience = Patience {
    max_attempts: 5,
    backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(5)).with_jitter(Jitter::Part(0.5)),
    time_limit: OPERATION_TIMEOUT,
};
/// Maximum size in bytes of a page of a list: 1,000 keys at their longest, each byte of them escaped.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// Maximum size of an error that is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// A bucket, with the connection to it.
#[derive(Debug)]
pub struct S3Bucket {
    name: String,
    host: BucketHost,
    client: reqwest::Client,
    signer: Signer,
    time: SharedTimeSource,
    /// Region of the bucket, as far as it is known. S3 tells it where it is another.
    region: Mutex<String>,
}

/// A page of the objects in a folder.
#[derive(Debug, PartialEq, Eq)]
pub struct S3Page {
    /// The keys, each with the size of its object in bytes.
    pub objects: Vec<(String, u64)>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// A request to a bucket, before it is signed.
struct BucketRequest<'a> {
    operation: &'static str,
    method: Method,
    key: &'a str,
    query: &'a [(&'a str, &'a str)],
    body: Bytes,
    /// `true` if an object must not be there yet.
    is_new: bool,
    max_bytes: usize,
}

impl S3Bucket {
    /// Makes a connection to a bucket, without any request.
    ///
    /// # Errors
    ///
    /// There are no credentials, or no HTTP client can be made.
    pub fn connect(name: &str, sdk: &SdkConfig, http: &HttpSettings) -> Result<Self, S3Failure> {
        let failure = |why: String| Failure::new(S3Refusal::Other, format!("reach the bucket {name}"), why);
        let client = http::client_with(http, |builder| builder.timeout(ATTEMPT_TIMEOUT));
        let client = client.map_err(|error| failure(format!("no HTTP client: {}", error.why)))?;
        let time = sdk.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()));
        // The Region of the bucket is told by S3 where none is known.
        let region = sdk.region().map_or("us-east-1", |region| region.as_ref()).to_owned();
        Ok(Self {
            name: name.to_owned(),
            host: BucketHost::find(sdk),
            client,
            signer: Signer::new(SERVICE, Some(sdk)).map_err(failure)?,
            time,
            region: Mutex::new(region),
        })
    }

    /// Loads the credentials, so that the first request need not wait for them.
    pub async fn load_credentials(&self) {
        // A failure is told by that request.
        let _ = self.signer.credentials(self.time.now()).await;
    }

    /// Puts an object. If it must be new and is there already, the refusal is [`S3Refusal::Exists`].
    ///
    /// # Errors
    ///
    /// The object was not put, or nobody knows whether it was.
    pub async fn put(&self, key: &str, body: Bytes, is_new: bool) -> Result<(), S3Failure> {
        let (operation, method) = ("PutObject", Method::PUT);
        self.send(BucketRequest { operation, method, key, query: &[], body, is_new, max_bytes: 0 })
            .await
            .map(drop)
    }

    /// Gets an object of at most this size.
    ///
    /// # Errors
    ///
    /// The object is not there, is larger, or cannot be read.
    pub async fn get(&self, key: &str, max_bytes: usize) -> Result<Vec<u8>, S3Failure> {
        let (operation, method, body) = ("GetObject", Method::GET, Bytes::new());
        self.send(BucketRequest { operation, method, key, query: &[], body, is_new: false, max_bytes }).await
    }

    /// Lists the objects of a folder, one page: the first one, or the one of a token.
    ///
    /// # Errors
    ///
    /// The list cannot be read.
    pub async fn list(&self, folder: &str, token: Option<&str>) -> Result<S3Page, S3Failure> {
        let mut query = vec![("list-type", "2"), ("prefix", folder), ("encoding-type", "url")];
        query.extend(token.map(|token| ("continuation-token", token)));
        let request = BucketRequest {
            operation: "ListObjectsV2",
            method: Method::GET,
            key: "",
            query: &query,
            body: Bytes::new(),
            is_new: false,
            max_bytes: MAX_PAGE_BYTES,
        };
        let body = self.send(request).await?;
        let no_list = || {
            let what = format!("list s3://{}/{folder}", self.name);
            Failure::new(S3Refusal::Other, what, "the answer is no list of objects")
        };
        let page = xml::read_page(&body).ok_or_else(no_list)?;
        let objects = page.objects.into_iter().map(|(key, size)| Some((host::unescape(&key)?, size)));
        let objects = objects.collect::<Option<Vec<_>>>().ok_or_else(no_list)?;
        Ok(S3Page { objects, next: page.next })
    }

    /// Sends a request until it is answered for good, and returns the body of the answer.
    async fn send(&self, request: BucketRequest<'_>) -> Result<Vec<u8>, S3Failure> {
        let refused =
            match PATIENCE.send(|| self.attempt_where_it_is(&request), S3Refused::may_help_again).await {
                Some(Ok(body)) => return Ok(body),
                Some(Err(refused)) => refused,
                None => S3Refused::Silent(format!("no answer within {}", exact(PATIENCE.time_limit))),
            };
        Err(refused.explain(request.operation, &self.name, request.key, &self.region()))
    }

    /// Makes an attempt, and another one at once where the first one is told that the bucket is in another Region.
    async fn attempt_where_it_is(&self, request: &BucketRequest<'_>) -> Result<Vec<u8>, S3Refused> {
        let answered = self.attempt(request).await;
        let Some(region) = answered.as_ref().err().and_then(|refused| self.find_move(refused)) else {
            return answered;
        };
        *self.region.lock().unwrap_or_else(PoisonError::into_inner) = region;
        self.attempt(request).await
    }

    /// Returns the Region to which an answer sends the request, if it is another.
    fn find_move(&self, refused: &S3Refused) -> Option<String> {
        refused.region().filter(|region| *region != self.region()).map(ToOwned::to_owned)
    }

    fn region(&self) -> String {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn attempt(&self, wanted: &BucketRequest<'_>) -> Result<Vec<u8>, S3Refused> {
        let region = self.region();
        let url = self.host.url(&self.name, &region, wanted.key, wanted.query);
        let url = url.ok_or_else(|| S3Refused::Unsent("the address cannot be one".to_owned()))?;
        let mut request = Request::new(wanted.method.clone(), url);
        if wanted.method == Method::PUT {
            let headers = request.headers_mut();
            headers.insert(CONTENT_TYPE, reqwest::header::HeaderValue::from_static("application/json"));
            if wanted.is_new {
                headers.insert(IF_NONE_MATCH, reqwest::header::HeaderValue::from_static("*"));
            }
            *request.body_mut() = Some(wanted.body.clone().into());
        }
        let signed = self.signer.sign(&mut request, &region, self.time.now()).await;
        signed.map_err(S3Refused::Unsigned)?;
        let mut answer = self.client.execute(request).await.map_err(S3Refused::lost)?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(read_refusal(answer).await);
        }
        let mut body = Vec::new();
        let is_whole = read_up_to(wanted.max_bytes, &mut answer, &mut body).await.map_err(S3Refused::lost)?;
        if is_whole { Ok(body) } else { Err(S3Refused::TooLarge(wanted.max_bytes)) }
    }
}

/// Reads the refusal in an answer.
async fn read_refusal(mut answer: Response) -> S3Refused {
    let status = answer.status().as_u16();
    let told = answer.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    let region = told.map(ToOwned::to_owned);
    let mut body = Vec::new();
    // An error that cannot be read is told by its status alone.
    let _ = read_up_to(MAX_ERROR_BYTES, &mut answer, &mut body).await;
    let error = xml::read_error(&body).unwrap_or_default();
    let is_redirect = matches!(status, 301 | 307) || error.code == "AuthorizationHeaderMalformed";
    let region = region.or_else(|| error.region.clone()).filter(|_| is_redirect || status == 400);
    S3Refused::Answered { status, error, region }
}

#[cfg(test)]
mod tests;
