//! The reader of Terraform's plan or state, as `terraform show -json` prints it.
//!
//! The provider has blocks where FIS has tables, so a resource is first turned into the tree that FIS would
//! have. A value that Terraform knows only after the apply is not known here.

use std::collections::{BTreeMap, BTreeSet};

use super::template::{Found, Style, Template, Unread};
use super::tree::Tree;
use crate::tree::TreeContent;
use faultgate_config as config;
use faultgate_config::Node;

const TYPE: &str = "aws_fis_experiment_template";
/// The type of an experiment template by another provider, which has blocks of its own and is not read.
const OTHER_TYPE: &str = "awscc_fis_experiment_template";

/// Says whether a file is what `terraform show -json` prints.
pub(super) fn is_one(root: &Node) -> bool {
    root.get("format_version").is_some()
        && ["resource_changes", "planned_values", "values"].iter().any(|key| root.get(key).is_some())
}

/// Returns the experiment templates that there will be after the plan, or that there are in a state.
pub(super) fn templates(root: &Node) -> Found {
    let mut found = Found::default();
    if let Some(changes) = root.get("resource_changes") {
        for change in items(&changes.node) {
            let Some(values) = change.get("change").and_then(|entry| entry.node.get("after")) else {
                continue;
            };
            // A resource that is to be destroyed has `null` here, and is not judged.
            if matches!(values.node.content, config::Content::Table(_)) {
                let unknown = change.get("change").and_then(|entry| entry.node.get("after_unknown"));
                found.take(change, || mark_unknown(Some(&values.node), unknown.map(|entry| &*entry.node)));
            }
        }
        return found;
    }
    let values = root.get("values").or_else(|| root.get("planned_values"));
    let mut modules: Vec<&Node> = values
        .and_then(|values| values.node.get("root_module"))
        .map(|entry| &*entry.node)
        .into_iter()
        .collect();
    while let Some(module) = modules.pop() {
        modules.extend(module.get("child_modules").into_iter().flat_map(|entry| items(&entry.node)));
        let resources = module.get("resources").into_iter().flat_map(|entry| items(&entry.node));
        for resource in resources {
            found.take(resource, || mark_unknown(resource.get("values").map(|entry| &*entry.node), None));
        }
    }
    found
}

/// Returns the items of a list. A node of another kind has none.
fn items(node: &Node) -> impl Iterator<Item = &Node> {
    let items: &[_] = match &node.content {
        config::Content::List(items) => items,
        _ => &[],
    };
    items.iter().map(|item| &**item)
}

impl Found {
    /// Takes a resource if it is an experiment template. Only then are its values read.
    fn take(&mut self, resource: &Node, values: impl FnOnce() -> Tree) {
        let text = |key| resource.get(key).and_then(|entry| entry.node.text());
        if text("mode").is_some_and(|mode| mode != "managed") {
            return;
        }
        let name = || text("address").unwrap_or_else(|| TYPE.to_owned());
        match text("type").as_deref() {
            Some(TYPE) => {
                let tree = as_fis_has_it(&values());
                self.templates.push(Template::read(name(), Style::Terraform, &tree));
            }
            Some(OTHER_TYPE) => {
                let why = "the resources of the provider awscc are not read".to_owned();
                self.unread.push(Unread { name: name(), mark: None, why });
            }
            _ => {}
        }
    }
}

/// Returns the values of a resource, in which those are marked that are known only after the apply. `unknown`
/// has the shape of `after`, and `true` in the place of each such value.
fn mark_unknown(after: Option<&Node>, unknown: Option<&Node>) -> Tree {
    if unknown.and_then(Node::text).as_deref() == Some("true") {
        return Tree::new(TreeContent::Unknown("known after apply".to_owned()));
    }
    let Some(after) = after else { return Tree::new(TreeContent::Nothing) };
    Tree::new(match &after.content {
        config::Content::Scalar(_) => after.text().map_or(TreeContent::Nothing, TreeContent::Text),
        config::Content::List(list) => {
            // The list of what is not known may be shorter, and the items behind its end are known.
            let mut unknown = unknown.into_iter().flat_map(items);
            TreeContent::List(list.iter().map(|item| mark_unknown(Some(item), unknown.next())).collect())
        }
        config::Content::Table(entries) => {
            let unknown = unknown.and_then(|unknown| match &unknown.content {
                config::Content::Table(entries) => Some(entries),
                _ => None,
            });
            let keys: BTreeSet<&String> =
                entries.keys().chain(unknown.into_iter().flat_map(|entries| entries.keys())).collect();
            let value = |key: &String| {
                let unknown = unknown.and_then(|entries| entries.get(key)).map(|entry| &*entry.node);
                mark_unknown(entries.get(key).map(|entry| &*entry.node), unknown)
            };
            TreeContent::Table(keys.into_iter().map(|key| (key.clone(), value(key))).collect())
        }
    })
}

