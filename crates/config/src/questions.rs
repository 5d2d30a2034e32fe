//! The questions of `faultgate init`.
//!
//! An answer is judged by the parser of the input, or of the key of a suite, that it becomes. One rule comes
//! on top: nothing in an answer may be code where it is written.

use std::collections::BTreeMap;

use super::inputs::find;
use super::kind::{Kind, Parsed};
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::Problem;
use faultgate_core::text::is_invisible;

/// The platform that the pipeline runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    GitHub,
    GitLab,
    CodeBuild,
    CodePipeline,
}

impl Platform {
    pub const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::CodeBuild, Self::CodePipeline];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::CodeBuild => "codebuild",
            Self::CodePipeline => "codepipeline",
        }
    }

    /// `true` if the jobs of the platform have no credentials of AWS until they assume a role by an OpenID
    /// token.
    fn has_tokens(self) -> bool {
        matches!(self, Self::GitHub | Self::GitLab)
    }
}

/// The engine that injects the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Fis,
    Harness,
    Litmus,
    Command,
}

impl Engine {
    pub const ALL: [Self; 4] = [Self::Fis, Self::Harness, Self::Litmus, Self::Command];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fis => "fis",
            Self::Harness => "harness",
            Self::Litmus => "litmus",
            Self::Command => "command",
        }
    }
}

/// The answers, by the names of the questions. A question without an answer is not in `values`.
#[derive(Debug, Clone)]
pub struct Answers {
    pub platform: Platform,
    pub engine: Engine,
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
const TEMPLATE: &str = "experiment-template-id";

/// One question. The command has a flag of the same name.
#[derive(Debug)]
pub struct Question {
    pub name: &'static str,
    /// The engine that the question is about; `None` for a question about every engine.
    pub engine: Option<Engine>,
    need: Need,
    /// Kind, meaning and example, where they differ from those of the input of this name.
    own: Option<(Kind, &'static str, &'static str)>,
}

const ID: Kind = Kind::Text { max: 255 };
const COMMAND: Kind = Kind::Text { max: 1_000 };
const PLATFORMS: Kind = Kind::Choice(&["github", "gitlab", "codebuild", "codepipeline"]);
const ENGINES: Kind = Kind::Choice(&["fis", "harness", "litmus", "command"]);

pub const PLATFORM: Question =
    Question::every("platform", Need::Needed).own(PLATFORMS, "Platform of the pipeline", "github");
pub const ENGINE: Question = Question::every("engine", Need::Needed).own(ENGINES, "Chaos engine", "fis");

/// All other questions, in the order in which they are asked.
#[rustfmt::skip]
pub const QUESTIONS: &[Question] = &[
    Question::of(Engine::Fis, TEMPLATE, Need::Needed)
        .own(Kind::Template, "FIS experiment template to run", "EXT1a2b3c4d5e6f7"),
    Question::of(Engine::Fis, "aws-region", Need::Needed),
    Question::of(Engine::Fis, "aws-role-arn", Need::ForCredentials),
    Question::of(Engine::Harness, "harness-experiment-id", Need::Needed)
        .own(ID, "Id of the Harness chaos experiment to run", "d7c9d243-0219-4f7c-84c2-3004e59e4505"),
    Question::of(Engine::Harness, "harness-project-id", Need::Needed),
    Question::of(Engine::Harness, "harness-org-id", Need::Otherwise("default")),
    Question::of(Engine::Harness, "harness-account-id", Need::Optional),
    Question::of(Engine::Harness, "harness-url", Need::Otherwise("https://app.harness.io")),
    Question::of(Engine::Litmus, "litmus-url", Need::Needed),
    Question::of(Engine::Litmus, "litmus-project-id", Need::Needed),
    Question::of(Engine::Litmus, "litmus-experiment-id", Need::Needed)
        .own(ID, "Id of the LitmusChaos experiment to run", "3d4e5f60-7182-4a93-b4c5-d6e7f8091a2b"),
    Question::of(Engine::Command, "run", Need::Needed)
        .own(COMMAND, "Program that injects the fault, and its arguments, by spaces; no shell reads them", "docker pause cache"),
    Question::of(Engine::Command, STOP, Need::Needed)
        .own(COMMAND, "Program that undoes the fault, and its arguments, by spaces; none for a fault that stays in", "docker unpause cache"),
    Question::of(Engine::Command, INJECTED, Need::Optional)
        .own(COMMAND, "Text that the program prints when the fault is in, and only then", "1 container paused"),
    Question::every("probe-url", Need::ForProof)
        .own(Kind::Url, "URL that answers 200 while the system is well", "https://staging.example.com/health"),
];

impl Question {
    const fn every(name: &'static str, need: Need) -> Self {
        Self { name, engine: None, need, own: None }
    }

    const fn of(engine: Engine, name: &'static str, need: Need) -> Self {
        Self { name, engine: Some(engine), need, own: None }
    }

    const fn own(mut self, kind: Kind, meaning: &'static str, example: &'static str) -> Self {
        self.own = Some((kind, meaning, example));
        self
    }

    /// The need for an answer, given the answers so far. It is never one of the two conditional needs.
    pub fn need(&self, answers: &Answers) -> Need {
        let is_needed = match self.need {
            Need::ForCredentials => answers.platform.has_tokens(),
            Need::ForProof => answers.engine == Engine::Command && answers.get(INJECTED).is_none(),
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
        match (&self.own, find(self.name)) {
            (Some((kind, meaning, _)), _) => {
                kind.forms().map_or_else(|| (*meaning).to_owned(), |forms| format!("{meaning} ({forms})"))
            }
            (None, input) => input.map(super::Input::description).unwrap_or_default(),
        }
    }

    pub fn example(&self) -> Option<&'static str> {
        match self.own {
            Some((_, _, example)) => Some(example),
            None => find(self.name)?.example,
        }
    }

    pub fn placeholder(&self) -> &'static str {
        self.kind().placeholder()
    }

    fn kind(&self) -> Kind {
        match self.own {
            Some((kind, _, _)) => kind,
            None => find(self.name).map_or(ID, |input| input.kind),
        }
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
        let problem = match self.kind().parse(answer) {
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
        for engine in Engine::ALL {
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
            engine: Engine::Command,
            values: values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        };
        let probe = QUESTIONS.iter().find(|question| question.name == "probe-url").unwrap();
        assert_eq!(stop.need(&answer(&[])), Need::Needed);
        assert_eq!(probe.need(&answer(&[])), Need::Needed);
        assert_eq!(probe.need(&answer(&[(INJECTED, "in")])), Need::Optional);
    }
}
