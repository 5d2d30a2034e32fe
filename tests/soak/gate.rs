//! The gate between the binary and everything it talks to. It knows each request as it arrives, and holds one
//! of them at the moment that a test wants. A request that has arrived takes effect, whether or not its
//! sender lives to hear of it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use faultgate_rehearsal::{WireAnswer, World};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// The operation of FIS that stops an experiment.
pub(crate) const STOP: &str = "DELETE /experiments/*";
/// The operation of FIS that starts an experiment.
pub(crate) const START: &str = "POST /experiments";
/// The operation of SQS that waits for as long as there is nothing to receive.
const LONG_POLL: &str = "AmazonSQS.ReceiveMessage";

/// A moment in the life of a request at which it may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The request has arrived, and has had no effect.
    Received,
    /// The request has had its effect, and is not answered.
    Done,
    /// The request has been answered.
    Answered,
}

/// One request of a run, by its operation and its number among the requests of this operation, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nth {
    pub(crate) operation: String,
    pub(crate) number: usize,
}

/// A request that has passed the gate.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    pub(crate) request: Nth,
    /// The key and the day of the signature: `AKIDTEST/20260102`.
    pub(crate) signed: String,
    pub(crate) received: Instant,
    /// The moment of the answer, or `None` until then.
    pub(crate) answered: Option<Instant>,
}

/// A rule that refuses requests by the key that they are signed with.
pub(crate) type Refuses = dyn Fn(&str) -> bool + Send + Sync;

#[derive(Default)]
struct State {
    passed: Vec<Passed>,
    counts: BTreeMap<String, usize>,
    refuses: Option<Box<Refuses>>,
    /// `true` while nothing is answered and nothing that arrives has an effect.
    silent: bool,
}

struct Shared {
    world: World,
    forge: String,
    client: reqwest::Client,
    hold: Option<(Nth, Moment)>,
    reached: watch::Sender<bool>,
    released: watch::Sender<bool>,
    /// The number of arrivals and answers so far.
    changes: watch::Sender<u64>,
    state: Mutex<State>,
}

/// The service behind an address.
#[derive(Debug, Clone, Copy)]
enum Behind {
    Aws,
    Forge,
}

pub(crate) struct Gate {
    aws: Doorway,
    forge: Doorway,
    shared: Arc<Shared>,
    serving: Vec<AbortOnDropHandle<()>>,
}

impl Gate {
    /// Opens a gate before a world and a forge, with a request to hold.
    pub(crate) fn before(world: World, forge: &str, hold: Option<(Nth, Moment)>) -> Self {
        let shared = Arc::new(Shared {
            world,
            forge: forge.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            hold,
            reached: watch::Sender::new(false),
            released: watch::Sender::new(false),
            changes: watch::Sender::new(0),
            state: Mutex::default(),
        });
        let (aws, forge) = (Doorway::reserve(), Doorway::reserve());
        let mut gate = Self { aws, forge, shared, serving: Vec::new() };
        gate.mend();
        gate
    }

    pub(crate) fn aws(&self) -> String {
        format!("http://{}", self.aws.address)
    }

    pub(crate) fn forge(&self) -> String {
        format!("http://{}", self.forge.address)
    }

    /// Waits until the request that is to be held is at its moment.
    pub(crate) async fn reached(&self) {
        let _ = self.shared.reached.subscribe().wait_for(|reached| *reached).await;
    }

    /// Lets go of the request that is held; none is held any more.
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.shared.state().passed.clone()
    }

    /// Waits until this is true of the requests that have arrived.
    pub(crate) async fn until(&self, holds: impl Fn(&[Passed]) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        while !holds(&self.passed()) {
            let _ = changes.changed().await;
        }
    }

    /// Waits until every request that has arrived has had its effect.
    pub(crate) async fn settled(&self) {
        self.until(|passed| {
            passed.iter().all(|one| one.answered.is_some() || one.request.operation == LONG_POLL)
        })
        .await;
    }
}

/// Disturbances of the network and of credentials.
impl Gate {
    /// Ends every connection, and refuses new ones.
    pub(crate) fn cut(&mut self) {
        self.serving.clear();
    }

    /// Takes connections again, at the same addresses.
    pub(crate) fn mend(&mut self) {
        self.serving = vec![
            serve(self.aws.listen(), Behind::Aws, &self.shared),
            serve(self.forge.listen(), Behind::Forge, &self.shared),
        ];
    }

    /// Begins or ends a silence, in which connections stay and nothing passes.
    pub(crate) fn silence(&self, silent: bool) {
        self.shared.state().silent = silent;
        self.shared.change();
    }

