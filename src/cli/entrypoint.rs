//! The names by which the binary may be called. One image serves CI systems that call its entrypoint with a
//! command of ours, with a shell, or by another path.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::terminal::complain;
use faultgate_core::environment::Environment;

/// Name of the binary that stands for `faultgate stop`. GitHub hands the arguments of a step to its clean-up
/// too, and only the path of the entrypoint tells the two apart.
const STOP_BINARY: &str = "faultgate-stop";

/// Exit code of a shell for a command that does not exist.
const EXIT_NOT_FOUND: u8 = 127;
/// Exit code of a shell for a command that exists and could not be run.
const EXIT_NOT_RUN: u8 = 126;

/// The meaning of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invocation {
    Faultgate(Vec<OsString>),
    Shell(Shell),
}

/// A shell to become, with the arguments that are meant for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shell {
    /// Paths of shells, of which the first that exists is used.
    candidates: &'static [&'static str],
    args: Vec<OsString>,
}

impl Invocation {
    /// Reads a command line, with the name of the program as its first argument.
    pub(super) fn read(args: impl IntoIterator<Item = OsString>) -> Self {
        let mut args: Vec<OsString> = args.into_iter().collect();
        if args.first().and_then(|name| Path::new(name).file_name()) == Some(OsStr::new(STOP_BINARY)) {
            args[0] = "faultgate".into();
            args.insert(1, "stop".into());
        } else if let Some(candidates) = args.get(1).and_then(|first| shells(first)) {
            return Self::Shell(Shell { candidates, args: args.split_off(2) });
        }
        Self::Faultgate(args)
    }
}

/// Returns the shells that serve a request for one. An image may have only the smaller shell, and a script
/// that asks for `bash` is served by it too.
fn shells(asked: &OsStr) -> Option<&'static [&'static str]> {
    match asked.to_str()? {
        "sh" => Some(&["sh", "/bin/sh"]),
        "bash" => Some(&["bash", "sh", "/bin/sh"]),
        "/bin/sh" => Some(&["/bin/sh"]),
        "/bin/bash" => Some(&["/bin/bash", "/bin/sh"]),
        _ => None,
    }
}

impl Shell {
    /// Replaces this process by the shell. Returns the exit code of the process, and only if no shell could
    /// be run.
    pub(super) fn exec(&self) -> u8 {
        let mut error = io::Error::from(io::ErrorKind::NotFound);
        for shell in self.candidates {
            error = Command::new(shell).args(&self.args).exec();
            // A shell that exists and cannot be run is the error to report, not that others do not exist.
            if error.kind() != io::ErrorKind::NotFound {
                break;
            }
        }
        complain(&format!("faultgate was asked for a shell, and there is none: {error}"));
        if error.kind() == io::ErrorKind::NotFound { EXIT_NOT_FOUND } else { EXIT_NOT_RUN }
    }
}

/// Starts this program again in its own place, with these variables instead of those of the process.
/// Libraries read the process's own variables, and there is no other safe way to change them. Returns only if
/// that fails.
pub(super) fn start_again(args: &[OsString], env: &Environment) -> io::Error {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut again = Command::new(program);
    again.env_clear().envs(env.iter());
    if let Some((name, others)) = args.split_first() {
        again.arg0(name).args(others);
    }
    again.exec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Invocation {
        Invocation::read(args.iter().map(Into::into))
    }

    fn faultgate(args: &[&str]) -> Invocation {
        Invocation::Faultgate(args.iter().map(Into::into).collect())
    }

    #[test]
    fn a_shell_is_asked_for_by_the_first_argument_only() {
        for asked in ["sh", "bash", "/bin/sh", "/bin/bash"] {
            let Invocation::Shell(shell) = read(&["faultgate", asked, "-c", "run sh"]) else {
                panic!("{asked}")
            };
            assert_eq!(shell.args, ["-c", "run sh"]);
            assert_eq!(shell.candidates[0], asked);
            assert!(shell.candidates.last().unwrap().ends_with("sh"));
        }
        for other in ["run", "zsh", "shell", "-sh", "SH", ""] {
            assert_eq!(read(&["faultgate", other, "sh"]), faultgate(&["faultgate", other, "sh"]));
        }
        assert_eq!(read(&["sh"]), faultgate(&["sh"]), "a name is no argument");
        assert_eq!(read(&[]), faultgate(&[]));
    }

    #[test]
    fn the_name_of_the_clean_up_is_a_command() {
        for name in ["faultgate-stop", "/usr/local/bin/faultgate-stop", "./faultgate-stop"] {
            assert_eq!(read(&[name]), faultgate(&["faultgate", "stop"]));
            assert_eq!(read(&[name, "--help"]), faultgate(&["faultgate", "stop", "--help"]));
            assert_eq!(read(&[name, "sh"]), faultgate(&["faultgate", "stop", "sh"]));
        }
        let folder = "/opt/faultgate-stop/faultgate";
        assert_eq!(read(&[folder, "run"]), faultgate(&[folder, "run"]));
    }
}
