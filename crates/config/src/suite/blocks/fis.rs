//! The block of an FIS experiment in a suite: one template, or a query that finds templates.

use std::collections::{BTreeMap, BTreeSet};

use ::config::{Value, ValueKind};
use faultgate_core::mistake::{FilePlace, Mistake, quote};

use crate::inputs::kind::{Kind, Parsed};
use crate::layers::file::bytes;
use crate::layers::tree::Table;
use crate::suite::keys::{Form, Item, Key, Names, Section, is_blank};
use crate::suite::reader::Reader;

const TEMPLATE_HINT: &str =
    "write the template's id, for example EXT1a2b3c4d5e6f7, or find templates by templates: { tags: … }";
const TAGS_HINT: &str = "write for example tags: { chaos: nightly }";
const TAG: Kind = Kind::Text { max: 256 };
/// Limit of a file of accounts, in bytes.
const MAX_ACCOUNTS_BYTES: u64 = 1 << 20;

/// The keys of the block of an FIS experiment.
#[rustfmt::skip]
pub(crate) const FIS: &[Key] = &[
    Key::new("template", Kind::Template, "FIS experiment template to run").example("EXT1a2b3c4d5e6f7"),
    Key::of("templates", Form::Block(TEMPLATES), "Query that finds templates: the entry stands for one experiment for each template, account and Region"),
    Key::new("region", Kind::Region, "AWS Region; that of the run unless said otherwise").example("eu-west-1"),
    Key::of("regions", Form::Values(Kind::Region), "AWS Regions in which templates are found").example("eu-west-1"),
    Key::new("role-arn", Kind::RoleArn, "Role to assume; that of the run unless said otherwise")
        .example("arn:aws:iam::111122223333:role/chaos"),
    Key::of("accounts", Form::Block(ACCOUNTS), "AWS accounts in which templates are found; that of role-arn unless said otherwise"),
];

/// The keys of the query that finds templates.
#[rustfmt::skip]
const TEMPLATES: &[Key] = &[
    Key::of("tags", Form::Texts(Names::Any, Item::Trimmed(TAG)), "Tags of a template, all of which must match")
        .needed(TAGS_HINT),
];

/// The keys of the accounts in which templates are found.
#[rustfmt::skip]
const ACCOUNTS: &[Key] = &[
    Key::new("unit", Kind::Unit, "Organizational unit or root of AWS Organizations: its active accounts, and those of the units below it")
        .example("ou-ab12-cd34ef56"),
    Key::new("file", Kind::Path, "File of accounts, an id on each line; # begins a comment").example("accounts.txt"),
    Key::new("role", Kind::RoleName, "Name of the role to assume in each account, with its path")
        .needed("write the name of the role in the accounts, for example chaos").example("chaos"),
];

/// The block of an FIS experiment. The inputs complete Region and role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FisBlock {
    pub(crate) subject: FisSubject,
    pub(crate) region: Option<String>,
    pub(crate) role_arn: Option<String>,
}

/// The subject of an entry of the suite: one template, or those that a query finds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FisSubject {
    Template(String),
    Query(QueryBlock),
}

/// The query of an entry of the suite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueryBlock {
    pub(crate) tags: BTreeMap<String, String>,
    /// Regions that are listed; none if it is the one of the block or of the run.
    pub(crate) regions: Vec<String>,
    pub(crate) members: Option<Members>,
    /// The place of the query in the file.
    pub(crate) place: Option<FilePlace>,
}

/// The accounts in which templates are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    pub from: MembersFrom,
    /// Name of the role that is assumed in each account, with its path.
    pub role: String,
}

/// The origin of the accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembersFrom {
    /// A unit of AWS Organizations.
    Unit(String),
    /// Ids, in their order.
    Listed(Vec<String>),
}

impl<'a> Reader<'a> {
    /// Reads the block of an FIS experiment.
    pub(crate) fn fis(&mut self, block: &'a Table, path: &str) -> Option<FisBlock> {
        let block = self.section(block, path, FIS);
        let template = self.text(&block, "template");
        let region = self.text(&block, "region");
        let role_arn = self.text(&block, "role-arn");
        // All keys are read, whatever they are set beside, so that each mistake in them is told.
        let (regions, members) = (self.regions(&block), self.members(&block));
        let query = self.query(&block, regions, members);
        let subject = match (template, query) {
            (_, Some(query)) => {
                let pairs = [("template", "templates"), ("role-arn", "accounts"), ("region", "regions")];
                for (name, other) in pairs {
                    // A key that is set wrongly is set beside the other all the same.
                    if block.is_set(name) && block.is_set(other) {
                        let what = format!("is set beside {other}");
                        self.mistake(&format!("{}:", block.at(name)), &what, "keep one of them");
                    }
                }
                FisSubject::Query(query)
            }
            (template, None) => {
                for name in ["regions", "accounts"].into_iter().filter(|name| block.is_set(name)) {
                    let hint =
                        "an entry with template is one experiment: find templates by templates: { tags: … }";
                    self.mistake(&format!("{}:", block.at(name)), "is set beside no templates", hint);
                }
                if template.is_none() && !block.is_set("template") && block.value("templates").is_none() {
                    self.missing(block.table, &block.path, "template", TEMPLATE_HINT);
                }
                FisSubject::Template(template?)
            }
        };
        Some(FisBlock { subject, region, role_arn })
    }

