//! The log: what is printed while the run goes on, and at its end.
//!
//! - `narrator` puts each event into a line. `console` prints the lines with their times, for CI systems, and
//!   `live` shows them in a terminal, above the experiments that run. `progress` says how these stand.
//! - `medium` is what shows the lines, with its colours, symbols and width.
//! - `closing` makes the table and the verdict that end the log.
//! - `commands` prints the lines that CI systems turn into errors and warnings on the run's page.
//! - `line` has the limit of a line.
//!
//! Every line is made plain before it is printed, so that no CI takes a text from outside for a command.

mod closing;
mod commands;
mod console;
mod line;
mod live;
mod medium;
mod narrator;
mod progress;

pub use closing::closing;
pub use commands::{LogCommands, Remark, mistake_commands, remark_commands};
pub use console::Log;
pub use live::{Live, ScreenSize};
pub use medium::{Medium, PaintedLine, Tone, measure, wrap};
