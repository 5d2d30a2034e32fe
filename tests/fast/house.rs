//! The house itself: how comments begin, what types are called, how long files are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Words with which no comment begins: a comment says what a thing is, or why a line is there, in a sentence of its own.
const RIDDLES: &[&str] = &[
    // Pronouns.
    "he",
    "his",
    "it",
    "its",
    "ours",
    "she",
    "that",
    "their",
    "theirs",
    "them",
    "these",
    "they",
    "this",
    "those",
    // Prepositions.
    "against",
    "among",
    "as",
    "at",
    "behind",
    "beside",
    "besides",
    "between",
    "by",
    "for",
    "from",
    "in",
    "into",
    "of",
    "on",
    "onto",
    "over",
    "through",
    "to",
    "under",
    "until",
    "with",
    "within",
    "without",
    // Question words.
    "how",
    "what",
    "whatever",
    "when",
    "where",
    "whether",
    "which",
    "who",
    "whoever",
    "whom",
    "whose",
    "why",
    // Fragments of another sentence.
    "also",
    "likewise",
    "otherwise",
    "same",
    "so",
];

const MAX_FILE_LINES: usize = 400;

/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Type names that more than one crate defines, each with its reason.
const SHARED_NAMES: &[(&str, &str)] = &[];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of the project, with paths from its top.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["src", "crates", "tests", "benches"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 400, "only {} files were found", found.len());
    found.sort();
    found
}

/// The kind of comment that a line is, and its text.
fn comment(line: &str) -> Option<(&'static str, &str)> {
    let line = line.trim();
    ["///", "//!", "//"].into_iter().find_map(|mark| Some((mark, line.strip_prefix(mark)?.trim())))
}

#[test]
fn no_comment_begins_in_the_middle_of_a_thought() {
    let mut riddles = Vec::new();
    for (name, text) in sources() {
        let mut above = None;
        for (number, line) in text.lines().enumerate() {
            let comment = comment(line);
            let kind = comment.map(|(kind, _)| kind);
            if let Some((_, text)) = comment.filter(|_| kind != above) {
                let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
                if RIDDLES.contains(&word.to_ascii_lowercase().as_str()) {
                    riddles.push(format!("{name}:{}: {text}", number + 1));
                }
            }
            above = kind;
        }
    }
    assert!(riddles.is_empty(), "begin with the thing itself, or with a verb:\n{}", riddles.join("\n"));
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let exceptions: BTreeSet<_> = LONG_FILES.iter().map(|(name, _)| *name).collect();
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(name, lines)| *lines > MAX_FILE_LINES && !exceptions.contains(name.as_str()))
        .collect();
    assert!(long.is_empty(), "split them by subject: {long:?}");
}

#[test]
fn a_type_name_means_one_thing_in_all_crates() {
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in sources() {
        let Some(owner) = owner(Path::new(&name)) else { continue };
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for line in product.lines() {
            if let Some(defined) = defined_type(line) {
                owners.entry(defined.to_owned()).or_default().insert(owner.clone());
            }
        }
    }
    assert!(owners.len() > 300, "only {} types were found", owners.len());
    for (name, _) in SHARED_NAMES {
        assert!(owners.get(*name).is_some_and(|owners| owners.len() > 1), "{name} is no exception any more");
    }
    let exceptions: BTreeSet<_> = SHARED_NAMES.iter().map(|(name, _)| *name).collect();
    let shared: Vec<_> = owners
        .iter()
        .filter(|(name, owners)| owners.len() > 1 && !exceptions.contains(name.as_str()))
        .map(|(name, owners)| format!("{name}: {}", owners.iter().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    assert!(shared.is_empty(), "give each a name of its own:\n{}", shared.join("\n"));
}

/// The crate that a product file belongs to. `None` for tests.
fn owner(path: &Path) -> Option<String> {
    let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    let file = parts.last()?;
    let is_test = parts.contains(&"tests") || file.ends_with("tests.rs") || parts.contains(&"testkit");
    match parts.as_slice() {
        _ if is_test => None,
        ["crates", name, ..] => Some((*name).to_owned()),
        ["src", ..] => Some("faultgate".to_owned()),
        _ => None,
    }
}

/// The name of the type that a line begins to define, at any visibility.
fn defined_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ").or_else(|| {
        let rest = line.strip_prefix("pub(")?;
        rest.split_once(") ").map(|(_, rest)| rest)
    });
    let rest = rest.unwrap_or(line);
    let name = ["struct ", "enum ", "trait ", "type "].iter().find_map(|word| rest.strip_prefix(word))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

