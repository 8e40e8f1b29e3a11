//! Where podinit can be talked to, besides its own socket.

use serde::{Deserialize, Serialize};

/// A server of podinit's: what its own socket offers, for others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where.
    pub listen: Listen,
    /// Who may; everybody without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Nothing can be changed through it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listen {
    /// On a unix socket.
    Unix(UnixSocket),
    /// On a port.
    Tcp(TcpPort),
}

/// A unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnixSocket {
    /// Absolute.
    pub path: String,
    /// The rights of its file.
    pub mode: u32,
    /// `user` or `user:group`; podinit's own without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// A port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpPort {
    /// A name or an address; all addresses without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its number.
    pub port: u16,
}

/// Name and password of HTTP's basic authentication.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// A template.
    pub username: String,
    /// A template; `{SHA}` and 40 hexadecimal digits are the SHA-1 of the password.
    pub password: String,
}

/// Without the password: what is printed for people ends up in logs.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}
