//! The questions of `faultgate init`.
//!
//! An answer is judged by the parser of the input, or of the key of a suite, that it becomes. One rule comes
//! on top: nothing in an answer may be code where it is written.

use std::collections::BTreeMap;

use faultgate_core::closed_set;
use faultgate_core::mistake::{Mistake, Problem};
use faultgate_core::model::EngineKind;
use faultgate_core::text::is_invisible;

use crate::inputs::input::Input;
use crate::inputs::kind::{Kind, Parsed};
use crate::inputs::table;

closed_set! {
    /// The platform that the pipeline runs on.
    pub enum Platform {
        GitHub = "github",
        GitLab = "gitlab",
        CodeBuild = "codebuild",
        CodePipeline = "codepipeline",
    }
}

impl Platform {
    /// `true` if the jobs of the platform have no credentials of AWS until they assume a role by an OpenID
    /// token.
    fn has_tokens(self) -> bool {
        match self {
            Self::GitHub | Self::GitLab => true,
            Self::CodeBuild | Self::CodePipeline => false,
        }
    }
}

/// The answers, by the names of the questions. A question without an answer is not in `values`.
#[derive(Debug, Clone)]
pub struct Answers {
    pub platform: Platform,
    pub engine: EngineKind,
    pub values: BTreeMap<&'static str, String>,
}

impl Answers {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// `true` if somebody said that the fault undoes itself, or is not undone.
    pub fn does_without(&self, name: &str) -> bool {
        self.get(name) == Some(NONE)
    }
}

/// The consequence of leaving a question without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Needed,
    Optional,
    Otherwise(&'static str),
    /// The answer is needed where the platform has no other credentials.
    ForCredentials,
    /// The answer is needed for a command whose exit code alone would tell that the fault was injected.
    ForProof,
}

/// The answer of a user who does without, to a question that needs an answer.
const NONE: &str = "none";
/// The question for the command that undoes the fault. Without it, a fault would stay in.
const STOP: &str = "stop";
/// The question for the text that shows that a command has injected its fault.
const INJECTED: &str = "injected";
const TEMPLATE: &str = table::TEMPLATES.name();

/// One question. The command has a flag of the same name.
#[derive(Debug)]
pub struct Question {
    pub name: &'static str,
    /// The engine that the question is about; `None` for a question about every engine.
    pub engine: Option<EngineKind>,
    need: Need,
    /// Kind of the answer.
    kind: Kind,
    meaning: Meaning,
    example: Option<&'static str>,
}

