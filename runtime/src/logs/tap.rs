//! What of the output of a process is for event listeners, or is the word of one. Pure.

use crate::listeners::Written;
use crate::logs::ansi::Stripper;
use crate::logs::capture::{Capture, Piece};
use crate::machine::{Incarnation, ServiceId};
use podinit_plan::plan::{Output, Stream};
use std::borrow::Cow;

/// Something that was written, and by whom.
#[derive(Debug)]
pub struct Heard {
    /// By which service.
    pub service: ServiceId,
    /// In which of its starts.
    pub incarnation: Incarnation,
    /// What it is.
    pub written: Written,
    /// The bytes.
    pub data: Vec<u8>,
}

/// What taps the output of one pipe.
#[derive(Debug)]
pub enum Tap {
    /// It is that of a listener.
    Answers,
    /// It may be what listeners are told of.
    Output {
        /// Which of the two.
        stream: Stream,
        /// All of it is.
        events: bool,
        /// What is marked is.
        capture: Option<Capture>,
        /// Listeners get it without the sequences of terminals.
        stripper: Option<Stripper>,
    },
}

impl Tap {
    /// What is needed for an output; none for most.
    #[must_use]
    pub fn of(output: &Output, stream: Stream) -> Option<Tap> {
        let Output { events, capture_bytes, file, .. } = output;
        let capture = (*capture_bytes > 0).then(|| Capture::new(*capture_bytes));
        let strips = file.as_ref().is_some_and(|file| file.strip_ansi);
        let stripper = strips.then(Stripper::default);
        (*events || capture.is_some()).then_some(Tap::Output { stream, events: *events, capture, stripper })
    }

    /// Goes on with what was read; none is its end. Tells what it means, and gives back what is output for the log.
    pub fn take<'a>(&mut self, bytes: Option<&'a [u8]>, mut tell: impl FnMut(Written, Vec<u8>)) -> Cow<'a, [u8]> {
        let all = bytes.unwrap_or_default();
        match self {
            Tap::Answers => {
                if !all.is_empty() {
                    tell(Written::Answer, all.to_vec());
                }
                Cow::Borrowed(all)
            }
            Tap::Output { stream, events, capture, stripper } => {
                let mut log = |tell: &mut dyn FnMut(Written, Vec<u8>), bytes: &[u8]| {
                    if *events && !bytes.is_empty() {
                        let mut kept = Vec::new();
                        let text = stripper.as_mut().map_or(bytes, |stripper| stripper.strip(bytes, &mut kept));
                        tell(Written::Log(*stream), text.to_vec());
                    }
                };
                let Some(capture) = capture else {
                    log(&mut tell, all);
                    return Cow::Borrowed(all);
                };
                let mut plain = Vec::new();
                let put = |piece: Piece<'_>| match piece {
                    Piece::Plain(bytes) => {
                        plain.extend_from_slice(bytes);
                        log(&mut tell, bytes);
                    }
                    Piece::Captured(bytes) => log(&mut tell, bytes),
                    Piece::Whole(bytes) => tell(Written::Communication(*stream), bytes),
                };
                match bytes {
                    Some(bytes) => capture.take(bytes, put),
                    None => capture.end(put),
                }
                Cow::Owned(plain)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::plan::LogFile;

    /// What is told, and what is left for the log.
    fn tapped(tap: &mut Tap, bytes: Option<&[u8]>) -> (Vec<(Written, String)>, String) {
        let mut told = Vec::new();
        let left = tap.take(bytes, |written, data| told.push((written, String::from_utf8(data).unwrap())));
        (told, String::from_utf8(left.into_owned()).unwrap())
    }

    #[test]
    fn most_outputs_are_not_tapped() {
        assert!(Tap::of(&Output::default(), Stream::Stdout).is_none());
    }

    #[test]
    fn what_a_listener_says_is_told_and_goes_to_its_log() {
        let expected = (vec![(Written::Answer, "READY\n".to_owned())], "READY\n".to_owned());
        assert_eq!(tapped(&mut Tap::Answers, Some(b"READY\n")), expected);
    }

    #[test]
    fn what_is_captured_is_told_twice_where_all_output_is_and_goes_to_no_log() {
        let output = Output { events: true, capture_bytes: 3, ..Output::default() };
        let mut tap = Tap::of(&output, Stream::Stderr).unwrap();
        let bytes = b"a<!--XSUPERVISOR:BEGIN-->12345<!--XSUPERVISOR:END-->b<!-";
        let log = |text: &str| (Written::Log(Stream::Stderr), text.to_owned());
        let told = vec![log("a"), log("12345"), (Written::Communication(Stream::Stderr), "345".to_owned()), log("b")];
        assert_eq!(tapped(&mut tap, Some(bytes)), (told, "ab".to_owned()));
        assert_eq!(tapped(&mut tap, None), (vec![log("<!-")], "<!-".to_owned()));
    }

    #[test]
    fn listeners_see_no_sequences_of_terminals_where_files_have_none() {
        let file = LogFile { path: "/x".to_owned(), max_size_bytes: 0, max_files: 1, strip_ansi: true };
        let output = Output { events: true, file: Some(file), ..Output::default() };
        let mut tap = Tap::of(&output, Stream::Stdout).unwrap();
        let (told, left) = tapped(&mut tap, Some(b"\x1b[1mred"));
        assert_eq!((told, left.as_str()), (vec![(Written::Log(Stream::Stdout), "red".to_owned())], "\x1b[1mred"));
    }
}
