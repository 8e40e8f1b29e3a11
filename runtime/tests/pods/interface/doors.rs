//! Who may come in: servers with and without a password, on sockets and ports.

use super::{ask, call, tcp, unix};
use crate::support::ports::free_port;
use crate::support::{Pod, wait_for};
use podinit::xmlrpc::{Call, Value, base64, encode_call};
use std::os::unix::fs::PermissionsExt;

const NAMES: [&str; 2] = ["open", "closed"];

/// A pod with a socket that everybody may use, and a port with a password.
fn supervisord(ports: [u16; 2]) -> Pod {
    Pod::supervisord(move |folder| {
        format!(
            "[supervisord]\n[unix_http_server]\nfile={0}/s.sock\nchmod=0770\n\
             [inet_http_server:{1}]\nport=127.0.0.1:{3}\n\
             [inet_http_server:{2}]\nport=127.0.0.1:{4}\nusername=ops\npassword={{SHA}}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d\n\
             [program:web]\ncommand=sleep 1000\nstartsecs=0\n",
            folder.display(),
            NAMES[0],
            NAMES[1],
            ports[0],
            ports[1],
        )
    })
}

fn state_call() -> Vec<u8> {
    encode_call(&Call { method: "supervisor.getState".to_owned(), params: Vec::new() })
}

fn stop_call() -> Vec<u8> {
    encode_call(&Call { method: "supervisor.stopProcess".to_owned(), params: vec!["web".into()] })
}

#[test]
fn servers_are_where_the_configuration_has_them_and_ask_for_its_password() {
    let ports = [free_port(), free_port()];
    let pod = supervisord(ports);
    let socket = pod.folder.path().join("s.sock");
    assert_eq!(call(unix(&socket), "getIdentification", &[]), Ok(Value::from("supervisor")));
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o7777, 0o770);
    let warning = pod.client().request("GET", "/v1/status").1;
    assert!(warning.contains("web"), "{warning}");

    let [open, closed] = ports;
    assert_eq!(ask(tcp(open), "POST /RPC2", "Host: 127.0.0.1\r\n", &state_call()).0, 200);
    assert_eq!(ask(tcp(closed), "POST /RPC2", "Host: 127.0.0.1\r\n", &state_call()).0, 401);
    for (word, status) in [("thepassword", 200), ("wrong", 401)] {
        let head = format!("Host: pod.example\r\nAuthorization: Basic {}\r\n", base64::encode(format!("ops:{word}").as_bytes()));
        assert_eq!(ask(tcp(closed), "POST /RPC2", &head, &state_call()).0, status);
        for path in ["GET /", "GET /logtail/web", "GET /v1/status", "GET /mainlogtail"] {
            let (code, _) = ask(tcp(closed), path, "Host: pod.example\r\n", b"");
            assert_eq!(code, 401, "{path} has no password");
        }
    }
    let ended = pod.stop();
    assert!(!socket.exists(), "what podinit made it removes");
    let said = format!("whoever reaches port {open} can start, stop and change everything");
    assert!(ended.output.contains(&said) && !ended.output.contains(&format!("port {closed}")), "{}", ended.output);
}

#[test]
fn pages_from_elsewhere_change_nothing_and_read_nothing() {
    let ports = [free_port(), free_port()];
    let mut pod = supervisord(ports);
    pod.wait_state("web", podinit_plan::state::State::Ready);
    let [open, _] = ports;
    let own = format!("Host: localhost:{open}\r\n");
    let refused = [
        // A form of another site's.
        (format!("{own}Origin: http://evil.example\r\n"), stop_call()),
        (format!("{own}Origin: null\r\nContent-Type: text/plain\r\n"), stop_call()),
        (format!("{own}Sec-Fetch-Site: cross-site\r\n"), stop_call()),
        // A name that leads here since the page was loaded.
        (format!("Host: evil.example:{open}\r\nOrigin: http://evil.example:{open}\r\n"), stop_call()),
        (format!("Host: evil.example:{open}\r\n"), state_call()),
    ];
    for (head, body) in refused {
        assert_eq!(ask(tcp(open), "POST /RPC2", &head, &body).0, 403, "{head}");
        assert_eq!(
            ask(tcp(open), "POST /v1/services/web/stop", &head, b"").0,
            if head.contains("Origin") || head.contains("Sec-") || head.contains("evil") { 403 } else { 200 }
        );
    }
    assert_eq!(ask(tcp(open), "GET /v1/status", &format!("Host: evil.example:{open}\r\n"), b"").0, 403);
    for path in ["GET /v1/services/web/stop", "GET /v1/services/web/clear", "GET /?processname=web&action=stop", "GET /RPC2"] {
        ask(tcp(open), path, &own, b"");
    }
    let status = pod.status();
    assert_eq!((status.services[0].state, status.services[0].incarnation), (podinit_plan::state::State::Ready, 1));
    assert_eq!(ask(tcp(open), "POST /v1/services/web/stop", &format!("{own}Origin: http://localhost:{open}\r\n"), b"").0, 200);
    wait_for("the stop", || (pod.status().services[0].state == podinit_plan::state::State::Stopped).then_some(()));
}
