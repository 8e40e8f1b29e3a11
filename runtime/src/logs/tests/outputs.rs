//! What the container's output may be.

use super::*;

#[test]
fn a_stdout_on_disk_or_on_a_socket_gets_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stdout");
    let file = File::create(&path).unwrap();
    let mut rig = rig_to(Faulty::new(Linux), [&file, &file], vec![settings("a", Logging::default())]);
    let writer = flood(rig.service(0, 1), 20_000);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    rig.logs.flush(10_000);
    writer.join().unwrap();
    assert_eq!(account(&fs::read_to_string(&path).unwrap(), "a | "), ((0..20_000).collect(), 0));

    let (mut near, far) = UnixStream::pair().unwrap();
    let mut rig = rig_to(Faulty::new(Linux), [&far, &far], vec![settings("a", Logging::default())]);
    let reader = thread::spawn(move || {
        let mut text = String::new();
        near.read_to_string(&mut text).unwrap();
        text
    });
    let writer = flood(rig.service(0, 1), 20_000);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    rig.logs.flush(10_000);
    writer.join().unwrap();
    assert!(!fcntl(&far, FcntlArg::F_GETFL).is_ok_and(|flags| flags & OFlag::O_NONBLOCK.bits() != 0));
    drop((rig, far));
    assert_eq!(account(&reader.join().unwrap(), "a | "), ((0..20_000).collect(), 0));
}

#[test]
fn a_stdout_on_disk_gets_what_is_said_of_log_files_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (path, log) = (folder.path().join("stdout"), folder.path().join("log"));
    let file = File::create(&path).unwrap();
    let sys = Faulty::new(Linux);
    sys.fail("append_to", 0, u32::MAX, Errno::EROFS);
    let mut rig = rig_to(sys, [&file, &file], vec![settings("a", with_file(Some(&log)))]);
    let writer = flood(rig.service(0, 1), 1_000);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    writer.join().unwrap();
    assert_eq!(rig.logs.flush(10_000), 0);
    let said = fs::read_to_string(&path).unwrap();
    assert!(said.contains(&format!("1000 lines were dropped from {}", log.display())), "{said}");
}

#[test]
fn the_stdout_that_others_share_keeps_its_mode() {
    let (_reader, stdout) = Linux.pipe(None).unwrap();
    let mut rig = rig_to(Faulty::new(Linux), [&stdout, &stdout], vec![settings("a", Logging::default())]);
    rig.logs.say("hello");
    assert_eq!(fcntl(&stdout, FcntlArg::F_GETFL).unwrap() & OFlag::O_NONBLOCK.bits(), 0);
}

#[test]
fn a_device_that_no_poll_knows_takes_everything() {
    let null = File::options().write(true).open("/dev/null").unwrap();
    let mut rig = rig_to(Faulty::new(Linux), [&null, &null], vec![settings("a", Logging::default())]);
    let writer = flood(rig.service(0, 1), 50_000);
    rig.turn_until(|rig| rig.logs.pipes[0].is_none());
    writer.join().unwrap();
    rig.logs.tick(0);
    assert!(rig.queue().is_empty());
    assert_eq!(rig.logs.deadline(), None);
}

#[test]
fn a_terminal_gets_whole_lines_and_may_stop() {
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut rig = rig_to(Faulty::new(Linux), [&pty.slave, &pty.slave], vec![settings("a", Logging::default())]);
    fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let sent = 50_000;
    let writer = flood(rig.service(0, 1), sent);
    // Nobody reads what the terminal shows.
    while rig.logs.pipes[0].is_some() {
        rig.turn();
    }
    writer.join().unwrap();
    assert!(!rig.queue().is_empty());
    rig.reader = Some(pty.master);
    rig.turn_until(|rig| rig.logs.outlets.container.is_idle());
    rig.read_out();
    rig.out.retain(|byte| *byte != b'\r');
    let (kept, dropped) = account(&rig.text(), "a | ");
    assert!(dropped > 0 && kept.last() == Some(&(sent - 1)));
    assert_eq!(kept.len() as u64 + dropped, sent);
}

#[test]
fn an_output_that_is_closed_costs_nothing_but_its_lines() {
    let sys = Faulty::new(Linux);
    sys.fail("stat_fd", 0, 1, Errno::EBADF);
    let null = File::options().write(true).open("/dev/null").unwrap();
    let mut rig = rig_to(sys, [&null, &null], vec![settings("a", Logging::default())]);
    let writer = flood(rig.service(0, 1), 20_000);
    rig.turn_to_the_end();
    writer.join().unwrap();
    assert_eq!(rig.logs.counters(0).dropped_by_container, 20_000);
    assert_eq!(rig.logs.tail(0, 1).len(), 100);
    assert_eq!((rig.logs.flush(1000), rig.logs.deadline()), (0, None));
}
