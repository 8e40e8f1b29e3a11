//! How fast a service's output gets through podinit, against a plain loop of read and write that does the same.
//!
//! `cargo bench -p podinit --bench log_throughput`. The ways are taken in turn, several times, so that a noisy machine
//! is noisy for all of them; the table has the medians, in MB/s, and the median of the ratios to the loop in the same
//! round. Nothing is asserted.

use podinit::logs::{LogSettings, Logs};
use podinit::machine::Role;
use podinit::sys::{Linux, Poller, Token};
use podinit_plan::plan::{Container, Format, LogFile, Logging, Output, Stream};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const MEGABYTES: usize = 200;
const ROUNDS: usize = 9;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One way for the output to go.
struct Case {
    name: &'static str,
    file: bool,
    format: Option<Format>,
    /// Both streams of the service, each through a pipe of its own.
    apart: bool,
    lines: &'static str,
}

const CASES: [Case; 7] = [
    Case { name: "file", file: true, format: None, apart: false, lines: "text" },
    Case { name: "file, and prefixed to a pipe", file: true, format: Some(Format::Prefix), apart: false, lines: "text" },
    Case { name: "prefixed to a pipe", file: false, format: Some(Format::Prefix), apart: false, lines: "text" },
    Case { name: "raw lines to a pipe", file: false, format: Some(Format::Raw), apart: false, lines: "text" },
    Case {
        name: "both streams apart, prefixed to a pipe",
        file: false,
        format: Some(Format::Prefix),
        apart: true,
        lines: "text",
    },
    Case { name: "JSON envelopes of text to a pipe", file: false, format: Some(Format::Json), apart: false, lines: "text" },
    Case { name: "JSON envelopes of JSON to a pipe", file: false, format: Some(Format::Json), apart: false, lines: "json" },
];

/// What came of a case.
#[derive(Default)]
struct Results {
    floor: Vec<f64>,
    logs: Vec<f64>,
    ratio: Vec<f64>,
    longest_turn: Duration,
    dropped: u64,
}

fn main() -> Outcome<()> {
    if let Some(kind) = std::env::args().skip_while(|argument| argument != "--flood").nth(1) {
        return flood(&kind);
    }
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only wants to know that it builds.
        return Ok(());
    }
    let only = std::env::var("PODINIT_BENCH_CASE").ok();
    let folder = std::env::temp_dir().join(format!("podinit-bench-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let file = folder.join("log");
    let mut results: Vec<Results> = CASES.iter().map(|_| Results::default()).collect();
    let mut memory = Vec::new();
    for _ in 0..ROUNDS {
        memory.push(copied());
        for (case, results) in CASES.iter().zip(&mut results) {
            if only.as_deref().is_some_and(|only| only != case.name) {
                continue;
            }
            let floor = plain(&file, case)?;
            let logs = logs(&file, case, results)?;
            results.floor.push(floor);
            results.logs.push(logs);
            results.ratio.push(logs / floor);
        }
    }
    std::fs::remove_dir_all(&folder)?;
    println!(
        "{MEGABYTES} MB in lines of 100 bytes, {ROUNDS} rounds, medians; memory is copied at {:.0} MB/s here\n",
        median(&mut memory)
    );
    println!("| output goes to | loop, MB/s | podinit, MB/s | ratio | longest turn | dropped |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (case, results) in CASES.iter().zip(&mut results).filter(|(_, results)| !results.logs.is_empty()) {
        let (floor, logs, ratio) = (median(&mut results.floor), median(&mut results.logs), median(&mut results.ratio));
        let Results { longest_turn, dropped, .. } = results;
        println!("| {} | {floor:.0} | {logs:.0} | {ratio:.2} | {longest_turn:.1?} | {dropped} |", case.name);
    }
    Ok(())
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How fast memory is copied, in MB/s: tells a slow machine from a slow program.
fn copied() -> f64 {
    let (from, mut to) = (vec![1_u8; 16_000_000], vec![0_u8; 16_000_000]);
    let begun = Instant::now();
    for _ in 0..4 {
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&mut to);
    }
    64.0 / begun.elapsed().as_secs_f64()
}

/// The service: lines of 100 bytes, to stdout and stderr in turn when they are apart.
fn flood(kind: &str) -> Outcome<()> {
    let line = match kind {
        "json" => format!("{{\"level\":\"info\",\"message\":\"{}\",\"status\":200}}\n", "x".repeat(57)),
        _ => format!("{}\n", "x".repeat(99)),
    };
    assert_eq!(line.len(), 100);
    let block = line.repeat(640).into_bytes();
    let mut outputs =
        [File::from(io::stdout().as_fd().try_clone_to_owned()?), File::from(io::stderr().as_fd().try_clone_to_owned()?)];
    for number in 0..MEGABYTES * 1_000_000 / block.len() {
        outputs[number % 2].write_all(&block)?;
    }
    Ok(())
}

fn service([stdout, stderr]: [OwnedFd; 2], case: &Case) -> Outcome<Child> {
    Ok(Command::new(std::env::current_exe()?).args(["--flood", case.lines]).stdout(stdout).stderr(stderr).spawn()?)
}

fn rate(start: Instant) -> f64 {
    MEGABYTES as f64 / start.elapsed().as_secs_f64()
}

/// The write end of a pipe that a thread reads as fast as it can.
fn drained_pipe() -> io::Result<OwnedFd> {
    let (mut read, write) = io::pipe()?;
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while read.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    Ok(write.into())
}

/// The floor: read 64 KB, write it, and write it once more with a prefix to each line, or as it is where no line is
/// changed.
fn plain(path: &Path, case: &Case) -> Outcome<f64> {
    let mut file = if case.file { Some(File::create(path)?) } else { None };
    let mut copy = if case.format.is_some() { Some(File::from(drained_pipe()?)) } else { None };
    let (mut read, write) = io::pipe()?;
    let start = Instant::now();
    let mut child = service([write.try_clone()?.into(), write.into()], case)?;
    let mut buffer = [0; 65_536];
    let mut prefixed = Vec::new();
    loop {
        let count = read.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        if let Some(file) = &mut file {
            file.write_all(&buffer[..count])?;
        }
        match &mut copy {
            Some(copy) if case.format != Some(Format::Raw) => {
                prefixed.clear();
                for line in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                    prefixed.extend_from_slice(b"auth-service | ");
                    prefixed.extend_from_slice(line);
                }
                copy.write_all(&prefixed)?;
            }
            Some(copy) => copy.write_all(&buffer[..count])?,
            None => {}
        }
    }
    let rate = rate(start);
    child.wait()?;
    Ok(rate)
}

