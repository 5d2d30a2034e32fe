//! Report files, in the report folder and where the CI has made them.
//!
//! - `folder` knows all files of the report folder, and `write` how each is written.
//! - `json`, `dotenv` and `annotations` are files of the folder, besides those of `summary`, `html` and `junit`.
//! - `outputs` are the step outputs of GitHub Actions, which go to a `command_file`.

pub(crate) mod annotations;
mod command_file;
pub(crate) mod dotenv;
mod folder;
mod json;
pub(crate) mod outputs;
pub(crate) mod write;

pub use command_file::CommandFile;
pub use dotenv::write_mistakes_as_variables;
pub(crate) use folder::is_report_file;
pub use folder::{clear, report_file_sinks};
pub use json::{FILE_NAME as RESULT_FILE, ResultFile};
pub use outputs::{StepOutputs, write_mistakes};
