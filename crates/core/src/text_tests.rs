use proptest::prelude::*;

use super::*;

#[test]
fn plain_text() {
    for (text, want) in [
        ("as it is", "as it is"),
        ("  two\n\tlines\r\n ", "two lines"),
        ("a\0b\u{7f}c\u{85}d\u{2028}e\u{2029}f", "a b c d e f"),
        ("\u{1b}[31;1mred\u{1b}[0m", "red"),
        ("\u{1b}]0;title\u{7}x\u{1b}]8;;http://e\u{1b}\\link", "xlink"),
        ("\u{9b}2Jx\u{9d}0;t\u{9c}y", "xy"),
        ("\u{1b}Pq#1\u{1b}\\x", "x"),
        ("\u{1b}(Bx\u{1b}cy\u{1b}", "xy"),
        ("a\u{1b}éb", "aéb"),
        ("a\u{1b}\u{1b}[1mb", "ab"),
        ("\u{1b}]never closed", "never closed"),
        ("\u{1b}[12é", "é"),
        ("pass\u{202e}dessap\u{2066}\u{200f}\u{61c}", "passdessap"),
        ("\u{feff}a\u{200b}b\u{ad}c", "abc"),
        ("x ##[error]y", "x ## [error]y"),
        ("#\u{200b}#\u{1b}[0m[x", "## [x"),
        ("##vso[task.setvariable]x ##teamcity[x]", "##vso [task.setvariable]x ##teamcity [x]"),
        ("::error::x", ": :error::x"),
        (" \n::error::x", ": :error::x"),
        (":::", ": ::"),
        ("a::b", "a::b"),
        ("emoji 🦀 ünï", "emoji 🦀 ünï"),
        ("", ""),
    ] {
        assert_eq!(plain(text, 100), want, "{text:?}");
    }
}

#[test]
fn plain_text_is_cut_between_characters() {
    assert_eq!(plain("ééé", 3), "ééé");
    assert_eq!(plain("éééé", 3), "éé…");
    assert_eq!(plain("ab cd", 4), "ab…");
    assert_eq!(plain("abc", 1), "…");
    assert_eq!(plain("abc", 0), "");
}

#[test]
fn markdown_text() {
    for (text, want) in [
        ("plain words, 1.5 s (ok) a-b", "plain words, 1.5 s (ok) a-b"),
        ("a|b", "a&#124;b"),
        ("a\\|b", "a\\\\&#124;b"),
        ("<b>&amp;", "&lt;b&gt;&amp;&#8203;amp;"),
        ("**x** _y_ `z` ~~s~~", "\\*\\*x\\*\\* \\_y\\_ \\`z\\` \\~\\~&#8203;s\\~\\~"),
        ("[x](http://e)", "\\[x\\](http:&#8203;//e)"),
        ("![i](u)", "\\!\\[i\\](u)"),
        ("WWW.example.com now.then", "WWW&#8203;.example.com now.then"),
        ("@octo a@b.c", "@&#8203;octo a@&#8203;b.c"),
        ("#12 !3", "\\#&#8203;12 \\!&#8203;3"),
        ("$x$", "&#36;&#8203;x&#36;"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("arn:aws:fis:eu-west-1", "arn:aws:fis:eu-west-1"),
        ("GH-12 gh-13 high-12", "G&#8203;H-12 g&#8203;h-13 high-12"),
        ("9fceb02d0ae598e95dc970b74767f19372d61af8", "9&#8203;fceb02d0ae598e95dc970b74767f19372d61af8"),
        ("a 9fceb02, 111122223333 9fceb02d-0ae5", "a 9&#8203;fceb02, 111122223333 9fceb02d-0ae5"),
        ("111122223333cafe 111122223333", "111122223333cafe 111122223333"),
        (":tada: (:+1:) 12:30:45 a: b:", "\\:&#8203;tada: (:&#8203;+1:) 12:30:45 a: b:"),
    ] {
        assert_eq!(markdown(text, 100), want, "{text:?}");
    }
}

#[test]
fn commands_stay_as_they_are_in_markdown() {
    for (text, want) in [
        (
            "undo it by: `curl -d {\"a\":\"*\"} http://x/y`; a_b",
            "undo it by: `curl -d {\"a\":\"*\"} http://x/y`; a\\_b",
        ),
        ("`a` ``b`c`` `d", "`a` ``b`c`` \\`d"),
        ("@`octo` a`", "@`octo` a\\`"),
        ("plain @octo", "plain @&#8203;octo"),
    ] {
        assert_eq!(markdown_with_code(text, 100), want, "{text:?}");
    }
    let cut = "(cut here; `result.json` has all of it)";
    assert_eq!(markdown_with_code("by: `kubectl delete pod`", 13), format!("by: `kubectl…` {cut}"));
    assert_eq!(markdown_with_code("ab cd", 3), format!("ab… {cut}"));
    assert_eq!(markdown_with_code("ab…", 3), "ab…");
}

#[test]
fn no_backtick_of_a_command_closes_its_fence() {
    for (command, fenced) in [
        ("ls", "`ls`"),
        ("echo `id`", "`` echo `id` ``"),
        ("``` x", "```` ``` x ````"),
        ("a``b", "```a``b```"),
    ] {
        assert_eq!(code(command), fenced);
        let (before, whole, after) = split_at_code(fenced).unwrap();
        assert_eq!((before, whole, after), ("", fenced, ""));
    }
}

#[test]
fn mermaid_labels() {
    for (text, want) in [
        ("az-latency", "az-latency"),
        ("a: b; c # d, \"e\" %%{init}%%", "a b c d e init"),
        ("section two", "- section two"),
        ("Title", "- Title"),
        ("2026-01-01 x", "- 2026-01-01 x"),
        ("::::", "-"),
        ("", "-"),
        ("a\n b", "a b"),
    ] {
        assert_eq!(mermaid(text, 40), want, "{text:?}");
    }
    assert_eq!(mermaid("abcdef", 4), "abc…");
    assert_eq!(mermaid("abc", 0), "…");
}

/// Returns what a reader sees of escaped Markdown.
fn seen(markdown: &str) -> String {
    let mut out = String::new();
    let mut chars = markdown.replace(BREAK, "");
    for (entity, c) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#124;", "|"), ("&#36;", "$"), ("&amp;", "&")]
    {
        chars = chars.replace(entity, c);
    }
    let mut chars = chars.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "[\\x00-\\x9f]{0,40}",
        "[#:\\[\\]@!|<>&$`_*\\\\ a1w./\\x1b\\x07\u{200b}\u{202e}-]{0,40}",
        "(\\x1b[\\[\\]P]|##|\\[|::|;|[0-9]|m|\\x07|\\x1b\\\\|\n|www\\.|://|@a){0,20}",
    ]
}

