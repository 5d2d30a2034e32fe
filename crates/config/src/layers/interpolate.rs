//! The replacement of `${VAR}` and `${VAR:-default}` in the strings of the suite file.
//!
//! Credentials of faultgate and of its job are refused by name: a suite may come from a pull request.

use std::fmt::Write as _;

use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Problem, key, misspelt, quote};
use faultgate_core::model::DashboardLink;

use crate::inputs::table::is_secret_variable;
use crate::secrets::credentials::is_own;

/// A string with its variables replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replaced<'a> {
    pub(crate) text: String,
    /// Names and values of the variables that were set. Defaults are not in it.
    pub(crate) variables: Vec<(&'a str, &'a str)>,
}

/// Replaces the variables of a string; `None` if there is nothing to replace. `$${` is a literal `${`. A
/// reference within the value of a variable is not replaced.
pub(crate) fn interpolate<'a>(text: &'a str, env: &'a Environment) -> Result<Option<Replaced<'a>>, Problem> {
    if !text.contains("${") {
        return Ok(None);
    }
    let (mut out, mut variables, mut rest) = (String::new(), Vec::new(), text);
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar..];
        if let Some(tail) = rest.strip_prefix("$${") {
            out.push_str("${");
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("${") {
            let Some((reference, tail)) = tail.split_once('}') else {
                return Err(Problem::new("a ${ is never closed")
                    .hint("close it with }, or write $${ for a literal ${"));
            };
            if DashboardLink::MOMENTS.contains(&reference) {
                // The end of the run replaces it, in links.
                let _ = write!(out, "${{{reference}}}");
            } else {
                let (name, value) = replacement(reference, env)?;
                variables.extend(name.map(|name| (name, value)));
                out.push_str(value);
            }
            rest = tail;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Ok(Some(Replaced { text: out, variables }))
}

/// The text that replaces a reference, and the name of the variable unless the text is the default.
fn replacement<'a>(reference: &'a str, env: &'a Environment) -> Result<(Option<&'a str>, &'a str), Problem> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let shown = key(name);
    if DashboardLink::MOMENTS.contains(&name) {
        return Err(Problem::new(format!("${{{shown}}} is the time of the fault, and takes no default"))
            .hint(format!("write ${{{shown}}}, or give your own variable another name")));
    }
    if is_secret_variable(name) {
        return Err(Problem::new(format!(
            "${{{shown}}} is a secret, and a secret may not stand in the suite file"
        ))
        .hint("remove it: the variable is read without being named here"));
    }
    if is_own(name) {
        return Err(Problem::new(format!("${{{shown}}} lets in faultgate or its job, and a suite may not read it")).hint("if the suite is to have it, set a variable of another name to it in the job, and write that name"));
    }
    if !is_name(name) {
        return Err(Problem::new(format!("{} is not a variable's name", quote(name)))
            .hint("write ${NAME} or ${NAME:-default}, or $${ for a literal ${"));
    }
    if env.raw(name).is_some_and(|value| value.to_str().is_none()) {
        return Err(
            Problem::new(format!("the value of ${{{shown}}} is not valid UTF-8")).hint("write it in UTF-8")
        );
    }
    // GitLab hands on a variable that is set to itself if the variable does not exist.
    let itself = [format!("${name}"), format!("${{{name}}}"), format!("$({name})")];
    if env.get(name).is_some_and(|value| itself.iter().any(|reference| value.trim() == reference)) {
        return Err(Problem::new(format!(
            "the value of ${{{shown}}} is a reference to itself that was not replaced"
        ))
        .hint("is the variable protected, or not set for this job?"));
    }
    if let Some(value) = env.get(name) {
        return Ok((Some(name), value));
    }
    default.map(|default| (None, default)).ok_or_else(|| {
        let near =
            misspelt(name, DashboardLink::MOMENTS).map(|near| format!("did you mean ${{{near}}}? Or "));
        let near = near.unwrap_or_default();
        Problem::new(format!("${{{shown}}} is not set"))
            .hint(format!("{near}set the variable {shown}, or write ${{{shown}:-default}}"))
    })
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn env() -> Environment {
        Environment::from_pairs([
            ("A", "one"),
            ("B", "${A}"),
            ("EMPTY", ""),
            ("FAULTGATE_GITHUB_TOKEN", "s3cr3t"),
            ("INPUT_LITMUS-TOKEN", "s3cr3t"),
            ("SAME", "$SAME\n"),
        ])
    }

    #[test]
    fn variables_are_replaced() {
        for (text, want) in [
            ("${A}", "one"),
            ("x${A}y${A}z", "xoneyonez"),
            ("${A}?from=${FAULT_START_MS}", "one?from=${FAULT_START_MS}"),
            ("${B}", "${A}"),
            ("${MISSING:-two}", "two"),
            ("${EMPTY:-two}", "two"),
            ("${A:-two}", "one"),
            ("${MISSING:-}", ""),
            ("${MISSING:-a:-b}", "a:-b"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("$A $ ${A}$", "$A $ one$"),
        ] {
            let env = env();
            assert_eq!(interpolate(text, &env).unwrap().unwrap().text, want, "{text}");
        }
        assert_eq!(interpolate("$A costs $5", &env()), Ok(None));
    }

    #[test]
    fn variables_that_were_set_are_named() {
        let env = env();
        let replaced = interpolate("${A}${MISSING:-x}${B:-y}", &env).unwrap().unwrap();
        assert_eq!(replaced.variables, [("A", "one"), ("B", "${A}")]);
    }

    #[test]
    fn what_cannot_be_replaced_is_a_mistake() {
        for (text, want) in [
            ("${MISSING}", "${MISSING} is not set"),
            ("${EMPTY}", "${EMPTY} is not set"),
            ("${SAME}", "the value of ${SAME} is a reference to itself that was not replaced"),
            ("a ${A", "a ${ is never closed"),
            (
                "${AWS_SECRET_ACCESS_KEY}",
                "${AWS_SECRET_ACCESS_KEY} lets in faultgate or its job, and a suite may not read it",
            ),
            (
                "${CI_JOB_TOKEN:-x}",
                "${CI_JOB_TOKEN} lets in faultgate or its job, and a suite may not read it",
            ),
            ("${}", "\"\" is not a variable's name"),
            ("${1A}", "\"1A\" is not a variable's name"),
            ("${A B}", "\"A B\" is not a variable's name"),
            ("${FAULT_START:-x}", "${FAULT_START} is the time of the fault, and takes no default"),
            (
                "${FAULTGATE_GITHUB_TOKEN}",
                "${FAULTGATE_GITHUB_TOKEN} is a secret, and a secret may not stand in the suite file",
            ),
            (
                "${INPUT_LITMUS-TOKEN:-x}",
                "${INPUT_LITMUS-TOKEN} is a secret, and a secret may not stand in the suite file",
            ),
        ] {
            assert_eq!(interpolate(text, &env()).unwrap_err().what, want, "{text}");
        }
    }

    #[test]
    fn a_moment_that_is_misspelt_is_suggested() {
        for (text, want) in [
            ("${FAULT_STRAT}", "did you mean ${FAULT_START}? Or set the variable FAULT_STRAT, or write "),
            ("${FALT_END}", "did you mean ${FAULT_END}? Or set "),
            ("${SHOP}", "set the variable SHOP, or write "),
        ] {
            let hint = interpolate(text, &env()).unwrap_err().hint.unwrap();
            assert!(hint.starts_with(want), "{text}: {hint}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_replaced_or_refused(text in "[$\\{\\}A:é-]{0,20}") {
            if let Ok(None) = interpolate(&text, &env()) {
                prop_assert!(!text.contains("${"), "not replaced");
            }
        }
    }
}
