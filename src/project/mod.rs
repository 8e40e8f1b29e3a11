//! The pods of a project: where they are, what has to happen to them in the engine, and how it is done.
//!
//! [`locate`] finds them, [`load`] and [`pods`] load them, [`plan`] compares what is wanted with what the engine has, [`apply`] makes
//! it so, [`wait`] waits until they are ready.

pub mod address;
pub mod apply;
pub mod backing;
pub mod load;
pub mod locate;
pub mod plan;
pub mod pods;
pub mod readiness;
pub mod secrets;
pub mod variables;
pub mod wait;
