//! Tests of the parsers: values that they take, and values that they refuse.

use faultgate_net::syntax::region;
use faultgate_net::syntax::url;
use proptest::prelude::*;

use super::*;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn durations() {
    for (text, want) in [
        ("90s", secs(90)),
        ("5m", secs(300)),
        ("1h30m", secs(5400)),
        ("500ms", Duration::from_millis(500)),
        ("1s500ms", Duration::from_millis(1500)),
        ("1h1m1s1ms", Duration::from_millis(3_661_001)),
        ("0s", secs(0)),
    ] {
        assert_eq!(duration(text), Ok(want), "{text}");
    }
    for text in [
        "",
        " ",
        "s",
        "30 parsecs",
        "30 s",
        "1.5h",
        "-5m",
        "5M",
        "30m1h",
        "5m5m",
        "5",
        "5m5",
        "1d",
        "٣s",
        "5μs",
        "99999999999999999999s",
        "18446744073709551615h",
        "1h ",
        "PT5M",
    ] {
        assert!(duration(text).is_err(), "{text}");
    }
    let problem = duration("30").unwrap_err();
    assert_eq!(problem.what, "is a duration without a unit");
    assert!(problem.hint.unwrap().starts_with("add one"));
}

#[test]
fn durations_have_a_range() {
    assert!(duration_within("12h", secs(1), secs(43200)).is_ok());
    assert!(duration_within("1s", secs(1), secs(43200)).is_ok());
    for text in ["0s", "999ms", "12h1ms", "13h"] {
        let problem = duration_within(text, secs(1), secs(43200)).unwrap_err();
        assert_eq!(problem.hint.unwrap(), "write 1s to 12h", "{text}");
    }
}

#[test]
fn scores() {
    for (text, want) in [("0", 0.0), ("100", 100.0), ("99.5", 99.5), ("007", 7.0)] {
        assert_eq!(score(text).map(Score::get), Ok(want), "{text}");
    }
    assert_eq!(score("66.6700").map(Score::get), Ok(66.67));
    let problem = score("66.667").unwrap_err();
    assert_eq!(problem.what, "has more than two decimals");
    assert_eq!(problem.hint.unwrap(), "scores are compared as they are shown, so write for example 66.66");
    for text in ["101", "100.1", "-1", "NaN", "inf", "1e1", "+5", "95%", "", ".", "1,5", "ninety"] {
        assert!(score(text).is_err(), "{text}");
    }
}

#[test]
fn shares_in_percent() {
    for (text, want) in [
        ("5%", Some("5")),
        (" 2.5 % ", Some("2.5")),
        ("0", Some("0")),
        ("33.333", Some("33.33")),
        ("5%%", None),
        ("101%", None),
        ("%", None),
    ] {
        assert_eq!(flag_percent(text).ok().map(|share| share.to_string()).as_deref(), want, "{text}");
    }
}

#[test]
fn booleans() {
    for text in ["true", "YES", "On", "1"] {
        assert_eq!(boolean(text), Ok(true), "{text}");
    }
    for text in ["false", "no", "OFF", "0"] {
        assert_eq!(boolean(text), Ok(false), "{text}");
    }
    for text in ["", "2", "y", "truth"] {
        assert!(boolean(text).is_err(), "{text}");
    }
}

#[test]
fn counts() {
    assert_eq!(count("1", 1, 50), Ok(1));
    assert_eq!(count("50", 1, 50), Ok(50));
    for text in ["0", "51", "-1", "+1", "1.0", "", "many", "99999999999"] {
        assert!(count(text, 1, 50).is_err(), "{text}");
    }
}

#[test]
fn template_ids() {
    assert_eq!(
        templates("EXT1, EXT2\n\tEXT3 ,,EXT1"),
        Ok(["EXT1", "EXT2", "EXT3", "EXT1"].map(String::from).to_vec())
    );
    assert_eq!(templates("3f2a9c").unwrap(), ["3f2a9c"], "moto's ids are plain hexadecimal");
    for text in ["", ",", " \n"] {
        assert_eq!(templates(text).unwrap_err().what, "names no template", "{text:?}");
    }
    let problem = templates("EXT1,../EXT2").unwrap_err();
    assert_eq!(problem.item.as_deref(), Some("../EXT2"));
    for text in ["a b", "a/b", "a\0", "a\\b", "", &"x".repeat(65)] {
        assert!(template(text).is_err(), "{text:?}");
    }
    assert!(template(&"x".repeat(64)).is_ok());
}

