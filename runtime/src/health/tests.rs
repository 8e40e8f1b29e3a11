//! Probes against real servers and real processes.

use super::*;
use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Runs one command of a shell for every check.
#[derive(Default)]
struct Shell {
    script: &'static str,
    running: Vec<i32>,
    killed: Vec<i32>,
}

impl Launcher for Shell {
    fn launch(&mut self, _: ServiceId, _: Incarnation, output: OwnedFd) -> Result<i32, String> {
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", self.script]).process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|error| error.to_string())?;
        let pid = i32::try_from(child.id()).unwrap();
        self.running.push(pid);
        Ok(pid)
    }

    fn kill(&mut self, leader: i32) {
        self.kill_leftovers(leader);
    }

    fn kill_leftovers(&mut self, leader: i32) {
        self.killed.push(leader);
        let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
    }
}

struct Rig {
    probes: Probes<Faulty<Linux>>,
    poller: Poller<Faulty<Linux>>,
    sys: Faulty<Linux>,
    shell: Shell,
    start: Instant,
}

fn rig() -> Rig {
    let sys = Faulty::new(Linux);
    let poller = Poller::new(sys.clone()).unwrap();
    let probes = Probes::new(sys.clone(), poller.clone(), Token::Probe);
    Rig { probes, poller, sys, shell: Shell::default(), start: Instant::now() }
}

impl Rig {
    fn now(&self) -> Millis {
        self.start.elapsed().as_millis() as Millis
    }

    fn begin(&mut self, incarnation: Incarnation, probe: ResolvedProbe, timeout_ms: u64) {
        let now = self.now();
        self.probes.start((7, incarnation), probe, timeout_ms, now, &mut self.shell);
    }

    fn turn(&mut self) {
        let mut tokens = Vec::new();
        self.poller.wait(Some(10), &mut tokens).unwrap();
        for token in tokens {
            let Token::Probe(index) = token else { panic!("{token:?}") };
            self.probes.ready(index);
        }
        for pid in self.shell.running.clone() {
            let exit = match waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)).unwrap() {
                WaitStatus::Exited(_, code) => Exit::Code(code),
                WaitStatus::Signaled(_, signal, _) => Exit::Signal(signal as i32),
                _ => continue,
            };
            self.shell.running.retain(|running| *running != pid);
            assert!(self.probes.exited(pid, exit, &mut self.shell));
        }
        let now = self.now();
        self.probes.tick(now, &mut self.shell);
    }

    fn turn_until(&mut self, mut done: impl FnMut(&mut Rig) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !done(self) {
            assert!(Instant::now() < end, "waited in vain: {:?}", self.probes);
            self.turn();
        }
    }

    /// The result of the one probe that is under way.
    fn result(&mut self) -> Result<(), String> {
        self.turn_until(|rig| !rig.probes.results.is_empty());
        let mut results = self.probes.take_results();
        assert_eq!(results.len(), 1, "{results:?}");
        results.remove(0).result
    }

    fn http(&mut self, port: u16) -> Result<(), String> {
        self.begin(1, http(port, "/health"), 20_000);
        self.result()
    }

    fn exec(&mut self, script: &'static str, timeout_ms: u64) -> Result<(), String> {
        self.shell.script = script;
        self.begin(1, ResolvedProbe::Exec { owner: None }, timeout_ms);
        self.result()
    }
}

fn http(port: u16, path: &str) -> ResolvedProbe {
    ResolvedProbe::Http { port, get: Rc::new(Get::new(&podinit_plan::plan::Get::new(path))) }
}

/// A server for one connection, and the port it is on.
fn server(serve: impl FnOnce(TcpStream) + Send + 'static) -> (u16, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

/// A server that reads the request, and gives this answer.
fn answering(answer: &'static str) -> u16 {
    let serve = move |mut peer: TcpStream| {
        let mut request = [0; 1000];
        assert!(peer.read(&mut request).unwrap() > 0);
        peer.write_all(answer.as_bytes()).unwrap();
    };
    server(serve).0
}

/// A port that nobody listens on, and that nobody else is given as long as the socket lives.
fn refusing_port() -> (u16, OwnedFd) {
    let socket = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    socket::bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let address: SockaddrIn = socket::getsockname(socket.as_raw_fd()).unwrap();
    (address.port(), socket)
}

#[test]
fn an_answer_of_200_to_399_is_well() {
    for answer in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 204 No Content\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"] {
        assert_eq!(rig().http(answering(answer)), Ok(()), "{answer}");
    }
}

