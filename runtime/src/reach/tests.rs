//! With listeners of their own.

use super::*;
use podinit_resolver::{Hosts, Servers};
use std::net::TcpListener;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_first_address_that_accepts_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Nobody listens on the first.
    assert_eq!(connect(&[ip("127.0.0.9"), ip("127.0.0.1")], port, soon()), Ok(()));
    assert_eq!(connect(&[ip("127.0.0.9")], port, soon()), Err("connection refused".to_owned()));
    let resolver = Resolver { hosts: Hosts::new("127.0.0.1 known"), servers: Servers::parse("nameserver 127.0.0.9") };
    let address = |host: &str| Address { host: host.to_owned(), port };
    assert_eq!(reach(&resolver, &address("known")), Ok(()));
    assert_eq!(reach(&resolver, &address(&"nobody".repeat(20))), Err("no such name".to_owned()));
    assert_eq!(run(&[format!("127.0.0.9:{port}")]), Err(format!("tcp://127.0.0.9:{port}: connection refused")));
}
