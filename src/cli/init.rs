//! `faultgate init`: asks what no flag says, and writes a pipeline, a suite and a policy.
//!
//! All files are written or none, and a file that exists is never overwritten. Questions are asked only on a
//! terminal; elsewhere a missing answer is a mistake.

use std::collections::BTreeMap;
use std::path::Path;

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::init::{self, NotWritten};
use crate::terminal::asking::{at_terminal, prompt, read_line};
use crate::terminal::refusal::{EXIT_MISTAKES, Refused, refuse};
use crate::terminal::{complain, say};
use faultgate_config::{Answers, ENGINE, EngineKind, Need, PLATFORM, Platform, QUESTIONS, Question};
use faultgate_core::mistake::Mistake;
use faultgate_core::model::Verdict;
use faultgate_core::text;

/// Longest text that is printed, in characters.
const MAX_TEXT_CHARS: usize = 1_000;

pub(super) fn command() -> Command {
    let dir = Arg::new("dir")
        .long("dir")
        .value_name("PATH")
        .value_hint(ValueHint::DirPath)
        .default_value(".")
        .help("Folder of the repository");
    let print =
        Arg::new("print").long("print").action(ArgAction::SetTrue).help("Print the files and write none");
    Command::new("init")
        .about("Write a pipeline, a suite and a policy to start from; on a terminal, ask what no flag says")
        .after_help(
            "All files are written, or none: what exists is never overwritten.\n\nExit codes: 0 written, 2 mistakes, a \
             missing answer, or a file that exists, 3 the files could not be written.",
        )
        .args(questions().map(flag))
        .arg(dir)
        .arg(print)
}

fn questions() -> impl Iterator<Item = &'static Question> {
    [&PLATFORM, &ENGINE].into_iter().chain(QUESTIONS)
}

fn flag(question: &'static Question) -> Arg {
    let engine = question.engine.map(|engine| format!(" [engine: {}]", engine.as_str())).unwrap_or_default();
    Arg::new(question.name)
        .long(question.name)
        .value_name(question.placeholder())
        .help(format!("{}{engine}", question.description()))
}

pub(super) fn init(matches: &ArgMatches) -> u8 {
    let dir = Path::new(matches.get_one::<String>("dir").map_or(".", String::as_str));
    let answers = match answers(matches, dir) {
        Ok(answers) => answers,
        Err(mistakes) => return refuse(Refused::Init, &mistakes),
    };
    // The folder is asked before the files are written: afterwards it always has a pipeline.
    let had_pipeline = init::has_pipeline(dir);
    let Some(files) = init::make_files(&answers, dir) else {
        complain("faultgate cannot make the pipeline of its own template; please report this");
        return Verdict::Errored.exit_code(None);
    };
    if matches.get_flag("print") {
        for file in &files {
            say(&format!("# --- {}\n{}", file.path, file.content));
        }
        return 0;
    }
    match init::write_files(dir, &files) {
        Ok(()) => {}
        Err(NotWritten::Exists(names)) => {
            let list: Vec<String> =
                names.iter().map(|name| format!("\n  - {}", text::plain(name, MAX_TEXT_CHARS))).collect();
            complain(&format!(
                "faultgate wrote nothing, since what exists is never overwritten:{}\nmove it away, or take what you need \
                 from `faultgate init --print`",
                list.concat()
            ));
            return EXIT_MISTAKES;
        }
        Err(NotWritten::Io { problem, left }) => {
            let left = if left.is_empty() {
                "none of the files is there".to_owned()
            } else {
                format!("remove what was written: {}", left.join(", "))
            };
            complain(&format!("faultgate could not write {}; {left}", text::plain(&problem, MAX_TEXT_CHARS)));
            return Verdict::Errored.exit_code(None);
        }
    }
    for file in &files {
        say(&format!("wrote {}", file.path));
    }
    if let Some(top) = init::find_top(dir) {
        complain(&format!(
            "warning: {} is below the top of the repository, {}, where alone {} looks for its pipeline; move the files there",
            text::plain(&dir.display().to_string(), MAX_TEXT_CHARS),
            text::plain(&top.display().to_string(), MAX_TEXT_CHARS),
            answers.platform.as_str(),
        ));
    }
    say("\nNext:");
    for (number, step) in init::list_steps(&answers, dir, had_pipeline).iter().enumerate() {
        say(&format!("{}. {}", number + 1, text::plain(step, MAX_TEXT_CHARS)));
    }
    0
}

