//! The access of a probe to a server: the client, what is sent besides the request, and what no reason may
//! repeat.

use std::time::Duration;

use aws_smithy_types::base64;
use reqwest::RequestBuilder;

use faultgate_config::Veil;
use faultgate_core::model::{Access, Credentials};
use faultgate_net::http::{HttpSettings, client_with};

/// A limit for clients that is never reached: the probe's own limit counts, and a client's would be shorter.
const NO_LIMIT: Duration = Duration::from_hours(24);

/// Makes a client for a probe that trusts or presents itself in its own way; `None` if the shared client will
/// do.
pub(super) fn own_client(
    settings: &HttpSettings,
    access: &Access,
) -> Result<Option<reqwest::Client>, String> {
    if access.ca_bundle.is_none() && access.identity.is_none() && !access.insecure {
        return Ok(None);
    }
    let mut settings = settings.clone();
    if let Some(own) = &access.ca_bundle {
        settings.ca_bundle.get_or_insert_default().extend_from_slice(own);
    }
    let identity = access.identity.as_ref().map(|pem| reqwest::Identity::from_pem(&pem.0));
    let identity = identity.transpose().map_err(|_| "its client certificate cannot be used".to_owned())?;
    let more = |builder: reqwest::ClientBuilder| {
        let builder = isolate_evaluations(builder).tls_danger_accept_invalid_certs(access.insecure);
        match &identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        }
    };
    client_with(&settings, more).map(Some).map_err(|failure| failure.why)
}

/// Lets each evaluation open a connection of its own, as a new user does. A connection that is kept may be
/// closed by the server at the very moment in which it is used again, which says nothing about the system.
pub(super) fn isolate_evaluations(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.timeout(NO_LIMIT).connect_timeout(NO_LIMIT).pool_max_idle_per_host(0)
}

/// Adds the headers and the credentials of the probe to a request. Redirects are not followed, so these go to
/// this host alone.
pub(super) fn with_access(mut request: RequestBuilder, access: &Access) -> RequestBuilder {
    for (name, value) in &access.headers {
        request = request.header(name, &value.0);
    }
    match &access.credentials {
        None => request,
        Some(Credentials::Bearer(token)) => request.bearer_auth(&token.0),
        Some(Credentials::Basic { username, password }) => request.basic_auth(username, Some(&password.0)),
    }
}

/// Returns the veil over all that is sent to a server and may be a secret. A server may repeat it.
pub(super) fn veil(access: &Access) -> Veil {
    let mut secrets: Vec<String> = Vec::new();
    for value in access.headers.values() {
        secrets.push(value.0.clone());
        // The secret may stand behind the word for its kind, as in `Bearer abc`.
        secrets.extend(value.0.split_once(' ').map(|(_, secret)| secret.trim().to_owned()));
    }
    match &access.credentials {
        None => {}
        Some(Credentials::Bearer(token)) => secrets.push(token.0.clone()),
        Some(Credentials::Basic { username, password }) => {
            secrets.push(base64::encode(format!("{username}:{}", password.0)));
            secrets.push(password.0.clone());
        }
    }
    Veil::over(secrets)
}
