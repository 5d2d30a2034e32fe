//! The content of a suite file together with where everything in it stands.

use std::collections::HashMap;
use std::rc::Rc;

use ::config::{Value, ValueKind};

use super::file::Table;

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Mark {
    pub(super) fn in_file(self, name: &str) -> Place {
        Place { file: name.to_owned(), line: self.line, column: self.column }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As the user knows it.
    pub file: String,
    pub line: usize,
    pub column: usize,
}

/// One value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) mark: Mark,
    pub(super) content: Content,
    /// Levels below it, its own included.
    pub(super) depth: usize,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(ValueKind),
    List(Vec<Rc<Node>>),
    Table(HashMap<String, Entry>),
}

/// What stands at a key, which may be there by a merge.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) mark: Mark,
    pub(super) node: Rc<Node>,
}

impl Node {
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