#[test]
fn what_defines_a_type_is_recognised() {
    for (line, name) in [
        ("pub struct Place {", Some("Place")),
        ("pub(super) enum Kind<'a> {", Some("Kind")),
        ("pub(in crate::suite) trait Reader: Debug {", Some("Reader")),
        ("type Refusal = (String, String);", Some("Refusal")),
        ("    struct Inner;", None),
        ("// struct Gone", None),
    ] {
        assert_eq!(defined_type(line), name, "{line}");
    }
}

/// Pages that name files of the code.
const PAGES: [&str; 3] = ["docs/architecture.md", "docs/guarantees.md", "CONTRIBUTING.md"];

#[test]
fn the_files_that_pages_name_are_there() {
    let mut named = 0;
    let mut missing = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = quoted.contains('/') && !quoted.contains([' ', ':', '<', '*', '@', '$', '"']);
            if !is_path || quoted.starts_with('/') || quoted.starts_with("--") {
                continue;
            }
            for path in expand(quoted) {
                named += 1;
                if !places(&path).iter().any(|place| root().join(place).exists()) {
                    missing.push(format!("{page}: {path}"));
                }
            }
        }
    }
    assert!(named > 60, "only {named} files were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The paths that a path with alternatives in braces stands for.
fn expand(path: &str) -> Vec<String> {
    match (path.find('{'), path.find('}')) {
        (Some(open), Some(close)) => {
            let (before, after) = (&path[..open], &path[close + 1..]);
            path[open + 1..close].split(',').map(|choice| format!("{before}{choice}{after}")).collect()
        }
        _ => vec![path.to_owned()],
    }
}

/// The places where a path may lead: from the top, in the crate that it begins with, or in the binary's crate.
fn places(path: &str) -> Vec<String> {
    let in_crate = path.split_once('/').map(|(owner, rest)| format!("crates/{owner}/src/{rest}"));
    [
        path.to_owned(),
        format!("src/{path}"),
        format!("crates/engines/src/{path}"),
        format!("tests/fast/{path}"),
    ]
    .into_iter()
    .chain(in_crate)
    .collect()
}

#[test]
fn every_file_is_a_module_of_another() {
    let sources = sources();
    let declared: Vec<(&str, BTreeSet<&str>)> =
        sources.iter().map(|(path, text)| (path.as_str(), declared_modules(text))).collect();
    let lost: Vec<_> = sources
        .iter()
        .map(|(name, _)| name)
        .filter(|name| {
            let (folder, file) = name.rsplit_once('/').unwrap();
            let stem = file.strip_suffix(".rs").unwrap();
            let is_root = ["lib", "main", "gate"].contains(&stem);
            // The face of a folder is declared one level up.
            let (folder, module) = match (stem, folder.rsplit_once('/')) {
                ("mod", Some((above, module))) => (above, module),
                _ => (folder, stem),
            };
            let (within, beside) = (format!("{folder}/"), format!("{folder}.rs"));
            let is_parent = |(path, modules): &(&str, BTreeSet<&str>)| {
                (path.starts_with(&within) || *path == beside)
                    && (modules.contains(module) || modules.contains(file))
            };
            !is_root && !declared.iter().any(is_parent)
        })
        .collect();
    assert!(lost.is_empty(), "no other file has them as modules: {lost:?}");
}

/// The modules that a file declares as files of their own, by their names, and by their files where it names them.
fn declared_modules(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter_map(|line| {
            let path = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]"));
            path.or_else(|| line.split_once("mod ")?.1.strip_suffix(';'))
        })
        .collect()
}
