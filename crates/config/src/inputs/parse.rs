//! The parsers, one for each form of value. No error repeats the value: see [`Problem`].

use std::time::Duration;

use faultgate_core::duration::exact;
use faultgate_core::mistake::Problem;
use faultgate_core::model::{Comparison, Expectation, PlanItem, Score, Shard};
use faultgate_net::syntax::{check_host, parsed_url};

use super::choices::{Only, ShardChoice};

pub(crate) const EXPERIMENT_NAME_HINT: &str = "write lower-case letters, digits and hyphens, at most 64";
pub(crate) const ADDRESS_HINT: &str = "write host:port, for example db:5432";
pub(crate) const COMPARISON_HINT: &str =
    "write a comparison in quotes, for example \"< 0.5\"; there are < <= > >= == !=";

const QUEUE_URL_HINT: &str =
    "write it as SQS shows it, for example https://sqs.eu-west-1.amazonaws.com/111122223333/events";

/// Takes one line of at most `max` characters.
pub(crate) fn line(text: &str, max: usize) -> Result<String, Problem> {
    if text.chars().any(char::is_control) {
        return Err(Problem::new("holds a control character").hint("write it on one line"));
    }
    if text.chars().count() > max {
        return Err(Problem::new(format!("is longer than {max} characters")));
    }
    Ok(text.to_owned())
}

/// Takes text on any number of lines, of at most `max` characters.
pub(crate) fn lines(text: &str, max: usize) -> Result<String, Problem> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Problem::new("holds a control character").hint("remove it"));
    }
    if text.chars().count() > max {
        return Err(Problem::new(format!("is longer than {max} characters")));
    }
    Ok(text.to_owned())
}

pub(crate) fn boolean(text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Problem::new("is neither true nor false").hint("write true or false")),
    }
}

/// Parses a score. Reports show two decimals, and a floor with more could not be told from a score below it.
pub(crate) fn score(text: &str) -> Result<Score, Problem> {
    let score = up_to_hundred(text)?;
    let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals.trim_end_matches('0'));
    if decimals.len() > 2 {
        let hint = format!("scores are compared as they are shown, so write for example {score}");
        return Err(Problem::new("has more than two decimals").hint(hint));
    }
    Ok(score)
}

fn up_to_hundred(text: &str) -> Result<Score, Problem> {
    text.parse::<f64>()
        .ok()
        // Rust takes `1e2`, `inf` and `+5` for numbers; here they are slips of the pen.
        .filter(|_| text.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        .and_then(Score::new)
        .ok_or_else(|| {
            Problem::new("is not a score").hint("write a number from 0 to 100, for example 95 or 99.5")
        })
}

/// Parses `2/5`, or `auto` with the number of parts behind a slash where the engine does not tell it.
pub(crate) fn shard(text: &str) -> Result<ShardChoice, Problem> {
    let parts = |total: &str| Shard::new(1, count(total, 1, Shard::MAX_PARTS).ok()?).map(Shard::total);
    let choice = match text.strip_prefix("auto") {
        Some("") => Some(ShardChoice::Auto(None)),
        Some(rest) => rest.strip_prefix('/').and_then(parts).map(|total| ShardChoice::Auto(Some(total))),
        None => text.parse().ok().map(ShardChoice::Fixed),
    };
    choice.ok_or_else(|| {
        Problem::new("is not a part of a suite").hint(format!(
            "write n/m, where n is from 1 to m and m is at most {}, for example 2/5; or auto, or auto/m",
            Shard::MAX_PARTS
        ))
    })
}

/// Parses names of experiments that are divided by commas, lines or white space, or the items of a plan.
pub(crate) fn only(text: &str) -> Result<Only, Problem> {
    const HINT: &str =
        "write names of experiments by comma or line, or hand back items of faultgate plan --format jsonl";
    if text.starts_with(['{', '[']) {
        let items = PlanItem::read_all(text).map_err(|what| hidden(&what).hint(HINT))?;
        return if items.is_empty() {
            Err(hidden("holds no item").hint(HINT))
        } else {
            Ok(Only::Items(items))
        };
    }
    let names = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
    let names: Result<Vec<_>, _> = names
        .map(|name| {
            experiment_name(name).map_err(|mut problem| {
                problem.item = Some(name.to_owned());
                problem
            })
        })
        .collect();
    let names = names?;
    if names.is_empty() {
        Err(Problem::new("names no experiment").hint(HINT))
    } else {
        Ok(Only::Names(names))
    }
}

/// Makes a problem whose value is too long to be shown.
fn hidden(what: &str) -> Problem {
    let mut problem = Problem::new(what);
    problem.hide = true;
    problem
}

pub(crate) fn count(text: &str, min: u32, max: u32) -> Result<u32, Problem> {
    text.parse::<u32>()
        .ok()
        // Rust takes `+5` for a number too.
        .filter(|n| text.bytes().all(|b| b.is_ascii_digit()) && (min..=max).contains(n))
        .ok_or_else(|| {
            Problem::new(format!("is not a whole number from {min} to {max}"))
                .hint(format!("write for example {}", min.max(1)))
        })
}

pub(crate) fn duration_within(text: &str, min: Duration, max: Duration) -> Result<Duration, Problem> {
    let duration = duration(text)?;
    if (min..=max).contains(&duration) {
        return Ok(duration);
    }
    Err(Problem::new("is out of range").hint(format!("write {} to {}", exact(min), exact(max))))
}

/// Parses a duration that is the value of one command's flag, and not of an input.
pub fn flag_duration(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    duration_within(text.trim(), min, max).map_err(|problem| match problem.hint {
        Some(hint) => format!("it {}; {hint}", problem.what),
        None => format!("it {}", problem.what),
    })
}

/// Parses a share in percent that is the value of one command's flag: `5%`, `0.5%` or `5`.
pub fn flag_percent(text: &str) -> Result<Score, String> {
    let text = text.trim();
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    up_to_hundred(number).map_err(|_| "it is no share in percent; write for example 5%".to_owned())
}

/// Parses `90s`, `5m`, `1h30m`, `500ms`: whole numbers, with units from large to small, each at most once.
fn duration(text: &str) -> Result<Duration, Problem> {
    const HINT: &str = "write for example 30s, 5m or 1h30m";
    let wrong = || Problem::new("is not a duration").hint(HINT);
    // A bare number could mean seconds or minutes, so nobody guesses.
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::new("is a duration without a unit").hint(format!("add one: {HINT}")));
    }
    let (mut rest, mut total, mut last_unit) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, tail) = tail.split_at(letters);
        let millis = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return Err(wrong()),
        };
        if millis >= last_unit {
            return Err(wrong());
        }
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(millis))
            .and_then(|n| total.checked_add(n))
            .ok_or_else(wrong)?;
        (rest, last_unit) = (tail, millis);
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_millis(total))
}

