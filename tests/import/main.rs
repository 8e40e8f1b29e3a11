//! `podctl import`: real configurations, whole projects, and everything that must never happen.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod corpus;
mod nginx;
mod projects;
mod robustness;
mod start;
mod support;
