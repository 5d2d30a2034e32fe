//! The reader of CloudFormation templates. It works out functions as far as the template alone tells: by the
//! defaults of its parameters and by its mappings. All else is not known.
//!
//! Functions may stand in functions and be read again and again, so the work of a file, the depth and the
//! length of a text are bounded. What is left out for that reason counts as not known.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::template::{Found, Style, Template, Unread};
use super::tree::Tree;
use crate::tree::TreeContent;
use ::config::ValueKind;

use faultgate_config as config;
use faultgate_config::Node;

const TYPE: &str = "AWS::FIS::ExperimentTemplate";
/// The type of an alarm, whose `Ref` is its name, and not its ARN.
const ALARM: &str = "AWS::CloudWatch::Alarm";
/// The prefix of a key that makes resources of a list.
const FOR_EACH: &str = "Fn::ForEach::";
/// The key that puts in what a macro returns, or what is in a bucket.
const TRANSFORM: &str = "Fn::Transform";
/// The beginning of a value that CloudFormation reads elsewhere when it makes the stack.
const DYNAMIC: &str = "{{resolve:";
/// The functions that have no `Fn::` before their names.
const BARE: [&str; 2] = ["Ref", "Condition"];
/// Maximum number of bytes of a text that is put together. Many longer texts would fill the memory.
const MAX_BYTES: usize = 2_048;
/// Maximum number of characters of a function that are shown in the place of its value.
const MAX_SHOWN_CHARS: usize = 80;
/// Maximum depth of functions within functions.
const MAX_LEVELS: usize = 16;
/// Maximum number of bytes that are read to work out all functions of a file. One function may be read often,
/// and each time for nothing.
const MAX_WORK_BYTES: usize = 64 << 20;
/// The cost of a function beside its text, in the same bytes.
const STEP_COST: usize = 64;

/// Says whether a file is a template of CloudFormation, whatever its resources are.
pub(super) fn is_one(root: &Node) -> bool {
    root.get("Resources").is_some_and(|entry| matches!(entry.node.content, config::Content::Table(_)))
}

