//! Every kernel call behind traits, one subject each; `nix` and `libc` are named nowhere else.

pub mod attributes;
pub mod capabilities;
pub mod child;
pub mod clock;
pub mod datagrams;
pub mod errnos;
pub mod faulty;
pub mod files;
pub mod glob;
pub mod host;
pub mod polling;
pub mod processes;
pub mod procfs;
pub mod setup;
pub mod signals;
pub mod sockets;
pub mod terminal;
pub mod unix_sockets;

pub use clock::Clock;
pub use datagrams::Datagrams;
pub use faulty::Faulty;
pub use files::Files;
pub use polling::{Interest, Poller, Polling, Token};
pub use processes::Processes;
pub use procfs::ProcFs;
pub use setup::Setup;
pub use signals::Signals;
pub use sockets::Sockets;
pub use terminal::Terminal;
pub use unix_sockets::UnixSockets;

/// The real kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linux;

/// Everything podinit asks of the kernel.
pub trait Sys:
    Files
    + Sockets
    + UnixSockets
    + Datagrams
    + Polling
    + Processes
    + ProcFs
    + Signals
    + Setup
    + Terminal
    + Clock
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Sys for T where
    T: Files
        + Sockets
        + UnixSockets
        + Datagrams
        + Polling
        + Processes
        + ProcFs
        + Signals
        + Setup
        + Terminal
        + Clock
        + Clone
        + Send
        + Sync
        + 'static
{
}
