//! The work of `faultgate lint`: it reads templates from files, or from FIS by their ids, judges them by the rules
//! of `faultgate_lint`, and prints the findings.
//!
//! Nothing is launched, and of FIS the templates alone are read.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::ids::make_id;
use crate::terminal::printing;
use crate::terminal::refusal::{Refused, name_within_repository, refuse};
use crate::terminal::signals::listen;
use crate::terminal::{complain, logging, say, say_whole, warn};
use crate::wiring::accounts::{AwsAccounts, RoleInputs};
use crate::wiring::endpoints::Endpoints;
use crate::wiring::places::AccountPlace;
use faultgate_config as config;
use faultgate_config::{SUITE_DIR, StopSettings, Veil};
use faultgate_core::closed_set;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{Level, Verdict};
use faultgate_core::text;
use faultgate_engines::fis::Templates;
use faultgate_lint as lint;
use faultgate_lint::{Lint, LintFinding, MAX_BYTES, Missed};
use faultgate_report::{Remark, remark_commands};

/// Name that stands for standard input.
const STDIN: &str = "-";
/// Prefix of the ids of FIS templates.
const ID_PREFIX: &str = "EXT";
/// Largest number of templates that are read from FIS at the same time.
const MAX_READS_AT_ONCE: usize = 8;
const HINT: &str = "name a file in JSON or YAML that can be read, or an id (EXT…)";
/// Exit code if a rule of the level `fail_on` is broken.
const EXIT_BROKEN: u8 = 1;

closed_set! {
    /// The forms in which findings are printed.
    pub(crate) enum Format { Text = "text", Json = "json", Github = "github" }
}

/// The templates to judge, and how.
pub(crate) struct LintRequest {
    /// Files, ids of FIS, or `-` for standard input.
    pub(crate) subjects: Vec<String>,
    /// Ids of the rules to leave out.
    pub(crate) ignored: Vec<&'static str>,
    /// The timeout of the run that will launch the experiments, if that is known.
    pub(crate) timeout: Option<Duration>,
    pub(crate) format: Format,
    /// The least level at which a finding fails the lint.
    pub(crate) fail_on: Level,
    /// The inputs that were given as flags; those of AWS are used.
    pub(crate) flags: Vec<(String, OsString)>,
}

/// Judges all templates, prints the findings, and returns the exit code.
pub(crate) async fn lint(request: &LintRequest, env: &Environment) -> u8 {
    let mut lint = Lint::new(request.timeout, request.ignored.clone());
    let (ids, files): (Vec<&String>, Vec<&String>) =
        request.subjects.iter().partition(|subject| is_id(subject));
    let mut mistakes = Vec::new();
    for file in files {
        if let Err(more) = read(file).and_then(|bytes| lint.take_file(file, &bytes)) {
            mistakes.extend(more);
        }
    }
    if !mistakes.is_empty() {
        return refuse(Refused::Lint, &mistakes);
    }
    if !ids.is_empty()
        && let Err(code) = take_described(&mut lint, &ids, &request.flags, env).await
    {
        return code;
    }
    // A pager reads no further than it shows, so without ids printing waits as long as it takes. Once signals
    // are listened to, nothing else would end that wait, so it has a limit.
    let patience = if ids.is_empty() { Duration::MAX } else { printing::LAST_WORDS_TIMEOUT };
    tell(&lint, request, env, patience)
}

fn is_id(subject: &str) -> bool {
    subject
        .strip_prefix(ID_PREFIX)
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn read(file: &str) -> Result<Vec<u8>, Vec<Mistake>> {
    let shown = text::plain(file, 200);
    if file == STDIN {
        let mut bytes = Vec::new();
        // One byte more than allowed tells an input that is too large from one that just fits.
        let read = std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes);
        return match read {
            Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(vec![Mistake::new(
                file,
                format!("standard input is larger than {} MiB", MAX_BYTES >> 20),
            )]),
            Ok(_) => Ok(bytes),
            Err(error) => Err(vec![Mistake::new(file, format!("standard input cannot be read: {error}"))]),
        };
    }
    config::bytes(Path::new(file), MAX_BYTES, HINT).map_err(|problem| {
        let mistake = Mistake::new(file, format!("the file {shown} {}", problem.what));
        vec![mistake.hint(HINT)]
    })
}

