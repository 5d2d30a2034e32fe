//! The reading of an answer's body up to a limit, so that a server that answers without end takes neither
//! memory nor time without end.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;

/// A body that arrives in pieces.
pub trait Pieces {
    type Error;

    /// Returns the next piece; `None` after the last one.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send;
}

impl Pieces for reqwest::Response {
    type Error = reqwest::Error;

    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send {
        self.chunk()
    }
}

impl<E: Send> Pieces for BoxBody<Bytes, E> {
    type Error = E;

    async fn next(&mut self) -> Result<Option<Bytes>, E> {
        while let Some(frame) = self.frame().await {
            // Trailers are passed over.
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// Reads up to `max_bytes` of a body into `read`, and returns `true` if that is all of it. What has arrived
/// before an error stays in `read`.
pub async fn read_up_to<B: Pieces>(
    max_bytes: usize,
    body: &mut B,
    read: &mut Vec<u8>,
) -> Result<bool, B::Error> {
    while let Some(piece) = body.next().await? {
        let room = max_bytes.saturating_sub(read.len());
        read.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(Vec<Result<&'static str, &'static str>>);

    impl Pieces for Given {
        type Error = &'static str;

        async fn next(&mut self) -> Result<Option<Bytes>, &'static str> {
            self.0.pop().map(|piece| piece.map(Bytes::from)).transpose()
        }
    }

    async fn read(
        max_bytes: usize,
        pieces: &[Result<&'static str, &'static str>],
    ) -> (String, Result<bool, &'static str>) {
        let mut read = Vec::new();
        let mut body = Given(pieces.iter().rev().copied().collect());
        let whole = read_up_to(max_bytes, &mut body, &mut read).await;
        (String::from_utf8(read).unwrap(), whole)
    }

    #[tokio::test]
    async fn no_more_is_read_than_the_limit_and_an_error_keeps_what_came_before() {
        let pieces = [Ok("abc"), Ok("def")];
        assert_eq!(read(6, &pieces).await, ("abcdef".to_owned(), Ok(true)));
        assert_eq!(read(5, &pieces).await, ("abcde".to_owned(), Ok(false)));
        assert_eq!(read(0, &pieces).await, (String::new(), Ok(false)));
        assert_eq!(read(6, &[Ok("abc"), Err("reset")]).await, ("abc".to_owned(), Err("reset")));
    }
}