/// Parses ids that are divided by commas, lines or white space. One template may be named twice.
pub(crate) fn templates(text: &str) -> Result<Vec<String>, Problem> {
    let items: Vec<_> =
        text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty()).collect();
    if items.is_empty() {
        return Err(Problem::new("names no template").hint("write for example EXT1a2b3c4d5e6f7"));
    }
    items
        .into_iter()
        .map(|item| {
            template(item).map_err(|mut problem| {
                problem.item = Some(item.to_owned());
                problem
            })
        })
        .collect()
}

/// Takes everything that could be a template id. Ids of AWS begin with EXT, but those of emulators need not,
/// so only texts that no id can be are refused.
pub(crate) fn template(text: &str) -> Result<String, Problem> {
    let foreign = |c: char| c.is_whitespace() || c.is_control() || c == '/' || c == '\\';
    if text.is_empty() || text.chars().count() > 64 || text.chars().any(foreign) {
        return Err(Problem::new("is not an FIS experiment template id")
            .hint("write the id as FIS shows it, for example EXT1a2b3c4d5e6f7"));
    }
    Ok(text.to_owned())
}

pub(crate) fn queue_url(text: &str) -> Result<String, Problem> {
    let url = parsed_url(text).map_err(|problem| problem.hint(QUEUE_URL_HINT))?;
    if url.path().trim_matches('/').is_empty() {
        return Err(Problem::new("does not name a queue").hint(QUEUE_URL_HINT));
    }
    Ok(text.to_owned())
}

/// Takes the name of a role with its path, as it stands in an ARN behind `role/`.
pub(crate) fn role_name(text: &str) -> Result<String, Problem> {
    role_arn(&format!("arn:aws:iam::000000000000:role/{text}")).map(|_| text.to_owned()).map_err(|_| {
        Problem::new("is not the name of an IAM role").hint("write it without its ARN, for example chaos")
    })
}

