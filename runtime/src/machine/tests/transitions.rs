//! The table of transitions: printed for people, and nothing in it that does not happen.

use super::super::transitions::{Cause, TRANSITIONS, Transition};
use super::*;
use std::fmt::Write;

const CAUSES: [(Cause, &str); 13] = [
    (Cause::Boot, "the pod starts"),
    (Cause::StartAsked, "its start or restart is asked for"),
    (Cause::Due, "its schedule is due"),
    (Cause::GateOpen, "its gate opens"),
    (Cause::Ready, "it is ready"),
    (Cause::StartTimedOut, "`start_timeout` is over"),
    (Cause::Unhealthy, "it is unhealthy"),
    (Cause::Silent, "its watchdog is over"),
    (Cause::OverLimit, "it uses more memory than it may"),
    (Cause::Ended, "it ends unasked"),
    (Cause::DelayOver, "its delay is over"),
    (Cause::StopAsked, "its stop or restart is asked for, or the pod stops"),
    (Cause::Gone, "nothing of it is left"),
];

fn lines_of(cause: Cause, from: State) -> impl Iterator<Item = &'static Transition> {
    TRANSITIONS.iter().filter(move |line| line.cause == cause && line.from.contains(&from))
}

fn page() -> String {
    let mut page = String::from(
        "# Transitions\n\n\
         Every change of a service's state that there is, printed from the table in `runtime/src/machine/transitions.rs`. \
         The machine's simulation refuses a change that is not in it, and a line that never happens. What the states mean is \
         in [podinit.md](podinit.md).\n\n\
         A row is what happens, a column the state in which it does; in the cell is the state after it. Where several are \
         possible, the list below says what decides. An empty cell: it changes nothing, or cannot happen.\n\n",
    );
    let states: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
    writeln!(page, "| | {} |", states.join(" | ")).unwrap();
    writeln!(page, "| --- |{}", " --- |".repeat(states.len())).unwrap();
    for (cause, words) in CAUSES {
        let cell = |from: &State| {
            let mut to: Vec<&str> = lines_of(cause, *from).map(|line| line.to.name()).collect();
            to.dedup();
            to.join(", ")
        };
        let cells: Vec<String> = State::ALL.iter().map(cell).collect();
        writeln!(page, "| {words} | {} |", cells.join(" | ")).unwrap();
    }
    page.push_str("\n## What decides\n");
    for (cause, words) in CAUSES {
        let mut lines = TRANSITIONS.iter().filter(|line| line.cause == cause && !line.when.is_empty()).peekable();
        if lines.peek().is_some() {
            writeln!(page, "\n**{}{}**\n", words[..1].to_uppercase(), &words[1..]).unwrap();
        }
        for line in lines {
            let from: Vec<&str> = line.from.iter().map(|state| state.name()).collect();
            writeln!(page, "- {} → {}: {}", from.join(", "), line.to, line.when).unwrap();
        }
    }
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the page is kept in a file")]
fn the_printed_table_is_that_of_the_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/transitions.md");
    if std::env::var("PODINIT_UPDATE").is_ok() {
        std::fs::write(file, page()).unwrap();
    }
    let printed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(printed == page(), "docs/transitions.md is not what the table says: run the test again with PODINIT_UPDATE=1");
}
