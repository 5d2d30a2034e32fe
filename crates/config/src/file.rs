//! The suite file as it lies on disk: found, read, parsed, its variables replaced. What it means is not judged here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use ::config::{FileFormat, Format, Value, ValueKind};

use super::interpolate::interpolate;
use super::tree;
use super::tree::{Content, Node};
use super::unique::UniqueKeys;
use super::veil;
use super::yaml::{self, Fault};
use faultgate_core::environment::Environment;
use faultgate_core::files;
use faultgate_core::mistake::FilePlace;
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::quoted;
use faultgate_core::text::plain;

/// Looked for in the working directory.
pub const SUITE_NAMES: [&str; 4] =
    [".faultgate.yml", ".faultgate.yaml", ".faultgate.toml", ".faultgate.json"];

/// A suite larger than this is a wrong file.
const MAX_BYTES: u64 = 1 << 20;

/// The same in characters, with aliases written out.
const MOST: usize = 1 << 20;

/// How keys at the top begin that hold what aliases stand for, and nothing else.
pub(super) const HOLDER: &str = "x-";

/// A table of the file.
pub(super) type Table = HashMap<String, Value>;

/// The file's content.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Its path as the user knows it.
    pub(super) origin: String,
    pub(super) root: Table,
    /// What stands in the file, by key path, where variables were replaced: their content is not ours to show.
    pub(super) written: BTreeMap<String, String>,
    /// Key paths of strings whose variables could not be replaced. The mistake has been told.
    pub(super) broken: BTreeSet<String>,
    /// What variables hold and nobody may be told.
    pub(super) hidden: BTreeSet<String>,
    /// Where everything stands.
    tree: Option<Rc<Node>>,
}

impl Document {
    /// Where the key at this path stands; of what is missing, where it should stand.
    pub(super) fn key_at(&self, path: &str) -> Option<FilePlace> {
        Some(self.tree.as_ref()?.key_at(path).in_file(&self.origin))
    }

    /// Where its value begins.
    pub(super) fn value_at(&self, path: &str) -> Option<FilePlace> {
        Some(self.tree.as_ref()?.value_at(path).in_file(&self.origin))
    }
}

/// Reads the file that `named` (a path and where it was named) says, else the default one if there is one.
/// `Ok(None)`: there is no suite file.
pub(super) fn load(
    named: Option<(&str, &str)>,
    dir: &Path,
    env: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> Result<Option<Document>, ()> {
    let (name, origin) = match named {
        Some((name, origin)) => (name, origin),
        None => match default_name(dir) {
            Ok(Some(name)) => (name, name),
            Ok(None) => return Ok(None),
            Err(mistake) => return refuse(mistake, mistakes),
        },
    };
    let refused = |what: &str| Mistake::new(origin, format!("config: suite file {} {what}", quoted(name)));
    let text = match read(&dir.join(name)) {
        Ok(text) => text,
        Err((what, hint)) => return refuse(refused(&what).hint(hint), mistakes),
    };
    match parse(name, &text) {
        Ok((mut root, tree)) => {
            root.retain(|key, _| !key.starts_with(HOLDER));
            Ok(Some(replaced(
                Document { origin: name.to_owned(), tree, ..Document::default() },
                root,
                env,
                mistakes,
            )))
        }
        Err(faults) => {
            let faults = faults.into_iter().map(|fault| {
                let place = fault.mark.map(|mark| mark.in_file(name));
                refused(&fault.what).hint(fault.hint).at(place)
            });
            mistakes.extend(faults);
            Err(())
        }
    }
}

fn refuse<T>(mistake: Mistake, mistakes: &mut Vec<Mistake>) -> Result<T, ()> {
    mistakes.push(mistake);
    Err(())
}

fn default_name(dir: &Path) -> Result<Option<&'static str>, Mistake> {
    // A dangling link counts as there: ignoring it would ignore the suite.
    let mut there = SUITE_NAMES.into_iter().filter(|name| fs::symlink_metadata(dir.join(name)).is_ok());
    match (there.next(), there.next()) {
        (Some(one), Some(other)) => {
            Err(Mistake::new(format!("{one} and {other}"), "config: there are two suite files")
                .hint("remove one, or name one with --config or FAULTGATE_CONFIG"))
        }
        (one, _) => Ok(one),
    }
}

/// What is wrong with the file, and what to do.
pub(crate) type Refusal = (String, String);

fn refusal(what: impl Into<String>, hint: impl Into<String>) -> Refusal {
    (what.into(), hint.into())
}

