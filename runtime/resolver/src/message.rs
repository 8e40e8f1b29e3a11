//! Questions to nameservers, and their answers (RFC 1035). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The class of the internet.
const INTERNET: u16 = 1;
/// The bytes before the question.
const HEADER: usize = 12;
/// "No such name", and success, among the codes of answers.
const NO_SUCH_NAME: u8 = 3;
const SUCCESS: u8 = 0;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    A = 1,
    /// IPv6 addresses.
    Aaaa = 28,
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The addresses of that kind, which may be none.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// The server cannot say.
    Failed,
}

/// The question for the addresses of a name; none when it is no name that can be asked for.
pub fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion is wanted; one question.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend((kind as u16).to_be_bytes());
    bytes.extend(INTERNET.to_be_bytes());
    (bytes.len() - HEADER - 4 <= 255).then_some(bytes)
}

/// Reads what came back; none when it does not answer that question.
pub fn answer(question: &[u8], kind: Kind, bytes: &[u8]) -> Option<Answer> {
    let same = |range: std::ops::Range<usize>| Some(bytes.get(range.clone())? == question.get(range)?);
    let is_answer = bytes.get(2)? & 0xf8 == 0x80;
    let asked = bytes.get(HEADER..question.len())?;
    let same_question = asked.eq_ignore_ascii_case(question.get(HEADER..)?);
    if !same(0..2)? || !same(4..6)? || !is_answer || !same_question {
        return None;
    }
    Some(match bytes[3] & 0x0f {
        SUCCESS => addresses(bytes, question.len(), kind).map_or(Answer::Failed, Answer::Addresses),
        NO_SUCH_NAME => Answer::NoSuchName,
        _ => Answer::Failed,
    })
}

/// Those among the records that begin there; none when the message is broken. Names that stand for others were followed
/// by the server, so that whose record it is does not matter. One that was cut to fit has those that did.
fn addresses(bytes: &[u8], records: usize, kind: Kind) -> Option<Vec<IpAddr>> {
    let is_cut = bytes.get(2)? & 0x02 != 0;
    let count = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]);
    let mut rest = bytes.get(records..)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let Some((record_kind, data, after)) = record(rest) else {
            return is_cut.then_some(found);
        };
        match (kind, <[u8; 4]>::try_from(data), <[u8; 16]>::try_from(data)) {
            (Kind::A, Ok(address), _) if record_kind == kind as u16 => found.push(Ipv4Addr::from(address).into()),
            (Kind::Aaaa, _, Ok(address)) if record_kind == kind as u16 => found.push(Ipv6Addr::from(address).into()),
            _ => {}
        }
        rest = after;
    }
    Some(found)
}

/// Type and data of the record at the beginning, and what is after it. A record of another class has type 0.
fn record(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let mut at = 0;
    // The name: labels up to an empty one, or up to a pointer.
    loop {
        match *bytes.get(at)? {
            0 => break at += 1,
            length @ 1..=63 => at += 1 + usize::from(length),
            192.. => break at += 2,
            _ => return None,
        }
    }
    let number = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (kind, class, length) = (number(at)?, number(at + 2)?, usize::from(number(at + 8)?));
    let data = bytes.get(at + 10..at + 10 + length)?;
    Some((if class == INTERNET { kind } else { 0 }, data, &bytes[at + 10 + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer to a question, with a record for each of type, class and data.
    fn reply(question: &[u8], flags: [u8; 2], records: &[(u16, u16, &[u8])]) -> Vec<u8> {
        let mut bytes = question.to_vec();
        bytes[2..4].copy_from_slice(&flags);
        bytes[7] = records.len() as u8;
        for (kind, class, data) in records {
            bytes.extend([0xc0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend(class.to_be_bytes());
            bytes.extend([0, 0, 0, 60, 0, data.len() as u8]);
            bytes.extend(*data);
        }
        bytes
    }

    #[test]
    fn addresses_are_those_of_the_kind() {
        let question = question(7, "db.test", Kind::A).unwrap();
        assert_eq!(question.len(), HEADER + 9 + 4);
        let name = b"\x05other\xc0\x0f";
        let records: &[(u16, u16, &[u8])] =
            &[(5, 1, name), (1, 1, &[10, 0, 0, 1]), (28, 1, &[0; 16]), (1, 3, &[1; 4]), (1, 1, &[9; 3]), (1, 1, &[10, 0, 0, 2])];
        let mut bytes = reply(&question, [0x81, 0x80], records);
        let want = Answer::Addresses(vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()]);
        assert_eq!(answer(&question, Kind::A, &bytes), Some(want));
        // Servers may write the name in other case.
        bytes[HEADER + 1] = b'D';
        assert!(answer(&question, Kind::A, &bytes).is_some());
        bytes.truncate(bytes.len() - 1);
        assert_eq!(answer(&question, Kind::A, &bytes), Some(Answer::Failed));
        bytes[2] |= 0x02;
        assert_eq!(answer(&question, Kind::A, &bytes), Some(Answer::Addresses(vec!["10.0.0.1".parse().unwrap()])));
    }

    #[test]
    fn what_answers_another_question_is_no_answer() {
        let asked = question(7, "db.test", Kind::A).unwrap();
        assert_eq!(answer(&asked, Kind::A, &reply(&asked, [0x81, 0x83], &[])), Some(Answer::NoSuchName));
        assert_eq!(answer(&asked, Kind::A, &reply(&asked, [0x81, 0x82], &[])), Some(Answer::Failed));
        for other in [
            question(8, "db.test", Kind::A).unwrap(),
            question(7, "dc.test", Kind::A).unwrap(),
            question(7, "db.test", Kind::Aaaa).unwrap(),
        ] {
            assert_eq!(answer(&asked, Kind::A, &reply(&other, [0x81, 0x80], &[(1, 1, &[6; 4])])), None);
        }
        // A question is no answer.
        assert_eq!(answer(&asked, Kind::A, &asked), None);
    }

    #[test]
    fn names_have_bounds() {
        assert!(question(1, &"a".repeat(63), Kind::A).is_some());
        for name in ["", "a..b", ".a", &"a".repeat(64), &"a.".repeat(128)] {
            assert_eq!(question(1, name, Kind::A), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let question = question(7, "db", Kind::A).unwrap();
            let mut like_an_answer = reply(&question, [0x81, 0x80], &[]);
            like_an_answer[7] = 3;
            like_an_answer.extend(&bytes);
            let _ = answer(&question, Kind::A, &like_an_answer);
            let _ = answer(&question, Kind::A, &bytes);
        }
    }
}
