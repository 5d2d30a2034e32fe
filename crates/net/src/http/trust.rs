//! The certificates of the system.

use std::sync::LazyLock;

/// `true` if the system has no certificates, as in an empty container. It is found out once, since that takes
/// as long as to read them.
pub(crate) static SYSTEM_TRUSTS_NOBODY: LazyLock<bool> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs.is_empty());
