//! Windows: the days and hours at which experiments may be launched, or not.
//!
//! A window is what the clock on the wall of its zone shows. An hour that the clock shows twice is in it twice,
//! and one that it leaves out is in no window.

use std::fmt;

use faultgate_core::mistake::Problem;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// An example of each form.
const FORMS: &str = "mon-thu 09:00-16:00, sat,sun, 22:00-02:00, 2026-12-24 or 2026-12-20..2027-01-05";
/// The days of a week, in the order in which they are numbered.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES_OF_DAY: u16 = 24 * 60;

/// A set of moments, by days and hours in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    written: String,
    zone: TimeZone,
    days: Days,
    hours: Option<Hours>,
}

#[derive(Debug, Clone, PartialEq)]
enum Days {
    Every,
    /// One flag for each day of the week, beginning with Monday: `true` if the window holds on it.
    OfWeek([bool; 7]),
    /// All days from the first to the last one, which is one of them.
    Dates(Date, Date),
}

/// Minutes of a day, the last one exclusive. They cross midnight where the end is not after the beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hours {
    from: u16,
    until: u16,
}

impl Window {
    pub(crate) fn parse(text: &str, zone: TimeZone) -> Result<Self, Problem> {
        let (days, hours) = match text.split_once(' ') {
            Some((days, hours)) => (parse_days(days)?, Some(parse_hours(hours)?)),
            None if text.contains(':') => (Days::Every, Some(parse_hours(text)?)),
            None => (parse_days(text)?, None),
        };
        Ok(Self { written: text.to_owned(), zone, days, hours })
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns `true` if the moment is within the window.
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        let now = self.zone.to_datetime(moment);
        let is_day = |date: Date| self.days.has(date);
        let Some(Hours { from, until }) = self.hours else { return is_day(now.date()) };
        let minute = minute_of(now);
        if from < until {
            return is_day(now.date()) && (from..until).contains(&minute);
        }
        let is_evening = minute >= from && is_day(now.date());
        // The hours after midnight belong to the day on which the window began.
        is_evening || (minute < until && now.date().yesterday().is_ok_and(is_day))
    }

    /// Returns the moments, from `after` (exclusive) to `until` (inclusive) and in order, at which the window
    /// may begin or end.
    pub(crate) fn turns(&self, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let zone = &self.zone;
        let (first, last) = (zone.to_datetime(after).date(), zone.to_datetime(until).date());
        let minutes = self.hours.map_or([0, 0, 0], |hours| [0, hours.from, hours.until % MINUTES_OF_DAY]);
        let mut turns: Vec<Timestamp> =
            zone.following(after).map(|turn| turn.timestamp()).take_while(|turn| *turn <= until).collect();
        for date in first.series(jiff::Span::new().days(1)).take_while(|date| *date <= last) {
            for minute in minutes {
                let shown = zone.to_ambiguous_timestamp(date.to_datetime(time_of(minute)));
                turns.extend([shown.earlier(), shown.later()].into_iter().flatten());
            }
        }
        turns.retain(|turn| after < *turn && *turn <= until);
        turns.sort_unstable();
        turns.dedup();
        turns
    }

    /// Returns a moment as the clock of the zone shows it: `fri 2026-11-27 16:00 (Europe/Berlin)`.
    pub(crate) fn clock(&self, moment: Timestamp) -> String {
        let now = self.zone.to_datetime(moment);
        let day = WEEKDAYS[weekday_of(now.date())];
        let (hour, minute) = (now.hour(), now.minute());
        format!("{day} {} {hour:02}:{minute:02} ({})", now.date(), self.zone_name())
    }

    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.written, self.zone_name())
    }
}

impl Days {
    fn has(&self, date: Date) -> bool {
        match self {
            Self::Every => true,
            Self::OfWeek(days) => days[weekday_of(date)],
            Self::Dates(first, last) => (*first..=*last).contains(&date),
        }
    }
}

fn weekday_of(date: Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())
}

fn minute_of(time: DateTime) -> u16 {
    let (hour, minute) = (time.hour().unsigned_abs(), time.minute().unsigned_abs());
    u16::from(hour) * 60 + u16::from(minute)
}

fn time_of(minute: u16) -> jiff::civil::Time {
    let part = |number: u16| i8::try_from(number).unwrap_or_default();
    jiff::civil::Time::new(part(minute / 60), part(minute % 60), 0, 0).unwrap_or_default()
}

fn refuse_form() -> Problem {
    Problem::new("is not a window").hint(format!("write for example {FORMS}"))
}

fn parse_days(text: &str) -> Result<Days, Problem> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return parse_dates(text);
    }
    let mut days = [false; 7];
    for item in text.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (parse_weekday(first)?, parse_weekday(last)?);
        // `fri-mon` goes over the end of the week.
        let count = (last + 7 - first) % 7;
        (first..=first + count).for_each(|day| days[day % 7] = true);
    }
    Ok(Days::OfWeek(days))
}

fn parse_weekday(text: &str) -> Result<usize, Problem> {
    WEEKDAYS.iter().position(|day| *day == text).ok_or_else(|| {
        Problem::new("has a day that is none of mon, tue, wed, thu, fri, sat, sun")
            .hint("write for example mon-thu 09:00-16:00 or sat,sun")
    })
}

fn parse_dates(text: &str) -> Result<Days, Problem> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (parse_date(first)?, parse_date(last)?);
    if last < first {
        return Err(Problem::new("ends before it begins").hint("write for example 2026-12-20..2027-01-05"));
    }
    Ok(Days::Dates(first, last))
}

fn parse_date(text: &str) -> Result<Date, Problem> {
    const SHAPE: &str = "0000-00-00";
    // The library reads other forms as well.
    let is_shaped = text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE.bytes()).all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s });
    if !is_shaped {
        return Err(refuse_form());
    }
    text.parse().map_err(|_| {
        Problem::new("has a date that is in no calendar").hint("write for example 2026-12-20..2027-01-05")
    })
}

fn parse_hours(text: &str) -> Result<Hours, Problem> {
    let (from, until) = text.split_once('-').ok_or_else(refuse_form)?;
    let hours = Hours { from: parse_minute(from)?, until: parse_minute(until)? };
    if hours.from == MINUTES_OF_DAY {
        return Err(Problem::new("begins at 24:00, which is the end of a day").hint("write 00:00"));
    }
    if hours.from == hours.until {
        return Err(Problem::new("ends when it begins")
            .hint("write 00:00-24:00 for a whole day, or leave out the hours"));
    }
    Ok(hours)
}

fn parse_minute(text: &str) -> Result<u16, Problem> {
    let wrong = || {
        Problem::new("has a time that is none from 00:00 to 24:00")
            .hint("write for example mon-thu 09:00-16:00")
    };
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_number).ok_or_else(wrong)
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let of_day = hour * 60 + minute;
    if minute < 60 && of_day <= MINUTES_OF_DAY { Ok(of_day) } else { Err(refuse_form()) }
}
