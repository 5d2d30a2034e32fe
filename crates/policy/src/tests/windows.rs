use jiff::ToSpan;
use proptest::prelude::*;

use super::*;
use crate::closing::find_closing;

/// The zones, in each of which the clock is changed in another way.
const ZONES: [&str; 5] =
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago"];

fn windows(text: &str) -> Vec<WindowRule> {
    policy(&format!("version: 1\nwindows:\n{text}")).windows
}

/// Returns `true` if a window of this text and zone holds at a moment.
fn holds(window: &str, zone: &str, moment: &str) -> bool {
    let rules = windows(&format!("  - {{ allow: \"{window}\", zone: {zone} }}"));
    rules[0].window().holds_at(at(moment))
}

#[test]
fn the_end_is_exclusive_to_the_last_minute() {
    for (moment, want) in [
        ("2026-11-25T08:59:59.999Z", false),
        ("2026-11-25T09:00:00Z", true),
        ("2026-11-25T15:59:00Z", true),
        ("2026-11-25T15:59:59.999Z", true),
        ("2026-11-25T16:00:00Z", false),
        // A Friday.
        ("2026-11-27T12:00:00Z", false),
    ] {
        assert_eq!(holds("mon-thu 09:00-16:00", "UTC", moment), want, "{moment}");
    }
    for (moment, want) in [
        ("2026-12-19T23:59:59Z", false),
        ("2026-12-20T00:00:00Z", true),
        ("2027-01-05T23:59:59Z", true),
        ("2027-01-06T00:00:00Z", false),
    ] {
        assert_eq!(holds("2026-12-20..2027-01-05", "UTC", moment), want, "{moment}");
    }
}

#[test]
fn the_hours_after_midnight_belong_to_the_day_before() {
    for (window, moment, want) in [
        ("22:00-02:00", "2026-11-25T21:59:59Z", false),
        ("22:00-02:00", "2026-11-25T22:00:00Z", true),
        ("22:00-02:00", "2026-11-26T01:59:59Z", true),
        ("22:00-02:00", "2026-11-26T02:00:00Z", false),
        // Friday evening and the Saturday after it; the Friday morning belongs to Thursday.
        ("fri 22:00-02:00", "2026-11-27T01:00:00Z", false),
        ("fri 22:00-02:00", "2026-11-27T23:00:00Z", true),
        ("fri 22:00-02:00", "2026-11-28T01:00:00Z", true),
        ("fri 22:00-02:00", "2026-11-28T23:00:00Z", false),
        ("2026-11-27 22:00-02:00", "2026-11-28T01:59:00Z", true),
        ("22:00-24:00", "2026-11-25T23:59:59Z", true),
        ("22:00-24:00", "2026-11-26T00:00:00Z", false),
        ("22:00-00:00", "2026-11-26T00:00:00Z", false),
        ("fri-mon", "2026-11-29T12:00:00Z", true),
        ("fri-mon", "2026-11-26T12:00:00Z", false),
        ("mon,wed", "2026-11-24T12:00:00Z", false),
        ("mon,wed", "2026-11-25T12:00:00Z", true),
    ] {
        assert_eq!(holds(window, "UTC", moment), want, "{window} at {moment}");
    }
}

