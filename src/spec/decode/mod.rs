//! From a tree to a pod: one file per subject. A value that cannot be read is reported and its default taken, so that
//! everything else is still looked at.

mod acceptance;
mod alerts;
mod attributes;
mod backing;
mod base;
mod build;
mod command;
mod container;
mod control;
mod dependencies;
mod deploy;
mod environment;
mod files;
mod gateway;
mod headers;
mod healthcheck;
mod keys;
mod listeners;
mod logging;
mod memory;
mod metrics;
mod monitor;
mod pod;
mod ports;
mod ready;
mod restart;
mod route;
mod route_target;
mod scalars;
mod schedule;
mod secrets;
mod service;
mod signals;
mod users;
mod volumes;

pub use keys::{mentions, nearest};
pub use pod::pod;

use super::diagnostics::Diagnostic;
use super::node::{Map, Node, Value};
use super::source::Span;

/// Where build-time references get their values and mistakes go.
pub struct Decoder<'a> {
    variables: &'a dyn Fn(&str) -> Option<String>,
    /// The mistakes found so far.
    pub diagnostics: Vec<Diagnostic>,
}

impl<'a> Decoder<'a> {
    /// A decoder that adds to these mistakes.
    pub fn new(variables: &'a dyn Fn(&str) -> Option<String>, diagnostics: Vec<Diagnostic>) -> Decoder<'a> {
        Decoder { variables, diagnostics }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports a value that cannot be, with what to do; for `return cx.refuse(...)`.
    fn refuse<T>(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.report(Diagnostic::error(span, message).help(help));
        None
    }

    /// Reports that a value is of the wrong type.
    fn expected<T>(&mut self, what: &str, node: &Node) -> Option<T> {
        if !node.is_broken() {
            self.report(Diagnostic::error(node.span, format!("expected {what}, found {}", node.describe())));
        }
        None
    }

    /// The map of a section, its keys checked. Nothing at all is an empty section.
    fn section<'n>(&mut self, node: &'n Node, section: &keys::Section) -> Option<&'n Map> {
        const EMPTY: &Map = &Map { entries: Vec::new() };
        match &node.value {
            Value::Map(map) => {
                for entry in &map.entries {
                    self.check_key(entry, section);
                }
                Some(map)
            }
            Value::Scalar(scalar) if scalar.is_null() => Some(EMPTY),
            _ => self.expected(section.expected, node),
        }
    }

    /// The items of a list, one alone where that is allowed; those that cannot be read are left out.
    fn list<T>(&mut self, node: &Node, what: &str, mut item: impl FnMut(&mut Self, &Node) -> Option<T>) -> Option<Vec<T>> {
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|node| item(self, node)).collect()),
            Value::Scalar(scalar) if scalar.is_null() => Some(Vec::new()),
            _ => self.expected(what, node),
        }
    }
}

/// The value of a key, decoded.
fn value<'a, T>(
    cx: &mut Decoder<'a>,
    map: &Map,
    key: &str,
    decode: impl FnOnce(&mut Decoder<'a>, &Node) -> Option<T>,
) -> Option<T> {
    map.get(key).and_then(|node| decode(cx, node))
}
