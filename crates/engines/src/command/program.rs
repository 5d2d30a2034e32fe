//! The search for a program.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use super::surroundings::CommandSurroundings;

/// Finds a program as the system would: on the PATH of its environment, or by a path seen from its directory.
pub(super) fn find(program: &str, surroundings: &CommandSurroundings) -> io::Result<PathBuf> {
    let path = surroundings.env.get(OsStr::new("PATH"));
    which::which_in(program, path, &surroundings.dir).map_err(|_| {
        let place = if program.contains('/') {
            format!("no program at {program}, seen from {}", surroundings.dir.display())
        } else {
            format!("no program {program} on PATH")
        };
        io::Error::new(io::ErrorKind::NotFound, place)
    })
}
