//! The questions of `faultgate init`: what no flag answers is asked on a terminal. Elsewhere a missing answer is a
//! mistake.

use std::collections::BTreeMap;
use std::path::Path;

use super::guess::guess_platform;
use super::texts::MAX_TEXT_CHARS;
use crate::terminal::asking::{at_terminal, prompt, read_line};
use crate::terminal::complain;
use faultgate_config::{Answers, ENGINE, EngineKind, Need, PLATFORM, Platform, QUESTIONS, Question};
use faultgate_core::mistake::Mistake;
use faultgate_core::text;

/// Lists all questions. The first two decide which of the others are asked.
pub(crate) fn list_questions() -> impl Iterator<Item = &'static Question> {
    [&PLATFORM, &ENGINE].into_iter().chain(QUESTIONS)
}

/// Collects the answers of the flags and, on a terminal, of the user. All mistakes in flags are returned at
/// once.
pub(super) fn collect_answers(
    given: &BTreeMap<&'static str, String>,
    dir: &Path,
) -> Result<Answers, Vec<Mistake>> {
    let mut asking = Asking { given: BTreeMap::new(), at_terminal: at_terminal(), mistakes: Vec::new() };
    if !dir.is_dir() {
        let mistake = Mistake::new(
            "--dir",
            format!("dir: {} is no folder", text::plain(&dir.display().to_string(), MAX_TEXT_CHARS)),
        );
        asking.mistakes.push(mistake.hint("name the folder of the repository"));
    }
    for question in list_questions() {
        // An empty value counts as none, except where nothing is a valid answer.
        let is_given = |given: &&String| !given.trim().is_empty() || question.takes_nothing();
        if let Some(given) = given.get(question.name).filter(is_given) {
            asking.take(question, given);
        }
    }
    let guess = guess_platform(dir).map(Platform::as_str);
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
    let asked = question.asked();
    let offered = match (default, is_needed, question.example()) {
        (Some(default), _, _) => format!(" [{default}]"),
        (None, false, _) => " [none]".to_owned(),
        (None, true, Some(example)) if !asked.ends_with(')') => format!(" (such as {example})"),
        (None, true, _) => String::new(),
    };
    loop {
        prompt(&format!("{asked}{offered}: "));
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