/// The meaning of a question.
#[derive(Debug)]
enum Meaning {
    /// The input that the answer becomes, and the words by which it is asked for.
    Input(Input, &'static str),
    /// Words of its own, without the form of the answer.
    Own(&'static str),
}

const ID: Kind = Kind::Text { max: 255 };
const COMMAND: Kind = Kind::Text { max: 1_000 };
const PLATFORMS: Kind = Kind::Choice(Platform::WORDS);
const ENGINES: Kind = Kind::Choice(EngineKind::WORDS);

pub const PLATFORM: Question =
    Question::own("platform", Need::Needed, PLATFORMS, "Platform of the pipeline", "github");
pub const ENGINE: Question = Question::own("engine", Need::Needed, ENGINES, "Chaos engine", "fis");

/// All other questions, in the order in which they are asked.
#[rustfmt::skip]
pub const QUESTIONS: &[Question] = &[
    Question::own(TEMPLATE, Need::Needed, Kind::Template, "FIS experiment template to run", "EXT1a2b3c4d5e6f7")
        .about(EngineKind::Fis),
    Question::input(table::AWS_REGION.input(), Need::Needed, "AWS Region of the experiments").about(EngineKind::Fis),
    Question::input(table::AWS_ROLE_ARN.input(), Need::ForCredentials, "ARN of the role that the job assumes (docs/aws-access.md says how to make it)").about(EngineKind::Fis),
    Question::own(table::HARNESS_EXPERIMENT.name(), Need::Needed, ID, "Id of the Harness chaos experiment to run", "d7c9d243-0219-4f7c-84c2-3004e59e4505")
        .about(EngineKind::Harness),
    Question::input(table::HARNESS_PROJECT.input(), Need::Needed, "Id of the Harness project").about(EngineKind::Harness),
    Question::input(table::HARNESS_ORG.input(), Need::Otherwise("default"), "Id of the Harness organization").about(EngineKind::Harness),
    Question::input(table::HARNESS_ACCOUNT.input(), Need::Optional, "Id of the Harness account").about(EngineKind::Harness),
    Question::input(table::HARNESS_URL.input(), Need::Otherwise("https://app.harness.io"), "URL of Harness").about(EngineKind::Harness),
    Question::input(table::LITMUS_URL.input(), Need::Needed, "URL of the ChaosCenter").about(EngineKind::Litmus),
    Question::input(table::LITMUS_PROJECT.input(), Need::Needed, "Id of the LitmusChaos project").about(EngineKind::Litmus),
    Question::own(table::LITMUS_EXPERIMENT.name(), Need::Needed, ID, "Id of the LitmusChaos experiment to run", "3d4e5f60-7182-4a93-b4c5-d6e7f8091a2b")
        .about(EngineKind::Litmus),
    Question::own("run", Need::Needed, COMMAND, "Program that injects the fault, and its arguments, by spaces; no shell reads them", "docker pause cache")
        .about(EngineKind::Command),
    Question::own(STOP, Need::Needed, COMMAND, "Program that undoes the fault, and its arguments, by spaces; none for a fault that stays in", "docker unpause cache")
        .about(EngineKind::Command),
    Question::own(INJECTED, Need::Optional, COMMAND, "Text that the program prints when the fault is in, and only then", "1 container paused")
        .about(EngineKind::Command),
    Question::own("probe-url", Need::ForProof, Kind::Url, "URL that answers 200 while the system is well", "https://staging.example.com/health"),
];

impl Question {
    /// A question whose answer is the value of an input.
    const fn input(input: Input, need: Need, asked: &'static str) -> Self {
        let (name, kind, example) = (input.name, input.kind, input.example);
        Self { name, engine: None, need, kind, meaning: Meaning::Input(input, asked), example }
    }

    /// A question with a kind, a meaning and an example of its own.
    const fn own(
        name: &'static str,
        need: Need,
        kind: Kind,
        meaning: &'static str,
        example: &'static str,
    ) -> Self {
        Self { name, engine: None, need, kind, meaning: Meaning::Own(meaning), example: Some(example) }
    }

    const fn about(mut self, engine: EngineKind) -> Self {
        self.engine = Some(engine);
        self
    }

    /// The need for an answer, given the answers so far. It is never one of the two conditional needs.
    pub fn need(&self, answers: &Answers) -> Need {
        let is_needed = match self.need {
            Need::ForCredentials => answers.platform.has_tokens(),
            Need::ForProof => answers.engine == EngineKind::Command && answers.get(INJECTED).is_none(),
            need => return need,
        };
        if is_needed { Need::Needed } else { Need::Optional }
    }

    /// `true` if an empty answer counts as an answer. For all other questions it counts as none.
    pub fn takes_nothing(&self) -> bool {
        self.name == STOP
    }

    /// The end of a message about a missing answer: what else the user could give.
    pub fn instead(&self) -> &'static str {
        match self.need {
            Need::ForProof => ", or --injected with what the program prints when the fault is in",
            _ if self.name == STOP => ", or none where the fault undoes itself or is to stay in",
            _ => "",
        }
    }

    /// The meaning of the question, with the form of its answer.
    pub fn description(&self) -> String {
        match (&self.meaning, self.kind.forms()) {
            (Meaning::Input(input, _), _) => input.description(),
            (Meaning::Own(meaning), Some(forms)) => format!("{meaning} ({forms})"),
            (Meaning::Own(meaning), None) => (*meaning).to_owned(),
        }
    }

    /// The words by which the answer is asked for: they name it, and end without a full stop.
    pub fn asked(&self) -> String {
        match self.meaning {
            Meaning::Input(_, asked) => asked.to_owned(),
            Meaning::Own(_) => self.description(),
        }
    }

    pub fn example(&self) -> Option<&'static str> {
        self.example
    }

    pub fn placeholder(&self) -> &'static str {
        self.kind.placeholder()
    }

    /// Judges an answer. Returns it in the form in which it is written.
    pub fn judge(&self, answer: &str, origin: &str) -> Result<String, Mistake> {
        let answer = answer.trim();
        if self.takes_nothing() && (answer.is_empty() || answer == NONE) {
            return Ok(NONE.to_owned());
        }
        // Code is told first, by the general rule: its hint helps more.
        if self.name == TEMPLATE && code_in(answer).is_none() && !is_template(answer) {
            let problem = Problem::new("is not the id of one FIS experiment template");
            return Err(problem
                .hint("write for example EXT1a2b3c4d5e6f7")
                .at(self.name, answer, origin, None));
        }
        let problem = match self.kind.parse(answer) {
            Ok(Parsed::Text(text)) => match code_in(&text) {
                None => return Ok(text),
                Some(problem) => problem,
            },
            Ok(_) => Problem::new("is no text"),
            Err(problem) => problem,
        };
        Err(problem.at(self.name, answer, origin, None))
    }
}

