//! Who is told when something is wrong.

use super::{Command, Value};
use crate::alert::AlertKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where alerts go, and how many of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Those who are told, by name.
    pub sinks: BTreeMap<String, Sink>,
    /// The same alert is not sent again for so long; how often it would have been is said with the next.
    pub repeat_ms: u64,
    /// Alerts of one service within [`Alerts::rate_ms`]; those beyond are counted and said with the next.
    pub rate: u32,
    /// See [`Alerts::rate`].
    pub rate_ms: u64,
    /// A folder, absolute, that keeps what was not delivered yet over a restart of the pod, where a volume is mounted
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Names of variables whose values no alert shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

impl Alerts {
    /// All texts that may hold `${VAR}`.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.sinks.values().flat_map(|sink| sink.to.templates())
    }
}

impl Target {
    /// All texts that may hold `${VAR}`.
    #[must_use]
    pub fn templates(&self) -> Vec<&str> {
        match self {
            Target::File { .. } => Vec::new(),
            Target::Command { command, user } => command.texts().chain(user.as_deref()).collect(),
            Target::Http(_) | Target::Smtp(_) => self.values().into_iter().map(Value::text).collect(),
        }
    }

    /// All values that podinit-deliver is given.
    #[must_use]
    pub fn values(&self) -> Vec<&Value> {
        match self {
            Target::Http(HttpTarget { url, headers, values, .. }) => {
                std::iter::once(url).chain(headers.values()).chain(values.values()).collect()
            }
            Target::Smtp(SmtpTarget { server, from, to, .. }) => [server, from].into_iter().chain(to).collect(),
            Target::File { .. } | Target::Command { .. } => Vec::new(),
        }
    }

    /// Whether there is nobody to be told once it is filled in: its address, or a key that it needs, is empty, or is
    /// only what podctl adds to it.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        let is_empty = |value: &Value| matches!(value, Value::Text(text) if text.is_empty());
        match self {
            Target::Http(HttpTarget { url, values, .. }) => {
                let has_no_host = matches!(url, Value::Text(text) if text.is_empty() || text.starts_with('/'));
                has_no_host || values.values().any(is_empty)
            }
            Target::Smtp(SmtpTarget { server, to, .. }) => is_empty(server) || to.iter().all(is_empty),
            Target::File { .. } | Target::Command { .. } => false,
        }
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> Vec<&mut Value> {
        match self {
            Target::Http(HttpTarget { url, headers, values, .. }) => {
                std::iter::once(url).chain(headers.values_mut()).chain(values.values_mut()).collect()
            }
            Target::Smtp(SmtpTarget { server, from, to, .. }) => [server, from].into_iter().chain(to).collect(),
            Target::File { .. } | Target::Command { .. } => Vec::new(),
        }
    }
}

/// One who is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// How.
    pub to: Target,
    /// Of what; of everything when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<AlertKind>,
    /// Whether the last lines of the service go along.
    pub lines: bool,
    /// The longest that one attempt may take.
    pub timeout_ms: u64,
}

/// How somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// A line of JSON in a file.
    File {
        /// Absolute.
        path: String,
        /// It is rotated before it would be larger; 0: never.
        max_size_bytes: u64,
        /// How many files there are, the present one included.
        max_files: u32,
    },
    /// A command that gets the alert as JSON on its stdin; 0 means delivered.
    Command {
        /// The command.
        command: Command,
        /// Its user; podinit's own without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
    /// A request by HTTP or HTTPS, made by podinit-deliver.
    Http(HttpTarget),
    /// A mail, sent by podinit-deliver.
    Smtp(SmtpTarget),
}

/// A request by HTTP or HTTPS. 2xx means delivered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTarget {
    /// `POST` or `PUT`.
    pub method: String,
    /// Where to; its text is a template of variables, and often secret as a whole.
    pub url: Value,
    /// Headers; templates of variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Value>,
    /// Values that the body may use as `values.NAME`, such as a key; templates of variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Value>,
    /// The body: a minijinja template with `alert` and `values`; podinit-deliver fills it in.
    pub body: String,
    /// Whether it wants to know when something is well again.
    pub resolves: bool,
    /// A file of certificates, absolute, that are trusted besides the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpTarget {
    /// `smtp://[USER:PASSWORD@]HOST[:PORT]`, with STARTTLS where it is offered, or `smtps://`; a template of variables.
    pub server: Value,
    /// The sender; a template of variables.
    pub from: Value,
    /// Who gets it; templates of variables.
    pub to: Vec<Value>,
    /// The subject: a minijinja template with `alert`.
    pub subject: String,
    /// The text: a minijinja template with `alert`.
    pub body: String,
    /// Whether it wants to know when something is well again.
    pub resolves: bool,
    /// A file of certificates, absolute, that are trusted besides the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}
