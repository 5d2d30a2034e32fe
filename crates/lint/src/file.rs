//! The way from the text of a file to the experiment templates in it, in FIS's own JSON, in CloudFormation,
//! or in Terraform's JSON.
//!
//! The format is told by the content, not by the file's name. A file that holds none of the three is refused
//! with a hint.

use std::rc::Rc;

use super::template::{Found, Style, Template};
use super::tree::Tree;
use super::{cloudformation, terraform};
use faultgate_config::{Content, Node, UniqueKeys, YamlFault, parse_yaml};
use faultgate_core::text::plain;

/// Maximum number of bytes of a file. Plans of Terraform are large, but a larger file is a wrong one.
pub const MAX_BYTES: u64 = 16 << 20;
/// Maximum number of characters of YAML, with its aliases written out.
const MAX_CHARS: usize = 1 << 20;
/// The name of a template that has none.
const UNNAMED: &str = "template";
/// The keys by which a template in FIS's own JSON is recognised.
const FIELDS: [&str; 4] = ["actions", "stopConditions", "targets", "roleArn"];

const HINT: &str = "name the JSON that aws fis get-experiment-template prints, a CloudFormation template with an \
                    AWS::FIS::ExperimentTemplate, or what terraform show -json prints of a plan";

/// Returns the templates in a file. The errors say why the file is refused.
pub(super) fn templates(bytes: &[u8]) -> Result<Found, Vec<YamlFault>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|b| *b == b'\n').count();
        vec![refuse(format!("is not valid UTF-8 at line {line}"), "write the file in UTF-8")]
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    find_templates(&*parse(text)?)
}

/// Returns the template that FIS has described in JSON.
pub(super) fn read_described(id: &str, json: &serde_json::Value) -> Template {
    Template::read(id.to_owned(), Style::Fis, &Tree::of(&Node::of_json(json), &|_| None))
}

fn refuse(what: impl Into<String>, hint: &'static str) -> YamlFault {
    YamlFault { what: what.into(), hint, mark: None }
}

/// Parses a text as YAML or JSON.
fn parse(text: &str) -> Result<Rc<Node>, Vec<YamlFault>> {
    // JSON is read as YAML as well, since the reader of YAML alone knows where everything stands.
    if !text.trim_start().starts_with(['{', '[']) {
        let parsed = parse_yaml(text, MAX_CHARS);
        let is_table = matches!(&parsed, Ok(node) if matches!(node.content, Content::Table(_)));
        // The YAML is tried first, since lines of a text in YAML may look like Terraform's own language.
        return if !is_table && is_hcl(text) { Err(vec![hcl()]) } else { parsed };
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => {
            // The parser itself keeps the last of two values of a key without a word.
            if let Err(error) = serde_json::from_str::<UniqueKeys>(text) {
                let hint = "write each key once: of two values FIS may take either";
                return Err(vec![refuse(plain(&error.to_string(), 200), hint)]);
            }
            let with_places = (text.len() <= MAX_CHARS).then(|| parse_yaml(text, MAX_CHARS).ok()).flatten();
            Ok(with_places.unwrap_or_else(|| Rc::new(Node::of_json(&json))))
        }
        // Braces may begin a text in YAML too, so a text that is no JSON has a second chance.
        Err(error) => parse_yaml(text, MAX_CHARS).map_err(|_| {
            vec![refuse(format!("does not parse: {}", plain(&error.to_string(), 200)), "correct the file")]
        }),
    }
}

/// Says whether a text looks like Terraform's own language, which is not read.
fn is_hcl(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("resource \""))
}

fn hcl() -> YamlFault {
    refuse(
        "is in Terraform's own language",
        "name its plan: terraform plan -out=plan && terraform show -json plan > plan.json",
    )
}

fn find_templates(root: &Node) -> Result<Found, Vec<YamlFault>> {
    let found = if cloudformation::is_one(root) {
        cloudformation::templates(root)
    } else if terraform::is_one(root) {
        terraform::templates(root)
    } else {
        return of_fis(root).map(|template| Found { templates: vec![template], ..Found::default() });
    };
    if found.templates.is_empty() && found.unread.is_empty() {
        return Err(vec![refuse("holds no FIS experiment template", HINT)]);
    }
    Ok(found)
}

/// Reads a template in FIS's own JSON.
fn of_fis(root: &Node) -> Result<Template, Vec<YamlFault>> {
    if root.get("experimentTemplates").is_some() {
        let hint = "a list says nothing of actions: name what aws fis get-experiment-template prints of each";
        return Err(vec![refuse("holds a list of FIS experiment templates", hint)]);
    }
    let inner = root.get("experimentTemplate").map_or(root, |entry| &*entry.node);
    let is_one =
        matches!(inner.content, Content::Table(_)) && FIELDS.iter().any(|key| inner.get(key).is_some());
    if !is_one {
        return Err(vec![refuse("is no FIS experiment template", HINT)]);
    }
    let id = inner.get("id").and_then(|entry| entry.node.text());
    Ok(Template::read(id.unwrap_or_else(|| UNNAMED.to_owned()), Style::Fis, &Tree::of(inner, &|_| None)))
}
