//! What becomes of an attempt: by the answer, in the time it has, without a word of what is secret.

use crate::certificates::{ca, other_ca};
use crate::deliveries::{PATIENCE, attempt, attempt_with, deliver, delivery, ended, file, http, text};
use crate::receiver::{Answer, Receiver, answer};
use podinit_plan::alert::{REFUSED, TRY_AGAIN};
use podinit_plan::plan::Target;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

/// A body that no test looks at.
const BODY: &str = "{}";

fn to(receiver: &Receiver) -> Target {
    Target::Http(http(&receiver.url("/hook"), BODY, Some(&ca())))
}

pub fn an_answer_decides_whether_it_is_tried_again() {
    for status in ["200 OK", "202 Accepted", "204 No Content"] {
        deliver(to(&Receiver::https(answer(status, ""))), &ended(), PATIENCE).expect_delivered();
    }
    for (status, code) in [
        ("408 Request Timeout", TRY_AGAIN),
        ("425 Too Early", TRY_AGAIN),
        ("429 Too Many Requests", TRY_AGAIN),
        ("500 Internal Server Error", TRY_AGAIN),
        ("503 Service Unavailable", TRY_AGAIN),
        ("400 Bad Request", REFUSED),
        ("404 Not Found", REFUSED),
        ("410 Gone", REFUSED),
    ] {
        let receiver = Receiver::https(answer(status, "channel\n\tis_archived"));
        deliver(to(&receiver), &ended(), PATIENCE).expect(code, &format!("localhost answered {status}: channel is_archived"));
        receiver.request();
    }
    let busy = Answer::Bytes("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n".to_owned());
    deliver(to(&Receiver::https(busy)), &ended(), PATIENCE).expect(TRY_AGAIN, "429 Too Many Requests, Retry-After 30");

    // The keys stay with whom they are for.
    let other = Receiver::https(answer("200 OK", ""));
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let moved = format!("HTTP/1.1 {status}\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", other.url("/"));
        let moved = Receiver::https(Answer::Bytes(moved));
        deliver(to(&moved), &ended(), PATIENCE).expect(REFUSED, "a redirect, which is not followed");
    }
    assert_eq!(other.requests().len(), 0);
    let long = answer("400 Bad Request", &"0123456789".repeat(20_000));
    let outcome = deliver(to(&Receiver::https(long)), &ended(), PATIENCE);
    outcome.expect(REFUSED, &format!("400 Bad Request: {}…", "0123456789".repeat(20)));
}

pub fn a_slow_server_costs_the_time_limit_and_no_more() {
    // The backlog takes the connection; nobody speaks.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute_port = mute.local_addr().unwrap().port();
    let drip = "HTTP/1.1 200 OK\r\nX-Long: 0123456789012345678901234567890123456789\r\nContent-Length: 0\r\n\r\n";
    let targets = [
        to(&Receiver::https(Answer::Silence)),
        to(&Receiver::https(Answer::Slowly(drip.to_owned()))),
        Target::Http(http(&format!("https://localhost:{mute_port}/"), BODY, Some(&ca()))),
        Target::Http(http(&format!("http://localhost:{mute_port}/"), BODY, None)),
        Target::Smtp(crate::deliveries::smtp(&format!("smtp://localhost:{mute_port}"), None)),
        Target::Smtp(crate::deliveries::smtp(&format!("smtps://localhost:{mute_port}"), Some(&ca()))),
    ];
    for target in targets {
        let outcome = deliver(target.clone(), &ended(), 1_500);
        assert_eq!(outcome.code, Some(TRY_AGAIN), "{target:?}: {outcome:?}");
        assert!(outcome.took < Duration::from_millis(4_500), "{target:?}: {outcome:?}");
    }
    // What is known of an answer counts, however slow the rest of it is.
    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n".to_owned();
    deliver(to(&Receiver::https(Answer::Bytes(refusal))), &ended(), PATIENCE).expect(REFUSED, "400 Bad Request");
}

pub fn those_who_are_away_or_hang_up_are_tried_again() {
    let port = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() };
    for scheme in ["http", "https"] {
        let target = http(&format!("{scheme}://127.0.0.1:{port}/"), BODY, None);
        deliver(Target::Http(target), &ended(), PATIENCE).expect(TRY_AGAIN, "127.0.0.1: connection refused");
    }
    let target = crate::deliveries::smtp(&format!("smtp://127.0.0.1:{port}"), None);
    deliver(Target::Smtp(target), &ended(), PATIENCE).expect(TRY_AGAIN, "127.0.0.1: ");
    for receiver in [
        Receiver::http(Answer::HangUp),
        Receiver::https(Answer::HangUp),
        Receiver::http(Answer::Bytes(String::new())),
        Receiver::https(Answer::Bytes("HTTP/1.1 200 O".to_owned())),
    ] {
        deliver(to(&receiver), &ended(), PATIENCE).expect(TRY_AGAIN, "localhost: ");
    }
}

