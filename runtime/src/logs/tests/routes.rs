//! What goes where, and how it looks there.

use super::*;

#[test]
fn whole_lines_carry_the_name_and_bytes_stay_as_they_are() {
    let mut rig = rig(&[("a", None), ("long-name", None)]);
    let (mut a, mut b) = (rig.service(0, 1), rig.service(1, 2));
    a.write_all(b"first\r\nhalf a").unwrap();
    b.write_all(b"\x1b[31mred\x1b[0m \0 \xff\n").unwrap();
    rig.turn_until(|rig| rig.out.ends_with(b"\xff\n"));
    a.write_all(b" line\n").unwrap();
    rig.expect("half a line\n");
    rig.logs.say("pod core is ready\nreally");
    rig.read_out();
    let mut lines: Vec<&[u8]> = rig.out.split_inclusive(|byte| *byte == b'\n').collect();
    lines[..2].sort_unstable();
    let expected: [&[u8]; 5] = [
        b"a | first\r\n",
        b"long-name | \x1b[31mred\x1b[0m \0 \xff\n",
        b"a | half a line\n",
        b"podinit | pod core is ready\n",
        b"podinit | really\n",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_long_line_is_cut_and_marked_on_stdout_and_whole_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let mut rig = rig(&[("a", Some(&path))]);
    let line = "x".repeat(20_000);
    writeln!(rig.service(0, 1), "{line}").unwrap();
    rig.turn_until(|rig| rig.out.ends_with(b"x\n") && fs::metadata(&path).is_ok_and(|file| file.len() == 20_001));
    let eight = "x".repeat(8192);
    let rest = "x".repeat(20_000 - 2 * 8192);
    assert_eq!(rig.text(), format!("a | {eight} [...]\na | {eight} [...]\na | {rest}\n"));
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{line}\n"));
}

#[test]
fn a_leaders_end_ends_its_line_and_a_grandchild_is_still_heard() {
    let mut rig = rig(&[("a", None)]);
    let mut leader = rig.service(0, 1);
    let mut grandchild = leader.try_clone().unwrap();
    leader.write_all(b"one\nlast words").unwrap();
    drop(leader);
    rig.logs.drain(0, 1, 0);
    rig.read_out();
    assert_eq!(rig.text(), "a | one\na | last words\n", "without a turn of the loop");
    let mut next = rig.service(0, 2);
    next.write_all(b"successor\n").unwrap();
    grandchild.write_all(b"still here\n").unwrap();
    rig.expect("a | still here\n");
    rig.expect("a | successor\n");
    drop(grandchild);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    assert_eq!(rig.logs.tail(0, 2), "still here\nsuccessor\n");
}

#[test]
fn a_drain_ends_although_the_grandchild_goes_on_writing() {
    let mut rig = rig(&[("a", None)]);
    let pipe = rig.service(0, 1);
    let writer = flood(pipe.try_clone().unwrap(), 20_000);
    rig.turn_until(|rig| !rig.out.is_empty());
    rig.logs.drain(0, 1, 0);
    rig.turn_until(|_| writer.is_finished());
    drop(pipe);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    rig.logs.flush(0);
    rig.read_out();
    // Where the drain came within a line, it ended that line.
    assert!(rig.text().lines().count() >= 20_000);
}

#[test]
fn files_can_be_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let mut rig = rig(&[("a", Some(&path))]);
    let mut service = rig.service(0, 1);
    service.write_all(b"old\n").unwrap();
    rig.turn_until(|_| fs::read(&path).is_ok_and(|text| text == b"old\n"));
    fs::rename(&path, folder.path().join("moved")).unwrap();
    rig.logs.reopen();
    service.write_all(b"new\n").unwrap();
    rig.turn_until(|_| fs::read(&path).is_ok_and(|text| text == b"new\n"));
}

#[test]
fn the_pipe_belongs_to_the_service() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut rig = rig(&[("a", None)]);
    let write = File::from(rig.logs.open(0, 1, Role::Command, Some((1001, 1002))).unwrap().stdout);
    let metadata = write.metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1001, 1002));
}

#[test]
fn a_line_that_is_watched_for_is_told_once_for_each_incarnation() {
    let watched = LogSettings { watch: Some("is ready".into()), ..settings("a", apart(Output::default(), Output::default())) };
    let mut rig = rig_of(Faulty::new(Linux), vec![watched]);
    let mut before = File::from(rig.logs.open(0, 1, Role::PreStart, None).unwrap().stdout);
    before.write_all(b"all is ready\n").unwrap();
    let [mut out, mut err] = two(&mut rig, 1);
    out.write_all(b"is\nready\nserver is re").unwrap();
    rig.turn_until(|rig| rig.logs.tail(0, 1) == "ready\n");
    err.write_all(b"ady\n").unwrap();
    rig.turn_until(|rig| rig.logs.tail(0, 1) == "ady\n");
    assert_eq!(
        rig.logs.take_matches(),
        [],
        "neither the output of another command, nor half of one stream and half of the other"
    );
    out.write_all(b"ady on port 1").unwrap();
    rig.logs.drain(0, 1, 0);
    err.write_all(b"is ready\n").unwrap();
    rig.turn_until(|rig| rig.logs.tail(0, 1) == "is ready\n");
    let [_out, mut err] = two(&mut rig, 2);
    err.write_all(b"is ready").unwrap();
    rig.logs.drain(0, 2, 0);
    assert_eq!(rig.logs.take_matches(), [(0, 1), (0, 2)]);
    assert_eq!(rig.logs.take_matches(), []);
}

