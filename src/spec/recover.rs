//! Passing over what is no YAML: the smallest `key: block` whose absence lets the parser go on is blanked. Byte offsets
//! stay, so everything that is said about the rest points at the right place.

/// A key and what belongs to it by indentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    /// The first byte of the key.
    key: usize,
    /// Right behind the colon.
    start: usize,
    /// Behind the last line.
    end: usize,
}

/// A text with a block blanked.
pub struct Blanked {
    /// The text; every byte outside of the block is where it was.
    pub text: String,
    /// The key of the block with its colon.
    pub key: std::ops::Range<usize>,
}

/// Blanks the smallest block around one of two places after which `still_fails` (the place of the next failure) is none
/// or lies behind the block.
pub fn blank_smallest(
    text: &str,
    failed_at: usize,
    last_good: usize,
    still_fails: &dyn Fn(&str) -> Option<usize>,
) -> Option<Blanked> {
    let mut blocks = enclosing(text, last_good);
    blocks.extend(enclosing(text, failed_at));
    // Stable: of blocks of one size the one around the last good place comes first, as the culprit stands before the
    // place where the parser noticed.
    blocks.sort_by_key(|block| text[block.start..block.end].lines().count());
    blocks.dedup();
    for block in blocks {
        let blanked = blank(text, block);
        if blanked != text && still_fails(&blanked).is_none_or(|next| next > failed_at && next >= block.end) {
            return Some(Blanked { text: blanked, key: block.key..block.start });
        }
    }
    None
}

fn blank(text: &str, block: Block) -> String {
    let mut blanked = String::with_capacity(text.len());
    blanked.push_str(&text[..block.start]);
    for c in text[block.start..block.end].chars() {
        match c {
            '\n' | '\r' => blanked.push(c),
            _ => blanked.extend(std::iter::repeat_n(' ', c.len_utf8())),
        }
    }
    blanked.push_str(&text[block.end..]);
    blanked
}

/// The blocks around a byte, the innermost first.
fn enclosing(text: &str, offset: usize) -> Vec<Block> {
    let lines: Vec<Line<'_>> = Line::all(text);
    let mut blocks = Vec::new();
    let Some(mut index) = lines.iter().rposition(|line| line.start <= offset) else { return blocks };
    while lines[index].is_empty() && index > 0 {
        index -= 1;
    }
    // A line without a key belongs to the nearest one above that is less indented.
    let mut limit = usize::MAX;
    loop {
        if let Some((indent, colon)) = lines[index].key().filter(|(indent, _)| *indent < limit) {
            let members = lines[index + 1..].iter().take_while(|line| line.belongs_to(indent)).count();
            let start = lines[index].start + colon;
            let last = lines[index + members];
            blocks.push(Block {
                key: lines[index].start + indent,
                start,
                end: last.start + last.text.trim_end_matches(['\n', '\r']).len(),
            });
            limit = indent;
        } else if limit == usize::MAX {
            limit = lines[index].indent().max(1);
        }
        if index == 0 {
            return blocks;
        }
        index -= 1;
    }
}

#[derive(Clone, Copy)]
struct Line<'t> {
    start: usize,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn all(text: &'t str) -> Vec<Line<'t>> {
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|text| {
            let line = Line { start, text };
            start += text.len();
            line
        });
        lines.collect()
    }

    fn is_empty(&self) -> bool {
        let content = self.text.trim();
        content.is_empty() || content.starts_with('#')
    }

    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    /// The column of the line's key, behind the dashes of list items, and that behind its colon.
    fn key(&self) -> Option<(usize, usize)> {
        let mut content = self.text.trim_start();
        while let Some(item) = content.strip_prefix("- ") {
            content = item.trim_start();
        }
        let indent = self.text.len() - content.len();
        let length = match content.chars().next()? {
            quote @ ('"' | '\'') => content[1..].find(quote)? + 2,
            _ => content.find(|c: char| !c.is_alphanumeric() && !"_.-<".contains(c))?,
        };
        let behind = content[length..].strip_prefix(':')?;
        let is_key = length > 0 && (behind.is_empty() || behind.starts_with([' ', '\t', '\r', '\n']));
        is_key.then_some((indent, indent + length + 1))
    }

    /// Whether the line lies within the block of a key at this column. The items of a list may stand below their key.
    fn belongs_to(&self, key_indent: usize) -> bool {
        let indent = self.indent();
        self.is_empty() || indent > key_indent || (indent == key_indent && self.text.trim_start().starts_with("- "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a:\n  b: 1\n  c:\n    - d: 2\n      e: 3\n    # text\nf: 4\n";

    fn blocks(offset: usize) -> Vec<&'static str> {
        enclosing(TEXT, offset).into_iter().map(|block| &TEXT[block.start..block.end]).collect()
    }

    #[test]
    fn blocks_follow_the_indentation() {
        let whole = "\n  b: 1\n  c:\n    - d: 2\n      e: 3\n    # text";
        assert_eq!(blocks(TEXT.find("b:").unwrap()), [" 1", whole]);
        assert_eq!(blocks(TEXT.find("e:").unwrap()), [" 3\n    # text", "\n    - d: 2\n      e: 3\n    # text", whole]);
        assert_eq!(blocks(TEXT.find("f:").unwrap()), [" 4"]);
        assert_eq!(blocks(TEXT.find("# text").unwrap()).len(), 3);
    }

    #[test]
    fn blanking_keeps_offsets_and_lines() {
        let text = "a: \"ä\n  b\nc: 1\n";
        let blanked = blank_smallest(text, 3, 0, &|text| text.find('"')).expect("a block");
        assert_eq!((blanked.text.as_str(), blanked.key), ("a:    \n   \nc: 1\n", 0..2));
    }
}
