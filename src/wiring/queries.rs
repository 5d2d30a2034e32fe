//! The answers to the queries of a suite: the templates that have the wanted tags, in each account and Region.
//!
//! It only reads. All failures are told at once, since a suite of which a part is not known is not run.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::timeout;

use super::accounts::{AwsAccounts, RoleInputs};
use super::endpoints::Endpoints;
use super::places::AccountPlace;
use crate::ids::make_id;
use faultgate_config::{FoundTemplate, MembersFrom, QueryAnswers, Settings, TemplateQuery};
use faultgate_core::duration::exact;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Mistake, key};
use faultgate_engines::fis::Templates;
use faultgate_net::aws::Organizations;

/// Number of places whose templates are listed at once.
const MAX_PLACES_AT_ONCE: usize = 16;
/// Limit of the places of all queries, and of the experiments that they find.
const MAX_PLACES: usize = 20_000;
const MAX_FOUND: usize = 10_000;
/// Limit of the failures that are told, and of the places that a warning names.
const MAX_TOLD: usize = 20;
const MAX_NAMED: usize = 3;
/// Time within which all queries have to be answered.
const LIMIT: Duration = Duration::from_mins(10);

/// The answers, and warnings about them.
pub(crate) struct AnsweredQueries {
    pub(crate) found: QueryAnswers,
    pub(crate) warnings: Vec<String>,
}

/// One place in which a query looks for templates.
struct Look {
    /// Place of the query among all.
    query: usize,
    account: Option<String>,
    region: Option<String>,
    templates: Templates,
}

impl Look {
    fn name(&self) -> String {
        let parts = [self.account.as_deref(), self.region.as_deref()];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "the account of the run".to_owned() } else { parts.join(" in ") }
    }
}

/// Asks all queries that are still open in these settings.
///
/// # Errors
///
/// A list that could not be read, and a query that finds nothing, are mistakes.
pub(crate) async fn answer(settings: &Settings, env: &Environment) -> Result<AnsweredQueries, Vec<Mistake>> {
    let answered = timeout(LIMIT, answer_all(settings, env)).await;
    answered.unwrap_or_else(|_| {
        let what = format!("the templates were not found within {}", exact(LIMIT));
        Err(settings.queries.iter().map(|query| query.mistake(&what)).collect())
    })
}

async fn answer_all(settings: &Settings, env: &Environment) -> Result<AnsweredQueries, Vec<Mistake>> {
    let queries = &settings.queries;
    let looks = find_places(settings, env).await?;
    let lists = looks.iter().map(|look| look.templates.find(&queries[look.query].tags));
    let lists: Vec<_> = stream::iter(lists).buffered(MAX_PLACES_AT_ONCE).collect().await;
    let mut found: BTreeMap<String, Vec<FoundTemplate>> =
        queries.iter().map(|query| (query.entry.clone(), Vec::new())).collect();
    let (mut mistakes, mut empty) = (Vec::new(), vec![Vec::new(); queries.len()]);
    for (look, list) in looks.iter().zip(lists) {
        let query = &queries[look.query];
        match list {
            Ok(ids) if ids.is_empty() => empty[look.query].push(look.name()),
            Ok(ids) => {
                let (account, region) = (&look.account, &look.region);
                let there =
                    |template| FoundTemplate { account: account.clone(), region: region.clone(), template };
                found.entry(query.entry.clone()).or_default().extend(ids.into_iter().map(there));
            }
            Err(failure) => {
                let what = format!("{failure} ({})", look.name());
                mistakes.push(query.mistake(&what).maybe_hint(failure.remedy));
            }
        }
    }
    let mut warnings = Vec::new();
    if mistakes.is_empty() {
        for (query, empty) in queries.iter().zip(&empty) {
            let tags: Vec<String> =
                query.tags.iter().map(|(tag, value)| format!("{}: {}", key(tag), key(value))).collect();
            let tags = tags.join(", ");
            match (found.get(&query.entry).map(Vec::len), empty.as_slice()) {
                (None | Some(0), _) => {
                    let what = format!("no template has the tags {tags}, in {}", name_some(empty));
                    mistakes.push(
                        query.mistake(&what).hint("tag the templates, or correct tags, regions and accounts"),
                    );
                }
                (Some(_), []) => {}
                (Some(_), empty) => {
                    warnings.push(format!(
                        "{}: no template has the tags {tags} in {}",
                        query.entry,
                        name_some(empty)
                    ));
                }
            }
        }
    }
    if found.values().map(Vec::len).sum::<usize>() > MAX_FOUND {
        let what = format!("the queries of the suite find more than {MAX_FOUND} experiments");
        mistakes.push(Mistake::new("the suite file", what).hint("ask for more tags, or split the suite"));
    }
    if mistakes.is_empty() {
        Ok(AnsweredQueries { found: QueryAnswers::Asked(found), warnings })
    } else {
        Err(shorten(mistakes))
    }
}

