//! Lists and tables in Markdown, of which as many lines are shown as there is room for.

/// Maximum number of lines of a table or a list.
pub(super) const MAX_LINES: usize = 100;
/// Number of bytes that are kept for the line about lines that are missing.
const MORE_BYTES: usize = 64;

/// Returns a title and the first lines of a list, or nothing if the list is empty.
pub(super) fn list(title: &str, lines: impl ExactSizeIterator<Item = String>) -> String {
    if lines.len() == 0 {
        return String::new();
    }
    let lines = some_of(lines, MAX_LINES, usize::MAX, |more| format!("- and {more} more\n"));
    format!("{title}\n\n{lines}\n")
}

/// Columns of numbers and times, which stand at the right.
const NUMBERS: [&str; 9] =
    ["Passed", "Score", "Weight", "Detected", "Recovered", "Resources", "Earlier", "Now", "Change"];

/// Returns a table with these columns, or nothing if there are no rows.
pub(super) fn table(columns: &[&str], rows: impl ExactSizeIterator<Item = String>) -> String {
    if rows.len() == 0 {
        return String::new();
    }
    let rest = " |".repeat(columns.len());
    let rows = some_of(rows, MAX_LINES, usize::MAX, |more| format!("| and {more} more{rest}\n"));
    let rule = |column| if NUMBERS.contains(column) { " --: |" } else { " --- |" };
    format!("| {} |\n|{}\n{rows}\n", columns.join(" | "), columns.iter().map(rule).collect::<String>())
}

/// Returns the first lines, at most `most` of them and at most `room` bytes, and after them the line that
/// `more` makes of the number of the others.
pub(super) fn some_of(
    lines: impl ExactSizeIterator<Item = String>,
    most: usize,
    room: usize,
    more: impl Fn(usize) -> String,
) -> String {
    let (count, mut shown, mut text) = (lines.len(), 0, String::new());
    for line in lines.take(most) {
        if text.len() + line.len() + MORE_BYTES > room {
            break;
        }
        text.push_str(&line);
        shown += 1;
    }
    if shown < count {
        text.push_str(&more(count - shown));
    }
    text
}
