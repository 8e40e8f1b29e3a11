//! nginx with the rendered configuration, as a user without rights where possible, before real services.

use crate::http::{Answer, Echo, answer_on_socket, echoed, exchange, get, read_head, request};
use crate::nginx::{Case, Nginx, trial};
use crate::ports::free_port;
use crate::tools;
use libtest_mimic::Trial;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    let nginx = tools::find("NGINX", "nginx");
    let cases: [Case; 13] = [
        ("each path goes to its service", routing),
        ("a service that is down is a 503, others stay", unavailable),
        ("a service that listens and is not ready is not asked, in whatever protocol", not_ready),
        ("beyond its rate a client gets 429", rate_limit),
        ("a request has one id everywhere", request_ids),
        ("a websocket passes", websocket),
        ("a body beyond the limit is a 413", body_limit),
        ("what a client says of itself is replaced", forwarded_headers),
        ("security headers are on every answer, a service's own stand", security_headers),
        ("requests go to every replica, and past one that is down", replicas),
        ("a restarted service is found on kept connections", restart),
        ("a service that hangs up is never a raw 502", hang_up),
        ("podinit answers for the pod, nginx for itself", own_paths),
    ];
    let trial = |case| trial(case, nginx.as_deref());
    cases.into_iter().map(trial).collect()
}

/// What the service was asked for.
fn request_line(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.lines().next().unwrap_or_default()
}

pub fn assert_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.header("Content-Type")), (status, "application/json"), "{}", answer.body);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&body["error"], &body["status"]), (&error.into(), &status.into()));
    assert_eq!(body["request_id"], answer.header("X-Request-Id"));
}

fn routing(nginx: &Path) {
    let (api, other) = (Echo::start(0), Echo::start(0));
    let api_service = format!(
        r"port: {}, route: [/api, {{ path: /strip.me, strip_prefix: true }}, {{ path: = /once, strip_prefix: true }}, '~ ^/v\d{{1,2}}/(a|b)$']",
        api.port
    );
    let other_service = format!("port: {}, route: [/api/inner, = /api/exact]", other.port);
    let nginx = Nginx::start(nginx, &[&api_service, &other_service]);
    for (path, want) in [
        ("/api", "/api"),
        ("/api/", "/api/"),
        ("/api/x/y?q=1&r=%20", "/api/x/y?q=1&r=%20"),
        ("/api/inner/z", "/api/inner/z"),
        ("/strip.me", "/"),
        ("/strip.me?q=1", "/?q=1"),
        ("/strip.me/a%20b/c?q=1", "/a%20b/c?q=1"),
        ("/strip.me/a%0Ab", "/a%0Ab"),
        ("/once", "/"),
        ("/v12/a", "/v12/a"),
    ] {
        assert_eq!(request_line(&nginx.get(path)), format!("GET {want} HTTP/1.1"), "{path}");
    }
    for path in ["/", "/apix", "/stripXme", "/strip.mex", "/once/more", "/v123/a", "/v1/c"] {
        assert_error(&nginx.get(path), 404, "not_found");
    }
    api.stop();
    assert_eq!(nginx.get("/api/exact").status, 200);
    assert_eq!(nginx.get("/api/inner").status, 200);
    assert_eq!(nginx.get("/api").status, 503);
}

