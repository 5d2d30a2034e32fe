//! A forge that is connected to when it is first needed, which is after the launch.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Forge;

/// Why there is no forge to report to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoForge {
    /// Nothing was asked for that could be done: no repository is known, or no token was given.
    Absent(String),
    /// It should be there, and no client for it could be made.
    Broken(String),
}

type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Forge>, NoForge>> + Send>>;
type Connect = Box<dyn Fn() -> Connecting + Send + Sync>;

/// Shared by everybody who reports to the forge: they all use one client.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    connect: Connect,
    made: OnceCell<Result<Box<dyn Forge>, NoForge>>,
}

impl Connection {
    pub fn new<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Box<dyn Forge>, NoForge>> + Send + 'static,
    {
        let connect: Connect = Box::new(move || Box::pin(connect()));
        Self(Arc::new(Shared { connect, made: OnceCell::new() }))
    }

    pub async fn forge(&self) -> Result<&dyn Forge, &NoForge> {
        let made = self.0.made.get_or_init(|| (self.0.connect)()).await;
        made.as_ref().map(AsRef::as_ref)
    }
}
