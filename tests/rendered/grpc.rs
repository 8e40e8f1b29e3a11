//! gRPC through the gateway: a real service, and a real client.

use crate::nginx::Nginx;
use crate::ports::free_port;
use crate::programs::Program;
use crate::tools;
use crate::web::{folder, make_certificate};
use libtest_mimic::Trial;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn trials() -> Vec<Trial> {
    let found = || {
        let python = tools::find("GRPC_PYTHON", "python3").filter(|python| {
            Command::new(python).args(["-c", "import grpc"]).output().is_ok_and(|output| output.status.success())
        });
        Some([tools::find("NGINX", "nginx")?, python?, tools::find("OPENSSL", "openssl")?])
    };
    let is_missing = found().is_none();
    let trial = |name: &str, test: fn([PathBuf; 3])| {
        Trial::test(name, move || {
            found().into_iter().for_each(test);
            Ok(())
        })
        .with_kind("needs nginx, openssl and Python's grpcio")
        .with_ignored_flag(is_missing)
    };
    vec![
        trial("gRPC has a port of its own, and hears when there is no answer", on_a_port),
        trial("gRPC is spoken over TLS beside everything else", over_tls),
    ]
}

/// Calls that answer with what they were asked and by which id, one for one, and with a failure.
const SERVICE: &str = r#"
import grpc, sys
from concurrent.futures import ThreadPoolExecutor

def say(request, context):
    told = dict(context.invocation_metadata())
    return b'%s %s %s' % (request, told.get('x-request-id', '').encode(), told.get('x-forwarded-proto', '').encode())

def echo(requests, context):
    yield from requests

def refuse(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, 'no such thing')

handlers = {'Say': grpc.unary_unary_rpc_method_handler(say), 'Echo': grpc.stream_stream_rpc_method_handler(echo),
    'Refuse': grpc.unary_unary_rpc_method_handler(refuse)}
server = grpc.server(ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler('test.Calls', handlers),))
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
server.wait_for_termination()
"#;

/// Makes calls one after the other on one connection, and says what came of each.
const CLIENT: &str = r#"
import grpc, queue, sys
port, certificate, calls = sys.argv[1], sys.argv[2], sys.argv[3:]
options = [('grpc.enable_http_proxy', 0), ('grpc.ssl_target_name_override', 'pod.test')]
if certificate:
    credentials = grpc.ssl_channel_credentials(open(certificate, 'rb').read())
    channel = grpc.secure_channel('127.0.0.1:' + port, credentials, options)
else:
    channel = grpc.insecure_channel('127.0.0.1:' + port, options)
for call in calls:
    try:
        if call == 'Echo':
            asked = queue.SimpleQueue()
            answers = channel.stream_stream('/test.Calls/Echo')(iter(asked.get, None), timeout=20)
            for text in (b'there', b'and back'):
                asked.put(text)
                # Before the client has asked for all that it will.
                print(next(answers).decode())
            asked.put(None)
        else:
            print(channel.unary_unary('/test.Calls/' + call)(b'said', timeout=20).decode())
    except grpc.RpcError as error:
        print(error.code().name, error.details() if call == 'Refuse' else '')
"#;

/// The service, on a port.
fn service(python: &Path, port: u16) -> (Program, tempfile::TempDir) {
    let files = folder(&[("service.py", SERVICE)]);
    let mut command = Command::new(python);
    command.arg(files.path().join("service.py")).arg(port.to_string());
    (Program::start(command, files.path().join("log"), || TcpStream::connect(("127.0.0.1", port)).is_ok()), files)
}

/// What a client says of its calls, a line each; over TLS where there is a certificate to trust.
fn call(python: &Path, port: u16, certificate: &str, calls: &[&str]) -> Vec<String> {
    let output = Command::new(python).args(["-c", CLIENT, &port.to_string(), certificate]).args(calls).output();
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim().to_owned()).collect()
}

fn on_a_port([nginx, python, _]: [PathBuf; 3]) {
    let port = free_port();
    let (calls, _files) = service(&python, port);
    let nginx = Nginx::start(&nginx, &[&format!("port: {port}, protocol: grpc, route: {{ path: /, listen: OTHER }}")]);
    let call = |calls: &[&str]| call(&python, nginx.other, "", calls);
    let said = call(&["Say", "Echo", "Refuse", "Nothing"]);
    let [first, streamed @ .., refused, unknown] = said.as_slice() else { panic!("{said:?}") };
    let words: Vec<&str> = first.split(' ').collect();
    assert!(words.len() == 3 && words[0] == "said" && words[1].len() == 32 && words[2] == "http", "{first}");
    assert_eq!(streamed, ["there", "and back"]);
    assert_eq!((refused.as_str(), unknown.as_str()), ("NOT_FOUND no such thing", "UNIMPLEMENTED"));
    // podinit keeps a file for each service that is not ready; the test does it here.
    std::fs::create_dir(nginx.path("unready")).expect("a folder");
    std::fs::write(nginx.path("unready/s0"), "").expect("a file");
    assert_eq!(call(&["Say", "Refuse"])[0], "UNAVAILABLE", "it is not asked");
    std::fs::remove_file(nginx.path("unready/s0")).expect("its own file");
    assert!(call(&["Say"])[0].starts_with("said "));
    drop(calls);
    assert_eq!(call(&["Say"]), ["UNAVAILABLE"]);
}

fn over_tls([nginx, python, openssl]: [PathBuf; 3]) {
    let port = free_port();
    let (_calls, _files) = service(&python, port);
    let keys = folder(&[]);
    make_certificate(&openssl, keys.path());
    let path = |name: &str| keys.path().join(name).display().to_string();
    let pod = format!(
        "services: {{ a: {{ command: x, port: {port}, protocol: grpc, route: /test.Calls }} }}\n\
         gateway: {{ port: PORT, tls: {{ certificate: {}, key: {}, port: OTHER }}, route: {{ path: /, return: 200 hello }} }}",
        path("c"),
        path("k")
    );
    let nginx = Nginx::of(&nginx, &pod);
    let said = call(&python, nginx.other, &path("c"), &["Say", "Echo"]);
    assert!(said[0].starts_with("said ") && said[0].ends_with(" https"), "{said:?}");
    assert_eq!(said[1..], ["there", "and back"]);
    assert_eq!(nginx.get("/").body, "hello");
}