/// Each of these zones has a clock that in 2026 jumps over some time, and shows some time twice.
#[test]
fn windows_follow_the_clock_on_the_wall_across_daylight_saving() {
    for (zone, window, moment, want) in [
        // 02:00 becomes 03:00 at 01:00 UTC, and 03:00 becomes 02:00 in autumn.
        ("Europe/Berlin", "02:00-03:00", "2026-03-29T00:59:59Z", false),
        ("Europe/Berlin", "02:00-03:00", "2026-03-29T01:00:00Z", false),
        ("Europe/Berlin", "01:30-03:30", "2026-03-29T01:29:59Z", true),
        ("Europe/Berlin", "01:30-03:30", "2026-03-29T01:30:00Z", false),
        ("Europe/Berlin", "02:00-02:30", "2026-10-25T00:29:59Z", true),
        ("Europe/Berlin", "02:00-02:30", "2026-10-25T00:30:00Z", false),
        ("Europe/Berlin", "02:00-02:30", "2026-10-25T01:00:00Z", true),
        ("Europe/Berlin", "02:00-02:30", "2026-10-25T01:30:00Z", false),
        // 16:00 is 15:00 UTC in winter and 14:00 UTC in summer.
        ("Europe/Berlin", "09:00-16:00", "2026-03-27T14:59:59Z", true),
        ("Europe/Berlin", "09:00-16:00", "2026-03-30T14:00:00Z", false),
        // The clock is changed at 07:00 UTC in spring and at 06:00 UTC in autumn.
        ("America/New_York", "01:00-02:00", "2026-03-08T06:59:59Z", true),
        ("America/New_York", "01:00-02:00", "2026-03-08T07:00:00Z", false),
        ("America/New_York", "01:00-02:00", "2026-11-01T05:59:59Z", true),
        ("America/New_York", "01:00-02:00", "2026-11-01T06:59:59Z", true),
        ("America/New_York", "01:00-02:00", "2026-11-01T07:00:00Z", false),
        // The clock is changed by half an hour: 02:00 becomes 01:30 in autumn, and 02:30 in spring.
        ("Australia/Lord_Howe", "01:30-02:00", "2026-04-04T14:59:59Z", true),
        ("Australia/Lord_Howe", "01:30-02:00", "2026-04-04T15:29:59Z", true),
        ("Australia/Lord_Howe", "01:30-02:00", "2026-04-04T15:30:00Z", false),
        ("Australia/Lord_Howe", "02:00-02:30", "2026-10-03T15:29:59Z", false),
        ("Australia/Lord_Howe", "02:00-02:30", "2026-10-03T15:30:00Z", false),
        // Summer time is interrupted by Ramadan: 03:00 becomes 02:00 in February, and 02:00 becomes 03:00 in
        // March.
        ("Africa/Casablanca", "02:00-03:00", "2026-02-15T01:59:59Z", true),
        ("Africa/Casablanca", "02:00-03:00", "2026-02-15T02:59:59Z", true),
        ("Africa/Casablanca", "02:00-03:00", "2026-02-15T03:00:00Z", false),
        ("Africa/Casablanca", "02:00-03:00", "2026-03-22T02:00:00Z", false),
        // Midnight itself is left out in spring: the day begins at 01:00. In autumn the last hour of a day is
        // there twice.
        ("America/Santiago", "2026-09-05", "2026-09-06T03:59:59Z", true),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", true),
        ("America/Santiago", "sat 22:00-00:30", "2026-09-06T04:00:00Z", false),
        ("America/Santiago", "23:00-24:00", "2026-04-05T02:30:00Z", true),
        ("America/Santiago", "23:00-24:00", "2026-04-05T03:30:00Z", true),
        ("America/Santiago", "2026-04-04", "2026-04-05T03:59:59Z", true),
        ("America/Santiago", "2026-04-04", "2026-04-05T04:00:00Z", false),
    ] {
        assert_eq!(holds(window, zone, moment), want, "{window} ({zone}) at {moment}");
    }
}

#[test]
fn windows_that_close_are_told_to_the_minute() {
    for (text, now, want) in [
        ("  - { allow: \"mon-thu 09:00-16:00\" }", "2026-11-25T15:30:00Z", Some("2026-11-25T16:00:00Z")),
        ("  - { allow: \"mon-thu 09:00-16:00\" }", "2026-11-25T10:00:00Z", None),
        // Two windows that follow one another are one.
        ("  - { allow: \"09:00-16:00\" }\n  - { allow: \"16:00-18:00\" }", "2026-11-25T15:30:00Z", None),
        ("  - { deny: \"wed 16:00-17:00\" }", "2026-11-25T15:30:00Z", Some("2026-11-25T16:00:00Z")),
        (
            "  - { deny: \"2026-11-26\", zone: Europe/Berlin }",
            "2026-11-25T22:30:00Z",
            Some("2026-11-25T23:00:00Z"),
        ),
        ("  - { allow: \"22:00-02:00\" }", "2026-11-25T23:30:00Z", None),
        // The clock is put back at 01:00 UTC from 03:00 to 02:00.
        // The same window, when the clock shows it for the second time.
        (
            "  - { allow: \"02:00-02:30\", zone: Europe/Berlin }",
            "2026-10-25T01:10:00Z",
            Some("2026-10-25T01:30:00Z"),
        ),
        (
            "  - { allow: \"02:00-02:30\", zone: Europe/Berlin }",
            "2026-10-25T00:10:00Z",
            Some("2026-10-25T00:30:00Z"),
        ),
        (
            "  - { allow: \"01:00-02:00\", zone: Europe/Berlin }",
            "2026-03-29T00:30:00Z",
            Some("2026-03-29T01:00:00Z"),
        ),
    ] {
        let until = at(now) + 1.hour();
        assert_eq!(find_closing(&windows(text), at(now), until), want.map(at), "{text} from {now}");
    }
}

