//! Alerts: from what happens in the pod to what people are told.
//!
//! [`signs`] finds what somebody should know of among all that happens, and [`sentence`] says it. [`blank`] takes secrets
//! out. Each [`sink`] has a [`gate`], so that nobody is told the same all the time, and a [`queue`] of what it was not told
//! yet; [`store`] is that queue as a file. All of these are pure. [`desk`] has the alerts delivered: [`couriers`] are the
//! processes that do it, log files are written by the thread of the logs.

pub mod blank;
mod book;
pub mod couriers;
pub mod desk;
mod gate;
mod queue;
mod sentence;
mod signs;
mod sink;
mod store;
#[cfg(test)]
mod tests;

pub use book::{Book, Particulars};

/// Milliseconds since 1970 when podinit started, and from then on those that have passed: never set back, and the same
/// after a restart of the pod.
pub type Date = u64;
