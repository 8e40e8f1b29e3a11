//! Where podinit can be talked to, and what event listeners are told of that.

use crate::spec::model::{Pod, Service};
use podinit_plan::plan::{Credentials, Listen, Server, TcpPort, UnixSocket, Value};

/// Only podinit's own user and who owns the socket may use it.
const SOCKET_MODE: u32 = 0o600;

/// The servers of a pod. Without a password nothing can be changed through a port; a socket is safe by its rights.
pub fn servers(pod: &Pod) -> Vec<Server> {
    let Some(control) = &pod.control else { return Vec::new() };
    let credentials = control
        .credentials
        .as_ref()
        .map(|(username, password)| Credentials { username: username.clone(), password: password.clone() });
    // Listeners are who it is for.
    let owner = pod.services.values().find(|service| service.listener.is_some()).map(|listener| listener.user.clone());
    let socket = control.socket.as_ref().map(|path| Server {
        listen: Listen::Unix(UnixSocket { path: path.clone(), mode: SOCKET_MODE, owner }),
        credentials: credentials.clone(),
        read_only: false,
    });
    let port = control.port.map(|port| Server {
        listen: Listen::Tcp(TcpPort { host: None, port }),
        read_only: credentials.is_none(),
        credentials,
    });
    socket.into_iter().chain(port).collect()
}

/// The variables by which an event listener knows itself and the way to podinit, as supervisord's do.
pub fn told(pod: &Pod, name: &str, service: &Service) -> Vec<(String, Option<Value>)> {
    if service.listener.is_none() {
        return Vec::new();
    }
    let control = pod.control.as_ref();
    let socket = control.and_then(|control| control.socket.as_ref()).map(|socket| format!("unix://{socket}"));
    let url = socket.or_else(|| control.and_then(|control| control.port).map(|port| format!("http://localhost:{port}")));
    let credentials = control.and_then(|control| control.credentials.clone());
    let (username, password) = credentials.map_or((None, None), |(username, password)| (Some(username), Some(password)));
    let variables = [
        ("SUPERVISOR_ENABLED", Some("1".to_owned())),
        ("SUPERVISOR_PROCESS_NAME", Some(name.to_owned())),
        ("SUPERVISOR_GROUP_NAME", Some(name.to_owned())),
        ("SUPERVISOR_SERVER_URL", url),
        ("SUPERVISOR_USERNAME", username),
        ("SUPERVISOR_PASSWORD", password),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Some(Value::Text(value?))))).collect()
}