    pub(crate) fn refuse(&self, refuses: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.shared.state().refuses = Some(Box::new(refuses));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn receive(&self, operation: String, signed: String) -> (usize, Nth) {
        let place = {
            let mut state = self.state();
            let count = state.counts.entry(operation.clone()).or_default();
            *count += 1;
            let request = Nth { operation, number: *count };
            let received = Instant::now();
            state.passed.push(Passed { request: request.clone(), signed, received, answered: None });
            (state.passed.len() - 1, request)
        };
        self.change();
        place
    }

    fn answer(&self, place: usize) {
        self.state().passed[place].answered = Some(Instant::now());
        self.change();
    }

    async fn hold(&self, request: &Nth, moment: Moment) {
        if self.hold.as_ref().is_some_and(|(held, at)| held == request && *at == moment) {
            self.reached.send_replace(true);
            // The answer has gone already, so there is nothing to hold.
            if moment != Moment::Answered {
                let _ = self.released.subscribe().wait_for(|released| *released).await;
            }
        }
    }

    /// Waits for the end of a silence. A request of that time is lost, which is an error.
    async fn if_anything_passes(&self) -> io::Result<()> {
        let was_silent = self.state().silent;
        let mut changes = self.changes.subscribe();
        while self.state().silent {
            let _ = changes.changed().await;
        }
        if was_silent { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    fn refuses(&self, request: &Request<Bytes>) -> bool {
        let signed = signed(request);
        let key = signed.split('/').next().unwrap_or_default();
        self.state().refuses.as_ref().is_some_and(|refuses| refuses(key))
    }

    async fn handle(&self, behind: Behind, request: Request<Bytes>) -> io::Result<Response<Bytes>> {
        match behind {
            Behind::Aws if self.refuses(&request) => Ok(expired()),
            Behind::Aws => match self.world.handle(request).await {
                WireAnswer::Reply(response) => Ok(response),
                // No test here asks the world itself to disturb anything.
                WireAnswer::ConnectionLost | WireAnswer::Cut(_) | WireAnswer::Trickle(..) => {
                    Err(io::ErrorKind::ConnectionReset.into())
                }
            },
            Behind::Forge => self.forward(request).await.map_err(io::Error::other),
        }
    }

    async fn forward(&self, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
        let (mut parts, body) = request.into_parts();
        parts.headers.remove("host");
        let url = format!("{}{}", self.forge, parts.uri);
        let sent = self.client.request(parts.method, url).headers(parts.headers).body(body);
        let answer = sent.send().await?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        if let Some(kind) = answer.headers().get("content-type") {
            response.headers_mut().insert("content-type", kind.clone());
        }
        *response.body_mut() = answer.bytes().await?;
        Ok(response)
    }
}

/// Returns the answer to a request whose credentials have expired, in a form that every service's client
/// reads.
fn expired() -> Response<Bytes> {
    let body = r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#;
    Response::builder()
        .status(403)
        .header("content-type", "application/json")
        .header("x-amzn-errortype", "ExpiredTokenException")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

/// An address that stays the gate's own, whether or not connections are taken at it.
struct Doorway {
    address: SocketAddr,
    /// A socket that never listens. It keeps the kernel from giving the port to others while nobody listens.
    _keeper: TcpSocket,
}

impl Doorway {
    fn reserve() -> Self {
        let keeper = bind(([127, 0, 0, 1], 0).into());
        Self { address: keeper.local_addr().unwrap(), _keeper: keeper }
    }

    fn listen(&self) -> TcpListener {
        bind(self.address).listen(256).unwrap()
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

fn serve(listener: TcpListener, behind: Behind, shared: &Arc<Shared>) -> AbortOnDropHandle<()> {
    let shared = Arc::clone(shared);
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(converse(stream, behind, Arc::clone(&shared)));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }))
}

async fn converse(stream: TcpStream, behind: Behind, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| pass(Arc::clone(&shared), behind, request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn pass(
    shared: Arc<Shared>,
    behind: Behind,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(parts, body);
    shared.if_anything_passes().await?;
    let (place, this) = shared.receive(operation(&request), signed(&request));
    let (own, held) = (Arc::clone(&shared), this.clone());
    let effect = async move {
        own.hold(&held, Moment::Received).await;
        let answer = own.handle(behind, request).await;
        own.hold(&held, Moment::Done).await;
        own.answer(place);
        answer
    };
    // A long poll ends with its client, as at AWS. Every other request takes effect even if its sender is
    // gone.
    let answer = if this.operation == LONG_POLL { effect.await } else { tokio::spawn(effect).await.unwrap() };
    shared.if_anything_passes().await?;
    shared.hold(&this, Moment::Answered).await;
    answer.map(|response| response.map(Full::new))
}

/// Returns the key and the day of a signature, or nothing if the request is not signed.
fn signed(request: &Request<Bytes>) -> String {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let scope = header.and_then(|value| value.split("Credential=").nth(1)).unwrap_or_default();
    scope.split('/').take(2).collect::<Vec<_>>().join("/")
}

/// Returns a name that requests of the same kind have in common.
fn operation(request: &Request<Bytes>) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.to_str().unwrap().to_owned();
    }
    let action = std::str::from_utf8(request.body())
        .ok()
        .and_then(|body| body.split('&').find_map(|pair| pair.strip_prefix("Action=")));
    if let Some(action) = action {
        return action.to_owned();
    }
    let is_name = |part: &str| part.starts_with("EX") || part.bytes().any(|byte| byte.is_ascii_digit());
    let path: Vec<&str> =
        request.uri().path().split('/').map(|part| if is_name(part) { "*" } else { part }).collect();
    format!("{} {}", request.method(), path.join("/"))
}
