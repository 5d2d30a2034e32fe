//! The identity of faultgate at LitmusChaos: a token, or a user whose login gives a token that does not last.

use std::cell::RefCell;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::client::LitmusClient;
use crate::control_plane::{Trouble, TroubleKind};
use faultgate_core::secret::Secret;
use faultgate_core::text::plain;

/// The credentials for one ChaosCenter.
#[derive(Clone)]
pub enum LitmusCredentials {
    Token(Secret),
    Login { username: String, password: Secret },
}

/// The credentials, and the token that a login gave.
pub(super) struct LitmusSession {
    credentials: LitmusCredentials,
    /// The token of the last login. The lock is held while a login is on its way, so that all who wait share
    /// that one.
    token: Mutex<Option<Secret>>,
    /// The project that the user has owned the longest, as the login tells; "" if there is none.
    own_project: RefCell<Option<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    access_token: Option<String>,
    /// The token as LitmusChaos 2.x names it, by which such a server is recognised.
    #[serde(rename = "access_token")]
    old_token: Option<String>,
    #[serde(rename = "projectID")]
    project: Option<String>,
}

pub(super) const OLD: &str = "this ChaosCenter is LitmusChaos 2.x";

impl LitmusSession {
    pub(super) fn new(credentials: LitmusCredentials) -> Self {
        Self { credentials, token: Mutex::default(), own_project: RefCell::default() }
    }

    pub(super) fn logs_in(&self) -> bool {
        matches!(self.credentials, LitmusCredentials::Login { .. })
    }

    pub(super) fn own_project(&self) -> Option<String> {
        self.own_project.borrow().clone()
    }

    /// Returns the token for a request. The first one logs in.
    pub(super) async fn token(&self, client: &LitmusClient) -> Result<Secret, Trouble> {
        match &self.credentials {
            LitmusCredentials::Token(token) => Ok(token.clone()),
            LitmusCredentials::Login { username, password } => {
                let mut held = self.token.lock().await;
                match &*held {
                    Some(token) => Ok(token.clone()),
                    None => Ok(held.insert(self.login(client, username, password).await?).clone()),
                }
            }
        }
    }

    /// Returns another token, since the server does not take this one any more. `None` if there is no login.
    pub(super) async fn renew(
        &self,
        client: &LitmusClient,
        refused: &Secret,
    ) -> Result<Option<Secret>, Trouble> {
        let LitmusCredentials::Login { username, password } = &self.credentials else { return Ok(None) };
        let mut held = self.token.lock().await;
        // Another request was refused as well, and has logged in while this one waited.
        if let Some(newer) = held.as_ref().filter(|token| *token != refused) {
            return Ok(Some(newer.clone()));
        }
        *held = None;
        Ok(Some(held.insert(self.login(client, username, password).await?).clone()))
    }

    async fn login(
        &self,
        client: &LitmusClient,
        username: &str,
        password: &Secret,
    ) -> Result<Secret, Trouble> {
        let body = json!({ "username": username, "password": password.expose() });
        let request = client.request(Method::POST, "/auth/login").json(&body);
        let login: Login =
            client.wire.send("Login", request).await.map_err(|trouble| unable(username, &trouble))?;
        let token = login.access_token.filter(|token| !token.is_empty());
        let Some(token) = token else {
            let why = if login.old_token.is_some() { OLD } else { "its login gave no token" };
            return Err(Trouble::new(TroubleKind::Refused, why));
        };
        let token = Secret::new(token);
        // The token is hidden before any request sends it, since a refusal may quote it.
        client.wire.hide(&token);
        *self.own_project.borrow_mut() = Some(plain(&login.project.unwrap_or_default(), 80));
        Ok(token)
    }
}

/// Returns the trouble with a login. The request that needed it was not sent, so a lost answer leaves no
/// doubt of an effect.
fn unable(username: &str, trouble: &Trouble) -> Trouble {
    let kind = match trouble.kind {
        TroubleKind::Unanswered => TroubleKind::Unsent,
        kind => kind,
    };
    let why = format!("the login of {} failed: {}", plain(username, 80), trouble.why);
    Trouble { wait: trouble.wait, source: trouble.source.clone(), ..Trouble::new(kind, why) }
}
