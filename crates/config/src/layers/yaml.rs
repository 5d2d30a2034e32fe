//! YAML as suites are written in it, with anchors, aliases and merge keys (`<<`), and with the place of
//! everything.
//!
//! The events come from the parser that the `config` crate uses, so that values mean the same here as there.
//! Depth, size and the number of faults are limited: a few lines of aliases could otherwise stand for more
//! than fits into memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::rc::Rc;

use ::config::ValueKind;
use faultgate_core::mistake::quote;
use yaml_rust2::Yaml;
use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

use crate::layers::tree::{Content, Entry, Mark, Node};

/// Limit of the levels of a text. No suite is so deep.
const MAX_DEPTH: usize = 64;

/// Limit of the faults that are told. More of them help nobody.
const MAX_FAULTS: usize = 20;

/// The prefix of YAML's own tags.
const CORE: &str = "tag:yaml.org,2002:";

/// The reason why a text is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct YamlFault {
    /// The end of a sentence that begins with the file.
    pub what: String,
    pub hint: &'static str,
    pub mark: Option<Mark>,
}

/// A fault in the syntax of a text.
fn fault(what: impl std::fmt::Display, mark: Mark) -> YamlFault {
    let what = format!("does not parse: {what} at line {} column {}", mark.line, mark.column);
    YamlFault { what, hint: "correct the file", mark: Some(mark) }
}

/// The content of a text with one document. With its aliases written out, it may have `most` characters.
///
/// # Errors
///
/// All the faults in the text, up to a limit.
pub fn parse(text: &str, most: usize) -> Result<Rc<Node>, Vec<YamlFault>> {
    let mut composer = Composer { most, ..Composer::default() };
    if let Some(fault) = unprintable(text) {
        composer.faults.push(fault);
    } else if let Err(fault) = composer.read(text) {
        composer.faults.push(fault);
    }
    let mut documents = composer.documents;
    if documents.len() > 1 && composer.faults.is_empty() {
        let what = format!("there are {} documents in it, and one is taken", documents.len());
        composer.faults.push(fault(what, documents[1].mark));
    }
    if !composer.faults.is_empty() {
        return Err(composer.faults);
    }
    // A file of comments alone is an empty table.
    Ok(documents.pop().unwrap_or_else(|| {
        let content = Content::Table(HashMap::new());
        Rc::new(Node { mark: Mark { line: 1, column: 1 }, tag: None, content, depth: 1 })
    }))
}

