//! What a git checkout says of itself, read from its files: there may be no git program.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// `HEAD`, a ref, `config` and the like.
const SMALL: u64 = 1 << 20;
/// A repository with a million tags.
const PACKED_REFS: u64 = 128 << 20;

/// The commit that is checked out, and where the repository was cloned from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    pub head: Option<String>,
    /// As git has it: it may hold credentials.
    pub origin: Option<String>,
}

impl Checkout {
    /// The checkout that `dir` is in. What cannot be read is not known.
    pub fn read(dir: &Path) -> Option<Self> {
        let dir = fs::canonicalize(dir).ok()?;
        let own = dir.ancestors().find_map(git_dir)?;
        // A worktree has its own HEAD; refs and configuration are the main one's.
        let common = match small(&own.join("commondir")) {
            Some(path) => own.join(path.trim()),
            None => own.clone(),
        };
        Some(Self {
            head: head(&own, &common),
            origin: small(&common.join("config")).and_then(|config| origin(&config)),
        })
    }
}

/// `.git` of this directory: a directory, or a file that names one.
fn git_dir(dir: &Path) -> Option<PathBuf> {
    let path = dir.join(".git");
    if path.is_dir() {
        return Some(path);
    }
    let file = small(&path)?;
    let target = file.strip_prefix("gitdir:")?.trim();
    (!target.is_empty()).then(|| dir.join(target))
}

fn head(own: &Path, common: &Path) -> Option<String> {
    let head = small(&own.join("HEAD"))?;
    let Some(name) = head.strip_prefix("ref:") else {
        return hash(&head);
    };
    let name = name.trim();
    let sound = name.starts_with("refs/") && name.split('/').all(|part| !part.is_empty() && part != "..");
    if !sound {
        return None;
    }
    [own, common]
        .into_iter()
        .find_map(|dir| small(&dir.join(name)))
        .and_then(|text| hash(&text))
        .or_else(|| packed(&common.join("packed-refs"), name))
}

/// Lines of a hash and the name of a ref.
fn packed(path: &Path, name: &str) -> Option<String> {
    let mut lines = BufReader::new(open(path, PACKED_REFS)?).lines().map_while(Result::ok);
    lines.find_map(|line| {
        let (commit, packed) = line.split_once(' ')?;
        (packed == name).then(|| hash(commit))?
    })
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    super::facts::is_full_commit(text).then(|| text.to_owned())
}

/// `url` in the section `[remote "origin"]`.
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

fn small(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    open(path, SMALL)?.read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// At most so many bytes of a file. Nothing that could keep a reader waiting is opened.
fn open(path: &Path, limit: u64) -> Option<impl Read> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    Some(File::open(path).ok()?.take(limit))
}
