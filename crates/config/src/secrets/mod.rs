//! Secrets: which variables hold some (`credentials`), which variables programs inherit (`inherited`), and the
//! veil over everything that may be one in texts that go out (`veil`).

pub(crate) mod credentials;
pub(crate) mod inherited;
pub(crate) mod veil;