/// The fault of the first character that YAML does not allow. The parser takes some of them for the end of
/// the text, so that everything after them would be lost silently.
fn unprintable(text: &str) -> Option<YamlFault> {
    let is_printable = |c: char| match c {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    let (line, text) = text.lines().enumerate().find(|(_, text)| !text.chars().all(is_printable))?;
    let (column, character) = text.chars().enumerate().find(|(_, c)| !is_printable(*c))?;
    let what = format!("the character U+{:04X} is not allowed", u32::from(character));
    Some(fault(what, Mark { line: line + 1, column: column + 1 }))
}

/// A list or a table that has not ended yet.
struct Open {
    mark: Mark,
    anchor: usize,
    tag: Option<String>,
    content: Content,
    /// The key whose value comes next; `None` if a key comes next.
    key: Option<YamlKey>,
    /// Tables to merge, in the order in which they are written.
    merged: Vec<(Mark, Rc<Node>)>,
    depth: usize,
    /// Characters counted before it began.
    counted: usize,
}

impl Open {
    /// Corrects the beginning: the parser lets a table without braces begin at its first colon.
    fn begins_at(&mut self, key: Mark) {
        if (key.line, key.column) < (self.mark.line, self.mark.column) {
            self.mark = key;
        }
    }
}

enum YamlKey {
    Text(String, Mark),
    Merge,
    /// A key that cannot be one, which has been told.
    Broken,
}

#[derive(Default)]
struct Composer {
    documents: Vec<Rc<Node>>,
    open: Vec<Open>,
    /// Nodes that have ended, by anchor, each with its size in characters.
    anchored: HashMap<usize, (Rc<Node>, usize)>,
    /// Characters so far, with aliases written out.
    counted: usize,
    most: usize,
    faults: Vec<YamlFault>,
}

impl Composer {
    fn read(&mut self, text: &str) -> Result<(), YamlFault> {
        let mut parser = Parser::new_from_str(text);
        while self.faults.len() < MAX_FAULTS {
            let (event, marker) = parser.next_token().map_err(|error| of_parser(&error, text))?;
            let mark = mark(marker);
            match event {
                Event::StreamEnd => return Ok(()),
                Event::SequenceStart(anchor, tag) => {
                    self.begin(Content::List(Vec::new()), anchor, tag.as_ref(), mark)?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.begin(Content::Table(HashMap::new()), anchor, tag.as_ref(), mark)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(),
                Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag, mark)?,
                Event::Alias(anchor) => self.alias(anchor, mark)?,
                Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn count(&mut self, more: usize, mark: Mark) -> Result<(), YamlFault> {
        self.counted = self.counted.saturating_add(more);
        if self.counted > self.most {
            let what = format!("is larger than {} MiB with its aliases written out", self.most >> 20);
            return Err(YamlFault { what, hint: "use fewer aliases", mark: Some(mark) });
        }
        Ok(())
    }

    fn begin(
        &mut self,
        content: Content,
        anchor: usize,
        tag: Option<&Tag>,
        mark: Mark,
    ) -> Result<(), YamlFault> {
        let counted = self.counted;
        self.count(1, mark)?;
        let tag = tag.and_then(local);
        self.open.push(Open { mark, anchor, tag, content, key: None, merged: Vec::new(), depth: 1, counted });
        self.is_not_too_deep(0, mark)
    }

    fn is_not_too_deep(&self, below: usize, mark: Mark) -> Result<(), YamlFault> {
        if self.open.len() + below > MAX_DEPTH {
            return Err(too_deep(mark));
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some(mut ended) = self.open.pop() else { return };
        if let Content::Table(entries) = &mut ended.content {
            // The merge waits for the end of the table: keys of its own go before merged ones, wherever they
            // stand.
            for (mark, tables) in std::mem::take(&mut ended.merged) {
                if !merge(entries, &tables) {
                    let what = "<<: is neither a table nor a list of tables, and takes over nothing else";
                    self.faults.push(fault(what, mark));
                }
            }
        }
        let Open { mark, tag, content, depth, anchor, counted, .. } = ended;
        self.put(Rc::new(Node { mark, tag, content, depth }), anchor, counted);
    }

    fn scalar(
        &mut self,
        text: String,
        style: TScalarStyle,
        anchor: usize,
        tag: Option<Tag>,
        mark: Mark,
    ) -> Result<(), YamlFault> {
        let counted = self.counted;
        // Every node counts at least 1, so that there is a limit to empty ones too.
        self.count(text.len() + 1, mark)?;
        let is_merge = style == TScalarStyle::Plain && tag.is_none() && text == "<<";
        if let Some(open @ Open { content: Content::Table(_), key: None, .. }) = self.open.last_mut()
            && is_merge
        {
            open.begins_at(mark);
            if open.merged.is_empty() {
                open.key = Some(YamlKey::Merge);
            } else {
                open.key = Some(YamlKey::Broken);
                self.faults.push(fault("the key << is there twice; write one, with a list", mark));
            }
            return Ok(());
        }
        let local = tag.as_ref().and_then(local);
        let kind = match resolve_scalar(text, style, tag) {
            Yaml::String(text) => ValueKind::String(text),
            Yaml::Integer(number) => ValueKind::I64(number),
            Yaml::Boolean(word) => ValueKind::Boolean(word),
            // A number as a key is text, with the digits that stand in the file.
            Yaml::Real(text) if self.expects_key() => ValueKind::String(text),
            Yaml::Real(text) => {
                if let Ok(number) = text.parse() {
                    ValueKind::Float(number)
                } else {
                    self.faults.push(fault(format!("{} is not a number that is taken", quote(&text)), mark));
                    ValueKind::Nil
                }
            }
            _ => ValueKind::Nil,
        };
        let content = Content::Scalar(kind);
        self.put(Rc::new(Node { mark, tag: local, content, depth: 1 }), anchor, counted);
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Table(_), key: None, .. }))
    }

    /// Puts the node of an anchor, which keeps its own place. An alias within its own anchor stands for null.
    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), YamlFault> {
        let counted = self.counted;
        let (node, size) = self.anchored.get(&anchor).cloned().unwrap_or_else(|| {
            let content = Content::Scalar(ValueKind::Nil);
            (Rc::new(Node { mark, tag: None, content, depth: 1 }), 1)
        });
        // An alias counts as much as what it stands for, which is the guard against aliases of aliases.
        self.count(size.max(1), mark)?;
        self.is_not_too_deep(node.depth, mark)?;
        self.put(node, 0, counted);
        Ok(())
    }

    /// Puts a node that is whole to where it belongs: into the list or table that is open, or among the
    /// documents.
    fn put(&mut self, node: Rc<Node>, anchor: usize, counted: usize) {
        if anchor > 0 {
            self.anchored.insert(anchor, (node.clone(), self.counted - counted));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return;
        };
        // A merged table is on the same level as the table that it is merged into.
        let below = if matches!(open.key, Some(YamlKey::Merge)) { node.depth } else { node.depth + 1 };
        open.depth = open.depth.max(below);
        match (&mut open.content, open.key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Table(_), None) => {
                open.begins_at(node.mark);
                open.key = Some(if let Some(text) = key(&node) {
                    YamlKey::Text(text, node.mark)
                } else {
                    self.faults.push(fault("a key is neither text nor a number", node.mark));
                    YamlKey::Broken
                });
            }
            (Content::Table(_), Some(YamlKey::Merge)) => open.merged.push((node.mark, node)),
            (Content::Table(entries), Some(YamlKey::Text(text, mark))) => match entries.entry(text) {
                Occupied(first) => {
                    let what = format!("the key {} is there twice", quote(first.key()));
                    self.faults.push(fault(what, mark));
                }
                Vacant(free) => {
                    free.insert(Entry { mark, node });
                }
            },
            (Content::Table(_), Some(YamlKey::Broken)) | (Content::Scalar(_), _) => {}
        }
    }
}

