//! Whole files in, pods or diagnostics out.

mod alerts;
mod container;
mod control;
mod health;
mod images;
mod memory;
mod metrics;
mod mistakes;
mod pods;
mod processes;
mod robustness;
mod routes;

use super::diagnostics::Diagnostics;
use super::load::{Inputs, Loaded, load};
use super::model::Pod;
use super::source::Source;

fn sources(texts: &[&str]) -> Vec<Source> {
    let source = |(index, text): (usize, &&str)| {
        let name = if index == 0 { "pod.yaml".to_owned() } else { format!("pod.{index}.yaml") };
        Source { name, text: (*text).to_owned() }
    };
    texts.iter().enumerate().map(source).collect()
}

fn load_texts(texts: &[&str]) -> Result<Loaded, Diagnostics> {
    let variables = |name: &str| match name {
        "TAG" => Some("1.2".to_owned()),
        "HOST_PORT" => Some("8088".to_owned()),
        _ => None,
    };
    load(Inputs { sources: sources(texts), folder: "/projects/shop".into(), variables: &variables })
}

/// The pod of a text without mistakes.
fn pod(text: &str) -> Pod {
    match load_texts(&[text]) {
        Ok(loaded) => loaded.pod,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// The messages and helps of a text with mistakes, each with its line.
fn mistakes(text: &str) -> Vec<String> {
    let diagnostics = load_texts(&[text]).map_or_else(|diagnostics| diagnostics, |loaded| loaded.warnings);
    let lines = diagnostics.list().iter().zip(diagnostics.records()).map(|(diagnostic, record)| {
        let line = serde_json::to_value(&record).expect("plain data")["line"].clone();
        let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{line}: {}{help}", diagnostic.message)
    });
    lines.collect()
}
