//! Entries of a suite that find their experiments by a query: what is asked, and what the answers make of an
//! entry.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use faultgate_core::digest;
use faultgate_core::mistake::{FilePlace, Mistake};
use faultgate_core::model::{EngineSpec, ExperimentState, PlanItem};
use faultgate_net::aws::partition_of;

use crate::inputs::table::{AWS_REGION, AWS_ROLE_ARN};
use crate::layers::file::Document;
use crate::layers::values::Values;
use crate::suite::blocks::fis::{FisBlock, Members, QueryBlock};

/// Limit of the name of an experiment, in characters.
const MAX_NAME_CHARS: usize = 64;
/// Number of digits of the digest that a name ends with where it would be too long.
const DIGEST_CHARS: usize = 8;

/// A query for templates, completed by the inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateQuery {
    /// Name of the entry, with which the names of its experiments begin.
    pub entry: String,
    /// Tags of a template, all of which must match.
    pub tags: BTreeMap<String, String>,
    /// Regions to look in. None stands for that of the SDK's default chain.
    pub regions: Vec<Option<String>>,
    /// The accounts to look in. None if it is the one that the credentials or the role lead to.
    pub members: Option<Members>,
    /// Role to assume where no accounts are listed.
    pub role_arn: Option<String>,
    origin: String,
    place: Option<FilePlace>,
}

/// A template that a query has found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundTemplate {
    /// The account, where the query lists accounts.
    pub account: Option<String>,
    pub region: Option<String>,
    pub template: String,
}

/// The answers to the queries of a suite, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryAnswers {
    /// The answers, by the entry.
    Asked(BTreeMap<String, Vec<FoundTemplate>>),
    /// Experiments of an earlier answer, by their names, with template and account. Nobody needs to ask again.
    Named(BTreeMap<String, (String, Option<String>)>),
}

impl QueryAnswers {
    /// Takes what the items of a plan tell of its queries.
    pub(crate) fn in_items(items: &[PlanItem]) -> Self {
        let named = items.iter().filter_map(|item| {
            Some((item.experiment.clone(), (item.template.clone()?, item.account.clone())))
        });
        Self::Named(named.collect())
    }

    /// Takes what the state of a run tells of the queries of its suite.
    pub fn in_state(experiments: &[ExperimentState]) -> Self {
        let named = experiments.iter().filter_map(|experiment| match experiment.place.spec() {
            EngineSpec::Fis { template, role_arn, .. } => {
                let account = role_arn.as_deref().and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
                Some((experiment.name.clone(), (template, account)))
            }
            EngineSpec::Command(_) | EngineSpec::Harness(_) | EngineSpec::Litmus(_) => None,
        });
        Self::Named(named.collect())
    }
}

impl TemplateQuery {
    /// Completes the query of an entry by the inputs.
    pub(crate) fn new(
        entry: &str,
        block: &FisBlock,
        query: &QueryBlock,
        values: &Values,
        document: &Document,
    ) -> Self {
        let region = || block.region.clone().or_else(|| values.get(AWS_REGION));
        let regions: Vec<_> = query.regions.iter().cloned().map(Some).collect();
        Self {
            entry: entry.to_owned(),
            tags: query.tags.clone(),
            regions: if regions.is_empty() { vec![region()] } else { regions },
            members: query.members.clone(),
            role_arn: block.role_arn.clone().or_else(|| values.get(AWS_ROLE_ARN)),
            origin: document.origin.clone(),
            place: query.place.clone(),
        }
    }

    /// Returns the role by which templates are found in an account, and experiments are launched there.
    pub fn role_in(&self, account: Option<&str>, region: Option<&str>) -> Option<String> {
        match (&self.members, account) {
            (Some(members), Some(account)) => {
                let partition = partition_of(region.unwrap_or_default());
                Some(format!("arn:{partition}:iam::{account}:role/{}", members.role))
            }
            _ => self.role_arn.clone(),
        }
    }

    /// Returns a mistake that the query has led to.
    pub fn mistake(&self, what: &str) -> Mistake {
        Mistake::new(&self.origin, format!("{}: {what}", self.entry)).at(self.place.clone())
    }

    /// Returns the experiments that the answers make of the entry, each with its name, in the order of
    /// accounts, Regions and templates. None if nobody has asked.
    pub(crate) fn expand(&self, found: Option<&QueryAnswers>) -> Option<Vec<(String, EngineSpec)>> {
        let mut experiments: Vec<(FoundTemplate, String)> = match found? {
            QueryAnswers::Asked(answers) => self.name_all(answers.get(&self.entry)?),
            QueryAnswers::Named(named) => {
                named.iter().filter_map(|(name, known)| self.recognise(name, known)).collect()
            }
        };
        experiments.sort();
        let spec = |found: FoundTemplate| EngineSpec::Fis {
            role_arn: self.role_in(found.account.as_deref(), found.region.as_deref()),
            template: found.template,
            region: found.region,
        };
        Some(experiments.into_iter().map(|(found, name)| (name, spec(found))).collect())
    }

    /// Gives each template the name of its experiment.
    fn name_all(&self, templates: &[FoundTemplate]) -> Vec<(FoundTemplate, String)> {
        let templates: BTreeSet<&FoundTemplate> = templates.iter().collect();
        let mut taken: HashMap<String, usize> = HashMap::new();
        for found in &templates {
            let [plain, _] = self.names(found);
            *taken.entry(plain).or_default() += 1;
        }
        let named = templates.into_iter().map(|found| {
            let [plain, exact] = self.names(found);
            // Ids that differ in capitals alone have one plain name.
            let is_taken = taken.get(&plain).is_some_and(|count| *count > 1);
            (found.clone(), if is_taken { exact } else { plain })
        });
        named.collect()
    }

    /// Returns the template of an experiment of this name, if the entry can have found it.
    fn recognise(
        &self,
        name: &str,
        (template, account): &(String, Option<String>),
    ) -> Option<(FoundTemplate, String)> {
        let account = account.as_ref().filter(|_| self.members.is_some());
        let mut candidates = self.regions.iter().map(|region| FoundTemplate {
            account: account.cloned(),
            region: region.clone(),
            template: template.clone(),
        });
        let found = candidates.find(|found| self.names(found).iter().any(|own| own == name))?;
        Some((found, name.to_owned()))
    }

    /// Returns the names that an experiment may have: one for people, and one that is of this template alone.
    /// The names depend on nothing but the entry and where the template is.
    fn names(&self, found: &FoundTemplate) -> [String; 2] {
        let place = [Some(&found.template), found.account.as_ref(), found.region.as_ref()];
        let parts =
            std::iter::once(self.entry.as_str()).chain(place.into_iter().flatten().map(String::as_str));
        let parts: Vec<&str> = parts.collect();
        let digest = &digest::of_parts(&parts)[..DIGEST_CHARS];
        let plain: String = parts
            .join("-")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        let cut: String = plain.chars().take(MAX_NAME_CHARS - DIGEST_CHARS - 1).collect();
        let exact = format!("{cut}-{digest}");
        if plain.len() <= MAX_NAME_CHARS { [plain, exact] } else { [exact.clone(), exact] }
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
