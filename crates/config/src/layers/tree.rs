//! The content of a file, with the place of everything in it.
//!
//! Nodes are shared, since an alias of YAML stands for the same node at several places.

use std::collections::HashMap;
use std::rc::Rc;

use ::config::{Value, ValueKind};
use faultgate_core::mistake::FilePlace;
use serde_json::Value as Json;

/// A table of the file, by keys.
pub(crate) type Table = HashMap<String, Value>;

/// A place in a text. Lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

impl Mark {
    pub fn in_file(self, name: &str) -> FilePlace {
        FilePlace { file: name.to_owned(), line: self.line, column: self.column }
    }
}

/// One value and where it begins.
#[derive(Debug)]
pub struct Node {
    pub mark: Mark,
    /// The name of its tag, where that is not one of YAML's own.
    pub tag: Option<String>,
    pub content: Content,
    /// Levels below it, its own included.
    pub(crate) depth: usize,
}

/// The content of a value.
#[derive(Debug)]
pub enum Content {
    Scalar(ValueKind),
    List(Vec<Rc<Node>>),
    Table(HashMap<String, Entry>),
}

/// The value at a key, and the place of the key. A merge (`<<`) may have brought it here.
#[derive(Debug, Clone)]
pub struct Entry {
    pub mark: Mark,
    pub node: Rc<Node>,
}

impl Node {
    /// The content of JSON. Its places are not known, so all of it is at line 0.
    pub fn of_json(json: &Json) -> Self {
        let mark = Mark { line: 0, column: 0 };
        let (content, depth) = match json {
            Json::Null => (Content::Scalar(ValueKind::Nil), 1),
            Json::Bool(word) => (Content::Scalar(ValueKind::Boolean(*word)), 1),
            Json::Number(number) => (
                // A number that is no 64-bit integer becomes text, so that it loses no digits.
                Content::Scalar(number.as_i64().map_or_else(|| number.to_string().into(), ValueKind::I64)),
                1,
            ),
            Json::String(text) => (Content::Scalar(ValueKind::String(text.clone())), 1),
            Json::Array(items) => {
                let items: Vec<Rc<Self>> = items.iter().map(|item| Rc::new(Self::of_json(item))).collect();
                let depth = items.iter().map(|item| item.depth).max().unwrap_or_default();
                (Content::List(items), depth + 1)
            }
            Json::Object(entries) => {
                let entry = |json| Entry { mark, node: Rc::new(Self::of_json(json)) };
                let entries: HashMap<String, Entry> =
                    entries.iter().map(|(key, json)| (key.clone(), entry(json))).collect();
                let depth = entries.values().map(|entry| entry.node.depth).max().unwrap_or_default();
                (Content::Table(entries), depth + 1)
            }
        };
        Self { mark, tag: None, content, depth }
    }

    /// The entry at a key; `None` if there is none, or if this is not a table.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Table(entries) => entries.get(key),
            Content::Scalar(_) | Content::List(_) => None,
        }
    }

    /// A text, a number or a truth value in the form in which it is written; `None` for null, lists and
    /// tables.
    pub fn text(&self) -> Option<String> {
        match &self.content {
            Content::Scalar(ValueKind::Nil) | Content::List(_) | Content::Table(_) => None,
            Content::Scalar(kind) => Some(kind.to_string()),
        }
    }

    /// The content without its places, in the form of the `config` crate.
    pub(crate) fn to_value(&self, origin: &str) -> Value {
        let origin_of_value = origin.to_owned();
        let kind = match &self.content {
            Content::Scalar(kind) => kind.clone(),
            Content::List(items) => {
                ValueKind::Array(items.iter().map(|item| item.to_value(origin)).collect())
            }
            Content::Table(entries) => ValueKind::Table(table(entries, origin)),
        };
        Value::new(Some(&origin_of_value), kind)
    }

    /// The place of the key at the end of a path such as `experiments[0].fis.template`. If the path leads
    /// nowhere, the place of its last part that exists.
    pub(crate) fn key_at(&self, path: &str) -> Mark {
        self.find(path).0
    }

    /// The place where the value at the end of a path begins.
    pub(crate) fn value_at(&self, path: &str) -> Mark {
        let (key, node) = self.find(path);
        node.map_or(key, |node| node.mark)
    }

    /// The mark of the last key or item that exists on a path, and the node if the path leads to one.
    fn find(&self, path: &str) -> (Mark, Option<&Self>) {
        let (mut mark, mut node, mut rest) = (self.mark, self, path);
        while !rest.is_empty() {
            let step = match &node.content {
                Content::Scalar(_) => None,
                Content::List(items) => item(items, rest),
                Content::Table(entries) => entry(entries, rest.strip_prefix('.').unwrap_or(rest)),
            };
            let Some(step) = step else { return (mark, None) };
            (mark, node, rest) = step;
        }
        (mark, Some(node))
    }
}

/// One step along a path: the place and the node that it leads to, and the rest of the path.
type PathStep<'n, 'p> = (Mark, &'n Node, &'p str);

fn item<'n, 'p>(items: &'n [Rc<Node>], path: &'p str) -> Option<PathStep<'n, 'p>> {
    let (number, rest) = path.strip_prefix('[')?.split_once(']')?;
    let node = items.get(number.parse::<usize>().ok()?)?;
    Some((node.mark, node, rest))
}

/// The step to a key. A key may contain dots and brackets itself, so the longest one that fits is taken.
fn entry<'n, 'p>(entries: &'n HashMap<String, Entry>, path: &'p str) -> Option<PathStep<'n, 'p>> {
    let ends = path.match_indices(['.', '[']).map(|(end, _)| end).chain([path.len()]);
    // The longest key is tried first, so the ends go backwards.
    let mut ends: Vec<usize> = ends.collect();
    ends.reverse();
    ends.into_iter().find_map(|end| {
        let entry = entries.get(&path[..end])?;
        Some((entry.mark, &*entry.node, &path[end..]))
    })
}

/// The table without its places, in the form of the `config` crate.
pub(crate) fn table(entries: &HashMap<String, Entry>, origin: &str) -> Table {
    entries.iter().map(|(key, entry)| (key.clone(), entry.node.to_value(origin))).collect()
}
