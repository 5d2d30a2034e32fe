//! What CloudFormation's functions come to, as far as the template alone tells: by the defaults of its parameters and by its
//! mappings. All else is not known.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::template::{Found, Style, Template, Unread};
use super::tree::Tree;
use crate::tree::Content;
use ::config::ValueKind;

use faultgate_config as config;
use faultgate_config::Node;

const TYPE: &str = "AWS::FIS::ExperimentTemplate";
/// The `Ref` of such a resource is its name, and not its ARN.
const ALARM: &str = "AWS::CloudWatch::Alarm";
/// Makes resources of a list.
const FOR_EACH: &str = "Fn::ForEach::";
/// Puts in what a macro returns, or what is in a bucket.
const TRANSFORM: &str = "Fn::Transform";
/// A value that CloudFormation reads elsewhere when it makes the stack.
const DYNAMIC: &str = "{{resolve:";
/// Functions without `Fn::` before their names.
const BARE: [&str; 2] = ["Ref", "Condition"];
/// A longer text is not put together: many such texts would fill the memory.
const MOST_BYTES: usize = 2_048;
/// The most of a function that is shown in the place of its value.
const SHOWN: usize = 80;
/// Functions in functions, and no deeper.
const MOST_LEVELS: usize = 16;
/// Bytes that are read to work out all functions of a file. One function may be read often, and each time for nothing.
const MOST_WORK: usize = 64 << 20;
/// What a function costs beside its text.
const STEP: usize = 64;

/// True of a template of CloudFormation, whatever its resources are.
pub(super) fn is_one(root: &Node) -> bool {
    root.get("Resources").is_some_and(|entry| matches!(entry.node.content, config::Content::Table(_)))
}

/// Its experiment templates.
pub(super) fn templates(root: &Node) -> Found {
    let mut found = Found::default();
    let resources = root.get("Resources").map(|entry| &entry.node.content);
    let Some(config::Content::Table(resources)) = resources else { return found };
    let stack = Stack { root, work: Cell::new(MOST_WORK) };
    let meaning = |node: &Node| stack.meaning(node, 0);
    for (name, entry) in resources {
        if is_one_of_ours(&entry.node) {
            let properties = entry.node.get("Properties");
            let tree = properties.map_or_else(
                || Tree::new(Content::Table(BTreeMap::new())),
                |properties| Tree::at(entry.mark, &properties.node, &meaning),
            );
            let template = Template::read(name.clone(), Style::CloudFormation, &tree);
            found.templates.push(template.ignoring(ignored(&entry.node)));
        }
        if let Some(why) = unread(name, &entry.node) {
            found.unread.push(Unread { name: name.clone(), mark: Some(entry.mark), why });
        }
    }
    if let Some(entry) = root.get(TRANSFORM) {
        let (name, why) = (TRANSFORM.to_owned(), BY_TRANSFORM.to_owned());
        found.unread.push(Unread { name, mark: Some(entry.mark), why });
    }
    found
}

const BY_TRANSFORM: &str = "what Fn::Transform puts in is not in the file";

fn is_one_of_ours(resource: &Node) -> bool {
    resource.get("Type").and_then(|kind| kind.node.text()).as_deref() == Some(TYPE)
}

/// Why a resource is not, or not as a whole, what the file says.
fn unread(name: &str, resource: &Node) -> Option<String> {
    let is_transformed = |node: &Node| node.get(TRANSFORM).is_some();
    if name.starts_with(FOR_EACH) {
        return may_hold_one(resource)
            .then(|| "the experiment templates that Fn::ForEach makes are not in the file".to_owned());
    }
    let properties = resource.get("Properties").filter(|_| is_one_of_ours(resource));
    let is_unread = name == TRANSFORM
        || is_transformed(resource)
        || properties.is_some_and(|properties| is_transformed(&properties.node));
    is_unread.then(|| BY_TRANSFORM.to_owned())
}

