//! Texts and addresses from outside, made safe for Markdown.

use faultgate_core::text::{self, ACCOUNT_DIGITS};

/// Maximum length of one text from outside, in characters.
const MAX_TEXT_CHARS: usize = 400;
/// Maximum length, in characters, of a text that tells what to do, such as the permissions to add.
pub(super) const MAX_TOLD_CHARS: usize = 1_500;
/// Maximum length, in bytes, of an address that becomes a link.
const MAX_URL_BYTES: usize = 1_000;

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

/// Returns text for a line of a list, in which commands and statements between backticks can be copied.
pub(super) fn told(text: &str) -> String {
    text::markdown_with_code(text, MAX_TOLD_CHARS)
}

/// Takes ARNs and ids of accounts out of a page: of an ARN the name of the resource stays. Addresses of links
/// stay as they are, since they would lead nowhere.
pub(super) fn without_accounts(page: &str) -> String {
    page.split_inclusive('\n').map(|line| hide(line, true)).collect()
}

/// Takes ARNs and ids of accounts out of a text that has no links.
pub(crate) fn plain_without_accounts(text: &str) -> String {
    hide(text, false)
}

/// Takes ARNs and ids of accounts out of a line. Addresses of links stay where the line is of a page.
fn hide(line: &str, is_of_page: bool) -> String {
    let mut hidden = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let is_escaped = (hidden.len() - hidden.trim_end_matches('\\').len()) % 2 == 1;
        // Brackets in a text from outside are escaped, and make no link; code has none either.
        let address = rest.strip_prefix("](").filter(|_| is_of_page && !is_escaped);
        let address = address.and_then(|rest| rest.split_once(')')).map(|(address, _)| address);
        let may_be_code = is_of_page && !is_escaped && rest.starts_with('`');
        let code = Some(rest).filter(|_| may_be_code).and_then(text::split_at_code);
        let code = code.filter(|(before, ..)| before.is_empty());
        if let Some(address) = address.and_then(link) {
            let (kept, more) = rest.split_at(2 + address.len());
            hidden.push_str(kept);
            rest = more;
        } else if let Some((_, code, more)) = code {
            hidden.push_str(&hide(code, false));
            rest = more;
        } else if let Some(resource) = resource_of_arn(rest) {
            rest = resource;
        } else {
            let encoded = length_of_encoded(rest);
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let grouped =
                grouped_account(rest).filter(|_| !hidden.ends_with(|c: char| c.is_ascii_digit() || c == '-'));
            // Digits at which a text was cut off may be the beginning of an id.
            let is_cut = digits > 0 && rest[digits..].starts_with('…');
            let is_account = digits == ACCOUNT_DIGITS || grouped.is_some() || is_cut;
            let length = match grouped {
                Some(length) => length,
                None if digits > 0 => digits,
                None => encoded.unwrap_or_else(|| rest.chars().next().map_or(0, char::len_utf8)),
            };
            let (text, more) = rest.split_at(length);
            hidden.push_str(if is_account { "…" } else { text });
            rest = more;
        }
    }
    hidden
}

/// Returns the length of a character that is percent-encoded (`%20`) at the beginning of a text. Its digits
/// are none of what follows. A page may have a zero-width space behind the sign.
fn length_of_encoded(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('%')?;
    let rest = rest.strip_prefix("&#8203;").unwrap_or(rest);
    let is_encoded = rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    is_encoded.then(|| text.len() - rest.len() + 2)
}

/// Returns the length of an account's id in the form `1111-2222-3333` at the beginning of a text.
fn grouped_account(text: &str) -> Option<usize> {
    const LENGTH: usize = ACCOUNT_DIGITS + 2;
    let (id, more) = text.as_bytes().split_at_checked(LENGTH)?;
    let fits = |(place, byte): (usize, &u8)| {
        if matches!(place, 4 | 9) { *byte == b'-' } else { byte.is_ascii_digit() }
    };
    let ends = more.first().is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'-');
    (ends && id.iter().enumerate().all(fits)).then_some(LENGTH)
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
            ("bucket-111122223333-x 1111222233334 a111122223333", "bucket-…-x 1111222233334 a…"),
            ("account111122223333x id\\_111122223333", "account…x id\\_…"),
            ("%3A%20111122223333 %&#8203;3A%&#8203;20111122223333", "%3A%20… %&#8203;3A%&#8203;20…"),
            ("arn:aws:iam::11112222… 3…", "arn:aws:iam::…… ……"),
            (
                "`](https://x.example/111122223333)` \\`[a](https://x.example/111122223333)",
                "`](https://x.example/…)` \\`[a](https://x.example/111122223333)",
            ),
            ("[111122223333](https://x.example/111122223333)", "[…](https://x.example/111122223333)"),
            ("arn:aws: é 🦀 ](", "arn:aws: é 🦀 ]("),
            // A text that only looks like a link hides nothing.
            ("a\\](arn:aws:iam::111122223333:role/b) 111122223333", "a\\](role/b) …"),
            ("x](111122223333 is denied", "x](… is denied"),
            ("arn%3Aaws%3Aiam%3A%3A111122223333%3Arole", "arn%3Aaws%3Aiam%3A%3A…%3Arole"),
            ("account 1111-2222-3333, 2026-11-28", "account …, 2026-11-28"),
        ] {
            assert_eq!(without_accounts(page), hidden);
            assert!(without_accounts(page).len() <= page.len());
        }
    }
}
