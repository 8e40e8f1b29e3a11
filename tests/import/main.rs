//! `podctl import`: real configurations, whole projects, and everything that must never happen.

mod corpus;
mod projects;
mod robustness;
mod start;
mod support;
