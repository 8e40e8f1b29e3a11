//! Services that are told of events.

use serde::{Deserialize, Serialize};

/// What an event listener is told, and with whom it shares that.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Each event goes to one of the listeners of a pool; the pool's events and buffer are those of its first.
    pub pool: String,
    /// What they are told of: supervisord's names of events, in upper case.
    pub events: Vec<String>,
    /// How many events wait when all are busy; then the oldest is discarded.
    pub buffer_size: u64,
}
