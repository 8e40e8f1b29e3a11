//! From text to a tree. A syntax error is reported and the smallest block around it passed over, so that it does not
//! hide the mistakes in the rest of the file.

use super::diagnostics::Diagnostic;
use super::node::{Entry, Map, Node, Scalar, Value};
use super::recover;
use super::source::Span;
use super::syntax;
use serde_yaml::granit_parser::{self, ErrorKind, Event, Parser, ScalarStyle, ScanError};
use std::collections::HashMap;

/// Nodes of one file, those that aliases repeat counted each time: far above any pod.yaml, far below what hurts.
const MAX_NODES: usize = 100_000;
/// How deep values may nest, those behind aliases too: everything that walks a tree recurses.
const MAX_DEPTH: usize = 100;
/// Syntax errors of one file before the rest is given up.
const MAX_SYNTAX_ERRORS: usize = 20;

/// Reads a file; its mistakes are added to `diagnostics`.
///
/// What could not be read is [`Value::Broken`]; in the worst case that is the whole.
pub fn parse(file: usize, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let mut readable = text.to_owned();
    let mut blanks: Vec<usize> = Vec::new();
    for _ in 0..MAX_SYNTAX_ERRORS {
        match Builder::new(file, &readable, &blanks).build() {
            Ok((node, found)) => {
                diagnostics.extend(found);
                return node;
            }
            Err(failure) => {
                let span = Span { file, start: failure.offset, end: next_boundary(text, failure.offset) };
                let diagnostic = syntax::diagnostic(span, &failure.kind);
                let still_fails =
                    |candidate: &str| Builder::new(file, candidate, &[]).build().err().map(|failure| failure.offset);
                let Some(blanked) = recover::blank_smallest(&readable, failure.offset, failure.last_good, &still_fails) else {
                    diagnostics.push(diagnostic);
                    break;
                };
                // The parser often notices a line or more behind the mistake.
                let same_line = text.get(blanked.key.end..failure.offset).is_some_and(|between| !between.contains('\n'));
                let passed_over = Span { file, start: blanked.key.start, end: blanked.key.end };
                diagnostics.push(if same_line { diagnostic } else { diagnostic.also(passed_over, "somewhere from here on") });
                blanks.push(blanked.key.end);
                readable = blanked.text;
            }
        }
    }
    Node { span: Span { file, start: 0, end: text.len() }, value: Value::Broken }
}

fn next_boundary(text: &str, offset: usize) -> usize {
    text[offset..].chars().next().map_or(offset, |c| if c == '\n' || c == '\r' { offset } else { offset + c.len_utf8() })
}

/// A text that is no YAML.
struct Failure {
    offset: usize,
    /// Where the last thing that made sense begins: what is not closed usually begins there.
    last_good: usize,
    kind: ErrorKind,
}

struct Builder<'t> {
    file: usize,
    text: &'t str,
    /// Where blocks were blanked: right behind the colon of a key.
    blanks: &'t [usize],
    open: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    diagnostics: Vec<Diagnostic>,
}

/// A list or map that is not complete yet.
struct Frame {
    start: usize,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Span)> },
}

