//! The reader of a git checkout. It reads git's files itself, since there may be no git program.
//!
//! A checkout may come from an untrusted pull request, so no link leads out of git's folders, no file that
//! could keep a reader waiting is opened, and a file is read up to a limit. A file that cannot be read counts
//! as not there.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use faultgate_core::files;

/// Maximum number of bytes that are read of `HEAD`, a ref, `config` and the like.
const MAX_BYTES: u64 = 1 << 20;
/// Maximum number of bytes that are read of `packed-refs`, which is enough for a repository with a million
/// tags.
const MAX_PACKED_REFS_BYTES: u64 = 128 << 20;

/// The commit that is checked out, and the URL that the repository was cloned from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    pub head: Option<String>,
    /// The URL as git has it, which may hold credentials.
    pub origin: Option<String>,
}

impl Checkout {
    /// Reads the checkout that `dir` is in. It returns `None` where `dir` is in none.
    pub fn read(dir: &Path) -> Option<Self> {
        let dir = fs::canonicalize(dir).ok()?;
        let own = Folder::at(&dir.ancestors().find_map(git_dir)?)?;
        // A worktree has a HEAD of its own, while its refs and its configuration are in the main folder.
        let common = own.small("commondir").and_then(|path| Folder::at(&own.0.join(path.trim())));
        let common = common.unwrap_or_else(|| own.clone());
        Some(Self {
            head: head(&own, &common),
            origin: common.small("config").and_then(|config| origin(&config)),
        })
    }
}

/// A folder of git's, whose path has no links in it. No link within the folder is followed out of it, since a
/// file that is elsewhere does not belong to this repository.
#[derive(Debug, Clone)]
struct Folder(PathBuf);

impl Folder {
    fn at(path: &Path) -> Option<Self> {
        Some(Self(fs::canonicalize(path).ok().filter(|path| path.is_dir())?))
    }

    /// Opens a file for at most `limit` bytes. Nothing that could keep a reader waiting, such as a pipe, is
    /// opened.
    fn open(&self, name: &str, limit: u64) -> Option<impl Read + use<>> {
        let path = fs::canonicalize(self.0.join(name)).ok()?;
        if !path.starts_with(&self.0) {
            return None;
        }
        Some(files::open(&path).ok()?.take(limit))
    }

    fn small(&self, name: &str) -> Option<String> {
        text(self.open(name, MAX_BYTES)?)
    }
}

/// Returns the `.git` of this directory, which is a directory itself, or a file that names one.
fn git_dir(dir: &Path) -> Option<PathBuf> {
    let path = dir.join(".git");
    if path.is_dir() {
        return Some(path);
    }
    let file = text(files::open(&path).ok()?.take(MAX_BYTES))?;
    let target = file.strip_prefix("gitdir:")?.trim();
    (!target.is_empty()).then(|| dir.join(target))
}

/// Returns the commit that is checked out, by a ref or directly.
fn head(own: &Folder, common: &Folder) -> Option<String> {
    let head = own.small("HEAD")?;
    let Some(name) = head.strip_prefix("ref:") else {
        return hash(&head);
    };
    // The name becomes a path below git's folder, so it must not lead out of it.
    let name = name.trim();
    let sound = name.starts_with("refs/") && name.split('/').all(|part| !part.is_empty() && part != "..");
    if !sound {
        return None;
    }
    [own, common]
        .into_iter()
        .find_map(|folder| folder.small(name))
        .and_then(|text| hash(&text))
        .or_else(|| find_packed_ref(common, name))
}

/// Looks for a ref in `packed-refs`, whose lines hold a hash and the name of a ref.
fn find_packed_ref(folder: &Folder, name: &str) -> Option<String> {
    let file = folder.open("packed-refs", MAX_PACKED_REFS_BYTES)?;
    let mut lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.find_map(|line| {
        let (commit, packed) = line.split_once(' ')?;
        (packed == name).then(|| hash(commit))?
    })
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    super::facts::is_full_commit(text).then(|| text.to_owned())
}

/// Returns the `url` in the section `[remote "origin"]` of git's configuration.
fn origin(config: &str) -> Option<String> {
    let mut here = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            let section = line.trim_start_matches('[').split(']').next().unwrap_or_default();
            let (name, subsection) = section.split_once(char::is_whitespace).unwrap_or((section, ""));
            here = name.eq_ignore_ascii_case("remote") && subsection.trim() == "\"origin\"";
        } else if here
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("url")
        {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

fn text(mut file: impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}
