//! What podctl tells podinit, and what podinit answers.
//!
//! podctl compiles `pod.yaml` to a [`plan::Plan`], podinit runs it; both speak [`protocol`] at run time.
//! Nothing in this crate does I/O or needs libc, so it builds for every host that podctl runs on.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod address;
pub mod alert;
pub mod calendar;
pub mod capability;
pub mod dotenv;
pub mod order;
pub mod plan;
pub mod protocol;
pub mod schedule;
pub mod signal;
pub mod state;
pub mod supervisord;
pub mod template;
pub mod ulimit;
pub mod units;
pub mod words;
