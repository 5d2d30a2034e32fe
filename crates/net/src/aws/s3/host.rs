//! The host that a bucket is asked at, and the addresses of requests.

use aws_config::SdkConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;

use crate::aws::{endpoint_of, partition_of};

/// The characters that a key has to be escaped for in a path. A signature is made over the same form.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// The same for the values of a query.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The host of buckets: an endpoint that the user has set, or AWS.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BucketHost {
    /// The endpoint, with the bucket in the path, since an emulator seldom has a name for each bucket.
    Endpoint(String),
    Aws {
        fips: bool,
        dual_stack: bool,
    },
}

impl BucketHost {
    /// Finds the host by the settings of the SDK.
    pub(super) fn find(sdk: &SdkConfig) -> Self {
        match endpoint_of(sdk, "S3").or_else(|| sdk.endpoint_url().map(ToOwned::to_owned)) {
            Some(url) => Self::Endpoint(url.trim_end_matches('/').to_owned()),
            None => Self::Aws {
                fips: sdk.use_fips() == Some(true),
                dual_stack: sdk.use_dual_stack() == Some(true),
            },
        }
    }

    /// Returns the address of a request. None if it cannot be one.
    pub(super) fn url(&self, bucket: &str, region: &str, key: &str, query: &[(&str, &str)]) -> Option<Url> {
        let base = match self {
            Self::Endpoint(url) => format!("{url}/{bucket}"),
            Self::Aws { fips, dual_stack } => {
                let fips = if *fips { "-fips" } else { "" };
                let dual_stack = if *dual_stack { ".dualstack" } else { "" };
                let suffix =
                    if partition_of(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
                let host = format!("s3{fips}{dual_stack}.{region}.{suffix}");
                // No certificate of S3 is for a name with more dots.
                if bucket.contains('.') {
                    format!("https://{host}/{bucket}")
                } else {
                    format!("https://{bucket}.{host}")
                }
            }
        };
        let path = utf8_percent_encode(key, IN_PATH);
        // The canonical form of a signature has the parameters in order.
        let mut pairs: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, IN_QUERY)))
            .collect();
        pairs.sort_unstable();
        let question = if pairs.is_empty() { "" } else { "?" };
        let text = format!("{base}/{path}{question}{}", pairs.join("&"));
        // A key with segments of dots would come out as another one.
        Url::parse(&text).ok().filter(|url| url.path().ends_with(&format!("/{path}")))
    }
}

/// Undoes the escapes of a key in a list. None if that makes no text.
pub(super) fn unescape(key: &str) -> Option<String> {
    // S3 escapes keys as a form does.
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_has_its_address() {
        let plain = BucketHost::Aws { fips: false, dual_stack: false };
        let at =
            |host: &BucketHost, bucket, region, key| host.url(bucket, region, key, &[]).unwrap().to_string();
        assert_eq!(
            at(&plain, "bucket", "eu-west-1", "a b/ä+.json"),
            "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/%C3%A4%2B.json"
        );
        assert_eq!(at(&plain, "a.b.c", "cn-north-1", "k"), "https://s3.cn-north-1.amazonaws.com.cn/a.b.c/k");
        let special = BucketHost::Aws { fips: true, dual_stack: true };
        assert_eq!(
            at(&special, "bucket", "us-east-1", "k"),
            "https://bucket.s3-fips.dualstack.us-east-1.amazonaws.com/k"
        );
        let emulator = BucketHost::Endpoint("http://127.0.0.1:4566".to_owned());
        let query = [("prefix", "a/b&c"), ("list-type", "2")];
        let url = emulator.url("bucket", "r", "", &query).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:4566/bucket/?list-type=2&prefix=a%2Fb%26c");
        assert_eq!(emulator.url("bucket", "r", "a/../../other/k", &[]), None);
    }

    #[test]
    fn keys_of_lists_come_back() {
        assert_eq!(unescape("a%2Bb+c/%C3%A4").as_deref(), Some("a+b c/ä"));
        assert_eq!(unescape("%ff"), None);
    }
}
