//! Base64, as XML-RPC and HTTP's basic authentication have it.

const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes to text, with its padding and without lines.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

/// Text to bytes; blanks and line ends between are passed over. `None` when it is none.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let signs: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let plain = signs.strip_suffix(b"==").or_else(|| signs.strip_suffix(b"=")).unwrap_or(&signs);
    if !signs.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(plain.len() * 3 / 4);
    for four in plain.chunks(4) {
        let mut bits = 0;
        for sign in four {
            bits = bits << 6 | worth(*sign)?;
        }
        bits <<= 6 * (4 - four.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    Some(bytes)
}

fn worth(sign: u8) -> Option<u32> {
    let worth = match sign {
        b'A'..=b'Z' => sign - b'A',
        b'a'..=b'z' => sign - b'a' + 26,
        b'0'..=b'9' => sign - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(worth.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_and_read_as_rfc_4648_has_them() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("user:pa ss", "dXNlcjpwYSBzcw==")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(encode(&[0xff, 0xfe, 0xfd]), "//79");
        assert_eq!(decode("\nZm9v\n Yg==\n").as_deref(), Some(&b"foob"[..]));
    }

    #[test]
    fn what_is_no_base64_is_none() {
        assert!(["Z", "Zg", "Zg=", "Z===", "Zm9v!", "Zm=v", "===="].iter().all(|text| decode(text).is_none()));
    }
}
