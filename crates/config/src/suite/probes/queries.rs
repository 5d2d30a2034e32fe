//! The judgement of queries without asking anybody: brackets and quotation marks that do not match, and
//! queries whose answer cannot be compared with a number.
//!
//! A query that is right must never be refused, so only what can never hold is a mistake.

use faultgate_core::mistake::Problem;

/// Words of metric math that are written in small letters, like the ids of queries.
const SMALL_WORDS: [&str; 8] = ["and", "or", "not", "asc", "desc", "true", "false", "as"];

/// Operators of PromQL and MetricsQL that are words.
const OPERATORS: [&str; 8] = ["and", "or", "unless", "atan2", "offset", "default", "if", "ifnot"];

/// Judges an instant query of PromQL or MetricsQL. The error says what is wrong, and what to do about it.
pub(crate) fn promql(query: &str) -> Result<(), Problem> {
    const BALANCE: &str = "write an instant query of PromQL, such as sum(rate(errors_total[1m]))";
    let bare = bare(query, true).map_err(|problem| problem.hint(BALANCE))?;
    match bare.trim() {
        "" => Err(Problem::new("holds no expression").hint(BALANCE)),
        "\"" => Err(Problem::new("is a text, which cannot be compared").hint(BALANCE)),
        bare if bare.ends_with(']') => Err(Problem::new("ends with a range, which has no single value")
            .hint("put a function around it, such as rate(…) or avg_over_time(…)")),
        bare => ends_whole(bare, true),
    }
}

/// Refuses an expression that ends with an operator, which then has nothing to its right.
fn ends_whole(bare: &str, has_words: bool) -> Result<(), Problem> {
    const SIGNS: &[char] = &['+', '-', '*', '/', '%', '^', '=', '!', '<', '>', '~', '&', '|', '@', ','];
    const HINT: &str = "write what stands to the right of it, or remove it";
    let bare = bare.trim_end();
    let sign = &bare[bare.trim_end_matches(SIGNS).len()..];
    let (before, word) = bare.split_at(bare.rfind(char::is_whitespace).map_or(0, |at| at + 1));
    // A word behind another operator is the name of a metric.
    let is_infix = has_words
        && !before.trim_end().ends_with(SIGNS)
        && !before.trim().is_empty()
        && OPERATORS.iter().any(|operator| word.eq_ignore_ascii_case(operator));
    match (sign, is_infix) {
        ("", false) => Ok(()),
        ("", true) => Err(Problem::new(format!("ends with the operator {word}")).hint(HINT)),
        (sign, _) => Err(Problem::new(format!("ends with the operator {sign}")).hint(HINT)),
    }
}

/// Judges an expression of CloudWatch. The error says what is wrong, and what to do about it.
pub(crate) fn expression(text: &str) -> Result<(), Problem> {
    const HINT: &str =
        "write a query such as SELECT AVG(CPUUtilization) FROM \"AWS/EC2\", or one with SEARCH(…)";
    let bare = bare(text, false).map_err(|problem| problem.hint(HINT))?;
    // The columns of a Metrics Insights query are no ids, so its names are not judged.
    let is_query = bare.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
    match unknown_id(&bare).filter(|_| !is_query) {
        Some(id) => {
            let what = format!("refers to {id}, which nothing defines: the expression is the only query");
            Err(Problem::new(what).hint(HINT))
        }
        None => ends_whole(&bare, false),
    }
}

/// The first id of another query. Such an id begins with a small letter, while functions are written in
/// capitals.
fn unknown_id(bare: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = bare;
    while let Some(begin) = rest.find(is_part) {
        let word = &rest[begin..];
        let (word, tail) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
        let is_called = tail.trim_start().starts_with('(');
        if word.starts_with(|c: char| c.is_ascii_lowercase()) && !is_called && !SMALL_WORDS.contains(&word) {
            return Some(word);
        }
        rest = tail;
    }
    None
}

