//! The client certificate of a probe. It is read and tried here, since later a bad one would only show as a
//! handshake that fails.

use std::path::Path;

use faultgate_core::mistake::Problem;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::layers::file;

/// Limit of each file, in bytes. A chain and its key are far smaller.
const MAX_BYTES: u64 = 1 << 20;
const NAME_PEM: &str =
    "name a PEM file with the certificate, its chain and, unless client-key names it, its key";

/// The file that is unfit, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UnfitIdentity {
    Certificate(Problem),
    Key(Problem),
}

/// The certificate and its key, in one PEM text. The key may stand in the certificate's file.
pub(crate) fn read(certificate: &Path, key: Option<&Path>) -> Result<Vec<u8>, UnfitIdentity> {
    // A key without a file of its own stands in that of the certificate.
    let of_key = if key.is_some() { UnfitIdentity::Key } else { UnfitIdentity::Certificate };
    let mut pem = file::bytes(certificate, MAX_BYTES, NAME_PEM).map_err(UnfitIdentity::Certificate)?;
    if CertificateDer::pem_slice_iter(&pem).next().is_none_or(|first| first.is_err()) {
        return Err(UnfitIdentity::Certificate(Problem::new("holds no certificate in PEM").hint(NAME_PEM)));
    }
    let key_pem = match key {
        None => pem.clone(),
        Some(key) => {
            file::bytes(key, MAX_BYTES, "name a PEM file with a private key").map_err(UnfitIdentity::Key)?
        }
    };
    has_key(&key_pem).map_err(of_key)?;
    // The file of the certificate may end without a line break.
    if key.is_some() {
        pem.push(b'\n');
        pem.extend(key_pem);
    }
    fits(&pem).map_err(of_key)?;
    Ok(pem)
}

fn has_key(pem: &[u8]) -> Result<(), Problem> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    if PrivateKeyDer::from_pem_slice(pem).is_ok() {
        return Ok(());
    }
    if pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        let hint = "decrypt it with: openssl pkey -in FILE -out key.pem";
        return Err(Problem::new("holds a private key that is encrypted").hint(hint));
    }
    Err(Problem::new("holds no private key in PEM").hint("name its file with client-key"))
}

/// Checks that the client will take them: it demands that the key belongs to the first certificate.
fn fits(pem: &[u8]) -> Result<(), Problem> {
    let client = reqwest::Identity::from_pem(pem).and_then(|identity| {
        // The client trusts nobody, which keeps it from reading the system's certificates.
        reqwest::Client::builder().tls_certs_only([]).identity(identity).build()
    });
    client.map(|_| ()).map_err(|_| {
        let hint = "put the client's own certificate first, and name the key that belongs to it";
        Problem::new("holds a private key that does not fit the certificate").hint(hint)
    })
}
