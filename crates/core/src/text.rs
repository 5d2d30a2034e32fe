//! Text from outside, made safe for the place where it is shown.
//!
//! Such a text is data wherever it is rendered: it must not speak to a terminal, to a CI's log parser, to a
//! Markdown renderer or to a diagram. [`plain`] makes one safe line of it, and [`markdown`] and [`mermaid`]
//! build on that.

/// The beginning of a log command that some CI obeys anywhere in a line: `##[error]`, `##vso[…]`,
/// `##teamcity[…]`.
const COMMAND_MARK: &str = "##";

/// A zero-width space, which breaks a mention, a reference or an automatic link without changing what is
/// seen.
const BREAK: &str = "&#8203;";
/// Number of digits in the id of an AWS account.
pub const ACCOUNT_DIGITS: usize = 12;

/// Keywords that begin a statement of a Mermaid gantt.
const GANTT_WORDS: [&str; 18] = [
    "gantt",
    "section",
    "title",
    "click",
    "call",
    "href",
    "dateformat",
    "axisformat",
    "tickinterval",
    "includes",
    "excludes",
    "inclusiveenddates",
    "topaxis",
    "todaymarker",
    "weekday",
    "weekend",
    "acctitle",
    "accdescr",
];

/// Returns one line of at most `max_chars` characters, for logs and terminals: control characters, escape
/// sequences, directional and invisible characters are removed, white space is folded, and no CI takes the
/// line for a command.
pub fn plain(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    let mut ends = StringEnds { text, next: None };
    let mut gap = false;
    let mut pushed = 0;
    // The rest, which is cut off anyway, is not looked at: a text may be a megabyte.
    while pushed <= max_chars {
        let Some(c) = rest.next() else { break };
        if let Some(after) = after_escape(c, rest.as_str(), &mut ends) {
            rest = after.chars();
        } else if is_invisible(c) {
            // The character is dropped and leaves no space, so that nothing that nobody sees splits a word.
        } else if c.is_whitespace() || c.is_control() {
            gap = true;
        } else {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            pushed += 1;
            push_unmarked(&mut out, c);
        }
    }
    // GitHub obeys `::error::…` at the beginning of a line.
    if out.starts_with("::") {
        out.insert(1, ' ');
    }
    cut(&out, max_chars)
}

/// Returns a name as [`plain`] does, but cut in its middle if it is longer: names of one suite often begin
/// alike, and what tells them apart stands at their ends.
pub fn short(name: &str, max_chars: usize) -> String {
    const MAX_NAME_CHARS: usize = 1_000;
    let whole = plain(name, MAX_NAME_CHARS);
    let count = whole.chars().count();
    if count <= max_chars {
        return whole;
    }
    let end = max_chars.saturating_sub(1) / 2;
    let begin: String = whole.chars().take(max_chars.saturating_sub(1) - end).collect();
    let end: String = whole.chars().skip(count - end).collect();
    format!("{begin}…{end}")
}

/// Pushes a character in such a way that no log command comes about.
fn push_unmarked(out: &mut String, c: char) {
    if c == '[' {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if out.trim_end_matches(word).ends_with(COMMAND_MARK) {
            out.push(' ');
        }
    }
    out.push(c);
}

/// Returns the text after an escape sequence that begins with `c`, or `None` if none begins there.
fn after_escape<'a>(c: char, rest: &'a str, ends: &mut StringEnds<'a>) -> Option<&'a str> {
    let whole = rest;
    let (introducer, rest) = match c {
        '\u{1b}' => {
            let mut chars = rest.chars();
            match chars.next() {
                Some(next) => (next, chars.as_str()),
                None => return Some(whole),
            }
        }
        '\u{90}' => ('P', rest),
        '\u{98}' => ('X', rest),
        '\u{9b}' => ('[', rest),
        '\u{9d}' => (']', rest),
        '\u{9e}' => ('^', rest),
        '\u{9f}' => ('_', rest),
        _ => return None,
    };
    Some(match introducer {
        '[' => {
            let tail = rest.trim_start_matches(|c| matches!(c, '\x20'..='\x3f'));
            // A sequence without its final byte is none: what follows stays.
            tail.strip_prefix(|c| matches!(c, '\x40'..='\x7e')).unwrap_or(tail)
        }
        // A string for the terminal goes up to its terminator. If there is none, only the introducer is
        // dropped: otherwise an unclosed sequence would hide whatever stands behind it.
        ']' | 'P' | 'X' | '^' | '_' => ends.after(rest).unwrap_or(rest),
        '\x20'..='\x2f' => {
            let tail = rest.trim_start_matches(|c| matches!(c, '\x20'..='\x2f'));
            tail.strip_prefix(|c| matches!(c, '\x30'..='\x7e')).unwrap_or(tail)
        }
        '\x30'..='\x7e' => rest,
        // The escape begins no sequence: it is dropped, and the character behind it is looked at on its own.
        _ => whole,
    })
}