/// Returns the values as FIS has them, since the provider has blocks where FIS has tables, and names of its
/// own.
fn as_fis_has_it(values: &Tree) -> Tree {
    // The tags of the provider's configuration are only in `tags_all`.
    let tags = values.get("tags_all").or_else(|| values.get("tags")).cloned();
    let options = block(values, "experiment_options").map(|options| {
        rename_fields(options, &[("emptyTargetResolutionMode", "empty_target_resolution_mode")])
    });
    let log = block(values, "log_configuration").map(|log| {
        let to = |key: &str| block(log, key).cloned();
        table([
            ("cloudWatchLogsConfiguration", to("cloudwatch_logs_configuration")),
            ("s3Configuration", to("s3_configuration")),
        ])
    });
    table([
        ("description", values.get("description").cloned()),
        ("roleArn", values.get("role_arn").cloned()),
        ("stopConditions", values.get("stop_condition").cloned()),
        ("targets", Some(read_by_name(values, "target", target))),
        ("actions", Some(read_by_name(values, "action", action))),
        ("logConfiguration", log),
        ("experimentOptions", options),
        ("experimentReportConfiguration", block(values, "experiment_report_configuration").cloned()),
        ("tags", tags),
    ])
}

fn target(target: &Tree) -> Tree {
    table([
        ("resourceType", target.get("resource_type").cloned()),
        ("selectionMode", target.get("selection_mode").cloned()),
        ("resourceArns", target.get("resource_arns").cloned()),
        ("resourceTags", Some(pairs(target, "resource_tag"))),
        ("filters", target.get("filter").cloned()),
        ("parameters", target.get("parameters").cloned()),
    ])
}

fn action(action: &Tree) -> Tree {
    table([
        ("actionId", action.get("action_id").cloned()),
        ("parameters", Some(pairs(action, "parameter"))),
        ("targets", Some(pairs(action, "target"))),
        ("startAfter", action.get("start_after").cloned()),
    ])
}

fn table<const N: usize>(entries: [(&str, Option<Tree>); N]) -> Tree {
    let entries = entries.into_iter().filter_map(|(key, tree)| Some((key.to_owned(), tree?)));
    Tree::new(TreeContent::Table(entries.collect()))
}

/// Returns a table with FIS's names of the fields. Each pair has FIS's name and then the provider's.
fn rename_fields(tree: &Tree, names: &[(&str, &str)]) -> Tree {
    if matches!(tree.content, TreeContent::Unknown(_)) {
        return tree.clone();
    }
    let entries = names.iter().filter_map(|(name, own)| Some(((*name).to_owned(), tree.get(own)?.clone())));
    Tree::new(TreeContent::Table(entries.collect()))
}

/// Returns the blocks of this kind. A value that is not known counts as one block.
fn blocks<'t>(tree: &'t Tree, kind: &str) -> &'t [Tree] {
    match tree.get(kind) {
        Some(Tree { content: TreeContent::List(blocks), .. }) => blocks,
        Some(other) => std::slice::from_ref(other),
        None => &[],
    }
}

fn block<'t>(tree: &'t Tree, kind: &str) -> Option<&'t Tree> {
    blocks(tree, kind).first()
}

/// Returns the blocks of this kind as a table, by their names.
fn read_by_name(tree: &Tree, kind: &str, read: fn(&Tree) -> Tree) -> Tree {
    collect_blocks(tree, kind, "name", read)
}

/// Returns blocks that have a key and a value as a table.
fn pairs(tree: &Tree, kind: &str) -> Tree {
    collect_blocks(tree, kind, "key", |pair| {
        pair.get("value").cloned().unwrap_or(Tree::new(TreeContent::Nothing))
    })
}

fn collect_blocks(tree: &Tree, kind: &str, key: &str, read: impl Fn(&Tree) -> Tree) -> Tree {
    let mut entries = BTreeMap::new();
    for block in blocks(tree, kind) {
        let Some(name) = block.get(key).and_then(Tree::text) else {
            return Tree::new(TreeContent::Unknown("known after apply".to_owned()));
        };
        if entries.insert(name.to_owned(), read(block)).is_some() {
            // A table cannot have a name twice, and which of the two blocks counts is not known. A text in
            // the place of the table makes the reader say that it has the wrong shape.
            return Tree::new(TreeContent::Text(name.to_owned()));
        }
    }
    Tree::new(TreeContent::Table(entries))
}
