//! A world behind a socket of the loopback interface.

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

use super::World;
use super::flow::Flow;

/// More than any request of these services may have.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// Connections that may wait to be taken: probes of many experiments come all at once, and one that finds no room
/// tries again only after a second.
const BACKLOG: u32 = 1024;
/// How long to wait when no connection can be taken, as when all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens from the moment it is bound, and answers while it is served.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:<port>`: the endpoint of every service.
    pub url: String,
    listener: TcpListener,
    world: World,
}

impl Server {
    /// On a port of the kernel's choice.
    pub async fn bind(world: World) -> io::Result<Self> {
        Self::bind_to(world, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    #[expect(clippy::unused_async, reason = "nobody may bind outside of a runtime")]
    pub async fn bind_to(world: World, address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As `TcpListener::bind` does.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { url, listener, world })
    }

    /// Where the target is: whatever is asked for below this.
    pub fn target_url(&self) -> String {
        format!("{}{}", self.url, super::target::PLACE)
    }

    /// Never returns; when it is dropped, all its connections end.
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
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// One connection, to its end.
async fn converse(stream: TcpStream, world: World) {
    // Answers are small and awaited: none should wait for another to fill a packet.
    let _ = stream.set_nodelay(true);
    let lost = AtomicBool::new(false);
    let service = service_fn(|request| answer(world.clone(), &lost, request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // It ends with an error wherever the peer goes away or a fault loses the connection.
    let _ = (&mut connection).await;
    let stream = connection.into_parts().io.into_inner();
    if lost.load(Ordering::Relaxed) {
        // The peer hears of a reset, and not of an end.
        let _ = stream.set_zero_linger();
    }
}

/// An error makes hyper close the connection without an answer.
async fn answer(world: World, lost: &AtomicBool, request: Request<Incoming>) -> io::Result<Response<Flow>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    world.handle(Request::from_parts(parts, body)).await.flow().ok_or_else(|| {
        lost.store(true, Ordering::Relaxed);
        io::ErrorKind::ConnectionReset.into()
    })
}
