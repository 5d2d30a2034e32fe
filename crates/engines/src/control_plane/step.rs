//! The step at which a fault failed, as agents write it: `MAX_CODE_CHARS : reason`, in which the reason may
//! be JSON that names the phase. Pure. The texts have no grammar that holds for all agents, so words are
//! looked for anywhere in them.

use serde_json::Value;

use faultgate_core::text::plain;

/// Most characters of a code that are kept.
const MAX_CODE_CHARS: usize = 200;
/// Most characters of a sentence that are kept.
const MAX_SENTENCE_CHARS: usize = 400;

/// Codes of errors of a fault itself, which say nothing of the system. The error of a probe is none of these.
const OF_THE_FAULT: &[&str] = &[
    "CHAOS_INJECT_ERROR",
    "CHAOS_REVERT_ERROR",
    "CHAOS_RESULT_CRUD_ERROR",
    "CONTAINER_RUNTIME_ERROR",
    "HELPER_ERROR",
    "HELPER_POD_FAILED_ERROR",
    "NON_USER_FRIENDLY_ERROR",
];
const NO_TARGET: &str = "TARGET_SELECTION_ERROR";
const STOPPED: &str = "EXPERIMENT_ABORTED";
/// Code of a check of the application's own, which fails if the system does.
const STATUS_CHECK: &str = "STATUS_CHECKS_ERROR";
/// Words in the codes of probes that failed or could not run.
const OF_A_PROBE: &[&str] = &["PROBE_FAILURE", "PROBE_FAILED", "PROBE_ERROR", "PROBE_TIMEOUT", "E2008"];

/// A phase in the life of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultPhase {
    /// The time before anything was injected.
    Before,
    During,
    After,
}

/// A step that failed, or the word that none did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FailedStep {
    /// The texts and codes of the step in upper case, in which words are looked for.
    said: String,
    /// The step for people.
    shown: String,
    code: Option<String>,
}

impl FailedStep {
    /// Makes the step of the texts of one fault, the first of which is shown, and of the codes that are told
    /// apart.
    pub(super) fn of(texts: &[&str], codes: &[&str]) -> Self {
        let empty = |text: &&&str| !matches!(text.trim(), "" | "N/A" | "NA");
        let texts: Vec<&str> = texts.iter().filter(empty).copied().collect();
        let codes: Vec<&str> = codes.iter().filter(empty).copied().collect();
        let shown = texts.first().map(|text| readable(text)).unwrap_or_default();
        let code = codes.first().map(|code| plain(code, MAX_CODE_CHARS)).or_else(|| code_of(&shown));
        let said = texts.iter().chain(&codes).copied().collect::<Vec<_>>().join("\n").to_ascii_uppercase();
        Self { said, shown, code }
    }

    /// Returns the step for people; empty if none failed.
    pub(super) fn text(&self) -> &str {
        &self.shown
    }

    pub(super) fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Returns the earliest phase that is named, if one is.
    pub(super) fn phase(&self) -> Option<FaultPhase> {
        let names = |words: &[&str]| words.iter().any(|word| self.said.contains(word));
        if names(&["PRECHAOS", "PRE-CHAOS"]) {
            Some(FaultPhase::Before)
        } else if names(&["CHAOSINJECT"]) {
            Some(FaultPhase::During)
        } else if names(&["POSTCHAOS", "POST-CHAOS"]) {
            Some(FaultPhase::After)
        } else {
            None
        }
    }

    pub(super) fn found_no_target(&self) -> bool {
        self.said.contains(NO_TARGET)
    }

    /// Returns `true` if a probe failed or could not run, or a check found the application not as it should
    /// be.
    pub(super) fn is_of_a_check(&self) -> bool {
        self.said.contains(STATUS_CHECK) || OF_A_PROBE.iter().any(|word| self.said.contains(word))
    }

