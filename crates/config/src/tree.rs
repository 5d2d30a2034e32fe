//! The content of a file together with where everything in it stands.

use std::collections::HashMap;
use std::rc::Rc;

use ::config::{Value, ValueKind};
use serde_json::Value as Json;

use super::file::Table;
use faultgate_core::mistake::FilePlace;

/// A place in a text, counted from 1.
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
    pub(super) depth: usize,
}

#[derive(Debug)]
pub enum Content {
    Scalar(ValueKind),
    List(Vec<Rc<Node>>),
    Table(HashMap<String, Entry>),
}

/// What stands at a key, which may be there by a merge.
#[derive(Debug, Clone)]
pub struct Entry {
    pub mark: Mark,
    pub node: Rc<Node>,
}

impl Node {
    /// What JSON says, whose places nobody knows: all of it is at line 0.
    pub fn of_json(json: &Json) -> Self {
        let mark = Mark { line: 0, column: 0 };
        let (content, depth) = match json {
            Json::Null => (Content::Scalar(ValueKind::Nil), 1),
            Json::Bool(word) => (Content::Scalar(ValueKind::Boolean(*word)), 1),
            Json::Number(number) => (
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

    /// What stands at a key of a table; nothing of what is no table.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Table(entries) => entries.get(key),
            Content::Scalar(_) | Content::List(_) => None,
        }
    }

    /// A text, a number or a truth value as it is written; nothing of null.
    pub fn text(&self) -> Option<String> {
        match &self.content {
            Content::Scalar(ValueKind::Nil) | Content::List(_) | Content::Table(_) => None,
            Content::Scalar(kind) => Some(kind.to_string()),
        }
    }

    /// The content alone.
    pub(super) fn value(&self, origin: &str) -> Value {
        let origin_of_value = origin.to_owned();
        let kind = match &self.content {
            Content::Scalar(kind) => kind.clone(),
            Content::List(items) => ValueKind::Array(items.iter().map(|item| item.value(origin)).collect()),
            Content::Table(entries) => ValueKind::Table(table(entries, origin)),
        };
        Value::new(Some(&origin_of_value), kind)
    }

    /// Where the key at the end of a path stands, such as `experiments[0].fis.template`. Of a path that leads nowhere, its
    /// last part that is there.
    pub(super) fn key_at(&self, path: &str) -> Mark {
        self.find(path).0
    }

    /// Where the value of that key begins.
    pub(super) fn value_at(&self, path: &str) -> Mark {
        let (key, node) = self.find(path);
        node.map_or(key, |node| node.mark)
    }

    /// The mark of the last key or item, and its node if the path leads there.
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

type Step<'n, 'p> = (Mark, &'n Node, &'p str);

fn item<'n, 'p>(items: &'n [Rc<Node>], path: &'p str) -> Option<Step<'n, 'p>> {
    let (number, rest) = path.strip_prefix('[')?.split_once(']')?;
    let node = items.get(number.parse::<usize>().ok()?)?;
    Some((node.mark, node, rest))
}

/// A key may itself have dots and brackets: the longest that fits.
fn entry<'n, 'p>(entries: &'n HashMap<String, Entry>, path: &'p str) -> Option<Step<'n, 'p>> {
    let ends = path.match_indices(['.', '[']).map(|(end, _)| end).chain([path.len()]);
    let mut ends: Vec<usize> = ends.collect();
    ends.reverse();
    ends.into_iter().find_map(|end| {
        let entry = entries.get(&path[..end])?;
        Some((entry.mark, &*entry.node, &path[end..]))
    })
}

pub(super) fn table(entries: &HashMap<String, Entry>, origin: &str) -> Table {
    entries.iter().map(|(key, entry)| (key.clone(), entry.node.value(origin))).collect()
}