/// True where a resource in it is an experiment template, or may be one.
fn may_hold_one(node: &Node) -> bool {
    match &node.content {
        config::Content::Scalar(_) => false,
        config::Content::List(items) => items.iter().any(|item| may_hold_one(item)),
        config::Content::Table(entries) => {
            is_one_of_ours(node)
                || node.get(TRANSFORM).is_some()
                || entries.values().any(|entry| may_hold_one(&entry.node))
        }
    }
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

/// Bytes of a text.
fn size(node: &Node) -> usize {
    match &node.content {
        config::Content::Scalar(ValueKind::String(text)) => text.len(),
        _ => 0,
    }
}

struct Stack<'a> {
    root: &'a Node,
    /// What is left of it for the file.
    work: Cell<usize>,
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
        // Whatever it brings joins, or takes the place of, what stands beside it.
        if entries.contains_key(TRANSFORM) {
            return Some(Self { name: "Transform", arguments: Arguments::Other });
        }
        let (key, entry) = entries.iter().next().filter(|_| entries.len() == 1)?;
        let name =
            key.strip_prefix("Fn::").or_else(|| BARE.contains(&key.as_str()).then_some(key.as_str()))?;
        // A name that people may choose as well.
        if name == "Condition" && entry.node.text().is_none() {
            return None;
        }
        Some(Self { name, arguments: Arguments::of(&entry.node) })
    }

    /// Bytes of its text.
    fn size(&self) -> usize {
        match &self.arguments {
            Arguments::Text(text) => text.len(),
            Arguments::List(items) => items.iter().map(|item| STEP + size(item)).sum(),
            Arguments::Other => 0,
        }
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
    /// False where no work is left. What is left out is not known.
    fn works(&self, cost: usize) -> bool {
        let left = self.work.get().checked_sub(cost);
        self.work.set(left.unwrap_or_default());
        left.is_some()
    }

    /// The text of a node that functions read, which may be read again and again.
    fn text(&self, node: &Node) -> Option<String> {
        self.works(STEP + size(node)).then(|| node.text()).flatten()
    }

    fn meaning(&self, node: &Node, level: usize) -> Option<Content> {
        let found = match Function::of(node) {
            Some(function) => Some(self.value(&function, level)),
            None => node.text().filter(|text| text.contains(DYNAMIC)).map(Content::Text),
        };
        match found {
            Some(Content::Text(text)) if text.contains(DYNAMIC) => Some(Content::Unknown(text)),
            found => found,
        }
    }

    fn value(&self, function: &Function<'_>, level: usize) -> Content {
        if !self.works(STEP + function.size()) || level > MOST_LEVELS {
            return function.written();
        }
        let found = match (function.name, &function.arguments) {
            ("Ref", Arguments::Text(name)) if name == "AWS::NoValue" => Some(Content::Nothing),
            // Known to be a name, whatever it is.
            ("Ref", Arguments::Text(name)) if level == 0 && self.is_alarm(name) => {
                Some(Content::Text(format!("!Ref {name}")))
            }
            ("Ref", Arguments::Text(name)) => self.parameter(name),
            ("Sub", Arguments::Text(text)) => self.substituted(text, None, level),
            ("Sub", Arguments::List(items)) => {
                let text = items.first().and_then(|item| self.text(item));
                text.and_then(|text| self.substituted(&text, items.get(1).copied(), level))
            }
            ("Join", Arguments::List(items)) => self.joined(items, level),
            ("FindInMap", Arguments::List(items)) => self.mapped(items, level),
            _ => None,
        };
        found.unwrap_or_else(|| function.written())
    }

    fn is_alarm(&self, name: &str) -> bool {
        let resource = self.root.get("Resources").and_then(|resources| resources.node.get(name));
        let kind = resource.and_then(|resource| resource.node.get("Type")?.node.text());
        kind.as_deref() == Some(ALARM)
    }

    /// The text or the function that a node is. None of all else.
    fn part(&self, node: &Node, level: usize) -> Option<Content> {
        let text = self.text(node).map(Content::Text);
        self.meaning(node, level + 1).or(text)
    }

    /// The default of a parameter.
    fn parameter(&self, name: &str) -> Option<Content> {
        let parameter = &self.root.get("Parameters")?.node.get(name)?.node;
        let default = self.text(&parameter.get("Default")?.node).filter(|text| text.len() <= MOST_BYTES)?;
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
            if !self.works(STEP) {
                return None;
            }
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
        let delimiter = self.text(delimiter)?;
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
        self.text(node).filter(|text| text.len() <= MOST_BYTES).map(Content::Text)
    }
}
