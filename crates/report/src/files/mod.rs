//! Report files, in the report folder and where the CI has made them.
//!
//! - `json`, `dotenv` and `annotations` are files of the report folder, besides those of `summary`, `html`
//!   and `junit`. All of them are written by `write`.
//! - `outputs` are the step outputs of GitHub Actions, which go to a `command_file`.

pub(crate) mod annotations;
mod command_file;
pub(crate) mod dotenv;
pub(crate) mod json;
pub(crate) mod outputs;
pub(crate) mod write;

pub use command_file::CommandFile;
pub use dotenv::write_mistakes_as_variables;
pub use json::{FILE_NAME as RESULT_FILE, ResultFile};
pub use outputs::{StepOutputs, write_mistakes};
