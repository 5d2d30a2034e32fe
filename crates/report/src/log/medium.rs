//! The medium on which the log is shown: a terminal with colours, symbols and a width, or a file of plain
//! lines.

/// The abilities of what shows the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Medium {
    /// `true` if it obeys escape sequences for colours.
    pub colours: bool,
    /// `true` if it shows characters beyond ASCII.
    pub symbols: bool,
    /// Width in columns. None if it is no terminal, so that lines have any length.
    pub columns: Option<usize>,
}

/// The meaning of a text, by which it is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Caution,
    Faint,
    Strong,
}

impl Tone {
    /// Returns the parameters of the escape sequence that begins this tone.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Bad => Some("1;31"),
            Self::Caution => Some("33"),
            Self::Faint => Some("2"),
            Self::Strong => Some("1"),
        }
    }
}

impl Medium {
    /// Returns the text in this tone. The text must be plain.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        match tone.code().filter(|_| self.colours && !text.is_empty()) {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text.to_owned(),
        }
    }

    /// Returns the mark of something that is well, or is not.
    pub(super) const fn mark(self, is_well: bool) -> &'static str {
        match (is_well, self.symbols) {
            (true, true) => "✓",
            (false, true) => "✗",
            (true, false) => "ok",
            (false, false) => "FAILS",
        }
    }

    /// Returns a bar of this width, filled to a share from 0 to 1: the filled part, and the rest.
    pub(super) fn bar(self, share: f64, columns: usize) -> (String, String) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a bar has few columns"
        )]
        let filled = ((share.clamp(0.0, 1.0) * columns as f64) as usize).min(columns);
        let (full, empty) = if self.symbols { ("━", "╌") } else { ("#", "-") };
        (full.repeat(filled), empty.repeat(columns - filled))
    }
}

/// A line of parts, each in a tone of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaintedLine(Vec<(Tone, String)>);

impl PaintedLine {
    /// Adds a part. The text must be plain.
    pub fn push(&mut self, tone: Tone, text: impl Into<String>) {
        self.0.push((tone, text.into()));
    }

    /// Adds the parts of another line.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns the line without its tones.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Returns the line as the medium shows it, cut to its width.
    pub fn show(&self, medium: Medium) -> String {
        let mut left = medium.columns.unwrap_or(usize::MAX);
        let mut shown = String::new();
        for (tone, text) in &self.0 {
            let part = cut(text, left);
            left -= measure(&part).min(left);
            shown.push_str(&medium.paint(*tone, &part));
        }
        shown
    }
}

/// Returns how many columns a plain text takes at most.
pub fn measure(text: &str) -> usize {
    text.chars().map(measure_char).sum()
}

/// Returns how many columns a character takes at most. Those of East Asian scripts, and pictures, take two.
const fn measure_char(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{231a}'..='\u{231b}'
        | '\u{23e9}'..='\u{23f3}'
        | '\u{2600}'..='\u{26ff}'
        | '\u{2705}'
        | '\u{274c}'..='\u{2757}'
        | '\u{2b1b}'..='\u{2b55}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{16fe0}'..='\u{18cff}'
        | '\u{1b000}'..='\u{1b2ff}'
        | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Returns a plain text that takes at most so many columns. Dots stand for what is cut off.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if measure(text) <= columns {
        return text.to_owned();
    }
    let dots = &".."[..columns.min(2)];
    let (mut kept, mut left) = (String::new(), columns - dots.len());
    for c in text.chars() {
        if measure_char(c) > left {
            break;
        }
        left -= measure_char(c);
        kept.push(c);
    }
    kept + dots
}

/// Divides a plain text into lines of at most so many columns, at its blanks. A word that is longer stays
/// whole, since it may be an address.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if measure(line) + 1 + measure(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Medium = Medium { colours: true, symbols: true, columns: Some(10) };

    #[test]
    fn a_line_is_cut_to_the_width_whatever_its_colours() {
        let mut line = PaintedLine::default();
        line.push(Tone::Good, "passed");
        line.push(Tone::Plain, " ");
        line.push(Tone::Bad, "failed");
        line.push(Tone::Bad, "more");
        assert_eq!(line.show(TERMINAL), "\x1b[32mpassed\x1b[0m \x1b[1;31mf..\x1b[0m");
        assert_eq!(line.show(Medium::default()), "passed failedmore");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(measure("支払い ok"), 9);
        assert_eq!(cut("支払い", 5), "支..");
        assert_eq!(cut("支払い", 6), "支払い");
        assert_eq!([cut("abc", 0), cut("abc", 1), cut("abc", 2)], ["", ".", ".."]);
    }

    #[test]
    fn texts_are_wrapped_at_blanks_and_addresses_stay_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("see https://example.com/a now", 8), ["see", "https://example.com/a", "now"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn a_bar_is_as_wide_as_it_should_be() {
        for share in [-1.0, 0.0, 0.31, 1.0, 7.0, f64::NAN] {
            let (filled, rest) = TERMINAL.bar(share, 10);
            assert_eq!(measure(&filled) + measure(&rest), 10, "{share}");
        }
        assert_eq!(Medium::default().bar(0.3, 10), ("###".to_owned(), "-------".to_owned()));
    }
}