/// Takes the id of an organizational unit or of a root.
pub(crate) fn unit(text: &str) -> Result<String, Problem> {
    let is_part = |part: &str, least: usize| {
        (least..=32).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split('-').collect();
    let well_formed = match parts.as_slice() {
        ["ou", root, unit] => is_part(root, 4) && is_part(unit, 8),
        ["r", root] => is_part(root, 4),
        _ => false,
    };
    well_formed.then(|| text.to_owned()).ok_or_else(|| {
        Problem::new("is not the id of a unit of AWS Organizations")
            .hint("write for example ou-ab12-cd34ef56")
    })
}

pub(crate) fn role_arn(text: &str) -> Result<String, Problem> {
    let partition = |p: &str| p == "aws" || p.starts_with("aws-");
    let account = |a: &str| a.len() == 12 && a.bytes().all(|b| b.is_ascii_digit());
    let name = |n: &str| {
        !n.is_empty()
            && n.len() <= 600
            && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b))
    };
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let well_formed = match parts.as_slice() {
        ["arn", p, "iam", "", a, role] => {
            partition(p) && account(a) && role.strip_prefix("role/").is_some_and(name)
        }
        _ => false,
    };
    well_formed.then(|| text.to_owned()).ok_or_else(|| {
        Problem::new("is not the ARN of an IAM role")
            .hint("write for example arn:aws:iam::111122223333:role/chaos")
    })
}

/// Parses `owner/name`, a path or an id of GitLab, a name of CodeCommit, or a URL. Bitbucket has workspaces such as
/// `{…}` too, and the names of no forge hold other characters.
pub(crate) fn repository(text: &str) -> Result<String, Problem> {
    let text = line(text, 255)?;
    let is_part = |part: &str| {
        part.contains(|c| c != '.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~{}-".contains(&b))
    };
    let well_formed = if text.contains(':') {
        !text.contains(char::is_whitespace)
    } else {
        text.trim_matches('/').split('/').all(is_part)
    };
    well_formed.then_some(text).ok_or_else(|| {
        Problem::new("is no repository")
            .hint("write its full name, for example octo/shop, or the URL that it is cloned from")
    })
}

pub(crate) fn commit(text: &str) -> Result<String, Problem> {
    let well_formed = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    well_formed.then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        Problem::new("is not a commit hash")
            .hint("write 7 to 64 hexadecimal digits, for example 9fceb02d0ae598e95dc970b74767f19372d61af8")
    })
}

/// Takes digits alone. The text is kept, and 18 digits always fit a 64-bit number.
pub(crate) fn digits(text: &str) -> Result<String, Problem> {
    let well_formed = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    well_formed
        .then(|| text.to_owned())
        .ok_or_else(|| Problem::new("is not a number").hint("write its digits alone, for example 42"))
}

pub(crate) fn experiment_name(text: &str) -> Result<String, Problem> {
    line(text, 255)?;
    let well_formed = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    well_formed
        .then(|| text.to_owned())
        .ok_or_else(|| Problem::new("is not a name for an experiment").hint(EXPERIMENT_NAME_HINT))
}

/// Takes a secret, on one line. No error repeats it.
pub(crate) fn parse_secret(text: &str) -> Result<String, Problem> {
    line(text, 10_000).map_err(|mut problem| {
        problem.hide = true;
        problem
    })
}

pub(crate) fn address(text: &str) -> Result<String, Problem> {
    line(text, 1_000)?;
    if is_address(text) {
        // An address in brackets has been parsed already, with its zone, which no URL can have.
        if let Some((host, _)) = text.rsplit_once(':').filter(|_| !text.starts_with('[')) {
            check_host(host, "an address", ADDRESS_HINT)?;
        }
        return Ok(text.to_owned());
    }
    let mut problem = Problem::new("is not a host and a port").hint(ADDRESS_HINT);
    // The text may be a URL, with a password in it.
    problem.hide = text.contains('@');
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let mut instead = rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    if !instead.contains(':') && !scheme.is_empty() {
        let port = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => "",
        };
        instead.push_str(port);
    }
    if !scheme.is_empty() {
        "is a URL, not a host and a port".clone_into(&mut problem.what);
    }
    problem.instead = Some(instead).filter(|instead| is_address(instead));
    Err(problem)
}

/// `true` for `db:5432` and `[::1]:5432`.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_name = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || r"/?#@:[]\".contains(c));
    is_port && (is_name || (host.starts_with('[') && text.parse::<std::net::SocketAddrV6>().is_ok()))
}

/// Parses a comparison such as `< 0.5`.
pub(crate) fn comparison(text: &str) -> Result<Expectation, Problem> {
    line(text, 100)?;
    // The longer operators come first, since `<` is also the beginning of `<=`.
    [
        Comparison::LessOrEqual,
        Comparison::GreaterOrEqual,
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::Greater,
    ]
    .into_iter()
    .find_map(|comparison| Some((comparison, text.strip_prefix(comparison.as_str())?)))
    .and_then(|(comparison, number)| {
        let value: f64 = number.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
        Some(Expectation { comparison, value })
    })
    .ok_or_else(|| Problem::new("is not a comparison with a number").hint(COMPARISON_HINT))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
