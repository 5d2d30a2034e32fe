//! The contract that others rely on: the fixed names of `result.json`, and the grammar of GitHub's file
//! commands.

use std::collections::BTreeMap;

use faultgate_net::aws::iam::{CALLS, Use};
use serde_json::Value;

/// The outputs of a step, in the contract's words.
pub const OUTPUTS: [&str; 7] = [
    "verdict",
    "resilience-score",
    "expected-resilience-score",
    "experiment-ids",
    "state",
    "reason",
    "report-dir",
];

const GATE: [&str; 5] = ["verdict", "exit_code", "resilience_score", "expected_resilience_score", "reasons"];
const EXPERIMENT: [&str; 18] = [
    "name",
    "engine",
    "id",
    "url",
    "state",
    "raw_state",
    "reason",
    "verdict",
    "score",
    "score_source",
    "weight",
    "started_at",
    "ended_at",
    "transitions",
    "actions",
    "targets",
    "probes",
    "monitor",
];
const TRANSITION: [&str; 4] = ["state", "at", "observed_at", "source"];
const MONITOR: [&str; 5] = ["mode", "events", "duplicates", "reconciliations", "api_calls"];
const STATES: [&str; 9] =
    ["pending", "running", "stopping", "completed", "stopped", "failed", "cancelled", "timed-out", "unknown"];
const VERDICTS: [&str; 5] = ["passed", "failed", "errored", "timed-out", "cancelled"];

fn assert_has(value: &Value, names: &[&str], place: &str) {
    let object = value.as_object().unwrap_or_else(|| panic!("{place} is no object"));
    for name in names {
        assert!(object.contains_key(*name), "{place} lacks {name}: {value:#}");
    }
}

fn items<'a>(value: &'a Value, place: &str) -> &'a [Value] {
    value.as_array().unwrap_or_else(|| panic!("{place} is no list"))
}

fn assert_word(value: &Value, words: &[&str], place: &str) {
    let word = value.as_str().unwrap_or_default();
    assert!(words.contains(&word), "{place} is {value}");
}

fn assert_time(value: &Value, place: &str) {
    let text = value.as_str().unwrap_or_else(|| panic!("{place} is {value}"));
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    assert!(parsed.is_ok(), "{place} is {text}");
}

/// Hides the moments in a text, which differ from run to run: `went to ALARM at MOMENT`.
pub fn hide_moments(text: &str) -> String {
    let hide = |word| if str::parse::<jiff::Timestamp>(word).is_ok() { "MOMENT" } else { word };
    text.split(' ').map(hide).collect::<Vec<_>>().join(" ")
}

/// Asserts that every fixed name is there, with a value of its kind, and that the parts agree with each
/// other.
pub fn assert_result(result: &Value, code: u8) {
    assert_eq!(result["schema_version"], 1);
    assert_has(result, &["gate", "experiments", "reporting"], "result");
    let gate = &result["gate"];
    assert_has(gate, &GATE, "gate");
    assert_eq!(gate["exit_code"], code, "{gate:#}");
    assert_word(&gate["verdict"], &VERDICTS, "gate.verdict");
    assert!(!items(&gate["reasons"], "reasons").is_empty(), "{gate:#}");
    for experiment in items(&result["experiments"], "experiments") {
        assert_has(experiment, &EXPERIMENT, "experiment");
        assert!(matches!(experiment["engine"].as_str(), Some("fis" | "command")));
        assert_word(&experiment["state"], &STATES, "state");
        assert_word(&experiment["verdict"], &VERDICTS, "verdict");
        assert_ne!(experiment["reason"], "");
        for transition in items(&experiment["transitions"], "transitions") {
            assert_has(transition, &TRANSITION, "transition");
            assert_word(&transition["state"], &STATES, "transition's state");
            assert_word(&transition["source"], &["launch", "event", "reconcile", "poll"], "source");
            assert_time(&transition["at"], "at");
            assert_time(&transition["observed_at"], "observed_at");
        }
        for list in ["actions", "targets", "probes"] {
            items(&experiment[list], list);
        }
        let monitor = &experiment["monitor"];
        assert_has(monitor, &MONITOR, "monitor");
        let calls = monitor["api_calls"].as_object().unwrap();
        assert!(calls.values().all(Value::is_u64), "{monitor:#}");
        if experiment["engine"] == "fis" {
            assert_listed(calls.keys(), monitor["mode"].as_str().unwrap());
        }
    }
    for reported in items(&result["reporting"], "reporting") {
        assert_has(reported, &["sink", "outcome"], "reporting");
        assert_word(&reported["outcome"], &["written", "skipped", "failed"], "outcome");
    }
}

/// Asserts that `faultgate iam` knows of these requests in this mode.
pub fn assert_listed<'a>(operations: impl IntoIterator<Item = &'a String>, mode: &str) {
    let uses = [Use::find(mode).unwrap(), Use::CloudwatchAlarm, Use::CloudwatchMetric];
    for operation in operations {
        let known = CALLS.iter().any(|call| call.operation == operation && call.is_for(&uses));
        assert!(known, "{operation} is not in the list for {mode}");
    }
}

/// Reads `GITHUB_OUTPUT` as the runner does.
pub fn file_commands(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    while let Some((line, after)) = next_line(rest) {
        rest = after;
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        let (name, value) = match (equals, heredoc) {
            (Some(equals), heredoc) if heredoc.is_none_or(|place| equals < place) => {
                (&line[..equals], line[equals + 1..].to_owned())
            }
            (_, Some(place)) => {
                let (name, delimiter) = (&line[..place], &line[place + 2..]);
                if delimiter.is_empty() {
                    return Err(format!("no delimiter: {line}"));
                }
                let mut lines = Vec::new();
                loop {
                    let (line, after) =
                        next_line(rest).ok_or_else(|| format!("{delimiter} does not come"))?;
                    rest = after;
                    if line == delimiter {
                        break;
                    }
                    lines.push(line);
                }
                (name, lines.join("\n"))
            }
            _ => return Err(format!("invalid format: {line}")),
        };
        if name.is_empty() {
            return Err(format!("no name: {line}"));
        }
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

/// Returns the next line and the text after it. Carriage returns belong to the line.
fn next_line(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    Some(text.split_once('\n').unwrap_or((text, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_of_file_commands_is_the_runners() {
        let text = "a=1\nb<<END\nx\n\ny=z\nEND\n\nc=<<no heredoc\nd=\n";
        let values = file_commands(text).unwrap();
        let pairs: Vec<_> = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("b", "x\n\ny=z"), ("c", "<<no heredoc"), ("d", "")]);
        for wrong in ["nothing", "=1", "a<<", "a<<END\nx\n", "<<END\nEND\n"] {
            assert!(file_commands(wrong).is_err(), "{wrong:?}");
        }
    }
}
