//! The gateway before programs that do not speak HTTP: PHP-FPM and uWSGI, the real ones.

use crate::http::{get, request};
use crate::live::assert_error;
use crate::nginx::{Nginx, as_nobody};
use crate::ports::free_port;
use crate::tools;
use crate::web::folder;
use libtest_mimic::Trial;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub fn trials() -> Vec<Trial> {
    let nginx = tools::find("NGINX", "nginx");
    let trial = |name: &str, kind: &str, program: Option<PathBuf>, test: fn(&Path, &Path)| {
        let (nginx, is_missing) = (nginx.clone().unwrap_or_default(), nginx.is_none() || program.is_none());
        Trial::test(name, move || {
            test(&nginx, &program.unwrap_or_default());
            Ok(())
        })
        .with_kind(kind)
        .with_ignored_flag(is_missing)
    };
    let php = || tools::find_like("PHP_FPM", "php-fpm");
    vec![
        trial("PHP has a front controller", "needs nginx and php-fpm", php(), front_controller),
        trial("PHP has scripts below a prefix and on a socket", "needs nginx and php-fpm", php(), scripts),
        trial("uWSGI is asked in its own protocol", "needs nginx and uwsgi", tools::find("UWSGI", "uwsgi"), uwsgi),
    ]
}

/// A program that is stopped with the test.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it, and waits until somebody can connect.
    pub fn start(mut command: Command, log: PathBuf, connects: impl Fn() -> bool) -> Program {
        let file = std::fs::File::create(&log).expect("a log");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a second handle")).stderr(file);
        let mut program = Program { child: command.spawn().expect("it starts"), log };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !connects() {
            let ended = program.child.try_wait().expect("a child");
            let said = std::fs::read_to_string(&program.log).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "it does not listen: {said}");
            std::thread::yield_now();
        }
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // TERM, so that it takes its workers with it.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// A folder that everybody can write to.
fn writable() -> tempfile::TempDir {
    let folder = folder(&[]);
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("own folder");
    folder
}

/// PHP-FPM at an address: a port or a socket.
fn php_fpm(program: &Path, folder: &Path, address: &str) -> Program {
    let conf = folder.join("fpm.conf");
    let pool = "pm = static\npm.max_children = 2\npm.status_path = /fpm-status\nphp_admin_value[display_errors] = 1";
    let text = format!(
        "[global]\ndaemonize = no\nerror_log = {}/error.log\n[www]\nlisten = {address}\nlisten.mode = 0666\n{pool}\n",
        folder.display()
    );
    std::fs::write(&conf, text).expect("written");
    let mut command = Command::new(program);
    command.args(["-n", "-F", "-y"]).arg(&conf);
    as_nobody(&mut command);
    let address = address.to_owned();
    Program::start(command, folder.join("fpm.log"), move || match address.starts_with('/') {
        true => UnixStream::connect(&address).is_ok(),
        false => TcpStream::connect(&address).is_ok(),
    })
}

/// Says what it was asked for.
const INDEX: &str = r#"<?php header('X-Powered-By: me'); header('Content-Type: text/plain');
foreach (['SCRIPT_NAME', 'SCRIPT_FILENAME', 'PATH_INFO', 'REQUEST_URI', 'QUERY_STRING', 'REMOTE_ADDR', 'HTTP_HOST', 'HTTPS', 'HTTP_PROXY',
    'HTTP_X_FORWARDED_FOR', 'DOCUMENT_ROOT', 'REQUEST_METHOD'] as $name) echo $name, '=', $_SERVER[$name] ?? '', "\n";
echo 'file=', basename(__FILE__), "\nbody=", strlen(file_get_contents('php://input')), "\n";
"#;

/// What a script said of a variable.
fn said<'a>(body: &'a str, name: &str) -> &'a str {
    body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or("nothing")
}

fn site() -> tempfile::TempDir {
    folder(&[
        ("public/index.php", INDEX),
        ("public/other.php", INDEX),
        ("public/admin/index.php", INDEX),
        ("public/style.css", "css"),
        ("public/.env", "secret"),
        ("public/.hidden/x.php", INDEX),
        ("public/upload.jpg", "<?php echo 'run'; ?>"),
        ("public/shout.PHP", "<?php echo 'run'; ?>"),
        ("public/files/a.txt", "text"),
    ])
}

