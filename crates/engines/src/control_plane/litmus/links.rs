//! The ways by which people do without faultgate: the page of a run, and the command that stops it.

use faultgate_core::{text, url};
use serde_json::json;

use super::client::LitmusClient;
use super::queries::STOP;
use crate::control_plane::RunKey;

/// Returns the address of the run's page. The page takes anything for the account, since it shows that of the
/// visitor.
pub(super) fn link(url: &str, project: &str, run: &RunKey) -> Option<String> {
    let (kind, id) = match run.run_id.as_deref().filter(|id| !id.is_empty()) {
        _ if !run.notify_id.is_empty() => ("notifyID", run.notify_id.as_str()),
        Some(run_id) => ("runs", run_id),
        None => return None,
    };
    let [project, experiment, id] = [project, &run.experiment, id].map(|part| url::escape(part).to_string());
    Some(format!("{url}/account/-/project/{project}/experiments/{experiment}/{kind}/{id}"))
}

/// Returns the command for a shell that stops this run and no other. A run without an id cannot be stopped
/// alone, so there is advice instead.
pub(super) fn stop(client: &LitmusClient, project: &str, run: &RunKey) -> String {
    let Some(run_id) = run.run_id.as_deref().filter(|id| !id.is_empty()) else {
        let page = link(&client.url, project, run).unwrap_or_else(|| client.url.clone());
        return format!("wait until the run has left the queue, then press Stop on {page}");
    };
    // The variable in double quotes is the shell's; all else stands in single quotes.
    let body = json!({
        "operationName": STOP.name,
        "query": STOP.text.split_whitespace().collect::<Vec<_>>().join(" "),
        "variables": { "projectID": project, "experimentID": run.experiment, "experimentRunID": run_id },
    });
    text::code(&format!(
        "curl -H \"Authorization: Bearer $FAULTGATE_LITMUS_TOKEN\" -H {} -H 'Content-Type: application/json' -d {} {}",
        quote(&format!("Origin: {}", client.origin)),
        quote(&body.to_string()),
        quote(&format!("{}/api/query", client.url)),
    ))
}

/// Quotes a text for a shell: nothing in it leaves the quotes.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
