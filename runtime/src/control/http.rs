//! HTTP/1.1, as much of it as podinit speaks: small requests, answers of known length, and streams that last.

use podinit_plan::protocol::Problem;
use serde::Serialize;

/// The longest request line and headers.
pub const MAX_HEAD: usize = 8 * 1024;
/// The longest body.
pub const MAX_BODY: usize = 256 * 1024;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The connection stays open after the answer.
    pub keep_alive: bool,
    /// It is of HTTP/1.0, which knows no chunks.
    pub is_old: bool,
    /// The page in a browser that it was sent on behalf of: `http://pod:9001`.
    pub origin: Option<String>,
    /// The name by which the client calls the server.
    pub host: Option<String>,
    /// Who the client says it is, as it says it.
    pub authorization: Option<String>,
    /// A browser says that it was sent on behalf of another site's page.
    pub is_cross_site: bool,
    /// What comes after the head.
    pub body: Vec<u8>,
}

/// What the bytes that have come so far are.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Not a whole head yet.
    Partial,
    /// A whole head; its body is not there yet.
    Head(Request),
    /// A request, and how many bytes it took, body included.
    Whole(Request, usize),
    /// Nothing that can be answered otherwise than by this status and text; the connection ends.
    Bad(u16, &'static str),
}

/// Looks for a request at the start of `bytes`.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut headers);
    let head_length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Parsed::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Parsed::Bad(431, "the request's head is too large"),
        Err(_) => return Parsed::Bad(400, "this is no HTTP request"),
    };
    let (Some(method), Some(target), Some(version)) = (head.method, head.path, head.version) else {
        return Parsed::Bad(400, "this is no HTTP request");
    };
    let mut keep_alive = version == 1;
    let mut body = 0;
    let (mut origin, mut host, mut authorization) = (None, None, None);
    let mut is_cross_site = false;
    for header in head.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        match header.name.to_ascii_lowercase().as_str() {
            "connection" if value.eq_ignore_ascii_case("close") => keep_alive = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => keep_alive = true,
            "content-length" => match value.parse() {
                Ok(length) if length <= MAX_BODY => body = length,
                Ok(_) => return Parsed::Bad(413, "the body is too large"),
                Err(_) => return Parsed::Bad(400, "the content-length is no number"),
            },
            "transfer-encoding" => return Parsed::Bad(411, "a body needs a content-length"),
            "origin" => origin = Some(value.to_owned()),
            "host" => host = Some(value.to_owned()),
            "authorization" => authorization = Some(value.to_owned()),
            "sec-fetch-site" => is_cross_site = value.eq_ignore_ascii_case("cross-site"),
            _ => {}
        }
    }
    let length = head_length + body;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: method.to_owned(),
        path: decode(path),
        query: query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect(),
        keep_alive,
        is_old: version == 0,
        origin,
        host,
        authorization,
        is_cross_site,
        body: bytes.get(head_length..length).unwrap_or_default().to_vec(),
    };
    if bytes.len() < length { Parsed::Head(request) } else { Parsed::Whole(request, length) }
}

/// Undoes `%41`; what is no such escape stays.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = if bytes[at] == b'%' { digit(at + 1).zip(digit(at + 2)) } else { None };
        match escaped.map(|(high, low)| (high * 16 + low) as u8) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An answer of known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    /// Further lines of the head, each with its end.
    head: &'static str,
}

