//! The little of HTTP/1.1 that a check speaks. Pure.

/// A status line is not longer than this, in bytes.
const STATUS_LINE_MAX: usize = 1024;

/// What the beginning of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Not enough yet.
    Incomplete,
    /// The status.
    Status(u16),
    /// This is no HTTP/1.
    Garbage,
}

/// The request for `path`.
#[must_use]
pub fn request(path: &str) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: podinit/{version}\r\nAccept: */*\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

/// Reads the status line.
#[must_use]
pub fn status(answer: &[u8]) -> Answer {
    const BEGIN: &[u8] = b"HTTP/1.";
    let common = answer.len().min(BEGIN.len());
    if answer[..common] != BEGIN[..common] {
        return Answer::Garbage;
    }
    let Some(end) = memchr::memchr(b'\n', answer) else {
        return if answer.len() > STATUS_LINE_MAX { Answer::Garbage } else { Answer::Incomplete };
    };
    let mut words = answer[..end].split(|byte| byte.is_ascii_whitespace());
    let status = words.nth(1).filter(|word| word.len() == 3).and_then(|word| std::str::from_utf8(word).ok());
    status.and_then(|word| word.parse().ok()).map_or(Answer::Garbage, Answer::Status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_is_all_that_is_read() {
        assert_eq!(status(b""), Answer::Incomplete);
        assert_eq!(status(b"HTTP/1.1 20"), Answer::Incomplete);
        assert_eq!(status(b"HTTP/1.1 204 No Content\r\nX: "), Answer::Status(204));
        assert_eq!(status(b"HTTP/1.0 500\n"), Answer::Status(500));
        for garbage in [&b"SSH-2.0-x\r\n"[..], b"HTTP/2 200\r\n", b"HTTP/1.1 OK\r\n", b"HTTP/1.1\r\n", b"\x15\x03"] {
            assert_eq!(status(garbage), Answer::Garbage, "{garbage:?}");
        }
        assert_eq!(status(&[b"HTTP/1.1 ".as_slice(), &[b'1'; 2000]].concat()), Answer::Garbage);
    }

    #[test]
    fn the_request_names_a_host_and_ends_the_connection() {
        let text = String::from_utf8(request("/health?deep=1")).unwrap();
        assert!(text.starts_with("GET /health?deep=1 HTTP/1.1\r\nHost: localhost\r\n"), "{text}");
        assert!(text.contains("\r\nConnection: close\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    }
}
