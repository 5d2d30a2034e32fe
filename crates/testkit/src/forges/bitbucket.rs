//! A stand-in of Bitbucket Cloud.

use serde_json::{Value, json};

use super::{ForgeMemory, ForgeRequest, Manners, PostedStatus};

pub struct BitbucketManners;

const REPOSITORY: &str = "/2.0/repositories/shop/web";
const PULL_REQUEST: u64 = 7;

impl Manners for BitbucketManners {
    fn token(&self) -> (&'static str, &'static str) {
        ("authorization", "Bearer ")
    }

    fn answer(&self, asked: &ForgeRequest, kept: &mut ForgeMemory) -> Result<(u16, Value), String> {
        let path = asked.path.strip_prefix(REPOSITORY).ok_or("not the repository")?;
        let comments = format!("/pullrequests/{PULL_REQUEST}/comments");
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("POST", ["commit", commit, "statuses", "build"]) => {
                asked
                    .only_texts(&["key", "name", "state", "url", "description"], &["key", "state", "url"])?;
                let state = asked.text("state");
                if !["INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED"].contains(&state) {
                    return Err(format!("state {state}"));
                }
                if asked.text("key").len() > 40 {
                    return Err("key: at most 40 characters".to_owned());
                }
                kept.statuses.push(PostedStatus {
                    commit: (*commit).to_owned(),
                    context: asked.text("name").to_owned(),
                    state: state.to_owned(),
                    description: asked.text("description").to_owned(),
                    target_url: asked.text("url").to_owned(),
                });
                Ok((201, json!({ "key": asked.text("key"), "state": state })))
            }
            ("PUT", ["commit", _, "reports", _]) => {
                if asked.text("title").is_empty() || asked.text("details").is_empty() {
                    return Err("a report needs title and details".to_owned());
                }
                kept.reports.push(asked.body.clone());
                Ok((200, asked.body.clone()))
            }
            ("GET", _) if path == comments => {
                let all: Vec<Value> = kept
                    .comments
                    .iter()
                    .map(|(id, body)| json!({ "id": id, "content": { "raw": body }, "deleted": false }))
                    .collect();
                Ok((200, json!({ "values": all })))
            }
            ("POST", _) if path == comments => {
                let raw = asked.body["content"]["raw"].as_str().ok_or("no text")?;
                let id = kept.comment(raw);
                Ok((201, json!({ "id": id })))
            }
            ("PUT", ["pullrequests", _, "comments", id]) => {
                let raw = asked.body["content"]["raw"].as_str().ok_or("no text")?.to_owned();
                Ok((200, kept.change_comment(id, &raw)?))
            }
            _ => Err("no such place".to_owned()),
        }
    }
}