fn apart(stdout: Output, stderr: Output) -> Logging {
    Logging { stdout, stderr: Some(stderr) }
}

fn to(stream: Stream, format: Format) -> Output {
    Output { container: Some(plan::Container { stream, format }), ..Output::default() }
}

fn into_file(path: &Path) -> Output {
    Output { file: Some(log_file(path)), ..Output::default() }
}

/// The write ends of a service with two pipes.
fn two(rig: &mut Rig, incarnation: Incarnation) -> [File; 2] {
    let ends = rig.logs.open(0, incarnation, Role::Command, None).unwrap();
    [ends.stdout.into(), ends.stderr.unwrap().into()]
}

#[test]
fn each_stream_goes_its_own_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let (out_reader, stdout) = Linux.pipe(None).unwrap();
    let (err_reader, stderr) = Linux.pipe(None).unwrap();
    let services = vec![
        settings("a", apart(into_file(&path), to(Stream::Stderr, Format::Prefix))),
        settings("b", Logging { stdout: to(Stream::Stderr, Format::Raw), stderr: None }),
    ];
    let mut rig = rig_to(Faulty::new(Linux), [&stdout, &stderr], services);
    let [mut out, mut err] = two(&mut rig, 1);
    out.write_all(b"to the file\n").unwrap();
    err.write_all(b"to stderr\n").unwrap();
    rig.reader = Some(err_reader);
    rig.expect("to stderr\n");
    rig.service(1, 1).write_all(b"whole").unwrap();
    rig.expect("whole\n");
    rig.logs.say("of podinit");
    rig.logs.flush(10_000);
    assert_eq!(rig.text(), "a | to stderr\nwhole\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "to the file\n");
    rig.reader = Some(out_reader);
    rig.read_out();
    assert!(rig.text().ends_with("whole\npodinit | of podinit\n"));
    assert_eq!(rig.logs.tail(0, 9), "to the file\nto stderr\n");
}

#[test]
fn every_line_is_json_where_one_service_asks_for_it() {
    let both = apart(to(Stream::Stdout, Format::Json), to(Stream::Stdout, Format::Json));
    let mut rig = rig_of(Faulty::new(Linux), vec![settings("a", both)]);
    let [mut out, mut err] = two(&mut rig, 1);
    out.write_all(b"{\"level\":\"info\"}\n").unwrap();
    rig.expect("info");
    err.write_all(b"say \"no\"").unwrap();
    drop(err);
    rig.expect("no");
    rig.logs.say("of podinit");
    rig.expect("podinit");
    let lines: Vec<serde_json::Value> = rig.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: usize, name: &str| lines[line][name].clone();
    assert_eq!(
        (of(0, "service"), of(0, "stream"), of(0, "data")),
        ("a".into(), "stdout".into(), serde_json::json!({"level": "info"}))
    );
    assert_eq!((of(1, "service"), of(1, "stream"), of(1, "message")), ("a".into(), "stderr".into(), "say \"no\"".into()));
    assert_eq!((of(2, "service"), of(2, "message")), ("podinit".into(), "of podinit".into()));
    let time = of(0, "time").as_str().unwrap().to_owned();
    assert!(time.len() == "2026-02-28T23:59:59.042Z".len() && time.ends_with('Z'), "{time}");
}

#[test]
fn a_file_has_the_bytes_as_they_came_unless_colours_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (exact, plain) = (folder.path().join("exact"), folder.path().join("plain"));
    let mut stripped = into_file(&plain);
    stripped.file.as_mut().unwrap().strip_ansi = true;
    let mut rig = rig_of(Faulty::new(Linux), vec![settings("a", apart(into_file(&exact), stripped))]);
    let [mut out, mut err] = two(&mut rig, 1);
    let text = [b"\x1b[31m".as_slice(), &b"x".repeat(9000), b"\x1b[0m\r\n\0\xff\nno newline"].concat();
    out.write_all(&text).unwrap();
    err.write_all(&text).unwrap();
    drop((out, err));
    rig.turn_to_the_end();
    rig.logs.flush(10_000);
    assert!(fs::read(&exact).unwrap() == text, "not the same bytes");
    let left = [b"x".repeat(9000).as_slice(), b"\r\n\0\xff\nno newline"].concat();
    assert!(fs::read(&plain).unwrap() == left, "not the bytes without colours");
    assert!(rig.out.is_empty());
}

#[test]
fn services_that_name_the_same_file_share_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared");
    let mut file = log_file(&path);
    file.max_size_bytes = 250_000;
    let output = Output { file: Some(file), ..Output::default() };
    let services =
        vec![settings("a", apart(output.clone(), output.clone())), settings("b", Logging { stdout: output, stderr: None })];
    let mut rig = rig_of(Faulty::new(Linux), services);
    let [out, err] = two(&mut rig, 1);
    let b = rig.service(1, 1);
    let floods = [flood(out, 2000), flood(err, 2000), flood(b, 2000)];
    rig.turn_to_the_end();
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    rig.logs.flush(10_000);
    let names = ["shared.2", "shared.1", "shared"];
    let text: String = names.iter().map(|name| fs::read_to_string(folder.path().join(name)).unwrap()).collect();
    let (mut numbers, _) = account(&text, "");
    assert_eq!(text.lines().count(), 6000, "no line is torn, and none is lost in a rotation");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..2000).flat_map(|number| [number; 3]).collect::<Vec<u64>>());
    assert_eq!((rig.logs.counters(0).lines, rig.logs.counters(1).lines), (4000, 2000));
}