/// Finds the accounts and Regions of all queries, and connects to them. Nothing but lists of accounts is asked.
async fn find_places(settings: &Settings, env: &Environment) -> Result<Vec<Look>, Vec<Mistake>> {
    let Settings { queries, http, tokens, region, role_arn, .. } = settings;
    let endpoints = Endpoints::Real(http.clone());
    let id = format!("plan-{}", make_id());
    let role_inputs = RoleInputs { env, id_token: tokens.aws_id.as_ref(), run_id: &id };
    let regions: Vec<_> = queries.iter().flat_map(|query| query.regions.iter().cloned()).collect();
    let alone = |mistake| vec![mistake];
    let mut accounts = AwsAccounts::prepare(&regions, &endpoints, role_inputs).await.map_err(alone)?;
    let (mut looks, mut mistakes) = (Vec::new(), Vec::new());
    let mut units: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (place, query) in queries.iter().enumerate() {
        let ids = match query.members.as_ref().map(|members| &members.from) {
            None => vec![None],
            Some(MembersFrom::Listed(ids)) => ids.iter().cloned().map(Some).collect(),
            Some(MembersFrom::Unit(unit)) => {
                if !units.contains_key(unit.as_str()) {
                    // The organization is asked by the run's own role, and not by that of a member.
                    let own = AccountPlace {
                        region: region.clone().or_else(|| query.regions.first().cloned().flatten()),
                        role_arn: role_arn.clone(),
                    };
                    match list_unit(query, unit, &own, &mut accounts, settings).await {
                        Ok(ids) => {
                            units.insert(unit, ids);
                        }
                        Err(mistake) => mistakes.push(mistake),
                    }
                }
                units.get(unit.as_str()).into_iter().flatten().cloned().map(Some).collect()
            }
        };
        if looks.len() + ids.len() * query.regions.len() > MAX_PLACES {
            let what = format!("it looks in more than {MAX_PLACES} accounts and Regions");
            return Err(vec![query.mistake(&what).hint("name a smaller unit, or fewer Regions")]);
        }
        for account in ids {
            for region in &query.regions {
                let role_arn = query.role_in(account.as_deref(), region.as_deref());
                let there = AccountPlace { region: region.clone(), role_arn: role_arn.clone() };
                match accounts.reach(&there, &query.entry) {
                    Ok(reached) => looks.push(Look {
                        query: place,
                        account: account.clone(),
                        region: region.clone(),
                        templates: Templates::new(&reached.sdk, role_arn.as_deref()),
                    }),
                    Err(mistake) if !mistakes.contains(&mistake) => mistakes.push(mistake),
                    Err(_) => {}
                }
            }
        }
    }
    if mistakes.is_empty() { Ok(looks) } else { Err(shorten(mistakes)) }
}

/// Lists the active accounts of a unit.
async fn list_unit(
    query: &TemplateQuery,
    unit: &str,
    own: &AccountPlace,
    accounts: &mut AwsAccounts<'_>,
    settings: &Settings,
) -> Result<Vec<String>, Mistake> {
    let reached = accounts.reach(own, &query.entry)?;
    let listed = match Organizations::new(&reached.sdk, &settings.http) {
        Ok(organizations) => organizations.list_active_accounts(unit).await,
        Err(failure) => Err(failure),
    };
    match listed {
        Ok(ids) if ids.is_empty() => {
            let what = format!("{} holds no active account", key(unit));
            Err(query.mistake(&what).hint("name a unit with accounts in it or below it"))
        }
        Ok(ids) => Ok(ids),
        Err(failure) => Err(query.mistake(&failure.to_string()).maybe_hint(failure.remedy)),
    }
}

fn name_some(places: &[String]) -> String {
    let named = places.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(MAX_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Keeps the first of many mistakes: hundreds of accounts may have the same.
fn shorten(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    if let Some(more) = mistakes.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
        mistakes.truncate(MAX_TOLD);
        mistakes.push(Mistake::new("the suite file", format!("its queries have {more} more failures")));
    }
    mistakes
}
