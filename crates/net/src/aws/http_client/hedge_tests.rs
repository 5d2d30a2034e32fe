//! Tests of the hedge, by a service that answers only some requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::*;
use crate::aws::http_client;
use crate::http::HttpSettings;

/// The fate of one request: what comes of it, and after how many milliseconds. None for nothing at all.
type Fate = Option<(u64, Result<u16, ()>)>;

/// A service whose requests have these fates, and the times at which they came. Further requests hang.
#[derive(Debug, Clone, Default)]
struct Service {
    fates: Arc<Mutex<VecDeque<Fate>>>,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl HttpClient for Service {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Service {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        self.asked.lock().unwrap().push(Instant::now());
        let fate = self.fates.lock().unwrap().pop_front().flatten();
        HttpConnectorFuture::new(async move {
            let Some((after, fate)) = fate else { return std::future::pending().await };
            tokio::time::sleep(Duration::from_millis(after)).await;
            let status = fate.map_err(|()| ConnectorError::io("the connection was lost".into()))?;
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::empty()))
        })
    }
}

/// One request to a service: its result, the milliseconds at which it went out, and its count.
struct Course {
    result: Result<u16, String>,
    sent: Vec<u128>,
    counted: Option<u64>,
}

fn connect(
    client: impl HttpClient + 'static,
    hurried: &CancellationToken,
) -> (SharedHttpConnector, CountCalls) {
    let counted = CountCalls::default();
    let hedged = Hedged::new(SharedHttpClient::new(client), "Stop", counted.clone(), hurried.clone());
    let components = RuntimeComponentsBuilder::for_tests().build().unwrap();
    (hedged.http_connector(&HttpConnectorSettings::default(), &components), counted)
}

/// Sends a request, and has it hurried after this time.
async fn ask(fates: impl IntoIterator<Item = Fate>, hurried_after: Duration) -> Course {
    let service = Service::default();
    service.fates.lock().unwrap().extend(fates);
    let (begin, hurried) = (Instant::now(), CancellationToken::new());
    let (connector, counted) = connect(service.clone(), &hurried);
    let hurrying = async {
        tokio::time::sleep(hurried_after).await;
        hurried.cancel();
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        () = hurrying => unreachable!(),
        result = connector.call(HttpRequest::get("http://service").unwrap()) => result,
        () = tokio::time::sleep(Duration::from_secs(19)) => Err(ConnectorError::user("no answer".into())),
    };
    let asked = service.asked.lock().unwrap();
    Course {
        result: result.map(|answer| answer.status().as_u16()).map_err(|error| crate::http::cause(&error)),
        sent: asked.iter().map(|at| (*at - begin).as_millis()).collect(),
        counted: counted.total.snapshot().get("Stop").copied(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_in_time_goes_out_once() {
    for status in [200, 400, 503] {
        let course = ask([Some((1400, Ok(status)))], Duration::ZERO).await;
        assert_eq!((course.result, course.sent, course.counted), (Ok(status), vec![0], None));
    }
    let lost = ask([Some((1400, Err(())))], Duration::ZERO).await;
    assert!(lost.result.is_err(), "the SDK sends it again, after its pause");
    assert_eq!(lost.sent, [0]);
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_counts_whichever_request_it_is_of() {
    let second = ask([None, Some((100, Ok(200)))], Duration::MAX).await;
    assert_eq!((second.result, second.sent, second.counted), (Ok(200), vec![0, 1500], Some(1)));
    let first = ask([Some((3100, Ok(403))), None, None], Duration::MAX).await;
    assert_eq!((first.result, first.sent, first.counted), (Ok(403), vec![0, 1500, 3000], Some(2)));
}

#[tokio::test(start_paused = true)]
async fn one_lost_connection_ends_no_other_request() {
    let course =
        ask([Some((4000, Ok(200))), Some((100, Err(()))), Some((100, Err(())))], Duration::MAX).await;
    assert_eq!((course.result, course.sent), (Ok(200), vec![0, 1500, 3000]));
}

#[tokio::test(start_paused = true)]
async fn few_requests_are_under_way_unless_time_is_short() {
    let patient = ask([], Duration::MAX).await;
    assert_eq!(patient.sent, [0, 1500, 3000, 4500, 10_000, 11_500, 13_000, 14_500]);
    let hurried = ask([], Duration::from_secs(7)).await;
    assert_eq!(hurried.sent[..6], [0, 1500, 3000, 4500, 7000, 8500]);
}

/// Answers the first request of a connection, and none after it.
async fn answer_once(mut stream: TcpStream, answered: oneshot::Receiver<()>) {
    let mut request = [0; 1024];
    let _ = stream.read(&mut request).await;
    let _ = answered.await;
    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {}
}

/// Two connections are kept that have died unnoticed. A further request goes over neither.
#[tokio::test]
async fn a_further_request_goes_over_a_new_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = http_client(&HttpSettings::default()).unwrap();
    let components = RuntimeComponentsBuilder::for_tests().build().unwrap();
    let plain = client.http_connector(&HttpConnectorSettings::default(), &components);
    let (answer, answered): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
    let serving = async {
        let serving = FuturesUnordered::new();
        let mut answer = answer.into_iter();
        for (number, answered) in answered.into_iter().enumerate() {
            let (stream, _) = listener.accept().await.unwrap();
            serving.push(tokio::spawn(answer_once(stream, answered)));
            // The first two are answered when both are there, so that each has a connection.
            if number > 0 {
                answer.by_ref().take(2).for_each(|answer| answer.send(()).unwrap());
            }
        }
        serving.map(drop).collect::<()>().await;
    };
    let asking = async {
        let get = || HttpRequest::get(&url).unwrap();
        let (one, other) = tokio::join!(plain.call(get()), plain.call(get()));
        assert_eq!((one.unwrap().status().as_u16(), other.unwrap().status().as_u16()), (204, 204));
        let (hedged, counted) = connect(client.clone(), &CancellationToken::new());
        let answer = hedged.call(get()).await.unwrap();
        (answer.status().as_u16(), counted.total.snapshot()["Stop"])
    };
    let asked = tokio::select! {
        () = serving => unreachable!("a connection is kept"),
        asked = asking => asked,
    };
    assert_eq!(asked, (204, 1), "one further request was enough");
}
