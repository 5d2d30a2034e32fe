//! A connection to a forge that is made when it is first needed, which is after the launch.
//!
//! All sinks share one connection, and so one client. A connection that could not be made is not tried again:
//! every sink hears the same reason.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::port::Forge;

/// The reason why there is no forge to report to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoForge {
    /// The user has asked for nothing that could be done: no repository is known, or no token was given.
    Absent(String),
    /// The forge should be there, but no client for it could be made.
    Broken(String),
}

type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Forge>, NoForge>> + Send>>;
type Connect = Box<dyn Fn() -> Connecting + Send + Sync>;

/// The connection that all sinks which report to the forge share. A copy is the same connection.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
    /// The reason why the token may only read, if that is expected of it.
    may_only_read: Option<Arc<str>>,
}

struct Shared {
    connect: Connect,
    made: OnceCell<Result<Box<dyn Forge>, NoForge>>,
}

impl Connection {
    /// Makes a connection that calls `connect` at most once, when the forge is first asked for.
    pub fn new<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Box<dyn Forge>, NoForge>> + Send + 'static,
    {
        let connect: Connect = Box::new(move || Box::pin(connect()));
        Self { shared: Arc::new(Shared { connect, made: OnceCell::new() }), may_only_read: None }
    }

    /// Adds the reason why the token may only read, where the platform gives out such tokens. The token is
    /// tried all the same, since the platform can be configured to let some of them write.
    #[must_use]
    pub fn that_may_only_read(self, why: Option<String>) -> Self {
        Self { may_only_read: why.map(Into::into), ..self }
    }

    /// Returns the reason why the token may only read.
    pub fn may_only_read(&self) -> Option<&str> {
        self.may_only_read.as_deref()
    }

    /// Returns the forge, and connects to it first if nobody has done so.
    pub async fn forge(&self) -> Result<&dyn Forge, &NoForge> {
        let made = self.shared.made.get_or_init(|| (self.shared.connect)()).await;
        made.as_ref().map(AsRef::as_ref)
    }
}
