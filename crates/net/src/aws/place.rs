//! The place of requests to AWS: one account in one Region of one partition.

/// The account and Region that requests go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsPlace {
    pub partition: String,
    pub region: String,
    /// Id of the account, or `*` as long as it is not known.
    pub account: String,
}

impl AwsPlace {
    /// Returns the partition, Region and account of an ARN; None where one of them is missing.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let (Some("arn"), Some(partition), Some(_), Some(region), Some(account)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        if [partition, region, account].iter().any(|part| part.is_empty()) {
            return None;
        }
        Some(Self { partition: partition.to_owned(), region: region.to_owned(), account: account.to_owned() })
    }

    /// Returns the URL of the page about an experiment in the console of FIS.
    pub fn fis_console_url(&self, experiment: &str) -> String {
        let domain = console_domain(&self.partition).unwrap_or(DEFAULT_CONSOLE_DOMAIN);
        let region = &self.region;
        format!(
            "https://{region}.console.{domain}/fis/home?region={region}#ExperimentDetails:ExperimentId={experiment}"
        )
    }

    /// Returns the account of a role's ARN in the given Region, since roles have no Region.
    pub fn of_role(arn: &str, region: &str) -> Option<Self> {
        let mut parts = arn.split(':').skip(4);
        let account = parts.next().filter(|account| !account.is_empty())?;
        Some(Self { account: account.to_owned(), ..Self::in_region(region) })
    }

    /// Returns the place as far as it is known before the first answer: the Region, in any account.
    pub fn in_region(region: &str) -> Self {
        Self {
            partition: partition_of(region).to_owned(),
            region: region.to_owned(),
            account: "*".to_owned(),
        }
    }
}

/// Domain of AWS's consoles in the partition `aws`.
pub const DEFAULT_CONSOLE_DOMAIN: &str = "aws.amazon.com";

/// Returns the domain of AWS's consoles in a partition, if the partition is a known one.
pub fn console_domain(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some(DEFAULT_CONSOLE_DOMAIN),
        "aws-cn" => Some("amazonaws.cn"),
        "aws-us-gov" => Some("amazonaws-us-gov.com"),
        _ => None,
    }
}

/// Returns the partition of a Region.
pub fn partition_of(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_without_an_account_is_no_place() {
        assert_eq!(AwsPlace::of_arn("arn:aws:s3:::bucket"), None);
        assert_eq!(AwsPlace::of_arn("EXT1"), None);
        assert_eq!(
            AwsPlace::of_role("arn:aws:iam::123456789012:role/fis", "r").unwrap().account,
            "123456789012"
        );
        assert_eq!(AwsPlace::of_role("role/fis", "r"), None);
    }

    #[test]
    fn each_partition_has_a_console_of_its_own() {
        let url = |region| AwsPlace::in_region(region).fis_console_url("EXP1");
        assert!(url("eu-west-1").starts_with("https://eu-west-1.console.aws.amazon.com/fis/"));
        assert!(url("cn-north-1").starts_with("https://cn-north-1.console.amazonaws.cn/"));
        assert!(url("us-gov-west-1").starts_with("https://us-gov-west-1.console.amazonaws-us-gov.com/"));
    }
}
