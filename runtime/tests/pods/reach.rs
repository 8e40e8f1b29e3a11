//! Addresses outside of the pod that must accept a connection before a service starts.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::plans::{idle, pod};
use crate::support::ports::free_port;
use crate::support::{Pod, Setting, is_root};
use podinit_plan::plan::Service;
use podinit_plan::state::State;
use std::net::{TcpListener, UdpSocket};

fn waits_for(address: String) -> Service {
    Service { depends_on_addresses: vec![address], ..idle() }
}

/// Waits until the service says that it waits, and why.
fn wait_for_reason(pod: &Pod, reason: &str) {
    crate::support::wait_for(reason, || {
        let status = pod.status();
        let service = &status.services[0];
        assert_eq!((service.state, service.incarnation), (State::Waiting, 0));
        service.reason.as_deref().is_some_and(|text| text.contains(reason)).then_some(())
    });
}

#[test]
fn a_service_waits_until_an_address_accepts_and_says_why_it_does_not() {
    let port = free_port();
    let mut pod = Pod::start(|_| pod([("web", waits_for(format!("127.0.0.1:{port}")))]));
    wait_for_reason(&pod, &format!("tcp://127.0.0.1:{port}: connection refused"));
    let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    pod.wait_state("web", State::Ready);
    // Nothing of it is left.
    assert_eq!(pod.processes().len(), 1, "{:?}", pod.processes());
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn names_are_those_of_etc_hosts_without_any_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let before = "echo 127.0.0.1 database.example > \"$1.hosts\" && mount --bind \"$1.hosts\" /etc/hosts &&
        : > \"$1.resolv\" && mount --bind \"$1.resolv\" /etc/resolv.conf"
        .to_owned();
    let user = is_root().then(|| "4711".to_owned());
    let mut web = waits_for(format!("database.example:{port}"));
    web.user = user;
    let mut pod = Pod::start_in(Setting { before, ..Setting::default() }, |_| pod([("web", web)]));
    pod.wait_state("web", State::Ready);
    assert_eq!(pod.stop().code, Some(0));
}

/// Answers every question for a name with 127.0.0.1, and that there is no such name to any other.
fn answer(server: &UdpSocket, name: &[u8]) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = server.recv_from(&mut buffer) {
        let mut reply = buffer[..length].to_vec();
        let is_known = reply[12..].starts_with(name);
        let is_v4 = reply[length - 4..] == [0, 1, 0, 1];
        (reply[2], reply[3]) = (0x81, if is_known { 0x80 } else { 0x83 });
        if is_known && is_v4 {
            reply[7] = 1;
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        server.send_to(&reply, from).unwrap();
    }
}

#[test]
fn names_are_asked_of_the_nameserver_and_searched() {
    if !is_root() {
        eprintln!("ignored: port 53 can be had by root only");
        return;
    }
    let server = UdpSocket::bind("127.53.0.2:53").unwrap();
    std::thread::spawn(move || answer(&server, b"\x08database\x03svc\x07example\0"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let before = "printf 'nameserver 127.53.0.2\nsearch app.example svc.example\n' > \"$1.resolv\" &&
        mount --bind \"$1.resolv\" /etc/resolv.conf"
        .to_owned();
    let setting = || Setting { before: before.clone(), ..Setting::default() };
    let mut web = waits_for(format!("database:{port}"));
    web.user = Some("4711".to_owned());
    let mut pod = Pod::start_in(setting(), |_| self::pod([("web", web)]));
    pod.wait_state("web", State::Ready);
    assert_eq!(pod.stop().code, Some(0));
    let unknown = Pod::start_in(setting(), |_| self::pod([("web", waits_for("nobody:80".to_owned()))]));
    wait_for_reason(&unknown, "tcp://nobody:80: no such name");
    assert_eq!(unknown.stop().code, Some(0));
}

#[test]
fn a_silent_nameserver_holds_nothing_up() {
    if !is_root() {
        eprintln!("ignored: port 53 can be had by root only");
        return;
    }
    let silent = UdpSocket::bind("127.53.0.1:53").unwrap();
    let before = "echo nameserver 127.53.0.1 > \"$1.resolv\" && mount --bind \"$1.resolv\" /etc/resolv.conf".to_owned();
    let web = waits_for("nobody.example:80".to_owned());
    let pod = Pod::start_in(Setting { before, ..Setting::default() }, |_| pod([("web", web)]));
    // The question has come, in the middle of which podinit answers and stops.
    silent.recv(&mut [0; 512]).unwrap();
    assert_eq!(pod.status().services[0].state, State::Waiting);
    let begun = std::time::Instant::now();
    assert_eq!(pod.stop().code, Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(4), "{:?}", begun.elapsed());
}
