//! The suite, which has one experiment made of the answers. All answers stand here or in the policy, and none
//! in a pipeline.

use std::fmt::Write;

use super::engines::{AnswerForm, BlockKey, find_entry};
use super::texts::{make_link, make_schema_line, quote};
use faultgate_config::Answers;

const EXPERIMENT: &str = "first-experiment";
/// The URL of the probe that is written as a comment where none was given.
const EXAMPLE_URL: &str = "https://staging.example.com/health";

/// Returns the suite for these answers.
pub(super) fn render(answers: &Answers) -> String {
    let mut suite = make_schema_line("suite.schema.json");
    let _ = writeln!(suite, "# What faultgate runs, measures and expects: {}", make_link("docs/suite.md"));
    suite.push_str("version: 1\ngate:\n  expected-resilience-score: 100\nexperiments:\n");
    let _ = writeln!(suite, "  - name: {EXPERIMENT}");
    let url = answers.get("probe-url");
    if url.is_none() {
        suite.push_str(
            "    # Without a probe nothing is known but what the engine says. Measure what your users need:\n",
        );
        suite.push_str(&indent("    # ", &render_probes(EXAMPLE_URL)));
    }
    let _ = writeln!(suite, "    {}:", answers.engine.as_str());
    for BlockKey { name, question, form } in find_entry(answers.engine).keys {
        if answers.does_without(question) {
            let _ = writeln!(
                suite,
                "      # Nothing undoes the fault: it stays in at every kind of end, unless it ends by itself."
            );
        } else if let Some(answer) = answers.get(question) {
            let _ = writeln!(suite, "      {name}: {}", render_value(*form, answer));
        }
    }
    suite.push_str(&indent("    ", &url.map(render_probes).unwrap_or_default()));
    suite
}

/// Returns an answer as YAML.
fn render_value(form: AnswerForm, answer: &str) -> String {
    match form {
        AnswerForm::Text => quote(answer),
        AnswerForm::Words => {
            let words: Vec<String> = answer.split_whitespace().map(quote).collect();
            format!("[{}]", words.join(", "))
        }
        AnswerForm::Output => format!("{{ output: {} }}", quote(answer)),
    }
}

/// Returns the block of an experiment's probes, with one probe of this URL.
fn render_probes(url: &str) -> String {
    let url = quote(url);
    format!(
        "probes:\n  - name: system answers\n    http: {{ url: {url}, status: 200, within: 2s }}\n    \
         when: [before, during, after]\n    every: 5s\n"
    )
}

fn indent(margin: &str, lines: &str) -> String {
    lines.lines().flat_map(|line| [margin, line, "\n"]).collect()
}
