//! Bodies that have no end, from a server that sends them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::answer::MAX_BODY_BYTES;
use super::tests::{answering, fails, http, passes, see, silent};
use super::*;
use faultgate_core::model::{HttpCheck, Statuses};

/// Starts a server that sends these headers and events to each client, then nothing more, and keeps the
/// connection.
fn streaming(
    listener: TcpListener,
    headers: &'static str,
    events: &'static [&'static str],
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 200 OK\r\n{headers}transfer-encoding: chunked\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            for event in events {
                let _ = stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await;
                let _ = stream.flush().await;
            }
            kept.push(stream);
        }
    })
}

const EVENTS: &[&str] = &["data: the sh", "op is ö", "pen\n\n"];

#[tokio::test]
async fn server_sent_events_pass_on_their_headers() {
    let (listener, address) = silent().await;
    let serving =
        streaming(listener, "content-type: Text/Event-Stream; charset=utf-8\r\nx-shop: open\r\n", EVENTS);
    let at = |change: fn(&mut HttpCheck)| {
        let mut check = http(&format!("http://{address}/events"));
        change(&mut check);
        see(Check::Http(check))
    };
    passes(&at(|_| {}).await);
    passes(&at(|c| c.expect_headers = [("x-shop".to_owned(), "open".to_owned())].into()).await);
    fails(
        &at(|c| c.expect_headers = [("x-shop".to_owned(), "closed".to_owned())].into()).await,
        "the header x-shop",
    );
    fails(&at(|c| c.statuses = Statuses(vec![204..=204])).await, "status 200, not 204");
    passes(&at(|c| c.contains = Some("shop is öpen".to_owned())).await);
    let lacking = at(|c| {
        c.contains = Some("closed".to_owned());
        c.within = Duration::from_millis(200);
    });
    fails(&lacking.await, "no answer within 200ms");
    serving.abort();
}

#[tokio::test]
async fn a_stream_that_ends_or_is_too_long_does_not_contain_the_text() {
    const HEADERS: &str = "content-type: text/event-stream\r\n";
    let (listener, address) = silent().await;
    let serving = streaming(listener, HEADERS, &["data: open\n\n", ""]);
    let check = HttpCheck { contains: Some("closed".to_owned()), ..http(&format!("http://{address}")) };
    fails(&see(Check::Http(check.clone())).await, "the body does not contain the expected text");
    serving.abort();
    let long = "x".repeat(MAX_BODY_BYTES / 2).leak();
    let events: &'static [&'static str] = vec![&*long, &*long, "closed"].leak();
    let (listener, address) = silent().await;
    let serving = streaming(listener, HEADERS, events);
    let check = HttpCheck { url: Hidden(format!("http://{address}")), ..check };
    fails(&see(Check::Http(check)).await, "the first MiB of the body does not contain");
    serving.abort();
}

/// A fault may stop an answer in its middle.
#[tokio::test]
async fn any_other_answer_has_to_end() {
    let (listener, address) = silent().await;
    let serving = streaming(listener, "content-type: application/json\r\n", &["[1, 2"]);
    let check = HttpCheck { within: Duration::from_millis(200), ..http(&format!("http://{address}")) };
    fails(&see(Check::Http(check)).await, "no answer within 200ms");
    serving.abort();
}

#[tokio::test]
async fn statuses_are_a_list_of_ranges() {
    let server = answering(wiremock::ResponseTemplate::new(204)).await;
    for (statuses, passing, shown) in [
        (vec![200..=200], false, "200"),
        (vec![200..=299], true, "200-299"),
        (vec![200..=200, 204..=204], true, "200 or 204"),
        (vec![200..=202, 404..=404, 500..=599], false, "200-202, 404 or 500-599"),
    ] {
        let check = HttpCheck { statuses: Statuses(statuses), ..http(&server.uri()) };
        let seen = see(Check::Http(check)).await;
        if passing {
            passes(&seen);
        } else {
            fails(&seen, &format!("status 204, not {shown}"));
        }
    }
}
