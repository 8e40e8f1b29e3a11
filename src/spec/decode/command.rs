//! What is executed: a line, a list of words, `{shell: text}`.

use super::Decoder;
use super::keys::Section;
use crate::spec::model::Command;
use crate::spec::node::{Node, Value};
use podinit_plan::words;

const WHAT: &str = "a command: a line, a list of words, or { shell: text }";
const SHELL: Section = Section { expected: WHAT, name: "a command", keys: &["shell"], later: &[] };

/// A command.
pub fn command(cx: &mut Decoder<'_>, node: &Node) -> Option<Command> {
    match &node.value {
        Value::Map(_) => {
            let map = cx.section(node, &SHELL)?;
            let Some(shell) = map.entry("shell") else { return cx.expected(WHAT, node) };
            let text = cx.text(&shell.value, "shell text")?;
            not_empty(cx, node, &text)?;
            Some(Command::Shell(text))
        }
        Value::List(items) => words_of(cx, node, items),
        _ => {
            let line = cx.template(node, WHAT)?;
            not_empty(cx, node, &line)?;
            // With references in it only podinit can tell the words.
            if !line.contains("${")
                && let Err(error) = words::split(&line)
            {
                return cx.refuse(node.span, format!("this is no command line: {error}"), "write a list of words instead");
            }
            if let Some(sign) = shell_sign(&line) {
                let help = "write `{ shell: ... }` when a shell is meant, or a list of words";
                return cx.refuse(node.span, format!("`{sign}` means nothing here: there is no shell"), help);
            }
            Some(Command::Line(line))
        }
    }
}

/// The words of a command, each of them a template.
pub fn words_of(cx: &mut Decoder<'_>, node: &Node, items: &[Node]) -> Option<Command> {
    let words: Vec<String> = items.iter().map(|item| cx.template(item, "a word of a command")).collect::<Option<_>>()?;
    not_empty(cx, node, words.first().map_or("", String::as_str))?;
    Some(Command::Words(words))
}

fn not_empty(cx: &mut Decoder<'_>, node: &Node, text: &str) -> Option<()> {
    if text.trim().is_empty() {
        return cx.refuse(node.span, "this command is empty", "write what is to be executed");
    }
    Some(())
}

/// A word that only a shell understands; as a word of its own it is hardly ever an argument.
fn shell_sign(line: &str) -> Option<&'static str> {
    ["&&", "||", "|", ">", ">>", "<", ";", "&"].into_iter().find(|sign| line.split_whitespace().any(|word| word == *sign))
}
