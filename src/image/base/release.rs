//! An archive's InRelease: what its mirror offers, signed by Debian.

use super::web::Web;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where Debian's package debian-archive-keyring puts its keys.
const KEYRINGS: [&str; 2] = ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];
const HOW_TO_CHECK: &str = "install gpgv and debian-archive-keyring (`apt-get install gpgv debian-archive-keyring`), \
                            or pull the image where a registry can be reached and `docker load` it here";

/// A verified InRelease.
#[derive(Debug)]
pub(super) struct Release {
    base: String,
    by_hash: bool,
    /// By path below the suite's folder.
    sha256: HashMap<String, String>,
}

impl Release {
    /// Gets a suite's InRelease and has the host's gpgv check its signature; `None` when the mirror has no such suite.
    pub(super) fn get(web: &Web, archive: &str, suite: &str) -> Result<Option<Release>> {
        let base = format!("{archive}/dists/{suite}");
        let Some(signed) = web.get(&format!("{base}/InRelease"), &|_| {})? else { return Ok(None) };
        let text = verified(&signed).with_context(|| format!("cannot trust {base}/InRelease"))?;
        parse(&text, suite).map(|(by_hash, sha256)| Some(Release { base, by_hash, sha256 }))
    }

    /// The address and the SHA-256 of a component's index for an architecture.
    pub(super) fn index(&self, component: &str, architecture: &str) -> Result<(String, &str)> {
        let path = format!("{component}/binary-{architecture}/Packages.xz");
        let Some(sha256) = self.sha256.get(&path) else {
            bail!("cannot find {path} in {}/InRelease: Debian has no such architecture; use another engine or base", self.base);
        };
        // By its hash, a file is there even while the mirror replaces it by a newer one.
        let url = if self.by_hash {
            format!("{}/{component}/binary-{architecture}/by-hash/SHA256/{sha256}", self.base)
        } else {
            format!("{}/{path}", self.base)
        };
        Ok((url, sha256))
    }
}

/// Says what is missing before anything is downloaded.
pub(super) fn can_verify() -> Result<()> {
    if !KEYRINGS.iter().any(|keyring| Path::new(keyring).exists()) {
        bail!("cannot check Debian's signatures: this host has no {}; {HOW_TO_CHECK}", KEYRINGS[0]);
    }
    match Command::new("gpgv").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("cannot check Debian's signatures: this host has no gpgv; {HOW_TO_CHECK}")
        }
        result => result.map(drop).context("cannot run gpgv"),
    }
}

/// What gpgv says was signed; nothing beside it is looked at.
fn verified(signed: &[u8]) -> Result<String> {
    let mut gpgv = Command::new("gpgv");
    for keyring in KEYRINGS.iter().filter(|keyring| Path::new(keyring).exists()) {
        gpgv.args(["--keyring", keyring]);
    }
    let mut gpgv = gpgv
        .args(["--status-fd", "2", "--output", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run gpgv; {HOW_TO_CHECK}"))?;
    let stdin = gpgv.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            // gpgv may refuse what it reads before the end; its exit code says so.
            stdin.map(|mut stdin| stdin.write_all(signed))
        });
        gpgv.wait_with_output()
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !is_signed(&said) {
        bail!("its signature is not Debian's; use another mirror, or a newer debian-archive-keyring; gpgv says: {}", said.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether gpgv's status lines tell of a good signature and of no bad one. Releases are signed with several keys, of
/// which an older keyring has only some, so that gpgv's exit code says less.
fn is_signed(status: &str) -> bool {
    let words: Vec<&str> = status.lines().filter_map(|line| line.strip_prefix("[GNUPG:] ")?.split_whitespace().next()).collect();
    words.contains(&"VALIDSIG") && !words.iter().any(|word| ["BADSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"].contains(word))
}

/// Whether files are found by their hash, and the hashes.
fn parse(text: &str, suite: &str) -> Result<(bool, HashMap<String, String>)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    // A signature says who made it, not that the mirror has handed out the suite that was asked for.
    if ![field("Codename"), field("Suite")].contains(&Some(suite)) {
        bail!("cannot use this mirror: asked for {suite}, it hands out {}; use another one", field("Codename").unwrap_or("?"));
    }
    if let Some(until) = field("Valid-Until").and_then(seconds)
        && SystemTime::now().duration_since(UNIX_EPOCH).is_ok_and(|now| now.as_secs() > until)
    {
        bail!(
            "cannot use this mirror: its {suite} was valid until {}; use one that is up to date, or set this host's clock",
            field("Valid-Until").unwrap_or("?")
        );
    }
    let hashes = text.lines().skip_while(|line| *line != "SHA256:").skip(1).take_while(|line| line.starts_with(' '));
    let sha256 = hashes
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (hash, _size, path) = (words.next()?, words.next()?, words.next()?);
            Some((path.to_owned(), hash.to_owned()))
        })
        .collect();
    Ok((field("Acquire-By-Hash") == Some("yes"), sha256))
}

