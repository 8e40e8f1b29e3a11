//! The surfaces over real sockets, with a pod that stands still.

use super::*;
use crate::machine::{Seen, Verb};
use crate::rpc::{Configured, Log, Obstacle, Outcome, Wish};
use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use podinit_plan::plan::Stream;
use podinit_plan::protocol::{EventKind, ServiceStatus};
use podinit_plan::state::State;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

struct StillPod {
    ready: bool,
    log: String,
}

impl View for StillPod {
    fn status(&self) -> Status {
        let service = ServiceStatus {
            name: "web".to_owned(),
            state: State::Ready,
            essential: true,
            pid: Some(7),
            incarnation: 1,
            restarts: 0,
            since_ms: 5,
            reason: None,
            next_run: None,
            last_exit: None,
            usage: None,
            check: None,
        };
        Status {
            pod: "pod".to_owned(),
            version: "1".to_owned(),
            ready: self.ready,
            stopping: false,
            uptime_ms: 9,
            longest_turn_us: None,
            long_turns: None,
            memory: None,
            alerts: Default::default(),
            services: vec![service],
        }
    }
    fn figures(&self) -> Figures {
        Figures { status: self.status(), services: Vec::new(), started: Duration::ZERO, own: None, nginx: None }
    }
    fn service(&self, name: &str) -> Option<ServiceId> {
        (name == "web").then_some(0)
    }
    fn lines(&self, _: ServiceId, lines: usize) -> String {
        if self.log.is_empty() { "line\n".repeat(lines.min(3)) } else { self.log.clone() }
    }
}

impl rpc::View for StillPod {
    fn identity(&self) -> String {
        "pod".to_owned()
    }
    fn pid(&self) -> i32 {
        1
    }
    fn is_stopping(&self) -> bool {
        false
    }
    fn clocks(&self) -> (Millis, Duration) {
        (9, Duration::from_secs(1_000_000))
    }
    fn local(&self, _: u64) -> [u32; 4] {
        [11, 21, 14, 7]
    }
    fn processes(&self) -> Vec<ServiceId> {
        vec![0]
    }
    fn name(&self, _: ServiceId) -> (String, String) {
        ("web".to_owned(), "web".to_owned())
    }
    fn process(&self, group: &str, name: &str) -> Option<ServiceId> {
        ((group, name) == ("web", "web")).then_some(0)
    }
    fn group(&self, group: &str) -> Option<Vec<ServiceId>> {
        (group == "web").then(|| vec![0])
    }
    fn seen(&self, _: ServiceId) -> Option<Seen> {
        Some(Seen {
            state: if self.ready { State::Ready } else { State::Stopped },
            pid: self.ready.then_some(7),
            incarnation: 1,
            started: Some(5),
            ready_at: None,
            ended: None,
            last_exit: None,
            failed: false,
            spawn_error: None,
        })
    }
    fn obstacle(&self, _: ServiceId) -> Option<Obstacle> {
        None
    }
    fn program(&self, _: ServiceId) -> String {
        "web".to_owned()
    }
    fn log(&self, _: ServiceId, stream: Stream) -> Log {
        match stream {
            Stream::Stdout => {
                Log::Container { path: "/dev/stdout", last: self.log.clone().into_bytes(), total: self.log.len() as u64 }
            }
            Stream::Stderr => Log::None,
        }
    }
    fn log_path(&self, _: ServiceId, _: Stream) -> String {
        "/dev/stdout".to_owned()
    }
    fn own_log(&self) -> Log {
        Log::None
    }
    fn configured(&self) -> Option<Vec<Configured>> {
        None
    }
}

struct Surface {
    control: Control<Faulty<Linux>>,
    poller: Poller<Faulty<Linux>>,
    path: PathBuf,
    _folder: tempfile::TempDir,
    pod: StillPod,
    now: Millis,
    asked: Vec<Asked>,
}

