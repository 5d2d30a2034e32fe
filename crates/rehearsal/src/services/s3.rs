//! S3: buckets of all accounts, whose objects are texts, and lists of them.

use std::collections::BTreeMap;

use faultgate_core::digest;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::forms::whole_seconds;
use crate::protocol::call::{ApiCall, ApiError};
use crate::protocol::rest_xml::{BODY, BUCKET_REGION};
use crate::services::context::ServiceContext;

/// The characters of a key that a list escapes.
const IN_LIST: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/').remove(b'*');
/// Largest number of objects on a page.
const MAX_PAGE: u64 = 1000;

/// The buckets of a world, which have one name space in all accounts.
#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<String, Bucket>);

/// A bucket.
#[derive(Debug)]
struct Bucket {
    region: String,
    objects: BTreeMap<String, String>,
}

impl Buckets {
    /// Answers a request of a client.
    pub(crate) fn answer(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let name = call.text("Bucket")?;
        if call.operation == "CreateBucket" {
            self.create(name, &context.place.region);
            return Ok(Value::Null);
        }
        let Some(bucket) = self.0.get_mut(name) else {
            return Err(ApiError::new(404, "NoSuchBucket", "The specified bucket does not exist"));
        };
        if bucket.region != context.place.region {
            return Err(ApiError::new(
                301,
                "PermanentRedirect",
                format!("{BUCKET_REGION}: {}", bucket.region),
            ));
        }
        match call.operation.as_str() {
            "PutObject" => {
                let key = call.text("Key")?;
                if call.optional_text("IfNoneMatch") == Some("*") && bucket.objects.contains_key(key) {
                    let message = "At least one of the pre-conditions you specified did not hold";
                    return Err(ApiError::new(412, "PreconditionFailed", message));
                }
                let body = call.optional_text(BODY).unwrap_or_default();
                bucket.objects.insert(key.to_owned(), body.to_owned());
                Ok(json!({ "ETag": etag(body) }))
            }
            "GetObject" => match bucket.objects.get(call.text("Key")?) {
                Some(body) => Ok(json!({ BODY: body, "ETag": etag(body) })),
                None => Err(ApiError::new(404, "NoSuchKey", "The specified key does not exist.")),
            },
            "DeleteObject" => {
                bucket.objects.remove(call.text("Key")?);
                Ok(Value::Null)
            }
            "ListObjectsV2" => bucket.list(name, call, context),
            _ => Err(call.unknown()),
        }
    }

    /// Makes a bucket, unless there is one of this name.
    pub(crate) fn create(&mut self, name: &str, region: &str) {
        let bucket = || Bucket { region: region.to_owned(), objects: BTreeMap::new() };
        self.0.entry(name.to_owned()).or_insert_with(bucket);
    }

    /// Puts an object into a bucket that is there.
    pub(crate) fn put(&mut self, bucket: &str, key: &str, body: &str) {
        if let Some(bucket) = self.0.get_mut(bucket) {
            bucket.objects.insert(key.to_owned(), body.to_owned());
        }
    }

    /// Returns all objects of a bucket.
    pub(crate) fn objects(&self, bucket: &str) -> BTreeMap<String, String> {
        self.0.get(bucket).map(|bucket| bucket.objects.clone()).unwrap_or_default()
    }
}

impl Bucket {
    fn list(&self, name: &str, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let prefix = call.optional_text("prefix").unwrap_or_default();
        let size = call.number("max-keys", 0..=MAX_PAGE)?.unwrap_or(MAX_PAGE);
        let after = call.optional_text("continuation-token").or_else(|| call.optional_text("start-after"));
        let is_url = call.optional_text("encoding-type") == Some("url");
        let shown =
            |key: &str| if is_url { utf8_percent_encode(key, IN_LIST).to_string() } else { key.to_owned() };
        let below = self.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let mut rest = below.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after)).peekable();
        let mut contents = Vec::new();
        let mut last = None;
        while contents.len() as u64 != size
            && let Some((key, body)) = rest.next()
        {
            contents.push(json!({
                "Key": shown(key), "LastModified": whole_seconds(context.now), "ETag": etag(body),
                "Size": body.len(), "StorageClass": "STANDARD",
            }));
            last = Some(key);
        }
        let is_truncated = rest.peek().is_some();
        Ok(json!({
            "Name": name, "Prefix": shown(prefix), "MaxKeys": size, "KeyCount": contents.len(),
            "IsTruncated": is_truncated, "EncodingType": is_url.then_some("url"), "Contents": contents,
            "NextContinuationToken": last.filter(|_| is_truncated),
        }))
    }
}

fn etag(body: &str) -> String {
    let digest = digest::of_parts(&[body]);
    format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
}