fn front_controller(nginx: &Path, php: &Path) {
    let site = site();
    let public = site.path().join("public").display().to_string();
    let run = writable();
    let port = free_port();
    let _php = php_fpm(php, run.path(), &format!("127.0.0.1:{port}"));
    let routes = format!(
        "[{{ path: /, static: {public}, expires: 5d, max_body: 100B }}, {{ path: '~ ^/fpm-status$', allow: 127.0.0.1 }},\
         {{ path: = /stream, static: {public}, buffering: false }}, {{ path: /limited, static: {public}, rate: 1r/m, burst: 0 }}]"
    );
    let nginx = Nginx::start(nginx, &[&format!("port: {port}, protocol: fastcgi, route: {routes}")]);
    let ask = |path: &str| {
        let answer = nginx.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    };
    // The front controller has what is no file, and the query.
    for path in ["/", "/users/7?q=1", "/files"] {
        let body = ask(if path == "/files" { "/files/nothing" } else { path });
        assert_eq!((said(&body, "file"), said(&body, "SCRIPT_NAME")), ("index.php", "/index.php"), "{path}");
        assert_eq!(said(&body, "SCRIPT_FILENAME"), format!("{public}/index.php"));
    }
    assert_eq!(said(&ask("/users/7?q=1"), "REQUEST_URI"), "/users/7?q=1");
    assert_eq!(said(&ask("/users/7?q=1"), "QUERY_STRING"), "q=1");
    // Scripts that are there are run, with what follows them in the path.
    let body = ask("/other.php/a/b?x=1");
    assert_eq!((said(&body, "file"), said(&body, "PATH_INFO"), said(&body, "SCRIPT_NAME")), ("other.php", "/a/b", "/other.php"));
    assert_eq!(said(&body, "DOCUMENT_ROOT"), public);
    assert_eq!(said(&ask("/admin/"), "SCRIPT_NAME"), "/admin/index.php");
    // What is not there is nobody's, and no source is ever text.
    for path in ["/missing.php", "/missing.php/x", "/upload.jpg/x.php", "/shout.PHP", "/.env", "/.hidden/x.php"] {
        assert_error(&nginx.get(path), 404, "not_found");
    }
    let css = nginx.get("/style.css");
    assert_eq!(
        (css.body.as_str(), css.header("Content-Type"), css.header("Cache-Control")),
        ("css", "text/css", "max-age=432000")
    );
    let home = nginx.get("/");
    assert_eq!(
        (home.header("X-Powered-By"), home.header("X-Frame-Options"), home.header("Cache-Control")),
        ("", "SAMEORIGIN", "")
    );
    // What a client says of itself is replaced.
    let lies = get(nginx.port, "/", &["X-Forwarded-For: 6.6.6.6", "Proxy: evil", "Host: pod.test:81"]).body;
    assert_eq!((said(&lies, "HTTP_X_FORWARDED_FOR"), said(&lies, "HTTP_PROXY")), ("127.0.0.1", ""));
    assert_eq!((said(&lies, "HTTP_HOST"), said(&lies, "REMOTE_ADDR"), said(&lies, "HTTPS")), ("pod.test:81", "127.0.0.1", ""));
    // Bodies have a limit, scripts' and the front controller's.
    for path in ["/other.php", "/users"] {
        assert_eq!(said(&request(nginx.port, "POST", path, &[], &"x".repeat(100)).body, "body"), "100");
        assert_error(&request(nginx.port, "POST", path, &[], &"x".repeat(101)), 413, "body_too_large");
    }
    assert_eq!(nginx.get("/fpm-status").status, 200);
    assert_eq!(said(&ask("/stream?id=1"), "file"), "index.php");
    assert_eq!(said(&ask("/stream?id=1"), "REQUEST_URI"), "/stream?id=1");
    assert_eq!((nginx.get("/limited/x").status, nginx.get("/limited/x").status), (200, 429));
}

