//! More output than its reader takes.

use crate::support::plans::{pod, shell};
use crate::support::{Pod, Setting, scaled, wait_for};
use nix::sys::signal::Signal;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

/// What a line is long, in bytes; about.
const LINE: usize = 100;
/// Longer than podinit holds a service back for its reader.
const PAUSE: Duration = Duration::from_millis(800);

#[test]
fn every_line_of_a_flood_arrives_or_is_counted() {
    let lines = scaled(50_000_000, 1_000_000_000) / LINE;
    // Through a FIFO, so that it is read as it comes.
    let before = "mkfifo \"${1%/*}/output\" && exec > \"${1%/*}/output\"".to_owned();
    let pod = Pod::start_in(Setting { before, ..Setting::default() }, |_| {
        let print = format!("perl -e 'my $x = \"x\" x {}; print \"$_ $x\\n\" for 1..{lines}'; exec sleep 1000", LINE - 10);
        pod([("a", shell(&print))])
    });
    let output = pod.folder.path().join("output");
    wait_for("the FIFO", || output.exists().then_some(()));
    let begun = Instant::now();
    let (mut received, mut dropped, mut missing, mut last) = (0, 0, 0, 0);
    for line in BufReader::with_capacity(64 * 1024, File::open(output).unwrap()).lines() {
        let line = line.unwrap();
        let Some(number) = number(&line) else {
            dropped += lost(&line);
            continue;
        };
        assert!(number > last, "{number} after {last}");
        missing += number - last - 1;
        last = number;
        received += 1;
        // Five times it does not read at all.
        if number == lines {
            pod.signal(Signal::SIGTERM);
        } else if received % (lines / 10) == 0 && received <= lines / 2 {
            std::thread::sleep(PAUSE);
        }
    }
    println!("{lines} lines in {:?}: {received} received, {dropped} dropped", begun.elapsed());
    assert_eq!(last, lines, "the last line arrives");
    assert_eq!((received + dropped, missing), (lines, dropped));
    assert!(dropped > 0, "the reader was not slow enough");
    assert_eq!(pod.end().code, Some(0));
}

/// The number of one of the service's lines.
fn number(line: &str) -> Option<usize> {
    let (number, rest) = line.strip_prefix("a | ")?.split_once(' ')?;
    assert_eq!(rest.len(), LINE - 10, "a whole line: {line}");
    Some(number.parse().unwrap())
}

/// How many lines podinit says were dropped.
fn lost(line: &str) -> usize {
    let words: Vec<&str> = line.strip_prefix("podinit | ").unwrap_or_default().split(' ').collect();
    match words[..] {
        [count, "line" | "lines", "dropped:", ..] => count.parse().unwrap(),
        _ => 0,
    }
}
