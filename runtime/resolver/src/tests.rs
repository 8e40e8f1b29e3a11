//! With a nameserver and listeners of their own.

use super::*;
use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, channel};

/// Answers questions on a port of its own until it is dropped; tells the names that it was asked for.
struct Nameserver {
    port: u16,
    asked: Receiver<String>,
}

/// What the server does with a question for a name and a type: flags and addresses, or nothing.
type Zone = fn(name: &str, kind: u16) -> Option<(u8, Vec<[u8; 4]>)>;

impl Nameserver {
    fn start(zone: Zone) -> Nameserver {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let question = &buffer[..length];
                let (name, kind) = parse(question);
                if tell.send(name.clone()).is_err() {
                    return;
                }
                let Some((code, addresses)) = zone(&name, kind) else { continue };
                let mut reply = question.to_vec();
                (reply[2], reply[3], reply[7]) = (0x81, 0x80 | code, addresses.len() as u8);
                for address in addresses {
                    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                    reply.extend(address);
                }
                // First one that somebody who cannot see the question might send.
                let mut forged = reply.clone();
                forged[0] ^= 0x55;
                let end = forged.len() - 1;
                forged[end] = 99;
                socket.send_to(&forged, from).unwrap();
                socket.send_to(&reply, from).unwrap();
            }
        });
        Nameserver { port, asked }
    }

    fn resolver(&self, options: &str) -> Resolver {
        let mut servers = Servers::parse(&format!("nameserver 127.0.0.1\n{options}"));
        servers.addresses[0].1 = self.port;
        Resolver { hosts: Hosts::new("127.0.0.1 known"), servers }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.try_iter().collect()
    }
}

fn parse(question: &[u8]) -> (String, u16) {
    let (mut at, mut labels) = (12, Vec::new());
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    (labels.join("."), u16::from_be_bytes([question[at + 1], question[at + 2]]))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn names_are_searched_as_the_configuration_says() {
    let server = Nameserver::start(|name, kind| match (name, kind) {
        ("db.svc.test", 1) => Some((0, vec![[127, 0, 0, 7], [127, 0, 0, 8]])),
        ("db.svc.test" | "v6only.test", 28) => Some((0, vec![])),
        _ => Some((3, vec![])),
    });
    let resolver = server.resolver("search app.test svc.test");
    assert_eq!(resolver.resolve("db", soon()), Ok(vec![ip("127.0.0.7"), ip("127.0.0.8")]));
    assert_eq!(server.asked(), ["db.app.test", "db.app.test", "db.svc.test", "db.svc.test"]);
    assert_eq!(resolver.resolve("nobody.test", soon()), Err("no such name".to_owned()));
    assert_eq!(server.asked().len(), 6);
    assert_eq!(resolver.resolve("v6only.test.", soon()), Err("no such name".to_owned()));
    server.asked();
    // These are nothing that a server is asked for.
    assert_eq!(resolver.resolve("known", soon()), Ok(vec![ip("127.0.0.1")]));
    assert_eq!(resolver.resolve("10.1.2.3", soon()), Ok(vec![ip("10.1.2.3")]));
    assert_eq!(resolver.resolve("fe80::1", soon()), Ok(vec![ip("fe80::1")]));
    assert_eq!(resolver.resolve(&"long".repeat(20), soon()), Err("no such name".to_owned()));
    assert_eq!(server.asked(), [] as [&str; 0]);
}

#[test]
fn a_server_that_fails_is_asked_again_and_then_another() {
    let failing = Nameserver::start(|_, _| Some((2, vec![])));
    let good = Nameserver::start(|_, kind| Some((0, if kind == 1 { vec![[10, 0, 0, 1]] } else { vec![] })));
    let mut resolver = failing.resolver("");
    let reason = resolver.resolve("db", soon()).unwrap_err();
    assert_eq!(reason, "the nameserver 127.0.0.1 cannot tell its address");
    assert_eq!(failing.asked().len(), 4);
    resolver.servers.addresses.push((ip("127.0.0.1"), good.port));
    assert_eq!(resolver.resolve("db", soon()), Ok(vec![ip("10.0.0.1")]));
}

#[test]
fn a_silent_server_costs_its_time_and_no_more() {
    let silent = Nameserver::start(|_, _| None);
    let mut resolver = silent.resolver("");
    resolver.servers.timeout = Duration::from_millis(20);
    assert_eq!(resolver.resolve("db", soon()), Err("no nameserver answers".to_owned()));
    assert_eq!(silent.asked().len(), 4);
    // The deadline of the whole is the shorter one.
    resolver.servers.timeout = Duration::from_secs(1_000);
    let begun = Instant::now();
    assert!(resolver.resolve("db", begun + Duration::from_millis(20)).is_err());
    assert!(begun.elapsed() < Duration::from_secs(500));
}

#[test]
fn half_an_answer_is_enough() {
    let server = Nameserver::start(|_, kind| (kind == 1).then(|| (0, vec![[10, 0, 0, 1]])));
    let mut resolver = server.resolver("");
    resolver.servers.timeout = Duration::from_millis(50);
    assert_eq!(resolver.resolve("db", soon()), Ok(vec![ip("10.0.0.1")]));
}
