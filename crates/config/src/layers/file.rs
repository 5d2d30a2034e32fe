//! The suite file as it lies on disk: it is found, read and parsed here, and its variables are replaced.
//!
//! The meaning of its keys is judged in `suite`. Everything in a file has a limit (bytes, depth, aliases),
//! since the file of a pull request may come from anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use ::config::{FileFormat, Format, Value, ValueKind};
use faultgate_core::environment::Environment;
use faultgate_core::files;
use faultgate_core::mistake::{FilePlace, Mistake, Problem, quote};
use faultgate_core::text::plain;

use crate::layers::interpolate::interpolate;
use crate::layers::tree;
use crate::layers::tree::{Content, Node, Table};
use crate::layers::unique::UniqueKeys;
use crate::layers::yaml::{self, YamlFault};
use crate::secrets::veil;

/// Names by which a suite file is found in the working directory, in this order.
pub const SUITE_NAMES: [&str; 4] =
    [".faultgate.yml", ".faultgate.yaml", ".faultgate.toml", ".faultgate.json"];

/// Directory in which a suite file is looked for.
pub const SUITE_DIR: &str = ".";

/// Limit of a suite file, in bytes. A larger file is a wrong one.
const MAX_BYTES: u64 = 1 << 20;

/// Limit of a suite file with its aliases written out, in characters.
const MAX_WRITTEN_OUT_CHARS: usize = 1 << 20;

/// Prefix of keys at the top of the file that hold nothing but values for aliases to refer to.
pub(crate) const HOLDER: &str = "x-";

/// The content of a suite file.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Path of the file as the user knows it.
    pub(crate) origin: String,
    pub(crate) root: Table,
    /// The text in the file, by key path, of each string in which variables were replaced. Messages show this
    /// text, since the content of the variables may be secret.
    pub(crate) written: BTreeMap<String, String>,
    /// Key paths of strings whose variables could not be replaced. Each mistake has been told already.
    pub(crate) broken: BTreeSet<String>,
    /// Contents of variables that must be shown to nobody.
    pub(crate) hidden: BTreeSet<String>,
    /// The places of everything in the file; `None` for TOML, whose parser does not tell them.
    tree: Option<Rc<Node>>,
}

impl Document {
    /// The place of the key at this path. If the key is missing, the place where it belongs.
    pub(crate) fn key_at(&self, path: &str) -> Option<FilePlace> {
        Some(self.tree.as_ref()?.key_at(path).in_file(&self.origin))
    }

    /// The value at this path, whose keys hold neither dots nor brackets.
    pub(crate) fn find(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once(['.', '[']).unwrap_or((path, ""));
        rest.split(['.', '[']).filter(|step| !step.is_empty()).try_fold(
            self.root.get(first)?,
            |value, step| match &value.kind {
                ValueKind::Table(table) => table.get(step),
                ValueKind::Array(items) => items.get(step.strip_suffix(']')?.parse::<usize>().ok()?),
                _ => None,
            },
        )
    }

    /// `true` if variables in the text, or in the list of texts, at this path could not be replaced.
    pub(crate) fn breaks(&self, path: &str) -> bool {
        let is_item = |broken: &str| broken.strip_prefix(path).is_some_and(|rest| rest.starts_with('['));
        self.broken.iter().any(|broken| broken == path || is_item(broken))
    }

    /// The place where the value at this path begins.
    pub(crate) fn value_at(&self, path: &str) -> Option<FilePlace> {
        Some(self.tree.as_ref()?.value_at(path).in_file(&self.origin))
    }
}

