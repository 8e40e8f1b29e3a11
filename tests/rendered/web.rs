//! What nginx answers by itself, and to whom: files, headers, other origins, hosts, ports, TLS.

use crate::http::{Answer, Echo, echoed, exchange, get, request};
use crate::live::assert_error;
use crate::nginx::{Case, Nginx, trial};
use crate::tools;
use libtest_mimic::Trial;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

pub fn trials() -> Vec<Trial> {
    let nginx = tools::find("NGINX", "nginx");
    let cases: [Case; 11] = [
        ("files are served, those of dots and of PHP are not", files),
        ("files come before a service", files_before_a_service),
        ("a single page answers for what is no file", single_page),
        ("headers are set, replaced and taken away", headers),
        ("pages of other origins may ask when they are allowed", cors),
        ("only who is allowed gets through", allow),
        ("nginx answers and redirects by itself", answers),
        ("hosts have routes of their own beside everybody's", hosts),
        ("another port has routes of its own", listen),
        ("a proxy's word is taken when it is trusted", proxies),
        ("errors have pages of their own", error_pages),
    ];
    let trial = |case| trial(case, nginx.as_deref());
    let (openssl, with_tls) = (tools::find("OPENSSL", "openssl"), nginx.clone());
    let tls = Trial::test("TLS is spoken, and who asks without is sent there", move || {
        tls(&with_tls.unwrap_or_default(), &openssl.unwrap_or_default());
        Ok(())
    });
    let is_missing = nginx.is_none() || tools::find("OPENSSL", "openssl").is_none();
    let tls = tls.with_kind("needs nginx and openssl").with_ignored_flag(is_missing);
    cases.into_iter().map(trial).chain([tls]).collect()
}

/// A folder of files that everybody can read.
pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("own folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    folder
}

const SITE: [(&str, &str); 8] = [
    ("index.html", "home"),
    ("app.js", "script"),
    ("docs/index.html", "docs"),
    ("empty/.keep", ""),
    (".env", "secret"),
    (".git/config", "secret"),
    (".well-known/security.txt", "mail us"),
    ("old/info.php", "<?php secret"),
];

fn body(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body.as_str())
}

fn files(nginx: &Path) {
    let site = folder(&SITE);
    let path = site.path().display();
    let nginx = Nginx::of(
        nginx,
        &format!(
            "services: {{ w: {{ command: x }} }}\ngateway: {{ port: PORT, route: [{{ path: /s, static: {path}, expires: 30d }},\n\
             {{ path: = /favicon.ico, static: {path}/app.js }}, {{ path: = /app.js, static: {path}/ }},\n\
             {{ path: /list, static: {path}/docs/.., config: 'autoindex on;' }}, {{ path: '~ ^/docs/', static: {path} }}] }}"
        )
        .replace("/docs/..", ""),
    );
    assert_eq!(body(&nginx.get("/s/app.js")), (200, "script"));
    assert_eq!(nginx.get("/s/app.js").header("Content-Type"), "application/javascript");
    assert_eq!(nginx.get("/s/app.js").header("Cache-Control"), "max-age=2592000");
    assert_eq!(nginx.get("/s/app.js").header("X-Content-Type-Options"), "nosniff");
    assert_eq!(body(&nginx.get("/s/")), (200, "home"));
    assert_eq!(body(&nginx.get("/s/docs/")), (200, "docs"));
    assert_eq!(body(&nginx.get("/s/.well-known/security.txt")), (200, "mail us"));
    let moved = nginx.get("/s?q=1");
    assert_eq!((moved.status, moved.header("Location")), (301, "/s/?q=1"));
    assert_eq!((nginx.get("/s/docs").status, nginx.get("/s/docs").header("Location")), (301, "/s/docs/"));
    for secret in ["/s/.env", "/s/.git/config", "/s/%2egit/config", "/s/old/info.php", "/s/old/info.PHP", "/list/.env"] {
        assert_error(&nginx.get(secret), 404, "not_found");
    }
    assert_error(&nginx.get("/s/nothing"), 404, "not_found");
    assert_error(&nginx.get("/s/empty/"), 403, "forbidden");
    assert_eq!(nginx.get("/s/../etc/passwd").status, 404);
    assert_eq!(body(&nginx.get("/favicon.ico")), (200, "script"));
    assert_eq!(body(&nginx.get("/app.js")), (200, "script"));
    assert_eq!(body(&nginx.get("/docs/index.html")), (200, "docs"));
    let list = nginx.get("/list/old/");
    assert!(list.status == 200 && list.body.contains("info.php"), "{}", list.body);
    assert_error(&request(nginx.port, "POST", "/s/app.js", &[], "x"), 405, "method_not_allowed");
}

