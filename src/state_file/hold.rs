//! The lock by which only one process at a time works with a state file. The process holds it as long as it
//! lives, however it ends. It is on a file of its own, since the state file is replaced with every change.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use faultgate_core::{files, text};

/// The end of the lock's name, behind the name of the state file.
const LOCK_SUFFIX: &str = ".lock";
/// Number of attempts to lock. Other processes come in between only a few times.
const MAX_TRIES: u32 = 1_000;
/// Number of bytes that are read of the holder's description.
const MAX_HOLDER_BYTES: u64 = 200;

/// The possession of a state file, which ends when this value is dropped.
#[derive(Debug)]
pub struct Hold {
    path: PathBuf,
    /// The locked file. The system unlocks it when the process is gone.
    _file: File,
}

/// The reason why a state file could not be taken.
#[derive(Debug)]
pub enum NotHeld {
    /// A living process holds it; the text describes that process.
    ByAnother(String),
    /// The file could not be locked, so nobody knows whether another process holds it.
    Unknown(io::Error),
}

/// Takes a state file for this process. `who` describes to others what this process does.
pub fn hold(state_file: &Path, who: &str) -> Result<Hold, NotHeld> {
    let folder = files::folder_of(state_file);
    fs::create_dir_all(folder).map_err(NotHeld::Unknown)?;
    let mut path = state_file.as_os_str().to_owned();
    path.push(LOCK_SUFFIX);
    let path = PathBuf::from(path);
    for _ in 0..MAX_TRIES {
        let mut file = files::open_or_make(&path).map_err(NotHeld::Unknown)?;
        // A lock with a second name may be somebody else's file, which the description below would overwrite.
        if file.metadata().map_err(NotHeld::Unknown)?.nlink() > 1 {
            return Err(NotHeld::Unknown(io::Error::other(
                "its lock is a file that has another name as well",
            )));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(NotHeld::ByAnother(holder(file))),
            Err(TryLockError::Error(error)) => return Err(NotHeld::Unknown(error)),
        }
        // The earlier holder may have removed the file in between. This process then has the lock of a file
        // that nobody else would find.
        if !is_at(&file, &path) {
            continue;
        }
        // The description is only for people; the lock holds without it.
        let _ = file
            .set_len(0)
            .and_then(|()| write!(file, "process {}, {}", std::process::id(), text::plain(who, 100)));
        files::remove_drafts(folder, &[state_file.file_name().unwrap_or(OsStr::new(""))]);
        return Ok(Hold { path, _file: file });
    }
    Err(NotHeld::Unknown(io::Error::other("the lock is another one each time")))
}

impl Drop for Hold {
    fn drop(&mut self) {
        // The file is removed while it is still locked: a process that opens it now sees, once it has the
        // lock, that the file is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns the holder's description of itself.
fn holder(file: File) -> String {
    let mut told = Vec::new();
    let _ = file.take(MAX_HOLDER_BYTES).read_to_end(&mut told);
    text::plain(&String::from_utf8_lossy(&told), 200)
}

/// Returns `true` if the open file is the one at the path.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |about: io::Result<fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
    let locked = identity(file.metadata());
    locked.is_some() && locked == identity(fs::symlink_metadata(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_whom(held: Result<Hold, NotHeld>) -> String {
        match held {
            Err(NotHeld::ByAnother(who)) => who,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_at_a_time_and_nothing_stays() {
        let dir = tempfile::tempdir().unwrap();
        let state_file = dir.path().join("new/state.json");
        let first = hold(&state_file, "run 1a2b").unwrap();
        let who = by_whom(hold(&state_file, "run 2"));
        assert_eq!(who, format!("process {}, run 1a2b", std::process::id()));
        let beside = hold(&dir.path().join("new/other.json"), "run 3").unwrap();
        drop(first);
        let second = hold(&state_file, "run 2").unwrap();
        assert!(by_whom(hold(&state_file, "run 4")).ends_with("run 2"));
        drop((second, beside));
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_process_has_left_is_taken_and_a_link_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("state.json.lock"), "process 7, run of long ago, with a long story").unwrap();
        fs::write(at(".state.json.0123456789ab.draft"), "half").unwrap();
        let held = hold(&at("state.json"), "run 2").unwrap();
        assert_eq!(
            fs::read_to_string(at("state.json.lock")).unwrap(),
            format!("process {}, run 2", std::process::id())
        );
        assert!(!at(".state.json.0123456789ab.draft").exists());
        drop(held);
        fs::write(at("victim"), "theirs").unwrap();
        std::os::unix::fs::symlink(at("victim"), at("state.json.lock")).unwrap();
        assert!(matches!(hold(&at("state.json"), "run 3"), Err(NotHeld::Unknown(_))));
        assert_eq!(fs::read_to_string(at("victim")).unwrap(), "theirs");
    }

    /// Lets many threads hold the file in turn, each for a moment. There are never two at a time.
    #[test]
    fn there_are_never_two() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let dir = tempfile::tempdir().unwrap();
        let state_file = dir.path().join("state.json");
        let (holding, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while turns.load(Ordering::SeqCst) < 2_000 {
                        let Ok(held) = hold(&state_file, "run") else { continue };
                        assert_eq!(holding.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                        turns.fetch_add(1, Ordering::SeqCst);
                        holding.fetch_sub(1, Ordering::SeqCst);
                        drop(held);
                    }
                });
            }
        });
    }
}
