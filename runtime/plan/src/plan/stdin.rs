//! What the stdin of a service is.

use serde::{Deserialize, Serialize};

/// What descriptor 0 of a service is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stdin {
    /// /dev/null.
    #[default]
    Null,
    /// A pipe that podinit writes to when it is asked to, and that has no end before.
    Pipe,
    /// A socket that podinit listens at before the first start, as FastCGI has it. Services with equal ones share it.
    Socket(Socket),
}

/// A socket that is opened for services.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    /// `unix:///path` or `tcp://host:port`.
    pub address: String,
    /// How many connections wait to be accepted; the kernel's most without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<i32>,
    /// `user` or `user:group`, whose a unix socket is; else its first service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The mode of a unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}