fn files_before_a_service(nginx: &Path) {
    let (service, site) = (Echo::start(0), folder(&SITE));
    let path = site.path().display();
    let routes = format!(
        "[{{ path: /, static: {path}, max_body: 10B }}, {{ path: /sub, static: {path}, strip_prefix: true }}, {{ path: /no, static: {path}, fallback: false }}]"
    );
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: {routes}", service.port)]);
    let asked = |path: &str| nginx.get(path).body.lines().next().unwrap_or_default().to_owned();
    assert_eq!(body(&nginx.get("/app.js")), (200, "script"));
    assert_eq!(body(&nginx.get("/")), (200, "home"));
    assert_eq!(asked("/api/users?q=1"), "GET /api/users?q=1 HTTP/1.1");
    assert_eq!(asked("/.env"), "GET /.env HTTP/1.1", "what is hidden is the service's matter");
    assert_eq!(asked("/old/info.php"), "GET /old/info.php HTTP/1.1");
    assert_eq!(body(&nginx.get("/sub/app.js")), (200, "script"));
    assert_eq!(asked("/sub/users?q=1"), "GET /users?q=1 HTTP/1.1");
    assert_error(&nginx.get("/no/users"), 404, "not_found");
    assert_error(&request(nginx.port, "POST", "/x", &[], "0123456789a"), 413, "body_too_large");
    assert_eq!(request(nginx.port, "POST", "/x", &[], "0123456789").status, 200);
    service.stop();
    assert_eq!(body(&nginx.get("/app.js")), (200, "script"));
    assert_error(&nginx.get("/users"), 503, "unavailable");
}

fn single_page(nginx: &Path) {
    let (service, site) = (Echo::start(0), folder(&SITE));
    let path = site.path().display();
    let spa = |prefix: &str| format!("{{ path: {prefix}, static: {path}, fallback: /index.html, expires: 1y }}");
    let nginx = Nginx::of(
        nginx,
        &format!(
            "services: {{ api: {{ command: x, port: {}, route: /api }} }}\ngateway: {{ port: PORT, route: [{}, {}] }}",
            service.port,
            spa("/"),
            spa("/admin")
        ),
    );
    for page in ["/", "/users/7", "/index.html", "/admin/", "/admin/users"] {
        let answer = nginx.get(page);
        assert_eq!(body(&answer), (200, "home"), "{page}");
        assert_eq!(answer.header("Cache-Control"), "no-cache", "the page is asked for anew: {page}");
    }
    assert_eq!(nginx.get("/app.js").header("Cache-Control"), "max-age=31536000");
    assert_eq!(body(&nginx.get("/admin/app.js")), (200, "script"));
    assert!(nginx.get("/api/x").body.starts_with("GET /api/x"));
    assert_error(&nginx.get("/.env"), 404, "not_found");
}

fn headers(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::of(
        nginx,
        &format!(
            "services: {{ a: {{ command: x, port: {}, route: [/own-headers, {{ path: /r, headers: {{ X-Route: \"it's $host\", X-All: }} }}] }} }}\n\
             gateway: {{ port: PORT, headers: {{ X-All: yes, X-Frame-Options: ALLOW, Referrer-Policy: }} }}",
            service.port
        ),
    );
    let answer = nginx.get("/own-headers");
    assert_eq!(
        (answer.header("X-All"), answer.header("X-Frame-Options"), answer.header("Referrer-Policy")),
        ("yes", "ALLOW", "")
    );
    assert_eq!(answer.header("X-Content-Type-Options"), "nosniff");
    let answer = nginx.get("/r");
    assert_eq!(
        (answer.header("X-Route"), answer.header("X-All"), answer.header("X-Frame-Options")),
        ("it's pod.test", "", "ALLOW")
    );
    assert_eq!(answer.header("X-Request-Id").len(), 32);
    assert_eq!(nginx.get("/none").header("X-All"), "yes", "errors have them, too");
}