    /// Returns `true` if the fault itself could not be carried out. A failed check is no such step,
    /// even if a code of the fault stands beside it.
    pub(super) fn is_of_the_fault(&self) -> bool {
        !self.is_of_a_check() && OF_THE_FAULT.iter().any(|code| self.said.contains(code))
    }

    pub(super) fn is_of_a_stop(&self) -> bool {
        self.said.contains(STOPPED)
    }
}

/// Writes a step whose reason is JSON as a sentence. Any other step stays as it is.
fn readable(text: &str) -> String {
    let (before, json) = text.find('{').map_or((text, ""), |at| text.split_at(at));
    let Ok(Value::Object(said)) = serde_json::from_str::<Value>(json) else {
        return plain(text, MAX_SENTENCE_CHARS);
    };
    let part = |name: &str| said.get(name).and_then(Value::as_str).filter(|part| !part.is_empty());
    let code = before.trim_end_matches([' ', ':']).trim();
    let code = Some(code).filter(|code| !code.is_empty()).or_else(|| part("errorCode"));
    let phase = part("phase").map(|phase| format!("in phase {phase}"));
    let parts: Vec<String> = [part("reason").map(str::to_owned), part("target").map(str::to_owned), phase]
        .into_iter()
        .flatten()
        .collect();
    let sentence = parts.join(", ");
    plain(&code.map_or_else(|| sentence.clone(), |code| format!("{code} : {sentence}")), MAX_SENTENCE_CHARS)
}

/// Returns the text before the first colon, if it looks like a code.
fn code_of(step: &str) -> Option<String> {
    let code = step.split(':').next()?.trim();
    let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (code.len() < step.len() && code.len() > 2 && code.chars().all(is_code)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_in_json_is_read_as_a_sentence() {
        let json = r#"TARGET_SELECTION_ERROR : {"errorCode":"TARGET_SELECTION_ERROR","phase":"ChaosInject","reason":"no pod found with matching labels","target":"{podLabel: app=shop, namespace: shop}"}"#;
        let step = FailedStep::of(&[json], &[]);
        assert_eq!(
            step.text(),
            "TARGET_SELECTION_ERROR : no pod found with matching labels, {podLabel: app=shop, namespace: shop}, in phase ChaosInject"
        );
        assert_eq!((step.code(), step.phase()), (Some("TARGET_SELECTION_ERROR"), Some(FaultPhase::During)));
        assert!(step.found_no_target() && !step.is_of_a_check());
        assert_eq!(
            FailedStep::of(&["HTTP_PROBE_FAILURE : {not json"], &[]).text(),
            "HTTP_PROBE_FAILURE : {not json"
        );
    }

    #[test]
    fn phases_and_kinds_are_found_in_any_of_the_texts() {
        let before = FailedStep::of(&["", "x : {\"phase\":\"PreChaos\"}"], &["CMD_PROBE_FAILURE"]);
        assert_eq!((before.phase(), before.is_of_a_check()), (Some(FaultPhase::Before), true));
        assert_eq!(
            FailedStep::of(&["[pre-chaos]: Failed while running probes"], &[]).phase(),
            Some(FaultPhase::Before)
        );
        assert!(FailedStep::of(&["pods not ready"], &["STATUS_CHECKS_ERROR"]).is_of_a_check());
        assert!(FailedStep::of(&["E2008: CMD_PROBE_ERROR"], &[]).is_of_a_check());
        assert!(FailedStep::of(&["HELPER_ERROR : no helper"], &[]).is_of_the_fault());
        // Some agents tell a list of probe failures under a code that says nothing.
        let list = FailedStep::of(&["GENERIC_ERROR : [{\"errorCode\":\"HTTP_PROBE_FAILURE\"}]"], &[]);
        assert!(list.is_of_a_check() && !list.is_of_the_fault());
        for none in [FailedStep::of(&["N/A", " "], &[""]), FailedStep::default()] {
            assert_eq!((none.text(), none.code(), none.phase()), ("", None, None));
        }
    }
}
