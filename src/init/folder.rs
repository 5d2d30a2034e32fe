//! The writing of the files: all of them or none, and only where nothing is.
//!
//! No file of the user's is written over and no link is followed, even if somebody else writes at the same
//! time. After a failure everything that was made is removed again, and a file that could not be removed is
//! named.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::new_file::NewFile;
use faultgate_core::files;

/// The reason why nothing was written.
#[derive(Debug)]
pub(super) enum NotWritten {
    /// Files, links or other things are in the way, which are named here.
    Exists(Vec<String>),
    /// A file could not be made. `left` names the files that were made and could not be removed again.
    Io { problem: String, left: Vec<String> },
}

/// Writes the files below `dir`. After a failure none of them is there, unless the failure names it.
pub(super) fn write_files(dir: &Path, files: &[NewFile]) -> Result<(), NotWritten> {
    // All obstacles are looked for before anything is made, so that they are told at once.
    let mut in_the_way: Vec<String> = files.iter().flat_map(|file| find_obstacles(dir, file)).collect();
    in_the_way.sort();
    in_the_way.dedup();
    if !in_the_way.is_empty() {
        return Err(NotWritten::Exists(in_the_way));
    }
    let mut made = Made::default();
    for file in files {
        if let Err(error) = made.file(dir, file) {
            let left = made.take_back();
            // Somebody else has made the file since the first look.
            if error.kind() == ErrorKind::AlreadyExists && left.is_empty() {
                return Err(NotWritten::Exists(vec![file.path.to_owned()]));
            }
            return Err(NotWritten::Io { problem: format!("{}: {error}", file.path), left });
        }
    }
    Ok(())
}

/// Returns what is in the way of a file. A link counts, wherever it leads, and so does something else in the
/// place of a folder.
fn find_obstacles(dir: &Path, file: &NewFile) -> Vec<String> {
    let metadata = |name: &Path| fs::symlink_metadata(dir.join(name)).ok();
    let folders = list_folders(file.path).filter_map(|folder| {
        let found = metadata(folder)?;
        let what = if found.is_symlink() { "a link" } else { "no folder" };
        (!found.is_dir()).then(|| format!("{} is {what}", folder.display()))
    });
    let obstacles: Vec<String> = folders.collect();
    if !obstacles.is_empty() {
        return obstacles;
    }
    let names = [file.path].into_iter().chain(file.rivals.iter().copied());
    names.filter(|name| metadata(Path::new(name)).is_some()).map(str::to_owned).collect()
}

/// Returns the folders above a path, the highest one first.
fn list_folders(path: &str) -> impl Iterator<Item = &Path> {
    let mut folders: Vec<&Path> =
        Path::new(path).ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).collect();
    folders.reverse();
    folders.into_iter()
}

/// The folders and files that were made so far.
#[derive(Default)]
struct Made {
    folders: Vec<PathBuf>,
    /// The files, with the names by which messages name them.
    files: Vec<(PathBuf, &'static str)>,
}

impl Made {
    /// Makes a file and the folders above it that are not there yet.
    fn file(&mut self, dir: &Path, file: &NewFile) -> io::Result<()> {
        for folder in list_folders(file.path) {
            let folder = dir.join(folder);
            match fs::create_dir(&folder) {
                Ok(()) => self.folders.push(folder),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    // A link to a folder is no folder here, since it may lead out of the repository.
                    if !fs::symlink_metadata(&folder)?.is_dir() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let path = dir.join(file.path);
        files::write_new(&path, |to| to.write_all(file.content.as_bytes()))?;
        self.files.push((path, file.path));
        Ok(())
    }

    /// Removes the files and folders that were made, and returns the names of the files that could not be
    /// removed.
    fn take_back(self) -> Vec<String> {
        let failed =
            |(path, name): (PathBuf, &'static str)| fs::remove_file(path).is_err().then(|| name.to_owned());
        let left = self.files.into_iter().filter_map(failed).collect();
        for folder in self.folders.into_iter().rev() {
            // The error is swallowed, since somebody else may have put something into the folder.
            let _ = fs::remove_dir(folder);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn two() -> [NewFile; 2] {
        [
            NewFile::new("a/b/one", "1".to_owned()),
            NewFile { rivals: &["two", "too"], ..NewFile::new("two", "2".to_owned()) },
        ]
    }

    fn in_the_way(dir: &Path) -> Vec<String> {
        match write_files(dir, &two()) {
            Err(NotWritten::Exists(names)) => names,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_are_written_once_and_never_again() {
        let dir = tempfile::tempdir().unwrap();
        write_files(dir.path(), &two()).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("a/b/one")).unwrap(), "1");
        assert_eq!(fs::read_to_string(dir.path().join("two")).unwrap(), "2");
        fs::write(dir.path().join("two"), "mine").unwrap();
        assert_eq!(in_the_way(dir.path()), ["a/b/one", "two"]);
        assert_eq!(fs::read_to_string(dir.path().join("two")).unwrap(), "mine");
    }

    #[test]
    fn one_that_is_there_keeps_all_from_being_written() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("too"), "").unwrap();
        assert_eq!(in_the_way(dir.path()), ["too"]);
        assert!(!dir.path().join("a").exists() && !dir.path().join("two").exists());
    }

    #[test]
    fn no_link_is_followed() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(elsewhere.path(), dir.path().join("a")).unwrap();
        symlink(elsewhere.path().join("nothing"), dir.path().join("two")).unwrap();
        assert_eq!(in_the_way(dir.path()), ["a is a link", "two"]);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_made_before_a_failure_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        // The name is longer than any file system takes.
        let long: &'static str = Box::leak("x".repeat(300).into_boxed_str());
        let [one, _] = two();
        let failure = write_files(dir.path(), &[one, NewFile::new(long, String::new())]).unwrap_err();
        assert!(matches!(failure, NotWritten::Io { ref left, .. } if left.is_empty()), "{failure:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn who_is_slower_writes_over_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut made = Made::default();
        let [one, two] = two();
        made.file(dir.path(), &one).unwrap();
        fs::write(dir.path().join("two"), "theirs").unwrap();
        assert_eq!(made.file(dir.path(), &two).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(made.take_back().is_empty());
        assert_eq!(fs::read_to_string(dir.path().join("two")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
