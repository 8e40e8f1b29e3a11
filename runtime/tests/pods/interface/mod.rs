//! supervisord's interface in real pods.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod doors;
mod hostile;
mod methods;
mod reload;

use crate::support::{PATIENCE, Pod, wait_for};
use podinit::xmlrpc::{Call, Fault, Value, decode_response, encode_call};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Anything that HTTP can be spoken over.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Connects to a unix socket.
fn unix(path: &Path) -> Box<dyn Stream> {
    let stream = wait_for("the socket", || UnixStream::connect(path).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Box::new(stream)
}

/// Connects to a port of this host.
fn tcp(port: u16) -> Box<dyn Stream> {
    let stream = wait_for("the port", || TcpStream::connect(("127.0.0.1", port)).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Box::new(stream)
}

/// podinit's own socket.
fn own(pod: &Pod) -> Box<dyn Stream> {
    Box::new(pod.client().0)
}

/// Sends a request with these lines in its head; gives status and body.
fn ask(mut stream: Box<dyn Stream>, request: &str, head: &str, body: &[u8]) -> (u16, String) {
    let request = format!("{request} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n{head}\r\n", body.len());
    stream.write_all(request.as_bytes()).unwrap();
    // podinit may have answered without it.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    crate::support::client::parse(&String::from_utf8_lossy(&answer))
}

/// Calls a method.
fn call(stream: Box<dyn Stream>, method: &str, params: &[Value]) -> Result<Value, Fault> {
    let call = encode_call(&Call { method: format!("supervisor.{method}"), params: params.to_vec() });
    let (status, body) = ask(stream, "POST /RPC2", "Host: localhost\r\n", &call);
    assert_eq!(status, 200, "{body}");
    decode_response(body.as_bytes()).unwrap()
}

/// The name of the state that a process is in.
fn state(pod: &Pod, name: &str) -> String {
    let info = call(own(pod), "getProcessInfo", &[Value::from(name)]).unwrap();
    info.get("statename").and_then(Value::as_str).unwrap().to_owned()
}
