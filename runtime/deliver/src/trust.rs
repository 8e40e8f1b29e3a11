//! Whose certificates are believed: Mozilla's roots, which are built in, the system's where it has some, and the target's.

use crate::Failure;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::env;
use std::fs;

/// Where systems keep theirs; the first that is there counts. `SSL_CERT_FILE` names another.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// All of them; those that rustls cannot use are left out.
///
/// # Errors
/// The target's file cannot be read, or holds no certificate.
pub fn roots(ca: Option<&str>) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let mut roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
    let system = match env::var("SSL_CERT_FILE") {
        Ok(path) => fs::read(path).ok(),
        Err(_) => BUNDLES.iter().find_map(|path| fs::read(path).ok()),
    };
    roots.extend(usable(&system.unwrap_or_default()));
    if let Some(path) = ca {
        let bytes = fs::read(path).map_err(|error| Failure::again(format!("cannot read {path}: {error}")))?;
        let own = usable(&bytes);
        if own.is_empty() {
            return Err(Failure::refused(format!("{path} holds no certificate that can be used")));
        }
        roots.extend(own);
    }
    Ok(roots)
}

/// The certificates in a file's PEM blocks.
fn usable(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    certificates.filter(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok()).collect()
}