fn cors(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(
        nginx,
        &[&format!(
            "port: {}, route: [{{ path: /a, cors: {{ origins: [https://a.example, 'https://*.b.example'], credentials: true }} }},\
             {{ path: /all, cors: '*' }}, /none]",
            service.port
        )],
    );
    let preflight = |path: &str, origin: &str| {
        let headers =
            [&format!("Origin: {origin}"), "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a, x-b"];
        request(nginx.port, "OPTIONS", path, &headers, "")
    };
    for origin in ["https://a.example", "https://x.b.example"] {
        let answer = preflight("/a/x", origin);
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (204, origin));
        assert!(answer.header("Access-Control-Allow-Methods").contains("PUT"));
        assert_eq!(answer.header("Access-Control-Allow-Headers"), "x-a, x-b");
        assert_eq!((answer.header("Access-Control-Allow-Credentials"), answer.header("Access-Control-Max-Age")), ("true", "600"));
        let answer = get(nginx.port, "/a", &[&format!("Origin: {origin}")]);
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin"), answer.header("Vary")), (200, origin, "Origin"));
        assert_eq!((answer.header("Access-Control-Allow-Methods"), answer.header("X-Frame-Options")), ("", "SAMEORIGIN"));
    }
    for origin in ["https://evil.example", "https://a.example.evil", "https://xb.example", "https://x.b.example.evil"] {
        let answer = preflight("/a/x", origin);
        // The service may know better; what nginx says of it is nothing.
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, ""), "{origin}");
    }
    assert_eq!(get(nginx.port, "/all", &["Origin: https://x.example"]).header("Access-Control-Allow-Origin"), "*");
    assert_eq!(preflight("/all", "https://x.example").status, 204);
    assert_eq!(get(nginx.port, "/none", &["Origin: https://a.example"]).header("Access-Control-Allow-Origin"), "");
}

fn allow(nginx: &Path) {
    let service = Echo::start(0);
    let routes = "[{ path: /me, allow: [127.0.0.1, '::1'] }, { path: /them, allow: 192.0.2.0/24 }]";
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: {routes}", service.port)]);
    assert_eq!(nginx.get("/me").status, 200);
    assert_error(&nginx.get("/them"), 403, "forbidden");
    let six = TcpStream::connect(("::1", nginx.port)).expect("nginx listens on IPv6");
    assert_eq!(exchange(six, "GET", "/me", &[], "").status, 200);
}

fn answers(nginx: &Path) {
    let other = Echo::start(0);
    let nginx = Nginx::of(
        nginx,
        &format!(
            "services: {{ a: {{ command: x }} }}\ngateway: {{ port: PORT, route: [{{ path: /gone, return: 410 }}, {{ path: /ok, return: 200 fine }},\n\
             {{ path: /old, return: 301 https://new.example$request_uri }}, {{ path: /up, upstream: 'http://127.0.0.1:{}' }}] }}",
            other.port
        ),
    );
    assert_eq!(nginx.get("/gone").status, 410);
    assert_eq!(body(&nginx.get("/ok/x")), (200, "fine"));
    let moved = nginx.get("/old/x?q=1");
    assert_eq!((moved.status, moved.header("Location")), (301, "https://new.example/old/x?q=1"));
    let answer = nginx.get("/up/x");
    assert_eq!(answer.body.lines().next(), Some("GET /up/x HTTP/1.1"));
    assert_eq!(echoed(&answer.body, "Host"), format!("127.0.0.1:{}", other.port), "who is elsewhere knows its own name");
    assert_eq!(echoed(&answer.body, "X-Forwarded-For"), "127.0.0.1");
}

fn hosts(nginx: &Path) {
    let (one, two) = (Echo::start(0), Echo::start(0));
    let nginx = Nginx::start(
        nginx,
        &[
            &format!("port: {}, route: [/, /shared]", one.port),
            &format!("port: {}, route: {{ path: /, host: [admin.example, '*.admin.example'], strip_prefix: false }}", two.port),
        ],
    );
    let who = |path: &str, host: &str| {
        let answer = get(nginx.port, path, &[&format!("Host: {host}"), "X-Request-Id: who-is-asked"]);
        (answer.status, echoed(&answer.body, "Host").to_owned())
    };
    assert_eq!(who("/x", "admin.example").0, 200);
    one.stop();
    assert_eq!(who("/x", "admin.example").0, 200, "the second service has this host");
    assert_eq!(who("/x", "a.admin.example").0, 200);
    assert_eq!(who("/shared", "admin.example").0, 503, "everybody's routes are the hosts', too");
    assert_eq!(who("/x", "other.example").0, 503);
    two.stop();
    assert_eq!(who("/x", "admin.example").0, 503);
    assert_eq!(get(nginx.port, "/_podctl/nginx", &["Host: admin.example"]).status, 204);
}

fn listen(nginx: &Path) {
    let service = Echo::start(0);
    let nginx = Nginx::start(nginx, &[&format!("port: {}, route: [/, {{ path: /inner, listen: OTHER }}]", service.port)]);
    assert_eq!(get(nginx.other, "/inner/x", &[]).status, 200);
    assert_error(&get(nginx.other, "/x", &[]), 404, "not_found");
    assert_eq!(nginx.get("/x").status, 200);
}

