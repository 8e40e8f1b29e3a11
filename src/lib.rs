//! podctl: one pod.yaml in, one container image out, in which several processes live under one small, correct PID 1.
//!
//! The rooms, from the inside out: [`spec`] reads pod.yaml, [`render`] makes an image's files of it, [`image`] builds,
//! [`engine`] runs, [`project`] brings pods up and down, [`acceptance`] proves them, [`import`] makes a pod.yaml of other
//! tools' files, [`commands`] is what a user calls.

pub mod acceptance;
pub mod cli;
pub mod commands;
pub mod engine;
pub mod failure;
pub mod image;
pub mod import;
pub mod project;
pub mod render;
pub mod spec;
pub mod ui;
