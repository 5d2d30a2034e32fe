//! The facts about engines that `faultgate init` needs, an entry for each engine.
//!
//! An entry says which answers the block of the suite holds and how each is written, what a run needs to
//! reach the engine, and what the policy can ask of it. The questions are in `config/questions.rs`.

use faultgate_config::EngineKind;

/// The facts about an engine.
pub(super) struct EngineEntry {
    /// The keys of the engine's block, in the order in which they are written.
    pub(super) keys: &'static [BlockKey],
    pub(super) access: EngineAccess,
    /// `true` if a policy can require stop conditions and limit targets.
    pub(super) has_stop_conditions: bool,
}

/// A key of an engine's block.
pub(super) struct BlockKey {
    pub(super) name: &'static str,
    /// The name of the question whose answer the key holds.
    pub(super) question: &'static str,
    pub(super) form: AnswerForm,
}

/// The form in which an answer is written.
#[derive(Clone, Copy)]
pub(super) enum AnswerForm {
    Text,
    /// A list of the answer's words, since no shell takes a command apart later.
    Words,
    /// A text that the output of a command has to contain.
    Output,
}

/// The need of a run that wants to reach an engine.
#[derive(Clone, Copy)]
pub(super) enum EngineAccess {
    /// A role of AWS, for which the job's tokens are exchanged where the platform has them.
    Role,
    /// A key that is kept as a secret.
    Secret(&'static EngineSecret),
    /// The programs of the commands, on the machine that the job runs on.
    Programs,
}

/// The names of an engine's secret.
pub(super) struct EngineSecret {
    /// The name of the secret in GitHub.
    pub(super) github: &'static str,
    /// The name and the key of the secret in Secrets Manager.
    pub(super) manager: &'static str,
    /// The input of faultgate that takes it.
    pub(super) input: &'static str,
    /// The variable of faultgate that takes it.
    pub(super) variable: &'static str,
}

impl EngineEntry {
    pub(super) const fn secret(&self) -> Option<&'static EngineSecret> {
        match self.access {
            EngineAccess::Secret(secret) => Some(secret),
            EngineAccess::Role | EngineAccess::Programs => None,
        }
    }

    /// Returns `true` if jobs need an OpenID token, where the platform has such tokens.
    pub(super) const fn needs_token(&self) -> bool {
        match self.access {
            EngineAccess::Role => true,
            EngineAccess::Secret(_) | EngineAccess::Programs => false,
        }
    }
}

/// Returns the entry of an engine.
pub(super) const fn find_entry(engine: EngineKind) -> &'static EngineEntry {
    match engine {
        EngineKind::Fis => &FIS,
        EngineKind::Harness => &HARNESS,
        EngineKind::Litmus => &LITMUS,
        EngineKind::Command => &COMMAND,
    }
}

const FIS: EngineEntry = EngineEntry {
    keys: &[
        text("template", "experiment-template-id"),
        text("region", "aws-region"),
        text("role-arn", "aws-role-arn"),
    ],
    access: EngineAccess::Role,
    has_stop_conditions: true,
};

const HARNESS: EngineEntry = EngineEntry {
    keys: &[
        text("experiment", "harness-experiment-id"),
        text("project", "harness-project-id"),
        text("org", "harness-org-id"),
        text("account", "harness-account-id"),
        text("url", "harness-url"),
    ],
    access: EngineAccess::Secret(&EngineSecret {
        github: "HARNESS_API_KEY",
        manager: "faultgate/harness:api-key",
        input: "harness-api-key",
        variable: "FAULTGATE_HARNESS_API_KEY",
    }),
    has_stop_conditions: false,
};

const LITMUS: EngineEntry = EngineEntry {
    keys: &[
        text("experiment", "litmus-experiment-id"),
        text("project", "litmus-project-id"),
        text("url", "litmus-url"),
    ],
    access: EngineAccess::Secret(&EngineSecret {
        github: "LITMUS_TOKEN",
        manager: "faultgate/litmus:token",
        input: "litmus-token",
        variable: "FAULTGATE_LITMUS_TOKEN",
    }),
    has_stop_conditions: false,
};

const COMMAND: EngineEntry = EngineEntry {
    keys: &[
        BlockKey { name: "run", question: "run", form: AnswerForm::Words },
        BlockKey { name: "stop", question: "stop", form: AnswerForm::Words },
        BlockKey { name: "injected", question: "injected", form: AnswerForm::Output },
    ],
    access: EngineAccess::Programs,
    has_stop_conditions: false,
};

const fn text(name: &'static str, question: &'static str) -> BlockKey {
    BlockKey { name, question, form: AnswerForm::Text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use faultgate_config::QUESTIONS;

    use super::*;

    #[test]
    fn the_answer_to_each_question_about_an_engine_is_written_once() {
        for engine in EngineKind::ALL {
            let asked = QUESTIONS.iter().filter(|question| question.engine == Some(engine));
            let asked: BTreeSet<_> = asked.map(|question| question.name).collect();
            let keys = find_entry(engine).keys;
            let written: BTreeSet<_> = keys.iter().map(|key| key.question).collect();
            assert_eq!((written, keys.len()), (asked.clone(), asked.len()), "{}", engine.as_str());
        }
    }
}
