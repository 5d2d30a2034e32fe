//! The small parts of the page: texts, times, links, badges.

use jiff::Timestamp;
use maud::{Markup, html};

use faultgate_core::duration::{coarse, fine, from_millis};
use faultgate_core::model::{RunResult, Score, Verdict};
use faultgate_core::text;

/// Maximum length of a text in a cell, in characters.
pub(super) const MAX_CELL_CHARS: usize = 200;
/// Maximum length of a sentence in characters.
pub(super) const MAX_SENTENCE_CHARS: usize = 1_000;
/// Maximum length of an address in bytes.
const MAX_URL_BYTES: usize = 1_000;

/// The number of details that are shown of each experiment and probe. A page of many experiments shows fewer
/// of each, so that it stays legible and small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    /// Maximum number of columns of a plot. Samples that fall into the same column are drawn as one.
    pub(super) columns: usize,
    /// Maximum number of rows of a table.
    pub(super) rows: usize,
}

impl Detail {
    /// Returns the detail for a result, by the number of its experiments and probes.
    pub(super) fn of(result: &RunResult) -> Self {
        let probes: usize = result.experiments.iter().map(|experiment| experiment.probes.len()).sum();
        let experiments = result.experiments.len();
        Self {
            columns: (20_000 / probes.max(1)).clamp(60, 400),
            rows: (2_000 / (probes + experiments).max(1)).clamp(12, 100),
        }
    }
}

/// Puts text from outside on one line of at most `longest` characters. The template escapes it.
pub(super) fn plain(text: &str, longest: usize) -> String {
    let text = text::plain(text, longest);
    // Most texts hold none of these characters, and are not copied again.
    if text.contains(is_no_character) { text.replace(is_no_character, "\u{fffd}") } else { text }
}

/// Writes a name of at most `longest` characters, cut in its middle.
pub(super) fn short_name(name: &str, longest: usize) -> String {
    plain(&text::short(name, longest), longest)
}

/// Returns `true` for code points that no page may hold, not even escaped.
pub(super) fn is_no_character(c: char) -> bool {
    u32::from(c) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// Returns the address if it leads to the web and needs no escape, so that the page links only to what the
/// result has.
pub(super) fn link(url: &str) -> Option<&str> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let safe =
        url.len() <= MAX_URL_BYTES && url.chars().all(|c| c.is_ascii_graphic() && !"\"'<>`\\".contains(c));
    (web && safe).then_some(url)
}

/// Renders the text, as a link if there is an address.
pub(super) fn render_link(text: &str, url: Option<&str>) -> Markup {
    html! {
        @match url.and_then(link) {
            Some(url) => { a href=(url) rel="noreferrer noopener" { (text) } }
            None => { (text) }
        }
    }
}

/// Renders links as buttons, with those addresses left out that no page may link to.
pub(super) fn buttons(links: &[(String, String)]) -> Markup {
    let links: Vec<_> = links.iter().filter_map(|(text, url)| Some((text, link(url)?))).collect();
    html! {
        @if !links.is_empty() {
            p.buttons {
                @for (text, url) in links {
                    a.button href=(url) rel="noreferrer noopener" { (plain(text, MAX_CELL_CHARS)) }
                }
            }
        }
    }
}

/// Writes a score, or a dash if it is not known.
pub(super) fn score(score: Option<Score>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| score.to_string())
}

/// Writes a number with at most two decimals. It is cut and not rounded, as scores are.
pub(super) fn number(value: f64) -> String {
    ((value * 100.0).floor() / 100.0).to_string()
}

pub(super) fn moment(at: Timestamp) -> Markup {
    let format = if at.subsec_millisecond() == 0 { "%Y-%m-%d %H:%M:%SZ" } else { "%Y-%m-%d %H:%M:%S%.3fZ" };
    html! { time datetime=(at) { (at.strftime(format)) } }
}

pub(super) fn maybe_moment(at: Option<Timestamp>) -> Markup {
    at.map_or_else(|| html! { "–" }, moment)
}

/// Writes the time between two moments, or a dash if one is not known.
pub(super) fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => coarse(to.duration_since(from)),
        _ => "–".to_owned(),
    }
}

/// Writes a number of milliseconds.
pub(super) fn millis(millis: u64) -> String {
    fine(from_millis(millis))
}

/// Returns the class of a verdict's colour. The colour never stands alone: the word is always beside it.
pub(super) fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Failed => "bad",
        Verdict::Errored | Verdict::TimedOut => "warn",
        Verdict::Cancelled => "dim",
    }
}

/// Renders a verdict with a sign of its own.
pub(super) fn badge(verdict: Verdict) -> Markup {
    let shape = match verdict {
        Verdict::Passed => "M3.5 8.5l3 3 6-7",
        Verdict::Failed => "M4 4l8 8m0-8l-8 8",
        Verdict::Errored => "M8 3v6.5m0 3v.5",
        Verdict::TimedOut => "M8 1.8a6.2 6.2 0 1 0 .01 0M8 4.5v4l2.5 1.5",
        Verdict::Cancelled => "M8 1.8a6.2 6.2 0 1 0 .01 0M3.7 12.3l8.6-8.6",
    };
    html! {
        span class={ "badge " (tone(verdict)) } {
            svg viewBox="0 0 16 16" aria-hidden="true" { path d=(shape) {} }
            (verdict.as_str())
        }
    }
}

/// Renders the first rows, and after them the number of the others.
pub(super) fn rows<T>(items: &[T], most: usize, columns: usize, row: impl Fn(&T) -> Markup) -> Markup {
    html! {
        @for item in items.iter().take(most) { (row(item)) }
        @if items.len() > most {
            tr { td colspan=(columns) { "and " (items.len() - most) " more, in result.json" } }
        }
    }
}

/// Renders content that is folded until somebody opens it.
pub(super) fn fold(summary: &str, content: &Markup) -> Markup {
    html! { details { summary { (summary) } (content) } }
}

/// Renders a table that scrolls by itself if it is too wide, with the keyboard too.
pub(super) fn scrolling(label: &str, content: &Markup) -> Markup {
    html! { div.scroll role="group" aria-label=(label) tabindex="0" { (content) } }
}
