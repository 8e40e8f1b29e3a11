//! Who is told when something is wrong.

use super::Command;
use indexmap::IndexMap;
use podinit_plan::alert::AlertKind;
use podinit_plan::plan::Value;
use std::path::Path;

/// Where alerts go, and how many of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    /// Those who are told, by name; the file is one of them.
    pub sinks: IndexMap<String, AlertSink>,
    /// The same alert is not sent again for so long.
    pub repeat_ms: u64,
    /// Alerts of one service within [`Alerts::rate_ms`].
    pub rate: u32,
    /// See [`Alerts::rate`].
    pub rate_ms: u64,
    /// A folder in the container for what was not delivered yet; absolute.
    pub queue: Option<String>,
    /// Variables whose values no alert shows, besides those that podctl knows to be secret.
    pub secrets: Vec<String>,
}

impl Alerts {
    /// The folders that podinit writes to.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let files = self.sinks.values().filter_map(|sink| match &sink.to {
            AlertTarget::File { path, .. } => Path::new(path).parent()?.to_str(),
            _ => None,
        });
        files.filter(|folder| !["/", "/tmp"].contains(folder)).chain(self.queue.as_deref())
    }

    /// The users of commands that are told; templates.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.sinks.values().filter_map(|sink| match &sink.to {
            AlertTarget::Command { user, .. } => Some(user.as_str()),
            _ => None,
        })
    }
}

/// One who is told.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertSink {
    /// How.
    pub to: AlertTarget,
    /// Of what; of everything when empty.
    pub on: Vec<AlertKind>,
    /// Whether the last lines of the service go along.
    pub lines: bool,
    /// Whether it wants to know when something is well again.
    pub resolved: bool,
    /// The longest that one attempt may take.
    pub timeout_ms: u64,
    /// A file of certificates in the container that are trusted besides the usual ones; absolute.
    pub ca: Option<String>,
}

/// How somebody is told. Values are templates, or in files.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertTarget {
    /// Lines of JSON in a file of the container.
    File {
        /// Absolute.
        path: String,
        /// It is rotated before it would be larger.
        max_size_bytes: u64,
        /// How many files there are, the present one included.
        max_files: u32,
    },
    /// Slack, or what takes the same; the URL of a webhook.
    Slack(Value),
    /// PagerDuty's Events API v2.
    PagerDuty {
        /// The integration key.
        key: Value,
        /// Where its API is.
        url: Value,
    },
    /// Alertmanager; its address.
    Alertmanager(Value),
    /// Whoever takes a request.
    Webhook {
        /// Where to.
        url: Value,
        /// `POST` or `PUT`.
        method: String,
        /// Headers.
        headers: IndexMap<String, Value>,
        /// The body, a template with `alert`; the alert as JSON without one.
        body: Option<String>,
    },
    /// A mail.
    Email {
        /// `smtp://` or `smtps://`.
        server: Value,
        /// The sender.
        from: Value,
        /// Who gets it.
        to: Vec<Value>,
    },
    /// A command.
    Command {
        /// The command.
        command: Command,
        /// Its user; a template.
        user: String,
    },
}