fn unavailable(nginx: &Path) {
    let up = Echo::start(0);
    let nginx =
        Nginx::start(nginx, &[&format!("port: {}, route: /up", up.port), &format!("port: {}, route: /down", free_port())]);
    let answer = nginx.get("/down/x");
    assert_error(&answer, 503, "unavailable");
    assert!(answer.header("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(answer.header("Cache-Control"), "no-store");
    assert_error(&request(nginx.port, "POST", "/down", &[], "body"), 503, "unavailable");

    let browser = get(nginx.port, "/down", &["Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"]);
    assert_eq!((browser.status, browser.header("Content-Type")), (503, "text/html"));
    assert!(browser.body.starts_with("<!doctype html>"), "{}", browser.body);
    assert!(!browser.header("Retry-After").is_empty());

    assert_eq!(nginx.get("/up").status, 200);
}

/// podinit keeps a file for each service that is not ready; the tests do it here.
fn not_ready(nginx: &Path) {
    let services: Vec<Echo> = (0..5).map(|_| Echo::start(0)).collect();
    let keys =
        ["route: /a", "protocol: fastcgi, route: /b", "protocol: uwsgi, route: /c", "route: { path: /d, allow: [127.0.0.1] }"];
    let keys = keys.into_iter().chain(["route: { path: /e, strip_prefix: true, cors: '*' }"]);
    let keys: Vec<String> = services.iter().zip(keys).map(|(service, keys)| format!("port: {}, {keys}", service.port)).collect();
    let nginx = Nginx::start(nginx, &keys.iter().map(String::as_str).collect::<Vec<_>>());
    std::fs::create_dir(nginx.path("unready")).expect("a folder");
    let flags: Vec<_> = (0..5).map(|index| nginx.path(&format!("unready/s{index}"))).collect();
    flags.iter().for_each(|flag| std::fs::write(flag, "").expect("a file"));
    for path in ["/a", "/a/x?y=z", "/b", "/c/x", "/d/x", "/e/x"] {
        let answer = nginx.get(path);
        assert_error(&answer, 503, "unavailable");
        assert_eq!((answer.header("Retry-After"), answer.header("Cache-Control")), ("2", "no-store"), "{path}");
    }
    assert_error(&request(nginx.port, "POST", "/a", &[], "body"), 503, "unavailable");
    assert!(get(nginx.port, "/a", &["Accept: text/html"]).body.starts_with("<!doctype html>"));
    assert_eq!(nginx.get("/health").status, 503, "podinit is not there, and has no flag");
    // The file is gone: the same nginx asks at once.
    for (flag, path) in [(&flags[0], "/a"), (&flags[4], "/e")] {
        std::fs::remove_file(flag).expect("its own file");
        assert_eq!(nginx.get(path).status, 200, "{path}");
    }
    assert_error(&nginx.get("/b"), 503, "unavailable");
    if let Some(stream) = from_outside(nginx.port) {
        assert_error(&exchange(stream, "GET", "/d/x", &[], ""), 403, "forbidden");
    }
    std::fs::remove_file(&flags[3]).expect("its own file");
    assert_eq!(request_line(&nginx.get("/d/x?y=z")), "GET /d/x?y=z HTTP/1.1");
    let asked: Vec<usize> = services.into_iter().map(Echo::stop).collect();
    assert_eq!(asked, [1, 0, 0, 1, 1], "connections to each");
}

fn rate_limit(nginx: &Path) {
    let service = Echo::start(0);
    let routes = "[{ path: /slow, rate: 1r/m, burst: 2 }, { path: /slower, rate: 1r/m, burst: 0 }, /free]";
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: {routes}", service.port)]);
    // The foot and what is below it are one route and count together.
    for path in ["/slow", "/slow/a", "/slow/b"] {
        assert_eq!(nginx.get(path).status, 200);
    }
    let answer = nginx.get("/slow/c");
    assert_error(&answer, 429, "rate_limited");
    assert!(answer.header("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(nginx.get("/slower").status, 200);
    assert_eq!(nginx.get("/slower").status, 429);
    assert_eq!(nginx.get("/free").status, 200);
}

fn request_ids(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: /", service.port)]);
    let kept = get(nginx.port, "/a?token=hidden", &["X-Request-Id: client-id.1"]);
    assert_eq!((kept.header("X-Request-Id"), echoed(&kept.body, "X-Request-Id")), ("client-id.1", "client-id.1"));
    let own = get(nginx.port, "/own-headers", &["X-Request-Id: client-id.2"]);
    assert_eq!(own.header("X-Request-Id"), "client-id.2");
    for bad in ["short", "has blanks in it", "quote\"quote\"", &"x".repeat(129)] {
        let answer = get(nginx.port, "/", &[&format!("X-Request-Id: {bad}")]);
        let id = answer.header("X-Request-Id");
        assert_eq!((id.len(), echoed(&answer.body, "X-Request-Id")), (32, id), "{bad}");
    }
    let log = nginx.stop();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let line = lines.iter().find(|line| line["request_id"] == "client-id.1").expect("the request is logged");
    assert_eq!((&line["path"], &line["status"]), (&"/a".into(), &200.into()));
    assert!(!log.contains("hidden"), "a query string may carry a token");
}

fn websocket(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: /ws", service.port)]);
    let mut stream = TcpStream::connect(("127.0.0.1", nginx.port)).expect("nginx accepts");
    stream.write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").expect("sent");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    assert_eq!(read_head(&mut reader).expect("an answer")[0], "HTTP/1.1 101 Switching Protocols");
    for message in ["there", "and back"] {
        stream.write_all(message.as_bytes()).expect("sent");
        let mut back = vec![0; message.len()];
        reader.read_exact(&mut back).expect("echoed");
        assert_eq!(back, message.as_bytes());
    }
}

fn body_limit(nginx: &Path) {
    let service = Echo::start(0);
    let routes = "[{ path: /small, max_body: 10B }, { path: /any, max_body: 0, buffering: false }]";
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: {routes}", service.port)]);
    assert_eq!(request(nginx.port, "POST", "/small", &[], "0123456789").status, 200);
    assert_error(&request(nginx.port, "POST", "/small", &[], "0123456789a"), 413, "body_too_large");
    // More than nginx keeps in memory, and more than its usual limit of 1 MB.
    assert_eq!(request(nginx.port, "POST", "/any", &[], &"x".repeat(2 << 20)).status, 200);
}

fn forwarded_headers(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: /", service.port)]);
    let lies = [
        "X-Forwarded-For: 6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X-Forwarded-Proto: gopher",
        "X-Forwarded-Host: evil",
        "Forwarded: for=6.6.6.6",
        "Proxy: evil",
    ];
    let answer = get(nginx.port, "/", &[&["Host: Pod.test:8080"], &lies[..]].concat());
    for (name, want) in [
        ("Host", "pod.test:8080"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "pod.test:8080"),
        ("Forwarded", ""),
        ("Proxy", ""),
        // So that the connection to the service is kept.
        ("Connection", ""),
    ] {
        assert_eq!(echoed(&answer.body, name), want, "{name}");
    }
    assert_eq!(echoed(&get(nginx.port, "/", &["Host: [::1]"]).body, "Host"), "[::1]");
    assert_error(&get(nginx.port, "/", &["Host: a b/c"]), 400, "bad_request");
}

fn security_headers(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: [/own-headers, /broken]", service.port)]);
    for (path, status, frame) in [("/own-headers", 200, "DENY"), ("/broken", 502, "SAMEORIGIN"), ("/nothing", 404, "SAMEORIGIN")]
    {
        let answer = nginx.get(path);
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("X-Frame-Options"), frame, "{path}");
        assert_eq!(answer.header("X-Content-Type-Options"), "nosniff", "{path}");
        assert_eq!(answer.header("Referrer-Policy"), "strict-origin-when-cross-origin", "{path}");
        assert_eq!(answer.header("Server"), "nginx", "{path}");
    }
}

fn restart(nginx: &Path) {
    let service = Echo::start(0);
    let port = service.port;
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: /", port)]);
    for _ in 0..20 {
        assert_eq!(nginx.get("/").status, 200);
    }
    let connections = service.stop();
    assert!(connections < 20, "connections to a service are kept: {connections} for 20 requests");
    assert_error(&nginx.get("/"), 503, "unavailable");
    let service = Echo::start(port);
    for method in ["POST", "GET", "PUT"] {
        assert_eq!(request(nginx.port, method, "/", &[], "x").status, 200, "{method}");
    }
    // The old connections die and the port is open again before nginx has a request for it.
    service.stop();
    let _service = Echo::start(port);
    for _ in 0..4 {
        assert_eq!(request(nginx.port, "GET", "/", &[], "").status, 200);
    }
}

fn replicas(nginx: &Path) {
    let (first, mut replicas) = loop {
        let first = free_port();
        let free = (first..first.saturating_add(3)).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        if free {
            break (first, Vec::from_iter((first..first + 3).map(Echo::start)));
        }
    };
    let nginx = Nginx::start(nginx, &[&format!("port: {first}, replicas: 3, route: /")]);
    // Each of nginx's processes goes round on its own.
    for _ in 0..12 {
        assert_eq!(nginx.get("/").status, 200);
    }
    let asked: Vec<usize> = replicas.drain(1..).map(Echo::stop).collect();
    assert!(asked.iter().all(|connections| *connections > 0), "{asked:?}");
    for method in ["GET", "POST", "GET", "POST", "GET", "POST"] {
        assert_eq!(request(nginx.port, method, "/", &[], "x").status, 200, "{method}");
    }
    let _back = Echo::start(first + 1);
    assert!(replicas.pop().is_some_and(|last| last.stop() > 0));
    for _ in 0..6 {
        assert_eq!(nginx.get("/").status, 200);
    }
}

fn hang_up(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: /", service.port)]);
    for method in ["GET", "POST"] {
        let answer = request(nginx.port, method, "/hang-up", &[], "x");
        assert_error(&answer, 503, "unavailable");
    }
}

fn own_paths(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: /", service.port)]);
    assert_error(&nginx.get("/health"), 503, "unavailable");
    let socket = nginx.path("public.sock");
    answer_on_socket(&socket);
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).expect("own file");
    for path in ["/health", "/status"] {
        assert_eq!(request_line(&nginx.get(path)), format!("GET {path} HTTP/1.1"));
    }
    assert_eq!(nginx.get("/_podctl/nginx").status, 204);
    let from_six = TcpStream::connect(("::1", nginx.port)).expect("nginx listens on IPv6");
    assert_eq!(exchange(from_six, "GET", "/_podctl/nginx", &[], "").status, 204);
    let status = nginx.get("/_podctl/nginx/status");
    assert!(status.status == 200 && status.body.starts_with("Active connections:"), "{status:?}");
    // From another address of this machine, when it has one: as from outside.
    for (path, status, error) in [("/_podctl/nginx", 404, "not_found"), ("/_podctl/nginx/status", 403, "forbidden")] {
        if let Some(stream) = from_outside(nginx.port) {
            assert_error(&exchange(stream, "GET", path, &[], ""), status, error);
        }
    }
    let log = nginx.stop();
    assert!(
        log.lines().all(|line| line.contains(r#""status":503"#) || line.contains(r#""status":40"#)),
        "checks that pass are not logged: {log}"
    );
}

fn from_outside(port: u16) -> Option<TcpStream> {
    // Connecting a datagram socket sends nothing: it only chooses the address that a packet would leave by.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    TcpStream::connect((socket.local_addr().ok()?.ip(), port)).ok()
}
