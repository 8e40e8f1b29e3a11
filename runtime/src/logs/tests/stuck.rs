//! Readers and disks that are slow, stuck, full or gone.

use super::*;

#[test]
fn a_burst_loses_nothing_when_the_reader_and_the_disk_keep_up() {
    let folder = tempfile::tempdir().unwrap();
    let (path_a, path_b) = (folder.path().join("a"), folder.path().join("b"));
    let mut rig = rig(&[("a", Some(&path_a)), ("b", Some(&path_b))]);
    let (a, b) = (rig.service(0, 1), rig.service(1, 1));
    let reader = rig.reader.take().unwrap();
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    let out = thread::spawn(move || {
        let mut out = String::new();
        File::from(reader).read_to_string(&mut out).unwrap();
        out
    });
    let floods = [flood(a, 100_000), flood(b, 100_000)];
    rig.turn_until(|rig| rig.logs.pipes.iter().all(Option::is_none));
    rig.logs.flush(30_000);
    drop(rig);
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    let out = out.join().unwrap();
    let all: Vec<u64> = (0..100_000).collect();
    for (prefix, path) in [("a | ", path_a), ("b | ", path_b)] {
        assert_eq!(account(&out, prefix), (all.clone(), 0));
        assert_eq!(account(&fs::read_to_string(path).unwrap(), ""), (all.clone(), 0));
    }
}

#[test]
fn a_reader_that_stops_costs_the_oldest_lines_and_their_number_is_said() {
    let mut rig = rig(&[("a", None)]);
    let pipe = rig.service(0, 1);
    let sent = 300_000;
    let writer = flood(pipe, sent);
    while rig.logs.pipes[0].is_some() {
        rig.turn();
        assert!(rig.queue().len() <= sink::QUEUE_MAX + TURN, "memory is bounded");
    }
    writer.join().unwrap();
    rig.turn_until(|rig| rig.queue().is_empty());
    rig.read_out();
    let (kept, dropped) = account(&rig.text(), "a | ");
    assert!(dropped > 0);
    assert_eq!(kept.len() as u64 + dropped, sent);
    let counters = rig.logs.counters(0);
    assert_eq!((counters.lines, counters.bytes, counters.dropped_by_container), (sent, sent * 100, dropped));
    assert!(kept.is_sorted() && kept.last() == Some(&(sent - 1)), "the newest are kept");
    assert_eq!(rig.text().lines().count(), kept.len() + rig.text().matches("podinit | ").count(), "no line is torn");
}

#[test]
fn a_reader_that_is_gone_stops_nothing_and_wakes_nobody() {
    let mut rig = rig(&[("a", None)]);
    let pipe = rig.service(0, 1);
    rig.reader = None;
    let writer = flood(pipe, 50_000);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    writer.join().unwrap();
    let mut tokens = Vec::new();
    rig.poller.wait(Some(0), &mut tokens).unwrap();
    assert_eq!(tokens, []);
    assert_eq!(rig.logs.tail(0, 1).len(), 100);
    assert_eq!(rig.logs.counters(0).dropped_by_container, 50_000);
}