pub fn nobody_who_is_not_trusted_gets_a_word() {
    let receiver = Receiver::https(answer("200 OK", ""));
    for (url, ca) in [
        (receiver.url("/"), None),
        (receiver.url("/"), Some(other_ca())),
        // The certificate is another's.
        (format!("https://127.0.0.1:{}/", receiver.port), Some(ca())),
    ] {
        let outcome = deliver(Target::Http(http(&url, BODY, ca.as_deref())), &ended(), PATIENCE);
        outcome.expect(TRY_AGAIN, "certificate");
    }
    assert_eq!(receiver.requests().len(), 0);
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("ca.pem");
    deliver(Target::Http(http(&receiver.url("/"), BODY, Some(&empty))), &ended(), PATIENCE).expect(TRY_AGAIN, "cannot read ");
    std::fs::write(&empty, "no certificate").unwrap();
    deliver(Target::Http(http(&receiver.url("/"), BODY, Some(&empty))), &ended(), PATIENCE)
        .expect(REFUSED, "holds no certificate");
}

pub fn a_proxy_is_asked_only_when_a_variable_names_one() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://localhost:{}", proxy.local_addr().unwrap().port());
    let asked = std::thread::spawn(move || {
        let mut stream = BufReader::new(proxy.accept().unwrap().0);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        stream.get_mut().write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").unwrap();
        head
    });
    let receiver = Receiver::https(answer("200 OK", ""));
    let delivery = delivery(to(&receiver), &ended(), PATIENCE);
    attempt_with(&delivery, &[("HTTPS_PROXY", &address), ("NO_PROXY", "localhost")]).expect_delivered();
    receiver.request();
    attempt_with(&delivery, &[("HTTPS_PROXY", &address)]).expect(TRY_AGAIN, "502");
    assert_eq!(asked.join().unwrap()[0], format!("CONNECT localhost:{} HTTP/1.1", receiver.port));
    assert_eq!(receiver.requests().len(), 0);
}

pub fn no_secret_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "key-in-a-file\n").unwrap();
    let echo = "no /services/T000/B000/sekrit-path?token=sekrit-query for key-in-a-file and Bearer sekrit-header";
    let receiver = Receiver::https(answer("403 Forbidden", echo));
    let mut target = http(&receiver.url("/services/T000/B000/sekrit-path?token=sekrit-query"), BODY, Some(&ca()));
    target.values.insert("key".into(), file(&key));
    target.headers.insert("Authorization".into(), text("Bearer sekrit-header"));
    let outcome = deliver(Target::Http(target.clone()), &ended(), PATIENCE);
    outcome.expect(REFUSED, "localhost answered 403 Forbidden: no *** for *** and ***");
    assert_eq!(receiver.request().headers["authorization"], "Bearer sekrit-header");

    let receiver = Receiver::http(answer("401 Unauthorized", "not bob with sekrit-password"));
    let url = receiver.url("/").replace("localhost", "bob:sekrit-password@localhost");
    deliver(Target::Http(http(&url, BODY, None)), &ended(), PATIENCE).expect(REFUSED, "Unauthorized: not bob with ***");
    assert_eq!(receiver.request().headers["authorization"], "Basic Ym9iOnNla3JpdC1wYXNzd29yZA==");

    for (change, code) in [
        ("https://localhost:1/sekrit-path", TRY_AGAIN),
        ("ftp://localhost/sekrit-path", REFUSED),
        ("https://local host/sekrit-path", REFUSED),
        ("sekrit-path", REFUSED),
        ("https://sekrit-user:sekrit-password@localhost:1/", TRY_AGAIN),
    ] {
        let outcome = deliver(Target::Http(http(change, BODY, None)), &ended(), PATIENCE);
        outcome.expect(code, "");
        assert!(!outcome.problem.contains("sekrit"), "{change}: {outcome:?}");
    }
    for server in ["smtp://me:sekrit@localhost:1", "smtp://sekrit@", "sekrit"] {
        let outcome = deliver(Target::Smtp(crate::deliveries::smtp(server, None)), &ended(), PATIENCE);
        assert!(!outcome.problem.contains("sekrit") && outcome.code != Some(0), "{server}: {outcome:?}");
    }
    target.headers.insert("Authorization".into(), text("sekrit\r\nX: y"));
    let outcome = deliver(Target::Http(target), &ended(), PATIENCE);
    outcome.expect(REFUSED, "the header Authorization has characters that none may have");
    let outcome = attempt(br#"{"to":{"http":{"method":"sekrit","url":17}}}"#);
    outcome.expect(REFUSED, "stdin holds no delivery");
    assert!(!outcome.problem.contains("sekrit"), "{outcome:?}");
}

pub fn what_is_wrong_with_a_delivery_is_said() {
    let receiver = Receiver::http(answer("200 OK", ""));
    let broken = http(&receiver.url("/"), "{{ alert.summary }} {{ alert.sumary }}", None);
    deliver(Target::Http(broken), &ended(), PATIENCE).expect(REFUSED, "the template is wrong: undefined value");
    let absent = std::path::Path::new("/nowhere/key");
    let mut keyless = http(&receiver.url("/"), BODY, None);
    keyless.values.insert("key".into(), file(absent));
    deliver(Target::Http(keyless), &ended(), PATIENCE).expect(TRY_AGAIN, "cannot read /nowhere/key: ");
    let own = Target::File { path: "/x".into(), max_size_bytes: 0, max_files: 1 };
    deliver(own, &ended(), PATIENCE).expect(REFUSED, "podinit delivers to files and commands itself");
    assert_eq!(receiver.requests().len(), 0);
    attempt(b"").expect(REFUSED, "stdin holds no delivery");
    attempt(&vec![b' '; 1024 * 1024 + 1]).expect(REFUSED, "larger than 1 MB");
}
