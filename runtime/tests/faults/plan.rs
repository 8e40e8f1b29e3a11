//! The pod of this test: it uses all that podinit has, and is settled when its last service runs.

use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Lines that `talker` writes in each of its runs.
pub const LINES: u64 = 60;
/// How many log files there are, that of alerts included.
pub const LOG_FILES: usize = 4;
/// The folder's file that says that everything else is ready.
pub const LAST: &str = "last";
/// The folder's file with a line for every run of `talker`.
pub const TALKED: &str = "talked";

/// The plan for a pod with its files in `folder`, and a server on `port`.
pub fn plan(folder: &str, port: u16) -> Value {
    let own = std::env::current_exe().unwrap_or_default();
    let own = own.to_string_lossy();
    let stays = |first: &str| shell(&format!("{first}; exec sleep 1000"));
    let probe = |probe: Value| {
        json!({"probe": probe, "interval_ms": 100_000, "start_interval_ms": 10, "timeout_ms": 30_000, "retries": 1,
            "start_period_ms": 0, "on_failure": ["restart"]})
    };
    let container = |stream: &str, format: &str| json!({"stream": stream, "format": format});
    let file = |name: &str, size: u32, files: u32| json!({"path": format!("{folder}/{name}"), "max_size_bytes": size, "max_files": files, "strip_ansi": size == 50});
    // Every kind of start, of readiness, of output and of end.
    let mut services = Map::new();
    let mut add = |name: &str, own: Value| services.insert(name.to_owned(), with_rules(own));
    add(
        "talker",
        json!({"command": shell(&format!("setsid sleep 1000 & echo run >> {folder}/{TALKED}; i=0; while test $i -lt {LINES}; \
                do i=$((i+1)); echo line $i of a text that is long enough to fill the files of a log before long; done")),
            "kind": "oneshot", "ready": {"alive_ms": 0},
            "logging": {"stdout": {"container": container("stdout", "prefix"), "file": file("logs/talker", 1000, 9)}}}),
    );
    add(
        "flaky",
        json!({"command": shell("echo tried; for i in 1 2 3 4; do echo once more, and again >&2; done; setsid sleep 1000 & test $PODINIT_SERVICE != flaky:1"),
            "kind": "oneshot", "ready": {"alive_ms": 0},
            "logging": {"stdout": {"container": container("stderr", "json")}, "stderr": {"file": file("link", 50, 1)}}}),
    );
    add(
        "crasher",
        json!({"command": stays(&format!("test -e {folder}/crashed || {{ touch {folder}/crashed; setsid sleep 1000 & exit 1; }}; echo up")),
            "pre_start": shell("true"), "post_stop": shell("true"), "ready": {"log": "up"},
            "logging": {"stdout": {"file": file("logs/crasher", 0, 1)}}}),
    );
    add(
        "descriptor",
        json!({"command": stays("echo >&5"), "ready": {"notify_fd": 5}, "signals": {"SIGHUP": "SIGWINCH"},
            "depends_on_addresses": [format!("127.0.0.1:{port}")]}),
    );
    add("datagram", json!({"command": [own, "notify"], "ready": {"notify_socket": {"watchdog_ms": 0}}}));
    add("file", json!({"command": stays(&format!("touch {folder}/ready")), "ready": {"file": format!("{folder}/ready")}}));
    add(
        "exec",
        json!({"command": stays("true"), "ready": "check", "depends_on": ["talker"],
            "healthcheck": probe(json!({"exec": {"command": ["echo", "fine"]}}))}),
    );
    add(
        "http",
        json!({"command": stays("true"), "ready": "check",
            "healthcheck": probe(json!({"http": {"port": port, "get": {"path": "/"}}}))}),
    );
    add("tcp", json!({"command": stays("true"), "ready": "check", "healthcheck": probe(json!({"tcp": {"port": port}}))}));
    // Its requests are answered, or not: there may be no socket.
    let request = r"printf 'POST /v1/services/file/restart HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n'";
    let fresh = r"printf 'GET /v1/status?fresh=1 HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n'";
    let figures = r"printf 'GET /metrics HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n'";
    let value = |value: &str| format!("<param><value>{value}</value></param>");
    let values = [value("crasher"), value("<int>0</int>"), value("<int>9</int>")].concat();
    let body =
        format!("<methodCall><methodName>supervisor.readProcessStdoutLog</methodName><params>{values}</params></methodCall>");
    let head = format!(r"POST /RPC2 HTTP/1.1\r\nHost: pod\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let call = format!("printf '{head}{body}'");
    add(
        "client",
        json!({"command": shell(&format!("timeout 2 {own} healthcheck; {request} | timeout 2 {own} dial; {fresh} | timeout 2 {own} dial; \
                 {call} | timeout 2 {own} dial; {figures} | timeout 2 {own} dial; true")),
            "kind": "oneshot", "ready": {"alive_ms": 0}, "depends_on": ["file"]}),
    );
    // It takes whatever it is told of.
    let takes = r"while read -r line; do head -c ${line##*len:} >/dev/null; printf 'RESULT 2\nOKREADY\n'; done";
    add(
        "listener",
        json!({"command": stays(&format!("echo READY; {takes}")), "ready": {"alive_ms": 0}, "stdin": "pipe",
            "listener": {"pool": "listener", "events": ["PROCESS_STATE", "PROCESS_COMMUNICATION"], "buffer_size": 10}}),
    );
    add(
        "accepts",
        json!({"command": stays("echo '<!--XSUPERVISOR:BEGIN-->up<!--XSUPERVISOR:END-->'"), "ready": {"alive_ms": 0},
            "stdin": {"socket": {"address": format!("unix://{folder}/accepts.sock"), "mode": 448}},
            "logging": {"stdout": {"container": container("stdout", "prefix"), "capture_bytes": 100}}}),
    );
    let others: Vec<String> = services.keys().cloned().collect();
    let command = stays(&format!("touch {folder}/{LAST}"));
    services.insert(LAST.to_owned(), with_rules(json!({"command": command, "ready": {"alive_ms": 0}, "depends_on": others})));
    json!({"version": 1, "name": "faults", "stop_grace_period_ms": 2000, "exit_when_done": false,
        "directories": [{"path": format!("{folder}/made"), "user": "0"}], "public_socket": format!("{folder}/public.sock"),
        "servers": [{"listen": {"unix": {"path": format!("{folder}/server.sock"), "mode": 448}}},
            {"listen": {"tcp": {"host": "localhost", "port": 0}}}],
        "monitor": {"memory": {"interval_ms": 600_000, "warn_percent": 80, "critical_percent": 95, "file": format!("{folder}/memory.json")},
            "health_file": {"path": format!("{folder}/health.json"), "interval_ms": 100_000},
            "disk": {"paths": [folder], "interval_ms": 100_000, "warn_percent": 100},
            "unready_flags": {"folder": format!("{folder}/unready"), "flags": {"http": ["http"]}},
            "metrics": {"host": "localhost", "port": 0}, "nginx": {"port": port, "path": "/"}},
        "alerts": {"repeat_ms": 0, "rate": 1000, "rate_ms": 1000, "queue": format!("{folder}/queue"), "sinks": {
            "file": {"to": {"file": {"path": format!("{folder}/alerts"), "max_size_bytes": 0, "max_files": 1}}, "lines": true, "timeout_ms": 10_000},
            "command": {"to": {"command": {"command": ["sh", "-c", "cat > /dev/null"]}}, "lines": false, "timeout_ms": 10_000}}},
        "services": services})
}

/// What the services have in common; their own keys are stronger. None is essential: the pod goes on without any.
fn with_rules(own: Value) -> Value {
    let mut service = json!({"working_dir": "/", "autostart": "true", "priority": 1, "waits": true, "kind": "service",
        "start_timeout_ms": 60_000, "essential": false, "login_variables": true,
        "stop": {"signal": "SIGTERM", "grace_period_ms": 500, "group": false, "kill_leftovers": true},
        "restart": {"policy": "on_failure", "exit_codes": [0], "expected_before_ready": true, "retries": 5,
            "stable_after_ms": 10000, "backoff": {"first_ms": 10, "max_ms": 10, "growth": "linear", "jitter_percent": 0,
            "immediate_after_ready": true}}});
    if let (Some(service), Value::Object(own)) = (service.as_object_mut(), own) {
        service.extend(own);
    }
    service
}

/// A command line for a shell, in a plan, where a dollar sign is written twice.
fn shell(line: &str) -> Value {
    json!(["sh", "-c", line.replace('$', "$$")])
}

/// Is the service that sends a datagram to say that it is ready, when that is what the arguments ask for.
pub fn be_service(arguments: &[OsString]) -> Option<ExitCode> {
    if arguments.first()? != "notify" {
        return None;
    }
    let name = std::env::var("NOTIFY_SOCKET").unwrap_or_default();
    let address = SocketAddr::from_abstract_name(name.trim_start_matches('@')).ok()?;
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(b"READY=1", &address));
    if sent.is_err() {
        return Some(ExitCode::FAILURE);
    }
    std::thread::sleep(Duration::from_secs(1000));
    Some(ExitCode::SUCCESS)
}

/// Answers whoever asks over HTTP, for all pods; gives the port.
pub fn serve() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // A pod may give its question up.
                let _ = connection.set_read_timeout(Some(Duration::from_secs(1)));
                if connection.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {
                    let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
                }
            });
        }
    });
    Ok(port)
}

/// Lines of a kind in the log files of a service.
pub fn lines_in_files(folder: &Path, name: &str, is_one: impl Fn(&str) -> bool) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = files.filter(|file| file.file_name().to_string_lossy().starts_with(name));
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    texts.map(|text| text.lines().filter(|line| is_one(line)).count() as u64).sum()
}
