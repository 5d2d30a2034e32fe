//! The edge: arguments and environment in, exit code out.

use std::process::ExitCode;

use faultgate::cli;
use faultgate::config::Environment;

fn main() -> ExitCode {
    ExitCode::from(cli::main(std::env::args_os(), &Environment::from_process()))
}
