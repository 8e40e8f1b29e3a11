//! The little of HTTP/1.1 that a check speaks. Pure.

use podinit_plan::plan;

/// A status line is not longer than this, in bytes.
const STATUS_LINE_MAX: usize = 1024;
/// Of an answer, no more than this is read, in bytes.
pub const ANSWER_MAX: usize = 64 * 1024;
/// What is well unless a check says otherwise.
const WELL: (u16, u16) = (200, 399);

/// A request, and the answer that is well.
#[derive(PartialEq, Eq)]
pub struct Get {
    /// What is asked for, as reasons name it.
    pub path: String,
    /// The request as it is sent; its headers may be secret.
    pub request: Vec<u8>,
    /// First and last of the codes that are well.
    status: Vec<(u16, u16)>,
    /// What the answer has to contain.
    body: Option<String>,
}

/// What an answer says as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not enough yet.
    Incomplete,
    /// Well, or what is wrong in words.
    Result(Result<(), String>),
    /// This is no HTTP/1.
    Garbage,
}

/// Without the request, whose headers may be secret.
impl std::fmt::Debug for Get {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

impl Get {
    /// What the plan says, filled in.
    #[must_use]
    pub fn new(planned: &plan::Get) -> Get {
        let agent = concat!("podinit/", env!("CARGO_PKG_VERSION"));
        let mut request = format!("GET {} HTTP/1.1\r\n", planned.path);
        let mut header = |name: &str, value: &str| {
            for text in [name, ": ", value, "\r\n"] {
                request.push_str(text);
            }
        };
        for (name, value) in [("Host", "localhost"), ("User-Agent", agent), ("Accept", "*/*")] {
            if !planned.headers.keys().any(|own| own.eq_ignore_ascii_case(name)) {
                header(name, value);
            }
        }
        planned.headers.iter().for_each(|(name, value)| header(name, value));
        header("Connection", "close");
        request.push_str("\r\n");
        Get {
            path: planned.path.clone(),
            request: request.into_bytes(),
            status: if planned.status.is_empty() { vec![WELL] } else { planned.status.clone() },
            body: planned.body.clone(),
        }
    }

    /// Reads what has come of an answer, of which nothing more comes when it is `whole`.
    #[must_use]
    pub fn judge(&self, answer: &[u8], whole: bool) -> Verdict {
        let code = match status(answer) {
            Ok(Some(code)) => code,
            Ok(None) => return Verdict::Incomplete,
            Err(()) => return Verdict::Garbage,
        };
        if !self.status.iter().any(|(first, last)| (*first..=*last).contains(&code)) {
            return Verdict::Result(Err(format!("status {code} from {}", self.path)));
        }
        let Some(wanted) = &self.body else { return Verdict::Result(Ok(())) };
        let (body, has_ended) = body(answer);
        // No text is everywhere.
        if wanted.is_empty() || body.windows(wanted.len()).any(|part| part == wanted.as_bytes()) {
            Verdict::Result(Ok(()))
        } else if whole || has_ended || answer.len() >= ANSWER_MAX {
            Verdict::Result(Err(format!("the answer from {} does not contain `{wanted}`", self.path)))
        } else {
            Verdict::Incomplete
        }
    }
}

/// The code of the status line; none as long as there is not all of it. An error is no status line.
fn status(answer: &[u8]) -> Result<Option<u16>, ()> {
    const BEGIN: &[u8] = b"HTTP/1.";
    let common = answer.len().min(BEGIN.len());
    if answer[..common] != BEGIN[..common] {
        return Err(());
    }
    let Some(end) = memchr::memchr(b'\n', answer) else {
        return if answer.len() > STATUS_LINE_MAX { Err(()) } else { Ok(None) };
    };
    let mut words = answer[..end].split(|byte| byte.is_ascii_whitespace());
    let code = words.nth(1).filter(|word| word.len() == 3).and_then(|word| std::str::from_utf8(word).ok());
    code.and_then(|word| word.parse().ok()).map(Some).ok_or(())
}

/// What has come of the body, and whether that is all of it.
fn body(answer: &[u8]) -> (Vec<u8>, bool) {
    let mut rest = answer;
    let mut length = None;
    let mut is_chunked = false;
    loop {
        let Some(end) = memchr::memchr(b'\n', rest) else { return (Vec::new(), false) };
        let line = rest[..end].trim_ascii();
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value).ok().and_then(|value| value.parse::<usize>().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            is_chunked = value.to_ascii_lowercase().ends_with(b"chunked");
        }
    }
    if is_chunked { unchunked(rest) } else { (rest.to_vec(), length.is_some_and(|length| rest.len() >= length)) }
}