fn scripts(nginx: &Path, php: &Path) {
    let site = site();
    let public = site.path().join("public").display().to_string();
    let run = writable();
    let socket = run.path().join("fpm.sock").display().to_string();
    let program = php_fpm(php, run.path(), &socket);
    let routes = format!(
        "[{{ path: /app, static: {public}, fallback: false }}, {{ path: /front, static: {public} }}, {{ path: '~ \\.php5$', static: {public} }}]"
    );
    let nginx = Nginx::start(nginx, &[&format!("socket: {socket}, protocol: fastcgi, route: {routes}")]);
    let body = nginx.get("/app/other.php/a?q=1").body;
    assert_eq!((said(&body, "SCRIPT_NAME"), said(&body, "PATH_INFO")), ("/app/other.php", "/a"), "{body}");
    assert_eq!(said(&body, "SCRIPT_FILENAME"), format!("{public}/other.php"));
    assert_eq!(said(&nginx.get("/app/").body, "SCRIPT_NAME"), "/app/index.php");
    assert_eq!(nginx.get("/app/files/a.txt").body, "text");
    for path in ["/app/users", "/app/missing.php", "/app/.env", "/app/shout.PHP", "/missing.php5", "/other.php"] {
        assert_error(&nginx.get(path), 404, "not_found");
    }
    let body = nginx.get("/front/users?q=1").body;
    assert_eq!((said(&body, "SCRIPT_NAME"), said(&body, "REQUEST_URI")), ("/front/index.php", "/front/users?q=1"), "{body}");
    assert_eq!(nginx.get("/app?x").header("Location"), "/app/?x");
    drop(program);
    assert_error(&nginx.get("/front/users"), 503, "unavailable");
    assert_eq!(nginx.get("/app/style.css").body, "css");
}

/// Says what it was asked for.
const APPLICATION: &str = r#"
def application(environ, start_response):
    body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
    names = ['SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'REQUEST_METHOD', 'HTTP_HOST', 'REMOTE_ADDR', 'HTTP_X_FORWARDED_FOR', 'wsgi.url_scheme']
    text = ''.join('%s=%s\n' % (name, environ.get(name, '')) for name in names) + 'body=%d\n' % len(body)
    start_response('200 OK', [('Content-Type', 'text/plain'), ('X-Powered-By', 'me')])
    return [text.encode()]
"#;

fn uwsgi(nginx: &Path, uwsgi: &Path) {
    let files = folder(&[("app.py", APPLICATION), ("static/a.css", "css")]);
    let port = free_port();
    let mut command = Command::new(uwsgi);
    let address = format!("127.0.0.1:{port}");
    command.args(["--plugin", "python3", "--socket", &address, "--wsgi-file"]).arg(files.path().join("app.py"));
    as_nobody(&mut command);
    let _uwsgi = Program::start(command, files.path().join("log"), || TcpStream::connect(&address).is_ok());
    let folder = files.path().join("static").display().to_string();
    let routes = format!("[{{ path: /, static: {folder}, max_body: 10B }}, {{ path: /sub, strip_prefix: true }}]");
    let nginx = Nginx::start(nginx, &[&format!("port: {port}, protocol: uwsgi, route: {routes}")]);
    let answer = get(nginx.port, "/users/7?q=1", &["X-Forwarded-For: 6.6.6.6"]);
    assert_eq!((answer.status, answer.header("X-Powered-By")), (200, ""), "{}", answer.body);
    let body = &answer.body;
    assert_eq!((said(body, "PATH_INFO"), said(body, "QUERY_STRING"), said(body, "SCRIPT_NAME")), ("/users/7", "q=1", ""));
    assert_eq!(
        (said(body, "HTTP_X_FORWARDED_FOR"), said(body, "HTTP_HOST"), said(body, "wsgi.url_scheme")),
        ("127.0.0.1", "pod.test", "http")
    );
    assert_eq!(nginx.get("/a.css").body, "css");
    let body = nginx.get("/sub/users?q=1").body;
    assert_eq!((said(&body, "SCRIPT_NAME"), said(&body, "PATH_INFO")), ("/sub", "/users"), "{body}");
    assert_eq!(said(&request(nginx.port, "POST", "/x", &[], "0123456789").body, "body"), "10");
    assert_error(&request(nginx.port, "POST", "/x", &[], "0123456789a"), 413, "body_too_large");
}
