//! The probe `tcp`: a port takes connections.

use tokio::net::TcpStream;

use super::Look;

/// A port that should take connections.
pub(super) struct Tcp {
    /// The address as `host:port`.
    pub(super) address: String,
}

impl Look for Tcp {
    async fn look(&self) -> Result<String, String> {
        match TcpStream::connect(&self.address).await {
            Ok(_) => Ok("connected".to_owned()),
            Err(error) => Err(format!("could not connect: {error}")),
        }
    }
}