/// The seconds since 1970 of a date like `Wed, 25 Nov 2026 22:17:41 UTC`.
fn seconds(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = date.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "UTC"] = words[..] else { return None };
    let number = |word: &str| word.parse::<u64>().ok();
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    // Years are counted from March, so that the leap day is their last.
    let (month, year) = ((month + 10) % 12, number(year)? - u64::from(month < 2));
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + number(day)? - 1;
    const DAYS_TO_1970: u64 = 719_468;
    Some(((days.checked_sub(DAYS_TO_1970)? * 24 + number(hour)?) * 60 + number(minute)?) * 60 + number(second)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: &str = "Origin: Debian\nSuite: oldstable\nCodename: bookworm\nAcquire-By-Hash: yes\nMD5Sum:\n 00 1 \
                           main/binary-amd64/Packages.xz\nSHA256:\n aa 11 main/binary-amd64/Packages.xz\n bb 2 other\n";

    fn release() -> Release {
        let (by_hash, sha256) = parse(RELEASE, "bookworm").unwrap();
        Release { base: "http://m/debian/dists/bookworm".into(), by_hash, sha256 }
    }

    #[test]
    fn an_index_is_found_by_its_hash() {
        let release = release();
        let (url, sha256) = release.index("main", "amd64").unwrap();
        assert_eq!(url, "http://m/debian/dists/bookworm/main/binary-amd64/by-hash/SHA256/aa");
        assert_eq!(sha256, "aa");
        assert!(release.index("main", "m68k").unwrap_err().to_string().contains("no such architecture"));
    }

    #[test]
    fn another_suite_than_asked_for_is_refused() {
        assert!(parse(RELEASE, "oldstable").is_ok());
        assert!(parse(RELEASE, "trixie").unwrap_err().to_string().contains("asked for trixie, it hands out bookworm"));
    }

    #[test]
    fn an_outdated_suite_is_refused() {
        assert_eq!(seconds("Wed, 25 Nov 2026 22:17:41 UTC"), Some(1_795_645_061));
        assert_eq!(seconds("Sat, 29 Feb 2020 00:00:00 UTC"), Some(1_582_934_400));
        let old = format!("Valid-Until: Sat, 29 Feb 2020 00:00:00 UTC\n{RELEASE}");
        assert!(parse(&old, "bookworm").unwrap_err().to_string().contains("valid until Sat, 29 Feb 2020"));
        let new = format!("Valid-Until: Sat, 29 Feb 2120 00:00:00 UTC\n{RELEASE}");
        assert!(parse(&new, "bookworm").is_ok());
    }

    #[test]
    fn one_good_signature_is_enough_and_a_bad_one_too_many() {
        let missing = "[GNUPG:] ERRSIG 1 1 8 01 1 9 -\n[GNUPG:] NO_PUBKEY 1\n";
        assert!(is_signed(&format!("{missing}[GNUPG:] VALIDSIG AA 2026")));
        assert!(!is_signed(missing));
        assert!(!is_signed("[GNUPG:] VALIDSIG AA\n[GNUPG:] BADSIG BB"));
    }

    #[test]
    fn what_is_not_signed_by_debian_is_refused() {
        let forged = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{RELEASE}");
        assert!(verified(forged.as_bytes()).is_err());
        assert!(verified(RELEASE.as_bytes()).is_err());
    }
}
