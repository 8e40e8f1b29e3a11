//! The podinit-deliver that podctl carries: linked statically, it still finds names and speaks TLS.
//!
//! It runs in namespaces with a network, an /etc/hosts and an /etc/resolv.conf of their own.

use podctl::image::programs::Program;
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

#[test]
fn the_static_program_finds_names_in_hosts_and_by_dns_and_speaks_tls() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("podinit-deliver");
    fs::write(&program, Program::PodinitDeliver.binary(std::env::consts::ARCH)?)?;
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deliver/names.py");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--net", "python3"]).arg(script).current_dir(&folder).env_clear();
    let output = command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).output()?;
    let said = String::from_utf8(output.stdout)?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    let want = "http://in-hosts.test:8080/ 0\n\
                http://by-dns.test:8080/ 0\n\
                https://by-dns.test:8443/ 0\n\
                http://nobody.test:8080/ 75 nobody.test: no such name\n\
                https://in-hosts.test:8443/ 75 in-hosts.test: \
                invalid peer certificate: certificate not valid for name \"in-hosts.test\"; \
                certificate is only valid for DnsName(\"by-dns.test\")\n\
                requests: in-hosts.test:8080 by-dns.test:8080 by-dns.test:8443\n";
    assert_eq!(said, want, "{complaints}");
    Ok(())
}
