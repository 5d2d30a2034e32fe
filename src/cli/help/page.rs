//! A page of help: paragraphs and tables of two columns, laid out for an output.

use std::fmt::Write as _;

use faultgate_report::{Medium, Tone, measure, wrap};

/// Most columns of a text, which is hard to read if it is wider.
const MAX_COLUMNS: usize = 100;
/// Fewest columns of a text.
const MIN_COLUMNS: usize = 40;
/// Most columns of the left part of a row. The right part of a wider one stands below it.
const MAX_LEFT: usize = 26;

/// A page, part by part.
#[derive(Debug, Default)]
pub(super) struct Page(Vec<PagePart>);

/// A part of a page.
#[derive(Debug)]
enum PagePart {
    Paragraph(String),
    Usage(String),
    Title(String),
    /// A table with a heading, which may be empty.
    Rows(String, Vec<(String, String)>),
}

impl Page {
    pub(super) fn title(&mut self, title: &str) {
        self.0.push(PagePart::Title(title.to_owned()));
    }

    /// Adds a paragraph, unless it is empty.
    pub(super) fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push(PagePart::Paragraph(text.to_owned()));
        }
    }

    pub(super) fn usage(&mut self, usage: &str) {
        self.0.push(PagePart::Usage(usage.to_owned()));
    }

    /// Adds a table, unless it is empty.
    pub(super) fn rows(&mut self, heading: &str, rows: impl IntoIterator<Item = (String, String)>) {
        let rows: Vec<(String, String)> = rows.into_iter().collect();
        if !rows.is_empty() {
            self.0.push(PagePart::Rows(heading.to_owned(), rows));
        }
    }

    /// Adds the paragraphs of a text, which are divided by empty lines. One whose lines are indented is a
    /// table.
    pub(super) fn block(&mut self, text: &str) {
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            match paragraph.split_once("\n  ") {
                Some((heading, rows)) => {
                    let rows = rows.lines().filter_map(|row| row.trim().split_once(' '));
                    let rows = rows.map(|(left, right)| (left.to_owned(), right.trim().to_owned()));
                    self.rows(heading.trim_end_matches(':'), rows);
                }
                None => self.paragraph(&paragraph.split_whitespace().collect::<Vec<_>>().join(" ")),
            }
        }
    }

    /// Returns the page as the output shows it.
    pub(super) fn render(&self, medium: Medium) -> String {
        let columns = medium.columns.unwrap_or(MAX_COLUMNS).clamp(MIN_COLUMNS, MAX_COLUMNS);
        let mut page = String::new();
        for part in &self.0 {
            if !page.is_empty() {
                page.push('\n');
            }
            match part {
                PagePart::Title(title) => {
                    let _ = writeln!(page, "{}", medium.paint(Tone::Strong, title));
                }
                PagePart::Paragraph(text) => {
                    for line in wrap(text, columns) {
                        let _ = writeln!(page, "{line}");
                    }
                }
                PagePart::Usage(usage) => {
                    let _ = writeln!(page, "{} {usage}", medium.paint(Tone::Strong, "Usage:"));
                }
                PagePart::Rows(heading, rows) => {
                    if !heading.is_empty() {
                        let _ = writeln!(page, "{}", medium.paint(Tone::Strong, &format!("{heading}:")));
                    }
                    add_rows(&mut page, rows, columns, medium);
                }
            }
        }
        page
    }
}

fn add_rows(page: &mut String, rows: &[(String, String)], columns: usize, medium: Medium) {
    let widest = rows.iter().map(|(left, _)| measure(left)).filter(|width| *width <= MAX_LEFT).max();
    let indent = widest.unwrap_or(2) + 4;
    for (left, right) in rows {
        let shown = medium.paint(Tone::Good, left);
        let width = measure(left) + 2;
        let mut lines = wrap(right, columns - indent).into_iter();
        if width + 2 <= indent {
            let first = lines.next().unwrap_or_default();
            let _ = writeln!(page, "{}", format!("  {shown}{:1$}{first}", "", indent - width).trim_end());
        } else {
            let _ = writeln!(page, "  {shown}");
        }
        for line in lines.filter(|line| !line.is_empty()) {
            let _ = writeln!(page, "{:indent$}{line}", "");
        }
    }
}
