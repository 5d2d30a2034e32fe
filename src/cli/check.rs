//! `faultgate check`: everything that is verified before a launch, and nothing else.

use clap::ArgMatches;

use super::run::Session;
use super::{refuse, say, settings};
use crate::lifecycle::Cancel;
use faultgate_core::environment::Environment;
use faultgate_core::model::{Level, Verdict};
use faultgate_core::text;

const LONGEST: usize = 1_000;

pub(super) async fn check(matches: &ArgMatches, env: &Environment) -> u8 {
    let settings = match settings(matches, env, None) {
        Ok(settings) => settings,
        Err(mistakes) => return refuse(&mistakes, env),
    };
    let cancel = Cancel::new();
    let veil = settings.veil.clone();
    let findings = match Session::new(settings, env, &cancel).check().await {
        Ok(findings) => findings,
        Err(mistake) => return refuse(&[mistake], env),
    };
    for finding in &findings {
        let told = veil.hide(&format!("{}: {}", finding.subject, finding.message));
        let told = text::plain(&told, LONGEST);
        say(&format!("{:<7} {told}", finding.level.as_str()));
        if let Some(remedy) = &finding.remedy {
            say(&format!("        → {}", text::plain(&veil.hide(remedy), LONGEST)));
        }
    }
    if findings.iter().any(|finding| finding.level == Level::Error) {
        say("not ready: a run would launch nothing");
        return Verdict::Errored.exit_code(None);
    }
    say("ready");
    0
}
