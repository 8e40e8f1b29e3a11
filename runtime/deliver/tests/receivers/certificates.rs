//! A private CA, made by openssl, and a server's certificate of it for localhost and receivers.test.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

const COMMANDS: &str = "
    set -e
    key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
    openssl req -x509 $key -keyout ca.key -out ca.pem -days 2 -subj '/CN=CA of a test'
    openssl req -x509 $key -keyout other.key -out other.pem -days 2 -subj '/CN=Another CA'
    openssl req $key -keyout server.key -out server.csr -subj '/CN=localhost'
    echo 'subjectAltName=DNS:localhost,DNS:receivers.test' >extensions
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem
";

fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("sh").args(["-c", COMMANDS]).current_dir(&folder).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        folder
    };
    FOLDER.get_or_init(make).path()
}

/// The CA's certificate.
pub fn ca() -> PathBuf {
    folder().join("ca.pem")
}

/// That of a CA which has signed nothing.
pub fn other_ca() -> PathBuf {
    folder().join("other.pem")
}

/// TLS of a server that is called localhost, or receivers.test.
pub fn server() -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(folder().join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder().join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(config.with_single_cert(chain, key).unwrap())
}
