//! podinit: a small static PID 1 for several services in one container.
//!
//! One process, one epoll loop, one state machine; one more thread, which only writes log files.

#![cfg(target_os = "linux")]

pub mod alerts;
pub mod attributes;
pub mod boot;
pub mod check;
pub mod cli;
pub mod client;
pub mod control;
pub mod errands;
pub mod files;
pub mod fill;
pub mod foreground;
pub mod health;
pub mod inputs;
pub mod keeper;
pub mod launch;
pub mod listeners;
pub mod load;
pub mod logs;
pub mod machine;
pub mod memory;
pub mod metrics;
pub mod narrate;
pub mod notify;
pub mod page;
pub mod reach;
pub mod reactor;
pub mod reload;
pub mod rights;
pub mod rpc;
pub mod schedule;
pub mod spawn;
pub mod supervisorctl;
pub mod supervisord;
pub mod sys;
pub mod tree;
pub mod users;
pub mod watch;
pub mod xmlrpc;