impl Response {
    /// An answer in JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Response {
        // The protocol's types have string keys and no foreign code: serializing them does not fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Response { status, content_type: "application/json", body, head: "" }
    }

    /// An answer in plain text.
    pub fn text(body: String) -> Response {
        Response { status: 200, content_type: "text/plain; charset=utf-8", body: body.into_bytes(), head: "" }
    }

    /// JSON documents, one a line.
    pub fn lines(body: Vec<u8>) -> Response {
        Response { status: 200, content_type: "application/x-ndjson", body, head: "" }
    }

    /// An answer of XML-RPC.
    pub fn xml(body: Vec<u8>) -> Response {
        Response { status: 200, content_type: "text/xml", body, head: "" }
    }

    /// An answer that has a head of its own.
    pub fn page(content_type: &'static str, head: &'static str, body: &[u8]) -> Response {
        Response { status: 200, content_type, body: body.to_vec(), head }
    }

    /// Who is there, that is asked.
    pub fn unauthorized() -> Response {
        let head = "WWW-Authenticate: Basic realm=\"default\"\r\n";
        Response { head, ..Response::problem(401, "a name and a password are needed") }
    }

    /// A [`Problem`].
    pub fn problem(status: u16, error: impl Into<String>) -> Response {
        Response::json(status, &Problem { error: error.into() })
    }

    /// Who asked is not to be listened to any longer.
    pub fn is_refusal(&self) -> bool {
        matches!(self.status, 401 | 403)
    }

    /// Appends the answer as it goes over the wire.
    pub fn write(&self, keep_alive: bool, head_only: bool, out: &mut Vec<u8>) {
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let retry = if self.status == 503 { "Retry-After: 2\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{}{retry}Connection: {connection}\r\n\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
            self.head
        );
        out.extend_from_slice(head.as_bytes());
        if !head_only {
            out.extend_from_slice(&self.body);
        }
    }
}

/// The head of an answer that lasts until one side closes the connection.
pub const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";

/// The head of a stream of text that lasts: in chunks, or as it is for a client that knows none.
#[must_use]
pub fn text_stream_head(chunked: bool) -> &'static [u8] {
    if chunked {
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain;charset=utf-8\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n"
    } else {
        b"HTTP/1.0 200 OK\r\nContent-Type: text/plain;charset=utf-8\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    }
}

/// The head of an answer whose length nobody knows yet: in chunks, or until the connection ends.
#[must_use]
pub fn piecewise_head(content_type: &str, is_chunked: bool, keep_alive: bool) -> String {
    let coding = if is_chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
    let connection = if keep_alive { "keep-alive" } else { "close" };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nCache-Control: no-store\r\n{coding}Connection: {connection}\r\n\r\n"
    )
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(bytes: &[u8]) -> (Request, usize) {
        match parse(bytes) {
            Parsed::Whole(request, length) => (request, length),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_taken_apart() {
        let (request, length) = whole(b"GET /v1/logs?service=a%20b&lines=5 HTTP/1.1\r\nHost: x\r\n\r\nGET");
        assert_eq!((request.method.as_str(), request.path.as_str(), length), ("GET", "/v1/logs", 56));
        assert_eq!(request.query, [("service".to_owned(), "a b".to_owned()), ("lines".to_owned(), "5".to_owned())]);
        assert!(request.keep_alive);
    }

    #[test]
    fn connections_are_kept_as_the_version_says() {
        assert!(!whole(b"GET / HTTP/1.0\r\n\r\n").0.keep_alive);
        assert!(whole(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").0.keep_alive);
        assert!(!whole(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").0.keep_alive);
    }

    #[test]
    fn a_body_is_waited_for() {
        assert!(matches!(parse(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"), Parsed::Head(_)));
        assert_eq!(whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd").1, 41);
    }

    #[test]
    fn what_is_too_large_or_no_request_is_refused() {
        let status = |bytes: &[u8]| match parse(bytes) {
            Parsed::Bad(status, _) => status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status(b"\x16\x03\x01\x00 tls\r\n\r\n"), 400);
        assert_eq!(status(format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(MAX_HEAD)).as_bytes()), 431);
        assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n"), 413);
        assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 411);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["%", "%4", "%zz", "100%+1", "%-1"] {
            assert_eq!(decode(text), text);
        }
        assert_eq!(decode("%41%4g"), "A%4g");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn escapes_of_any_text_are_undone(text in ".{0,20}") {
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(decode(&escaped), text);
        }
    }
}
