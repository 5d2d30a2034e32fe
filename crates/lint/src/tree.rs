//! The tree of a template, whatever format the template was written in.
//!
//! Each content is known, or is known not to be known, as the value of a CloudFormation function may be, or a
//! value that Terraform knows after the apply.

use std::collections::BTreeMap;

use faultgate_config::{Mark, Node};

/// A node of the tree, with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// The place of the node's key, or of the node itself in a list. It is `None` where nobody knows it.
    pub(super) mark: Option<Mark>,
    pub(super) content: TreeContent,
}

/// The content of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TreeContent {
    /// Nothing, as `null` says it.
    Nothing,
    /// A text, a number or a truth value.
    Text(String),
    /// A value that is not known. The text is what stands in its place: `!Ref Alarm`, or a text that has gaps
    /// such as `${AWS::Region}`.
    Unknown(String),
    List(Vec<Tree>),
    Table(BTreeMap<String, Tree>),
}

/// A function that returns what a node means in its format, or `None` if the node means what it says.
pub(super) type NodeMeaning<'a> = &'a dyn Fn(&Node) -> Option<TreeContent>;

impl Tree {
    /// Makes the tree of a node, which stands at its own place.
    pub(super) fn of(node: &Node, meaning: NodeMeaning<'_>) -> Self {
        Self::at(node.mark, node, meaning)
    }

    /// Makes the tree of a node whose key stands at `mark`.
    pub(super) fn at(mark: Mark, node: &Node, meaning: NodeMeaning<'_>) -> Self {
        let content = meaning(node).unwrap_or_else(|| match &node.content {
            faultgate_config::Content::Scalar(_) => {
                node.text().map_or(TreeContent::Nothing, TreeContent::Text)
            }
            faultgate_config::Content::List(items) => {
                TreeContent::List(items.iter().map(|item| Self::of(item, meaning)).collect())
            }
            faultgate_config::Content::Table(entries) => {
                let entry = |entry: &faultgate_config::Entry| Self::at(entry.mark, &entry.node, meaning);
                TreeContent::Table(entries.iter().map(|(key, value)| (key.clone(), entry(value))).collect())
            }
        });
        // Line 0 says that the node was read as JSON, whose places nobody knows.
        Self { mark: (mark.line > 0).then_some(mark), content }
    }

    /// Makes a tree that has no place.
    pub(super) fn new(content: TreeContent) -> Self {
        Self { mark: None, content }
    }

    /// Returns a field by its name in FIS's API, which CloudFormation begins with a capital. All fields of a
    /// tree that is not known are not known either.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match &self.content {
            TreeContent::Unknown(_) => Some(self),
            TreeContent::Table(entries) => entries
                .get(name)
                .or_else(|| entries.get(&capital(name)))
                .filter(|tree| tree.content != TreeContent::Nothing),
            TreeContent::Nothing | TreeContent::Text(_) | TreeContent::List(_) => None,
        }
    }

    /// Returns the tree at a key of just this name. A tree that is not known has none.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            TreeContent::Table(entries) => {
                entries.get(key).filter(|tree| tree.content != TreeContent::Nothing)
            }
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            TreeContent::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
}
