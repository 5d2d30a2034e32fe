//! A stand-in of GitLab, whose statuses are jobs of a pipeline, with a state machine.

use serde_json::{Value, json};

use super::{ForgeMemory, ForgeRequest, Manners, PostedStatus, after};

pub struct GitLabManners {
    /// The commit of the pipeline: statuses of another are not found in it.
    pub commit: &'static str,
    /// The ref of the pipeline. That of a merge request differs from the one that its jobs are told.
    pub git_ref: &'static str,
}

const PROJECT: &str = "/api/v4/projects/278964";
const PIPELINE: u64 = 5_150;
const MERGE_REQUEST: u64 = 7;
const JOB: &str = "chaos";

impl Manners for GitLabManners {
    fn token(&self) -> (&'static str, &'static str) {
        ("private-token", "")
    }

    fn answer(&self, asked: &ForgeRequest, kept: &mut ForgeMemory) -> Result<(u16, Value), String> {
        let path = asked.path.strip_prefix(PROJECT).ok_or("not the project")?;
        let notes = format!("/merge_requests/{MERGE_REQUEST}/notes");
        match asked.method.as_str() {
            "POST" if path.starts_with("/statuses/") => self.status(asked, path, kept),
            "GET" if path.starts_with("/repository/commits/") && path.ends_with("/statuses") => {
                let told = kept.statuses.iter().enumerate().map(|(place, status)| {
                    json!({ "id": place + 1, "name": status.context, "status": status.state })
                });
                Ok((200, told.collect()))
            }
            "GET" if path == notes => {
                let all =
                    kept.comments.iter().map(|(id, body)| json!({ "id": id, "body": body, "system": false }));
                Ok((200, all.collect()))
            }
            "POST" if path == notes => {
                asked.only_texts(&["body"], &["body"])?;
                let id = kept.comment(asked.text("body"));
                Ok((201, json!({ "id": id })))
            }
            "PUT" => {
                let id = after(path, &format!("{notes}/")).ok_or("no such place")?;
                Ok((200, kept.change_comment(id, asked.text("body"))?))
            }
            _ => Err("no such place".to_owned()),
        }
    }
}

impl GitLabManners {
    fn status(
        &self,
        asked: &ForgeRequest,
        path: &str,
        kept: &mut ForgeMemory,
    ) -> Result<(u16, Value), String> {
        let known =
            ["state", "ref", "target_url", "description", "name", "context", "coverage", "pipeline_id"];
        let fields = asked.body.as_object().ok_or("the body is no object")?;
        if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("{unknown} is not a field"));
        }
        let (state, name) = (asked.text("state"), asked.text("name"));
        if !["pending", "running", "success", "failed", "canceled", "skipped"].contains(&state) {
            return Err(format!("state {state}"));
        }
        if asked.text("target_url").len() > 255 || asked.text("description").chars().count() > 255 {
            return Err("too long".to_owned());
        }
        if name == JOB {
            return Err("name: has already been taken".to_owned());
        }
        let commit = after(path, "/statuses/").ok_or("no commit")?;
        let pinned = asked.body["pipeline_id"].as_u64();
        let of_pipeline = pinned == Some(PIPELINE) && commit == self.commit;
        let of_ref = asked.body["ref"].is_null() || asked.text("ref") == self.git_ref;
        if pinned.is_some() && !(of_pipeline && of_ref) {
            // The error is no fault of the client, which cannot know the ref of its pipeline from inside.
            return Ok((404, json!({ "message": "404 Pipeline for pipeline_id, sha and ref Not Found" })));
        }
        let last = kept.statuses.iter().rev().find(|status| status.context == name);
        let last = last.map_or("created", |status| status.state.as_str());
        let allowed = match state {
            "pending" => !["pending", "running"].contains(&last),
            "running" => last != "running",
            _ => true,
        };
        if !allowed {
            return Err(format!("Cannot transition status via :enqueue from :{last}"));
        }
        kept.statuses.push(PostedStatus {
            commit: commit.to_owned(),
            context: name.to_owned(),
            state: state.to_owned(),
            description: asked.text("description").to_owned(),
            target_url: asked.text("target_url").to_owned(),
        });
        let id = kept.statuses.len();
        Ok((201, json!({ "id": id, "sha": commit, "ref": "main", "status": state, "name": name })))
    }
}
