//! What a sink is still to be told as a file, so that it is told after a restart of the pod. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use super::Date;
use super::gate::Gate;
use super::queue::{Queue, Waiting};
use podinit_plan::alert::{Alert, AlertStatus};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The largest file that is read.
pub const LARGEST: u64 = 8 * 1024 * 1024;

/// What is in a file.
#[derive(Debug, Deserialize)]
pub struct Stored {
    waiting: Vec<StoredAlert>,
    /// By key, when the last one passed, and whether it was told to be well again.
    passed: BTreeMap<String, (Date, bool)>,
}

#[derive(Debug, Deserialize)]
struct StoredAlert {
    since: Date,
    /// An alert; of a podinit that knew more, or less, perhaps, and handed on as it is.
    alert: serde_json::Value,
}

/// The file.
pub fn write(queue: &Queue, gate: &Gate) -> Vec<u8> {
    let mut text = String::from("{\"waiting\":[");
    for (number, Waiting { json, since, .. }) in queue.all().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        text.push_str(&format!("{comma}\n{{\"since\":{since},\"alert\":"));
        text.push_str(json);
        text.push('}');
    }
    text.push_str("],\n\"passed\":");
    // Numbers and texts are always JSON.
    text.push_str(&serde_json::to_string(&gate.memory()).unwrap_or_default());
    text.push_str("}\n");
    text.into_bytes()
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(bytes: &[u8]) -> Result<Stored, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

impl Stored {
    /// Gives what is in it to a queue and a gate.
    pub fn fill(self, queue: &mut Queue, gate: &mut Gate) {
        gate.remember(self.passed);
        for StoredAlert { since, alert } in self.waiting {
            let Some(key) = alert["key"].as_str().map(str::to_owned) else { continue };
            let is_resolution = alert["status"] == "resolved";
            drop(queue.push(Waiting { key, is_resolution, json: alert.to_string(), since }));
        }
    }
}

/// An alert that waits.
pub fn waiting(alert: &Alert, since: Date) -> Waiting {
    Waiting {
        key: alert.key.clone(),
        is_resolution: alert.status == AlertStatus::Resolved,
        // It has nothing that JSON does not know.
        json: serde_json::to_string(alert).unwrap_or_default(),
        since,
    }
}