/// Collects the answers of the flags and, on a terminal, of the user. All mistakes in flags are returned at
/// once.
fn answers(matches: &ArgMatches, dir: &Path) -> Result<Answers, Vec<Mistake>> {
    let mut asking = Asking { given: BTreeMap::new(), at_terminal: at_terminal(), mistakes: Vec::new() };
    if !dir.is_dir() {
        let mistake = Mistake::new(
            "--dir",
            format!("dir: {} is no folder", text::plain(&dir.display().to_string(), MAX_TEXT_CHARS)),
        );
        asking.mistakes.push(mistake.hint("name the folder of the repository"));
    }
    for question in questions() {
        // An empty value counts as none, except where nothing is a valid answer.
        let is_given = |given: &&String| !given.trim().is_empty() || question.takes_nothing();
        if let Some(given) = matches.get_one::<String>(question.name).filter(is_given) {
            asking.take(question, given);
        }
    }
    let guess = init::guess_platform(dir).map(Platform::as_str);
    let platform = asking.answer(&PLATFORM, Need::Needed, guess);
    let engine = asking.answer(&ENGINE, Need::Needed, Some(EngineKind::Fis.as_str()));
    let platform = Platform::ALL.into_iter().find(|known| Some(known.as_str()) == platform.as_deref());
    let engine = EngineKind::ALL.into_iter().find(|known| Some(known.as_str()) == engine.as_deref());
    let (Some(platform), Some(engine)) = (platform, engine) else { return Err(asking.mistakes) };
    let is_asked = |question: &&Question| question.engine.is_none_or(|only| only == engine);
    for question in QUESTIONS.iter().filter(|question| !is_asked(question)) {
        if asking.given.contains_key(question.name) {
            let message = format!("{}: is no question of the engine {}", question.name, engine.as_str());
            asking.mistakes.push(Mistake::new(format!("--{}", question.name), message).hint("leave it out"));
        }
    }
    let mut answers = Answers { platform, engine, values: BTreeMap::new() };
    for question in QUESTIONS.iter().filter(is_asked) {
        if let Some(answer) = asking.answer(question, question.need(&answers), None) {
            answers.values.insert(question.name, answer);
        }
    }
    if asking.mistakes.is_empty() { Ok(answers) } else { Err(asking.mistakes) }
}

/// The collection of answers.
struct Asking {
    given: BTreeMap<&'static str, String>,
    at_terminal: bool,
    mistakes: Vec<Mistake>,
}

impl Asking {
    /// Takes the answer of a flag. An answer with a mistake is kept as an empty one, so that it is not asked
    /// for again.
    fn take(&mut self, question: &'static Question, given: &str) {
        let answer = question.judge(given, &format!("--{}", question.name));
        let answer = answer.unwrap_or_else(|mistake| {
            self.mistakes.push(mistake);
            String::new()
        });
        self.given.insert(question.name, answer);
    }

    /// Returns the answer to a question; `guess` is offered on a terminal. None if there is no answer, which
    /// is a mistake if one is needed.
    fn answer(
        &mut self,
        question: &'static Question,
        need: Need,
        guess: Option<&'static str>,
    ) -> Option<String> {
        if let Some(given) = self.given.get(question.name) {
            return Some(given.clone());
        }
        let default = match need {
            Need::Otherwise(default) => Some(default),
            Need::Needed | Need::Optional | Need::ForCredentials | Need::ForProof => None,
        };
        let is_needed = need == Need::Needed;
        let mut why = "there is no terminal to ask at";
        // A user who has to change the flags anyway is asked nothing.
        if self.at_terminal && self.mistakes.is_empty() {
            match ask(question, default.or(guess), is_needed) {
                Some(answer) => return Some(answer).filter(|answer| !answer.is_empty()),
                None => why = "nobody answered",
            }
            // The input has ended, so no later question can be answered either.
            self.at_terminal = false;
        } else if !is_needed {
            return default.map(str::to_owned);
        }
        let example = question.example().unwrap_or_default();
        let mistake =
            Mistake::new(format!("--{}", question.name), format!("{}: is missing, and {why}", question.name));
        self.mistakes.push(mistake.hint(format!(
            "write for example --{} '{example}'{}",
            question.name,
            question.instead()
        )));
        None
    }
}

/// Asks until the answer is valid. An empty line is an answer if a default is offered or no answer is needed.
/// None at the end of the input.
fn ask(question: &Question, default: Option<&str>, is_needed: bool) -> Option<String> {
    let offered = match (default, is_needed, question.example()) {
        (Some(default), _, _) => format!(" [{default}]"),
        (None, false, _) => " [none]".to_owned(),
        (None, true, Some(example)) => format!(", for example {example}"),
        (None, true, None) => String::new(),
    };
    loop {
        prompt(&format!("{}{offered}: ", question.description()));
        let line = read_line()?;
        let answer = match (line.trim(), default) {
            ("", Some(default)) => default,
            ("", None) if !is_needed => return Some(String::new()),
            ("", None) => {
                complain("An answer is needed.");
                continue;
            }
            (answer, _) => answer,
        };
        match question.judge(answer, "the answer") {
            Ok(answer) => return Some(answer),
            Err(mistake) => complain(&text::plain(&mistake.to_string(), MAX_TEXT_CHARS)),
        }
    }
}
