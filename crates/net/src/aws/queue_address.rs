//! The address of a queue of SQS: where it is, as far as its URL tells.

/// The name of a queue, and its Region and account where the URL has them. That of an endpoint which is not
/// AWS's has no Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueAddress {
    pub region: Option<String>,
    pub account: Option<String>,
    pub name: String,
}

impl QueueAddress {
    /// Reads a URL such as `https://sqs.eu-west-1.amazonaws.com/111122223333/fis-events`.
    pub fn of(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_of_aws = ["amazonaws.com", "amazonaws.com.cn", "api.aws"]
            .iter()
            .any(|domain| host.strip_suffix(domain).is_some_and(|before| before.ends_with('.')));
        let region = host.split('.').find(|label| is_of_aws && is_region(label));
        let mut parts = path.rsplit('/');
        let name = parts.next().unwrap_or_default().to_owned();
        let is_account = |part: &&str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
        Self {
            region: region.map(str::to_owned),
            account: parts.next().filter(is_account).map(str::to_owned),
            name,
        }
    }
}

/// Returns `true` for a label such as `eu-west-1` or `us-gov-east-1`, and not for that of an endpoint of a
/// VPC.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let (Some(number), words) = (parts.last(), &parts[..parts.len().saturating_sub(1)]) else { return false };
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    words.len() >= 2 && words.iter().all(is_word) && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_region_account_and_name() {
        for (host, region) in [
            ("https://sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("https://sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("https://us-gov-east-1.queue.amazonaws.com", Some("us-gov-east-1")),
            ("https://sqs.eu-central-1.api.aws", Some("eu-central-1")),
            ("https://vpce-0a1b-2c3d.sqs.us-east-2.vpce.amazonaws.com", Some("us-east-2")),
            ("https://queue.amazonaws.com", None),
            ("http://127.0.0.1:5000", None),
            ("https://sqs.eu-west-1.example.com", None),
            ("https://sqs.eu-west-1.notamazonaws.com", None),
        ] {
            let address = QueueAddress::of(&format!("{host}/111122223333/fis-events"));
            assert_eq!(address.region.as_deref(), region, "{host}");
            assert_eq!(
                (address.account.as_deref(), address.name.as_str()),
                (Some("111122223333"), "fis-events")
            );
        }
        for url in ["", "https://sqs.eu-west-1.amazonaws.com", "https://host/queue/one", "///", "-"] {
            assert_eq!(QueueAddress::of(url).account, None, "{url}");
        }
    }
}