/// The chunks of a body put together, and whether the last one is among them. What is no chunk ends it.
fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let digits = rest[..end].split(|byte| !byte.is_ascii_hexdigit()).next().unwrap_or_default();
        let size = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some(size @ 1..) = size else { return (body, true) };
        let chunk = &rest[end + 1..];
        body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        // A line break ends it.
        rest = chunk.get(size..).and_then(|after| after.get(2..)).unwrap_or_default();
    }
    (body, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(change: impl FnOnce(&mut plan::Get)) -> Get {
        let mut planned = plan::Get::new("/health?deep=1");
        change(&mut planned);
        Get::new(&planned)
    }

    #[test]
    fn the_status_line_is_all_that_is_read_unless_there_is_more_to_look_for() {
        let plain = get(|_| {});
        assert_eq!(plain.judge(b"", false), Verdict::Incomplete);
        assert_eq!(plain.judge(b"HTTP/1.1 20", false), Verdict::Incomplete);
        assert_eq!(plain.judge(b"HTTP/1.1 204 No Content\r\nX: ", false), Verdict::Result(Ok(())));
        let wrong = Verdict::Result(Err("status 500 from /health?deep=1".to_owned()));
        assert_eq!(plain.judge(b"HTTP/1.0 500\n", false), wrong);
        for garbage in [&b"SSH-2.0-x\r\n"[..], b"HTTP/2 200\r\n", b"HTTP/1.1 OK\r\n", b"HTTP/1.1\r\n", b"\x15\x03"] {
            assert_eq!(plain.judge(garbage, false), Verdict::Garbage, "{garbage:?}");
        }
        assert_eq!(plain.judge(&[b"HTTP/1.1 ".as_slice(), &[b'1'; 2000]].concat(), false), Verdict::Garbage);
    }

    #[test]
    fn the_codes_that_are_well_are_those_that_the_check_names() {
        let some = get(|get| get.status = vec![(204, 204), (500, 503)]);
        for (code, is_well) in [(200, false), (204, true), (205, false), (499, false), (500, true), (503, true), (504, false)] {
            let verdict = some.judge(format!("HTTP/1.1 {code} X\r\n").as_bytes(), false);
            assert_eq!(verdict == Verdict::Result(Ok(())), is_well, "{code}");
        }
    }

    #[test]
    fn the_text_is_looked_for_in_the_body_however_it_comes() {
        let ok = get(|get| get.body = Some("ok".to_owned()));
        let lacks = Verdict::Result(Err("the answer from /health?deep=1 does not contain `ok`".to_owned()));
        let well = Verdict::Result(Ok(()));
        let judge = |answer: &str, whole| ok.judge(answer.as_bytes(), whole);
        assert_eq!(judge("HTTP/1.1 200 ok\r\nX: ok\r\n\r\n", false), Verdict::Incomplete, "the head is no body");
        assert_eq!(judge("HTTP/1.1 200 ok\r\nX: ok\r\n", true), lacks);
        assert_eq!(judge("HTTP/1.1 200 OK\r\n\r\nit is ok, or so", false), well);
        assert_eq!(judge("HTTP/1.1 200 OK\r\n\r\nit is o", false), Verdict::Incomplete);
        assert_eq!(judge("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndown", false), lacks);
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n it\r\n1\r\no\r\n";
        assert_eq!(judge(chunks, false), Verdict::Incomplete);
        assert_eq!(judge(&format!("{chunks}0\r\n\r\n"), false), lacks);
        assert_eq!(judge(&format!("{chunks}A\r\nk"), false), well, "what is cut by chunks is found");
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(ANSWER_MAX));
        assert_eq!(judge(&long, false), lacks);
        assert_eq!(judge("HTTP/1.1 503 No\r\n\r\nok", false), Verdict::Result(Err("status 503 from /health?deep=1".to_owned())));
    }

    #[test]
    fn the_request_names_a_host_and_ends_the_connection_and_has_the_headers_of_the_check() {
        let text = |get: Get| String::from_utf8(get.request).unwrap();
        let plain = text(get(|_| {}));
        assert!(plain.starts_with("GET /health?deep=1 HTTP/1.1\r\nHost: localhost\r\n"), "{plain}");
        assert!(plain.contains("\r\nConnection: close\r\n") && plain.ends_with("\r\n\r\n"), "{plain}");
        let headers = [("host", "api.example"), ("Authorization", "Bearer s3cret")];
        let with = get(|get| get.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert!(!format!("{with:?}").contains("s3cret"));
        let with = text(with);
        assert!(with.contains("\r\nhost: api.example\r\n") && with.contains("\r\nAuthorization: Bearer s3cret\r\n"), "{with}");
        assert!(!with.contains("localhost"), "{with}");
    }
}
