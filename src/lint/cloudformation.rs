//! What CloudFormation's functions come to, as far as the template alone tells: by the defaults of its parameters and by its
//! mappings. All else is not known.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::template::{Style, Template};
use super::tree::{Content, Tree};
use crate::config::{self, Entry, Node};

const TYPE: &str = "AWS::FIS::ExperimentTemplate";
/// Functions without `Fn::` before their names.
const BARE: [&str; 2] = ["Ref", "Condition"];
/// A longer text is not put together: many such texts would fill the memory.
const MOST_BYTES: usize = 2_048;
/// The most of a function that is shown in the place of its value.
const SHOWN: usize = 80;
/// Functions in functions, and no deeper.
const MOST_LEVELS: usize = 16;

/// True of a template of CloudFormation, whatever its resources are.
pub(super) fn is_one(root: &Node) -> bool {
    root.get("Resources").is_some_and(|entry| matches!(entry.node.content, config::Content::Table(_)))
}

/// Its experiment templates.
pub(super) fn templates(root: &Node) -> Vec<Template> {
    let resources = root.get("Resources").map(|entry| &entry.node.content);
    let Some(config::Content::Table(resources)) = resources else { return Vec::new() };
    let stack = Stack { root };
    let meaning = |node: &Node| stack.meaning(node, 0);
    let read = |(name, entry): (&String, &Entry)| {
        let kind = entry.node.get("Type").and_then(|kind| kind.node.text());
        (kind.as_deref() == Some(TYPE)).then(|| {
            let properties = entry.node.get("Properties");
            let tree = properties.map_or_else(
                || Tree::new(Content::Table(BTreeMap::new())),
                |properties| Tree::at(entry.mark, &properties.node, &meaning),
            );
            Template::read(name.clone(), Style::CloudFormation, &tree).ignoring(ignored(&entry.node))
        })
    };
    resources.iter().filter_map(read).collect()
}

/// What the metadata of a resource says.
fn ignored(resource: &Node) -> Vec<String> {
    let list = ["Metadata", "faultgate", "ignore"]
        .iter()
        .try_fold(resource, |node, key| Some(&*node.get(key)?.node));
    match list.map(|list| &list.content) {
        Some(config::Content::List(items)) => items.iter().filter_map(|item| item.text()).collect(),
        _ => list.and_then(Node::text).into_iter().collect(),
    }
}

struct Stack<'a> {
    root: &'a Node,
}

/// A function and its arguments.
struct Function<'a> {
    name: &'a str,
    arguments: Arguments<'a>,
}

enum Arguments<'a> {
    Text(String),
    List(Vec<&'a Node>),
    Other,
}

impl<'a> Function<'a> {
    /// None of a node that says what it means.
    fn of(node: &'a Node) -> Option<Self> {
        if let Some(tag) = &node.tag {
            return Some(Self { name: tag, arguments: Arguments::of(node) });
        }
        let config::Content::Table(entries) = &node.content else { return None };
        let (key, entry) = entries.iter().next().filter(|_| entries.len() == 1)?;
        let name =
            key.strip_prefix("Fn::").or_else(|| BARE.contains(&key.as_str()).then_some(key.as_str()))?;
        // A name that people may choose as well.
        if name == "Condition" && entry.node.text().is_none() {
            return None;
        }
        Some(Self { name, arguments: Arguments::of(&entry.node) })
    }

    /// What is shown in the place of its value.
    fn written(&self) -> Content {
        let arguments = match &self.arguments {
            Arguments::Text(text) => text.clone(),
            Arguments::List(items) => items
                .iter()
                .map_while(|item| item.text())
                .collect::<Vec<_>>()
                .join(if self.name == "GetAtt" { "." } else { ", " }),
            Arguments::Other => String::new(),
        };
        let written = format!("!{} {arguments}", self.name);
        Content::Unknown(written.trim_end().chars().take(SHOWN).collect())
    }
}

impl<'a> Arguments<'a> {
    fn of(node: &'a Node) -> Self {
        match &node.content {
            config::Content::List(items) => Self::List(items.iter().map(|item| &**item).collect()),
            _ => node.text().map_or(Self::Other, Self::Text),
        }
    }
}

