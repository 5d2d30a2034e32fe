//! The report that an engine writes itself, as our reports refer to it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use faultgate_core::model::ExperimentResult;
use faultgate_net::aws::console_domain;

/// Characters to escape in a query of AWS's console.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/');

/// Returns the location of the engine's report, or its state if it has no location yet, and the address where
/// a person can open it. Returns `None` if the engine writes no report.
pub(crate) fn own_report(experiment: &ExperimentResult) -> Option<(&str, Option<String>)> {
    let location = experiment.report_location.as_deref();
    Some((location.or(experiment.report_state.as_deref())?, location.and_then(page)))
}

/// Returns the page of an object in S3, in the console of its partition. A web address is a page already.
fn page(location: &str) -> Option<String> {
    if location.starts_with("https://") {
        return Some(location.to_owned());
    }
    let (partition, object) = location.strip_prefix("arn:")?.split_once(":s3:::")?;
    let (bucket, key) = object.split_once('/')?;
    let domain = console_domain(partition)?;
    let bucket = utf8_percent_encode(bucket, KEY);
    Some(format!("https://console.{domain}/s3/object/{bucket}?prefix={}", utf8_percent_encode(key, KEY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_in_s3_has_a_page_in_the_console_of_its_partition() {
        let page = |arn| page(arn).unwrap_or_default();
        assert_eq!(
            page("arn:aws:s3:::reports/chaos/EXP1 (a&b).pdf"),
            "https://console.aws.amazon.com/s3/object/reports?prefix=chaos/EXP1%20%28a%26b%29.pdf"
        );
        assert!(page("arn:aws-cn:s3:::reports/EXP1.pdf").starts_with("https://console.amazonaws.cn/s3/"));
        assert!(page("arn:aws-us-gov:s3:::r/EXP1.pdf").starts_with("https://console.amazonaws-us-gov.com/"));
        assert_eq!(page("https://reports.example/1"), "https://reports.example/1");
        for odd in
            ["", "arn:aws:s3:::bucket", "arn:other:s3:::bucket/key", "javascript:alert(1)", "s3://bucket/key"]
        {
            assert_eq!(page(odd), "", "{odd}");
        }
    }
}
