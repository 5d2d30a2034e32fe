//! The experiment template as the rules read it. Each part of it is missing, not known, or known.
//!
//! The reader refuses nothing. A part that does not have the shape that FIS takes is noted, and counts as not
//! known, so that the rules judge all other parts.

use super::tree::{Tree, TreeContent};
use faultgate_config::Mark;

/// Maximum number of entries of a list or a table. FIS takes 50 tags, and less of everything else. The number
/// is bounded because names are compared with each other.
const MAX_ENTRIES: usize = 50;
/// The words for such a list in a finding.
const A_FEW: &str = "a list of at most 50";

/// The format in which a template is written, and so the one of the lines that are to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Fis,
    CloudFormation,
    Terraform,
}

/// The content of a part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held<T> {
    /// The template does not have the part.
    Missing,
    /// The value is not known. The text is what stands in its place, such as `!Ref Alarm`.
    Unknown(String),
    Known(T),
}

/// A part of a template, with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value<T> {
    /// The place, or `None` where nobody knows it.
    pub(super) mark: Option<Mark>,
    pub(super) held: Held<T>,
}

impl<T> Value<T> {
    pub(super) fn get_known(&self) -> Option<&T> {
        match &self.held {
            Held::Known(value) => Some(value),
            Held::Missing | Held::Unknown(_) => None,
        }
    }

    /// Returns what stands in the place of a value that is not known.
    pub(super) fn get_unknown(&self) -> Option<&str> {
        match &self.held {
            Held::Unknown(written) => Some(written),
            Held::Missing | Held::Known(_) => None,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.held, Held::Missing)
    }
}

impl<T> Value<Vec<T>> {
    /// Returns the items of a list that is known. A list that is missing or not known has none.
    pub(super) fn items(&self) -> &[T] {
        self.get_known().map_or(&[], Vec::as_slice)
    }

    /// Says whether the list is known to have no items. A missing list is empty too.
    pub(super) fn is_empty(&self) -> bool {
        self.get_unknown().is_none() && self.items().is_empty()
    }
}

pub(super) type Text = Value<String>;
/// Texts with their names, sorted by the names.
pub(super) type Texts = Value<Vec<(String, Text)>>;

/// The templates of a file, and the parts of it that may be templates and could not be read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) templates: Vec<Template>,
    pub(super) unread: Vec<Unread>,
}

/// An experiment template, or a part of one, that is made of the file and is not in it.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) name: String,
    pub(super) mark: Option<Mark>,
    pub(super) why: String,
}

