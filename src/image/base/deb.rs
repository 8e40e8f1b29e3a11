//! A Debian package file: an ar archive with a compressed tar of what it installs.

use anyhow::{Context, Result, bail};
use liblzma::read::XzDecoder;
use std::io::{Cursor, Read};

const MAGIC: &[u8] = b"!<arch>\n";
/// The header of an ar member: name (16), date, uid, gid, mode, size (10, at 48), end.
const HEADER: usize = 60;

/// The tar of the files that a package installs.
pub(super) fn data(deb: &[u8]) -> Result<Box<dyn Read + '_>> {
    let Some(mut rest) = deb.strip_prefix(MAGIC) else { bail!("it is no ar archive") };
    while !rest.is_empty() {
        let (header, after) = rest.split_at_checked(HEADER).context("it is cut short")?;
        let name = std::str::from_utf8(&header[..16])?.trim_end().trim_end_matches('/');
        let size: usize = std::str::from_utf8(&header[48..58])?.trim_end().parse().context("it has a member without a size")?;
        let (member, after) = after.split_at_checked(size).context("it is cut short")?;
        match name {
            "data.tar.xz" => return Ok(Box::new(XzDecoder::new(Cursor::new(member)))),
            "data.tar" => return Ok(Box::new(member)),
            other if other.starts_with("data.tar") => bail!("{other} is compressed in a way that Debian's packages are not"),
            _ => {}
        }
        // Members start at even places.
        rest = after.get(size % 2..).unwrap_or_default();
    }
    bail!("it has no data.tar")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, content) in members {
            bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
            bytes.extend_from_slice(content);
            bytes.extend(std::iter::repeat_n(b'\n', content.len() % 2));
        }
        bytes
    }

    fn read(deb: &[u8]) -> Result<String> {
        let mut text = String::new();
        data(deb)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn the_data_member_is_found_and_unpacked() {
        let mut packed = Vec::new();
        liblzma::read::XzEncoder::new(&b"files"[..], 1).read_to_end(&mut packed).unwrap();
        let deb = ar(&[("debian-binary", b"2.0"), ("control.tar.xz/", b"odd"), ("data.tar.xz", &packed)]);
        assert_eq!(read(&deb).unwrap(), "files");
    }

    #[test]
    fn what_is_no_package_is_refused() {
        assert!(read(b"MZ").unwrap_err().to_string().contains("no ar archive"));
        assert!(read(&ar(&[("debian-binary", b"2.0")])).unwrap_err().to_string().contains("no data.tar"));
        assert!(read(&ar(&[("data.tar.lzo", b"")])).unwrap_err().to_string().contains("data.tar.lzo"));
        assert!(read(&ar(&[("data.tar", b"1234")])[..70]).unwrap_err().to_string().contains("cut short"));
    }
}
