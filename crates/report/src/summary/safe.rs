//! Texts and addresses from outside, made safe for Markdown.

use faultgate_core::text;

/// Maximum length of one text from outside, in characters.
const MAX_TEXT_CHARS: usize = 400;
/// Maximum length, in bytes, of an address that becomes a link.
const MAX_URL_BYTES: usize = 1_000;

/// Number of digits of the id of an AWS account.
const ACCOUNT_DIGITS: usize = 12;

/// Makes text from outside safe for Markdown.
pub(super) fn md(text: &str) -> String {
    text::markdown(text, MAX_TEXT_CHARS)
}

/// Returns an address that can stand in a link of Markdown, or `None` if it cannot. Only addresses that we
/// have made ourselves become links.
pub(super) fn link(url: &str) -> Option<&str> {
    let safe = |c: char| c.is_ascii_graphic() && !"()<>[]|\"'`\\".contains(c);
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.len() <= MAX_URL_BYTES && url.chars().all(safe)).then_some(url)
}

/// Takes ARNs and ids of accounts out of a page: of an ARN the name of the resource stays. Addresses of links
/// stay as they are, since they would lead nowhere.
pub(super) fn without_accounts(page: &str) -> String {
    let mut hidden = String::with_capacity(page.len());
    let mut rest = page;
    while !rest.is_empty() {
        if let Some(end) = rest.strip_prefix("](").and_then(|link| link.find([')', '\n'])) {
            let (link, more) = rest.split_at(end + 2);
            hidden.push_str(link);
            rest = more;
        } else if let Some(resource) = resource_of_arn(rest) {
            rest = resource;
        } else {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let is_account =
                digits == ACCOUNT_DIGITS && !hidden.ends_with(|c: char| c.is_ascii_alphanumeric());
            let length = if digits > 0 { digits } else { rest.chars().next().map_or(0, char::len_utf8) };
            let (text, more) = rest.split_at(length);
            hidden.push_str(if is_account { "…" } else { text });
            rest = more;
        }
    }
    hidden
}

/// Returns what follows the account in the ARN at the beginning of a text.
fn resource_of_arn(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix("arn:aws")?;
    // Partition, service, Region and account.
    for _ in 0..4 {
        let end = rest.find(':')?;
        if !rest[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        rest = &rest[end + 1..];
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_taken_out_and_names_stay() {
        for (page, hidden) in [
            ("arn:aws:ecs:eu-west-1:111122223333:task/shop-1<br>x", "task/shop-1<br>x"),
            ("arn:aws-cn:s3:::bucket/key, arn:aws:iam::111122223333:role/a", "bucket/key, role/a"),
            ("| 111122223333 | eu-west-1 |", "| … | eu-west-1 |"),
            ("bucket-111122223333-x 1111222233334 a111122223333", "bucket-…-x 1111222233334 a111122223333"),
            ("[111122223333](https://x.example/111122223333)", "[…](https://x.example/111122223333)"),
            ("arn:aws: é 🦀 ](", "arn:aws: é 🦀 ]("),
        ] {
            assert_eq!(without_accounts(page), hidden);
            assert!(without_accounts(page).len() <= page.len());
        }
    }
}
