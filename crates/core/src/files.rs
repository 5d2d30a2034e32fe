//! Files at paths that somebody else may have prepared: a pull request's workspace, or a folder that others
//! write to.
//!
//! Every file that a user or a CI names is opened, read and written through this module. Opening a file never
//! waits, only a regular file is read or added to, and a file is written whole in one step. A write of a
//! whole file never follows a link, so that nobody can make a run write to another place.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

/// The permissions of each file that is written. A container writes as root while the runner outside reads
/// and uploads, so everybody may read; nothing that is written holds a secret.
const MODE: u32 = 0o644;
/// The end of the name of a file that is not whole yet. It follows the name that the file will have and
/// random letters, which nobody can guess.
const DRAFT: &str = ".draft";
/// Number of random letters in the name of a draft.
const RANDOM_LETTERS: usize = 12;

/// Opens a regular file to be read. Anything else is [`ErrorKind::InvalidInput`].
pub fn open(path: &Path) -> io::Result<File> {
    open_by(path, OpenOptions::new().read(true))
}

/// Opens a regular file with the given options. Anything else is [`ErrorKind::InvalidInput`].
pub fn open_by(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // The kind is asked before the file is opened, since opening a device may already have an effect.
    regular(&fs::metadata(path)?)?;
    let file = options.custom_flags(flags(OFlags::NONBLOCK | OFlags::NOCTTY)).open(path)?;
    // Another process may have put something else in its place between the two calls.
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file that is to be locked, and creates it if it does not exist. A link at the path is not
/// followed.
pub fn open_or_make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    let file =
        options.custom_flags(flags(OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW)).open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Converts open flags to the type that the standard library takes.
fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

/// Refuses everything but a regular file. The error completes a sentence about the file and names its kind.
fn regular(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::new(ErrorKind::InvalidInput, format!("it is {what}, not a file")))
}