/// The query without its comments, and with `"` in place of each text. The error names the bracket or
/// quotation mark that does not match.
fn bare(query: &str, has_comments: bool) -> Result<String, Problem> {
    let mut bare = String::new();
    let mut open = Vec::new();
    let mut rest = query.chars();
    while let Some(c) = rest.next() {
        match c {
            '#' if has_comments => {
                rest.find(|c| *c == '\n');
                continue;
            }
            '"' | '\'' | '`' => {
                end_of_text(&mut rest, c)?;
                bare.push('"');
                continue;
            }
            '(' | '[' | '{' => open.push(c),
            ')' | ']' | '}' => match open.pop() {
                Some(opened) if closing(opened) == c => {}
                Some(opened) => return Err(Problem::new(format!("closes a {opened} with a {c}"))),
                None => return Err(Problem::new(format!("has a {c} too many"))),
            },
            _ => {}
        }
        bare.push(c);
    }
    match open.pop() {
        Some(opened) => Err(Problem::new(format!("has a {opened} that is never closed"))),
        None => Ok(bare),
    }
}

/// Moves behind the end of a text that this quotation mark has begun.
fn end_of_text(rest: &mut std::str::Chars<'_>, quote: char) -> Result<(), Problem> {
    while let Some(c) = rest.next() {
        if c == quote {
            return Ok(());
        }
        // PromQL knows no escapes between backquotes.
        if c == '\\' && quote != '`' {
            rest.next();
        }
    }
    Err(Problem::new(format!("has a {quote} that is never closed")))
}

fn closing(opened: char) -> char {
    match opened {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_that_can_be_asked_are_taken() {
        for query in [
            "up",
            "1",
            "histogram_quantile(0.99, sum by (le) (rate(http_seconds_bucket{path=~\"/a(b|c\"}[5m])))",
            "max_over_time(up[5m:1m]) # a comment with ( in it",
            "# first\nup == bool 1",
            r#"up{job="a\"{"} or up{job='}'} or up{job=`\`}"#,
            "{\"my.metric\", job=\"x\"}",
            "rate(x[5m] offset 1m)",
            "-or",
            "or",
            "up + offset",
            "job:up:",
            "sum(up) # +",
            "up{job=~\".+\"}",
            "1.",
        ] {
            assert_eq!(promql(query), Ok(()), "{query}");
        }
        for text in [
            "SELECT MAX(x) FROM y",
            "select max(x) from SCHEMA(\"AWS/EC2\", InstanceId)",
            "SUM(SEARCH('{AWS/EC2,InstanceId} MetricName=\"m1\"', 'Average', 300))",
            "SORT(SEARCH('x', 'Sum', 60), MAX, desc, 5) * 1e3",
            "TIME_SERIES(5)",
        ] {
            assert_eq!(expression(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_on_its_face_is_told() {
        for (query, want) in [
            ("sum(up", "has a ( that is never closed"),
            ("up{", "has a { that is never closed"),
            ("sum(up))", "has a ) too many"),
            ("rate(up[5m)]", "closes a [ with a )"),
            ("up{job=\"a}", "has a \" that is never closed"),
            ("up{job=`a}", "has a ` that is never closed"),
            ("# nothing", "holds no expression"),
            ("'text'", "is a text"),
            ("up[5m]", "ends with a range"),
            ("rate(up[5m])[1h:5m] # since", "ends with a range"),
            ("sum(up) /", "ends with the operator /"),
            ("up > # half", "ends with the operator >"),
            ("up =~", "ends with the operator =~"),
            ("sum(up)\nOR", "ends with the operator OR"),
            ("up unless", "ends with the operator unless"),
        ] {
            let what = promql(query).unwrap_err().what;
            assert!(what.starts_with(want), "{query}: {what}");
        }
        for (text, want) in [
            ("m1 / m2 * 100", "refers to m1,"),
            ("SUM([e1, e2])", "refers to e1,"),
            ("RATE(errors)", "refers to errors,"),
            ("SUM(SEARCH('x', 'Sum', 60)) *", "ends with the operator *"),
            ("SUM(SEARCH('x', 'Sum', 60)", "has a ( that is never closed"),
        ] {
            let what = expression(text).unwrap_err().what;
            assert!(what.starts_with(want), "{text}: {what}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "[a-z#\"'`\\\\()\\[\\]{}\n é]{0,30}") {
            let _ = (promql(&text), expression(&text));
        }
    }
}
