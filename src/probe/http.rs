//! An HTTP server answers as it should. A redirect is an answer and is not followed.

use async_trait::async_trait;

use super::{Look, body, holds, unanswered};
use crate::model::HttpCheck;

pub(super) struct Http {
    pub(super) client: reqwest::Client,
    pub(super) check: HttpCheck,
}

#[async_trait]
impl Look for Http {
    async fn look(&self) -> Result<String, String> {
        let check = &self.check;
        let method = check.method.parse().map_err(|_| "its method is not one of HTTP".to_owned())?;
        let mut request = self.client.request(method, &check.url);
        for (name, value) in &check.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &check.body {
            request = request.body(body.clone());
        }
        let mut answer = request.send().await.map_err(unanswered)?;
        let status = answer.status().as_u16();
        if status != check.status {
            return Err(format!("status {status}, not {}", check.status));
        }
        for (name, wanted) in &check.expect_headers {
            let mut values = answer.headers().get_all(name).iter().peekable();
            if values.peek().is_none() {
                return Err(format!("no header {name}"));
            }
            if !values.any(|value| holds(value.as_bytes(), wanted)) {
                return Err(format!("the header {name} does not contain what is expected"));
            }
        }
        let (body, whole) = body(&mut answer).await?;
        match &check.contains {
            Some(wanted) if !holds(&body, wanted) => {
                let part = if whole { "the body" } else { "the first MiB of the body" };
                Err(format!("{part} does not contain the expected text"))
            }
            _ => Ok(format!("status {status}")),
        }
    }
}