impl Stack<'_> {
    fn meaning(&self, node: &Node, level: usize) -> Option<Content> {
        let function = Function::of(node)?;
        if level > MOST_LEVELS {
            return Some(function.written());
        }
        let found = match (function.name, &function.arguments) {
            ("Ref", Arguments::Text(name)) if name == "AWS::NoValue" => Some(Content::Nothing),
            ("Ref", Arguments::Text(name)) => self.parameter(name),
            ("Sub", Arguments::Text(text)) => self.substituted(text, None, level),
            ("Sub", Arguments::List(items)) => {
                let text = items.first().and_then(|item| item.text());
                text.and_then(|text| self.substituted(&text, items.get(1).copied(), level))
            }
            ("Join", Arguments::List(items)) => self.joined(items, level),
            ("FindInMap", Arguments::List(items)) => self.mapped(items, level),
            _ => None,
        };
        Some(found.unwrap_or_else(|| function.written()))
    }

    /// The text or the function that a node is. None of all else.
    fn part(&self, node: &Node, level: usize) -> Option<Content> {
        self.meaning(node, level + 1).or_else(|| node.text().map(Content::Text))
    }

    /// The default of a parameter.
    fn parameter(&self, name: &str) -> Option<Content> {
        let parameter = &self.root.get("Parameters")?.node.get(name)?.node;
        let default = parameter.get("Default")?.node.text().filter(|text| text.len() <= MOST_BYTES)?;
        let kind = parameter.get("Type").and_then(|kind| kind.node.text()).unwrap_or_default();
        // What Systems Manager holds at that name is not known.
        if kind.starts_with("AWS::SSM::") {
            return None;
        }
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            let items = default.split(',').map(|item| Tree::new(Content::Text(item.trim().to_owned())));
            return Some(Content::List(items.collect()));
        }
        Some(Content::Text(default))
    }

    /// A text with the values of its `${…}`; those that are not known stay as they are written.
    fn substituted(&self, text: &str, own: Option<&Node>, level: usize) -> Option<Content> {
        let (mut out, mut rest, mut is_known) = (String::new(), text, true);
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            out.push_str(before);
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                let _ = write!(out, "${{{literal}}}");
                continue;
            }
            let own = own.and_then(|own| own.get(name));
            let value = match own {
                Some(entry) => self.part(&entry.node, level),
                None => self.parameter(name),
            };
            match value {
                Some(Content::Text(value)) => out.push_str(&value),
                Some(Content::Unknown(value)) if value.contains("${") => {
                    is_known = false;
                    out.push_str(&value);
                }
                _ => {
                    is_known = false;
                    let _ = write!(out, "${{{name}}}");
                }
            }
            if out.len() > MOST_BYTES {
                return None;
            }
        }
        out.push_str(rest);
        if is_known { Some(Content::Text(out)) } else { Some(Content::Unknown(out)) }
    }

    fn joined(&self, items: &[&Node], level: usize) -> Option<Content> {
        let [delimiter, list] = items else { return None };
        let delimiter = delimiter.text()?;
        let config::Content::List(items) = &list.content else { return None };
        let (mut parts, mut is_known) = (Vec::new(), true);
        for item in items {
            match self.part(item, level)? {
                Content::Text(text) => parts.push(text),
                Content::Unknown(written) if written.contains("${") => {
                    is_known = false;
                    parts.push(written);
                }
                Content::Unknown(written) => {
                    is_known = false;
                    parts
                        .push(format!("${{{}}}", written.trim_start_matches('!').trim_start_matches("Ref ")));
                }
                _ => return None,
            }
        }
        let text = parts.join(&delimiter);
        if text.len() > MOST_BYTES {
            return None;
        }
        if is_known { Some(Content::Text(text)) } else { Some(Content::Unknown(text)) }
    }

    fn mapped(&self, items: &[&Node], level: usize) -> Option<Content> {
        let mut node = &self.root.get("Mappings")?.node;
        let [_, _, _] = items else { return None };
        for item in items {
            let Content::Text(key) = self.part(item, level)? else { return None };
            node = &node.get(&key)?.node;
        }
        node.text().filter(|text| text.len() <= MOST_BYTES).map(Content::Text)
    }
}
