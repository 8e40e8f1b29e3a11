//! The output of real services, on disks and outputs that misbehave.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::plans::{pod, shell};
use crate::support::{Pod, Setting, wait_for};
use podinit_plan::plan::{Container, Format, LogFile, Logging, Output, Plan, Service, Stream};
use podinit_plan::state::State;
use std::path::Path;

fn to(stream: Stream, format: Format) -> Output {
    Output { container: Some(Container { stream, format }), ..Output::default() }
}

fn into_file(path: &Path) -> Output {
    let path = path.to_str().unwrap().to_owned();
    Output { file: Some(LogFile { path, max_size_bytes: 0, max_files: 1, strip_ansi: false }), ..Output::default() }
}

fn logging(stdout: Output, stderr: Option<Output>, service: Service) -> Service {
    Service { logging: Logging { stdout, stderr }, ..service }
}

#[test]
fn streams_arrive_where_they_are_sent_and_last_words_without_a_newline_do() {
    let script = "echo out; echo err >&2; printf 'last out'; printf 'last err' >&2; exec >&- 2>&-; exec sleep 1000";
    let mut pod = Pod::start(|_| {
        let streams = logging(to(Stream::Stdout, Format::Raw), Some(to(Stream::Stderr, Format::Json)), shell(script));
        let dies = "printf 'last words'; kill -9 $$$$";
        pod([("a", streams), ("b", Service { essential: false, ..shell(dies) })])
    });
    pod.wait("b's end", |event| event.service.as_deref() == Some("b") && event.exit.is_some());
    wait_for("a's last words", || pod.client().request("GET", "/v1/logs?service=a&lines=9").1.contains("last err").then_some(()));
    let ended = pod.stop();
    assert!(ended.output.contains("out\n") && ended.output.contains("last out\n"), "{}", ended.output);
    assert_eq!(ended.of("b")[0], "last words");
    let lines: Vec<serde_json::Value> = ended.errors.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let said: Vec<_> =
        lines.iter().map(|line| (line["service"].as_str(), line["stream"].as_str(), line["message"].as_str())).collect();
    assert_eq!(said, [(Some("a"), Some("stderr"), Some("err")), (Some("a"), Some("stderr"), Some("last err"))]);
}

#[test]
fn a_pod_whose_stdout_is_closed_runs_and_stops() {
    let setting = Setting { before: "exec >&-".to_owned(), ..Setting::default() };
    let mut pod = Pod::start_in(setting, |_| pod([("a", shell("seq 100000; echo done; exec sleep 1000"))]));
    pod.wait_state("a", State::Ready);
    wait_for("a's output", || pod.client().request("GET", "/v1/logs?service=a&lines=1").1.contains("done").then_some(()));
    let ended = pod.stop();
    assert_eq!((ended.code, ended.output.as_str()), (Some(0), ""));
}

/// The numbers that are said in lines like `12 lines dropped`.
fn dropped(output: &str) -> usize {
    let of_line = |line: &str| {
        let words: Vec<&str> = line.strip_prefix("podinit | ")?.split(' ').collect();
        let at = words.windows(2).position(|pair| pair[1] == "lines")?;
        words[at].parse::<usize>().ok()
    };
    output.lines().filter_map(of_line).sum()
}

#[test]
fn a_disk_that_is_full_costs_lines_that_are_counted_until_there_is_room_again() {
    let plan = |folder: &Path| -> Plan {
        let script = format!(
            "i=0; while test ! -e {0}/stop; do i=$((i+1)); echo $i-{1}; test $i -lt 2000 || sleep 0.01; done; echo $i > {0}/sent; \
             exec sleep 1000",
            folder.display(),
            "x".repeat(100)
        );
        pod([("a", logging(into_file(&folder.join("logs/a.log")), None, shell(&script)))])
    };
    let before = "mkdir \"${1%/*}/logs\" && mount -t tmpfs -o size=1m tmpfs \"${1%/*}/logs\" && \
                  head -c 900k /dev/zero > \"${1%/*}/logs/filler\"";
    let mut pod = Pod::start_in(Setting { before: before.to_owned(), ..Setting::default() }, plan);
    pod.wait_state("a", State::Ready);
    let root = format!("/proc/{}/root", pod.pid());
    let logs = Path::new(&root).join(pod.folder.path().strip_prefix("/").unwrap()).join("logs");
    let log = logs.join("a.log");
    let size = || std::fs::metadata(&log).map_or(0, |file| file.len());
    wait_for("a full disk", || (nix::sys::statvfs::statvfs(&logs).unwrap().blocks_available() == 0).then_some(()));
    let full = size();
    let last = || {
        let (_, line) = pod.client().request("GET", "/v1/logs?service=a&lines=1");
        line.rsplit(' ').next()?.split_once('-')?.0.parse::<u64>().ok()
    };
    let last_before = wait_for("a line", last);
    wait_for("lines that the disk does not take", || (last()? > last_before + 20).then_some(()));
    std::fs::remove_file(logs.join("filler")).unwrap();
    wait_for("more of the log", || (size() > full + 10_000).then_some(()));
    std::fs::write(pod.folder.path().join("stop"), "").unwrap();
    let sent = wait_for("the number of lines", || {
        std::fs::read_to_string(pod.folder.path().join("sent")).ok()?.trim().parse::<usize>().ok()
    });
    wait_for("the last line", || std::fs::read_to_string(&log).ok()?.contains(&format!("\n{sent}-")).then_some(()));
    let text = std::fs::read_to_string(&log).unwrap();
    let ended = pod.stop();
    let is_whole = |line: &&str| line.split_once('-').is_some_and(|(_, rest)| rest == "x".repeat(100));
    let whole = text.lines().filter(is_whole).count();
    assert!(ended.output.contains("No space left on device"), "{}", ended.output);
    assert!(dropped(&ended.output) > 0, "{}", ended.output);
    assert_eq!(whole + dropped(&ended.output), sent, "{}", ended.output);
}
