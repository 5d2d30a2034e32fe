//! A stand-in of GitHub, and of servers that speak its language: Enterprise Server, Gitea and Forgejo.

use serde_json::{Value, json};

use super::{ForgeMemory, ForgeRequest, HEAD, Manners, PostedStatus, after};

pub struct GitHubManners {
    /// The path at which the API begins: nothing, `/api/v3` or `/api/v1`.
    pub base: &'static str,
    /// The scheme before the token: `Bearer` at GitHub, `token` at Gitea.
    pub scheme: &'static str,
    pub repository: &'static str,
}

const PULL_REQUEST: u64 = 7;
const COMMENTS_ON_A_PAGE: usize = 2;

impl Manners for GitHubManners {
    fn token(&self) -> (&'static str, &'static str) {
        ("authorization", self.scheme)
    }

    fn answer(&self, asked: &ForgeRequest, kept: &mut ForgeMemory) -> Result<(u16, Value), String> {
        let repository = format!("{}/repos/{}", self.base, self.repository);
        let path = asked.path.strip_prefix(&repository).ok_or("not the repository")?;
        let comments = format!("/issues/{PULL_REQUEST}/comments");
        match asked.method.as_str() {
            "POST" if path.starts_with("/statuses/") => status(asked, path, kept),
            "GET" if path.starts_with("/commits/") && path.ends_with("/statuses") => {
                Ok((200, statuses(kept)))
            }
            "GET" if path == "/pulls" && asked.query.contains("head=stranger%3Aretry&") => {
                Ok((200, json!([{ "number": PULL_REQUEST, "state": "open", "head": { "sha": HEAD } }])))
            }
            "GET" if path == format!("/pulls/{PULL_REQUEST}") => {
                Ok((200, json!({ "head": { "sha": HEAD } })))
            }
            "GET" if path == comments => Ok((200, page(asked, kept))),
            "POST" if path == comments => {
                asked.only_texts(&["body"], &["body"])?;
                let id = kept.comment(body(asked)?);
                Ok((201, json!({ "id": id, "body": asked.text("body") })))
            }
            "PATCH" => {
                let id = after(path, "/issues/comments/").ok_or("no such place")?;
                asked.only_texts(&["body"], &["body"])?;
                Ok((200, kept.change_comment(id, body(asked)?)?))
            }
            _ => Err("no such place".to_owned()),
        }
    }
}

fn body(asked: &ForgeRequest) -> Result<&str, String> {
    let body = asked.text("body");
    if body.chars().count() > 65_536 {
        return Err("Body is too long (maximum is 65536 characters)".to_owned());
    }
    Ok(body)
}

fn status(asked: &ForgeRequest, path: &str, kept: &mut ForgeMemory) -> Result<(u16, Value), String> {
    asked.only_texts(&["state", "target_url", "description", "context"], &["state"])?;
    let state = asked.text("state");
    if !["error", "failure", "pending", "success"].contains(&state) {
        return Err(format!("state {state}"));
    }
    if asked.text("description").chars().count() > 140 {
        return Err("description is too long (maximum is 140 characters)".to_owned());
    }
    kept.statuses.push(PostedStatus {
        commit: after(path, "/statuses/").ok_or("no commit")?.to_owned(),
        context: asked.text("context").to_owned(),
        state: state.to_owned(),
        description: asked.text("description").to_owned(),
        target_url: asked.text("target_url").to_owned(),
    });
    Ok((201, json!({ "id": kept.statuses.len(), "state": state, "context": asked.text("context") })))
}

/// Returns all statuses, the newest first.
fn statuses(kept: &ForgeMemory) -> Value {
    let told = |(place, status): (usize, &PostedStatus)| {
        json!({
            "id": place + 1,
            "state": status.state,
            "context": status.context,
            "description": status.description,
            "target_url": status.target_url,
        })
    };
    kept.statuses.iter().enumerate().rev().map(told).collect()
}

/// Returns a page of comments. Pages are small, so that a client which reads only the first is found out.
fn page(asked: &ForgeRequest, kept: &ForgeMemory) -> Value {
    let number =
        asked.query.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok()).unwrap_or(1_usize);
    let size = asked
        .query
        .split('&')
        .find_map(|pair| pair.strip_prefix("per_page=").or(pair.strip_prefix("limit="))?.parse().ok())
        .unwrap_or(COMMENTS_ON_A_PAGE);
    kept.comments
        .iter()
        .skip((number - 1) * size)
        .take(size)
        .map(|(id, body)| json!({ "id": id, "body": body, "user": { "login": "github-actions[bot]", "type": "Bot" } }))
        .collect()
}