/// The ends of strings for the terminal. No character is looked at twice, since a text may be a megabyte of
/// beginnings.
struct StringEnds<'a> {
    text: &'a str,
    /// The place of the next character that ends a string, or the text's length if there is none.
    next: Option<usize>,
}

impl<'a> StringEnds<'a> {
    /// Returns the text after the string with which `rest` begins; `rest` is the end of the text.
    fn after(&mut self, rest: &str) -> Option<&'a str> {
        let here = self.text.len() - rest.len();
        let next = match self.next {
            Some(next) if next >= here => next,
            _ => {
                let place = rest.find(['\u{7}', '\u{1b}', '\u{9c}', '\n', '\r']);
                *self.next.insert(place.map_or(self.text.len(), |place| here + place))
            }
        };
        let mut tail = self.text[next..].chars();
        match tail.next()? {
            '\u{7}' | '\u{9c}' => Some(tail.as_str()),
            '\u{1b}' => tail.as_str().strip_prefix('\\'),
            _ => None,
        }
    }
}

/// Returns `true` for characters that change how others are shown, or that are not seen at all.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Cuts a text to at most `max_chars` characters, the last of which is `…` if some are missing.
fn cut(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let Some(kept) = max_chars.checked_sub(1) else {
        return String::new();
    };
    let end = text.char_indices().nth(kept).map_or(text.len(), |(place, _)| place);
    format!("{}…", text[..end].trim_end())
}

/// Puts a command, or what else is to be copied, between as many backticks as none of its own can close.
pub fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // Markdown takes one space off both ends.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Splits a text at its first piece between backticks: what stands before it, the piece with its backticks,
/// and the rest.
pub fn split_at_code(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(start) = text[from..].find('`').map(|place| from + place) {
        let fence = text[start..].bytes().take_while(|byte| *byte == b'`').count();
        let mut place = start + fence;
        from = place;
        while let Some(next) = text[place..].find('`').map(|next| place + next) {
            let length = text[next..].bytes().take_while(|byte| *byte == b'`').count();
            place = next + length;
            if length == fence {
                return Some((&text[..start], &text[start..place], &text[place..]));
            }
        }
    }
    None
}

/// Returns text like [`markdown`], in which pieces between backticks stay as they are, so that they can be
/// copied. It has no place in a table, whose bars count within code as well. A text that is cut says so.
pub fn markdown_with_code(text: &str, max_chars: usize) -> String {
    const CUT: &str = "(cut here; `result.json` has all of it)";
    let line = plain(text, max_chars);
    let is_cut = line.ends_with('…') && plain(text, max_chars.saturating_add(2)) != line;
    let (mut out, mut rest) = (String::with_capacity(line.len() + line.len() / 4), line.as_str());
    while let Some((before, code, after)) = split_at_code(rest) {
        out.push_str(&spaced(before));
        out.push_str(code);
        rest = after;
    }
    // The end of a piece may be what was cut off.
    match rest.split_once('`').filter(|_| is_cut) {
        Some((before, cut)) => {
            out.push_str(&spaced(before));
            out.push_str(&code(cut.trim_start_matches('`')));
        }
        None => out.push_str(&spaced(rest)),
    }
    if is_cut { format!("{out} {CUT}") } else { out }
}

/// Returns [`markdown`] of a part of a line, with the spaces at its ends.
fn spaced(part: &str) -> String {
    let text = part.trim();
    if text.is_empty() {
        return part.to_owned();
    }
    let start = part.len() - part.trim_start().len();
    format!("{}{}{}", &part[..start], markdown(text, usize::MAX), &part[start + text.len()..])
}

