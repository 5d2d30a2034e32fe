//! The experiments of a project, named by their id or by the identity that stands in their URL.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::json;

use super::api::{Api, is_unknown_there};
use super::queries;
use super::row::HarnessRow;
use crate::control_plane::{Trouble, TroubleKind};

/// The ids of experiments that were named by identity, as far as they were asked for.
#[derive(Default)]
pub(super) struct KnownExperiments(RefCell<BTreeMap<String, String>>);

impl KnownExperiments {
    /// Lists the experiments with these names, as far as they are there.
    pub(super) async fn list(
        &self,
        api: &Api,
        names: &[&str],
    ) -> Result<BTreeMap<String, HarnessRow>, Trouble> {
        let (ids, identities): (Vec<&str>, Vec<&str>) = names.iter().copied().partition(|name| is_id(name));
        let mut found = BTreeMap::new();
        if !ids.is_empty() {
            let request = json!({ "workflowIDs": ids });
            found.extend(
                list(api, "ListWorkflow", queries::EXPERIMENT, "workflowID", request, ids.len()).await?,
            );
        }
        if !identities.is_empty() {
            found.extend(self.by_identity(api, &identities).await?);
        }
        Ok(found)
    }

    /// Returns the id of an experiment. It is asked for only if it is not known.
    pub(super) async fn id(&self, api: &Api, name: &str) -> Result<String, Trouble> {
        if is_id(name) {
            return Ok(name.to_owned());
        }
        if let Some(id) = self.0.borrow().get(name) {
            return Ok(id.clone());
        }
        let found = self.by_identity(api, &[name]).await?;
        let id = found.get(name).and_then(|row| row.text("workflowID")).map(str::to_owned);
        id.ok_or_else(|| {
            Trouble::new(TroubleKind::Missing, format!("there is no experiment with the identity {name}"))
        })
    }

    async fn by_identity(&self, api: &Api, names: &[&str]) -> Result<BTreeMap<String, HarnessRow>, Trouble> {
        let fields = [queries::EXPERIMENT, "identity"].join(" ");
        let request = json!({ "identities": names });
        let found = list(api, "ListWorkflowByIdentity", &fields, "identity", request, names.len()).await;
        // A refused filter says that the server is older, and not that the experiment is missing.
        let found = found.map_err(|trouble| {
            if is_unknown_there(&trouble) {
                let why = "this server finds experiments only by their ids, not by identity";
                return Trouble::new(TroubleKind::Refused, why);
            }
            trouble
        })?;
        let ids =
            found.iter().filter_map(|(name, row)| Some((name.clone(), row.text("workflowID")?.to_owned())));
        self.0.borrow_mut().extend(ids);
        Ok(found)
    }
}

/// Lists experiments by one request, by the field `key` of each. The answer must have room for all of them.
async fn list(
    api: &Api,
    operation: &str,
    fields: &str,
    key: &str,
    mut request: serde_json::Value,
    count: usize,
) -> Result<BTreeMap<String, HarnessRow>, Trouble> {
    request["pagination"] = json!({ "page": 0, "limit": count });
    let query = queries::experiments(operation, fields);
    let answer = api.graphql(operation, &query, json!({ "request": request })).await?;
    let rows = HarnessRow::all(&answer["listWorkflow"]["workflows"]);
    Ok(rows.into_iter().filter_map(|row| Some((row.text(key)?.to_owned(), row))).collect())
}

/// Returns `true` for an id, which is a UUID. Identities are words.
fn is_id(name: &str) -> bool {
    let groups: Vec<&str> = name.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn ids_are_told_from_identities() {
        assert!(is_id("d7c9d243-0219-4f7c-84c2-3004e59e4505"));
        for identity in
            ["pod-delete", "d7c9d243-0219-4f7c-84c2-3004e59e450", "d7c9d243-0219-4f7c-84c2-3004e59e450z", ""]
        {
            assert!(!is_id(identity), "{identity}");
        }
    }
}