#[test]
fn a_disk_that_does_not_answer_stops_its_thread_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let sys = Faulty::new(Linux);
    let stall = sys.stall("append_to");
    let services = vec![settings("a", with_file(Some(&path))), settings("b", with_file(None))];
    let mut rig = rig_of(sys, services);
    let (a, mut b) = (rig.service(0, 1), rig.service(1, 1));
    let sent = 200_000;
    let writer = flood(a, sent);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    writer.join().unwrap();
    assert!(rig.logs.outlets.files.writer().unwrap().waiting() <= writer::QUEUE_MAX);
    b.write_all(b"alive\n").unwrap();
    rig.expect("b | alive\n");
    assert_eq!(account(&rig.text(), "a | "), ((0..sent).collect(), 0), "stdout has it all");
    assert_eq!((rig.logs.counters(0).lines, rig.logs.counters(0).dropped_by_container), (sent, 0));

    // The disk comes back: what had to be dropped is said, and all the rest is there.
    drop(stall);
    rig.expect(" lines dropped from ");
    let text = rig.text();
    let said = text.lines().find_map(|line| line.strip_prefix("podinit | ")?.split_once(" lines dropped from ")).unwrap();
    assert!(said.1.ends_with("a.log: the disk was not fast enough"), "{said:?}");
    assert_eq!(rig.logs.flush(10_000), 0);
    let kept = account(&fs::read_to_string(&path).unwrap(), "").0;
    assert_eq!(kept.len() as u64 + said.0.parse::<u64>().unwrap(), sent);
    assert_eq!(kept.last(), Some(&(sent - 1)));
    assert_eq!(rig.logs.counters(0).dropped_by_files, said.0.parse::<u64>().unwrap());
    assert_eq!(rig.logs.counters(1).dropped_by_files, 0, "of that service alone");
}

#[test]
fn podinits_end_waits_for_a_stuck_disk_and_a_stuck_reader_only_as_long_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let sys = Faulty::new(Linux);
    let _stall = sys.stall("append_to");
    let mut rig = rig_of(sys, vec![settings("a", with_file(Some(&folder.path().join("a.log"))))]);
    let sent = 5_000;
    let writer = flood(rig.service(0, 1), sent);
    while rig.logs.pipes[0].is_some() {
        rig.turn();
    }
    writer.join().unwrap();
    let begin = Instant::now();
    let unwritten = rig.logs.flush(300);
    assert!((300..1000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    rig.read_out();
    let (kept, said) = account(&rig.text(), "a | ");
    // The pipe may end within a line, and the line that tells of the file is not taken either.
    assert!(unwritten > 0 && (kept.len() as u64 + said + unwritten).abs_diff(sent) <= 2, "{} {unwritten}", kept.len());
    assert_eq!(rig.logs.counters(0).dropped_by_files, sent);
}

#[test]
fn an_output_that_only_a_blocking_write_can_reach_holds_up_no_log_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let (reader, stdout) = Linux.pipe(None).unwrap();
    let sys = Faulty::new(Linux);
    sys.fail("open_again", 0, 1, Errno::EACCES);
    let mut rig = rig_to(sys, [&stdout, &stdout], vec![settings("a", with_file(Some(&path)))]);
    let sent = 100_000;
    let writer = flood(rig.service(0, 1), sent);
    rig.turn_to_the_end();
    writer.join().unwrap();
    // Nobody has read a byte of stdout.
    rig.turn_until(|rig| rig.logs.outlets.files.writer().unwrap().is_idle());
    assert_eq!(account(&fs::read_to_string(&path).unwrap(), ""), ((0..sent).collect(), 0));
    rig.reader = Some(reader);
    rig.turn_until(|rig| rig.logs.outlets.container.is_idle());
    rig.read_out();
    let (kept, dropped) = account(&rig.text(), "a | ");
    assert!(dropped > 0 && kept.len() as u64 + dropped == sent);
    assert_eq!(rig.logs.counters(0).dropped_by_container, dropped);
}

#[test]
fn a_file_that_cannot_be_written_is_said_once_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let obstacle = folder.path().join("logs");
    fs::write(&obstacle, "a file where a folder should be").unwrap();
    let path = obstacle.join("a.log");
    let mut rig = rig(&[("a", Some(&path))]);
    let mut service = rig.service(0, 1);
    service.write_all(b"one\ntwo\n").unwrap();
    rig.expect("a | two\n");
    rig.turn_until(|rig| rig.logs.outlets.files.writer().unwrap().is_idle());
    fs::remove_file(&obstacle).unwrap();
    let mut sent = 2;
    rig.turn_until(|rig| {
        service.write_all(b"more\n").unwrap();
        sent += 1;
        contains(&rig.out, "is written again")
    });
    drop(service);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    rig.logs.flush(10_000);
    rig.read_out();
    let text = rig.text();
    let notices: Vec<&str> = text.lines().filter(|line| line.starts_with("podinit | ")).collect();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].contains("a.log: Not a directory (os error 20); its lines are dropped until"), "{notices:?}");
    let dropped: usize = notices[1].split_once("; ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count() + dropped, sent);
}

