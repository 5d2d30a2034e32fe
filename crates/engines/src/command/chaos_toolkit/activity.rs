//! One activity that a journal tells of: an action or a probe that was begun.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use faultgate_config::Veil;
use faultgate_core::model::{Action, Effect};
use faultgate_core::text;

/// Number of characters of a text from a journal that are kept.
pub(super) const MAX_TEXT_CHARS: usize = 200;

/// An activity with its outcome.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Activity {
    #[serde(rename = "activity")]
    described: Described,
    status: Option<String>,
    #[serde(default)]
    output: Value,
    #[serde(default)]
    exception: Value,
    start: Option<String>,
    end: Option<String>,
    pub(super) tolerance_met: Option<bool>,
}

/// An activity as the experiment declares it. `provider` is what carries it out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Described {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    provider: Value,
    #[serde(default)]
    dry: Value,
}

impl Activity {
    /// Returns the name of the activity.
    pub(super) fn name(&self) -> &str {
        &self.described.name
    }

    /// Returns the type of the activity: `action` or `probe`.
    pub(super) fn kind(&self) -> &str {
        &self.described.kind
    }

    /// Returns `true` for a probe.
    pub(super) fn is_probe(&self) -> bool {
        self.described.kind == "probe"
    }

    /// Returns `true` for an action.
    pub(super) fn is_action(&self) -> bool {
        self.described.kind == "action"
    }

    /// Returns the reason why the activity did not do what it should, as the end of a sentence that begins
    /// with its name. Chaos Toolkit calls an action succeeded whatever its program or server has answered.
    pub(super) fn trouble(&self) -> Option<String> {
        match self.status.as_deref() {
            Some("succeeded") if !self.exception.is_null() => {
                Some(self.because("has an exception, though it is said to have succeeded".to_owned()))
            }
            Some("succeeded") if self.is_probe() => None,
            Some("succeeded") => self.refusal(),
            Some("failed") => Some(self.because("failed".to_owned())),
            Some(other) => Some(format!("is {}", text::plain(other, MAX_TEXT_CHARS))),
            None => Some("was begun and is not known to have ended".to_owned()),
        }
    }

    /// Returns the reason that an action's own answer gives against it. Only the answers of programs and
    /// servers are read: outputs of Python functions have no common form.
    fn refusal(&self) -> Option<String> {
        let provider = self.word("type");
        let status = self.output.get("status").and_then(Value::as_i64);
        match (provider, status) {
            ("process", Some(0)) | ("http", Some(..400)) => None,
            ("process", Some(code @ 1..)) => Some(self.because(format!("ended with exit code {code}"))),
            // Python's subprocess tells a signal as a negative exit code.
            ("process", Some(signal)) => Some(format!("was killed by signal {}", signal.unsigned_abs())),
            ("http", Some(status)) => Some(self.because(format!("was answered with status {status}"))),
            ("process" | "http", None) => Some("has no exit code or status in the journal".to_owned()),
            _ if self.is_dry() => Some("was left out (dry)".to_owned()),
            _ => None,
        }
    }

    /// Returns `true` if the activity itself says that it is not carried out. One that was carried out has an
    /// output.
    fn is_dry(&self) -> bool {
        matches!(self.described.dry.as_str(), Some("actions" | "activities")) && self.output.is_null()
    }

    /// Appends what the activity said last to a reason.
    fn because(&self, what: String) -> String {
        match self.find_last_words() {
            Some(said) => format!("{what} ({said})"),
            None => what,
        }
    }

    /// Returns what the activity said last: its exception, or the last line of its standard error.
    fn find_last_words(&self) -> Option<String> {
        let said = match &self.exception {
            Value::Null => self.output.get("stderr").map_or_else(String::new, last_line),
            exception => short(exception),
        };
        Some(said).filter(|said| !said.is_empty())
    }

