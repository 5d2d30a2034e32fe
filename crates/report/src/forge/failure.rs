//! The failure of a request to a forge, and what its caller can make of it.

use std::time::Duration;

use faultgate_core::failure::Failure;

/// A request that a forge did not grant. `why` has the forge's words where it has some, as plain text without the
/// token. It keeps no source, since nobody could hide the token in the text of one.
pub type ForgeFailure = Failure<Denied>;

/// Makes the failure of a client by which no request could be made. `why` is a fragment, and names the
/// setting that is wrong.
pub(super) fn no_client(why: impl Into<String>) -> ForgeFailure {
    ForgeFailure::new(Denied::FOR_GOOD, "connect to the forge", why)
}

/// The kind of a request's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    pub again: Again,
    /// `true` if the forge knows the token, and the token may not do this.
    pub lacks_permission: bool,
}

impl Denied {
    /// A denial that no other try can change.
    pub const FOR_GOOD: Self = Self::with(Again::Never);

    /// Returns a denial which has nothing to do with the permissions of the token.
    pub const fn with(again: Again) -> Self {
        Self { again, lacks_permission: false }
    }
}

/// The answer to the question whether the same request may be granted when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Another try cannot help, or might do the same thing twice.
    Never,
    /// Another try may help after a pause of the caller's choice.
    Soon,
    /// Another try may help after this time, which the forge has named.
    After(Duration),
    /// Another try cannot help, since the comment is gone or somebody else's. A new one may be created
    /// instead.
    Anew,
}
