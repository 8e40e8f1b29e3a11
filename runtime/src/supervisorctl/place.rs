//! Where the server is: on the command line, in a configuration, or this container's podinit.

use super::options::Given;
use super::server::{Server, Trouble};
use crate::supervisord;
use crate::sys::unix_sockets::{Address, control_addresses};
use crate::sys::{Linux, UnixSockets};
use podinit_plan::supervisord::SERVER_URL;
use std::path::{Component, Path, PathBuf};

/// The server, and the prompt of the shell.
pub(super) fn find(given: &Given) -> Result<(Server, String), String> {
    let file = given.configuration.as_ref().map(PathBuf::from).or_else(supervisord::usual_place);
    let mut server = Server { url: SERVER_URL.to_owned(), username: None, password: None };
    let mut prompt = "supervisor".to_owned();
    if let Some(file) = file {
        if !file.exists() {
            return Err(format!("could not find config file {}", file.display()));
        }
        let client = supervisord::load_client(&file).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            texts.join("\n       ")
        })?;
        prompt = client.prompt;
        let url = match client.serverurl.strip_prefix("unix://") {
            Some(path) => format!("unix://{}", normalized(path).display()),
            None => client.serverurl,
        };
        server = Server { url, username: client.username, password: client.password };
    }
    if let Some(url) = &given.serverurl {
        server.url.clone_from(url);
    } else if given.configuration.is_none()
        && matches!(server.connect(), Err(Trouble::Missing | Trouble::Refused))
        && let Some(url) = own_podinit()
    {
        // A pod of pod.yaml has no configuration, or one that was left in its image and nobody runs.
        server = Server { url, username: None, password: None };
    }
    server.username = given.username.clone().or(server.username);
    server.password = given.password.clone().or(server.password);
    Ok((server, prompt))
}

/// The control socket of the podinit of this container, if it runs.
fn own_podinit() -> Option<String> {
    let addresses = control_addresses(Linux.pid_namespace().ok()?);
    let address = addresses.into_iter().find(|address| Linux.connect_unix(address).is_ok())?;
    Some(match address {
        Address::Path(path) => format!("unix://{}", path.display()),
        Address::Abstract(name) => format!("unix://@{name}"),
    })
}

/// A path from the root on, without `.` and `..`; `~` is HOME.
fn normalized(path: &str) -> PathBuf {
    let path = match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    };
    let mut normal = PathBuf::new();
    for component in std::path::absolute(&path).unwrap_or(path).components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}
