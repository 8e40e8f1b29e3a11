//! What is wrong with a pod.yaml: every mistake with its place, all at once.

use super::source::{Source, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;
use std::fmt;

/// Whether a mistake keeps the pod from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pod cannot be used.
    Error,
    /// It can; it will hardly do what was meant.
    Warning,
}

/// A place and what there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// Shown under the underlined text; may be empty.
    pub text: String,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One line: what is wrong.
    pub message: String,
    /// Where it is.
    pub primary: Label,
    /// Other places that it takes to understand it.
    pub secondary: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            primary: Label { span, text: String::new() },
            secondary: Vec::new(),
            help: None,
        }
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(span, message) }
    }

    /// Says something about the place itself.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = text.into();
        self
    }

    /// Shows another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }
}

/// All mistakes of a pod, in the order of the text, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    sources: Vec<Source>,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Puts the mistakes in order and drops repetitions, as `defaults` and anchors make them.
    #[must_use]
    pub fn new(sources: Vec<Source>, mut list: Vec<Diagnostic>) -> Diagnostics {
        list.sort_by_key(|diagnostic| diagnostic.primary.span);
        let mut kept: Vec<Diagnostic> = Vec::with_capacity(list.len());
        for diagnostic in list {
            let same_place = kept.iter().rev().take_while(|other| other.primary.span == diagnostic.primary.span);
            if !same_place.into_iter().any(|other| *other == diagnostic) {
                kept.push(diagnostic);
            }
        }
        Diagnostics { sources, list: kept }
    }

    /// The mistakes.
    #[must_use]
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The mistakes with the text underlined, for people.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let reports = self.list.iter().map(|diagnostic| renderer.render(&[self.group(diagnostic)]));
        reports.collect::<Vec<_>>().join("\n\n")
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
        // The primary place comes first whatever file it is in; a snippet shows the places of one file.
        let primary_file = diagnostic.primary.span.file;
        let mut files = vec![primary_file];
        for label in &diagnostic.secondary {
            if !files.contains(&label.span.file) {
                files.push(label.span.file);
            }
        }
        for file in files {
            let Some(source) = self.sources.get(file) else { continue };
            let mut snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
            if file == primary_file {
                snippet = snippet.annotation(annotation(AnnotationKind::Primary, source, &diagnostic.primary));
            }
            let others = diagnostic.secondary.iter().filter(|label| label.span.file == file);
            group = group.element(snippet.annotations(others.map(|label| annotation(AnnotationKind::Context, source, label))));
        }
        match &diagnostic.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }

    /// The mistakes for programs; lines and columns are counted from 1.
    #[must_use]
    pub fn records(&self) -> Vec<Record<'_>> {
        let records = self.list.iter().filter_map(|diagnostic| {
            let span = diagnostic.primary.span;
            let source = self.sources.get(span.file)?;
            let ((line, column), (end_line, end_column)) = (source.line_column(span.start), source.line_column(span.end));
            Some(Record {
                severity: diagnostic.severity,
                message: &diagnostic.message,
                file: &source.name,
                line,
                column,
                end_line,
                end_column,
                help: diagnostic.help.as_deref(),
            })
        });
        records.collect()
    }
}

fn annotation<'a>(kind: AnnotationKind, source: &Source, label: &'a Label) -> annotate_snippets::Annotation<'a> {
    // Only the first line of a block is underlined: a service of forty lines would hide what is said about it.
    let rest = source.text.get(label.span.start..label.span.end).unwrap_or_default();
    let end = rest.find(['\n', '\r']).map_or(label.span.end, |length| label.span.start + length);
    let annotation = kind.span(label.span.start..end);
    if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
}

/// A mistake as `--format json` writes it.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    severity: Severity,
    message: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    help: Option<&'a str>,
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Vec<Source> {
        let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
        vec![source("pod.yaml", "a: 1\nbb: 2\n"), source("other.yaml", "c: 3\n")]
    }

    fn span(file: usize, start: usize, end: usize) -> Span {
        Span { file, start, end }
    }

    #[test]
    fn they_are_in_order_and_none_is_there_twice() {
        let late = Diagnostic::warning(span(0, 5, 7), "late");
        let early = Diagnostic::error(span(0, 0, 1), "early");
        let all = Diagnostics::new(sources(), vec![late.clone(), early.clone(), late.clone()]);
        assert_eq!(all.list(), [early, late.clone()]);
        assert!(all.has_errors());
        assert!(!Diagnostics::new(sources(), vec![late]).has_errors());
    }

    #[test]
    fn both_places_are_shown_with_file_line_and_column() {
        let diagnostic =
            Diagnostic::error(span(0, 9, 10), "2 is wrong").label("here").also(span(1, 3, 4), "there").help("write 3");
        insta::assert_snapshot!(Diagnostics::new(sources(), vec![diagnostic]).render(false));
    }

    #[test]
    fn programs_get_numbers() {
        let all = Diagnostics::new(sources(), vec![Diagnostic::error(span(0, 9, 10), "2 is wrong").help("write 3")]);
        assert_eq!(
            serde_json::to_value(all.records()).expect("plain data"),
            serde_json::json!([{ "severity": "error", "message": "2 is wrong", "file": "pod.yaml", "line": 2, "column": 5,
                "end_line": 2, "end_column": 6, "help": "write 3" }])
        );
    }
}
