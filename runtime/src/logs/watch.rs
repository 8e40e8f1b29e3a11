//! Looks for a text in the output of a service as it arrives. Pure.

use memchr::memmem;

/// A search that goes on over reads: what it looks for may arrive in pieces. A text without a newline is found within a
/// line only.
#[derive(Debug, Default)]
pub struct Search {
    /// The last bytes, fewer than the text has: what the text may have begun in.
    tail: Vec<u8>,
}

impl Search {
    /// Whether `text` is in `bytes`, or begins in what came before and ends in them.
    pub fn find(&mut self, text: &[u8], bytes: &[u8]) -> bool {
        let keep = text.len().saturating_sub(1);
        let head = &bytes[..bytes.len().min(keep)];
        self.tail.extend_from_slice(head);
        let found = memmem::find(&self.tail, text).is_some() || memmem::find(bytes, text).is_some();
        if bytes.len() > head.len() {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - keep..]);
        }
        let excess = self.tail.len().saturating_sub(keep);
        self.tail.drain(..excess);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_found_however_it_is_cut() {
        let mut search = Search::default();
        for byte in b"server star" {
            assert!(!search.find(b"started", &[*byte]));
        }
        assert!(search.find(b"started", b"ted\n"));
        assert!(!Search::default().find(b"started", b"star\nted"), "not over the end of a line");
        assert!(Search::default().find(b"x", b"abx"));
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_in_the_whole_finds(
            output in "[ab\n]{0,40}", text in "[ab]{1,4}", step in 1usize..8,
        ) {
            let mut search = Search::default();
            let mut found = false;
            for chunk in output.as_bytes().chunks(step) {
                found |= search.find(text.as_bytes(), chunk);
            }
            prop_assert_eq!(found, output.contains(&text));
        }
    }
}
