//! The reader of a policy's tree. It collects every mistake, each with its place and an example of what is
//! right.

use config::ValueKind;
use faultgate_config::{Content, Mark, Node};
use faultgate_core::mistake::{Mistake, Problem, key, quote, suggestion};

/// A value of the tree, with its path and the place of its key.
#[derive(Debug, Clone)]
pub(crate) struct PlacedValue<'n> {
    path: String,
    key: Mark,
    node: &'n Node,
}

impl<'n> PlacedValue<'n> {
    pub(crate) fn root(node: &'n Node) -> Self {
        Self { path: String::new(), key: node.mark, node }
    }

    /// Returns the value at a key of this table; `None` if there is none.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let entry = self.node.get(name)?;
        Some(Self { path: below(&self.path, name), key: entry.mark, node: &entry.node })
    }

    pub(crate) fn is_empty(&self) -> bool {
        match &self.node.content {
            Content::Scalar(kind) => matches!(kind, ValueKind::Nil),
            Content::Table(entries) => entries.is_empty(),
            Content::List(_) => false,
        }
    }

    /// Returns all values of this table, with their keys in alphabetical order.
    pub(crate) fn entries(&self) -> Vec<(&'n str, Self)> {
        let Content::Table(entries) = &self.node.content else { return Vec::new() };
        let mut names: Vec<&'n str> = entries.keys().map(String::as_str).collect();
        names.sort_unstable();
        names.into_iter().filter_map(|name| Some((name, self.get(name)?))).collect()
    }

    /// Returns the place of the value, or that of its key where the value is empty and has none.
    fn mark(&self) -> Mark {
        if matches!(self.node.content, Content::Scalar(ValueKind::Nil)) { self.key } else { self.node.mark }
    }
}

/// The mistakes in a file, collected while it is read.
#[derive(Debug)]
pub(crate) struct PolicyReader<'f> {
    file: &'f str,
    mistakes: Vec<(Mark, Mistake)>,
}

impl<'f> PolicyReader<'f> {
    pub(crate) fn new(file: &'f str) -> Self {
        Self { file, mistakes: Vec::new() }
    }

    /// Returns what was read, or the mistakes in the order of the file.
    pub(crate) fn finish<T>(mut self, read: Option<T>) -> Result<T, Vec<Mistake>> {
        match read {
            Some(read) if self.mistakes.is_empty() => Ok(read),
            _ => {
                self.mistakes.sort_by(|(a, one), (b, other)| a.cmp(b).then(one.message.cmp(&other.message)));
                Err(self.mistakes.into_iter().map(|(_, mistake)| mistake).collect())
            }
        }
    }

    /// Tells that a value is wrong. `what` completes a sentence that begins with its path.
    pub(crate) fn wrong(&mut self, found: &PlacedValue<'_>, what: &str, hint: impl Into<String>) {
        let path = if found.path.is_empty() { "policy" } else { &found.path };
        self.tell(found.mark(), Mistake::new(self.file, format!("{}: {what}", key(path))).hint(hint));
    }

    /// Tells that a key of a table is missing.
    pub(crate) fn missing(&mut self, table: &PlacedValue<'_>, name: &str, hint: &str) {
        let path = below(&table.path, name);
        self.tell(table.mark(), Mistake::new(self.file, format!("{}: is missing", key(&path))).hint(hint));
    }

    fn tell(&mut self, mark: Mark, mistake: Mistake) {
        // Line 0 stands for a place that the format does not tell.
        let place = (mark.line > 0).then(|| mark.in_file(self.file));
        self.mistakes.push((mark, mistake.at(place)));
    }