/// Asks FIS for the templates of these ids, and takes the answers and failures into the lint. The error is an
/// exit code.
async fn take_described(
    lint: &mut Lint,
    ids: &[&String],
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<(), u8> {
    let refused = |mistakes: Vec<Mistake>| refuse(Refused::Lint, &mistakes);
    let settings = config::lint_settings(env, flags, Path::new(SUITE_DIR)).map_err(refused)?;
    let mut signals = listen("")?;
    logging::start(env, settings.log_format, &Veil::default());
    for warning in &settings.warnings {
        warn(warning);
    }
    let ask = async {
        let templates = connect(&settings, env).await?;
        let templates = &templates;
        let asked = ids.iter().map(|id| async move { (id, templates.read(id).await) });
        Ok(stream::iter(asked).buffered(MAX_READS_AT_ONCE).collect::<Vec<_>>().await)
    };
    // Answers that have arrived are not thrown away for a signal of the same moment.
    let answers = tokio::select! {
        biased;
        answers = ask => answers.map_err(|mistake| refuse(Refused::Lint, &[mistake]))?,
        signal = signals.next() => return Err(signal.exit_code()),
    };
    for (id, answer) in answers {
        match answer {
            Ok(json) => lint.take_described(id, &json),
            Err(failure) => lint.take_unread(id, &failure.with_remedy()),
        }
    }
    Ok(())
}

/// Connects to the templates of the account and Region that the settings name. No request is sent yet.
async fn connect(settings: &StopSettings, env: &Environment) -> Result<Templates, Mistake> {
    let StopSettings { region, role_arn, http, tokens, .. } = settings;
    let place = AccountPlace { region: region.clone(), role_arn: role_arn.clone() };
    let endpoints = Endpoints::Real(http.clone());
    let run_id = format!("lint-{}", make_id());
    let role_inputs = RoleInputs { env, id_token: tokens.aws_id.as_ref(), run_id: &run_id };
    let mut accounts = AwsAccounts::prepare(std::slice::from_ref(region), &endpoints, role_inputs).await?;
    let account = accounts.reach(&place, "lint")?;
    Ok(Templates::new(&account.sdk, role_arn.as_deref()))
}

/// Prints all findings and failures, and returns the exit code.
fn tell(lint: &Lint, request: &LintRequest, env: &Environment, patience: Duration) -> u8 {
    let judgement = lint.judge();
    match request.format {
        Format::Json => say_whole(&lint::json(&judgement), patience),
        Format::Text | Format::Github => say_whole(&lint::text(&judgement), patience),
    }
    if request.format == Format::Github {
        let remarks: Vec<Remark> = judgement.findings.iter().map(|finding| remark(finding, env)).collect();
        for command in remark_commands(&remarks) {
            say(&command);
        }
    }
    let unread: Vec<&Missed> = judgement.unread.iter().filter(|missed| missed.template.is_none()).collect();
    for id in &unread {
        complain(&id.why);
    }
    printing::finish(patience);
    if let Some(problem) = printing::find_loss() {
        complain(&format!("the findings could not be written: {problem}"));
        return Verdict::Errored.exit_code(None);
    }
    let fails = |finding: &LintFinding| finding.level >= request.fail_on;
    // A broken rule is certain, so it outweighs an id that could not be read.
    match (judgement.findings.iter().any(fails), unread.is_empty()) {
        (true, _) => EXIT_BROKEN,
        (false, false) => Verdict::Errored.exit_code(None),
        (false, true) => 0,
    }
}

fn remark(finding: &LintFinding, env: &Environment) -> Remark {
    let LintFinding { rule, level, template, place, message, remedy, .. } = finding;
    let title = format!("{} ({template})", rule.id);
    let place = place.clone().map(|place| name_within_repository(place, env));
    Remark { level: *level, title, message: format!("{message}; {remedy}"), place }
}