    /// Reads the query of a block, if it has one. What is wrong with it has been told.
    fn query(
        &mut self,
        block: &Section<'a>,
        regions: Vec<String>,
        members: Option<Members>,
    ) -> Option<QueryBlock> {
        let path = block.at("templates");
        let templates = self.table(block.value("templates"), &path)?;
        let templates = self.section(templates, &path, TEMPLATES);
        let tags = self.texts(&templates, "tags");
        let are_blank = |tags: &Table| tags.values().all(|tag| is_blank(Some(tag)));
        let names_none = |value: &Value| matches!(&value.kind, ValueKind::Table(tags) if are_blank(tags));
        if templates.value("tags").is_none() {
            self.missing(templates.table, &path, "tags", TAGS_HINT);
        } else if templates.value("tags").is_some_and(names_none) {
            self.mistake(&format!("{}:", templates.at("tags")), "names no tag", TAGS_HINT);
        }
        let place = self.document.key_at(&path);
        Some(QueryBlock { tags, regions, members, place })
    }

    /// Reads the listed Regions, each once and in their order.
    fn regions(&mut self, block: &Section<'a>) -> Vec<String> {
        let path = block.at("regions");
        let Some(kind) = block.key("regions").and_then(Key::kind) else { return Vec::new() };
        let parsed = match block.value("regions").map(|value| &value.kind) {
            Some(ValueKind::Array(items)) if items.is_empty() => {
                self.mistake(&format!("{path}:"), "is an empty list", "write for example [eu-west-1]");
                return Vec::new();
            }
            Some(ValueKind::Array(items)) => self.parsed_items(items, &path, kind).unwrap_or_default(),
            Some(_) => self.parse_value(block, "regions").map(Some).into_iter().collect(),
            None => return Vec::new(),
        };
        let mut regions: Vec<String> = Vec::new();
        for (place, parsed) in parsed.into_iter().enumerate() {
            match parsed {
                Some(Parsed::Text(region)) if !regions.contains(&region) => regions.push(region),
                Some(_) => {}
                None => self.mistake(&format!("{path}[{place}]:"), "is empty", "write for example eu-west-1"),
            }
        }
        regions
    }

    fn members(&mut self, block: &Section<'a>) -> Option<Members> {
        let path = block.at("accounts");
        let accounts = self.table(block.value("accounts"), &path)?;
        let accounts = self.section(accounts, &path, ACCOUNTS);
        let (unit, file) = (self.text(&accounts, "unit"), self.text(&accounts, "file"));
        let role = self.text(&accounts, "role");
        let from = match (unit, file) {
            (Some(_), Some(_)) => {
                self.mistake(&format!("{}:", accounts.at("file")), "is set beside unit", "keep one of them");
                None
            }
            (Some(unit), None) => Some(MembersFrom::Unit(unit)),
            (None, Some(file)) => self.listed(&accounts, &file).map(MembersFrom::Listed),
            (None, None) if !accounts.is_set("unit") && !accounts.is_set("file") => {
                self.mistake(&format!("{path}:"), "is set beside neither unit nor file", "add one of them");
                None
            }
            (None, None) => None,
        };
        Some(Members { from: from?, role: role? })
    }

    /// Reads a file of accounts.
    fn listed(&mut self, accounts: &Section<'a>, file: &str) -> Option<Vec<String>> {
        let read = bytes(&self.dir.join(file), MAX_ACCOUNTS_BYTES, "name a file of ids");
        let text = match read {
            // Editors on Windows put a byte order mark at the beginning.
            Ok(read) => String::from_utf8_lossy(&read).trim_start_matches('\u{feff}').to_owned(),
            Err(problem) => {
                self.bad_file(accounts, "file", file, problem);
                return None;
            }
        };
        let lines = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.split('#').next().unwrap_or_default().trim().to_owned()));
        let (mut ids, mut is_whole) = (BTreeSet::new(), true);
        for (number, id) in lines.filter(|(_, id)| !id.is_empty()) {
            if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
                ids.insert(id);
                continue;
            }
            let what = format!("{}: {} at line {number} is no id of an account", quote(file), quote(&id));
            let mistake = Mistake::new(&self.document.origin, what).hint("write 12 digits on each line");
            self.of_value(mistake, &accounts.at("file"));
            is_whole = false;
        }
        if ids.is_empty() && is_whole {
            let what = format!("{}: holds no id of an account", quote(file));
            self.of_value(
                Mistake::new(&self.document.origin, what).hint("write 12 digits on each line"),
                &accounts.at("file"),
            );
            is_whole = false;
        }
        is_whole.then(|| ids.into_iter().collect())
    }
}