    /// Returns the value if it is a table, and tells of the keys in it that are not known.
    pub(crate) fn table<'n>(
        &mut self,
        found: Option<PlacedValue<'n>>,
        known: &[&str],
        example: &str,
    ) -> Option<PlacedValue<'n>> {
        let table = self.any_table(found?, example)?;
        for (name, entry) in table.entries() {
            if !known.contains(&name) {
                let path = key(&entry.path);
                let message = format!("{path}: is not a known key");
                let hint = suggestion(name, known);
                self.tell(entry.key, Mistake::new(self.file, message).hint(hint));
            }
        }
        Some(table)
    }

    /// Returns the value if it is a table, with whatever keys.
    pub(crate) fn any_table<'n>(&mut self, found: PlacedValue<'n>, example: &str) -> Option<PlacedValue<'n>> {
        if matches!(found.node.content, Content::Table(_)) {
            return Some(found);
        }
        self.not_a(&found, "a table of keys", example);
        None
    }

    /// Returns the items of a list, each parsed. A list without items is a mistake, since it would allow
    /// nothing, or everything.
    pub(crate) fn list<T>(
        &mut self,
        found: Option<PlacedValue<'_>>,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let items = self.items(&found?, &format!("[{example}]"))?;
        // Items with a mistake are left out here; `finish` refuses the whole file for them.
        Some(items.into_iter().filter_map(|item| self.parsed(Some(item), example, &parse)).collect())
    }

    /// Returns the items of a list that has some.
    pub(crate) fn items<'n>(
        &mut self,
        found: &PlacedValue<'n>,
        example: &str,
    ) -> Option<Vec<PlacedValue<'n>>> {
        let Content::List(items) = &found.node.content else {
            self.not_a(found, "a list", example);
            return None;
        };
        if items.is_empty() {
            self.wrong(found, "is an empty list", format!("leave it out, or write for example {example}"));
        }
        let item = |(place, node): (usize, &'n std::rc::Rc<Node>)| PlacedValue {
            path: format!("{}[{place}]", found.path),
            key: node.mark,
            node,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// Returns a text, parsed. A number is none: it would lose its leading zeros.
    pub(crate) fn parsed<T>(
        &mut self,
        found: Option<PlacedValue<'_>>,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let found = found?;
        let Content::Scalar(ValueKind::String(text)) = &found.node.content else {
            self.not_a(&found, "a text", example);
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(problem) => {
                let mistake = problem.at(&found.path, text, self.file, None);
                self.tell(found.mark(), mistake);
                None
            }
        }
    }

    /// Returns a whole number from 1 to `max`.
    pub(crate) fn count(
        &mut self,
        found: Option<PlacedValue<'_>>,
        max: usize,
        example: &str,
    ) -> Option<usize> {
        let found = found?;
        let is_number = matches!(
            &found.node.content,
            Content::Scalar(kind) if !matches!(kind, ValueKind::Nil | ValueKind::Boolean(_) | ValueKind::String(_))
        );
        let number = found.node.text().filter(|_| is_number).and_then(|text| text.parse().ok());
        let number = number.filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.not_a(&found, &format!("a whole number from 1 to {max}"), example);
        }
        number
    }

    /// Returns `true` if the truth value is there and true.
    pub(crate) fn is_true(&mut self, found: Option<PlacedValue<'_>>) -> bool {
        let Some(found) = found else { return false };
        if let Content::Scalar(ValueKind::Boolean(word)) = &found.node.content {
            return *word;
        }
        self.not_a(&found, "true or false", "true");
        false
    }

    /// Tells that a value has another form than it must.
    fn not_a(&mut self, found: &PlacedValue<'_>, form: &str, example: &str) {
        let written = match (&found.node.content, found.node.text()) {
            (Content::Scalar(ValueKind::String(text)), _) => quote(text),
            (Content::Scalar(_), Some(number)) => key(&number),
            (Content::Scalar(_), None) => "what is empty".to_owned(),
            (Content::List(_), _) => "a list".to_owned(),
            (Content::Table(_), _) => "a table of keys".to_owned(),
        };
        self.wrong(found, &format!("{written} is not {form}"), format!("write for example {example}"));
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
