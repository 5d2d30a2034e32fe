//! A stand-in of CodeCommit, which has comments and no statuses.

use serde_json::{Value, json};

use super::{ForgeMemory, ForgeRequest, HEAD, Manners};

pub struct CodeCommitManners;

impl Manners for CodeCommitManners {
    /// The header is empty, since requests are signed.
    fn token(&self) -> (&'static str, &'static str) {
        ("", "")
    }

    fn answer(&self, asked: &ForgeRequest, kept: &mut ForgeMemory) -> Result<(u16, Value), String> {
        let target = asked.target.as_deref().ok_or("no operation")?;
        let operation = target.strip_prefix("CodeCommit_20150413.").ok_or("another service")?;
        let comments: Vec<Value> = kept
            .comments
            .iter()
            .map(|(id, body)| json!({ "commentId": id.to_string(), "content": body, "deleted": false }))
            .collect();
        match operation {
            "GetCommentsForComparedCommit" => {
                asked
                    .only_texts(&["repositoryName", "afterCommitId"], &["repositoryName", "afterCommitId"])?;
                Ok((200, json!({ "commentsForComparedCommitData": [{ "comments": comments }] })))
            }
            "PostCommentForComparedCommit" => {
                let known = ["repositoryName", "afterCommitId", "content", "clientRequestToken"];
                asked.only_texts(&known, &known[..3])?;
                if (asked.text("repositoryName"), asked.text("afterCommitId")) != ("shop", HEAD) {
                    return Err("another commit".to_owned());
                }
                let id = kept.comment(asked.text("content"));
                Ok((200, json!({ "comment": { "commentId": id.to_string() } })))
            }
            "UpdateComment" => {
                asked.only_texts(&["commentId", "content"], &["commentId", "content"])?;
                let comment = kept.change_comment(asked.text("commentId"), asked.text("content"))?;
                Ok((200, json!({ "comment": comment })))
            }
            _ => Err(format!("{operation} is not an operation")),
        }
    }
}