fn proxies(nginx: &Path) {
    let service = Echo::start(0);
    let of = |proxies: &str| {
        let pod = format!(
            "services: {{ a: {{ command: x, port: {}, route: {{ path: /, allow: [127.0.0.1, 203.0.113.7] }} }} }}\ngateway: {{ port: PORT, trusted_proxies: [{proxies}] }}",
            service.port
        );
        Nginx::of(nginx, &pod)
    };
    let says = ["X-Forwarded-For: 6.6.6.6, 203.0.113.7", "X-Forwarded-Proto: https"];
    let seen = |nginx: &Nginx| {
        let answer = get(nginx.port, "/", &says);
        (echoed(&answer.body, "X-Forwarded-For").to_owned(), echoed(&answer.body, "X-Forwarded-Proto").to_owned())
    };
    let want = |address: &str, proto: &str| (address.to_owned(), proto.to_owned());
    assert_eq!(seen(&of("127.0.0.0/8")), want("203.0.113.7", "https"));
    assert_eq!(seen(&of("192.0.2.1")), want("127.0.0.1", "http"), "somebody else's word counts for nothing");
    let trusted = of("127.0.0.1");
    let other = get(trusted.port, "/", &["X-Forwarded-For: 198.51.100.1"]);
    assert_error(&other, 403, "forbidden");
}

fn error_pages(nginx: &Path) {
    let pages = folder(&[("503.html", "back soon"), ("404.html", "not here")]);
    let path = pages.path().display();
    let nginx = Nginx::of(
        nginx,
        &format!(
            "services: {{ a: {{ command: x, port: OTHER, route: /down }} }}\ngateway: {{ port: PORT, error_pages: {{ 503: {path}/503.html, 404: {path}/404.html }} }}"
        ),
    );
    let down = nginx.get("/down");
    assert_eq!((body(&down), down.header("Content-Type")), ((503, "back soon"), "text/html"));
    assert_eq!((down.header("Retry-After"), down.header("X-Request-Id").len()), ("2", 32));
    assert_eq!(body(&nginx.get("/x")), (404, "not here"));
    assert_eq!(nginx.get("/_podctl/errors/503").status, 404);
    assert_error(&request(nginx.port, "POST", "/down", &["Expect: x"], &"x".repeat(17 << 20)), 413, "body_too_large");
}

/// A key `k`, that everybody can read, and a certificate `c` for pod.test in a folder.
pub fn make_certificate(openssl: &Path, folder: &Path) {
    let path = |name: &str| folder.join(name).display().to_string();
    let made = Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=pod.test",
            "-addext",
            "subjectAltName=DNS:pod.test",
            "-keyout",
            &path("k"),
            "-out",
            &path("c"),
        ])
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes a certificate");
    std::fs::set_permissions(path("k"), std::fs::Permissions::from_mode(0o644)).expect("own file");
}

fn tls(nginx: &Path, openssl: &Path) {
    let (service, files) = (Echo::start(0), folder(&[]));
    let path = |name: &str| files.path().join(name).display().to_string();
    make_certificate(openssl, files.path());
    let without = format!(
        "services: {{ a: {{ command: x, port: {}, route: / }} }}\n\
         gateway: {{ port: PORT, tls: {{ certificate: /none/c, key: /none/k, port: OTHER, optional: true }} }}",
        service.port
    );
    assert_eq!(Nginx::of(nginx, &without).get("/").status, 200, "without a certificate there is no TLS");
    let nginx = Nginx::of(
        nginx,
        &format!(
            "services: {{ a: {{ command: x, port: {}, route: [/, {{ path: /h, host: h.test }}] }} }}\nports: ['443:OTHER', '80:PORT']\n\
             gateway: {{ port: PORT, tls: {{ certificate: {}, key: {}, port: OTHER, redirect: true }} }}",
            service.port,
            path("c"),
            path("k")
        ),
    );
    let secure = |host: &str, path: &str| {
        let mut client = Command::new(openssl)
            .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", nginx.other), "-servername", host])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        client.stdin.as_mut().expect("a pipe").write_all(request.as_bytes()).expect("sent");
        let output = client.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let answer = secure("pod.test", "/x");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("X-Forwarded-Proto: https"), "{answer}");
    assert!(secure("h.test", "/h").starts_with("HTTP/1.1 200"));
    let sent = nginx.get("/x?q=1");
    assert_eq!((sent.status, sent.header("Location")), (308, "https://pod.test/x?q=1"));
    assert_eq!(nginx.get("/_podctl/nginx").status, 204, "the check of nginx itself needs no TLS");
    assert_eq!(nginx.get("/health").status, 503, "nor that of the pod, whose podinit is not there");
}
