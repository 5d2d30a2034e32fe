//! The certificates of the system, and those that are built in.

use std::sync::LazyLock;

use rustls_pki_types::CertificateDer;

/// `true` if the system has no certificates, as in an empty container. It is found out once, since that takes
/// as long as to read them.
pub(crate) static SYSTEM_TRUSTS_NOBODY: LazyLock<bool> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs.is_empty());

/// The certificates that browsers trust. The image has them as a file, so that its binary is built without.
#[cfg(feature = "built-in-roots")]
pub(crate) const BUILT_IN_ROOTS: &[CertificateDer<'_>] = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
#[cfg(not(feature = "built-in-roots"))]
pub(crate) const BUILT_IN_ROOTS: &[CertificateDer<'_>] = &[];
