//! A world behind a socket, of the loopback interface unless an address is given.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::wire::flow::Flow;
use crate::world::account::World;

/// Largest body of a request, in bytes. No request may be as large; objects of S3 are the largest.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// Number of connections that may wait to be accepted. Probes of many experiments come all at once, and one
/// that finds no room tries again only after a second.
const BACKLOG: u32 = 1024;
/// Pause after a connection could not be accepted, for example because all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that listens from the moment it is bound, and answers while it is served.
#[derive(Debug)]
pub struct Server {
    /// URL of all services: `http://127.0.0.1:<port>`.
    pub url: String,
    listener: TcpListener,
    world: World,
}

impl Server {
    /// Binds a port of the loopback interface that the kernel chooses.
    pub async fn bind(world: World) -> io::Result<Self> {
        Self::bind_to(world, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Binds an address.
    #[expect(clippy::unused_async, reason = "nobody may bind outside of a runtime")]
    pub async fn bind_to(world: World, address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // `TcpListener::bind` sets this too. It is not used because it cannot set the backlog.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { url, listener, world })
    }

    /// Returns the URL of the target; all paths below it are the target's.
    pub fn target_url(&self) -> String {
        format!("{}{}", self.url, crate::story::target::PLACE)
    }

    /// Serves for ever. All connections end when the future is dropped.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(converse(stream, self.world.clone()));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                // Finished connections are taken out, so that the set does not grow.
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Serves one connection to its end.
async fn converse(stream: TcpStream, world: World) {
    // Answers are small and the client waits for them, so none should wait for another to fill a packet.
    let _ = stream.set_nodelay(true);
    let lost = AtomicBool::new(false);
    let service = service_fn(|request| answer(world.clone(), &lost, request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // The connection ends with an error whenever the client goes away or a fault drops it, so the error says
    // nothing.
    let _ = (&mut connection).await;
    let stream = connection.into_parts().io.into_inner();
    if lost.load(Ordering::Relaxed) {
        // A socket that does not linger sends a reset and not a regular end, as with a connection that is
        // lost.
        let _ = stream.set_zero_linger();
    }
}

/// Answers one request. An error makes hyper close the connection without an answer.
async fn answer(world: World, lost: &AtomicBool, request: Request<Incoming>) -> io::Result<Response<Flow>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    world.handle(Request::from_parts(parts, body)).await.flow().ok_or_else(|| {
        lost.store(true, Ordering::Relaxed);
        io::ErrorKind::ConnectionReset.into()
    })
}