/// podinit's logs in a loop of their own, until everything is written.
fn logs(path: &Path, case: &Case, results: &mut Results) -> Outcome<f64> {
    let file =
        LogFile { path: path.to_string_lossy().into_owned(), max_size_bytes: 10_000_000_000, max_files: 2, strip_ansi: false };
    if case.file {
        File::create(path)?;
    }
    let stdout = Output {
        container: case.format.map(|format| Container { stream: Stream::Stdout, format }),
        file: case.file.then_some(file),
        ..Output::default()
    };
    let stderr = case.apart.then(|| stdout.clone());
    let settings =
        vec![LogSettings { name: "auth-service".into(), logging: Logging { stdout, stderr }, listens: false, watch: None }];
    let poller = Poller::new(Linux)?;
    let begin = Instant::now();
    let now = || u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let container = drained_pipe()?;
    let mut logs = Logs::new(Linux, poller.clone(), [container.as_fd(), container.as_fd()], settings, 0)?;
    let ends = logs.open(0, 1, Role::Command, None)?;
    let start = Instant::now();
    let [out, err] = ends.fds();
    let mut child = service([out.try_clone_to_owned()?, err.try_clone_to_owned()?], case)?;
    drop(ends);
    let mut tokens = Vec::new();
    let mut ended = false;
    while !ended {
        poller.wait(Some(1), &mut tokens)?;
        let turn = Instant::now();
        if tokens.is_empty() {
            ended = child.try_wait()?.is_some();
        }
        logs.begin_turn(now());
        for token in &tokens {
            match token {
                Token::Output(index) => logs.readable(*index, now()),
                Token::Sink(index) => logs.sink_writable(*index, now()),
                Token::LogWriter => logs.writer_event(now()),
                _ => {}
            }
        }
        if logs.deadline().is_some_and(|deadline| deadline <= now()) {
            logs.tick(now());
        }
        results.longest_turn = results.longest_turn.max(turn.elapsed());
    }
    logs.drain(0, 1, now());
    logs.flush(60_000);
    let rate = rate(start);
    let counters = logs.counters(0);
    results.dropped += counters.dropped_by_container + counters.dropped_by_files;
    Ok(rate)
}
