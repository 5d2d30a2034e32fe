//! The certificates of the system, and those that are built in for a system that has none.

use std::sync::LazyLock;

use rustls_pki_types::CertificateDer;

/// Certificates that browsers trust. There are none in a build for an image that brings its own.
#[cfg(feature = "built-in-certificates")]
pub(crate) const BUILT_IN: &[CertificateDer<'static>] = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
#[cfg(not(feature = "built-in-certificates"))]
pub(crate) const BUILT_IN: &[CertificateDer<'static>] = &[];

/// `true` if the system has no certificates, as in an empty container. It is found out once, since that takes
/// as long as to read them.
pub(crate) static SYSTEM_TRUSTS_NOBODY: LazyLock<bool> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs.is_empty());