/// An experiment template. The fields that are not explained have the names that FIS gives them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The name by which people know the template: its id, or the name of its resource.
    pub(super) name: String,
    pub(super) style: Style,
    pub(super) mark: Option<Mark>,
    pub(super) description: Text,
    pub(super) role_arn: Text,
    pub(super) stop_conditions: Value<Vec<StopCondition>>,
    pub(super) targets: Value<Vec<TemplateTarget>>,
    pub(super) actions: Value<Vec<TemplateAction>>,
    /// `true` if the template says where the log goes, and `false` if it has a log that goes nowhere.
    pub(super) log: Value<bool>,
    /// `true` if FIS makes a report.
    pub(super) report: Value<bool>,
    pub(super) tags: Texts,
    /// The value of `emptyTargetResolutionMode`.
    pub(super) empty_targets: Text,
    /// The ids of the rules that the template itself leaves out.
    pub(super) ignored: Vec<String>,
    /// The parts that do not have the shape which FIS takes, each with its place and a sentence.
    pub(super) misshapen: Vec<(Option<Mark>, String)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct StopCondition {
    pub(super) mark: Option<Mark>,
    pub(super) source: Text,
    pub(super) value: Text,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TemplateTarget {
    pub(super) name: String,
    pub(super) mark: Option<Mark>,
    pub(super) resource_type: Text,
    pub(super) selection: Text,
    pub(super) arns: Value<Vec<Text>>,
    pub(super) tags: Texts,
    pub(super) filters: Value<Vec<Filter>>,
    pub(super) parameters: Texts,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) path: Text,
    pub(super) values: Value<Vec<Text>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TemplateAction {
    pub(super) name: String,
    pub(super) mark: Option<Mark>,
    pub(super) id: Text,
    pub(super) parameters: Texts,
    /// The names of the targets, by the keys that the action has for them.
    pub(super) targets: Texts,
    pub(super) start_after: Value<Vec<Text>>,
}

impl TemplateAction {
    /// Returns the id, or an empty text where it is not known.
    pub(super) fn known_id(&self) -> &str {
        self.id.get_known().map_or("", String::as_str)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&Text> {
        self.parameters.items().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Says whether the action acts on the target. The error says what is not known.
    pub(super) fn uses(&self, target: &str) -> Result<bool, String> {
        if self.targets.items().iter().any(|(_, name)| name.get_known().is_some_and(|name| name == target)) {
            return Ok(true);
        }
        if let Some(written) = self.targets.get_unknown() {
            return Err(format!("the targets of the action {} are {written}", self.name));
        }
        match self.targets.items().iter().find_map(|(_, name)| name.get_unknown()) {
            Some(written) => Err(format!("the action {} acts on the target {written}", self.name)),
            None => Ok(false),
        }
    }
}

impl Template {
    /// Reads a template from a tree whose fields have the names of FIS's API.
    pub(super) fn read(name: String, style: Style, tree: &Tree) -> Self {
        let mut reader = TemplateReader::default();
        let options = tree.field("experimentOptions");
        Self {
            name,
            style,
            mark: tree.mark,
            description: reader.text(tree.field("description"), "description"),
            role_arn: reader.text(tree.field("roleArn"), "roleArn"),
            stop_conditions: reader.list(
                tree.field("stopConditions"),
                "stopConditions",
                TemplateReader::stop_condition,
            ),
            targets: reader.table(tree.field("targets"), "targets", TemplateReader::target),
            actions: reader.table(tree.field("actions"), "actions", TemplateReader::action),
            log: log(tree.field("logConfiguration")),
            report: reader.read(tree.field("experimentReportConfiguration"), |_, _| Held::Known(true)),
            tags: reader.texts(tree.field("tags"), "tags"),
            empty_targets: reader.text(
                options.and_then(|options| options.field("emptyTargetResolutionMode")),
                "experimentOptions",
            ),
            ignored: Vec::new(),
            misshapen: reader.misshapen,
        }
    }

    /// Returns the template with the ids of the rules that it leaves out.
    pub(super) fn ignoring(self, ignored: Vec<String>) -> Self {
        Self { ignored, ..self }
    }

    pub(super) fn target(&self, name: &str) -> Option<&TemplateTarget> {
        self.targets.items().iter().find(|target| target.name == name)
    }
}

/// Reads whether the log goes anywhere. A log needs one of two places.
fn log(tree: Option<&Tree>) -> Value<bool> {
    let held = match tree.map(|tree| (tree, &tree.content)) {
        None | Some((_, TreeContent::Nothing)) => Held::Missing,
        Some((_, TreeContent::Unknown(written))) => Held::Unknown(written.clone()),
        Some((tree, _)) => {
            let places = ["cloudWatchLogsConfiguration", "s3Configuration"].map(|name| tree.field(name));
            let named = places.into_iter().flatten().map(|place| match &place.content {
                TreeContent::Unknown(written) => Held::Unknown(written.clone()),
                _ => Held::Known(true),
            });
            // A single place that is known is enough, whatever the other one is.
            named.min_by_key(|held| matches!(held, Held::Unknown(_))).unwrap_or(Held::Known(false))
        }
    };
    Value { mark: tree.and_then(|tree| tree.mark), held }
}

/// The reader of a template, which notes the parts that do not have the shape which FIS takes.
#[derive(Default)]
struct TemplateReader {
    misshapen: Vec<(Option<Mark>, String)>,
}

impl TemplateReader {
    /// Notes that a part is not what FIS takes, and returns it as not known. `is` completes "PATH is not".
    fn refuse<T>(&mut self, tree: &Tree, path: &str, is: &str) -> Held<T> {
        self.misshapen.push((tree.mark, format!("{path} is not {is}")));
        Held::Unknown(format!("something that is not {is}"))
    }

    /// Reads a part, and calls `known` only if the tree has content that is known.
    fn read<T>(&mut self, tree: Option<&Tree>, known: impl FnOnce(&mut Self, &Tree) -> Held<T>) -> Value<T> {
        let held = match tree.map(|tree| (tree, &tree.content)) {
            None | Some((_, TreeContent::Nothing)) => Held::Missing,
            Some((_, TreeContent::Unknown(written))) => Held::Unknown(written.clone()),
            Some((tree, _)) => known(self, tree),
        };
        Value { mark: tree.and_then(|tree| tree.mark), held }
    }

    fn text(&mut self, tree: Option<&Tree>, path: &str) -> Text {
        self.read(tree, |reader, tree| match &tree.content {
            TreeContent::Text(text) => Held::Known(text.trim().to_owned()),
            _ => reader.refuse(tree, path, "a text"),
        })
    }

    fn list<T>(
        &mut self,
        tree: Option<&Tree>,
        path: &str,
        item: fn(&mut Self, &Tree, &str) -> T,
    ) -> Value<Vec<T>> {
        self.read(tree, |reader, tree| match &tree.content {
            TreeContent::List(items) if items.len() > MAX_ENTRIES => reader.refuse(tree, path, A_FEW),
            TreeContent::List(items) => {
                // CloudFormation removes an item whose value is `AWS::NoValue`.
                let items = items.iter().filter(|item| item.content != TreeContent::Nothing).enumerate();
                let read = items.map(|(place, tree)| item(reader, tree, &format!("{path}[{place}]")));
                Held::Known(read.collect())
            }
            _ => reader.refuse(tree, path, "a list"),
        })
    }

    fn table<T>(
        &mut self,
        tree: Option<&Tree>,
        path: &str,
        entry: fn(&mut Self, &str, &Tree, &str) -> T,
    ) -> Value<Vec<T>> {
        self.read(tree, |reader, tree| match &tree.content {
            TreeContent::Table(entries) if entries.len() > MAX_ENTRIES => reader.refuse(tree, path, A_FEW),
            TreeContent::Table(entries) => {
                let entries = entries.iter().filter(|(_, tree)| tree.content != TreeContent::Nothing);
                let read = entries.map(|(name, tree)| entry(reader, name, tree, &format!("{path}.{name}")));
                Held::Known(read.collect())
            }
            _ => reader.refuse(tree, path, "a table of names"),
        })
    }

    fn texts(&mut self, tree: Option<&Tree>, path: &str) -> Texts {
        self.table(tree, path, |reader, name, tree, path| (name.to_owned(), reader.text(Some(tree), path)))
    }

    fn all(&mut self, tree: Option<&Tree>, path: &str) -> Value<Vec<Text>> {
        self.list(tree, path, |reader, tree, path| reader.text(Some(tree), path))
    }

    /// Notes a part that should be a table and is none. Its fields are then read as missing.
    fn is_table(&mut self, tree: &Tree, path: &str) {
        if !matches!(tree.content, TreeContent::Table(_) | TreeContent::Unknown(_)) {
            self.misshapen.push((tree.mark, format!("{path} is not a table")));
        }
    }

    fn stop_condition(&mut self, tree: &Tree, path: &str) -> StopCondition {
        self.is_table(tree, path);
        StopCondition {
            mark: tree.mark,
            source: self.text(tree.field("source"), path),
            value: self.text(tree.field("value"), path),
        }
    }

    fn target(&mut self, name: &str, tree: &Tree, path: &str) -> TemplateTarget {
        self.is_table(tree, path);
        let at = |field: &str| format!("{path}.{field}");
        TemplateTarget {
            name: name.to_owned(),
            mark: tree.mark,
            resource_type: self.text(tree.field("resourceType"), &at("resourceType")),
            selection: self.text(tree.field("selectionMode"), &at("selectionMode")),
            arns: self.all(tree.field("resourceArns"), &at("resourceArns")),
            tags: self.texts(tree.field("resourceTags"), &at("resourceTags")),
            filters: self.list(tree.field("filters"), &at("filters"), |reader, tree, path| {
                reader.is_table(tree, path);
                Filter {
                    path: reader.text(tree.field("path"), path),
                    values: reader.all(tree.field("values"), &format!("{path}.values")),
                }
            }),
            parameters: self.texts(tree.field("parameters"), &at("parameters")),
        }
    }

    fn action(&mut self, name: &str, tree: &Tree, path: &str) -> TemplateAction {
        self.is_table(tree, path);
        let at = |field: &str| format!("{path}.{field}");
        TemplateAction {
            name: name.to_owned(),
            mark: tree.mark,
            id: self.text(tree.field("actionId"), &at("actionId")),
            parameters: self.texts(tree.field("parameters"), &at("parameters")),
            targets: self.texts(tree.field("targets"), &at("targets")),
            start_after: self.all(tree.field("startAfter"), &at("startAfter")),
        }
    }
}
