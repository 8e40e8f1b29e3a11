//! The answer to a request, taken apart as its bytes come: its status, and its body however that is framed.

/// The longest head.
const MAX_HEAD: usize = 64 * 1024;

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    /// A body of which so many bytes are missing.
    Length(u64),
    /// A body that ends when the connection does.
    Open,
    ChunkSize,
    /// A chunk of which so many bytes are missing, its line end included.
    Chunk(u64),
    Ended,
}

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Answer {
    part: Part,
    /// What has come and is not understood yet.
    rest: Vec<u8>,
    /// 200; 0 before it has come.
    pub status: u16,
}

impl Answer {
    pub fn new() -> Answer {
        Answer { part: Part::Head, rest: Vec::new(), status: 0 }
    }

    /// Whether all of it has come.
    pub fn has_ended(&self) -> bool {
        self.part == Part::Ended
    }

    /// Whether it may end here, because the server does.
    pub fn may_end(&self) -> bool {
        matches!(self.part, Part::Open | Part::Ended)
    }

    /// Takes the next bytes; what of them belongs to the body is appended to `body`.
    pub fn take(&mut self, bytes: &[u8], body: &mut Vec<u8>) -> Result<(), String> {
        self.rest.extend_from_slice(bytes);
        loop {
            let used = match self.part {
                Part::Head => self.head()?,
                Part::ChunkSize => self.chunk_size()?,
                Part::Length(left) => {
                    let count = self.rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    body.extend_from_slice(&self.rest[..count]);
                    let left = left - count as u64;
                    self.part = if left == 0 { Part::Ended } else { Part::Length(left) };
                    Some(count)
                }
                Part::Chunk(left) => {
                    let count = self.rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    // The last two bytes are the line end.
                    let text = count.min(usize::try_from(left.saturating_sub(2)).unwrap_or(usize::MAX));
                    body.extend_from_slice(&self.rest[..text]);
                    let left = left - count as u64;
                    self.part = if left == 0 { Part::ChunkSize } else { Part::Chunk(left) };
                    Some(count)
                }
                Part::Open => {
                    body.append(&mut self.rest);
                    None
                }
                Part::Ended => None,
            };
            let Some(used) = used else { return Ok(()) };
            self.rest.drain(..used);
            if self.rest.is_empty() && self.part != Part::Length(0) {
                return Ok(());
            }
        }
    }

    fn head(&mut self) -> Result<Option<usize>, String> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let length = match head.parse(&self.rest) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if self.rest.len() < MAX_HEAD => return Ok(None),
            _ => return Err("the server's answer is no HTTP".to_owned()),
        };
        self.status = head.code.unwrap_or_default();
        self.part = Part::Open;
        for header in head.headers.iter() {
            let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
            if header.name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
                self.part = Part::ChunkSize;
            } else if header.name.eq_ignore_ascii_case("content-length") && self.part == Part::Open {
                let length = value.parse().map_err(|_| "the server's answer has no length".to_owned())?;
                self.part = Part::Length(length);
            }
        }
        Ok(Some(length))
    }

    fn chunk_size(&mut self) -> Result<Option<usize>, String> {
        match httparse::parse_chunk_size(&self.rest) {
            // What may follow the last chunk is of no use.
            Ok(httparse::Status::Complete((_, 0))) => {
                self.part = Part::Ended;
                Ok(None)
            }
            Ok(httparse::Status::Complete((used, size))) => {
                self.part = Part::Chunk(size.saturating_add(2));
                Ok(Some(used))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(_) => Err("the server's answer is in no chunks".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status, the body and whether it ended, of an answer that comes in pieces of that size.
    fn read(answer: &str, piece: usize) -> (u16, String, bool) {
        let (mut reading, mut body) = (Answer::new(), Vec::new());
        for piece in answer.as_bytes().chunks(piece) {
            reading.take(piece, &mut body).unwrap();
        }
        (reading.status, String::from_utf8(body).unwrap(), reading.has_ended())
    }

    #[test]
    fn bodies_are_read_however_they_are_framed_and_cut() {
        for (answer, want) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", (200, "hello", true)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, "", true)),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", (200, "hello", true)),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x\r\nhe\r\n3\r\nll", (200, "hell", false)),
            ("HTTP/1.0 401 Unauthorized\r\nX: y\r\n\r\nno", (401, "no", false)),
        ] {
            for piece in [1, 2, 7, 1000] {
                assert_eq!(read(answer, piece), (want.0, want.1.to_owned(), want.2), "{answer} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in [
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        ] {
            assert!(Answer::new().take(answer.as_bytes(), &mut Vec::new()).is_err(), "{answer}");
        }
    }
}
