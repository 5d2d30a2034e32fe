//! A proxy between the binary and any server that speaks HTTP, which answers as faults say.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use faultgate_rehearsal::{FaultEffect, FaultRule};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// Number of bytes that are reserved for an answer.
const ANSWER_BYTES: usize = 16 << 10;
/// The page of a network that wants its users to sign in.
const PAGE: &str = "<!doctype html><title>Sign in</title><p>Sign in to use this network.</p>";

/// The server as the binary sees it.
pub(crate) struct Between {
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Kept {
    asked: Vec<String>,
    fault: Option<FaultRule>,
    /// Number of times that the fault was met.
    met: u32,
}

impl Between {
    /// Starts a proxy in front of the server at this address.
    pub(crate) async fn before(url: &str, fault: Option<FaultRule>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let behind = url.trim_start_matches("http://").to_owned();
        let kept = Arc::new(Mutex::new(Kept { fault, ..Kept::default() }));
        let shared = Arc::clone(&kept);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (behind, kept) = (behind.clone(), Arc::clone(&shared));
                // A client that goes away ends its own conversation, and nobody waits for it.
                tokio::spawn(async move { converse(client, &behind, &kept).await.ok() });
            }
        });
        Self { url: own, kept, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Returns the operations that were asked for, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.kept.lock().unwrap().asked.clone()
    }
}

impl Kept {
    /// Notes a request, and returns the effect of the fault if it meets one.
    fn meet(&mut self, operation: &str) -> Option<FaultEffect> {
        self.asked.push(operation.to_owned());
        let fault = self.fault.as_ref().filter(|fault| fault.operation == operation)?;
        self.met += 1;
        fault.times.is_none_or(|times| self.met <= times).then(|| fault.effect.clone())
    }
}

/// Carries one request and its answer. Every connection is closed after it.
async fn converse(mut client: TcpStream, behind: &str, kept: &Mutex<Kept>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (head, body) = read(&mut client).await?;
    let effect = kept.lock().unwrap().meet(&operation(&head, &body));
    match effect {
        Some(FaultEffect::Hang) => std::future::pending().await,
        Some(FaultEffect::LoseRequest) => return client.set_zero_linger(),
        Some(FaultEffect::Error { status, retry_after, .. }) => {
            return client.write_all(&refusal(status, "application/json", retry_after)).await;
        }
        Some(FaultEffect::Page { status, retry_after }) => {
            return client.write_all(&refusal(status, "text/html", retry_after)).await;
        }
        Some(FaultEffect::Nothing) => unreachable!("it is for endpoints that know what an empty answer is"),
        Some(FaultEffect::Garbage) => return client.write_all(&refusal(200, "text/html", None)).await,
        Some(FaultEffect::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(FaultEffect::LoseAnswer | FaultEffect::Truncate | FaultEffect::Trickle(_)) | None => {}
    }
    let answer = forward(behind, &head, &body).await?;
    match effect {
        Some(FaultEffect::LoseAnswer) => client.set_zero_linger(),
        Some(FaultEffect::Truncate) => {
            let begin = end_of_head(&answer).unwrap_or_default();
            client.write_all(&answer[..begin + (answer.len() - begin) / 2]).await
        }
        Some(FaultEffect::Trickle(pause)) => {
            let begin = end_of_head(&answer).unwrap_or_default();
            client.write_all(&answer[..begin]).await?;
            for byte in &answer[begin..] {
                tokio::time::sleep(pause).await;
                client.write_all(&[*byte]).await?;
            }
            Ok(())
        }
        _ => client.write_all(&answer).await,
    }
}

/// Reads a whole request: its head with the empty line, and its body.
async fn read(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let begin = loop {
        if let Some(begin) = end_of_head(&bytes) {
            break begin;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..begin]).into_owned();
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < begin + length {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((head, bytes.split_off(begin)))
}

/// Passes a request on to the server, and returns the whole answer.
async fn forward(behind: &str, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(behind).await?;
    let kept = head.trim_end().lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = kept.chain(["connection: close", "", ""]).collect::<Vec<_>>().join("\r\n");
    server.write_all(head.as_bytes()).await?;
    server.write_all(body).await?;
    let mut answer = Vec::with_capacity(ANSWER_BYTES);
    server.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Builds an answer with this status, as JSON or as a page.
fn refusal(status: u16, content_type: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let body = if content_type == "text/html" { PAGE } else { r#"{"message":"chaos"}"# };
    let after = retry_after.map(|after| format!("retry-after: {}\r\n", after.as_secs())).unwrap_or_default();
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Chaos\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n");
    format!("{head}{after}connection: close\r\n\r\n{body}").into_bytes()
}

/// Returns the place behind the empty line that ends a head.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|place| place + 4)
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// Returns the operation of a request: AWS's, GraphQL's, or method and path without what differs from run to
/// run.
fn operation(head: &str, body: &[u8]) -> String {
    if let Some(target) = header(head, "x-amz-target") {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    if header(head, "content-type") == Some("application/x-www-form-urlencoded") {
        let body = String::from_utf8_lossy(body);
        if let Some(action) = body.split('&').find_map(|pair| pair.strip_prefix("Action=")) {
            return action.to_owned();
        }
    }
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(name) = json["operationName"].as_str() {
        return name.to_owned();
    }
    let mut line = head.split_whitespace();
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let part = |part: &str| {
        let is_id = part.len() > 2 && part.bytes().any(|byte| byte.is_ascii_digit());
        if is_id { "*".to_owned() } else { part.to_owned() }
    };
    format!("{method} {}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}