/// Adds the entries that are not there yet. Returns `false` if `from` is neither a table nor a list of
/// tables.
fn merge(entries: &mut HashMap<String, Entry>, from: &Node) -> bool {
    match &from.content {
        Content::Table(others) => {
            for (key, entry) in others {
                entries.entry(key.clone()).or_insert_with(|| entry.clone());
            }
            true
        }
        Content::List(tables) => {
            tables.iter().all(|table| matches!(table.content, Content::Table(_)) && merge(entries, table))
        }
        Content::Scalar(_) => false,
    }
}

fn key(node: &Node) -> Option<String> {
    match &node.content {
        Content::Scalar(ValueKind::Nil) | Content::List(_) | Content::Table(_) => None,
        Content::Scalar(kind) => Some(kind.to_string()),
    }
}

/// The name of a tag that is not YAML's own, such as `Ref` of `!Ref`.
fn local(tag: &Tag) -> Option<String> {
    (tag.handle == "!").then(|| tag.suffix.clone())
}

/// The meaning of a scalar. It must be the one that `YamlLoader` gives it, since the `config` crate uses
/// that.
fn resolve_scalar(text: String, style: TScalarStyle, tag: Option<Tag>) -> Yaml {
    if style != TScalarStyle::Plain {
        return Yaml::String(text);
    }
    let Some(Tag { handle, suffix }) = tag else { return Yaml::from_str(&text) };
    if handle != CORE {
        return Yaml::String(text);
    }
    let wanted = |plain: Yaml, fits: bool| if fits { plain } else { Yaml::Null };
    let plain = Yaml::from_str(&text);
    match suffix.as_str() {
        "bool" => wanted(
            match text.as_str() {
                "true" | "True" | "TRUE" => Yaml::Boolean(true),
                _ => Yaml::Boolean(false),
            },
            ["true", "True", "TRUE", "false", "False", "FALSE"].contains(&text.as_str()),
        ),
        "int" => text.parse().map_or(Yaml::Null, Yaml::Integer),
        "float" => {
            let is_number = matches!(plain, Yaml::Real(_) | Yaml::Integer(_));
            wanted(Yaml::Real(text), is_number)
        }
        "null" => Yaml::Null,
        _ => Yaml::String(text),
    }
}

fn mark(marker: Marker) -> Mark {
    // The parser counts lines from 1, but columns from 0.
    Mark { line: marker.line(), column: marker.col() + 1 }
}

fn too_deep(mark: Mark) -> YamlFault {
    YamlFault { what: "is nested too deeply".to_owned(), hint: "write it flatter", mark: Some(mark) }
}

fn of_parser(error: &ScanError, text: &str) -> YamlFault {
    let at = mark(*error.marker());
    // The parser reads ahead and has a recursion limit of its own.
    if error.info().contains("recursion limit") {
        return too_deep(at);
    }
    let fault = fault(error.info(), at);
    // The braces in `{ template: ${ID} }` are YAML's own: a common slip.
    if text.contains("${") {
        return YamlFault { hint: "correct the file; inside { } or [ ] put ${…} in quotes", ..fault };
    }
    fault
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
