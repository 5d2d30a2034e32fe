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
pub struct Connection {
    shared: Arc<Shared>,
    may_only_read: Option<Arc<str>>,
}

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
        Self { shared: Arc::new(Shared { connect, made: OnceCell::new() }), may_only_read: None }
    }

    /// Says why the token may only read, where the platform gives such ones out. It is tried all the same, for some of
    /// them can be let to write.
    #[must_use]
    pub fn that_may_only_read(self, why: Option<String>) -> Self {
        Self { may_only_read: why.map(Into::into), ..self }
    }

    pub fn may_only_read(&self) -> Option<&str> {
        self.may_only_read.as_deref()
    }

    pub async fn forge(&self) -> Result<&dyn Forge, &NoForge> {
        let made = self.shared.made.get_or_init(|| (self.shared.connect)()).await;
        made.as_ref().map(AsRef::as_ref)
    }
}