impl Surface {
    fn new(public: bool) -> Surface {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let sys = Faulty::new(Linux);
        let poller = Poller::new(sys.clone()).unwrap();
        let mut control = Control {
            sys,
            poller: poller.clone(),
            listeners: vec![],
            connections: vec![],
            events: Events::default(),
            postponed: vec![],
            last_ticket: 0,
        };
        let door = if public { Door::Public } else { Door::Own };
        control.listen(&Address::Path(path.clone()), 0o600, door).unwrap();
        Surface {
            control,
            poller,
            path,
            _folder: folder,
            pod: StillPod { ready: true, log: String::new() },
            now: 0,
            asked: vec![],
        }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Turns of the loop until nothing is left to be done.
    fn turn(&mut self) {
        let mut tokens = Vec::new();
        for _ in 0..50 {
            if self.control.has_more() {
                self.asked.extend(self.control.tick(self.now, &self.pod));
            }
            self.poller.wait(Some(0), &mut tokens).unwrap();
            for token in &tokens {
                match token {
                    Token::Listener(index) => self.control.accept(*index, self.now),
                    Token::Connection(index) => self.asked.extend(self.control.ready(*index, self.now, &self.pod)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn ask(&mut self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        self.turn();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn open(&self) -> usize {
        self.control.connections.iter().flatten().count()
    }
}

#[test]
fn the_status_is_told_to_a_client_that_only_reads_afterwards() {
    let mut surface = Surface::new(false);
    let answer = surface.ask("GET /v1/status HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(serde_json::from_str::<Status>(body).unwrap(), surface.pod.status());
    assert_eq!(surface.open(), 0);
}

#[test]
fn several_requests_share_a_connection() {
    let mut surface = Surface::new(false);
    let answers = surface.ask("GET /health HTTP/1.1\r\n\r\nGET /nothing HTTP/1.1\r\n\r\nGET /status HTTP/1.1\r\n\r\n");
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{answers}");
}

#[test]
fn an_unready_pod_answers_503() {
    let mut surface = Surface::new(true);
    surface.pod.ready = false;
    let answer = surface.ask("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After") && answer.ends_with("{\"status\":\"unready\"}")
    );
    assert!(surface.ask("GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 404"));
    // Names are for podinit's own socket.
    let detail = surface.ask("GET /readyz?verbose HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(detail.starts_with("HTTP/1.1 503 ") && detail.ends_with("{\"status\":\"unready\"}"), "{detail}");
    let live = surface.ask("GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(live.starts_with("HTTP/1.1 200 ") && live.ends_with("\r\n\r\nok\n"), "{live}");
    let mut surface = Surface::new(false);
    surface.pod.ready = false;
    let detail = surface.ask("GET /readyz?verbose HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(detail.starts_with("HTTP/1.1 503 ") && detail.contains("\"web\":"), "{detail}");
}

#[test]
fn a_request_of_the_machine_is_answered_later() {
    let mut surface = Surface::new(false);
    let mut stream = surface.connect();
    stream.write_all(b"POST /v1/services/web/restart HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    surface.turn();
    assert_eq!(surface.asked, [Asked { ticket: Some(1), wish: Wish::Do(0, Verb::Restart) }]);
    surface.now = 3_600_000;
    surface.control.tick(surface.now, &surface.pod);
    assert_eq!(surface.open(), 1, "it is not idle, it waits");
    surface.control.settled(1, &Outcome::State(Ok(State::Ready)), surface.now, &surface.pod);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("{\"state\":\"ready\"}"), "{answer}");
}

#[test]
fn events_are_sent_from_those_still_kept_on() {
    let mut surface = Surface::new(false);
    let event = |seq| Event { seq, ..Event::new(EventKind::Stopping) };
    surface.control.published(&event(1), 0);
    surface.control.published(&event(2), 0);
    let mut stream = surface.connect();
    stream.write_all(b"GET /v1/events?since=1 HTTP/1.1\r\n\r\n").unwrap();
    surface.turn();
    surface.control.published(&event(3), 0);
    let mut seen = Vec::new();
    while !seen.ends_with(b"\"seq\":3,\"time\":\"\",\"event\":\"stopping\"}\n") {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..count]);
    }
    let text = String::from_utf8(seen).unwrap();
    assert!(text.contains("\"seq\":2") && !text.contains("\"seq\":1,"), "{text}");
    drop(stream);
    surface.turn();
    assert_eq!(surface.open(), 0, "a hang-up is noticed");
}

#[test]
fn a_reader_of_events_that_has_closed_its_side_is_done_when_it_says_so() {
    for (query, open) in [("", 1), ("?linger=0", 0)] {
        let mut surface = Surface::new(false);
        let mut stream = surface.connect();
        stream.write_all(format!("GET /v1/events{query} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        surface.turn();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        surface.turn();
        assert_eq!(surface.open(), open, "{query}");
    }
}

#[test]
fn a_reader_of_events_that_does_not_read_is_dropped() {
    let mut surface = Surface::new(false);
    let mut stream = surface.connect();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\n\r\n").unwrap();
    surface.turn();
    for seq in 1..20_000 {
        let event = Event { seq, time: "x".repeat(100), ..Event::new(EventKind::Warning) };
        surface.control.published(&event, 0);
    }
    assert_eq!(surface.open(), 0);
}

#[test]
fn many_requests_at_once_are_answered_over_several_turns() {
    let mut surface = Surface::new(true);
    let answer = surface.ask(&"GET /health HTTP/1.1\r\n\r\n".repeat(100));
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 100);
}

#[test]
fn idle_and_surplus_connections_are_closed() {
    let mut surface = Surface::new(false);
    let streams: Vec<UnixStream> = (0..40).map(|_| surface.connect()).collect();
    surface.turn();
    assert_eq!(surface.open(), Door::Own.most());
    assert_eq!(surface.control.deadline(), Some(10_000));
    surface.control.tick(9_999, &surface.pod);
    assert_eq!(surface.open(), Door::Own.most());
    surface.control.tick(10_000, &surface.pod);
    assert_eq!(surface.open(), 0);
    drop(streams);
}

#[test]
fn rubbish_is_answered_and_the_connection_closed() {
    let mut surface = Surface::new(false);
    assert!(surface.ask("\u{1}\u{2}rubbish\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(surface.ask(&format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(9_000))).starts_with("HTTP/1.1 431 "));
    assert_eq!(surface.open(), 0);
}

#[test]
fn a_connection_that_a_forked_child_still_has_open_does_not_keep_the_loop_awake() {
    let mut surface = Surface::new(false);
    let client = surface.connect();
    surface.turn();
    // Between fork and exec a child has copies of all descriptors, and a stalled disk may hold it there for long.
    let _of_child = surface.control.connections[0].as_ref().unwrap().fd.try_clone().unwrap();
    drop(client);
    surface.turn();
    assert!(surface.control.connections[0].is_none());
    let mut tokens = Vec::new();
    surface.poller.wait(Some(0), &mut tokens).unwrap();
    assert_eq!(tokens, []);
}

#[test]
fn without_descriptors_connections_wait_and_the_loop_sleeps() {
    let mut surface = Surface::new(false);
    surface.control.sys.fail("accept", 0, 1, Errno::EMFILE);
    let mut client = surface.connect();
    client.write_all(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    surface.turn();
    let mut tokens = Vec::new();
    surface.poller.wait(Some(0), &mut tokens).unwrap();
    assert_eq!(tokens, []);
    surface.now = surface.control.deadline().unwrap();
    assert!(surface.now >= 100);
    surface.control.tick(surface.now, &surface.pod);
    assert_eq!(surface.control.deadline(), None);
    surface.turn();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_request_behind_an_answer_that_did_not_fit_at_once_is_answered_too() {
    let mut surface = Surface::new(false);
    surface.pod.log = "x".repeat(1024 * 1024);
    let mut client = surface.connect();
    client.write_all(b"GET /v1/logs?service=web HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    client.set_nonblocking(true).unwrap();
    let mut answer = Vec::new();
    for _ in 0..1_000 {
        surface.turn();
        if client.read_to_end(&mut answer).is_ok() {
            break;
        }
    }
    assert!(answer.ends_with(b"{\"status\":\"ready\"}"), "{} bytes", answer.len());
}

#[test]
fn listeners_that_may_be_gone_do_not_keep_others_out() {
    let mut surface = Surface::new(false);
    let mut streams: Vec<UnixStream> = (0..Door::Own.most()).map(|_| surface.connect()).collect();
    for stream in &mut streams {
        // As `podinit dial` leaves it behind when whoever ran it by the engine's exec was interrupted.
        stream.write_all(b"GET /v1/events HTTP/1.1\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    surface.turn();
    let mut client = surface.connect();
    client.write_all(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    surface.turn();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let open = surface.control.connections.iter().flatten().count();
    assert_eq!(open, Door::Own.most() - 1, "one had to go, and the new one has gone");
}
