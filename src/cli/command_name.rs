//! The commands, and what holds for each of them before it begins.
//!
//! A command that is added does not compile before each place below, and the call in `mod.rs`, knows it.

use clap::Command;
use faultgate_core::closed_set;

use super::{
    check, completions, help, iam, init, inputs, launch, lint, man, monitor, plan, rehearse, report, run,
    score, stop, sweep,
};

closed_set! {
    /// The commands, in the order in which the help lists them.
    pub(super) enum CommandName {
        Run = "run",
        Launch = "launch",
        Monitor = "monitor",
        Score = "score",
        Check = "check",
        Plan = "plan",
        Lint = "lint",
        Stop = "stop",
        Sweep = "sweep",
        Rehearse = "rehearse",
        Report = "report",
        Init = "init",
        Inputs = "inputs",
        Iam = "iam",
        Completions = "completions",
        Man = "man",
        Help = "help",
    }
}

impl CommandName {
    /// Returns the arguments and the help of the command.
    pub(super) fn command(self) -> Command {
        match self {
            Self::Run => run::command(),
            Self::Launch => launch::command(),
            Self::Monitor => monitor::command(),
            Self::Score => score::command(),
            Self::Check => check::command(),
            Self::Plan => plan::command(),
            Self::Lint => lint::command(),
            Self::Stop => stop::command(),
            Self::Sweep => sweep::command(),
            Self::Rehearse => rehearse::command(),
            Self::Report => report::command(),
            Self::Init => init::command(),
            Self::Inputs => inputs::command(),
            Self::Iam => iam::command(),
            Self::Completions => completions::command(),
            Self::Man => man::command(),
            Self::Help => help::command_of_help(),
        }
    }

    /// Returns `true` if the command writes reports, so that those of an earlier run go first.
    pub(super) const fn writes_reports(self) -> bool {
        match self {
            Self::Run | Self::Launch | Self::Monitor | Self::Score | Self::Rehearse | Self::Report => true,
            Self::Check
            | Self::Plan
            | Self::Lint
            | Self::Stop
            | Self::Sweep
            | Self::Init
            | Self::Inputs
            | Self::Iam
            | Self::Completions
            | Self::Man
            | Self::Help => false,
        }
    }

    /// Returns `true` if nothing was launched before this command, so that its refusal means that nothing runs.
    pub(super) const fn begins_run(self) -> bool {
        match self {
            Self::Run | Self::Launch => true,
            Self::Monitor
            | Self::Score
            | Self::Check
            | Self::Plan
            | Self::Lint
            | Self::Stop
            | Self::Sweep
            | Self::Rehearse
            | Self::Report
            | Self::Init
            | Self::Inputs
            | Self::Iam
            | Self::Completions
            | Self::Man
            | Self::Help => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_called_as_its_help_says() {
        for name in CommandName::ALL {
            assert_eq!(name.command().get_name(), name.as_str());
        }
    }
}
