//! Where the facts come from that criteria judge by. None of them is podinit's word for podinit: they are the kernel's
//! process table, the bytes of the container's log, HTTP from outside, and what the engine knows.

pub mod http;
pub mod image;
pub mod logs;
pub mod processes;
pub mod shell;