impl<'t> Builder<'t> {
    fn new(file: usize, text: &'t str, blanks: &'t [usize]) -> Builder<'t> {
        let (open, root, anchors, diagnostics) = (Vec::new(), None, HashMap::new(), Vec::new());
        Builder { file, text, blanks, open, root, anchors, nodes: 0, diagnostics }
    }

    fn build(mut self) -> Result<(Node, Vec<Diagnostic>), Failure> {
        let options = granit_parser::options! { emit_unresolved_aliases: true };
        let mut last_good = 0;
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(self.text, options) {
            let (event, place) = match next {
                Ok(next) => next,
                Err(error) => return Err(self.failure(&error, last_good)),
            };
            let span = self.span(&place);
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        let diagnostic = Diagnostic::error(span, "a second document begins here");
                        self.diagnostics.push(diagnostic.help("a file describes one pod: remove the `---` or use a second file"));
                        break;
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    last_good = span.start;
                    let plain = style == ScalarStyle::Plain && !self.is_string_tag(tag.as_deref(), span);
                    let node = Node { span, value: Value::Scalar(Scalar { text: text.into_owned(), plain }) };
                    self.complete(node, anchor);
                }
                Event::SequenceStart(_, anchor, tag) => {
                    last_good = span.start;
                    self.is_string_tag(tag.as_deref(), span);
                    self.open.push(Frame { start: span.start, anchor, content: Content::List(Vec::new()) });
                }
                Event::MappingStart(_, anchor, tag) => {
                    last_good = span.start;
                    self.is_string_tag(tag.as_deref(), span);
                    let content = Content::Map { entries: Vec::new(), key: None };
                    self.open.push(Frame { start: span.start, anchor, content });
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
                Event::Alias(anchor) => {
                    last_good = span.start;
                    self.alias(anchor, span);
                }
                Event::UnresolvedAlias(name) => {
                    last_good = span.start;
                    // The anchor may stand in a block that was passed over.
                    if self.blanks.is_empty() {
                        let diagnostic = Diagnostic::error(span, format!("no anchor `&{name}` stands above this"));
                        self.diagnostics.push(diagnostic.help("define the anchor before its first alias"));
                    }
                    self.complete(Node { span, value: Value::Broken }, 0);
                }
                _ => {}
            }
            if self.nodes > MAX_NODES || self.open.len() > MAX_DEPTH {
                self.diagnostics.push(Diagnostic::error(span, "the file is too large or nested too deep from here on"));
                return Ok((Node { span, value: Value::Broken }, self.diagnostics));
            }
        }
        let nothing = || Node::plain(Span { file: self.file, start: 0, end: 0 }, "");
        Ok((self.root.unwrap_or_else(nothing), self.diagnostics))
    }

    fn failure(&self, error: &ScanError, last_good: usize) -> Failure {
        let mark = error.marker();
        let offset = mark.byte_offset().unwrap_or_else(|| {
            let line_start: usize = self.text.split_inclusive('\n').take(mark.line().saturating_sub(1)).map(str::len).sum();
            let column = self.text[line_start..].char_indices().nth(mark.col()).map_or(0, |(column, _)| column);
            line_start + column
        });
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        Failure { offset, last_good, kind: error.kind().clone() }
    }

    fn span(&self, place: &granit_parser::Span) -> Span {
        let start = place.start.byte_offset().unwrap_or(0).min(self.text.len());
        let end = place.end.byte_offset().unwrap_or(start).clamp(start, self.text.len());
        Span { file: self.file, start, end: self.trimmed(start, end) }
    }

    /// Blocks end where the next token begins; people see them end with their last character.
    fn trimmed(&self, start: usize, end: usize) -> usize {
        self.text.get(start..end).map_or(end, |content| start + content.trim_end().len())
    }

    /// Whether a tag makes a plain scalar text. Tags that mean nothing here are reported.
    fn is_string_tag(&mut self, tag: Option<&granit_parser::Tag>, span: Span) -> bool {
        match tag.map(|tag| (tag, tag.core_suffix())) {
            None => false,
            Some((_, Some("str"))) => true,
            Some((_, Some("int" | "float" | "bool" | "null" | "seq" | "map"))) => false,
            Some((tag, _)) => {
                let name = format!("{}{}", tag.original_handle(), tag.suffix());
                self.diagnostics.push(Diagnostic::error(span, format!("the tag `{name}` is not supported")).help("remove it"));
                false
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) {
        let Some(node) = self.anchors.get(&anchor) else {
            self.diagnostics.push(Diagnostic::error(span, "this alias stands inside of what it refers to"));
            return self.complete(Node { span, value: Value::Broken }, 0);
        };
        let (nodes, depth) = measure(node);
        self.nodes += nodes;
        if self.nodes > MAX_NODES || self.open.len() + depth > MAX_DEPTH {
            // Reported by the caller, which sees the count.
            self.nodes = MAX_NODES + 1;
            return;
        }
        let node = node.clone();
        self.complete(node, 0);
    }

    /// A value is complete: it belongs to whatever is open.
    fn complete(&mut self, node: Node, anchor: usize) {
        self.nodes += 1;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key }) => match key.take() {
                Some((key, key_span)) => {
                    let blanked = node.is_null()
                        && self.blanks.iter().any(|at| {
                            self.text.get(key_span.end..*at).is_some_and(|between| matches!(between.trim(), ":" | "\":" | "':"))
                        });
                    let value = if blanked { Node { span: key_span, value: Value::Broken } } else { node };
                    entries.push(Entry { key, key_span, value });
                }
                None => {
                    let name = match node.value {
                        Value::Scalar(scalar) => scalar.text,
                        _ => {
                            let diagnostic = Diagnostic::error(node.span, "a key must be text");
                            self.diagnostics.push(diagnostic.help("put `{` or `[` in quotes when they belong to a text"));
                            // Accepted everywhere, so that nothing else is said about it.
                            "x-".to_owned()
                        }
                    };
                    *key = Some((name, node.span));
                }
            },
        }
    }

    fn close(&mut self, end: usize) {
        let Some(frame) = self.open.pop() else { return };
        let span = Span { file: self.file, start: frame.start, end: self.trimmed(frame.start, end) };
        let value = match frame.content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, .. } => Value::Map(self.merged(entries)),
        };
        self.complete(Node { span, value }, frame.anchor);
    }

    /// Resolves `<<` and reports keys that are there twice. What a map says itself wins over what it merges.
    fn merged(&mut self, entries: Vec<Entry>) -> Map {
        let mut map = Map::default();
        let mut merges: Vec<Node> = Vec::new();
        for entry in entries {
            if entry.key == "<<" {
                match entry.value.value {
                    Value::List(items) => merges.extend(items),
                    _ => merges.push(entry.value),
                }
            } else if let Some(first) = map.entry(&entry.key).filter(|_| entry.key != "x-") {
                let diagnostic = Diagnostic::error(entry.key_span, format!("the key `{}` is here twice", entry.key));
                self.diagnostics.push(diagnostic.also(first.key_span, "first here").help("remove one of them"));
            } else {
                map.entries.push(entry);
            }
        }
        for merge in merges {
            match merge.value {
                Value::Map(other) => {
                    for entry in other.entries {
                        if map.entry(&entry.key).is_none() {
                            map.entries.push(entry);
                        }
                    }
                }
                Value::Broken => {}
                _ => self.diagnostics.push(Diagnostic::error(merge.span, "`<<` merges maps, and this is none")),
            }
        }
        map
    }
}

/// How many nodes a tree has, and how deep it is.
fn measure(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Map(map) => map.entries.iter().map(|entry| &entry.value).collect(),
        _ => Vec::new(),
    };
    let (nodes, depth) = children.into_iter().map(measure).fold((0, 0), |(n, d), (nodes, depth)| (n + nodes, d.max(depth)));
    (nodes + 1, depth + 1)
}