#[test]
fn urls() {
    for text in
        ["http://localhost:4566", "https://litmus.example/api?x=1", "http://[::1]:9000/", "HTTPS://a.b"]
    {
        assert_eq!(url(text).as_deref(), Ok(text), "{text}");
    }
    for text in [
        "",
        "example.com",
        "/path",
        "ftp://example.com",
        "https://",
        "http:///x",
        "http://a b",
        "http://a:99999",
        "http://1.2.3.400",
        "http://$HOST/x",
        "http://a.$ENV.example/",
        "http://a..b/",
        "http://.b/",
    ] {
        assert!(url(text).is_err(), "{text}");
    }
    assert!(url("http://a.example./x?y=$z").is_ok());
    for text in ["https://user:s3cr3t@example.com", "https://user:s 3cr3t@example.com"] {
        assert!(url(text).unwrap_err().hide, "{text}");
    }
    assert!(queue_url("http://127.0.0.1:9324/000000000000/q").is_ok());
    for text in [
        "https://sqs.eu-west-1.amazonaws.com",
        "https://sqs.eu-west-1.amazonaws.com/",
        "arn:aws:sqs:eu-west-1:1:q",
    ] {
        assert!(queue_url(text).is_err(), "{text}");
    }
}

#[test]
fn addresses() {
    for text in [
        "db:5432",
        "db.:1",
        "127.0.0.1:80",
        "127.1:80",
        "[::1]:80",
        "[fe80::1%2]:80",
        "a_b.c:1",
        "ü.example:1",
    ] {
        assert_eq!(address(text).as_deref(), Ok(text), "{text}");
    }
    for text in
        ["999.1.1.1:80", "1.2.3:99999", "1.2.3.4.5:80", "db..x:80", ".x:80", ".:80", "..:80", "a.9:80"]
    {
        assert!(address(text).is_err(), "{text}");
    }
    for text in ["$DB:80", "db.$ENV:80"] {
        let hint = address(text).unwrap_err().hint.unwrap();
        assert_eq!(hint, "write a variable as ${NAME}, which is replaced by its value", "{text}");
    }
}

#[test]
fn regions() {
    for text in ["eu-west-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "ap-southeast-7"] {
        assert_eq!(region(text).as_deref(), Ok(text));
    }
    for text in [
        "",
        "eu",
        "eu-west",
        "eu-1",
        "eu-west-",
        "e-west-1",
        "EU-WEST-1",
        "eu-west-1a",
        "eu--west-1",
        "eu_west_1",
    ] {
        assert!(region(text).is_err(), "{text}");
    }
}

#[test]
fn role_arns() {
    for text in
        ["arn:aws:iam::111122223333:role/chaos", "arn:aws-cn:iam::111122223333:role/path/to/chaos+=,.@_-"]
    {
        assert_eq!(role_arn(text).as_deref(), Ok(text));
    }
    for text in [
        "",
        "chaos",
        "arn:aws:iam::111122223333:user/chaos",
        "arn:aws:iam::1111:role/chaos",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:sts::111122223333:assumed-role/chaos/x",
        "arn:awsome:iam::111122223333:role/chaos",
        "arn:aws:iam::111122223333:role/cha os",
    ] {
        assert!(role_arn(text).is_err(), "{text}");
    }
}

#[test]
fn commits_and_numbers() {
    assert_eq!(commit("9FCEB02").as_deref(), Ok("9fceb02"));
    for text in ["", "HEAD", "9fceb0", "9fceb0g", &"a".repeat(65)] {
        assert!(commit(text).is_err(), "{text}");
    }
    assert_eq!(digits("0042").as_deref(), Ok("0042"));
    for text in ["", "#42", "-1", "4.2", &"1".repeat(19)] {
        assert!(digits(text).is_err(), "{text}");
    }
}

#[test]
fn lines() {
    assert!(line("octo/shop", 255).is_ok());
    for text in ["a\nb", "a\0", "a\u{9b}b", &"é".repeat(256)] {
        assert!(line(text, 255).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,40}|[0-9hms.]{0,30}|[a-z:/@.-]{0,40}|.{0,20}") {
        let _ = (duration(&text), score(&text), count(&text, 1, 50), boolean(&text), templates(&text));
        let _ = (url(&text), queue_url(&text), region(&text), role_arn(&text), commit(&text), line(&text, 5));
    }

    #[test]
    fn a_duration_reads_back_as_it_is_told(millis in 0_u64..100_000_000) {
        let duration_ = Duration::from_millis(millis);
        prop_assert_eq!(duration(&exact(duration_)), Ok(duration_));
    }
}

#[test]
fn repositories() {
    for text in [
        "octo/shop",
        "/octo/shop/",
        "group/sub.group/-_shop",
        "4711",
        "{6f1d}/shop",
        "octo/.github",
        "https://git.example.com:8443/a/b.git",
        "git@github.com:octo/shop.git",
        "codecommit::eu-west-1://shop",
    ] {
        assert_eq!(repository(text), Ok(text.to_owned()));
    }
    for text in
        ["a b", "octo/sh op", "octo//shop", "octo/..", "octo/shop?x", "öcto/shop", "https://x/a b", "/"]
    {
        let problem = repository(text).unwrap_err();
        assert_eq!(problem.what, "is no repository", "{text}");
        assert!(problem.hint.unwrap().contains("octo/shop"));
    }
}
