//! Whatever the text, an answer.

use super::{load_texts, mistakes};
use proptest::prelude::*;

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("x-{level}: &a{level} [{aliases}]\n"));
    }
    let found = mistakes(&text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("too large or nested too deep"), "{found:#?}");
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "a: {".repeat(5_000), "- ".repeat(5_000), format!("{}{}", "[".repeat(120), "]".repeat(120))]
    {
        assert!(!mistakes(&text).is_empty());
    }
    let mut chain = "x-0: &a0 [x]\n".to_owned();
    for level in 1..5_000 {
        chain.push_str(&format!("x-{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(mistakes(&chain)[0].contains("nested too deep"));
}

#[test]
fn an_alias_inside_of_its_anchor_is_refused() {
    assert!(mistakes("x-a: &a [*a]\nservices: {a: {command: x}}")[0].contains("inside of what it refers to"));
}

#[test]
fn line_ends_and_marks_of_other_systems_are_fine() {
    let text = "\u{feff}services:\r\n  a:\r\n    command: x\r\n    comand: y\r\n";
    assert_eq!(mistakes(text), ["4: unknown key `comand`; did you mean `command`?"]);
}

/// Lines such as pods have, in any order and indentation: far more of the code is reached than by random characters.
fn pod_like() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("services:"),
        Just("a:"),
        Just("b: &b"),
        Just("command: x"),
        Just("command: [x, \"${Y}\"]"),
        Just("port: 80"),
        Just("port: [1, 2"),
        Just("route: /x"),
        Just("- /y"),
        Just("- path: /z"),
        Just("depends_on: [a, b]"),
        Just("<<: *b"),
        Just("healthcheck:"),
        Just("http: /up"),
        Just("gateway:"),
        Just("defaults:"),
        Just("environment:"),
        Just("A: 'x"),
        Just("ports: [\"80:80\", {target: 1}]"),
        Just("\tx"),
        Just("restart: no"),
        Just("build: {copy: [a]}"),
        Just("ä: \"ö"),
        Just("essential: false"),
        Just("# note"),
        Just("---"),
        Just("users: {u: 1}"),
        Just("user: u"),
        Just("base: {build: {context: ., args: [A=b]}, run: [x]}"),
        Just("stages: {s: {image: i, copy: {/x: y}}, t: {run: [x]}}"),
        Just("build: s"),
        Just("files: {/a/: {user: u}, /b: {content: x, template: true}, /c: d}"),
        Just("secrets: {s: {file: x}, t: {command: x y}}"),
        Just("volumes: [\"./a:/b:ro\", /c, {type: bind, source: x, target: /d}]"),
        Just("env_file: [.env, {path: x, required: false}, /y]"),
        Just("backing_services: {d: {image: x, ports: [\"1:2\"]}}"),
        Just("deploy: {resources: {limits: {cpus: 1}}}"),
        Just("protocol: fastcgi"),
        Just("socket: /run/s"),
        Just("route: {static: public, fallback: /i.html, expires: 1y, host: [h], cors: \"*\"}"),
        Just("- {path: = /z, return: 301 /y, listen: 81, allow: 10.0.0.0/8}"),
        Just("tls: {certificate: /c, key: /k}"),
        Just("error_pages: {503: /x}"),
        Just("headers: {A: b, C: }"),
        Just("? x"),
        Just("}"),
    ];
    let lines = proptest::collection::vec((0usize..8, line), 0..24);
    lines.prop_map(|lines| lines.into_iter().map(|(indent, line)| format!("{}{line}\n", " ".repeat(indent))).collect())
}

proptest! {
    #[test]
    fn random_text_never_panics(text in "\\PC{0,80}|[-:{}\\[\\]a\"'&*! \n\t|>#]{0,120}") {
        let _ = load_texts(&[&text, "services: {a: {command: x}}"]).map_err(|diagnostics| diagnostics.render(true));
    }

    #[test]
    fn pod_like_text_never_panics(text in pod_like(), over in pod_like()) {
        let _ = load_texts(&[&text, &over]).map_err(|diagnostics| (diagnostics.render(false), diagnostics.records().len()));
    }
}