fn read(path: &Path) -> Result<String, Refusal> {
    let bytes = bytes(path, MAX_BYTES, "name a YAML, TOML or JSON file")?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].split(|b| *b == b'\n').count();
        refusal(format!("is not valid UTF-8 at line {line}"), "write the file in UTF-8")
    })
}

/// The content of a file that a setting names, if it is one of at most so many bytes. `else_name` is the hint for
/// anything else.
pub fn bytes(path: &Path, most: u64, else_name: &str) -> Result<Vec<u8>, Refusal> {
    files::read(path, most).map_err(|error| match error.kind() {
        ErrorKind::NotFound => refusal("is not there", "check the path, or remove the setting"),
        ErrorKind::InvalidInput => refusal("is not a file", else_name),
        ErrorKind::FileTooLarge => refusal(format!("is larger than {} MiB", most >> 20), else_name),
        _ => refusal(format!("cannot be read: {error}"), "make it readable, or name another file"),
    })
}

/// The content of a file, and where everything in it stands as far as that is known; or all that is wrong with it.
fn parse(name: &str, text: &str) -> Result<(Table, Option<Rc<Node>>), Vec<Fault>> {
    let extension = Path::new(name).extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A hidden file such as `.json` has no extension to Path, and no format to us.
    match extension.as_deref() {
        Some("yml" | "yaml") => of_yaml(name, text),
        Some("toml") => Ok((by_config(FileFormat::Toml, name, text)?, None)),
        Some("json") => {
            let root = by_config(FileFormat::Json, name, text)?;
            if let Err(error) = serde_json::from_str::<UniqueKeys>(text) {
                let what = format!("does not parse: it {}", told(&error.to_string()));
                return Err(vec![Fault { what, hint: "write each key once", mark: None }]);
            }
            // JSON is YAML as well.
            Ok((root, yaml::parse(text, MOST).ok()))
        }
        _ => Err(vec![Fault {
            what: "has no known extension".to_owned(),
            hint: "name a file that ends in .yml, .yaml, .toml or .json",
            mark: None,
        }]),
    }
}

fn of_yaml(name: &str, text: &str) -> Result<(Table, Option<Rc<Node>>), Vec<Fault>> {
    let root = yaml::parse(text, MOST)?;
    let Content::Table(entries) = &root.content else {
        let what = "does not parse: it is not a table of keys at its top".to_owned();
        return Err(vec![Fault { what, hint: "begin it with version: 1", mark: Some(root.mark) }]);
    };
    let table = tree::table(entries, name);
    Ok((table, Some(root)))
}

fn by_config(format: FileFormat, name: &str, text: &str) -> Result<Table, Vec<Fault>> {
    format.parse(Some(&name.to_owned()), text).map_err(|error| {
        let what = format!("does not parse: {}", told(&error.to_string()));
        vec![Fault { what, hint: "correct the file", mark: None }]
    })
}

/// A parser's error on one line, without the excerpt of the file that some parsers draw.
fn told(error: &str) -> String {
    let mut lines = error.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or("no reason given");
    match lines.next_back() {
        Some(last) => plain(&format!("{first}: {last}"), 200),
        None => plain(first, 200),
    }
}

/// The document with the variables of every string replaced.
fn replaced(mut document: Document, root: Table, env: &Environment, mistakes: &mut Vec<Mistake>) -> Document {
    let mut root = Value::new(Some(&document.origin), root);
    walk(&mut root, "", &mut |text, path| match interpolate(text, env) {
        Ok(None) => {}
        Ok(Some(new)) => {
            for (variable, value) in new.variables {
                veil::add(&mut document.hidden, variable, value, path, env);
            }
            let new = new.text;
            document.written.insert(path.to_owned(), std::mem::replace(text, new));
        }
        Err(failure) => {
            document.broken.insert(path.to_owned());
            let what = format!("{}: {}", plain(path, 120), failure.message);
            let mistake = Mistake::new(&document.origin, what).hint(failure.hint);
            mistakes.push(mistake.at(document.value_at(path)));
        }
    });
    if let ValueKind::Table(table) = root.kind {
        document.root = table;
    }
    document
}

/// Every string of a tree with its key path, keys in their order.
fn walk(value: &mut Value, path: &str, visit: &mut dyn FnMut(&mut String, &str)) {
    match &mut value.kind {
        ValueKind::String(text) => visit(text, path),
        ValueKind::Table(table) => {
            let mut entries: Vec<_> = table.iter_mut().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            for (key, value) in entries {
                walk(value, &below(path, key), visit);
            }
        }
        ValueKind::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{place}]"), visit);
            }
        }
        _ => {}
    }
}

