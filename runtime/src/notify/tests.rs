use super::*;
use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use podinit_plan::plan::{Command, Plan, Service, VERSION};
use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

type Kernel = Faulty<Linux>;

fn ears(ready: Ready) -> (Kernel, Notify<Kernel>) {
    let service = Service { ready, ..Service::new(Command::Line(String::new())) };
    let plan = Plan {
        version: VERSION,
        name: "pod".to_owned(),
        stop_grace_period_ms: 0,
        exit_when_done: true,
        environment: BTreeMap::new(),
        directories: Vec::new(),
        files: Vec::new(),
        public_socket: None,
        servers: Vec::new(),
        monitor: Default::default(),
        alerts: None,
        services: BTreeMap::from([("web".to_owned(), service)]),
    };
    let sys = Faulty::new(Linux);
    let poller = Poller::new(sys.clone()).unwrap();
    (sys.clone(), Notify::new(sys, poller, &plan, |_| None))
}

fn send(voice: &Voice, text: &str) -> io::Result<usize> {
    let name = voice.variables[0].1.as_deref().unwrap().strip_prefix('@').unwrap();
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(text.as_bytes(), &SocketAddr::from_abstract_name(name)?)
}

#[test]
fn a_newline_counts_once_and_an_end_without_one_does_not() {
    let (_, mut ears) = ears(Ready::NotifyFd(5));
    let (write, number) = ears.open(0, 1, 0).unwrap().descriptor.unwrap();
    assert_eq!(number, 5);
    for (bytes, want) in [("3", vec![]), ("4\n5", vec![(0, 1, Notice::Ready)]), ("\n", vec![])] {
        nix::unistd::write(&write, bytes.as_bytes()).unwrap();
        ears.readable(0, 0);
        assert_eq!(ears.take(), want, "{bytes:?}");
    }
    let (write, _) = ears.open(0, 2, 0).unwrap().descriptor.unwrap();
    nix::unistd::write(&write, b"no").unwrap();
    drop(write);
    ears.readable(0, 0);
    ears.ended(0);
    assert_eq!(ears.take(), vec![]);
}

#[test]
fn what_a_leader_said_last_is_heard_and_its_leftovers_are_not() {
    let (_, mut ears) = ears(Ready::NotifySocket { watchdog_ms: 1_500 });
    let first = ears.open(0, 1, 0).unwrap();
    assert_eq!(first.variables[1], ("WATCHDOG_USEC", Some("1500000".to_owned())));
    send(&first, "READY=1\nSTOPPING=1").unwrap();
    ears.ended(0);
    assert_eq!(ears.take(), vec![(0, 1, Notice::Ready), (0, 1, Notice::Stopping)]);
    let second = ears.open(0, 2, 0).unwrap();
    assert_eq!(send(&first, "READY=1").unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    send(&second, "WATCHDOG=1").unwrap();
    ears.readable(0, 0);
    assert_eq!(ears.take(), vec![(0, 2, Notice::Alive)]);
}

#[test]
fn a_flood_is_read_in_bounded_turns_and_adds_up_to_little() {
    let (_, mut ears) = ears(Ready::NotifySocket { watchdog_ms: 0 });
    let voice = ears.open(0, 1, 0).unwrap();
    let mut sent = 0;
    while send(&voice, &format!("WATCHDOG=1\nSTATUS={}", "x".repeat(3_000))).is_ok() {
        sent += 1;
        assert!(sent < 100_000, "the kernel takes any number of datagrams");
    }
    ears.readable(0, 0);
    assert_eq!(ears.take(), vec![(0, 1, Notice::Alive)]);
}

#[test]
fn a_file_counts_when_what_an_earlier_start_left_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready");
    std::fs::write(&path, "").unwrap();
    let (_, mut ears) = ears(Ready::File(path.display().to_string()));
    ears.open(0, 1, 0).unwrap();
    let mut now = 0;
    for _ in 0..10 {
        now = ears.deadline().unwrap();
        ears.tick(now, |_| false);
    }
    assert_eq!((ears.take(), ears.deadline()), (vec![], Some(now + LOOK_EVERY)));
    ears.tick(now + LOOK_EVERY, |_| true);
    // Nothing is looked for any more.
    assert_eq!((ears.take(), ears.deadline()), (vec![(0, 1, Notice::Ready)], None));
}

#[test]
fn what_cannot_be_made_is_an_error_and_leaves_nothing() {
    for (ready, call) in [
        (Ready::NotifyFd(3), "pipe"),
        (Ready::NotifyFd(3), "epoll_add"),
        (Ready::NotifySocket { watchdog_ms: 0 }, "datagram_socket"),
    ] {
        let (sys, mut ears) = ears(ready);
        sys.fail(call, 0, 1, Errno::EMFILE);
        assert_eq!(ears.open(0, 1, 0).unwrap_err().raw_os_error(), Some(libc::EMFILE), "{call}");
        assert!(ears.services[0].open.is_none());
        assert!(ears.open(0, 1, 0).is_ok());
    }
}

#[test]
fn a_socket_that_cannot_be_read_rests_and_is_heard_again() {
    let (sys, mut ears) = ears(Ready::NotifySocket { watchdog_ms: 0 });
    let voice = ears.open(0, 1, 0).unwrap();
    send(&voice, "READY=1").unwrap();
    let mut tokens = Vec::new();
    sys.fail("next_datagram", 0, 2, Errno::ENOMEM);
    for (now, until) in [(5, 105), (105, 205)] {
        ears.tick(now, |_| true);
        ears.poller.wait(Some(0), &mut tokens).unwrap();
        assert_eq!(tokens, [Token::Notify(0)]);
        ears.readable(0, now);
        assert_eq!(ears.deadline(), Some(until));
        ears.poller.wait(Some(0), &mut tokens).unwrap();
        assert!(tokens.is_empty(), "it would wake the loop for ever");
    }
    ears.tick(205, |_| true);
    ears.poller.wait(Some(0), &mut tokens).unwrap();
    assert_eq!((&tokens[..], ears.deadline()), (&[Token::Notify(0)][..], None));
    ears.readable(0, 205);
    assert_eq!(ears.take(), [(0, 1, Notice::Ready)]);
}