/// Reads the suite file that `named` says (its path, and the origin of that setting), or else the default
/// one.
///
/// Returns `Ok(None)` if no file is named and there is no default one.
///
/// # Errors
///
/// The mistakes have been added to `mistakes`.
pub(crate) fn load(
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
    let refused = |what: &str| Mistake::new(origin, format!("config: suite file {} {what}", quote(name)));
    let text = match read(&dir.join(name)) {
        Ok(text) => text,
        Err(problem) => return refuse(refused(&problem.what).maybe_hint(problem.hint), mistakes),
    };
    match parse(name, &text) {
        Ok((mut root, tree)) => {
            // Aliases are written out by now, so the keys that held their values have done their work.
            root.retain(|key, _| !key.starts_with(HOLDER));
            Ok(Some(replace_variables(
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
    // A dangling link counts as a file: if it were passed over, the suite would be ignored silently.
    let mut found = SUITE_NAMES.into_iter().filter(|name| fs::symlink_metadata(dir.join(name)).is_ok());
    match (found.next(), found.next()) {
        (Some(one), Some(other)) => {
            Err(Mistake::new(format!("{one} and {other}"), "config: there are two suite files")
                .hint("remove one, or name one with --config or FAULTGATE_CONFIG"))
        }
        (one, _) => Ok(one),
    }
}

fn read(path: &Path) -> Result<String, Problem> {
    let bytes = bytes(path, MAX_BYTES, "name a YAML, TOML or JSON file")?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].split(|b| *b == b'\n').count();
        Problem::new(format!("is not valid UTF-8 at line {line}")).hint("write the file in UTF-8")
    })
}

/// The content of a file that a setting names, of at most `most` bytes. The hint `else_name` is for a path
/// that leads to something else.
pub fn bytes(path: &Path, most: u64, else_name: &str) -> Result<Vec<u8>, Problem> {
    files::read(path, most).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Problem::new("is not there").hint("check the path, or remove the setting"),
        ErrorKind::InvalidInput => Problem::new("is not a file").hint(else_name),
        ErrorKind::FileTooLarge => Problem::new(format!("is larger than {} MiB", most >> 20)).hint(else_name),
        _ => Problem::new(format!("cannot be read: {error}")).hint("make it readable, or name another file"),
    })
}

/// The content of a file and, where the format tells it, the places of everything in it.
///
/// # Errors
///
/// All the faults that the parser found.
fn parse(name: &str, text: &str) -> Result<(Table, Option<Rc<Node>>), Vec<YamlFault>> {
    let extension = Path::new(name).extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    // Editors on Windows put a byte order mark at the beginning.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A hidden file such as `.json` has no extension for `Path`, so its format is not known.
    match extension.as_deref() {
        Some("yml" | "yaml") => of_yaml(name, text),
        Some("toml") => Ok((by_config(FileFormat::Toml, name, text)?, None)),
        Some("json") => {
            let root = by_config(FileFormat::Json, name, text)?;
            // The parser of `config` takes the last of two equal keys without a word.
            if let Err(error) = serde_json::from_str::<UniqueKeys>(text) {
                let what = format!("does not parse: it {}", shorten_error(&error.to_string()));
                return Err(vec![YamlFault { what, hint: "write each key once", mark: None }]);
            }
            // JSON is YAML as well, and the YAML parser tells the places.
            Ok((root, yaml::parse(text, MAX_WRITTEN_OUT_CHARS).ok()))
        }
        _ => Err(vec![YamlFault {
            what: "has no known extension".to_owned(),
            hint: "name a file that ends in .yml, .yaml, .toml or .json",
            mark: None,
        }]),
    }
}

fn of_yaml(name: &str, text: &str) -> Result<(Table, Option<Rc<Node>>), Vec<YamlFault>> {
    let root = yaml::parse(text, MAX_WRITTEN_OUT_CHARS)?;
    let Content::Table(entries) = &root.content else {
        let what = "does not parse: it is not a table of keys at its top".to_owned();
        return Err(vec![YamlFault { what, hint: "begin it with version: 1", mark: Some(root.mark) }]);
    };
    let table = tree::table(entries, name);
    Ok((table, Some(root)))
}

fn by_config(format: FileFormat, name: &str, text: &str) -> Result<Table, Vec<YamlFault>> {
    format.parse(Some(&name.to_owned()), text).map_err(|error| {
        let what = format!("does not parse: {}", shorten_error(&error.to_string()));
        vec![YamlFault { what, hint: "correct the file", mark: None }]
    })
}

/// The error of a parser on one line, without the excerpt of the file that some parsers draw.
fn shorten_error(error: &str) -> String {
    let mut lines = error.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or("no reason given");
    match lines.next_back() {
        Some(last) => plain(&format!("{first}: {last}"), 200),
        None => plain(first, 200),
    }
}

/// The document, with the variables in all of its strings replaced.
fn replace_variables(
    mut document: Document,
    root: Table,
    env: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> Document {
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
        Err(problem) => {
            document.broken.insert(path.to_owned());
            let what = format!("{}: {}", plain(path, 120), problem.what);
            let mistake = Mistake::new(&document.origin, what).maybe_hint(problem.hint);
            mistakes.push(mistake.at(document.value_at(path)));
        }
    });
    if let ValueKind::Table(table) = root.kind {
        document.root = table;
    }
    document
}

/// Visits every string of a value, with its key path. Keys are visited in alphabetical order, so that
/// mistakes are too.
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
pub(crate) fn below(path: &str, key: &str) -> String {
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
