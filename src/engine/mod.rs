//! Where pods run: a Docker engine, reached through bollard.

mod connect;
pub mod container;
pub mod credentials;
mod dial;
mod endpoint;
pub mod exec;
pub mod inspect;
pub mod labels;
pub mod logs;
pub mod network;
pub mod podinit;
pub mod ports;
pub mod secrets;

use bollard::Docker;

/// A connection to an engine; [`Engine::connect`] makes one.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The client; rooms that need a call of their own use it.
    pub docker: Docker,
}