proptest! {
    #[test]
    fn plain_is_one_safe_line(text in hostile(), max in 0_usize..50) {
        let out = plain(&text, max);
        prop_assert!(out.chars().count() <= max);
        prop_assert!(!out.chars().any(|c| c.is_control() || is_invisible(c)));
        prop_assert!(!out.contains("##[") && !out.contains("  "));
        prop_assert!(!out.starts_with("::") && out.trim() == out);
        prop_assert_eq!(plain(&out, max), out);
    }

    #[test]
    fn markdown_shows_what_plain_does(text in hostile(), max in 0_usize..50) {
        let out = markdown(&text, max);
        prop_assert_eq!(seen(&out), plain(&text, max));
        prop_assert!(!out.contains(['|', '<', '>', '"', '$', '\n']));
        prop_assert!(!out.contains("://") && !out.to_lowercase().contains("www."));
        let mention = out.split('@').skip(1).any(|tail| tail.starts_with(|c: char| c.is_alphanumeric()));
        prop_assert!(!mention);
    }

    #[test]
    fn markdown_outside_of_code_is_literal(text in hostile(), max in 0_usize..50) {
        let out = markdown_with_code(&text, max);
        let mut rest = out.as_str();
        let mut literal = String::new();
        // No escaped backtick begins code.
        while let Some(place) = rest.find('`') {
            if (place - rest[..place].trim_end_matches('\\').len()) % 2 == 1 {
                literal.push_str(&rest[..=place]);
                rest = &rest[place + 1..];
            } else {
                let (before, _, after) = split_at_code(&rest[place..]).expect("each code is closed");
                prop_assert_eq!(before, "");
                literal.push_str(&rest[..place]);
                rest = after;
            }
        }
        literal.push_str(rest);
        prop_assert!(!literal.contains(['|', '<', '>', '"', '$', '\n']), "{}", out);
        prop_assert!(!literal.contains("://") && !literal.to_lowercase().contains("www."), "{}", out);
    }

    #[test]
    fn a_label_has_no_syntax(text in hostile(), max in 1_usize..50) {
        let out = mermaid(&text, max);
        prop_assert!((1..=max).contains(&out.chars().count()));
        prop_assert!(!out.contains([':', ';', '#', ',', '%', '"', '{', '<', '\n']), "syntax");
        prop_assert!(!out.starts_with(char::is_numeric));
    }
}

#[test]
fn names_that_begin_alike_are_told_apart() {
    let names =
        ["eu-west-1", "eu-central-1"].map(|region| format!("nightly-ext1a2b3c4d5e6f7-111122223333-{region}"));
    for most in [18, 40] {
        let [one, other] = names.each_ref().map(|name| short(name, most));
        assert_ne!(one, other);
        assert_eq!(one.chars().count(), most);
    }
    assert_eq!(short(&names[0], 18), "nightly-e…u-west-1");
    assert_eq!(short("az", 18), "az");
    assert_eq!(short("::error::x", 5), ": …:x");
}