#[test]
fn every_other_answer_is_said_in_words() {
    assert_eq!(rig().http(answering("HTTP/1.1 500 Oops\r\n\r\n")), Err("status 500 from /health".into()));
    assert_eq!(rig().http(answering("HTTP/1.1 404 Not Found\r\n\r\n")), Err("status 404 from /health".into()));
    let port = answering("SSH-2.0-OpenSSH_9\r\n");
    assert_eq!(rig().http(port), Err(format!("the answer of 127.0.0.1:{port} is not HTTP/1.1")));
    let port = answering("HTTP/1.1 20");
    assert_eq!(rig().http(port), Err(format!("127.0.0.1:{port} closed the connection without an answer")));
    let (port, _socket) = refusing_port();
    assert_eq!(rig().http(port), Err(format!("connection refused on 127.0.0.1:{port}")));
}

#[test]
fn a_slow_answer_in_pieces_is_read_and_its_body_does_not_meet_a_reset() {
    let (reached, reset) = (mpsc::channel(), mpsc::channel());
    let (port, server) = server(move |mut peer| {
        for piece in ["H", "TTP/1.", "1 2", "00 OK\r", "\nContent-Length: 40000\r\n\r\n"] {
            peer.set_nodelay(true).unwrap();
            peer.write_all(piece.as_bytes()).unwrap();
            thread::yield_now();
        }
        // The body comes when the check has its result already.
        reached.1.recv().unwrap();
        peer.write_all(&[b'x'; 40_000]).unwrap();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        reset.0.send(peer.read_to_end(&mut Vec::new())).unwrap();
    });
    let mut rig = rig();
    assert_eq!(rig.http(port), Ok(()));
    reached.0.send(()).unwrap();
    rig.turn_until(|rig| rig.probes.slots.iter().all(Option::is_none));
    assert!(reset.1.recv().unwrap().is_ok(), "the server sees an orderly end");
    server.join().unwrap();
    assert_eq!(rig.probes.take_results(), []);
}

#[test]
fn a_server_that_hangs_has_its_time_and_no_more() {
    let (done, wait) = mpsc::channel::<()>();
    let (port, server) = server(move |mut peer| {
        let mut request = [0; 1000];
        let count = peer.read(&mut request).unwrap();
        assert!(request[..count].starts_with(b"GET /health HTTP/1.1\r\nHost: localhost\r\n"));
        let _ = wait.recv();
    });
    let mut rig = rig();
    let probe = http(port, "/health");
    rig.probes.start((7, 1), probe, 5000, 1000, &mut rig.shell);
    assert_eq!(rig.probes.deadline(), Some(6000));
    rig.probes.tick(5999, &mut rig.shell);
    assert_eq!(rig.probes.take_results(), []);
    rig.turn_until(
        |rig| matches!(&rig.probes.slots[0].as_ref().unwrap().work, Work::Connection(c) if c.pending().contains("answer")),
    );
    rig.probes.tick(6000, &mut rig.shell);
    let results = rig.probes.take_results().into_iter().map(|result| (result.service, result.incarnation, result.result));
    assert_eq!(results.collect::<Vec<_>>(), [(7, 1, Err("no answer from /health within 5s".into()))]);
    assert_eq!(rig.probes.deadline(), None);
    drop(done);
    server.join().unwrap();
}

#[test]
fn a_port_that_accepts_is_well() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut rig = rig();
    rig.begin(1, ResolvedProbe::Tcp { port }, 20_000);
    assert_eq!(rig.result(), Ok(()));
    let (port, _socket) = refusing_port();
    rig.begin(1, ResolvedProbe::Tcp { port }, 20_000);
    assert_eq!(rig.result(), Err(format!("connection refused on 127.0.0.1:{port}")));
}

#[test]
fn a_service_on_the_sixth_version_only_is_found() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut peer, _) = listener.accept().unwrap();
            // The first connection wants no answer.
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let _ = peer.read_to_end(&mut Vec::new());
        }
    });
    let mut rig = rig();
    rig.begin(1, ResolvedProbe::Tcp { port }, 20_000);
    assert_eq!(rig.result(), Ok(()));
    assert_eq!(rig.http(port), Ok(()));
    drop(rig);
    server.join().unwrap();
}

#[test]
fn no_check_ever_connects_to_itself() {
    // The kernel goes through the even half of the local ports for outgoing connections, and so comes by this one.
    let mut ports = std::iter::repeat_with(|| refusing_port().0 & !1);
    let port = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    let mut rig = rig();
    for _ in 0..15_000 {
        rig.begin(1, ResolvedProbe::Tcp { port }, 20_000);
        assert_eq!(rig.result(), Err(format!("connection refused on 127.0.0.1:{port}")));
    }
}

