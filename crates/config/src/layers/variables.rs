//! The variables that set inputs: `FAULTGATE_*`, and `INPUT_*` as a CI makes them of an action's inputs.

use std::ffi::OsString;

use faultgate_core::environment::{Environment, is_blank};
use faultgate_core::mistake::{Mistake, key, misspelt};
use faultgate_core::model::OutputName;
use faultgate_core::unreplaced;

use crate::inputs::input::Input;
use crate::inputs::table::INPUTS;

/// Variables that faultgate gives to the processes that it starts, among which another faultgate may be.
const MARKS: &[&str] = &[faultgate_core::processes::kin::EXPERIMENT, faultgate_core::processes::kin::STOP];

/// The name and the value of the input's `FAULTGATE_` variable.
pub(crate) fn own_variable(
    input: &Input,
    env: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> Option<(String, String)> {
    let name = input.variable();
    let value = text(input, &name, env.raw(&name)?.to_owned(), mistakes)?;
    Some((name, value))
}

/// The name and the value of the input's `INPUT_` variable, in whichever form it is set.
pub(crate) fn ci_variable(
    input: &Input,
    env: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> Option<(String, String)> {
    let [hyphens, underscores] = input.ci_variables();
    let mut read = |name: &str| text(input, name, env.raw(name)?.to_owned(), mistakes);
    if hyphens == underscores {
        return read(&hyphens).map(|value| (hyphens, value));
    }
    match (read(&hyphens), read(&underscores)) {
        (Some(a), Some(b)) if a != b => {
            mistakes.push(
                Mistake::new(
                    format!("{hyphens} and {underscores}"),
                    format!("{}: the two forms of its variable differ", input.name),
                )
                .hint("set one of them"),
            );
            None
        }
        (Some(value), _) => Some((hyphens, value)),
        (None, other) => other.map(|value| (underscores, value)),
    }
}

/// A value as trimmed text; `None` if it is blank, which counts as not set.
pub(crate) fn text(
    input: &Input,
    origin: &str,
    value: OsString,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let Ok(value) = value.into_string() else {
        mistakes.push(
            Mistake::new(origin, format!("{}: the value is not valid UTF-8", input.name))
                .hint("write it in UTF-8"),
        );
        return None;
    };
    let value = value.trim();
    if unreplaced::is_reference(value) {
        mistakes.push(unreplaced::mistake(input.name, origin));
        return None;
    }
    Some(value).filter(|v| !v.is_empty()).map(ToOwned::to_owned)
}

/// Judges `FAULTGATE_*` variables that are no input. A name that is probably misspelt is a mistake, since a
/// gate must not miss what it was told. Any other may be the pipeline's own, and is worth a warning.
pub(crate) fn unknown_variables(env: &Environment, mistakes: &mut Vec<Mistake>, warnings: &mut Vec<String>) {
    let known: Vec<_> = INPUTS.iter().map(Input::variable).collect();
    for (name, value) in env.iter() {
        if !name.as_encoded_bytes().starts_with(b"FAULTGATE_") || is_blank(value) {
            continue;
        }
        let readable = name.to_str().is_some();
        let name = name.to_string_lossy();
        // Outputs of an earlier run are inherited by later jobs.
        let is_output = OutputName::ALL.into_iter().any(|output| output.variable() == name);
        if is_output || MARKS.contains(&name.as_ref()) || known.iter().any(|k| *k == name) {
            continue;
        }
        let names = known.iter().map(|k| &k["FAULTGATE_".len()..]);
        let unknown = Mistake::new(&name, format!("{}: no such input", key(&name)));
        match misspelt(&name["FAULTGATE_".len()..], names) {
            Some(near) => mistakes.push(unknown.hint(format!("did you mean FAULTGATE_{near}?"))),
            None if !readable => mistakes.push(unknown.hint("its name is not UTF-8")),
            None => warnings.push(unknown.hint("faultgate inputs lists all").to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::table::find;

    fn ci(pairs: &[(&str, &str)]) -> (Option<(String, String)>, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let env = Environment::from_pairs(pairs.iter().copied());
        let input = find("experiment-template-id").unwrap();
        (ci_variable(input, &env, &mut mistakes), mistakes)
    }

    /// A later job inherits the dotenv file as if its lines had been set for that job.
    #[test]
    fn no_name_in_the_dotenv_file_is_an_input() {
        let inputs: Vec<String> = INPUTS
            .iter()
            .flat_map(|input| [&[input.variable()][..], &input.ci_variables()].concat())
            .collect();
        for output in OutputName::ALL {
            let is_input = inputs.contains(&output.variable());
            assert_eq!(output.is_in_dotenv(), !is_input, "{}", output.as_str());
        }
        let left_out =
            OutputName::ALL.into_iter().filter(|output| !output.is_in_dotenv()).map(OutputName::as_str);
        assert_eq!(left_out.collect::<Vec<_>>(), ["expected-resilience-score", "report-dir"]);
    }

    #[test]
    fn both_forms_of_a_ci_variable_are_read() {
        for form in ["INPUT_EXPERIMENT-TEMPLATE-ID", "INPUT_EXPERIMENT_TEMPLATE_ID"] {
            let (found, mistakes) = ci(&[(form, " EXT1\n")]);
            assert_eq!(found, Some((form.to_owned(), "EXT1".to_owned())));
            assert!(mistakes.is_empty());
        }
    }

    #[test]
    fn what_the_ci_did_not_replace_is_a_mistake_that_does_not_show_it() {
        let (found, mistakes) = ci(&[("INPUT_EXPERIMENT-TEMPLATE-ID", "$TEMPLATE_S3CR3T")]);
        assert_eq!(found, None);
        let shown = mistakes[0].to_string();
        assert!(shown.contains("(from INPUT_EXPERIMENT-TEMPLATE-ID)"), "{shown}");
        assert!(shown.contains("was not replaced") && shown.contains("protected"), "{shown}");
        assert!(!shown.contains("S3CR3T"), "{shown}");
    }

    #[test]
    fn two_forms_may_agree_but_not_differ() {
        let hyphens = "INPUT_EXPERIMENT-TEMPLATE-ID";
        let underscores = "INPUT_EXPERIMENT_TEMPLATE_ID";
        let (found, mistakes) = ci(&[(hyphens, "EXT1"), (underscores, "EXT1")]);
        assert!(found.is_some() && mistakes.is_empty());
        let (found, mistakes) = ci(&[(hyphens, "EXT1"), (underscores, "")]);
        assert!(found.is_some() && mistakes.is_empty(), "empty is unset");
        let (found, mistakes) = ci(&[(hyphens, "EXT1"), (underscores, "EXT2")]);
        assert_eq!(found, None);
        let shown = mistakes[0].to_string();
        assert!(shown.contains(hyphens) && shown.contains(underscores), "{shown}");
    }

    #[test]
    fn a_misspelt_variable_is_a_mistake_with_the_nearest_name_and_any_other_a_warning() {
        let env = Environment::from_pairs([
            ("FAULTGATE_TIMEOT", "5m"),
            ("FAULTGATE_EXPERIMENT-TEMPLATE-ID", "EXT1"),
            ("FAULTGATE_UNHEARD_OF", ""),
            ("FAULTGATE_IMAGE", "registry.example/faultgate:1"),
            ("FAULTGATE_VERDICT", "passed"),
            ("FAULTGATE_REPORT_DIR", "out"),
            ("INPUT_WHO-TO-GREET", "world"),
        ]);
        let (mut mistakes, mut warnings) = (Vec::new(), Vec::new());
        unknown_variables(&env, &mut mistakes, &mut warnings);
        let [warning] = &warnings[..] else { panic!("one warning: {warnings:?}") };
        assert!(
            warning.contains("FAULTGATE_IMAGE: no such input") && !warning.contains("registry"),
            "{warning}"
        );
        let shown: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "FAULTGATE_EXPERIMENT-TEMPLATE-ID: no such input (from FAULTGATE_EXPERIMENT-TEMPLATE-ID); \
                 did you mean FAULTGATE_EXPERIMENT_TEMPLATE_ID?",
                "FAULTGATE_TIMEOT: no such input (from FAULTGATE_TIMEOT); did you mean FAULTGATE_TIMEOUT?",
            ]
        );
    }
}
