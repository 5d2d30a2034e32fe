//! The edge: arguments and environment in, exit code out.

use std::process::ExitCode;

use faultgate::cli;
use faultgate_core::environment::Environment;

fn main() -> ExitCode {
    keep_memory_to_ourselves();
    ExitCode::from(cli::main(std::env::args_os(), &Environment::from_process()))
}

/// No core is written where this process crashes, and no other process of the user's reads its memory or environment:
/// both hold tokens. Programs that it starts are as they were, since an `exec` puts that back. Where it cannot be done
/// all goes on: it guards against what should not come about.
fn keep_memory_to_ourselves() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
