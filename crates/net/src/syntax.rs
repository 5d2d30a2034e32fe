//! The syntax of addresses and of AWS Regions.

use crate::http::idn;
use faultgate_core::mistake::Problem;

/// Takes an http or https URL. A host in other scripts is returned in its ASCII form.
pub fn url(text: &str) -> Result<String, Problem> {
    let text = idn::in_ascii(text).unwrap_or(text.into());
    parsed_url(&text).map(|_| text.into_owned())
}

/// Parses an http or https URL without credentials.
pub fn parsed_url(text: &str) -> Result<http::Uri, Problem> {
    // A password may stand before the `@`, whether the URL is well-formed or not.
    if text.contains('@') {
        let mut problem =
            Problem::new("is a URL with a user name or an @").hint("write the URL without credentials");
        problem.hide = true;
        return Err(problem);
    }
    text.parse::<http::Uri>()
        .ok()
        .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")))
        .filter(|uri| uri.host().is_some_and(|h| !h.is_empty()))
        // The parser does not check the port: it leaves that to whoever asks for it.
        .filter(|uri| match uri.port_u16() {
            Some(port) => port > 0,
            None => uri.authority().map(http::uri::Authority::as_str) == uri.host(),
        })
        .ok_or_else(|| {
            Problem::new("is not an http or https URL").hint("write for example https://example.com")
        })
        .and_then(|uri| {
            check_host(uri.host().unwrap_or_default(), "a URL", "write for example https://example.com")?;
            Ok(uri)
        })
}

/// Refuses hosts that cannot exist, such as `1.2.3.400`, `a..b` and `$HOST`. The clients would only find out
/// when they send a request.
pub fn check_host(host: &str, of: &str, hint: &str) -> Result<(), Problem> {
    if host.contains('$') {
        return Err(Problem::new(format!("is {of} with a $ in its host"))
            .hint("write a variable as ${NAME}, which is replaced by its value"));
    }
    // One dot may stand at the end of a name.
    let has_gap = host.strip_suffix('.').unwrap_or(host).split('.').any(str::is_empty);
    if has_gap || reqwest::Url::parse(&format!("http://{host}/")).is_err() {
        return Err(Problem::new(format!("is {of} whose host cannot be one")).hint(hint));
    }
    Ok(())
}

/// Takes the name of an AWS Region.
pub fn region(text: &str) -> Result<String, Problem> {
    let lower = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let parts: Vec<_> = text.split('-').collect();
    let well_formed = match parts.as_slice() {
        [first, middle @ .., last] => {
            first.len() >= 2
                && lower(first)
                && !middle.is_empty()
                && middle.iter().all(lower)
                && last.len() == 1
                && last.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    if well_formed {
        return Ok(text.to_owned());
    }
    // A zone is written like `eu-west-1a`, or like the local zone `us-west-2-lax-1a`.
    let zone = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit());
    let of_region = parts.iter().position(zone).map(|last| {
        let number = parts[last].trim_end_matches(|c: char| c.is_ascii_lowercase());
        [&parts[..last], &[number]].concat().join("-")
    });
    Err(match of_region.filter(|region| text != region && self::region(region).is_ok()) {
        Some(region) => {
            Problem::new("is an Availability Zone and not an AWS Region").hint(format!("write {region}"))
        }
        None => Problem::new("is not an AWS Region").hint("write for example eu-west-1"),
    })
}
