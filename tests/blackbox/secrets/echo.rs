//! A server that grants nothing and repeats all that it was sent.

use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::marks::Marks;

/// The manner in which the server repeats a request.
#[derive(Clone)]
pub(crate) enum Manner {
    /// The server answers with an error, in every form that some server has.
    Refuse(u16),
    /// The server answers with an error as STS does.
    RefuseInXml,
    /// The server redirects to another one, with everything in the query.
    Redirect(String),
    /// The server answers with a success of no known form.
    Grant,
}

pub(crate) struct Echo(MockServer);

impl Echo {
    pub(crate) async fn by(manner: Manner) -> Self {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(manner).mount(&server).await;
        Self(server)
    }

    pub(crate) fn url(&self) -> String {
        self.0.uri()
    }

    pub(crate) async fn requests(&self) -> Vec<String> {
        self.0.received_requests().await.unwrap().iter().map(told).collect()
    }

    /// Asserts that requests hold only secrets of these places.
    pub(crate) async fn assert_only(&self, marks: &Marks, allowed: &[&str]) {
        for request in self.requests().await {
            let mut found = marks.found_in(&request);
            found.retain(|place| !allowed.contains(place));
            assert_eq!(found, [""; 0], "{request}");
        }
    }
}

fn told(request: &Request) -> String {
    let headers = request.headers.iter();
    let headers: Vec<String> =
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default())).collect();
    let body = String::from_utf8_lossy(&request.body);
    format!("{} {} {} {body}", request.method, request.url, headers.join(" "))
}

impl Respond for Manner {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        // The answer is short, lest it is cut before the secrets come.
        let headers = ["authorization", "x-amz-security-token", "private-token", "x-api-key", "cookie"];
        let headers = headers.iter().filter_map(|name| request.headers.get(*name)?.to_str().ok());
        let body = String::from_utf8_lossy(&request.body);
        let said = format!(
            "{} {body} {}",
            headers.collect::<Vec<_>>().join(" "),
            request.url.query().unwrap_or_default()
        );
        let error = json!({
            "__type": "AccessDeniedException", "message": said, "error": said, "errorDescription": said,
            "errors": [{ "message": said }], "detail": said,
        });
        match self {
            Self::Refuse(status) => ResponseTemplate::new(*status)
                .insert_header("x-amzn-errortype", "AccessDeniedException")
                .set_body_json(error),
            Self::RefuseInXml => {
                let body = format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{}</Message></Error>\
                     </ErrorResponse>",
                    said.replace('&', "&amp;").replace('<', "&lt;")
                );
                ResponseTemplate::new(403).set_body_raw(body, "text/xml")
            }
            Self::Redirect(to) => {
                let encoded =
                    percent_encoding::percent_encode(said.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
                let location = format!("{to}/elsewhere?access_token={encoded}");
                ResponseTemplate::new(307).insert_header("location", location).set_body_json(error)
            }
            Self::Grant => ResponseTemplate::new(200).set_body_json(json!({
                "message": said, "value": said, "AccessKeyId": said, "data": { "said": said }, "sha": said,
            })),
        }
    }
}
