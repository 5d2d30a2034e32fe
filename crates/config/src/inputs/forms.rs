//! Parsers for the forms of value that only probes have.

use std::ops::RangeInclusive;

use faultgate_core::mistake::{Problem, nearest};

/// Statuses that end the exchange of a request.
const STATUSES: RangeInclusive<u16> = 200..=599;
/// The only status below 200 that ends the exchange of a request.
const SWITCHING_PROTOCOLS: u16 = 101;
const STATUS_HINT: &str = "write a status or a range of them, for example 200 or 200-299";

/// Statistics without a number.
const STATISTICS: [&str; 6] = ["Average", "Sum", "Minimum", "Maximum", "SampleCount", "IQM"];
/// Prefixes of percentile statistics, which a number follows: `p99.9`.
const PERCENTILES: [&str; 5] = ["tm", "wm", "tc", "ts", "p"];
/// Prefixes of statistics over a range, which stands in brackets: `TM(10%:90%)`.
const RANGES: [&str; 5] = ["TM", "WM", "TC", "TS", "PR"];

/// Parses a status or a range of them: `200` or `200-299`.
pub(crate) fn status(text: &str) -> Result<RangeInclusive<u16>, Problem> {
    let wrong = || Problem::new("is not a status of HTTP").hint(STATUS_HINT);
    let one = |text: &str| {
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        let is_last = |status: &u16| STATUSES.contains(status) || *status == SWITCHING_PROTOCOLS;
        text.parse::<u16>().ok().filter(|status| is_number && is_last(status))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (one(first.trim_end()).ok_or_else(wrong)?, one(last.trim_start()).ok_or_else(wrong)?);
    if first > last {
        return Err(Problem::new("is a range that ends before it begins").hint(STATUS_HINT));
    }
    Ok(first..=last)
}

/// Takes a statistic of CloudWatch: `Average`, `p99.9`, `TM(10%:90%)`.
pub(crate) fn statistic(text: &str) -> Result<String, Problem> {
    let is_percentile =
        PERCENTILES.iter().any(|kind| text.strip_prefix(kind).is_some_and(|number| is_number(number, 100)));
    if STATISTICS.contains(&text) || is_percentile || RANGES.iter().any(|kind| is_range(text, kind)) {
        return Ok(text.to_owned());
    }
    let known = "Average, Sum, Minimum, Maximum, SampleCount, a percentile such as p99.9, or TM(10%:90%)";
    let hint = nearest(text, STATISTICS)
        .map_or_else(|| format!("write {known}"), |near| format!("did you mean {near}? there are {known}"));
    Err(Problem::new("is not a statistic of CloudWatch").hint(hint))
}

fn is_range(text: &str, kind: &str) -> bool {
    let inner = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
    // An edge that is left out stands for the end of the values on that side.
    let is_edge = |edge: &str| edge.is_empty() || is_number(edge.strip_suffix('%').unwrap_or(edge), u32::MAX);
    inner
        .and_then(|inner| inner.split_once(':'))
        .is_some_and(|(low, high)| is_edge(low) && is_edge(high) && !(low.is_empty() && high.is_empty()))
}

/// `true` for digits, with or without more digits behind a point, up to `most`.
fn is_number(text: &str, most: u32) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let well_formed = match text.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(text),
    };
    well_formed && text.parse::<f64>().is_ok_and(|number| number <= f64::from(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_or_a_range() {
        for (text, want) in
            [("200", 200..=200), ("200-299", 200..=299), ("404 - 404", 404..=404), ("101", 101..=101)]
        {
            assert_eq!(status(text), Ok(want), "{text}");
        }
        for text in [
            "",
            "99",
            "100",
            "103",
            "100-199",
            "100-299",
            "600",
            "2xx",
            "200-",
            "-299",
            "200-299-300",
            "+200",
            "200,204",
            "299-200",
        ] {
            assert!(status(text).is_err(), "{text}");
        }
    }

    #[test]
    fn statistics_are_those_of_cloudwatch() {
        for text in [
            "Average",
            "SampleCount",
            "IQM",
            "p0",
            "p99",
            "p99.99",
            "p100",
            "p100.0",
            "tm90",
            "wm98.5",
            "tc10",
            "ts1",
            "TM(10%:90%)",
            "TM(:95%)",
            "WM(80%:)",
            "PR(0.5:30)",
            "TS(150:1000)",
        ] {
            assert_eq!(statistic(text), Ok(text.to_owned()));
        }
        for text in [
            "average", "Avg", "P99", "p", "p101", "p100.5", "p99.", "p-1", "p9e1", "TM(:)", "TM()", "TM(1)",
            "tm(1:2)", "TM(a:b)", "TM(1:2", "p99 ", "",
        ] {
            assert!(statistic(text).is_err(), "{text}");
        }
        let hint = statistic("average").unwrap_err().hint.unwrap();
        assert!(hint.starts_with("did you mean Average?"), "{hint}");
    }
}