#[test]
fn a_window_that_closes_before_the_timeout_is_a_note_and_refuses_nothing() {
    let policy = policy(WHOLE);
    let mut run = run();
    run.moment = Fact::Known(at("2026-11-25T14:45:00Z"));
    let ruling = judge(std::slice::from_ref(&policy), &run, &[experiment()]);
    assert!(ruling.broken.is_empty());
    assert_eq!(
        ruling.notes,
        [
            "windows: they close at wed 2026-11-25 16:00 (Europe/Berlin), and the experiments may take 30m from now; \
             what runs then is not stopped, and nothing more is launched"
        ]
    );
    // Two experiments follow one another, so the second one may run when the window has closed.
    run.moment = Fact::Known(at("2026-11-25T14:30:00Z"));
    run.parallel = 1;
    let notes = judge(std::slice::from_ref(&policy), &run, &[experiment(), experiment()]).notes;
    assert!(notes[0].contains("may take 1h from now"), "{notes:?}");
    // A run that must have ended when the window does is none.
    run.moment = Fact::Known(at("2026-11-25T14:30:00Z"));
    assert!(judge(&[policy], &run, &[experiment()]).notes.is_empty());
}

/// A zone, and a moment around a change of its clock in 2026.
fn change() -> impl Strategy<Value = (&'static str, Timestamp)> {
    let changes = [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
        ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
        ("America/Santiago", "2026-09-06T04:00:00Z"),
        ("America/Santiago", "2026-04-05T03:00:00Z"),
    ];
    (prop::sample::select(changes.to_vec()), -90_i64..90)
        .prop_map(|((zone, change), minutes)| (zone, at(change) + minutes.minutes()))
}

/// A window with an end near to where the clock is changed, or any.
fn edge() -> impl Strategy<Value = String> {
    let hours = [
        "01:15-01:45",
        "01:30-02:00",
        "02:00-02:30",
        "02:10-02:50",
        "23:15-23:45",
        "00:00-00:30",
        "22:00-02:15",
    ];
    prop_oneof![2 => prop::sample::select(hours.to_vec()).prop_map(str::to_owned), 1 => random::window()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The closing that is computed against one that is looked for minute by minute.
    #[test]
    fn windows_close_at_the_first_minute_that_is_not_open(
        rules in prop::collection::vec((any::<bool>(), edge(), prop::option::weighted(0.2, prop::sample::select(ZONES.to_vec()))), 1..4),
        (own_zone, now) in change(),
        minutes in 1_i64..360,
    ) {
        let text: Vec<String> = rules
            .iter()
            .map(|(allows, window, zone)| {
                let key = if *allows { "allow" } else { "deny" };
                let zone = zone.unwrap_or(own_zone);
                format!("  - {{ {key}: \"{window}\", zone: {zone} }}\n")
            })
            .collect();
        let text = text.concat();
        let rules = windows(&text);
        let is_open = |moment: Timestamp| {
            let holds = |allows: bool| {
                let of_kind = rules.iter().filter(move |rule| matches!(rule, WindowRule::Allow(_)) == allows);
                of_kind.map(move |rule| rule.window().holds_at(moment)).collect::<Vec<_>>()
            };
            let (allowed, denied) = (holds(true), holds(false));
            !denied.contains(&true) && (allowed.is_empty() || allowed.contains(&true))
        };
        if is_open(now) {
            let found = (1..=minutes).map(|minute| now + minute.minutes()).find(|moment| !is_open(*moment));
            prop_assert_eq!(find_closing(&rules, now, now + minutes.minutes()), found, "{}", text);
        }
    }
}
