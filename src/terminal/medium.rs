//! The medium behind an output: whether it takes colours and symbols, and how wide it is.

use super::printing::Output;
use faultgate_core::environment::Environment;
use faultgate_report::Medium;

/// Returns the medium behind an output.
///
/// `NO_COLOR` takes the colours away and `CLICOLOR_FORCE` gives them, whatever the output is. Without either,
/// a terminal has them unless it is a dumb one. Symbols are left out only where the locale says that they
/// cannot be shown.
pub(crate) fn find_medium(output: Output, env: &Environment) -> Medium {
    let is_terminal = output.is_terminal();
    // No line of a CI's log is wrapped: what a text from outside makes of the next line might be a command.
    let is_wrapped = is_terminal && env.get("CI").is_none();
    Medium {
        colours: has_colours(is_terminal, env),
        symbols: has_symbols(env),
        columns: is_wrapped.then(|| output.size().columns),
    }
}

fn has_colours(is_terminal: bool, env: &Environment) -> bool {
    let is_dumb = env.get("TERM") == Some("dumb");
    if env.get("NO_COLOR").is_some() {
        return false;
    }
    match env.get("CLICOLOR_FORCE") {
        Some("0") | None => is_terminal && !is_dumb && env.get("CLICOLOR") != Some("0"),
        Some(_) => true,
    }
}

fn has_symbols(env: &Environment) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env.get(name));
    let is_utf8 = |locale: &str| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    env.get("TERM") != Some("dumb") && locale.is_none_or(is_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Environment {
        Environment::from_pairs(variables.iter().copied())
    }

    #[test]
    fn variables_outweigh_the_terminal_and_no_outweighs_force() {
        let cases = [
            (true, vec![], true),
            (false, vec![], false),
            (true, vec![("TERM", "dumb")], false),
            (true, vec![("CLICOLOR", "0")], false),
            (true, vec![("NO_COLOR", "1")], false),
            (false, vec![("CLICOLOR_FORCE", "1")], true),
            (false, vec![("CLICOLOR_FORCE", "0")], false),
            (true, vec![("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
            // An empty variable is unset.
            (true, vec![("NO_COLOR", "")], true),
        ];
        for (is_terminal, variables, expected) in cases {
            assert_eq!(has_colours(is_terminal, &env(&variables)), expected, "{variables:?}");
        }
    }

    #[test]
    fn symbols_are_left_out_where_the_locale_has_none() {
        for (variables, expected) in [
            (vec![], true),
            (vec![("LANG", "de_DE.UTF-8")], true),
            (vec![("LANG", "C.utf8"), ("LC_ALL", "POSIX")], false),
            (vec![("LANG", "C")], false),
            (vec![("TERM", "dumb")], false),
        ] {
            assert_eq!(has_symbols(&env(&variables)), expected, "{variables:?}");
        }
    }
}
