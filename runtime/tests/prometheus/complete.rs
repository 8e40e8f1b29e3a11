//! Figures in which there is everything.

use podinit::health::latency::Latency;
use podinit::logs::Counters;
use podinit::metrics::{Figures, Service};
use podinit::sys::procfs::OwnUsage;
use podinit_plan::protocol::{ServiceStatus, Status};
use std::time::Duration;

const STATUS: &str = r#"{
    "pod": "shop", "version": "0.1.0", "ready": true, "uptime_ms": 60000, "longest_turn_us": 1800, "long_turns": 0,
    "memory": { "bytes": 1000, "peak_bytes": 2000, "limit_bytes": 4000, "of_bytes": 4000, "oom_kills": 1, "pressure": 12.5 },
    "alerts": { "slack": { "sent": 3, "failed": 2, "pending": 1, "suppressed": 9 }, "fi\"le": { "sent": 1, "failed": 0, "pending": 0 } },
    "services": [
        { "name": "job", "state": "done", "last_exit": { "signal": 9 } },
        { "name": "web", "state": "ready", "essential": true, "pid": 7, "incarnation": 2, "restarts": 1, "last_exit": { "code": 3 },
          "usage": { "memory_bytes": 100, "peak_memory_bytes": 200, "limit_bytes": 300, "cpu_ms": 1500, "processes": 2, "threads": 5 } }
    ]
}"#;

/// Everything.
pub fn figures() -> Figures {
    let mut status: Status = serde_json::from_str(STATUS).unwrap();
    let services = std::mem::take(&mut status.services).into_iter().map(|status: ServiceStatus| {
        let is_web = status.name == "web";
        let mut latency = Latency::default();
        latency.observe(900, true);
        latency.observe(1_000_000, true);
        latency.observe(8_000_000, false);
        Service {
            uptime_ms: is_web.then_some(12_345),
            startup_ms: is_web.then_some(678),
            latency: is_web.then_some(latency),
            output: Counters { bytes: 1_000, lines: 10, dropped_by_container: 1, dropped_by_files: 2 },
            status,
        }
    });
    Figures {
        services: services.collect(),
        status,
        started: Duration::from_millis(1_700_000_000_123),
        own: Some(OwnUsage { resident_bytes: 1 << 20, cpu_us: 1_234 }),
        nginx: Some(Some([2, 7, 6, 12, 0, 1, 3])),
    }
}
