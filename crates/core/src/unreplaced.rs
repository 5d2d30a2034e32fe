//! Values that a CI should have replaced and did not.
//!
//! GitLab leaves `$API_KEY` as it is if the variable is protected and the branch is not; Azure leaves
//! `$(KEY)`; `${{ … }}` stays if nobody evaluates the template.

use crate::mistake::Mistake;

/// `true` for a text that is a reference to a variable and nothing else. A password may begin with a dollar
/// sign, so a name without brackets only counts if it is in capitals, as variables are.
pub fn is_reference(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('$') else { return false };
    let within = |open: &str, close: &str| rest.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    if let Some(expression) = within("{{", "}}") {
        return !expression.contains("}}");
    }
    match within("{", "}").or_else(|| within("(", ")")) {
        Some(name) => is_name(name, |c| c.is_ascii_alphanumeric() || "_.-".contains(c)),
        None => is_name(rest, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
    }
}

fn is_name(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.chars().all(allowed)
}

/// The mistake for such a value. The value is not shown, since it may be a password after all.
pub fn mistake(name: &str, origin: &str) -> Mistake {
    let what = format!("{name}: the value is a reference to a variable that was not replaced");
    Mistake::new(origin, what)
        .hint("is that variable protected, or not set for this job? set it, or unset this one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_the_whole_value() {
        for text in
            ["$API_KEY", "${API_KEY}", "${api-key}", "$(KEY)", "$(my.key)", "${{ secrets.KEY }}", "${{}}"]
        {
            assert!(is_reference(text), "{text}");
        }
        for text in [
            "",
            "$",
            "$5",
            "$ecret",
            "$ecr3t$",
            "$API_KEY.",
            "a$API_KEY",
            "${A}${B}",
            "${{ a }} and ${{ b }}",
            "$()",
            "${A b}",
            "$(id -u)x",
            "$A-B",
            "{{ a }}",
            "%KEY%",
        ] {
            assert!(!is_reference(text), "{text}");
        }
    }
}