#[test]
fn lines_lost_to_a_full_disk_are_said_at_the_end_at_the_latest() {
    let mut rig = rig(&[("a", Some(Path::new("/dev/full")))]);
    rig.service(0, 1).write_all(b"one\ntwo\n").unwrap();
    rig.expect("cannot write /dev/full: No space left on device");
    rig.logs.flush(10_000);
    rig.expect("podinit | 2 lines were dropped from /dev/full\n");
}

#[test]
fn any_call_may_fail_and_the_logs_go_on() {
    for call in ["read", "write", "pending", "event_fd", "epoll_add", "epoll_remove", "open_again", "stat_fd", "duplicate"] {
        for skip in 0..3 {
            let mut rig = rig(&[("a", None)]);
            let mut first = rig.service(0, 1);
            rig.sys.fail(call, skip, 1, Errno::EIO);
            first.write_all(b"one\n").unwrap();
            (0..3).for_each(|_| rig.turn());
            drop(first);
            rig.logs.drain(0, 1, 0);
            let second = rig.logs.open(0, 2, Role::Command, None).or_else(|_| rig.logs.open(0, 2, Role::Command, None));
            File::from(second.unwrap().stdout).write_all(b"two\n").unwrap();
            rig.logs.say("three");
            (0..3).for_each(|_| rig.turn());
            rig.logs.say("four");
            rig.expect("podinit | four\n");
        }
    }
}

#[test]
fn a_stdout_that_cannot_be_watched_is_tried_again() {
    let mut rig = rig(&[("a", None)]);
    let line = "x".repeat(1000);
    rig.sys.fail("epoll_add", 0, 3, Errno::ENOMEM);
    for _ in 0..200 {
        rig.logs.say(&line);
    }
    assert!(!rig.queue().is_empty());
    rig.turn_until(|rig| rig.queue().is_empty());
    assert_eq!(rig.logs.deadline(), None, "nothing is left that would wake the loop");
    rig.read_out();
    assert_eq!(rig.text().lines().count(), 200);
}

#[test]
fn whoever_asks_is_told_whether_a_line_was_written_and_nothing_waits_for_a_disk_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts");
    let sys = Faulty::new(Linux);
    let mut rig = rig_of(sys.clone(), vec![settings("a", with_file(None))]);
    // Before the thread has the file, which it opens at once.
    let stalled = sys.stall("append_to");
    let file = rig.logs.add_file(&log_file(&path)).unwrap();
    let told = |rig: &mut Rig| {
        let mut told = Vec::new();
        rig.turn_until(|rig| {
            told.extend(rig.logs.take_told());
            !told.is_empty()
        });
        told
    };
    assert!(rig.logs.tell(file, 7, "one"));
    rig.turn();
    assert_eq!(rig.logs.take_told(), [], "the disk does not answer");
    drop(stalled);
    assert_eq!(told(&mut rig), [(7, Ok(()))]);
    sys.fail("write", 0, 1, Errno::ENOSPC);
    assert!(rig.logs.tell(file, 8, "two"));
    let [(8, Err(problem))] = &told(&mut rig)[..] else { panic!("it is told") };
    assert!(problem.contains("No space"), "{problem}");
    assert!(rig.logs.tell(file, 8, "two"));
    assert_eq!(told(&mut rig), [(8, Ok(()))]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    rig.logs.flush(1_000);
    rig.read_out();
    assert!(!rig.text().contains("dropped"), "whoever is told says what is to be said: {}", rig.text());
}