/// `true` for a template id of AWS. The input is less strict, since it takes ids of emulators too.
fn is_template(text: &str) -> bool {
    text.strip_prefix("EXT").is_some_and(|rest| {
        // EXT and 61 more characters are 64, which is the limit of the input.
        !rest.is_empty() && rest.len() <= 61 && rest.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// The first sign in an answer that may be code. A suite replaces `${NAME}`, GitHub `${{ … }}`, GitLab
/// `$NAME` and `$[[ … ]]`, and a shell much more.
fn code_in(text: &str) -> Option<Problem> {
    let sign = text.chars().find(|c| "$\"'`\\".contains(*c) || c.is_control() || is_invisible(*c))?;
    let shown =
        if is_invisible(sign) { "a character that is not seen".to_owned() } else { format!("a {sign}") };
    Some(
        Problem::new(format!("holds {shown}, which may be code where it is written"))
            .hint("answer without it, and change what is written by hand"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static Question> {
        [&PLATFORM, &ENGINE].into_iter().chain(QUESTIONS)
    }

    #[test]
    fn every_question_says_what_it_asks_and_takes_its_own_example() {
        for question in all() {
            assert!(!question.description().is_empty(), "{}", question.name);
            let asked = question.asked();
            assert!(!asked.contains(". ") && !asked.ends_with('.') && asked.len() < 120, "{asked}");
            let example = question.example().unwrap_or_else(|| panic!("{} has no example", question.name));
            assert_eq!(question.judge(&format!(" {example}\n"), "x"), Ok(example.to_owned()));
            if let Need::Otherwise(default) = question.need {
                assert_eq!(question.judge(default, "x"), Ok(default.to_owned()));
            }
        }
        let words = |question: &Question| question.description();
        for platform in Platform::ALL {
            assert!(words(&PLATFORM).contains(platform.as_str()));
        }
        for engine in EngineKind::ALL {
            assert!(words(&ENGINE).contains(engine.as_str()));
        }
    }

    #[test]
    fn code_is_no_answer_anywhere() {
        for code in [
            "${HOME}",
            "${{github.token}}",
            "$[[inputs.x]]",
            "a\"b",
            "a'b",
            "`id`",
            "a\\b",
            "a\nb",
            "a\u{202e}b",
            "$x",
        ] {
            for question in all() {
                for answer in [code.to_owned(), format!("https://a.example/{code}")] {
                    assert!(question.judge(&answer, "x").is_err(), "{}: {answer}", question.name);
                }
            }
        }
    }

    #[test]
    fn a_wrong_answer_is_told_like_any_mistake() {
        let told = PLATFORM.judge("gitlub", "--platform").unwrap_err().to_string();
        assert!(
            told.contains("platform: \"gitlub\" is not a choice here (from --platform); did you mean git"),
            "{told}"
        );
        let told = QUESTIONS[0].judge("EXT${X}", "--experiment-template-id").unwrap_err().to_string();
        assert!(told.contains("holds a $, which may be code"), "{told}");
    }

    #[test]
    fn a_template_is_one_id() {
        for odd in ["EXT1,EXT2", "EXT1 EXT2", "EXT", "ext1", "tmpl-1", "EXT-1", "1EXT", ""] {
            let told = QUESTIONS[0].judge(odd, "x").unwrap_err().to_string();
            assert!(told.contains("is not the id of one"), "{odd}: {told}");
        }
    }

    #[test]
    fn who_does_without_a_stop_says_so() {
        let stop = QUESTIONS.iter().find(|question| question.name == STOP).unwrap();
        for none in ["none", "", " "] {
            assert_eq!(stop.judge(none, "x"), Ok(NONE.to_owned()));
        }
        let answer = |values: &[(&'static str, &str)]| Answers {
            platform: Platform::GitHub,
            engine: EngineKind::Command,
            values: values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        };
        let probe = QUESTIONS.iter().find(|question| question.name == "probe-url").unwrap();
        assert_eq!(stop.need(&answer(&[])), Need::Needed);
        assert_eq!(probe.need(&answer(&[])), Need::Needed);
        assert_eq!(probe.need(&answer(&[(INJECTED, "in")])), Need::Optional);
    }
}
