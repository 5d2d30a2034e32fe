//! The two APIs of Harness, GraphQL and REST, with the key and the scope that each wants. A server that is
//! found to lack something is not asked for it again, since every request counts against the key's limit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};

use crate::control_plane::{ControlPlaneWire, Trouble, TroubleKind};
use faultgate_core::model::HarnessProject;
use faultgate_core::secret::Secret;

/// Path of the API below the address that people open in a browser.
const MANAGER: [&str; 4] = ["gateway", "chaos", "manager", "api"];
/// Fewest bytes of a value that is hidden.
const MIN_SECRET_BYTES: usize = 6;

/// The APIs of one project, as one key sees them.
pub(super) struct Api {
    project: HarnessProject,
    /// The key as a header; `None` if no header can hold it.
    key: Option<HeaderValue>,
    wire: ControlPlaneWire,
    /// Names of what this server was found to lack.
    lacking: RefCell<BTreeSet<&'static str>>,
}

/// A request to the REST API. The scope is added to its query.
pub(super) struct Rest<'a> {
    /// Name of the operation in the API's own description.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<Value>,
}

impl Api {
    pub(super) fn new(project: HarnessProject, key: &Secret, http: reqwest::Client) -> Self {
        let header = HeaderValue::from_str(key.expose()).ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        let wire = ControlPlaneWire::new(http);
        wire.hide(key);
        Self { project, key: header, wire, lacking: RefCell::default() }
    }

    pub(super) fn project(&self) -> &HarnessProject {
        &self.project
    }

    pub(super) fn calls(&self) -> BTreeMap<String, u64> {
        self.wire.calls()
    }

    /// Hides a value in every text from the server. A very short one is not hidden, since that would garble
    /// much of the text.
    pub(super) fn hide(&self, value: &str) {
        if value.len() >= MIN_SECRET_BYTES {
            self.wire.hide(&Secret::new(value));
        }
    }

    /// Makes a text from the server fit to be shown: veiled, plain and short.
    pub(super) fn make_showable(&self, text: &str) -> String {
        faultgate_core::text::plain(&self.wire.hide_secrets(text), 400)
    }

    /// Returns `true` if the server was found to lack this, so that nobody asks again.
    pub(super) fn lacks(&self, what: &str) -> bool {
        self.lacking.borrow().contains(what)
    }

    /// Notes that the server lacks this.
    pub(super) fn note_lack(&self, what: &'static str) {
        self.lacking.borrow_mut().insert(what);
    }

    /// Runs one GraphQL operation. Its scope is added to the variables as `identifiers`.
    pub(super) async fn graphql(
        &self,
        operation: &str,
        query: &str,
        mut variables: Value,
    ) -> Result<Value, Trouble> {
        let HarnessProject { account, org, project, .. } = &self.project;
        variables["identifiers"] =
            json!({ "accountIdentifier": account, "orgIdentifier": org, "projectIdentifier": project });
        let url = self.url(&["query"], &[("accountIdentifier", account)])?;
        let request = self.request(Method::POST, url)?;
        self.wire.graphql(operation, request, query, variables).await
    }

    /// Sends one REST request.
    pub(super) async fn rest(&self, rest: Rest<'_>) -> Result<Value, Trouble> {
        let url = self.rest_url(rest.path, rest.query)?;
        let mut request = self.request(rest.method, url)?;
        if let Some(body) = &rest.body {
            request = request.json(body);
        }
        self.wire.send(rest.operation, request).await.map_err(by_its_words)
    }

    /// Returns the address of a REST resource in this project.
    pub(super) fn rest_url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, Trouble> {
        let HarnessProject { account, org, project, .. } = &self.project;
        let scope = [
            ("accountIdentifier", &**account),
            ("organizationIdentifier", org),
            ("projectIdentifier", project),
        ];
        let path: Vec<&str> = ["rest", "v2"].iter().chain(path).copied().collect();
        let query: Vec<(&str, &str)> = scope.iter().chain(query).copied().collect();
        self.url(&path, &query)
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, Trouble> {
        let broken = || Trouble::new(TroubleKind::Unsent, "harness-url is no address of a web server");
        let mut url = Url::parse(self.project.url.trim_end_matches('/')).map_err(|_| broken())?;
        url.path_segments_mut().map_err(|()| broken())?.pop_if_empty().extend(MANAGER).extend(path);
        url.set_query(None);
        url.query_pairs_mut().extend_pairs(query);
        Ok(url)
    }

    /// Begins a request with the key and the account. The account goes by header as well as by query, since
    /// installations differ in which of the two counts.
    fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Trouble> {
        let key = self.key.clone().ok_or_else(|| {
            Trouble::new(TroubleKind::Unauthenticated, "the API key holds characters that no header may hold")
        })?;
        let request = self.wire.http().request(method, url).header(ACCEPT, "application/json");
        Ok(request.header("x-api-key", key).header("Harness-Account", &self.project.account))
    }
}

/// Reads the words of an HTTP 500, which is REST's answer to whatever it refuses. Words that are not known
/// leave it unanswered.
fn by_its_words(trouble: Trouble) -> Trouble {
    if trouble.kind != TroubleKind::Unanswered || !trouble.why.starts_with("HTTP 500: ") {
        return trouble;
    }
    let words = trouble.why.to_ascii_lowercase();
    let any = |all: &[&str]| all.iter().any(|word| words.contains(word));
    let kind = if any(&["no documents", "not found", "does not exist"]) {
        TroubleKind::Missing
    } else if any(&["permission", "unauthorized", "not authorized", "access denied"]) {
        TroubleKind::Denied
    } else if any(&["inactive", "not active", "is required"]) {
        TroubleKind::Refused
    } else {
        TroubleKind::Unanswered
    };
    Trouble { kind, ..trouble }
}

/// Returns `true` if the server does not know a field, an argument or an input of the request, since it is
/// older.
pub(super) fn is_unknown_there(trouble: &Trouble) -> bool {
    let words = trouble.why.to_ascii_lowercase();
    let said = [
        "cannot query field",
        "unknown argument",
        "unknown field",
        "unknown type",
        "is not defined",
        "not a valid",
    ];
    trouble.kind == TroubleKind::Refused && said.iter().any(|word| words.contains(word))
}

/// Returns `true` if the server has no such path. REST v2 is newer than GraphQL.
pub(super) fn is_no_such_place(trouble: &Trouble) -> bool {
    ["HTTP 404", "HTTP 405", "HTTP 501"].iter().any(|status| trouble.why.starts_with(status))
}