    /// Returns a text of the provider.
    fn word(&self, name: &str) -> &str {
        self.described.provider.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Shortens the texts of the activity. Of an output, which may be of any size, only what is asked for
    /// later is kept.
    pub(super) fn shorten(&mut self, veil: &Veil) {
        // Secrets are hidden before texts are cut, since a secret that is cut would no longer be recognised.
        if !veil.is_empty() {
            hide(&mut self.output, veil);
            hide(&mut self.exception, veil);
        }
        self.described.name = text::plain(&self.described.name, MAX_TEXT_CHARS);
        let kept = match &self.output {
            Value::Object(output) if output.contains_key("status") => {
                let mut kept = serde_json::Map::new();
                kept.insert("status".to_owned(), output["status"].as_i64().map_or(Value::Null, Value::from));
                for name in ["stdout", "stderr", "body"] {
                    let text = output.get(name).map(last_line).filter(|text| !text.is_empty());
                    kept.extend(text.map(|text| (name.to_owned(), Value::String(text))));
                }
                Value::Object(kept)
            }
            Value::Null => Value::Null,
            other => Value::String(short(other)),
        };
        self.output = kept;
    }

    /// Returns the start of the activity, if the journal has a readable one.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        self.start.as_deref().and_then(time)
    }

    /// Returns the end of the activity, if the journal has a readable one.
    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        self.end.as_deref().and_then(time)
    }

    /// Returns the times of the activity, each with the word for what it did then.
    pub(super) fn times(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let times = [("began", self.start.as_deref()), ("ended", self.end.as_deref())];
        times.into_iter().filter_map(|(what, time)| Some((what, time?)))
    }

    /// Returns the activity as a report shows it.
    pub(super) fn action(&self, effect: Effect) -> Action {
        let id = match self.word("type") {
            "python" => format!("{}.{}", self.word("module"), self.word("func")),
            "process" => self.word("path").to_owned(),
            other => other.to_owned(),
        };
        let state = match self.trouble() {
            Some(_) if self.status.as_deref() == Some("succeeded") => "failed",
            _ => self.status.as_deref().unwrap_or("unknown"),
        };
        let reason = match &self.exception {
            Value::Null => short(&self.output),
            exception => short(exception),
        };
        Action {
            name: self.described.name.clone(),
            action_id: text::plain(&id, MAX_TEXT_CHARS),
            effect: if self.is_probe() { Effect::Asserts } else { effect },
            state: text::plain(state, MAX_TEXT_CHARS),
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            started_at: self.started_at(),
            ended_at: self.ended_at(),
            targets: Vec::new(),
        }
    }
}

/// Hides secrets in every text of an output.
fn hide(output: &mut Value, veil: &Veil) {
    match output {
        Value::String(text) => *text = veil.hide(text),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, veil)),
        Value::Object(entries) => entries.values_mut().for_each(|value| hide(value, veil)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns an output in a few words.
fn short(output: &Value) -> String {
    match output {
        Value::Null => String::new(),
        Value::String(text) => text::plain(text, MAX_TEXT_CHARS),
        // An exception is a list of the lines of its trace, the last of which says what it is.
        Value::Array(lines) => {
            let last = lines.iter().rev().filter_map(Value::as_str).find(|line| !line.trim().is_empty());
            last.map_or_else(
                || text::plain(&output.to_string(), MAX_TEXT_CHARS),
                |line| text::plain(line, MAX_TEXT_CHARS),
            )
        }
        other => text::plain(&other.to_string(), MAX_TEXT_CHARS),
    }
}

/// Returns the last line that a program has printed.
fn last_line(output: &Value) -> String {
    let Value::String(printed) = output else { return short(output) };
    let last = printed.lines().rev().find(|line| !line.trim().is_empty());
    text::plain(last.unwrap_or_default(), MAX_TEXT_CHARS)
}

/// Reads a time. Older versions of Chaos Toolkit leave out that it is UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}