/// Reads the content of a regular file. A file of more than `most` bytes is [`ErrorKind::FileTooLarge`].
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than the limit is read, which tells a file that is too large from one that just fits. The
    // size that the system reports is not trusted: the file may grow meanwhile.
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let what = format!("it is larger than {} MiB", most >> 20);
        return Err(io::Error::new(ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// The crash that a file has to survive once it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// A crash of this process: whoever reads the file finds the old one or the new one. Enough for what
    /// can be made again, such as a report.
    Process,
    /// A crash of the machine as well: the new file is on the disk under its name when the write returns.
    /// Needed for what a later process must know, such as what a run has begun.
    Machine,
}

/// Puts a new file in the place of an old one, in one step: nobody sees half of it, and a link is replaced and not
/// followed. Anything else there is [`ErrorKind::InvalidInput`]. The folder is made if it is not there.
pub fn write_whole(
    path: &Path,
    survives: Survives,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // A pipe or a device is there for others, and a new file in its place would be one that nobody expects.
    if let Ok(there) = fs::symlink_metadata(path)
        && !there.is_symlink()
    {
        regular(&there)?;
    }
    let draft = draft(path, write)?;
    draft.persist(path)?;
    match survives {
        Survives::Process => {}
        Survives::Machine => settle(path),
    }
    Ok(())
}

/// Creates a new file, whole and in one step. Whatever is at the path already, even a link, stays as it is
/// and gives [`ErrorKind::AlreadyExists`].
pub fn write_new(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    draft(path, write)?.persist_noclobber(path)?;
    Ok(())
}

/// Writes a new file beside the path. It is removed again when the returned value is dropped, unless it was
/// given a name.
fn draft(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<NamedTempFile> {
    let name = path.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it names no file"))?;
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let draft = tempfile::Builder::new()
        .prefix(&beginning(name))
        .rand_bytes(RANDOM_LETTERS)
        .suffix(DRAFT)
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)?;
    let mut file = BufWriter::new(draft.as_file());
    write(&mut file)?;
    file.into_inner()?.sync_all()?;
    Ok(draft)
}

/// Syncs the folder of a file, so that the file's name survives a crash of the machine. Errors are ignored,
/// since not every file system can sync a folder.
fn settle(path: &Path) {
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
}

/// Returns the folder of a path; for a bare file name this is the current folder.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes the drafts that a killed process has left behind in a folder while it wrote files with these
/// names.
pub fn remove_drafts(folder: &Path, names: &[&OsStr]) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let draft = entry.file_name();
        let is_of = |name: &&OsStr| {
            let (draft, start) = (draft.as_encoded_bytes(), beginning(name));
            let start = start.as_encoded_bytes();
            draft.len() == start.len() + RANDOM_LETTERS + DRAFT.len()
                && draft.starts_with(start)
                && draft.ends_with(DRAFT.as_bytes())
        };
        if names.iter().any(is_of) {
            // An error is ignored: a draft that stays is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Returns the beginning of a draft's name. The leading dot hides the draft, so that nobody takes it for the
/// file or uploads it.
fn beginning(name: &OsStr) -> OsString {
    let mut beginning = OsString::from(".");
    beginning.push(name);
    beginning.push(".");
    beginning
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, content: &str) -> io::Result<()> {
        write_whole(path, Survives::Process, |file| file.write_all(content.as_bytes()))
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_link_is_replaced_and_its_target_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "theirs").unwrap();
        symlink(at("victim"), at("report")).unwrap();
        symlink(at("victim"), at("report.draft")).unwrap();
        write(&at("report"), "ours").unwrap();
        assert_eq!(fs::read_to_string(at("report")).unwrap(), "ours");
        assert!(fs::symlink_metadata(at("report")).unwrap().is_file());
        assert_eq!(fs::read_to_string(at("victim")).unwrap(), "theirs");
        assert_eq!(names(dir.path()), ["report", "report.draft", "victim"], "no draft stays");
    }

    #[test]
    fn a_new_file_takes_the_place_of_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("theirs"), "theirs").unwrap();
        symlink(at("nothing"), at("link")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        for name in ["theirs", "link", "folder"] {
            let error = write_new(&at(name), |file| file.write_all(b"ours")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}");
        }
        assert_eq!(fs::read_to_string(at("theirs")).unwrap(), "theirs");
        write_new(&at("ours"), |file| file.write_all(b"ours")).unwrap();
        assert_eq!(fs::read_to_string(at("ours")).unwrap(), "ours");
        assert_eq!(names(dir.path()), ["folder", "link", "ours", "theirs"], "no draft stays");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file_and_no_draft() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        write(&path, "old").unwrap();
        let half = |file: &mut dyn Write| {
            file.write_all(b"half").unwrap();
            Err(io::Error::other("no more"))
        };
        assert_eq!(write_whole(&path, Survives::Process, half).unwrap_err().to_string(), "no more");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        fs::create_dir_all(dir.path().join("folder/full")).unwrap();
        assert!(write(&dir.path().join("folder"), "new").is_err());
        assert_eq!(names(dir.path()), ["folder", "report"]);
        assert!(write(Path::new("/"), "new").is_err());
    }

    #[test]
    fn drafts_of_processes_that_were_killed_go_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let kept = [".report.draft", ".report.0123456789a.draft", "report.0123456789ab.draft", "report"];
        for name in [".report.0123456789ab.draft"].iter().chain(&kept) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        remove_drafts(dir.path(), &["other".as_ref(), "report".as_ref()]);
        let mut kept = kept.map(OsString::from);
        kept.sort();
        assert_eq!(names(dir.path()), kept);
        remove_drafts(&dir.path().join("not there"), &["report".as_ref()]);
    }

    /// A call that waits for the pipe's other end would never return, and the test would never end.
    #[test]
    fn nothing_but_a_file_is_opened_and_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        symlink(at("pipe"), at("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let device = Path::new("/dev/null").to_owned();
        for (path, what) in [
            (at("pipe"), "a pipe"),
            (at("link"), "a pipe"),
            (at("socket"), "a socket"),
            (at("."), "a folder"),
            (device, "a device"),
        ] {
            for error in
                [read(&path, 1).unwrap_err(), open_by(&path, OpenOptions::new().append(true)).unwrap_err()]
            {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                assert_eq!(error.to_string(), format!("it is {what}, not a file"));
            }
        }
        for name in ["pipe", "socket", "."] {
            assert_eq!(write(&at(name), "ours").unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        }
        assert!(fs::symlink_metadata(at("pipe")).unwrap().file_type().is_fifo());
        assert_eq!(names(dir.path()), ["link", "pipe", "socket"], "no draft stays");
        assert!(open_or_make(&at("pipe")).is_err());
        assert!(open_or_make(&at("link")).is_err());
        fs::write(at("file"), "1234").unwrap();
        assert_eq!(read(&at("file"), 4).unwrap(), b"1234");
        assert_eq!(read(&at("file"), 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