/// Returns literal text in GitHub's and GitLab's Markdown, which is safe inside a table cell too: it contains
/// no markup, HTML, link, mention or reference. `max_chars` counts the characters that are seen.
pub fn markdown(text: &str, max_chars: usize) -> String {
    let line = plain(text, max_chars);
    let mut out = String::with_capacity(line.len() + line.len() / 4);
    // `1.` and `1)` at the beginning would make a list.
    let number = line.chars().take_while(char::is_ascii_digit).count();
    for (place, c) in line.char_indices() {
        let next = line[place + c.len_utf8()..].chars().next();
        let begins_word = next.is_some_and(|n| n.is_alphanumeric() || matches!(n, '_' | '"' | '\''));
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // The bar becomes an entity, because the bars of a row are counted before escapes are read.
            '|' => out.push_str("&#124;"),
            // A backslash would not keep `$` from opening mathematics.
            '$' => out.push_str("&#36;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '{' | '}' | '~' | '^' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '-' | '+' | '=' | ':' if place == 0 => {
                out.push('\\');
                out.push(c);
            }
            '.' | ')' if number > 0 && place == number => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        // Forges look for mentions and links in the rendered text, where an escape is no longer seen.
        let reference = matches!(c, '@' | '#' | '!' | '~' | '%' | '$' | '&' | '^') && begins_word;
        let scheme = c == ':' && next == Some('/');
        let www = next == Some('.') && ends_with_www(&line[..place + c.len_utf8()]);
        if reference || scheme || www || begins_short_link(&line[..place], c, &line[place + c.len_utf8()..]) {
            out.push_str(BREAK);
        }
    }
    out
}

/// Returns `true` at the character after which a word must be broken: that of an issue (`GH-12`), of a commit
/// (7 to 40 hexadecimal digits) or of an emoji (`:tada:`).
fn begins_short_link(before: &str, c: char, after: &str) -> bool {
    let goes_on = before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
    let rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    match c {
        'g' | 'G' if !goes_on => {
            let number = after.strip_prefix(['h', 'H']).and_then(|after| after.strip_prefix('-'));
            number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        }
        // Numbers are left whole, alone or before letters, since the ids of accounts are looked for. The parts
        // of a UUID are no commits.
        _ if c.is_ascii_hexdigit() && !goes_on => {
            let run = &after[..after.len() - rest.len()];
            let has_letter = c.is_ascii_alphabetic() || run.contains(|c: char| c.is_ascii_alphabetic());
            let digits = run.bytes().take_while(u8::is_ascii_digit).count() + usize::from(c.is_ascii_digit());
            digits < ACCOUNT_DIGITS
                && (6..40).contains(&run.len())
                && has_letter
                && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-')
        }
        // The parts of an ARN, of a type of AWS (`aws:ecs:task`) and of a time are no emoji.
        ':' => {
            let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
            let is_emoji = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-');
            let name = after.split_once(':').map_or("", |(name, _)| name);
            let is_of_time = name.len() < 3 && name.bytes().all(|byte| byte.is_ascii_digit());
            !word.contains("aws")
                && !word.ends_with("arn")
                && !is_of_time
                && !name.is_empty()
                && name.chars().all(is_emoji)
        }
        _ => false,
    }
}

fn ends_with_www(text: &str) -> bool {
    let mut last = text.chars().rev();
    (0..3).all(|_| matches!(last.next(), Some('w' | 'W')))
}

/// Returns a label for a Mermaid gantt, which is never empty and has only characters that no diagram reads as
/// syntax.
pub fn mermaid(text: &str, max_chars: usize) -> String {
    let safe = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '(' | ')');
    let mut label: String = plain(text, usize::MAX).chars().map(|c| if safe(c) { c } else { ' ' }).collect();
    // The replaced characters may have left several spaces in a row.
    label = plain(&label, usize::MAX);
    let lower = label.to_lowercase();
    // A keyword at the beginning would be obeyed, and a number there would be taken for a date.
    let obeyed = GANTT_WORDS.iter().any(|word| lower.starts_with(word));
    if obeyed || label.starts_with(|c: char| c.is_numeric()) {
        label.insert_str(0, "- ");
    }
    let label = cut(&label, max_chars.max(1));
    if label.is_empty() { "-".to_owned() } else { label }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
