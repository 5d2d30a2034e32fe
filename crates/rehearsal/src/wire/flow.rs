//! The ways in which an answer reaches the client: whole, cut off, or slowly.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use crate::world::account::WireAnswer;

/// The body of an answer on its way.
pub(crate) type Flow = BoxBody<Bytes, io::Error>;

impl WireAnswer {
    /// Returns the response to send. None if the connection is to end without one.
    pub(crate) fn flow(self) -> Option<Response<Flow>> {
        match self {
            Self::Reply(response) => {
                Some(response.map(|bytes| Full::new(bytes).map_err(|never| match never {}).boxed()))
            }
            Self::Cut(response) => Some(announce_length(response, |bytes| half(&bytes))),
            Self::Trickle(response, pause) => {
                Some(announce_length(response, |bytes| byte_by_byte(bytes, pause)))
            }
            Self::ConnectionLost => None,
        }
    }
}

/// Makes a response with the length of the whole body, so that the client knows what is missing if it is cut.
fn announce_length<S>(response: Response<Bytes>, parts: impl FnOnce(Bytes) -> S) -> Response<Flow>
where
    S: Stream<Item = io::Result<Frame<Bytes>>> + Send + Sync + 'static,
{
    let length = HeaderValue::from(response.body().len());
    let mut response = response.map(|bytes| BodyExt::boxed(StreamBody::new(parts(bytes))));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// Returns the first half of a body, and then an error that makes hyper drop the connection.
fn half(bytes: &Bytes) -> impl Stream<Item = io::Result<Frame<Bytes>>> + use<> {
    let half = Frame::data(bytes.slice(..bytes.len() / 2));
    let end = stream::once(async {
        // hyper sends what it has only when nothing more is ready to be written, so the error has to come
        // later.
        tokio::task::yield_now().await;
        Err(io::ErrorKind::UnexpectedEof.into())
    });
    stream::iter([Ok(half)]).chain(end)
}

fn byte_by_byte(bytes: Bytes, pause: Duration) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    stream::iter(0..bytes.len()).then(move |place| {
        let byte = bytes.slice(place..=place);
        async move {
            tokio::time::sleep(pause).await;
            Ok(Frame::data(byte))
        }
    })
}
