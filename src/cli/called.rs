//! As whom the binary was called. One image serves CI systems that call its entrypoint with a command of ours, with a
//! shell, or by another path.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use faultgate_core::environment::Environment;

/// GitHub hands the arguments of a step to its clean-up too, which only the path of its entrypoint tells apart.
const STOP: &str = "faultgate-stop";

/// What a shell says of a command that is not there, and of one that could not be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    Faultgate(Vec<OsString>),
    Shell(Shell),
}

/// A shell to become, with the arguments that are meant for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shell {
    /// The first that is there.
    candidates: &'static [&'static str],
    args: Vec<OsString>,
}

impl Call {
    pub(super) fn read(args: impl IntoIterator<Item = OsString>) -> Self {
        let mut args: Vec<OsString> = args.into_iter().collect();
        if args.first().and_then(|name| Path::new(name).file_name()) == Some(OsStr::new(STOP)) {
            args[0] = "faultgate".into();
            args.insert(1, "stop".into());
        } else if let Some(candidates) = args.get(1).and_then(|first| shells(first)) {
            return Self::Shell(Shell { candidates, args: args.split_off(2) });
        }
        Self::Faultgate(args)
    }
}

/// An image may have only the smaller shell; who asks for `bash` to run a script is served by that too.
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
    /// Returns only if there is no shell: the process's exit code.
    pub(super) fn become_it(&self) -> u8 {
        let mut error = io::Error::from(io::ErrorKind::NotFound);
        for shell in self.candidates {
            error = Command::new(shell).args(&self.args).exec();
            if error.kind() != io::ErrorKind::NotFound {
                break;
            }
        }
        super::complain(&format!("faultgate was asked for a shell, and there is none: {error}"));
        if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN }
    }
}

/// Starts this program again in its own place, with these variables instead of the process's. Libraries read the
/// process's own, and there is no other safe way to change that. Returns only if it cannot be done.
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

    fn read(args: &[&str]) -> Call {
        Call::read(args.iter().map(Into::into))
    }

    fn faultgate(args: &[&str]) -> Call {
        Call::Faultgate(args.iter().map(Into::into).collect())
    }

    #[test]
    fn a_shell_is_asked_for_by_the_first_argument_only() {
        for asked in ["sh", "bash", "/bin/sh", "/bin/bash"] {
            let Call::Shell(shell) = read(&["faultgate", asked, "-c", "run sh"]) else { panic!("{asked}") };
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