#[test]
fn a_command_is_well_when_it_ends_with_0() {
    assert_eq!(rig().exec("echo fine", 20_000), Ok(()));
    assert_eq!(rig().exec("echo first; echo no database >&2; exit 3", 20_000), Err("exit code 3: no database".into()));
    assert_eq!(rig().exec("kill -9 $$", 20_000), Err("SIGKILL".into()));
    // More output than any pipe holds does not stop it.
    assert_eq!(rig().exec("head -c 3000000 /dev/zero; exit 0", 20_000), Ok(()));
}

#[test]
fn a_command_that_hangs_is_killed_with_all_of_its_group() {
    let mut rig = rig();
    assert_eq!(rig.exec("sleep 1000 & sleep 1000", 200), Err("not done within 200ms".into()));
    let pid = rig.shell.killed[0];
    // Until its end is reported, the next check must wait: there is one at a time.
    assert_eq!(rig.exec("true", 20_000), Err("the check before it was killed and has not ended yet".into()));
    rig.turn_until(|rig| rig.shell.running.is_empty());
    // The group is empty once its last member, the second sleep, was reaped by init.
    rig.turn_until(|_| killpg(Pid::from_raw(pid), None) == Err(Errno::ESRCH));
    assert_eq!(rig.exec("true", 20_000), Ok(()));
}

#[test]
fn a_command_that_leaves_something_behind_is_done_and_cleaned_up() {
    let mut rig = rig();
    assert_eq!(rig.exec("sleep 1000 & echo done", 20_000), Ok(()));
    let pid = rig.shell.killed[0];
    rig.turn_until(|_| killpg(Pid::from_raw(pid), None) == Err(Errno::ESRCH));
}

#[test]
fn what_is_cancelled_has_no_result() {
    let mut rig = rig();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    rig.begin(1, http(port, "/"), 20_000);
    let (refusing, _socket) = refusing_port();
    rig.begin(2, ResolvedProbe::Tcp { port: refusing }, 20_000);
    rig.shell.script = "sleep 1000";
    rig.begin(1, ResolvedProbe::Exec { owner: None }, 20_000);
    rig.probes.cancel(7, 1, &mut rig.shell);
    assert!(rig.result().is_err(), "the other incarnation's is still there");
    rig.turn_until(|rig| rig.shell.running.is_empty() && rig.probes.slots.iter().all(Option::is_none));
    assert_eq!(rig.probes.take_results(), []);
    assert!(!rig.probes.exited(1, Exit::Code(0), &mut rig.shell), "a stranger");
}

#[test]
fn any_call_may_fail_and_there_is_a_result_all_the_same() {
    for call in ["connect", "connected", "send", "receive", "epoll_add", "epoll_modify", "pipe", "read"] {
        let mut rig = rig();
        rig.sys.fail(call, 0, 1, Errno::ENOMEM);
        let _ = rig.http(answering("HTTP/1.1 200 OK\r\n\r\n"));
        let _ = rig.exec("echo text", 20_000);
        rig.turn_until(|rig| rig.probes.slots.iter().all(Option::is_none));
        assert_eq!(rig.http(answering("HTTP/1.1 200 OK\r\n\r\n")), Ok(()), "{call}");
        rig.turn_until(|rig| rig.probes.slots.iter().all(Option::is_none));
        assert_eq!(rig.exec("true", 20_000), Ok(()), "{call}");
    }
}

#[test]
fn a_connection_that_a_forked_child_still_has_open_does_not_keep_the_loop_awake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut rig = rig();
    rig.begin(1, ResolvedProbe::Tcp { port }, 20_000);
    let Some(Some(Probe { work: Work::Connection(connection), .. })) = rig.probes.slots.first() else { panic!() };
    // Between fork and exec a child has copies of all descriptors, and a stalled disk may hold it there for long.
    let _of_child = connection.fd.try_clone().unwrap();
    assert_eq!(rig.result(), Ok(()));
    let mut tokens = Vec::new();
    rig.poller.wait(Some(0), &mut tokens).unwrap();
    assert_eq!(tokens, []);
}

#[test]
fn a_result_that_is_there_at_once_is_told() {
    let mut rig = rig();
    assert!(!rig.probes.has_results());
    rig.sys.fail("pipe", 0, 1, Errno::EMFILE);
    rig.begin(1, ResolvedProbe::Exec { owner: None }, 20_000);
    assert!(rig.probes.has_results());
    assert!(rig.result().is_err());
    assert!(!rig.probes.has_results());
}
