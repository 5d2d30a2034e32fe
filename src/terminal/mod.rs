//! What people and the CI read of a process, and the signals that they send to it.
//!
//! - [`printing`]: the outputs. [`logging`]: the log. [`signals`]: what ends a run early.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

pub(crate) mod logging;
pub(crate) mod printing;
pub(crate) mod signals;

use self::printing::Output;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{FilePlace, Mistake};
use faultgate_report::CommandFile;
use faultgate_report::ci::Surroundings;

/// Exit code if the settings hold mistakes, so that nothing was launched.
pub(crate) const MISTAKES: u8 = 2;
/// Beginning of the reason of a run that never began, by which a rollback knows that nothing was launched.
pub(crate) const MISTAKEN: &str = "mistakes in the settings";
/// Longest line that is printed, in characters.
pub(crate) const MAX_LINE_CHARS: usize = 2_000;
/// Time for which the end of the process waits for the reader of an output, counted anew whenever something
/// was read.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

/// Prints all mistakes, leaves them to the CI, and returns the exit code.
pub(crate) fn refuse(mistakes: &[Mistake], env: &Environment) -> u8 {
    let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let plural = if list.len() == 1 { "a mistake" } else { "mistakes" };
    let mut text = format!("faultgate found {plural} in its settings; nothing was launched:");
    for mistake in &list {
        text.push_str("\n  - ");
        text.push_str(&faultgate_core::text::plain(mistake, 1_000));
    }
    complain(&text);
    leave(mistakes, env);
    MISTAKES
}

/// Leaves mistakes to the CI: as annotations in the log, and as outputs of a GitHub step.
pub(crate) fn leave(mistakes: &[Mistake], env: &Environment) {
    let ci = Surroundings::detect(env, None, None).ci;
    let seen_from_repository: Vec<Mistake> =
        mistakes.iter().map(|mistake| seen_from_repository(mistake, env)).collect();
    for command in faultgate_report::mistake_commands(ci.log_style(), &seen_from_repository) {
        say(&command);
    }
    if let Some(path) = env.get("GITHUB_OUTPUT") {
        let file = CommandFile::new(path.into(), ci.is_github_like());
        let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let reason = format!("{MISTAKEN}: {}", list.join("; "));
        match faultgate_report::write_mistakes(Path::new(path), &reason, &random()) {
            Err(error) if !file.is_elsewhere(&error) => {
                complain(&format!("warning: the step outputs were not written: {error}"));
            }
            _ => {}
        }
    }
}

/// Returns the mistake with its file named relative to the repository, if the CI says where that is.
fn seen_from_repository(mistake: &Mistake, env: &Environment) -> Mistake {
    let place = mistake.place.clone().map(|place| within_repository(place, env));
    Mistake { place, ..mistake.clone() }
}

pub(crate) fn within_repository(place: FilePlace, env: &Environment) -> FilePlace {
    let root = ["GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY"].into_iter().find_map(|name| env.get(name));
    if let Some(root) = root
        && let Ok(file) = std::path::absolute(&place.file)
        && let Ok(within) = file.strip_prefix(root)
    {
        return FilePlace { file: within.display().to_string(), ..place };
    }
    place
}

/// Prints a line to standard error.
pub(crate) fn complain(text: &str) {
    let _ = Output::Stderr.write_all(format!("{text}\n").as_bytes());
}

/// Prints a line to standard output.
pub(crate) fn say(text: &str) {
    let _ = Output::Stdout.write_all(format!("{text}\n").as_bytes());
}

/// Returns eight characters that are new for each invocation.
pub(crate) fn random() -> String {
    format!("{:08x}", fastrand::u32(..))
}