/// Returns the experiment templates of a CloudFormation template, and the parts that may become one and are
/// not in the file.
pub(super) fn templates(root: &Node) -> Found {
    let mut found = Found::default();
    let resources = root.get("Resources").map(|entry| &entry.node.content);
    let Some(config::Content::Table(resources)) = resources else { return found };
    let stack = Stack { root, work: Cell::new(MAX_WORK_BYTES) };
    let meaning = |node: &Node| stack.meaning(node, 0);
    for (name, entry) in resources {
        if is_one_of_ours(&entry.node) {
            let properties = entry.node.get("Properties");
            let tree = properties.map_or_else(
                || Tree::new(TreeContent::Table(BTreeMap::new())),
                |properties| Tree::at(entry.mark, &properties.node, &meaning),
            );
            let template = Template::read(name.clone(), Style::CloudFormation, &tree);
            found.templates.push(template.ignoring(list_ignored(&entry.node)));
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

/// Returns the reason why a resource is not, or not as a whole, what the file says.
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

/// Says whether a resource within the node is an experiment template, or may be one.
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

/// Returns the ids of the rules that the metadata of a resource leaves out.
fn list_ignored(resource: &Node) -> Vec<String> {
    let list = ["Metadata", "faultgate", "ignore"]
        .iter()
        .try_fold(resource, |node, key| Some(&*node.get(key)?.node));
    match list.map(|list| &list.content) {
        Some(config::Content::List(items)) => items.iter().filter_map(|item| item.text()).collect(),
        _ => list.and_then(Node::text).into_iter().collect(),
    }
}

/// Returns the number of bytes of a text. A node of another kind has none.
fn size(node: &Node) -> usize {
    match &node.content {
        config::Content::Scalar(ValueKind::String(text)) => text.len(),
        _ => 0,
    }
}

/// A file, and the work that may still be spent on its functions.
struct Stack<'a> {
    root: &'a Node,
    /// The bytes that are left of [`MAX_WORK_BYTES`].
    work: Cell<usize>,
}

/// A function and its arguments.
struct Function<'a> {
    name: &'a str,
    arguments: Arguments<'a>,
}

/// The arguments of a function, as far as functions are worked out here.
enum Arguments<'a> {
    Text(String),
    List(Vec<&'a Node>),
    Other,
}

impl<'a> Function<'a> {
    /// Reads the function that a node is. A node that means what it says is none.
    fn of(node: &'a Node) -> Option<Self> {
        if let Some(tag) = &node.tag {
            return Some(Self { name: tag, arguments: Arguments::of(node) });
        }
        let config::Content::Table(entries) = &node.content else { return None };
        // A transform may add to, or replace, all that stands beside it, so nothing of the node is known.
        if entries.contains_key(TRANSFORM) {
            return Some(Self { name: "Transform", arguments: Arguments::Other });
        }
        let (key, entry) = entries.iter().next().filter(|_| entries.len() == 1)?;
        let name =
            key.strip_prefix("Fn::").or_else(|| BARE.contains(&key.as_str()).then_some(key.as_str()))?;
        // `Condition` is a name that people may choose for a key as well.
        if name == "Condition" && entry.node.text().is_none() {
            return None;
        }
        Some(Self { name, arguments: Arguments::of(&entry.node) })
    }

    /// Returns the cost in bytes of reading the arguments.
    fn size(&self) -> usize {
        match &self.arguments {
            Arguments::Text(text) => text.len(),
            Arguments::List(items) => items.iter().map(|item| STEP_COST + size(item)).sum(),
            Arguments::Other => 0,
        }
    }

    /// Returns the text that is shown in the place of the function's value, such as `!Ref Alarm`.
    fn write_out(&self) -> TreeContent {
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
        TreeContent::Unknown(written.trim_end().chars().take(MAX_SHOWN_CHARS).collect())
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
    /// Spends work, and returns `false` where none is left. A value that would need more is then not known.
    fn works(&self, cost: usize) -> bool {
        let left = self.work.get().checked_sub(cost);
        self.work.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Returns the text of a node that functions read. It costs work, since it may be read again and again.
    fn text(&self, node: &Node) -> Option<String> {
        self.works(STEP_COST + size(node)).then(|| node.text()).flatten()
    }

    /// Returns what a node means, or `None` if it means what it says.
    fn meaning(&self, node: &Node, level: usize) -> Option<TreeContent> {
        let found = match Function::of(node) {
            Some(function) => Some(self.evaluate(&function, level)),
            None => node.text().filter(|text| text.contains(DYNAMIC)).map(TreeContent::Text),
        };
        match found {
            // A function may also put such a value together of parts, so its result is looked at as well.
            Some(TreeContent::Text(text)) if text.contains(DYNAMIC) => Some(TreeContent::Unknown(text)),
            found => found,
        }
    }

    /// Returns the value of a function, or how the function is written where its value is not known.
    fn evaluate(&self, function: &Function<'_>, level: usize) -> TreeContent {
        if !self.works(STEP_COST + function.size()) || level > MAX_LEVELS {
            return function.write_out();
        }
        let found = match (function.name, &function.arguments) {
            ("Ref", Arguments::Text(name)) if name == "AWS::NoValue" => Some(TreeContent::Nothing),
            // The value is known to be a name and no ARN, which the rule on stop conditions has to see.
            ("Ref", Arguments::Text(name)) if level == 0 && self.is_alarm(name) => {
                Some(TreeContent::Text(format!("!Ref {name}")))
            }
            ("Ref", Arguments::Text(name)) => self.parameter(name),
            ("Sub", Arguments::Text(text)) => self.substitute(text, None, level),
            ("Sub", Arguments::List(items)) => {
                let text = items.first().and_then(|item| self.text(item));
                text.and_then(|text| self.substitute(&text, items.get(1).copied(), level))
            }
            ("Join", Arguments::List(items)) => self.join(items, level),
            ("FindInMap", Arguments::List(items)) => self.find_in_map(items, level),
            _ => None,
        };
        found.unwrap_or_else(|| function.write_out())
    }

    fn is_alarm(&self, name: &str) -> bool {
        let resource = self.root.get("Resources").and_then(|resources| resources.node.get(name));
        let kind = resource.and_then(|resource| resource.node.get("Type")?.node.text());
        kind.as_deref() == Some(ALARM)
    }

    /// Returns the text or the function that a node is, and `None` for anything else.
    fn part(&self, node: &Node, level: usize) -> Option<TreeContent> {
        let text = self.text(node).map(TreeContent::Text);
        self.meaning(node, level + 1).or(text)
    }

    /// Returns the default of a parameter.
    fn parameter(&self, name: &str) -> Option<TreeContent> {
        let parameter = &self.root.get("Parameters")?.node.get(name)?.node;
        let default = self.text(&parameter.get("Default")?.node).filter(|text| text.len() <= MAX_BYTES)?;
        let kind = parameter.get("Type").and_then(|kind| kind.node.text()).unwrap_or_default();
        // The default is only the name of a value that Systems Manager holds, which is not known.
        if kind.starts_with("AWS::SSM::") {
            return None;
        }
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            let items = default.split(',').map(|item| Tree::new(TreeContent::Text(item.trim().to_owned())));
            return Some(TreeContent::List(items.collect()));
        }
        Some(TreeContent::Text(default))
    }

    /// Returns a text with the values of its `${…}`. Those that are not known stay as they are written.
    fn substitute(&self, text: &str, own: Option<&Node>, level: usize) -> Option<TreeContent> {
        let (mut out, mut rest, mut is_known) = (String::new(), text, true);
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            if !self.works(STEP_COST) {
                return None;
            }
            out.push_str(before);
            rest = after;
            // `${!Name}` is written for `${Name}` itself.
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
                Some(TreeContent::Text(value)) => out.push_str(&value),
                Some(TreeContent::Unknown(value)) if value.contains("${") => {
                    is_known = false;
                    out.push_str(&value);
                }
                _ => {
                    is_known = false;
                    let _ = write!(out, "${{{name}}}");
                }
            }
            if out.len() > MAX_BYTES {
                return None;
            }
        }
        out.push_str(rest);
        if is_known { Some(TreeContent::Text(out)) } else { Some(TreeContent::Unknown(out)) }
    }

    /// Returns the value of `Fn::Join`.
    fn join(&self, items: &[&Node], level: usize) -> Option<TreeContent> {
        let [delimiter, list] = items else { return None };
        let delimiter = self.text(delimiter)?;
        let config::Content::List(items) = &list.content else { return None };
        let (mut parts, mut is_known) = (Vec::new(), true);
        for item in items {
            match self.part(item, level)? {
                TreeContent::Text(text) => parts.push(text),
                TreeContent::Unknown(written) if written.contains("${") => {
                    is_known = false;
                    parts.push(written);
                }
                TreeContent::Unknown(written) => {
                    is_known = false;
                    parts
                        .push(format!("${{{}}}", written.trim_start_matches('!').trim_start_matches("Ref ")));
                }
                _ => return None,
            }
        }
        let text = parts.join(&delimiter);
        if text.len() > MAX_BYTES {
            return None;
        }
        if is_known { Some(TreeContent::Text(text)) } else { Some(TreeContent::Unknown(text)) }
    }

    /// Returns the value of `Fn::FindInMap`.
    fn find_in_map(&self, items: &[&Node], level: usize) -> Option<TreeContent> {
        let mut node = &self.root.get("Mappings")?.node;
        let [_, _, _] = items else { return None };
        for item in items {
            let TreeContent::Text(key) = self.part(item, level)? else { return None };
            node = &node.get(&key)?.node;
        }
        self.text(node).filter(|text| text.len() <= MAX_BYTES).map(TreeContent::Text)
    }
}
