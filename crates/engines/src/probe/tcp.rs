//! The probe `tcp`: a port takes connections.

use tokio::net::TcpStream;

use super::question::ProbeQuestion;

/// A port that should take connections.
pub(super) struct TcpProbe {
    /// The address as `host:port`.
    pub(super) address: String,
}

impl ProbeQuestion for TcpProbe {
    async fn ask(&self) -> Result<String, String> {
        match TcpStream::connect(&self.address).await {
            Ok(_) => Ok("connected".to_owned()),
            Err(error) => Err(format!("could not connect: {error}")),
        }
    }
}
