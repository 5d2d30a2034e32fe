//! `report.html`: the run on one page that needs nothing else: no script, no font, no request. Every text is
//! escaped by the template, and only our own style sheet is taken as it is.
//!
//! - `head` has the verdict and the facts of the run, `overview` all experiments on one axis of time,
//!   `arithmetic` the sums, `change` what differs from an earlier run.
//! - `experiment` has the section of one experiment, which is put together from `timeline`, `probe`, `plot`,
//!   `faults` and `tables`; `scale` turns time into coordinates for its drawings.
//! - `diagnostics` has what concerns the run alone, `raw` the result as JSON, and `words` the small parts that
//!   all others use.
//!
//! The page has a limit. What has no room is left out and counted. Experiments that did not pass
//! are the last to be left out.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use maud::{DOCTYPE, Markup, PreEscaped, html};

mod arithmetic;
mod change;
mod diagnostics;
mod experiment;
mod faults;
mod head;
mod overview;
mod plot;
mod probe;
mod raw;
mod scale;
mod tables;
mod timeline;
mod words;

use crate::files::write::replace_by;
use crate::sink::{Sink, from_write};
use crate::words::Nature;
use faultgate_core::model::{ExperimentResult, Reported, RunResult, Verdict};
use words::{Detail, plain};

/// Name of the file in the report folder.
pub(crate) const FILE_NAME: &str = "report.html";

/// The content security policy of the page. Nothing may be loaded or run, whatever a text from outside says.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("style.css");

/// Maximum size of all sections of experiments in bytes. With head, tables and raw JSON the page stays below
/// 2 MB, and below 3 MB whatever its texts.
const MAX_SECTIONS_BYTES: usize = 1_250_000;

/// Maximum number of sections of experiments that passed. Nobody reads more of thousands, and a browser would
/// take long.
const MAX_PASSED_SECTIONS: usize = 200;

/// The mark in the frame of the page where the sections of experiments come. No text from outside can be
/// taken for it, since it would be escaped.
const EXPERIMENTS: &str = "<!-- experiments -->";

/// Writes the page piece by piece: the sections of a large suite are most of it, and one copy of them is
/// enough.
pub(crate) fn write(result: &RunResult, page: &mut dyn Write) -> io::Result<()> {
    let (frame, sections) = parts(result);
    let (before, after) = frame.split_once(EXPERIMENTS).unwrap_or((&frame, ""));
    page.write_all(before.as_bytes())?;
    for section in sections {
        page.write_all(section.0.as_bytes())?;
    }
    page.write_all(after.as_bytes())
}

/// Renders the page without the sections of its experiments, and these sections.
fn parts(result: &RunResult) -> (String, Vec<Markup>) {
    let detail = Detail::of(result);
    let order: Vec<usize> = result.worst_first().into_iter().map(|(place, _)| place).collect();
    let sections = sections(&result.experiments, &order, |place, experiment| {
        experiment::section(place, experiment, result, detail)
    });
    // An experiment whose section is left out must not be linked to.
    let is_there = |place: usize| sections.get(place).is_some_and(Option::is_some);
    let has_probes = result.experiments.iter().any(|experiment| !experiment.probes.is_empty());
    let (gate, nature) = (&result.gate, Nature::of_result(result));
    let title = match result.run.repository.as_deref() {
        Some(repository) => format!("{}{nature} – chaos gate of {}", gate.verdict, plain(repository, 100)),
        None => format!("{}{nature} – chaos gate", gate.verdict),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head::header(result, is_there))
                main {
                    (overview::section(result, &order, is_there))
                    (arithmetic::of_run(result, &order, is_there))
                    (change::section(result))
                    (experiments(&sections, has_probes))
                    (diagnostics::to_do(result))
                    (diagnostics::section(result))
                }
                footer { p { (head::foot(result)) } }
            }
        }
    };
    let mut sections = sections;
    let ordered = order.into_iter().filter_map(|place| sections[place].take()).collect();
    (page.into_string(), ordered)
}

fn experiments(sections: &[Option<Markup>], has_probes: bool) -> Markup {
    let left_out = sections.iter().filter(|section| section.is_none()).count();
    html! {
        @if !sections.is_empty() {
            section aria-labelledby="experiments" {
                h2 #experiments { "Experiments" }
                @if has_probes { (key()) }
                (PreEscaped(EXPERIMENTS))
                @if left_out > 0 {
                    p.note { "There was no room for " (left_out) " more; result.json has them all." }
                }
            }
        }
    }
}

/// Renders the key of the drawings.
fn key() -> Markup {
    let fault = html! { rect.fault width="24" height="16" {} path.fault-edge d="M1 0V16M23 0V16" {} };
    let parts = [
        (fault, "the fault was in"),
        (html! { path.pass d="M12 9V16" {} }, "a look that passed"),
        (html! { path.fail d="M12 1V16" {} }, "a look that failed"),
        (html! { path class="band s4" d="M0 0h24v16h-24z" {} }, "looks failed here"),
        (html! { path.latency d="M0 12L8 5L16 9L24 4" {} }, "latency"),
        (html! { path.cross d="M9 5l6 6m0 -6l-6 6" {} }, "latency of a failure"),
        (html! { path.limit d="M0 8H24" {} }, "its limit"),
    ];
    html! {
        ul.key {
            @for (drawing, meaning) in parts {
                li { svg viewBox="0 0 24 16" aria-hidden="true" { (drawing) } (meaning) }
            }
        }
    }
}

/// Renders as many sections as there is room for, and returns them at the indices of their experiments.
/// Room is given in this order.
fn sections(
    experiments: &[ExperimentResult],
    order: &[usize],
    render: impl Fn(usize, &ExperimentResult) -> Markup,
) -> Vec<Option<Markup>> {
    let (mut room, mut passed) = (MAX_SECTIONS_BYTES, 0);
    let mut sections: Vec<Option<Markup>> = vec![None; experiments.len()];
    for &place in order {
        passed += usize::from(experiments[place].verdict == Verdict::Passed);
        if passed > MAX_PASSED_SECTIONS {
            break;
        }
        let section = render(place, &experiments[place]);
        // A section that is too large does not keep out smaller ones after it.
        if let Some(left) = room.checked_sub(section.0.len()) {
            room = left;
            sections[place] = Some(section);
        }
    }
    sections
}

/// The sink that writes `report.html`.
pub(crate) struct HtmlFile {
    path: PathBuf,
}

impl HtmlFile {
    pub(crate) fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(FILE_NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for HtmlFile {
    fn name(&self) -> &str {
        FILE_NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(FILE_NAME, replace_by(&self.path, |page| write(result, page))))
    }
}

#[cfg(test)]
mod tests;
