//! A template as a tree, whatever it was written in. What stands in it is known, or known not to be known: the value of a
//! CloudFormation function, or one that Terraform knows after it has applied.

use std::collections::BTreeMap;

use faultgate_config::{Mark, Node};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// Where its key stands, or it itself in a list. None where nobody knows.
    pub(super) mark: Option<Mark>,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    /// A text, a number or a truth value.
    Text(String),
    /// What stands in its place: `!Ref Alarm`, or a text with such places as `${AWS::Region}` in it.
    Unknown(String),
    List(Vec<Tree>),
    Table(BTreeMap<String, Tree>),
}

/// What a node means that is not what it says. None: it means what it says.
pub(super) type Meaning<'a> = &'a dyn Fn(&Node) -> Option<Content>;

impl Tree {
    pub(super) fn of(node: &Node, meaning: Meaning<'_>) -> Self {
        Self::at(node.mark, node, meaning)
    }

    /// `mark`: where its key stands.
    pub(super) fn at(mark: Mark, node: &Node, meaning: Meaning<'_>) -> Self {
        let content = meaning(node).unwrap_or_else(|| match &node.content {
            faultgate_config::Content::Scalar(_) => node.text().map_or(Content::Nothing, Content::Text),
            faultgate_config::Content::List(items) => {
                Content::List(items.iter().map(|item| Self::of(item, meaning)).collect())
            }
            faultgate_config::Content::Table(entries) => {
                let entry = |entry: &faultgate_config::Entry| Self::at(entry.mark, &entry.node, meaning);
                Content::Table(entries.iter().map(|(key, value)| (key.clone(), entry(value))).collect())
            }
        });
        Self { mark: (mark.line > 0).then_some(mark), content }
    }

    /// Without a place.
    pub(super) fn new(content: Content) -> Self {
        Self { mark: None, content }
    }

    /// A field of FIS, by its name in FIS's API; CloudFormation begins it with a capital. What is not known has fields that
    /// are not known.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Unknown(_) => Some(self),
            Content::Table(entries) => entries
                .get(name)
                .or_else(|| entries.get(&capital(name)))
                .filter(|tree| tree.content != Content::Nothing),
            Content::Nothing | Content::Text(_) | Content::List(_) => None,
        }
    }

    /// What stands at a key, by just this name.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Table(entries) => entries.get(key).filter(|tree| tree.content != Content::Nothing),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
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