/// The key path of `key` in the table at `path`.
pub(super) fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, content: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), content).unwrap();
        let mut mistakes = Vec::new();
        let env = Environment::default();
        assert!(load(Some((name, "--config")), dir.path(), &env, &mut mistakes).is_err());
        assert_eq!(mistakes.len(), 1);
        mistakes[0].to_string()
    }

    #[test]
    fn what_does_not_parse_is_told_with_its_line() {
        for (name, content) in [
            ("s.yml", "version: 1\nx: [1\ny: 2\n"),
            ("s.toml", "version = 1\nx = [1\ny = 2\n"),
            ("s.json", "{\"version\": 1,\n\"x\": [1\n}"),
        ] {
            let shown = refused(name, content.as_bytes());
            assert!(
                shown.contains("does not parse") && shown.contains("line ") && shown.contains("--config"),
                "{shown}"
            );
        }
    }

    #[test]
    fn variables_without_quotes_in_braces_are_a_slip_with_a_hint() {
        let shown = refused("s.yml", b"version: 1\nexperiments: [{ fis: { template: ${ID} } }]");
        assert!(shown.contains("put ${…} in quotes"), "{shown}");
    }

    #[test]
    fn unfit_files_are_mistakes() {
        for (name, content, want) in [
            ("s.yml", &b"version: 1\nx: \xff"[..], "is not valid UTF-8 at line 2"),
            ("s.ini", b"version=1", "has no known extension"),
            ("s.yml", b"- 1\n- 2", "does not parse"),
            ("s.yml", b"a: 1\n---\nb: 2", "does not parse"),
            ("s.yml", b"a: 1\na: 2", "does not parse"),
            ("s.json", b"[]", "does not parse"),
            ("s.yml", "[".repeat(100_000).as_bytes(), "nested too deeply"),
            ("s.yml", "- ".repeat(100_000).as_bytes(), "nested too deeply"),
            ("s.yml", "a: &x ".repeat(100_000).as_bytes(), "does not parse"),
            ("s.json", "[".repeat(100_000).as_bytes(), "does not parse"),
            ("s.toml", format!("a={}", "[".repeat(100_000)).as_bytes(), "does not parse"),
            ("s.yml", &vec![b'#'; 2 << 20], "larger than 1 MiB"),
        ] {
            let shown = refused(name, content);
            assert!(shown.contains(want), "{want}: {shown}");
        }
    }

    #[test]
    fn directories_and_missing_files_are_mistakes() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d.yml")).unwrap();
        let env = Environment::default();
        for (name, want) in [("d.yml", "is not a file"), ("none.yml", "is not there")] {
            let mut mistakes = Vec::new();
            assert!(load(Some((name, "FAULTGATE_CONFIG")), dir.path(), &env, &mut mistakes).is_err());
            let shown = mistakes[0].to_string();
            assert!(shown.contains(want) && shown.contains("FAULTGATE_CONFIG"), "{shown}");
        }
    }

    #[test]
    fn one_default_file_is_found_and_two_are_a_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let env = Environment::default();
        let mut mistakes = Vec::new();
        assert!(load(None, dir.path(), &env, &mut mistakes).unwrap().is_none());
        fs::write(dir.path().join(".faultgate.toml"), "version = 1").unwrap();
        let found = load(None, dir.path(), &env, &mut mistakes).unwrap().unwrap();
        assert_eq!(found.origin, ".faultgate.toml");
        assert!(mistakes.is_empty());
        fs::write(dir.path().join(".faultgate.yml"), "version: 1").unwrap();
        assert!(load(None, dir.path(), &env, &mut mistakes).is_err());
        assert!(mistakes[0].to_string().contains(".faultgate.yml and .faultgate.toml"));
    }

    #[test]
    fn variables_are_replaced_at_every_depth() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("s.yml"), "a: { b: ['${X}', '${Y}'] }").unwrap();
        let env = Environment::from_pairs([("X", "one")]);
        let mut mistakes = Vec::new();
        let document = load(Some(("s.yml", "--config")), dir.path(), &env, &mut mistakes).unwrap().unwrap();
        assert_eq!(document.written["a.b[0]"], "${X}");
        assert!(document.broken.contains("a.b[1]"));
        assert_eq!(
            mistakes[0].to_string(),
            "a.b[1]: ${Y} is not set (from s.yml:1:18); set the variable Y, or write ${Y:-default}"
        );
    }
}
