//! podinit, the built program, as PID 1 of real pods: real processes in PID namespaces of their own. Every test waits
//! for events or states, never for a time.

mod alerts;
mod attributes;
mod differential;
mod endurance;
mod files;
mod foreground;
mod frozen_disk;
mod health;
mod hooks;
mod interface;
mod lifecycle;
mod listeners;
mod logs;
mod memory;
mod metrics;
mod notify;
mod privileges;
mod processes;
mod reach;
mod schedule;
mod signals;
mod supervisorctl;
mod supervisord;
mod support;
mod surfaces;
mod terminal;
mod watch;
