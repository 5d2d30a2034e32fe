//! Durations as text, in the styles that people read, and in that of FIS.
//!
//! - [`coarse`] for lines and tables: the two largest units, `1h30m`, `12s`, `1.2s`, `850ms`.
//! - [`fine`] for latencies and drawings, where milliseconds matter: `850ms`, `1.23s`, and from a minute on as
//!   [`coarse`].
//! - [`exact`] as settings take a duration: one whole unit, `90s`, `500ms`.
//! - [`decimal`] for formats that take seconds with decimals: `1.230`.
//!
//! Digits are cut and never rounded: 59,999 ms must not become a minute.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Writes a duration in its two largest units: `1h30m`, `1m30s`, `12s`. Less than ten seconds have tenths, and less
/// than one is written in milliseconds. Clocks differ, so an end may seem to lie before its start: then no time
/// has passed.
pub fn coarse(duration: SignedDuration) -> String {
    let duration = duration.max(SignedDuration::ZERO);
    let whole = duration.as_secs();
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) if whole == 0 && duration.subsec_millis() > 0 => format!("{}ms", duration.subsec_millis()),
        (0, 0) if whole < 10 && duration.subsec_millis() != 0 => {
            format!("{whole}.{}s", duration.subsec_millis().unsigned_abs() / 100)
        }
        (0, 0) => format!("{rest}s"),
        (0, _) if rest == 0 => format!("{minutes}m"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ if minutes == 0 && rest == 0 => format!("{hours}h"),
        _ => format!("{hours}h{minutes}m"),
    }
}

/// Writes a duration of less than a minute with its milliseconds: `850ms`, `1.23s`. Any other one is written
/// as [`coarse`] does.
pub fn fine(duration: SignedDuration) -> String {
    match u64::try_from(duration.as_millis()) {
        Ok(millis @ 0..1_000) => format!("{millis}ms"),
        Ok(millis @ 1_000..60_000) => {
            let hundredths = millis / 10;
            let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => coarse(duration),
    }
}

/// Writes a duration in its largest whole unit, as settings take it: `1h`, `90s`, `500ms`.
pub fn exact(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis >= size && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

/// Writes a duration as seconds with three decimals: `1.230`.
pub fn decimal(duration: SignedDuration) -> String {
    format!("{}.{:03}", duration.as_secs(), duration.subsec_millis())
}

/// Parses a duration of ISO 8601 as FIS writes it: `PT1H30M`. Returns None for anything else.
pub fn parse_iso(text: &str) -> Option<Duration> {
    // The library reads other forms as well, which FIS refuses.
    if !text.starts_with('P') {
        return None;
    }
    let span: Span = text.parse().ok()?;
    Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()
}

/// Returns a number of milliseconds as a duration.
pub fn from_millis(millis: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_durations_read_well() {
        let cases = [
            (0, "0s"),
            (40, "40ms"),
            (1_230, "1.2s"),
            (12_900, "12s"),
            (60_000, "1m"),
            (90_500, "1m30s"),
            (3_600_000, "1h"),
            (5_400_000, "1h30m"),
            (-40, "0s"),
            (-5_400_000, "0s"),
        ];
        for (millis, expected) in cases {
            assert_eq!(coarse(SignedDuration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn fine_durations_have_their_milliseconds() {
        let cases = [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (1_500, "1.5s"),
            (59_999, "59.99s"),
            (60_000, "1m"),
            (u64::MAX, "2562047788015h12m"),
        ];
        for (millis, expected) in cases {
            assert_eq!(fine(from_millis(millis)), expected);
        }
        assert_eq!(fine(SignedDuration::from_millis(-12_000)), "0s");
    }

    #[test]
    fn durations_of_fis_are_of_iso_8601() {
        let minutes = |text| parse_iso(text).map(|length| length.as_secs() / 60);
        assert_eq!(minutes("PT5M"), Some(5));
        assert_eq!(minutes("PT1H30M"), Some(90));
        assert_eq!(minutes("P1D"), Some(24 * 60));
        assert_eq!(parse_iso("PT5S"), Some(Duration::from_secs(5)));
        for odd in ["", "5m", "5 minutes", "PT", "P", "-PT5M", "PT-5M", "T5M", "PT5", "pt5", "P1Y"] {
            assert_eq!(parse_iso(odd), None, "{odd}");
        }
    }

    #[test]
    fn settings_and_formats_take_what_they_are_told() {
        for (millis, setting, seconds) in
            [(90_000, "90s", "90.000"), (500, "500ms", "0.500"), (0, "0ms", "0.000")]
        {
            assert_eq!(exact(Duration::from_millis(millis)), setting);
            assert_eq!(decimal(from_millis(millis)), seconds);
        }
    }
}
