//! Files of PEM certificates. They are read and tried here, since later a bad one would only show as a handshake
//! that fails.

use std::path::Path;

use faultgate_core::mistake::Problem;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::file;

/// Limit of a file of certificates, in bytes. All certificates of a system are a quarter of this.
const MAX_BYTES: u64 = 1 << 20;

const NAME_PEM: &str = "name a file of PEM certificates";

/// The content of a file with at least one certificate, in which every certificate is good.
pub(crate) fn certificates(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut pem = file::bytes(path, MAX_BYTES, NAME_PEM)?;
    let mut roots = RootCertStore::empty();
    for (place, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let number = place + 1;
        let unfit = |why: &str| {
            Problem::new(format!("holds a certificate (number {number}) that {why}"))
                .hint("replace that certificate, or take it out")
        };
        let certificate = certificate.map_err(|_| unfit("is not valid PEM"))?;
        roots.add(certificate).map_err(|_| unfit("does not parse"))?;
    }
    if roots.is_empty() {
        return Err(no_certificate(&pem));
    }
    // The content of another file may follow, and this one may end without a line break.
    pem.push(b'\n');
    Ok(pem)
}

/// Checks that a file has at least one certificate that the TLS library can use.
pub(crate) fn some_certificate(path: &Path) -> Result<(), Problem> {
    // The TLS library reads files of any size, so this one is not refused for its size.
    let pem = file::bytes(path, u64::from(u32::MAX), NAME_PEM)?;
    let good = |certificate| RootCertStore::empty().add(certificate).is_ok();
    if CertificateDer::pem_slice_iter(&pem).flatten().any(good) { Ok(()) } else { Err(no_certificate(&pem)) }
}

fn no_certificate(pem: &[u8]) -> Problem {
    const BEGIN: &[u8] = b"-----BEGIN ";
    if pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Problem::new("holds no certificate that can be used").hint(NAME_PEM);
    }
    Problem::new("is not PEM").hint("convert a DER file with: openssl x509 -inform der -in FILE -out ca.pem")
}
