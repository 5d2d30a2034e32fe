//! The refusal of settings with mistakes: what is printed, what is left to the CI, and the exit code.

use std::path::Path;

use super::{MAX_LINE_CHARS, complain, say};
use crate::ids::make_id;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{FilePlace, Mistake};
use faultgate_core::model::Verdict;
use faultgate_core::text;
use faultgate_report as report;
use faultgate_report::CommandFile;
use faultgate_report::ci::Surroundings;

/// Exit code if the settings hold mistakes, so that nothing was launched.
pub(crate) const EXIT_MISTAKES: u8 = 2;
/// Beginning of the reason of a run that never began, by which a rollback knows that nothing was launched.
pub(crate) const MISTAKEN: &str = "mistakes in the settings";

/// The work that a command refuses to do because of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Launch,
    /// The print of what a run would launch.
    Plan,
    Stop,
    /// The stop of everything.
    StopAll,
    Sweep,
    /// The judgement of templates.
    Lint,
    /// The writing of a pipeline.
    Init,
    /// The print of help.
    Help,
}

impl Refused {
    /// Returns where the mistakes are, and what did not happen.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Launch => (" in its settings", "nothing was launched"),
            Self::Plan => (" in its settings", "nothing was planned"),
            Self::Stop => (" in its settings", "what they are about was not stopped"),
            Self::StopAll => (" in its settings", "nothing was stopped"),
            Self::Sweep => (" in its settings", "nothing was swept"),
            Self::Lint => ("", "nothing was judged"),
            Self::Init => (" in the answers", "nothing was written"),
            Self::Help => ("", "there is nothing to tell"),
        }
    }

    /// Returns the refusal as it is printed, with all mistakes.
    fn tell(self, mistakes: &[Mistake]) -> String {
        let plural = if mistakes.len() == 1 { "a mistake" } else { "mistakes" };
        let (place, outcome) = self.words();
        let mut told = format!("faultgate found {plural}{place}; {outcome}:");
        for mistake in mistakes {
            told.push_str("\n  - ");
            told.push_str(&text::plain(&mistake.to_string(), MAX_LINE_CHARS));
        }
        told
    }
}

/// Prints all mistakes, and returns the exit code. Nothing is left to the CI: its outputs are those of a run,
/// and would say that nothing was launched, of which a stop or a sweep knows nothing.
pub(crate) fn refuse(refused: Refused, mistakes: &[Mistake]) -> u8 {
    complain(&refused.tell(mistakes));
    EXIT_MISTAKES
}

/// Prints all mistakes of a run, leaves them to the CI, and returns the exit code.
pub(crate) fn refuse_run(mistakes: &[Mistake], env: &Environment) -> u8 {
    let code = refuse(Refused::Launch, mistakes);
    leave_to_ci(mistakes, env);
    code
}

/// Tells why a run ends although no setting is known to be wrong, leaves the reason to the CI, and returns the exit
/// code. `what` is a clause that the problems explain.
pub(crate) fn break_off(what: &str, problems: &[Mistake], env: &Environment) -> u8 {
    let list: Vec<String> =
        problems.iter().map(|problem| text::plain(&problem.to_string(), MAX_LINE_CHARS)).collect();
    complain(&format!("{what}:\n  - {}", list.join("\n  - ")));
    let ci = Surroundings::detect(env, None, None).ci;
    write_reason(&format!("{what}: {}", list.join("; ")), ci.is_github_like(), env);
    Verdict::Errored.exit_code(None)
}

/// Leaves mistakes to the CI: as annotations in the log, and as outputs of a GitHub step.
pub(crate) fn leave_to_ci(mistakes: &[Mistake], env: &Environment) {
    let ci = Surroundings::detect(env, None, None).ci;
    let placed: Vec<Mistake> = mistakes.iter().map(|mistake| place_within_repository(mistake, env)).collect();
    for command in report::mistake_commands(ci.log_style(), &placed) {
        say(&command);
    }
    let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    write_reason(&format!("{MISTAKEN}: {}", list.join("; ")), ci.is_github_like(), env);
}

/// Writes the outputs of a GitHub step that has no result, for this reason.
fn write_reason(reason: &str, is_github_like: bool, env: &Environment) {
    if let Some(path) = env.get("GITHUB_OUTPUT") {
        let file = CommandFile::new(path.into(), is_github_like);
        match report::write_mistakes(Path::new(path), reason, &make_id()) {
            Err(error) if !file.is_elsewhere(&error) => {
                complain(&format!("warning: the step outputs were not written: {error}"));
            }
            _ => {}
        }
    }
}

/// Returns the mistake with its file named relative to the repository, if the CI says where that is.
fn place_within_repository(mistake: &Mistake, env: &Environment) -> Mistake {
    let place = mistake.place.clone().map(|place| name_within_repository(place, env));
    Mistake { place, ..mistake.clone() }
}

/// Returns the place with its file named relative to the repository, if the CI says where that is and the file is
/// there.
pub(crate) fn name_within_repository(place: FilePlace, env: &Environment) -> FilePlace {
    let root = ["GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY"].into_iter().find_map(|name| env.get(name));
    if let Some(root) = root
        && let Ok(file) = std::path::absolute(&place.file)
        && let Ok(within) = file.strip_prefix(root)
    {
        return FilePlace { file: within.display().to_string(), ..place };
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_its_mistakes_and_keeps_each_to_one_line() {
        let one = Mistake::new("--timeout", "timeout: \"7\" has no unit");
        let other = Mistake::new("the file", "it says\nmuch");
        let told = Refused::Sweep.tell(std::slice::from_ref(&one));
        assert_eq!(told, format!("faultgate found a mistake in its settings; nothing was swept:\n  - {one}"));
        let told = Refused::Lint.tell(&[one, other]);
        assert!(told.starts_with("faultgate found mistakes; nothing was judged:\n  - "), "{told}");
        assert_eq!(told.lines().count(), 3, "{told}");
    }
}
