//! One process at a time goes on with a state file: it holds a lock as long as it lives, however it ends. The lock is on
//! a file of its own, since the state file is replaced with every change.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use faultgate_core::{files, text};

/// Behind the name of the state file.
const LOCK: &str = ".lock";
/// Others come in between only a few times.
const TRIES: u32 = 1_000;
/// Who holds it, in words.
const LONGEST: u64 = 200;

/// The state file is this process's. It is given back when this is dropped.
#[derive(Debug)]
pub struct Hold {
    path: PathBuf,
    /// Locked. The system unlocks it when the process is gone.
    _file: File,
}

#[derive(Debug)]
pub enum NotHeld {
    /// Another process lives that holds it: who, in words.
    ByAnother(String),
    /// Nobody can know, since there can be no lock.
    Unknown(io::Error),
}

/// Takes a state file for this process. `who` tells others what it does.
pub fn hold(state_file: &Path, who: &str) -> Result<Hold, NotHeld> {
    let folder = files::folder_of(state_file);
    fs::create_dir_all(folder).map_err(NotHeld::Unknown)?;
    let mut path = state_file.as_os_str().to_owned();
    path.push(LOCK);
    let path = PathBuf::from(path);
    for _ in 0..TRIES {
        let mut file = files::open_or_make(&path).map_err(NotHeld::Unknown)?;
        // What is written to it would be written there too.
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
        // Who held it before may have removed it in between: then it is locked, and nobody else would find it.
        if !is_at(&file, &path) {
            continue;
        }
        // Only for people: the lock holds without it.
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
        // It is still locked, so whoever opens it now sees that it is gone when they have it.
        let _ = fs::remove_file(&self.path);
    }
}

fn holder(file: File) -> String {
    let mut told = Vec::new();
    let _ = file.take(LONGEST).read_to_end(&mut told);
    text::plain(&String::from_utf8_lossy(&told), 200)
}

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

    /// Many at once, each for a moment: never two.
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
