//! The editing of a YAML text by its blocks. A block is a line, with the lines below it that are indented
//! deeper.
//!
//! The templates are our own and their comments are to stay, so they are edited as text, and not parsed and
//! written again. A block that is not there is `None`, so that a changed template is noticed.

use std::ops::Range;

/// Returns the text without the comment at its beginning.
pub(super) fn drop_head(text: &str) -> &str {
    let mut rest = text;
    while let Some((line, tail)) = rest.split_once('\n') {
        if !(line.is_empty() || line.starts_with('#')) {
            break;
        }
        rest = tail;
    }
    rest
}

/// Returns the first block whose first line starts with `start`.
pub(super) fn keep_block(text: &str, start: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    Some(join_lines(&lines[find_block(&lines, start)?]))
}

/// Returns the text without the first block that starts with `start`.
pub(super) fn drop_block(text: &str, start: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let range = find_block(&lines, start)?;
    Some(join_lines(&lines[..range.start]) + &join_lines(&lines[range.end..]))
}

/// Returns the text with the lines of `added` before the first block that starts with `start`, indented like
/// it.
pub(super) fn insert_before(text: &str, start: &str, added: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = find_block(&lines, start)?.start;
    let margin = " ".repeat(count_indentation(lines[start]));
    let added: String =
        added.lines().flat_map(|line| [if line.is_empty() { "" } else { &margin }, line, "\n"]).collect();
    Some(join_lines(&lines[..start]) + &added + &join_lines(&lines[start..]))
}

/// Returns the block without the indentation of its first line.
pub(super) fn unindent(block: &str) -> String {
    let margin = block.lines().next().map_or(0, count_indentation);
    block.lines().flat_map(|line| [line.get(margin..).unwrap_or_default(), "\n"]).collect()
}

/// Returns the lines of the first block that starts with `start`.
fn find_block(lines: &[&str], start: &str) -> Option<Range<usize>> {
    let first = lines.iter().position(|line| line.trim_start().starts_with(start))?;
    let margin = count_indentation(lines[first]);
    let below = lines[first + 1..]
        .iter()
        .take_while(|line| line.trim().is_empty() || count_indentation(line) > margin)
        .collect::<Vec<_>>();
    // Empty lines at the end belong to what follows the block.
    let blank = below.iter().rev().take_while(|line| line.trim().is_empty()).count();
    Some(first..first + 1 + below.len() - blank)
}

fn count_indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn join_lines(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# head\n\nname: x\njobs:\n  a:\n    with:\n      b: 1\n\n      c: 2\n\n  d: 3\n";

    #[test]
    fn a_block_ends_with_the_last_deeper_line() {
        assert_eq!(keep_block(TEXT, "with:").unwrap(), "    with:\n      b: 1\n\n      c: 2\n");
        assert_eq!(drop_block(TEXT, "with:").unwrap(), "# head\n\nname: x\njobs:\n  a:\n\n  d: 3\n");
        assert_eq!(drop_block(TEXT, "d:").unwrap().lines().last(), Some(""));
        assert_eq!(unindent(&keep_block(TEXT, "with:").unwrap()), "with:\n  b: 1\n\n  c: 2\n");
        assert_eq!(drop_head(TEXT).lines().next(), Some("name: x"));
        assert_eq!(drop_head("# only\n"), "");
    }

    #[test]
    fn what_is_added_is_indented_as_what_follows() {
        let added = insert_before(TEXT, "c:", "e:\n\n  f: 1\n").unwrap();
        assert!(added.contains("      b: 1\n\n      e:\n\n        f: 1\n      c: 2\n"), "{added}");
    }

    #[test]
    fn what_is_not_there_is_none() {
        assert!(keep_block(TEXT, "z:").is_none() && drop_block(TEXT, "z:").is_none());
        assert!(insert_before(TEXT, "z:", "x").is_none());
    }
}
