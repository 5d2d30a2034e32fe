//! The binary: it hands the arguments and the environment to [`cli`], and returns the exit code.

use std::process::ExitCode;

use faultgate::cli;
use faultgate_core::environment::Environment;

fn main() -> ExitCode {
    keep_memory_to_ourselves();
    ExitCode::from(cli::main(std::env::args_os(), &Environment::from_process()))
}

/// Protects the tokens in this process's memory and environment: no core is written if it crashes, and no
/// other process of the same user may read either of them. Programs that it starts are not affected, since an
/// `exec` undoes the setting. A failure is ignored, since this is a second line of defence.
fn keep_memory_to_ourselves() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
