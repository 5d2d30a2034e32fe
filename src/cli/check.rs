//! `faultgate check`: verifies all that a run verifies before a launch. It launches nothing.

use clap::{ArgMatches, Command};

use crate::lifecycle::Cancel;
use crate::session::{RunSession, whole};
use crate::terminal::medium::find_medium;
use crate::terminal::printing::Output;
use crate::terminal::refusal::refuse_run;
use crate::terminal::{logging, say};
use crate::wiring::settings::load_with_policies;
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_core::model::{Level, Verdict};
use faultgate_core::text;

/// Longest text of a finding that is printed, in characters.
const MAX_TEXT_CHARS: usize = 1_000;

pub(super) fn command() -> Command {
    Command::new("check")
        .about("Verify all that a run verifies before it launches, and nothing else")
        .args(config::flags())
}

/// Prints all findings, and returns the exit code: an error if one of them forbids a launch.
pub(super) async fn check(matches: &ArgMatches, env: &Environment) -> u8 {
    let (settings, policies) = match load_with_policies(config::read_flags(matches), env, None).await {
        Ok(loaded) => loaded,
        Err(mistakes) => return refuse_run(&mistakes, env),
    };
    let cancel = Cancel::new();
    let veil = settings.veil.clone();
    let screen = logging::start(env, settings.log_format, &settings.veil);
    let session = RunSession::new(settings, env, &cancel, screen).under(policies);
    let findings = match whole::check(session).await {
        Ok(findings) => findings,
        Err(mistake) => return refuse_run(&[mistake], env),
    };
    let arrow = if find_medium(Output::Stdout, env).symbols { "→" } else { "->" };
    for finding in &findings {
        let told = veil.hide(&format!("{}: {}", finding.subject, finding.message));
        let told = text::plain(&told, MAX_TEXT_CHARS);
        say(&format!("{:<7} {told}", finding.level.as_str()));
        if let Some(remedy) = &finding.remedy {
            say(&format!("        {arrow} {}", text::plain(&veil.hide(remedy), MAX_TEXT_CHARS)));
        }
    }
    let mut errors = findings.iter().filter(|finding| finding.level == Level::Error).peekable();
    if errors.peek().is_some() {
        let launched = if errors.all(|error| error.of_place) { "only what is elsewhere" } else { "nothing" };
        say(&format!("not ready: a run would launch {launched}"));
        return Verdict::Errored.exit_code(None);
    }
    say("ready");
    0
}
